package graph

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/quadrille-stream/quadrille/internal/contain"
)

// ErrInternal: a fault of this program has ended what was asked for. The node's log has where, and goes on.
var ErrInternal = errors.New("a fault of the program")

// panicked is an [ErrInternal] that stands in the log already.
type panicked struct{ what string }

// Error says that there is more to read, and nothing of what the program held.
func (p *panicked) Error() string {
	return fmt.Sprintf("%v has ended %s; the node's log says where: report it", ErrInternal, p.what)
}

// Unwrap returns [ErrInternal].
func (p *panicked) Unwrap() error { return ErrInternal }

// contained makes an error of a panic of fn, which works for one who asks: it must not end the node, which works for others, too. The
// stack goes to the log, once. What fn holds it gives back by deferred calls.
func contained(log *slog.Logger, what string, fn func() error) error {
	err := contain.Do(fn)
	if fault, is := errors.AsType[*contain.Error](err); is {
		fault.Log(log, "panic, which has ended "+what+": report it")
		return &panicked{what}
	}
	return err
}
