package coordinator_test

import (
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
)

// TestContactToTheNanosecond: a node that hears nobody accuses if a majority has answered it for a third of the time, the last
// time half of it ago, without a longer gap; and is cut off otherwise only when the last answer is older.
func TestContactToTheNanosecond(t *testing.T) {
	const gap, third = time.Second / 2, time.Second / 3
	for _, test := range []struct {
		name       string
		between    time.Duration // the two answers
		since      time.Duration // the last of them
		accused    []string
		isCutThere bool
	}{
		{"long enough, and just now", third, gap, []string{"n2"}, false},
		{"not long enough", third - 1, gap, nil, false},
		{"too long ago", third, gap + 1, nil, true},
		{"with the longest gap", gap, gap, []string{"n2"}, false},
		{"with a longer gap", gap + 1, gap, nil, false},
	} {
		d := newDetecting(t, "n1", "n2").accuses(test.name)
		now := d.now.Add(time.Second + tenth)
		for d.now.Before(now.Add(-tenth)) {
			d.hears(tenth, "n1").accuses(test.name)
		}
		d.Contact(now.Add(-test.since - test.between))
		d.Contact(now.Add(-test.since))
		d.hears(tenth, "n1").accuses(test.name, test.accused...)
		d.is(test.name, true, test.isCutThere)
	}
}

// TestFirstRecordIsAnothers: of two proposers of the first record of all, who is in doubt finds that the other one was first.
func TestFirstRecordIsAnothers(t *testing.T) {
	p := newProposing(t)
	p.Newest(p.empty, 0)
	p.Appended(0, engine.ErrUnknown)
	p.Appended(0, engine.ErrConflict)
	p.wants(coordinator.ReadBehind, false)
	p.Behind(engine.Entry{Seq: 1, Payload: []byte("another")})
	p.wants(coordinator.ReadNewest, true)
}

// TestWeightByDefault: a node without a weight has the weight 1, however it becomes a member.
func TestWeightByDefault(t *testing.T) {
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 2}, memory.New(2).Control(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	if m, _ := c.State().Member("n1"); m.Weight != 1 || c.Process().Weight != 1 {
		t.Errorf("%+v, %+v", m, c.Process())
	}
	s := coordinator.Process{Name: "n1", ID: "p"}.Enter(coordinator.NewState(coordinator.Settings{Shards: 2, Format: 1}))
	if m, _ := s.Member("n1"); m.Weight != 1 {
		t.Errorf("it has entered as %+v", m)
	}
}

// TestDetectorToTheNanosecond: a silence of just the time that is allowed is none, of the node itself, of a member, and of all.
func TestDetectorToTheNanosecond(t *testing.T) {
	d := newDetecting(t, "n1", "n2", "n3").accuses("at first")
	d.hears(tenth, "n1", "n3")
	d.hears(time.Second, "n3").accuses("it has heard itself a second ago", "n2")
	d = newDetecting(t, "n1", "n2").accuses("at first")
	d.hears(time.Second*2/3, "n1").accuses("for two thirds of the time")
	d.is("for two thirds of the time", false, false)
	d.hears(1, "n1").accuses("for longer")
	d.is("for longer", true, true)
}

// TestStrangersAreNobody: beats of who is no member are no sign that the members could be heard.
func TestStrangersAreNobody(t *testing.T) {
	d := newDetecting(t, "n1", "n2").accuses("at first")
	for range 15 {
		d.Heard(d.now, "n9", 5, false)
		d.hears(tenth, "n1").accuses("it hears a stranger alone")
	}
	d.is("it hears a stranger alone", true, true)
}

// TestNamesToTheLetter: the first and the last letters and digits are allowed, and none beside them.
func TestNamesToTheLetter(t *testing.T) {
	for _, good := range []string{"A", "Z", "a", "z", "0", "9", "-", ".", "_", ":", "@"} {
		if err := coordinator.CheckNode(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"[", "`", "{", "/", ";", "?", " ", "ä"} {
		if err := coordinator.CheckNode(bad); err == nil {
			t.Errorf("%q is a node's name", bad)
		}
	}
}
