package daemon

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/mqtt"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// sparkplugFormat is the format of messages that are Sparkplug B.
const sparkplugFormat = "sparkplug"

func (d *daemon) mqttSource(name string, mapped bool, s *config.MQTTSource) (connector.Source, error) {
	connection, err := mqttConnection(&s.MQTTConnection)
	if err != nil {
		return nil, err
	}
	sparkplug := s.Format == sparkplugFormat
	if err := checkFormat(s.Format, graph.MediaTypes(), sparkplugFormat); err != nil {
		return nil, err
	}
	if sparkplug && !mapped {
		return nil, errors.New("format sparkplug: it needs a mapping, which makes changes of its documents")
	}
	if s.MaxMessage < 1 || s.MaxAhead < 1 || s.MaxMessages < 1 || s.ReceiveMaximum < 1 || s.SessionExpiry < 1 || s.Rebirth < 1 {
		return nil, errors.New("max-message, max-ahead, max-messages, receive-maximum, session-expiry and rebirth: expected more than 0")
	}
	return mqtt.NewSource(mqtt.SourceConfig{Connection: connection, Topics: s.Topics, ClientID: d.mqttClient(name, &s.MQTTConnection),
		QoS: s.QoS, IgnoreRetained: s.Retained == "ignore", SessionExpiry: s.SessionExpiry, ReceiveMaximum: s.ReceiveMaximum,
		MediaType: s.Format, MaxMessage: int(s.MaxMessage), MaxAhead: int(s.MaxAhead), MaxMessages: s.MaxMessages,
		Sparkplug: sparkplug, HostID: s.HostID, SkipUnborn: s.Unborn == "skip", Rebirth: s.Rebirth, Logger: d.log})
}

func (d *daemon) mqttSink(name string, s *config.MQTTSink) (connector.Sink, error) {
	connection, err := mqttConnection(&s.MQTTConnection)
	if err != nil {
		return nil, err
	}
	if s.Positions == "" {
		return nil, errors.New("positions: expected a topic")
	}
	positions := s.Positions + "/" + mqtt.Level(d.Pipeline.Name) + "/" + mqtt.Level(name)
	return mqtt.NewSink(mqtt.SinkConfig{Connection: connection, Topic: s.Topic, ClientID: d.mqttClient(name, &s.MQTTConnection),
		Positions: positions, QoS: s.QoS, Retain: s.Retain, PerSubject: s.Record == "subject", Binary: s.Format == "binary", Logger: d.log})
}

// mqttClient is the name of a session.
func (d *daemon) mqttClient(name string, c *config.MQTTConnection) string {
	return cmp.Or(c.ClientID, d.Pipeline.Name+"."+name)
}

// mqttConnection reads the files that a connection names.
func mqttConnection(c *config.MQTTConnection) (mqtt.Connection, error) {
	secure, err := tlsOf(c.TLS, &c.TLSFiles)
	connection := mqtt.Connection{Address: c.Address, TLS: secure, User: c.User, Password: string(c.Password), KeepAlive: c.KeepAlive}
	if c.Protocol == "3.1.1" {
		connection.Version = mqtt.V311
	}
	if err == nil && c.KeepAlive <= 0 {
		err = fmt.Errorf("keep-alive %v: expected more than 0", c.KeepAlive)
	}
	return connection, err
}
