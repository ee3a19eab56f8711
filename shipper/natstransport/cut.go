package natstransport

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport/internal/fragment"
)

const (
	// maxMessage is the largest message in bytes that is sent, whatever the server takes: a server ends the connection
	// of a receiver for which 64 MiB wait, so large messages must not pile up.
	maxMessage = 1 << 20
	// window is how many bytes of a frame may be on their way before the receiver says that it has them. It keeps what
	// waits at servers and at the receiver small, however slow they are; a smaller frame is sent without asking.
	window = 4 << 20
	// lanes is the number of frames that can be under way to one node at once: those of one shard are in one lane.
	lanes = 16
)

// goOn begins the receiver's word that it has all so far; anything else says why the frame is lost.
const goOn = '+'

// sendCut sends a frame that is too large for one message. It returns when the last part is in the connection's
// buffer. After an error the frame is lost: its remains have no effect.
func (t *Transport) sendCut(ctx context.Context, r *route, shard int, frame []byte) error {
	content := min(t.messageLimit(), maxMessage) - fragment.Header
	if content < fragment.MinContent {
		return fmt.Errorf("%w: the server takes messages of %d bytes; raise max_payload", shipper.ErrTooLarge, t.nc.MaxPayload())
	}
	lane := r.lanes[shard%lanes]
	select {
	case lane <- struct{}{}:
		defer func() { <-lane }()
	case <-ctx.Done():
		return ctx.Err()
	}
	buf := make([]byte, 0, content+fragment.Header)
	unconfirmed := 0
	if len(frame) > window {
		unconfirmed = window // ask with the first: a node that isn't there, or has no room, costs one message
	}
	for f := range fragment.Cut(t.sender, t.frames.Add(1), uint64(shard), frame, content) {
		buf = f.Append(buf[:0])
		unconfirmed += len(f.Content)
		ask := unconfirmed > window && f.Index+1 < f.Count
		if ask {
			unconfirmed = 0
		}
		if err := t.sendPart(ctx, r, buf, ask); err != nil {
			return fmt.Errorf("part %d of %d: %w", f.Index+1, f.Count, err)
		}
	}
	return nil
}

// messageLimit is the largest message that the server takes now; a large number when it doesn't say.
func (t *Transport) messageLimit() int {
	if limit := t.nc.MaxPayload(); limit > 0 {
		return int(min(limit, shipper.MaxWireBytes))
	}
	return shipper.MaxWireBytes
}

// sendPart publishes one, and waits until it has arrived if asked to. While there is no connection it fails: the
// buffer for that time is kept for what fits in it.
func (t *Transport) sendPart(ctx context.Context, r *route, message []byte, ask bool) error {
	switch status := t.nc.Status(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case status == nats.CLOSED:
		return fmt.Errorf("%w: %w", shipper.ErrClosed, nats.ErrConnectionClosed)
	case status != nats.CONNECTED:
		return fmt.Errorf("%w: the connection is %v", nats.ErrDisconnected, status)
	case !ask:
		return t.nc.Publish(r.subject, message)
	}
	bounded, cancel := context.WithTimeout(ctx, t.assemblyTime/2)
	defer cancel()
	answer, err := t.nc.RequestWithContext(bounded, r.subject, message)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("nobody listens at %s: %w", r.subject, err)
	case err != nil:
		return fmt.Errorf("%s does not confirm that it came: %w", r.subject, err)
	case len(answer.Data) == 0 || answer.Data[0] != goOn:
		return fmt.Errorf("%s does not take it: %s", r.subject, answer.Data)
	}
	return nil
}
