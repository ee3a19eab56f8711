package daemon

import (
	"cmp"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// maxKafka bounds the sizes that Kafka counts in 32 bits, and that are held at once.
const maxKafka = 64 << 20

func (d *daemon) kafkaSource(name string, mapped bool, s *config.KafkaSource) (connector.Source, error) {
	connection, err := kafkaConnection(&s.KafkaConnection)
	if err != nil {
		return nil, err
	}
	if err := checkFormat(s.Format, graph.MediaTypes()); err != nil {
		return nil, err
	}
	if s.MaxFetch < 1 || s.MaxFetch > maxKafka || s.MaxMessages < 1 {
		return nil, fmt.Errorf("max-fetch: expected 1 to %d bytes, max-messages: 1 or more", maxKafka)
	}
	return kafka.NewSource(kafka.SourceConfig{Connection: connection, Topics: s.Topics, Regex: s.Regex,
		Group: cmp.Or(s.Group, d.Pipeline.Name+"."+name), Member: s.Member, Classic: s.Protocol == "classic", Start: s.Start, Offsets: s.Offsets,
		SkipGaps: s.OnGap == "skip", MediaType: s.Format, Tombstones: mapped, MaxFetch: int(s.MaxFetch), MaxMessages: s.MaxMessages, Logger: d.log})
}

func (d *daemon) kafkaSink(name string, s *config.KafkaSink) (connector.Sink, error) {
	connection, err := kafkaConnection(&s.KafkaConnection)
	if err != nil {
		return nil, err
	}
	if s.MaxMessage < 1 || s.MaxMessage > maxKafka {
		return nil, fmt.Errorf("max-message: expected 1 to %d bytes", maxKafka)
	}
	return kafka.NewSink(kafka.SinkConfig{Connection: connection, Topic: s.Topic, Name: d.Pipeline.Name + "/" + name, Shards: d.Pipeline.Shards,
		Positions: s.Positions, PerSubject: s.Record == "subject", Binary: s.Format == "binary", MaxMessage: int(s.MaxMessage), Logger: d.log})
}

// kafkaConnection reads the files that a connection names.
func kafkaConnection(c *config.KafkaConnection) (kafka.Connection, error) {
	connection := kafka.Connection{Brokers: c.Brokers, Mechanism: c.SASLMechanism, User: c.SASLUser, Password: string(c.SASLPassword),
		Token: string(c.SASLToken)}
	var err error
	connection.TLS, err = tlsOf(c.TLS, &c.TLSFiles)
	return connection, err
}
