package coordinator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
)

func paused(name string, yes bool) coordinator.Switch {
	return coordinator.Switch{Name: name, Paused: yes, By: "ops", Since: time.Unix(7, 0).UTC()}
}

// switching is a state of which all members know switches.
func switching() *coordinator.State {
	return coordinator.NewState(coordinator.Settings{Shards: 2, Hash: "h", Key: "k", Format: coordinator.Format}).
		Enter(coordinator.Member{Name: "n1", Weight: 1, Format: coordinator.Format})
}

// TestSwitches: what is paused stays so, whoever enters or leaves and in the record, and is paused once.
func TestSwitches(t *testing.T) {
	s := switching()
	if w := s.Switch("source/a"); w.Paused || w.Epoch != 0 || w.Name != "source/a" {
		t.Errorf("unknown: %+v", w)
	}
	for _, name := range []string{"source/b", "sink/x", "source/a"} {
		before := s.Epoch
		var err error
		if s, err = s.Turn(paused(name, true)); err != nil || s.Epoch != before+1 || s.Switch(name).Epoch != s.Epoch {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	if again, err := s.Turn(paused("sink/x", true)); again != s || err != nil {
		t.Errorf("paused twice: %+v, %v", again, err)
	}
	running, err := s.Turn(paused("source/b", false))
	if err != nil || running.Switch("source/b").Paused || !s.Switch("source/b").Paused || len(running.Switches) != 3 {
		t.Errorf("%+v, %v", running, err)
	}
	anew, err := running.Restart("source/b")
	if err != nil || anew.Switch("source/b").Paused || anew.Switch("source/b").Epoch != running.Epoch+1 ||
		anew.Switch("source/b").By != "ops" {
		t.Errorf("%+v, %v", anew, err)
	}
	later := anew.Enter(coordinator.Member{Name: "n2", Weight: 1, Format: coordinator.Format})
	payload, err := coordinator.AppendRecord(nil, "c", anew, later)
	if err != nil {
		t.Fatal(err)
	}
	back, err := coordinator.ParseRecord("c", payload)
	if err != nil || fmt.Sprint(back.Switches) != fmt.Sprint(anew.Switches) || back.Switch("sink/x") != anew.Switch("sink/x") {
		t.Errorf("%+v, want %+v; %v", back.Switches, anew.Switches, err)
	}
	twice := strings.Replace(string(payload), `\"source/b\"`, `\"source/a\"`, 1)
	if _, err := coordinator.ParseRecord("c", []byte(twice)); err == nil || !strings.Contains(err.Error(), "switches") {
		t.Errorf("twice: %v", err)
	}
}

// TestSwitchesNeedAll: who doesn't know switches would forget them.
func TestSwitchesNeedAll(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 2, Format: coordinator.FormatSwitches - 1}).
		Enter(coordinator.Member{Name: "n1", Weight: 1, Format: coordinator.FormatSwitches - 1})
	if _, err := s.Turn(paused("source/a", true)); !errors.Is(err, event.ErrBusy) {
		t.Errorf("turned: %v", err)
	}
	if _, err := s.Restart("source/a"); !errors.Is(err, event.ErrBusy) {
		t.Errorf("restarted: %v", err)
	}
}

// TestSwitchesAreBounded: the one that was changed the longest ago goes, but none that is paused.
func TestSwitchesAreBounded(t *testing.T) {
	s := switching()
	turn := func(name string, yes bool) (err error) {
		next, err := s.Turn(paused(name, yes))
		if err == nil {
			s = next
		}
		return err
	}
	for i := range coordinator.MaxSwitches {
		if err := turn(fmt.Sprintf("source/%d", i), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := turn("source/one-more", true); !errors.Is(err, event.ErrTooLarge) {
		t.Errorf("one more: %v", err)
	}
	for _, name := range []string{"source/9", "source/7"} { // 9 is the one that was changed before
		if err := turn(name, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := turn("source/one-more", true); err != nil || len(s.Switches) != coordinator.MaxSwitches || s.Switch("source/9").Epoch != 0 ||
		s.Switch("source/7").Epoch == 0 || !s.Switch("source/one-more").Paused {
		t.Errorf("%d switches, %v", len(s.Switches), err)
	}
}

// TestTurn: two coordinators that turn the same switch agree, and a name that is too long is refused.
func TestTurn(t *testing.T) {
	e := memory.New(2)
	var list []*coordinator.Coordinator
	for _, name := range []string{"n1", "n2"} {
		c, err := coordinator.New(coordinator.Config{CoordID: "c", LocalNode: name, Shards: 2}, e.Control(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	first, err := list[0].Turn(t.Context(), paused("source/a", true))
	second, err2 := list[1].Turn(t.Context(), paused("source/a", true))
	if err != nil || err2 != nil || first.Epoch == 0 || second != first || !first.Paused || list[1].State().Switch("source/a").By != "ops" {
		t.Errorf("%+v %v, %+v %v", first, err, second, err2)
	}
	anew, err := list[0].Restart(t.Context(), "source/a")
	if err != nil || anew <= first.Epoch || !list[0].State().Switch("source/a").Paused || list[0].Stats().SwitchProposals != 2 {
		t.Errorf("%d after %d, %v, %+v", anew, first.Epoch, err, list[0].Stats())
	}
	for _, w := range []coordinator.Switch{{Name: strings.Repeat("x", coordinator.MaxSwitchName+1)}, {By: strings.Repeat("x", coordinator.MaxSwitchName+1)}} {
		if _, err := list[0].Turn(t.Context(), w); err == nil {
			t.Errorf("%+v was turned", w)
		}
	}
}
