package dataset

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/contain"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/store"
)

// panicked is what an event comes to whose evaluation has panicked, which must not end the node, nor each node in turn that owns the shard
// next. It is called while that unwinds the stack.
//
// What evaluates has changed nothing but the transaction, so the event is bad, like one that is over its bounds. It need not panic
// everywhere: only who owns the shard evaluates, and what the log has of the event, a delta or a dead letter, is what it came to. Where the
// store has panicked, what it holds is in doubt, and the shard halts.
func (l *Logic) panicked(value any, ev *event.Event, tx store.Tx, before store.Savepoint) error {
	inStore := panickedIn(storePackages)
	contain.Caught(value).Log(cmp.Or(l.Logger, slog.Default()), "panic while an event was evaluated: report it", "producer", ev.Producer.String(),
		"seq", ev.Seq, "media_type", ev.MediaType)
	if inStore {
		return fmt.Errorf("%w: a fault of the program, which the node's log has: %v", operator.ErrState, value)
	}
	if err := tx.RollbackTo(before); err != nil {
		return failed(err)
	}
	return fmt.Errorf("a fault of the program, which the log of the shard's owner has, has ended its evaluation: %v", value)
}

// module is what the names of the program's functions begin with, storePackages what those of stores do.
const (
	module        = "github.com/quadrille-stream/quadrille/"
	storePackages = module + "store"
)

// shared are packages that a store uses, too, so that whoever has called them has panicked.
var shared = []string{module + "rdf", module + "event"}

// panickedIn reports whether the function of this module that has panicked is of a package that begins so.
func panickedIn(packages string) bool {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	panicking := false
	for {
		frame, more := frames.Next()
		name := frame.Function
		switch {
		case name == "runtime.gopanic":
			panicking = true
		case panicking && strings.HasPrefix(name, module) && !slices.ContainsFunc(shared, func(p string) bool { return strings.HasPrefix(name, p) }):
			return strings.HasPrefix(name, packages)
		case !more:
			return true // nobody knows
		}
	}
}
