package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// StreamSink returns the node's sink for streams of an embedder's own. It may be used concurrently.
func (g *Graph) StreamSink() StreamSink { return streamSink{g} }

type streamSink struct{ g *Graph }

// WriteBatch commits messages through the logs of the shards that their quads fall in.
func (s streamSink) WriteBatch(ctx context.Context, batch []Message) (Pressure, error) {
	if p := s.pressure(); p == Stop {
		return p, fmt.Errorf("write %d messages: %w: a shard's queue is full", len(batch), ErrBackPressure)
	}
	var events []event.Addressed
	for i := range batch {
		m := &batch[i]
		if err := m.Check(); err != nil {
			return s.pressure(), err
		}
		split, err := s.g.splitter.Change(nil, slices.Values(m.Quads))
		if err != nil {
			return s.pressure(), fmt.Errorf("message of stream %q at offset %d: %w: %w", m.StreamID, m.Offset,
				ErrNotAccepted, err)
		}
		producer, seq := m.Identity()
		for _, part := range split.Parts {
			events = append(events, event.Addressed{Shard: part.Shard, Event: event.Event{Producer: producer,
				Seq: seq, MediaType: dataset.MediaType, Payload: part.Payload}})
		}
	}
	acks, err := s.g.SendBatch(ctx, events)
	_, err = results(events, acks, err)
	switch {
	case again(err):
		err = fmt.Errorf("%w: %w", ErrBackPressure, err)
	case errors.Is(err, event.ErrTooLarge):
		err = fmt.Errorf("%w: %w", ErrNotAccepted, err)
	}
	return s.pressure(), err
}

// again reports whether the cause passes by itself.
func again(err error) bool {
	for _, cause := range []error{event.ErrNoOwner, event.ErrBusy, engine.ErrNoRoom, engine.ErrNoLeader, event.ErrStopped} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// pressure is that of the fullest of this node's queues.
func (s streamSink) pressure() Pressure {
	return Thresholds{}.Pressure(s.g.Queued())
}
