package natstransport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport/internal/fragment"
)

// listener delivers what arrives for one node to its receiver, message by message.
type listener struct {
	*route
	t       *Transport
	batch   event.Batch // reused: the receiver has it only until Deliver returns
	dropped int         // as the subscription last counted
	parts   *fragment.Assembler
}

func newListener(t *Transport, r *route) *listener {
	return &listener{t: t, route: r, parts: fragment.NewAssembler(t.assemblyBytes, t.assemblyTime)}
}

// retryAfter is the wait before a subscription that fails is asked again.
const retryAfter = time.Second

// run delivers until ctx ends - the route is removed, or the transport is shut down - and then what has arrived until
// then. It returns an error if it had to leave something undelivered.
func (r *listener) run(ctx context.Context) error {
	for {
		msg, err := r.next(ctx)
		r.noteDropped()
		switch {
		case err == nil:
			r.receive(msg)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			r.parts.Expire(time.Now())
			r.noteLost()
		case errors.Is(err, nats.ErrSlowConsumer):
			// Says only that something was dropped, which is noted; the next call goes on.
		case ctx.Err() != nil || r.t.nc.IsClosed() || !r.sub.IsValid():
			return r.finish()
		default:
			// For example, the server does not permit the subscription. It may after a reconnect.
			r.t.failed(ctx, r.sub, err)
		}
	}
}

// failed counts that receiving failed, and waits before it is tried again.
func (t *Transport) failed(ctx context.Context, sub *nats.Subscription, err error) {
	t.lost(&t.stats.failed, 1, "receiving failed", "subject", sub.Subject, "error", err)
	select {
	case <-time.After(retryAfter):
	case <-ctx.Done():
	}
}

// next waits for a message; while there are incomplete batches, no longer than they are held.
func (r *listener) next(ctx context.Context) (*nats.Msg, error) {
	if r.parts.Len() == 0 {
		return r.sub.NextMsgWithContext(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, r.t.assemblyTime)
	defer cancel()
	return r.sub.NextMsgWithContext(ctx)
}

// noteLost counts the batches that will not be complete.
func (r *listener) noteLost() {
	if lost := r.parts.Lost(); lost > 0 {
		r.t.lost(&r.t.stats.incomplete, uint64(lost), "batches of several messages came no further", "node", r.node, "batches", lost)
	}
}

func (r *listener) receive(msg *nats.Msg) {
	r.t.stats.received.Add(1)
	r.t.stats.receivedBytes.Add(uint64(len(msg.Data)))
	if fragment.Is(msg.Data) {
		r.part(msg)
		return
	}
	r.deliver(msg.Data)
}

// part takes in a part of a batch, and answers its sender if that asks.
func (r *listener) part(msg *nats.Msg) {
	now := time.Now()
	r.parts.Expire(now)
	f, err := fragment.Decode(msg.Data)
	var frame []byte
	if err == nil {
		frame, err = r.parts.Add(now, &f)
	}
	r.noteLost()
	switch {
	case errors.Is(err, fragment.ErrPart):
		r.t.lost(&r.t.stats.malformed, 1, "part of a batch is damaged", "node", r.node, "subject", r.subject, "error", err)
	case err != nil:
		r.t.lost(&r.t.stats.incomplete, 1, "batch of several messages is lost", "node", r.node, "shard", f.Shard, "error", err)
	}
	if msg.Reply != "" {
		answer := []byte{goOn}
		if err != nil {
			answer = []byte(err.Error())
		} else if !r.parts.Holds(&f) {
			answer = []byte("what came before it is lost")
		}
		if err := msg.Respond(answer); err != nil && !r.t.nc.IsClosed() {
			r.t.warn("answer to a sender failed", "node", r.node, "error", err)
		}
	}
	if frame != nil {
		r.deliver(frame)
	}
}

func (r *listener) deliver(frame []byte) {
	if err := shipper.DecodeBatch(frame, &r.batch); err != nil {
		r.t.lost(&r.t.stats.malformed, 1, "message is no batch", "node", r.node, "subject", r.subject, "error", err)
		return
	}
	if err := r.receiver.Deliver(r.t.deliver, r.batch); err != nil {
		r.t.stats.refused.Add(1)
		if r.t.refused != nil {
			r.t.refused(r.node, r.batch, err)
		} else {
			r.t.warn("receiver refused a batch", "node", r.node, "from", r.batch.From, "shard", r.batch.Shard,
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

func (r *listener) noteDropped() { r.dropped = r.t.noteDropped(r.sub, r.dropped) }

// noteDropped counts what a subscription dropped because who takes its messages was too slow, since it had dropped so many.
func (t *Transport) noteDropped(sub *nats.Subscription, before int) int {
	n, err := sub.Dropped()
	if err != nil || n == before {
		return before
	}
	t.lost(&t.stats.dropped, uint64(n-before), "receiver is too slow, messages dropped", "subject", sub.Subject,
		"messages", n-before, "pending_limit_bytes", t.pendingBytes)
	return n
}

// finish delivers what has arrived, and unsubscribes.
func (r *listener) finish() error {
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
func (r *listener) abandon() {
	pending, bytes, err := r.sub.Pending()
	if err == nil && pending > 0 {
		r.t.lost(&r.t.stats.dropped, uint64(pending), "messages for a node that is no longer here dropped",
			"node", r.node, "messages", pending, "bytes", bytes)
	}
	if err := r.sub.Unsubscribe(); err != nil && !r.t.nc.IsClosed() {
		r.t.warn("unsubscribing failed", "node", r.node, "subject", r.subject, "error", err)
	}
}
