package daemon

import (
	"cmp"
	"fmt"
	"os"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/nats"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// maxNATS bounds what is held at once: NATS has no larger messages.
const maxNATS = 64 << 20

// maxNATSMessages bounds the messages that are held at once.
const maxNATSMessages = 1_000_000

func (d *daemon) natsSource(name string, s *config.NATSSource) (connector.Source, error) {
	connection, err := natsConnection(&s.NATSConnection)
	if err != nil {
		return nil, err
	}
	if err := checkFormat(s.Format, graph.MediaTypes()); err != nil {
		return nil, err
	}
	if s.MaxFetch < 1 || s.MaxFetch > maxNATS || s.MaxMessages < 1 || s.MaxMessages > maxNATSMessages {
		return nil, fmt.Errorf("max-fetch: expected 1 to %d bytes, max-messages: 1 to %d", maxNATS, maxNATSMessages)
	}
	cfg := nats.SourceConfig{Connection: connection, Stream: s.Stream, Subjects: s.Subjects, Consumer: s.Consumer, Start: s.Start,
		SkipGaps: s.OnGap == "skip", Queue: s.Queue, MediaType: s.Format, MaxFetch: int(s.MaxFetch), MaxMessages: s.MaxMessages, Logger: d.log}
	if err := checkNATSMode(s.Mode, s.Stream); err != nil {
		return nil, err
	}
	if s.Mode != "core" {
		cfg.Consumer = cmp.Or(s.Consumer, d.Pipeline.Name+"-"+name)
	}
	return nats.NewSource(cfg)
}

func (d *daemon) natsSink(name string, s *config.NATSSink) (connector.Sink, error) {
	connection, err := natsConnection(&s.NATSConnection)
	if err != nil {
		return nil, err
	}
	if err := checkNATSMode(s.Mode, s.Stream); err != nil {
		return nil, err
	}
	cfg := nats.SinkConfig{Connection: connection, Stream: s.Stream, Subject: s.Subject, Claims: s.Claims,
		Name: d.Pipeline.Name + "-" + name, PerSubject: s.Record == "subject", Binary: s.Format == "binary", Logger: d.log}
	if s.Mode == "core" {
		return nats.NewCoreSink(cfg)
	}
	return nats.NewSink(cfg)
}

// checkNATSMode reports a stream that lacks, or is none.
func checkNATSMode(mode, stream string) error {
	if (mode == "core") == (stream == "") {
		return nil
	}
	return fmt.Errorf("mode %s and stream %q: a stream is of jetstream, which needs one", mode, stream)
}

// natsConnection reads the files that a connection names.
func natsConnection(c *config.NATSConnection) (nats.Connection, error) {
	connection := nats.Connection{Servers: c.Servers, User: c.User, Password: string(c.Password), Token: string(c.Token),
		Credentials: c.Credentials, NKey: c.NKey}
	for _, path := range []string{c.Credentials, c.NKey} {
		if path == "" {
			continue
		}
		if _, err := os.ReadFile(path); err != nil {
			return connection, err
		}
	}
	var err error
	connection.TLS, err = tlsOf(c.TLS, &c.TLSFiles)
	return connection, err
}
