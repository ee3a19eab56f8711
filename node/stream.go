package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/shipper"
)

// StreamSink returns the node's sink for streams of an embedder's own. It may be used concurrently.
func (n *Node) StreamSink() shipper.StreamSink { return streamSink{n} }

type streamSink struct{ n *Node }

// WriteBatch commits messages through the logs of the shards that their quads fall in.
func (s streamSink) WriteBatch(ctx context.Context, batch []shipper.Message) (shipper.Pressure, error) {
	if p := s.pressure(); p == shipper.Stop {
		return p, fmt.Errorf("write %d messages: %w: a shard's queue is full", len(batch), shipper.ErrBackPressure)
	}
	var events []event.Addressed
	splitter := dataset.Splitter{Key: s.n.cfg.Key, Shards: s.n.cfg.Shards, MaxTransaction: s.n.cfg.MaxTransaction}
	for i := range batch {
		m := &batch[i]
		if err := m.Check(); err != nil {
			return s.pressure(), err
		}
		split, err := splitter.Add(m.Quads)
		if err != nil {
			return s.pressure(), fmt.Errorf("message of stream %q at offset %d: %w: %w", m.StreamID, m.Offset,
				shipper.ErrNotAccepted, err)
		}
		producer, seq := m.Identity()
		for _, part := range split.Parts {
			events = append(events, event.Addressed{Shard: part.Shard, Event: event.Event{Producer: producer,
				Seq: seq, MediaType: dataset.MediaType, Payload: part.Payload}})
		}
	}
	acks, err := s.n.Send(ctx, events)
	_, err = results(events, acks, err)
	switch {
	case again(err):
		err = fmt.Errorf("%w: %w", shipper.ErrBackPressure, err)
	case errors.Is(err, event.ErrTooLarge):
		err = fmt.Errorf("%w: %w", shipper.ErrNotAccepted, err)
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
func (s streamSink) pressure() shipper.Pressure {
	fullest := 0
	for _, l := range s.n.loops {
		fullest = max(fullest, l.view.Load().queued)
	}
	return shipper.Thresholds{}.Pressure(fullest, s.n.cfg.MaxQueue)
}
