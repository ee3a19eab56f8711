package daemon

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// maxKafka bounds the sizes that Kafka counts in 32 bits, and that are held at once.
const maxKafka = 64 << 20

func (d *daemon) kafkaSource(name string, mapped bool, s *config.KafkaSource) (connector.Source, error) {
	connection, err := kafkaConnection(&s.KafkaConnection)
	if err != nil {
		return nil, err
	}
	format, err := d.kafkaFormat(mapped, s)
	if err != nil {
		return nil, err
	}
	if s.MaxFetch < 1 || s.MaxFetch > maxKafka || s.MaxMessages < 1 {
		return nil, fmt.Errorf("max-fetch: expected 1 to %d bytes, max-messages: 1 or more", maxKafka)
	}
	return kafka.NewSource(kafka.SourceConfig{Connection: connection, Topics: s.Topics, Regex: s.Regex,
		Group: cmp.Or(s.Group, d.Pipeline.Name+"."+name), Member: s.Member, Classic: s.Protocol == "classic", Start: s.Start, Offsets: s.Offsets,
		SkipGaps: s.OnGap == "skip", MediaType: format, Tombstones: mapped || s.Record == stateRecord, MaxFetch: int(s.MaxFetch), MaxMessages: s.MaxMessages, Logger: d.log})
}

// stateRecord: a record of a topic is all that there is of its key's subject.
const stateRecord = "state"

// kafkaFormat is what messages are that don't say it.
func (d *daemon) kafkaFormat(mapped bool, s *config.KafkaSource) (string, error) {
	if s.Record != stateRecord {
		format := cmp.Or(s.Format, graph.TypePatch)
		return format, checkFormat(format, graph.MediaTypes())
	}
	if mapped {
		return "", errors.New("record: state is RDF: expected no mapping, which says by itself what is replaced")
	}
	format := cmp.Or(s.Format, rdfio.NQuads.MediaType())
	return format, cmp.Or(checkFormat(format, graph.StateTypes()), d.checkStates())
}

// replacing makes of a record that is the state of a subject, its key, what replaces that.
func replacing(n *graph.Graph) func(connector.Message) (graph.Submission, error) {
	return func(msg connector.Message) (graph.Submission, error) {
		key, known := varsOf("", msg)["key"]
		if !known {
			return graph.Submission{}, errors.New("the record has no key, which says whose state it is")
		}
		return n.Replacement(key, graph.Submission{MediaType: msg.MediaType, Body: msg.Body})
	}
}

// checkStates reports a pipeline whose subjects are not each in one shard.
func (d *daemon) checkStates() error {
	if d.Pipeline.Key == string(graph.Named) {
		return errors.New("record: state needs a pipeline with key: subject or dataset; with key: graph a subject is in several shards")
	}
	return nil
}

func (d *daemon) kafkaSink(name string, s *config.KafkaSink, n *graph.Graph) (connector.Sink, error) {
	connection, err := kafkaConnection(&s.KafkaConnection)
	if err != nil {
		return nil, err
	}
	if s.MaxMessage < 1 || s.MaxMessage > maxKafka {
		return nil, fmt.Errorf("max-message: expected 1 to %d bytes", maxKafka)
	}
	cfg := kafka.SinkConfig{Connection: connection, Topic: s.Topic, Name: d.Pipeline.Name + "/" + name, Shards: d.Pipeline.Shards,
		Positions: s.Positions, PerSubject: s.Record == "subject", Binary: s.Format == "binary", MaxMessage: int(s.MaxMessage), Logger: d.log}
	isPatch := s.Format == "text" || s.Format == "binary"
	switch {
	case s.Record != stateRecord && s.Format != "" && !isPatch:
		return nil, fmt.Errorf("format: %s has no deletions: expected text or binary, or record: state", s.Format)
	case s.Record == stateRecord && isPatch:
		return nil, fmt.Errorf("format: %s is RDF Patch, and a state is no change: expected nquads, trig or jsonld", s.Format)
	case s.Record == stateRecord:
		if err := d.checkStates(); err != nil {
			return nil, err
		}
		cfg.States = cmp.Or(rdfio.Format(s.Format), rdfio.NQuads)
		cfg.View = n.SearchedViewAt
	}
	return kafka.NewSink(cfg)
}

// kafkaConnection reads the files that a connection names.
func kafkaConnection(c *config.KafkaConnection) (kafka.Connection, error) {
	connection := kafka.Connection{Brokers: c.Brokers, Mechanism: c.SASLMechanism, User: c.SASLUser, Password: string(c.SASLPassword),
		Token: string(c.SASLToken)}
	var err error
	connection.TLS, err = tlsOf(c.TLS, &c.TLSFiles)
	return connection, err
}
