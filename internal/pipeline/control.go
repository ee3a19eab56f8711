package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
)

// Kind says what is controlled.
type Kind string

// The kinds.
const (
	SourceKind Kind = "source"
	SinkKind   Kind = "sink"
)

// Switch is the name of the switch of a source or sink.
func (k Kind) Switch(name string) string { return string(k) + "/" + name }

// Control changes what the sources and sinks of a pipeline do, wherever they run: any node may be asked. Its methods may be called
// concurrently.
type Control struct {
	// Switches commits what is paused.
	Switches *coordinator.Coordinator
	// Sources and Sinks are those of the configuration, by name.
	Sources map[string]*Source
	Sinks   map[string]*Sink
	// Letters has the dead letters.
	Letters Letters
}

// Turn pauses a source or sink, or has it run. When it returns that is committed: it holds wherever the source or sink runs now or
// later, and also when all nodes are started again. Errors: that there is none of that name, and those of [coordinator.Coordinator.Turn].
func (c *Control) Turn(ctx context.Context, kind Kind, name, by string, paused bool) (coordinator.Switch, error) {
	if err := c.known(kind, name); err != nil {
		return coordinator.Switch{}, err
	}
	return c.Switches.Turn(ctx, coordinator.Switch{Name: kind.Switch(name), Paused: paused, By: by, Since: time.Now().UTC()})
}

// known reports a name that the configuration doesn't have.
func (c *Control) known(kind Kind, name string) error {
	names := slices.Sorted(maps.Keys(c.Sources))
	if kind == SinkKind {
		names = slices.Sorted(maps.Keys(c.Sinks))
	}
	if slices.Contains(names, name) {
		return nil
	}
	there := "there is none"
	if len(names) > 0 {
		there = "there is " + strings.Join(names, ", ")
	}
	return fmt.Errorf("no %s is called %q; %s", kind, name, there)
}
