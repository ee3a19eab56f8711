package quadrille

import (
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

const (
	// listenFor is how long a node listens for another process with its name, four of whose heartbeats fall in it.
	listenFor = 600 * time.Millisecond
	// apart is the least time between two heartbeats that show that their process lives: what was under way when it ended
	// arrives at one time.
	apart = 75 * time.Millisecond
)

// nameFree returns [jetstream.ErrNameTaken] if another process runs that is a member with the node's name, unless this one may take
// its place. It is no proof that there is none: one that is cut off isn't heard, and is fenced as ever.
func (r *Runtime) nameFree(ctx context.Context) error {
	if !r.cfg.NameMustBeFree || r.cfg.NATS == "" && !r.cfg.clustered() { // who is alone has the folder to itself
		return nil
	}
	incarnation, ok := r.bearer(ctx)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	var first time.Time
	var found error
	_ = r.engine.Heartbeats().Listen(ctx, func(b engine.Beat) {
		switch now := time.Now(); {
		case b.Node != r.cfg.Name || b.Incarnation != incarnation:
		case first.IsZero():
			first = now
		case now.Sub(first) >= apart:
			found = fmt.Errorf("%w: node %q, which is heard, and shows the address %q", jetstream.ErrNameTaken, b.Node, b.Info)
			cancel()
		}
	})
	return found
}

// bearer returns the incarnation of the member that has the node's name. That the control log can't be read is told by who enters.
func (r *Runtime) bearer(ctx context.Context) (incarnation uint64, ok bool) {
	tail, err := r.engine.Control().Tail(ctx)
	if err != nil {
		return 0, false
	}
	state, err := coordinator.ParseRecord(r.cfg.Pipeline, tail.Payload)
	if err != nil {
		return 0, false
	}
	m, ok := state.Member(r.cfg.Name)
	return m.Incarnation, ok
}
