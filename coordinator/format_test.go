package coordinator_test

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
)

// TestFormatRisesWithTheLast: a format is written when all members know it, and never given up; who doesn't know it doesn't
// become a member, who knows a later one does.
func TestFormatRisesWithTheLast(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 2, Hash: "h", Key: "k", Format: 1})
	for i, step := range []struct {
		name   string
		format int // of who enters; -1: it leaves
		want   int
	}{
		{"n1", 0, 1}, // of a version before there was anything to say
		{"n2", 2, 1},
		{"n3", 3, 1},
		{"n1", 3, 2},  // upgraded
		{"n2", -1, 3}, // gone
		{"n4", 2, 3},  // entered all the same: it is not asked here
		{"n4", -1, 3},
		{"n1", -1, 3},
		{"n3", -1, 3}, // nobody is left, and the log has records of it
	} {
		var err error
		if step.format < 0 {
			s, err = s.Leave(step.name)
		} else {
			s = s.Enter(coordinator.Member{Name: step.name, Weight: 1, Format: step.format})
		}
		if err != nil || s.Settings.Format != step.want {
			t.Fatalf("step %d: format %d, want %d; %v", i, s.Settings.Format, step.want, err)
		}
	}
	committed := s.Settings
	for format, ok := range map[int]bool{1: false, 2: false, 3: true, 4: true} {
		own := committed
		own.Format = format
		if err := own.Check(committed); ok != (err == nil) || err != nil && !errors.Is(err, coordinator.ErrSettings) {
			t.Errorf("format %d: %v", format, err)
		}
	}
	payload, err := coordinator.AppendRecord(nil, "c", coordinator.NewState(committed), s.Enter(coordinator.Member{Name: "n1", Weight: 1, Format: 3}))
	if err != nil {
		t.Fatal(err)
	}
	back, err := coordinator.ParseRecord("c", payload)
	if m, _ := back.Member("n1"); err != nil || m.Format != 3 || back.Settings.Format != 3 {
		t.Errorf("%+v, %v", back, err)
	}
}
