package core_test

import (
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
)

// keepAll makes a logic that commits each payload as it is.
func keepAll() operator.Logic {
	return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil },
		func([]byte) error { return nil })
}

// TestReplicaHears: the operator is told the mark, and holds the log to it.
func TestReplicaHears(t *testing.T) {
	for _, mark := range []engine.Mark{{}, {Position: 7, ID: "ni:///x"}} {
		now, cfg := began, operator.Config{Shard: 3, Node: "n1", Logic: keepAll}
		r := core.NewReplica(cfg, func() engine.Mark { return mark })
		check := func() {
			t.Helper()
			if err := r.Check(); err != nil {
				t.Fatal(err)
			}
		}
		r.Hear(now)
		check()
		r.Operator.Assign(now, operator.Assignment{Role: operator.Owner, Control: 2, Epoch: 2, Incarnation: 1})
		check()
		for range 100 { // the log is empty, and stays so but for a claim
			for _, e := range r.Operator.Effects() {
				switch e := e.(type) {
				case operator.Restore:
					r.Operator.Restored(now, e.Gen, nil)
				case operator.Read:
					r.Operator.ReadDone(now, e.Gen, nil)
				case operator.Append:
					r.Operator.Appended(now, e.Gen, 1, nil)
				}
				check()
			}
			now = now.Add(time.Second)
			r.Operator.Tick(now)
			check()
		}
		want := operator.Owning
		if mark.Position > 0 {
			want = operator.Halted
		}
		if got := r.Operator.State(); got != want {
			t.Errorf("with the mark %v it is %v, want %v", mark, got, want)
		}
	}
}
