package pipeline

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// complaining are complaints of which shard 1 may be told, with their log and clock.
type complaining struct {
	*complaints
	now time.Time
	log *bytes.Buffer
	was time.Time // when the next line was due
}

var errRefused = errors.New("refused")

// pass lets the time come at which a line is due.
func (c *complaining) pass() {
	if next := c.tell(c.now, false); !next.IsZero() {
		c.now = next
		c.tell(c.now, false)
	}
}

// where is the state.
func (c *complaining) where() string {
	of := c.causes["refused"]
	switch {
	case of == nil:
		return "unknown"
	case !of.told:
		return "new"
	case len(of.shards) == 0:
		return "over"
	case !c.was.IsZero() && of.due.Before(c.was):
		return "told, sooner"
	}
	return "told"
}

// TestComplaintStates goes through the table in the comment of complaints.
func TestComplaintStates(t *testing.T) {
	to := map[string]func(*complaining){
		"unknown": func(*complaining) {},
		"new":     func(c *complaining) { c.failedAt(c.now, 1, errRefused) },
		"told":    func(c *complaining) { c.failedAt(c.now, 1, errRefused); c.pass() },
		"over":    func(c *complaining) { c.failedAt(c.now, 1, errRefused); c.pass(); c.well(1) },
	}
	var states []statetable.State[*complaining]
	for _, name := range []string{"unknown", "new", "told", "over"} {
		states = append(states, statetable.State[*complaining]{Name: name, Make: func(t *testing.T) *complaining {
			c := &complaining{now: time.Unix(1000, 0), log: &bytes.Buffer{}}
			c.complaints = newComplaints(slog.New(slog.NewTextHandler(c.log, nil)), "stopped", "goes on", true)
			if to[name](c); c.where() != name {
				t.Fatalf("%s is made, want %s", c.where(), name)
			}
			if of := c.causes["refused"]; of != nil {
				c.was = of.due
			}
			c.log.Reset()
			return c
		}})
	}
	give := func(name string, in func(*complaining)) statetable.Input[*complaining] {
		return statetable.Input[*complaining]{Name: name, Give: func(c *complaining) string {
			in(c)
			out := c.where()
			for _, line := range []string{"stopped", "goes on"} {
				if strings.Contains(c.log.String(), line) {
					out += ": " + line
				}
			}
			return out
		}}
	}
	statetable.Prove(t, "complaints.go", "complaints", states, []statetable.Input[*complaining]{
		give("an error of a new shard", func(c *complaining) { c.failedAt(c.now, 2, errRefused) }),
		give("the same again", func(c *complaining) { c.failedAt(c.now, 1, errRefused) }),
		give("the last shard is well", func(c *complaining) { c.well(1) }),
		give("the last shard is gone", func(c *complaining) { c.gone(1) }),
		give("it is due", func(c *complaining) { c.pass() }),
	})
}
