package natstransport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/shipper"
)

// receiver delivers what arrives for one node to its sink, message by message.
type receiver struct {
	*route
	t       *Transport
	batch   shipper.Batch // reused: the sink has it only until Deliver returns
	dropped int           // as the subscription last counted
}

// retryAfter is the wait before a subscription that fails is asked again.
const retryAfter = time.Second

// run delivers until ctx ends - the route is removed, or the transport is shut down - and then what has arrived until
// then. It returns an error if it had to leave something undelivered.
func (r *receiver) run(ctx context.Context) error {
	for {
		msg, err := r.sub.NextMsgWithContext(ctx)
		r.noteDropped()
		switch {
		case err == nil:
			r.receive(msg)
		case errors.Is(err, nats.ErrSlowConsumer):
			// Says only that something was dropped, which is noted; the next call goes on.
		case ctx.Err() != nil || r.t.nc.IsClosed() || !r.sub.IsValid():
			return r.finish()
		default:
			// For example, the server does not permit the subscription. It may after a reconnect.
			r.t.lost(&r.t.stats.failed, 1, "receiving failed", "node", r.node, "subject", r.subject, "error", err)
			select {
			case <-time.After(retryAfter):
			case <-ctx.Done():
			}
		}
	}
}

func (r *receiver) receive(msg *nats.Msg) {
	r.t.stats.received.Add(1)
	r.t.stats.receivedBytes.Add(uint64(len(msg.Data)))
	if err := shipper.DecodeBatch(msg.Data, &r.batch); err != nil {
		r.t.lost(&r.t.stats.malformed, 1, "message is no batch", "node", r.node, "subject", r.subject, "error", err)
		return
	}
	if err := r.sink.Deliver(r.t.deliver, r.batch); err != nil {
		r.t.stats.refused.Add(1)
		if r.t.refused != nil {
			r.t.refused(r.node, r.batch, err)
		} else {
			r.t.warn("sink refused a batch", "node", r.node, "from", r.batch.From, "shard", r.batch.Shard,
				"batch", r.batch.ID, "events", len(r.batch.Events), "acks", len(r.batch.Acks), "error", err)
		}
	}
	clear(r.batch.Events) // lets go of the frame
	clear(r.batch.Acks)
	if cap(r.batch.Events) > maxReused {
		r.batch.Events = nil
	}
	if cap(r.batch.Acks) > maxReused {
		r.batch.Acks = nil
	}
}

// maxReused bounds the events and acks that the receiver's slices keep room for.
const maxReused = 4096

// noteDropped counts what the subscription dropped because its sink was too slow.
func (r *receiver) noteDropped() {
	n, err := r.sub.Dropped()
	if err != nil || n == r.dropped {
		return
	}
	fresh := n - r.dropped
	r.dropped = n
	r.t.lost(&r.t.stats.dropped, uint64(fresh), "sink is too slow, messages dropped", "node", r.node,
		"messages", fresh, "pending_limit_bytes", r.t.pendingBytes)
}

// finish delivers what has arrived, and unsubscribes.
func (r *receiver) finish() error {
	pending, _, err := r.sub.Pending()
	if err != nil {
		return nil // the subscription is gone, with what it held
	}
	for ; pending > 0 && r.t.deliver.Err() == nil; pending-- {
		msg, err := r.sub.NextMsgWithContext(r.t.deliver)
		if errors.Is(err, nats.ErrSlowConsumer) {
			pending++
			continue
		}
		if err != nil {
			break
		}
		r.receive(msg)
	}
	r.noteDropped()
	r.abandon()
	if pending > 0 {
		return fmt.Errorf("deliver to node %q at shutdown: %w: %d", r.node, shipper.ErrUndelivered, pending)
	}
	return nil
}

// abandon unsubscribes, and counts what nobody took.
func (r *receiver) abandon() {
	pending, bytes, err := r.sub.Pending()
	if err == nil && pending > 0 {
		r.t.lost(&r.t.stats.dropped, uint64(pending), "messages for a node that is no longer here dropped",
			"node", r.node, "messages", pending, "bytes", bytes)
	}
	if err := r.sub.Unsubscribe(); err != nil && !r.t.nc.IsClosed() {
		r.t.warn("unsubscribing failed", "node", r.node, "subject", r.subject, "error", err)
	}
}
