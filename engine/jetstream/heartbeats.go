package jetstream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
)

const (
	// maxInfo bounds Beat.Info, in bytes.
	maxInfo = 1 << 10
	// unheard bounds the beats that wait for a listener; those beyond it are lost.
	unheard = 1024
)

// heartbeats is an [engine.Heartbeats] over core NATS, in JSON.
type heartbeats struct {
	nc      *nats.Conn
	subject string
}

// Beat publishes b. While the connection is lost, beats wait in its buffer; when that is full they are refused.
func (h *heartbeats) Beat(ctx context.Context, b engine.Beat) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(b.Info) > maxInfo {
		return fmt.Errorf("heartbeat of %q: the info has %d bytes, at most %d", b.Node, len(b.Info), maxInfo)
	}
	data, err := json.Marshal(b)
	if err == nil {
		err = h.nc.Publish(h.subject, data)
	}
	if err != nil {
		return fmt.Errorf("heartbeat of %q: %w", b.Node, err)
	}
	return nil
}

// Listen calls fn for what is heard on the subject; what is no beat is left out.
func (h *heartbeats) Listen(ctx context.Context, fn func(engine.Beat)) error {
	heard := make(chan []byte, unheard)
	sub, err := h.nc.Subscribe(h.subject, func(m *nats.Msg) {
		select {
		case heard <- m.Data:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("listen to heartbeats: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for {
		select {
		case data := <-heard:
			var b engine.Beat
			if json.Unmarshal(data, &b) == nil && b.Node != "" {
				fn(b)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
