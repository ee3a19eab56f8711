package nats

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// CoreSink publishes deltas to those who listen. Make it with [NewCoreSink]. It may be used concurrently.
type CoreSink struct{ cfg SinkConfig }

var _ connector.Placeless = (*CoreSink)(nil)

// NewCoreSink checks the configuration, which names neither a stream nor claims, and returns a sink; it connects to nothing.
func NewCoreSink(cfg SinkConfig) (*CoreSink, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Stream != "" || cfg.Claims != "" {
		return nil, errors.New("nats: core NATS has no stream and no claims")
	}
	return &CoreSink{cfg: cfg}, nil
}

// Promise is [connector.AtLeastOnce], as far as the connection.
func (s *CoreSink) Promise() connector.Promise { return connector.AtLeastOnce }

// Open connects; the log is published from its start.
func (s *CoreSink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	return s.OpenAt(ctx, shard, engine.Mark{})
}

// OpenAt connects; the log is published from behind the record of the mark.
func (s *CoreSink) OpenAt(ctx context.Context, shard int, at engine.Mark) (connector.Writer, error) {
	l, err := s.cfg.Connection.connect(ctx, s.cfg.Logger)
	if err != nil {
		return nil, err
	}
	return &coreWriter{link: l, messages: messages{cfg: &s.cfg, shard: shard}, at: at}, nil
}

// coreWriter publishes the deltas of one shard to those who listen. It is used by one goroutine.
type coreWriter struct {
	*link
	messages
	at engine.Mark
}

// Target is the shard's subject.
func (w *coreWriter) Target() string { return fill(w.cfg.Subject, w.shard, "*") }

// At is the last delta that the server has read.
func (w *coreWriter) At() engine.Mark { return w.at }

// Write publishes the messages of all records, and waits for the server to have read them.
func (w *coreWriter) Write(ctx context.Context, records []connector.Record) error {
	after := w.at.Position
	for i := range records {
		list, err := w.of(&records[i], after)
		if err != nil {
			return err
		}
		for _, msg := range list {
			err := w.PublishMsg(msg)
			if errors.Is(err, nats.ErrMaxPayload) {
				err = fmt.Errorf("delta %d has %d bytes with its headers, and the server takes %d: raise max_payload there: %w",
					records[i].Position, msg.Size(), w.MaxPayload(), err)
			}
			if err != nil {
				return ended(ctx, w.because(err))
			}
		}
		after = records[i].Position
	}
	_, err := ask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, w.FlushWithContext(ctx) })
	if err == nil {
		err = w.LastError() // what isn't permitted is told before the answer
	}
	if err != nil {
		return ended(ctx, w.because(err))
	}
	w.at = records[len(records)-1].Mark
	return nil
}

// Close disconnects.
func (w *coreWriter) Close() error {
	w.Conn.Close()
	return nil
}
