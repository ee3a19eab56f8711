package daemon

import (
	"crypto/x509"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/poll"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/mapping"
)

// connected are the sources and sinks of a node.
type connected struct {
	components []component
	sources    []func() client.SourceStatus
	sinks      []func() client.SinkStatus
	control    pipeline.Control
}

// connectors makes the sources and sinks that the document names; nothing is connected yet.
func (d *daemon) connectors(n *graph.Graph) (c connected, err error) {
	switches := n.Coordinator()
	c.control = pipeline.Control{Switches: switches, Sources: map[string]*pipeline.Source{}, Sinks: map[string]*pipeline.Sink{}, Letters: n}
	for _, s := range d.Sinks {
		to, err := d.sink(s, n)
		if err != nil {
			return c, fmt.Errorf("sink %q: %w", s.Name, err)
		}
		sink := pipeline.NewSink(n, to, pipeline.SinkConfig{Name: s.Name, Switches: switches, Place: n, Logger: d.log})
		c.components = append(c.components, component{"sink " + s.Name, sink.Run})
		c.sinks = append(c.sinks, func() client.SinkStatus { return sinkStatus(s, sink, switches.State()) })
		c.control.Sinks[s.Name] = sink
	}
	for _, s := range d.Sources {
		from, err := d.source(s, n)
		if err != nil {
			return c, fmt.Errorf("source %q: %w", s.Name, err)
		}
		mapped, err := d.mapped(s, n)
		if err != nil {
			return c, fmt.Errorf("source %q: %w", s.Name, err)
		}
		source := pipeline.NewSource(n, from, pipeline.SourceConfig{Name: s.Name, Map: mapped, Switches: switches, Logger: d.log})
		c.components = append(c.components, component{"source " + s.Name, source.Run})
		c.sources = append(c.sources, func() client.SourceStatus { return sourceStatus(s, source, switches.State()) })
		c.control.Sources[s.Name] = source
	}
	return c, nil
}

// mapped returns what makes changes of a source's messages; nil if they are changes.
func (d *daemon) mapped(s config.Source, n *graph.Graph) (func(connector.Message) (graph.Submission, error), error) {
	if topics, ok := s.Settings.(*config.KafkaSource); ok && topics.Record == stateRecord {
		return replacing(n), nil
	}
	if s.Mapping == "" {
		return nil, nil
	}
	m, err := d.Mappings.Get(s.Mapping)
	if err != nil {
		return nil, err
	}
	settings, polled := s.Settings.(*config.PollSource)
	if polled && settings.What == whatState { // its messages are the differences
		return nil, nil
	}
	return func(msg connector.Message) (graph.Submission, error) {
		if polled && msg.Stream == poll.Seen {
			return graph.Submission{MediaType: msg.MediaType, Body: msg.Body}, nil
		}
		body, media, err := m.Append(nil, mapping.Message{Body: msg.Body, Vars: varsOf(s.Name, msg)})
		return graph.Submission{MediaType: media, Body: body}, err
	}, nil
}

// varsOf is what a mapping can know of a message besides its body.
func varsOf(source string, msg connector.Message) map[string]string {
	vars := map[string]string{"source": source, "stream": msg.Stream, "media-type": msg.MediaType}
	if msg.Stream != "" {
		vars["offset"] = strconv.FormatUint(msg.Offset, 10)
	}
	if !msg.Time.IsZero() {
		vars["time"] = msg.Time.UTC().Format(time.RFC3339Nano)
	}
	if msg.Vars != nil {
		maps.Insert(vars, msg.Vars)
	}
	return vars
}

// sink makes a sink; n is nil where it is only checked.
func (d *daemon) sink(s config.Sink, n *graph.Graph) (connector.Sink, error) {
	switch settings := s.Settings.(type) {
	case *config.FileSink:
		return d.fileSink(settings)
	case *config.KafkaSink:
		return d.kafkaSink(s.Name, settings, n)
	case *config.OPCUASink:
		return d.opcuaSink(settings, n)
	case *config.NATSSink:
		return d.natsSink(s.Name, settings)
	case *config.MQTTSink:
		return d.mqttSink(s.Name, settings)
	case *config.SPARQLSink:
		return d.sparqlSink(s.Name, settings)
	case *config.WebhookSink:
		return webhookSink(settings)
	}
	return nil, fmt.Errorf("type %q is not built in", s.Type)
}

// rootsOf reads the certificates to trust; nil, if there is no file, are the system's.
func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	return client.ReadRoots(file)
}

// source makes a source; n is nil where it is only checked.
func (d *daemon) source(s config.Source, n *graph.Graph) (connector.Source, error) {
	switch settings := s.Settings.(type) {
	case *config.DeltaSource:
		return deltaSource(settings)
	case *config.FileSource:
		return d.fileSource(s.Mapping != "", settings)
	case *config.HTTPSource:
		return httpSource(settings)
	case *config.KafkaSource:
		return d.kafkaSource(s.Name, s.Mapping != "", settings)
	case *config.PollSource:
		return d.pollSource(s, settings, n)
	case *config.OPCUASource:
		return d.opcuaSource(s.Mapping != "", settings, n)
	case *config.NATSSource:
		return d.natsSource(s.Name, settings)
	case *config.MQTTSource:
		return d.mqttSource(s.Name, s.Mapping != "", settings)
	case *config.SPARQLSource:
		return sparqlSource(settings, n)
	case *config.SSESource:
		return sseSource(s, settings)
	}
	return nil, fmt.Errorf("type %q is not built in", s.Type)
}
