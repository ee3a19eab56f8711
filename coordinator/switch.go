package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// Switch says whether something that runs beside the shards, such as a source, is to run. What has none runs.
type Switch struct {
	// Name is what is switched, such as source/NAME; at most [MaxSwitchName] bytes.
	Name string `json:"name"`
	// Paused: it is not to run.
	Paused bool `json:"paused,omitempty"`
	// By is who changed Paused last, as far as is known, and Since when, by the clock of the node that was asked.
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since"`
	// Epoch is that of the record that changed the switch last: what runs begins anew when it changes.
	Epoch uint64 `json:"epoch"`
}

const (
	// MaxSwitches bounds State.Switches; those that were not changed for the longest time, and are not paused, go first.
	MaxSwitches = 256
	// MaxSwitchName bounds the texts of a switch, in bytes.
	MaxSwitchName = 128
)

// Switch returns the switch of that name; one that is not paused, of epoch 0, if it was never changed.
func (s *State) Switch(name string) Switch {
	if i, ok := s.findSwitch(name); ok {
		return s.Switches[i]
	}
	return Switch{Name: name}
}

func (s *State) findSwitch(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Switches, name, func(w Switch, name string) int { return cmp.Compare(w.Name, name) })
}

// Turn returns the state in which the switch is paused or not; s itself if it is so already. Errors: [event.ErrTooLarge]
// where as many are paused as may be, and [event.ErrBusy] while a member is of a version that would forget it.
func (s *State) Turn(to Switch) (*State, error) {
	if s.Switch(to.Name).Paused == to.Paused {
		return s, nil
	}
	return s.turned(to)
}

// Restart returns the state in which what is switched begins anew, if it runs. Errors are those of Turn.
func (s *State) Restart(name string) (*State, error) { return s.turned(s.Switch(name)) }

func (s *State) turned(to Switch) (*State, error) {
	if s.Settings.Format < FormatSwitches {
		return nil, fmt.Errorf("%w: some node of the pipeline doesn't know yet what is paused: upgrade all", event.ErrBusy)
	}
	next := s.assigned(s.Members, s.Assignment)
	to.Epoch = next.Epoch
	next.Switches = slices.Clone(s.Switches)
	i, ok := s.findSwitch(to.Name)
	switch {
	case ok:
		next.Switches[i] = to
		return next, nil
	case len(next.Switches) >= MaxSwitches:
		oldest := next.leastChanged()
		if oldest < 0 {
			return nil, fmt.Errorf("%w: %d sources and sinks are paused, which is as many as may be", event.ErrTooLarge, MaxSwitches)
		}
		next.Switches = slices.Delete(next.Switches, oldest, oldest+1)
		i, _ = next.findSwitch(to.Name)
	}
	next.Switches = slices.Insert(next.Switches, i, to)
	return next, nil
}

// leastChanged returns the index of the switch that was not changed for the longest time, of those that are not paused; -1 if all
// are.
func (s *State) leastChanged() int {
	oldest := -1
	for i, w := range s.Switches {
		if !w.Paused && (oldest < 0 || w.Epoch < s.Switches[oldest].Epoch) {
			oldest = i
		}
	}
	return oldest
}

// checkSwitches reports switches that are not in order.
func (s *State) checkSwitches() error {
	for i := 1; i < len(s.Switches); i++ {
		if s.Switches[i].Name <= s.Switches[i-1].Name {
			return errors.New("switches are not in order, or one comes twice")
		}
	}
	return nil
}

// Turn pauses what the switch is of, or has it run. It returns the switch as the record has it that did so, or had done it before.
// Errors are those of [State.Turn], and of a proposal.
func (c *Coordinator) Turn(ctx context.Context, to Switch) (Switch, error) {
	if len(to.Name) > MaxSwitchName || len(to.By) > MaxSwitchName {
		return Switch{}, fmt.Errorf("switch %.40q: expected at most %d bytes", to.Name, MaxSwitchName)
	}
	return c.change(ctx, to.Name, func(s *State) (*State, error) { return s.Turn(to) })
}

// Restart has what the switch is of begin anew where it runs, and returns the epoch of the record that says so: it is larger than
// that of any before it. Errors are those of Turn.
func (c *Coordinator) Restart(ctx context.Context, name string) (epoch uint64, err error) {
	w, err := c.change(ctx, name, func(s *State) (*State, error) { return s.Restart(name) })
	return w.Epoch, err
}

// change proposes a change of a switch, and returns it as it is then.
func (c *Coordinator) change(ctx context.Context, name string, compute func(*State) (*State, error)) (w Switch, err error) {
	_, err = c.propose(ctx, &c.counters.switches, func(s *State) (*State, error) {
		next, err := compute(s)
		if err == nil {
			w = next.Switch(name)
		}
		return next, err
	})
	return w, err
}
