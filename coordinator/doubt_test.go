package coordinator_test

import (
	"context"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
)

// overtaken is a log whose first append arrives, and is followed by others' before its answer is lost.
type overtaken struct {
	engine.Log
	others func()
}

func (o *overtaken) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	at, err := o.Log.Append(ctx, expect, payload)
	if others := o.others; others != nil && err == nil {
		o.others = nil
		others()
		return 0, engine.ErrUnknown
	}
	return at, err
}

// TestOwnRecordBehindOthers: the record that stands where the proposal's was to be is the proposal's, whatever follows it.
func TestOwnRecordBehindOthers(t *testing.T) {
	log := memory.New(1).Control()
	other := open(t, "n2", 4, log)
	c := open(t, "n1", 4, &overtaken{log, func() {
		for _, node := range []string{"n2", "n3"} {
			if _, err := other.Join(t.Context(), node); err != nil {
				t.Error(err)
			}
		}
	}})
	plan, err := c.Join(t.Context(), "n1")
	if err != nil || len(plan.Moves) != 4 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if got := c.State(); got.Epoch != 1 || len(got.Members) != 1 {
		t.Errorf("the state of its own record is not installed, but %+v", got)
	}
}
