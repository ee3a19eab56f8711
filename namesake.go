package quadrille

import (
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

// listenFor is how long a node listens for another process with its name, unless it hears enough of the other nodes before.
var listenFor = 1500 * time.Millisecond // another one in a test

// enough heartbeats of another node show that those of a namesake would have been heard, too, however busy the machine is.
const enough = 5

// apart is the least time between two heartbeats that show that their process lives: what was under way when it ended arrives at
// one time.
const apart = 75 * time.Millisecond

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
	heard := hearing{}
	var found error
	_ = r.engine.Heartbeats().Listen(ctx, func(b engine.Beat) {
		namesake := b.Node == r.cfg.Name
		if namesake && b.Incarnation != incarnation {
			return
		}
		switch count := heard.of(b.Node, time.Now()); {
		case namesake && count == 2:
			found = fmt.Errorf("%w: node %q, which is heard, and shows the address %q", jetstream.ErrNameTaken, b.Node, b.Info)
			cancel()
		case !namesake && count >= enough:
			cancel()
		}
	})
	return found
}

// hearing counts the heartbeats of each node that came apart.
type hearing map[string]heartbeats

type heartbeats struct {
	count int
	last  time.Time
}

// of takes in a heartbeat and returns how many came apart.
func (h hearing) of(node string, now time.Time) int {
	b := h[node]
	if b.count == 0 || now.Sub(b.last) >= apart {
		b = heartbeats{b.count + 1, now}
		h[node] = b
	}
	return b.count
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
