package graph_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
)

func TestThresholds(t *testing.T) {
	for _, test := range []struct {
		t              graph.Thresholds
		used, capacity int
		want           graph.Pressure
	}{
		{used: 0, capacity: 10, want: graph.Continue},
		{used: 4, capacity: 10, want: graph.Continue},
		{used: 5, capacity: 10, want: graph.SlowDown},
		{used: 8, capacity: 10, want: graph.SlowDown},
		{used: 9, capacity: 10, want: graph.Stop},
		{used: 20, capacity: 10, want: graph.Stop},
		{used: 0, capacity: 0, want: graph.Stop},
		{t: graph.Thresholds{SlowDown: 0.2}, used: 2, capacity: 10, want: graph.SlowDown},
		{t: graph.Thresholds{SlowDown: 0.2, Stop: 0.3}, used: 3, capacity: 10, want: graph.Stop},
		{t: graph.Thresholds{SlowDown: 1, Stop: 1}, used: 9, capacity: 10, want: graph.Continue},
	} {
		if got := test.t.Pressure(test.used, test.capacity); got != test.want {
			t.Errorf("%+v.Pressure(%d, %d) = %v, want %v", test.t, test.used, test.capacity, got, test.want)
		}
	}
}

func TestPressureString(t *testing.T) {
	got := fmt.Sprint(graph.Continue, graph.SlowDown, graph.Stop, graph.Pressure(9))
	if want := "continue slow down stop Pressure(9)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMessageIdentity(t *testing.T) {
	m := graph.Message{StreamID: "once/1", Offset: 0}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	producer, seq := m.Identity()
	if producer.Kind != event.Stream || seq == 0 {
		t.Errorf("Identity() = %v, %d: must not be once-only, nor the sequence of nothing", producer, seq)
	}
	for _, bad := range []graph.Message{
		{},
		{StreamID: strings.Repeat("x", event.MaxText)},
		{StreamID: "s\xff"},
		{StreamID: "s", Offset: math.MaxUint64},
	} {
		if err := bad.Check(); !errors.Is(err, graph.ErrNotAccepted) {
			t.Errorf("Check of %.20q at %d: %v, want ErrNotAccepted", bad.StreamID, bad.Offset, err)
		} else if bad.StreamID == "" && !strings.Contains(err.Error(), "it names no stream") {
			t.Errorf("without a stream: %v", err)
		}
	}
}
