package coordinator_test

import (
	"slices"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
)

// detecting is a detector of n1, a member, whose time is set.
type detecting struct {
	*testing.T
	*coordinator.Detector
	state *coordinator.State
	now   time.Time
}

func newDetecting(t *testing.T, members ...string) *detecting {
	state := coordinator.NewState(coordinator.Settings{Shards: 4})
	for _, name := range members {
		state = state.Enter(coordinator.Member{Name: name, Weight: 1})
	}
	return &detecting{T: t, state: state, now: time.Unix(1000, 0),
		Detector: coordinator.NewDetector(coordinator.DetectorConfig{Node: "n1", FailAfter: time.Second})}
}

// hears lets the time pass, and then the beats be heard.
func (d *detecting) hears(after time.Duration, beats ...string) *detecting {
	d.now = d.now.Add(after)
	for _, b := range beats {
		m, _ := d.state.Member(b)
		d.Heard(d.now, b, m.Incarnation)
	}
	return d
}

// accuses checks who is accused now.
func (d *detecting) accuses(what string, want ...string) *detecting {
	d.Helper()
	var got []string
	for _, m := range d.Tick(d.now, d.state) {
		got = append(got, m.Name)
	}
	if !slices.Equal(got, want) {
		d.Errorf("%s: %v are accused, want %v", what, got, want)
	}
	return d
}

// passes lets so many tenths of a second pass in which the beats are heard, and nobody is accused.
func (d *detecting) passes(what string, tenths int, beats ...string) *detecting {
	d.Helper()
	for range tenths {
		d.hears(100*time.Millisecond, beats...).accuses(what)
	}
	return d
}

func (d *detecting) isAlone(what string, alone, contact bool) {
	d.Helper()
	if a, c := d.Alone(d.now); a != alone || c != contact {
		d.Errorf("%s: alone %v, in contact %v; want %v, %v", what, a, c, alone, contact)
	}
}

const tenth = 100 * time.Millisecond

func TestDetector(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.passes("n3 is silent", 10, "n1", "n2")
	d.hears(tenth, "n1", "n2").accuses("n3 is silent for long", "n3")
	d.Heard(d.now, "n3", 77)
	d.accuses("another incarnation beats for n3", "n3")
	d.hears(0, "n3").accuses("n3 beats")
	d.isAlone("all the while", false, false)
}

// TestDetectorHearsItself: who can't hear itself accuses nobody, and then all have the full time anew.
func TestDetectorHearsItself(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.hears(5 * time.Second).accuses("n1 was paused")
	d.passes("the full time anew", 11, "n1", "n3")
	d.hears(tenth, "n1", "n3").accuses("n2 is silent", "n2")
}

// TestDetectorAlone: who hears nobody else accuses when it has been in contact for long enough to hear who lives.
func TestDetectorAlone(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	early := d.now
	d.passes("nobody is heard", 6, "n1")
	d.isAlone("before it can know", false, false)
	d.passes("nobody is heard", 50, "n1")
	d.isAlone("nobody is heard", true, false)
	d.Contact(early.Add(-1))
	d.isAlone("a contact from before", true, false)
	d.Contact(d.now)
	d.isAlone("in contact", true, true)
	d.passes("they may be heard now", 3, "n1")
	d.hears(tenth, "n1").accuses("in contact for long enough", "n2", "n3")
	for range 16 {
		d.hears(tenth, "n1").accuses("the contact holds for a while", "n2", "n3")
	}
	d.hears(tenth, "n1").accuses("the contact is too old")
	d.isAlone("the contact is too old", true, false)
}

// TestDetectorHearsAgain: who was deaf gives all the full time when it hears again, also those it hears later.
func TestDetectorHearsAgain(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.passes("nobody is heard", 50, "n1")
	d.Contact(d.now)
	d.passes("n2 is heard, in contact", 11, "n1", "n2")
	d.isAlone("n2 is heard", false, false)
	d.hears(tenth, "n1", "n2").accuses("n3 isn't", "n3")
}

// TestDetectorOutside: who is no member accuses nobody, and then all have the full time.
func TestDetectorOutside(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	inside := d.state
	d.passes("all beat", 20, "n1", "n2", "n3")
	var err error
	if d.state, err = inside.Fail("n2", "n1", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.state.Fail("n1", "n2", 2); err == nil {
		t.Error("who was taken for dead takes another out")
	}
	d.passes("it is taken for dead", 30, "n1")
	d.state = inside
	d.passes("it is a member again", 6, "n1", "n3")
}
