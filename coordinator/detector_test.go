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

// The inputs of the detector: after each, its state must be well, and nobody is accused but another member.

func (d *detecting) Heard(at time.Time, node string, incarnation uint64, cut bool) {
	d.Detector.Heard(at, node, incarnation, cut)
	d.check()
}

func (d *detecting) Contact(answered time.Time) {
	d.Detector.Contact(answered)
	d.check()
}

func (d *detecting) Tick(now time.Time, s *coordinator.State) []coordinator.Member {
	failed := d.Detector.Tick(now, s)
	d.check()
	_, inside := s.Member("n1")
	for _, f := range failed {
		if m, ok := s.Member(f.Name); !inside || !ok || m != f || f.Name == "n1" {
			d.Fatalf("%+v is accused, by n1, a member: %v", f, inside)
		}
	}
	return failed
}

// check holds after every input.
func (d *detecting) check() {
	d.Helper()
	if err := d.Detector.Check(); err != nil {
		d.Fatal(err)
	}
}

// hears lets the time pass, and then the beats be heard.
func (d *detecting) hears(after time.Duration, beats ...string) *detecting {
	d.now = d.now.Add(after)
	for _, b := range beats {
		m, _ := d.state.Member(b)
		d.Heard(d.now, b, m.Incarnation, false)
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

func (d *detecting) is(what string, deaf, cut bool) {
	d.Helper()
	if gotDeaf, gotCut := d.Deaf(d.now), d.Cut(d.now); gotDeaf != deaf || gotCut != cut {
		d.Errorf("%s: deaf %v, cut off %v; want %v, %v", what, gotDeaf, gotCut, deaf, cut)
	}
}

const tenth = 100 * time.Millisecond

func TestDetector(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.passes("n3 is silent", 10, "n1", "n2")
	d.hears(tenth, "n1", "n2").accuses("n3 is silent for long", "n3")
	d.Heard(d.now, "n3", 77, false)
	d.accuses("another incarnation beats for n3", "n3")
	d.hears(0, "n3").accuses("n3 beats")
	d.is("all the while", false, false)
}

// TestDetectorHearsItself: who can't hear itself accuses nobody, and then all have the full time anew.
func TestDetectorHearsItself(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.hears(5 * time.Second).accuses("n1 was paused")
	d.passes("the full time anew", 11, "n1", "n3")
	d.hears(tenth, "n1", "n3").accuses("n2 is silent", "n2")
}

// TestDetectorAlone: who hears nobody else accuses while it is answered, once it has been for long enough to hear who lives.
func TestDetectorAlone(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.passes("nobody is heard", 6, "n1")
	d.is("before it can know", false, false)
	d.passes("nobody is heard", 50, "n1")
	d.is("nobody is heard", true, true)
	d.Contact(d.now)
	d.passes("one answer proves nothing", 20, "n1")
	for range 4 {
		d.Contact(d.now)
		d.is("it is answered", true, false)
		d.passes("they may be heard now", 1, "n1")
	}
	d.Contact(d.now)
	d.hears(tenth, "n1").accuses("it has been answered for long enough", "n2", "n3")
	d.hears(3*tenth, "n1").accuses("it was answered lately", "n2", "n3")
	d.hears(2*tenth, "n1").accuses("it isn't answered any more")
	d.is("it isn't answered any more", true, true)
	d.Contact(d.now)
	d.passes("an answer after a gap is a first one", 3, "n1")
}

// TestDetectorSlowAnswers: answers that come late, one after the other, prove as much as quick ones.
func TestDetectorSlowAnswers(t *testing.T) {
	d := newDetecting(t, "n1", "n2")
	d.passes("all beat", 20, "n1", "n2")
	for asked := []time.Time{}; ; {
		if len(d.hears(tenth, "n1").Tick(d.now, d.state)) > 0 {
			break
		}
		if d.Deaf(d.now) {
			asked = append(asked, d.now)
		}
		if len(asked) > 0 && d.now.Sub(asked[0]) >= 900*time.Millisecond {
			d.Contact(d.now)
			asked = asked[1:]
		}
		if d.now.After(time.Unix(1000+10, 0)) {
			t.Fatal("n2 is dead and not accused")
		}
	}
}

// TestDetectorHearsAgain: who was cut off gives all half of the time when it hears again, also those it hears later.
func TestDetectorHearsAgain(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	d.passes("nobody is heard", 50, "n1")
	d.Contact(d.now)
	d.passes("n2 is heard", 6, "n1", "n2")
	d.is("n2 is heard", false, false)
	d.hears(tenth, "n1", "n2").accuses("n3 isn't", "n3")
}

// TestDetectorSlowBeats: a survivor whose beats come slowly doesn't hide who is dead.
func TestDetectorSlowBeats(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	for i := 1; ; i++ {
		beats := []string{"n1"}
		if i%9 == 0 {
			beats = append(beats, "n3")
		}
		if len(d.hears(tenth, beats...).Tick(d.now, d.state)) > 0 {
			break
		}
		if d.Deaf(d.now) {
			d.Contact(d.now)
		}
		if i > 100 {
			t.Fatal("n2 is dead and not accused")
		}
	}
}

// TestDetectorHearsWhoIsCutOff: a beat that says that its node is cut off shows that something is heard, and no more.
func TestDetectorHearsWhoIsCutOff(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	d.passes("all beat", 20, "n1", "n2", "n3")
	m, _ := d.state.Member("n2")
	for range 10 {
		d.hears(tenth, "n1")
		d.Heard(d.now, "n2", m.Incarnation, true)
		d.accuses("n2 is cut off, n3 silent")
	}
	d.is("n2 is heard", false, false)
	d.hears(tenth, "n1")
	d.Heard(d.now, "n2", m.Incarnation, true)
	d.accuses("n2 is cut off, n3 silent", "n2", "n3")
}

// TestDetectorHearsNobody, not even itself: it is cut off until it is answered.
func TestDetectorHearsNobody(t *testing.T) {
	d := newDetecting(t, "n1")
	d.is("before it has looked", false, false)
	d.accuses("the start")
	d.is("the start", false, false)
	d.passes("it hears itself", 20, "n1")
	d.is("it hears itself, and there is nobody else", false, false)
	d.passes("it may be silent for as long", 10)
	d.is("it may be silent for as long", false, false)
	d.passes("it is deaf", 1)
	d.is("it is deaf", true, true)
	d.Contact(d.now)
	d.is("it is deaf, but answered", true, false)
}

// TestDetectorOutside: who is no member accuses nobody, and then all have the full time.
func TestDetectorOutside(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3")
	inside := d.state
	d.passes("all beat", 20, "n1", "n2", "n3")
	var err error
	if d.state, err = inside.Fail("n1", 1); err != nil {
		t.Fatal(err)
	}
	d.passes("it is taken for dead", 30, "n1", "n2")
	d.state = inside
	d.passes("it is a member again", 6, "n1", "n3")
}
