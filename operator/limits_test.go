package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// TestHeaderRoomHoldsTheLargest: headers whose texts are all escapes, and as long as they may be, are within their room.
func TestHeaderRoomHoldsTheLargest(t *testing.T) {
	node := strings.Repeat("n", 63)
	r := operator.Record{Prev: operator.ID([32]byte{}), Kind: operator.DeadLetter, Shard: 1 << 20, Time: time.Unix(1<<33, 123456789),
		Writer:    operator.Writer{Epoch: math.MaxUint64, Node: node, Incarnation: math.MaxUint64},
		Positions: []operator.ProducerPosition{{Producer: event.Producer{Name: strings.Repeat("\x01", event.MaxText)}, Seq: math.MaxUint64}},
		Reason:    strings.Repeat("\x01", 4096)}
	if got, room := len(r.Encode(nil)), operator.HeaderRoom(node); got > room {
		t.Errorf("headers of %d bytes in a room of %d", got, room)
	}
}

// TestClaimsAlone use what the engine keeps for claims, which the harness looks at.
func TestClaimsAlone(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	h.want("(claim)[a]", "a", committed)
	if s := h.Stats(); s.ClaimTries != 1 || s.Claims != 1 || s.Records != 2 {
		t.Errorf("%+v", s)
	}
}

// TestFailedFollowing: it is tried again when its pause is over and not before; a shard that was given back is not read, and
// one that was given to us is read once.
func TestFailedFollowing(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n2", 1))
	standby := func() *harness {
		h := newHarness(t, log, nil)
		h.assign(operator.Standby, 1, 1)
		h.ReadDone(h.now, h.follow.Gen, errors.New("cut off"))
		h.run()
		if _, err := h.Trouble(); err == nil || !h.Waiting() {
			t.Fatalf("waits: %v, %v", h.Waiting(), err)
		}
		return h
	}
	asks := func(h *harness, after time.Duration) (asked int) {
		h.Tick(h.now.Add(after))
		return len(h.Effects())
	}
	if n := asks(standby(), 0); n > 0 {
		t.Errorf("%d effects at once", n)
	}
	if n := asks(standby(), 50*time.Millisecond); n != 1 {
		t.Errorf("%d effects after the pause", n)
	}
	h := standby()
	h.assign(operator.NoRole, 2, 1)
	if n := asks(h, time.Second); n > 0 || h.State() != operator.None {
		t.Errorf("given back: %d effects", n)
	}
	h = standby()
	h.Assign(h.now, operator.Assignment{Control: 2, Role: operator.Owner, Epoch: 2, Incarnation: 1})
	if h.Waiting() {
		t.Error("it waits for the time, and reads")
	}
	h.hold()
	h.run()
	if _, err := h.Trouble(); err != nil || h.Waiting() {
		t.Errorf("it has read: waits %v, %v", h.Waiting(), err)
	}
}

// TestTroubleEndsWithOwnership: who owns the shard no more waits for nothing and has no trouble with it.
func TestTroubleEndsWithOwnership(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrNoRoom, true }
	h.deliver(1, eventOf("p", 1, "a"))
	if _, err := h.Trouble(); err == nil || !h.Waiting() {
		t.Fatalf("waits: %v, %v", h.Waiting(), err)
	}
	h.Assign(h.now, operator.Assignment{Control: 2, Role: operator.Standby, Epoch: 2, Incarnation: 1})
	if _, err := h.Trouble(); err != nil || h.Waiting() {
		t.Errorf("waits: %v, %v", h.Waiting(), err)
	}
}

// TestAnswersAreCounted: those that say "later", and those of the engine that say nothing.
func TestAnswersAreCounted(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxOnce = 1 })
	once := func(id uint64) {
		h.deliver(id, event.Event{Producer: event.Producer{Kind: event.Once, Name: fmt.Sprint(id)}, Seq: 1, Payload: []byte("a")})
	}
	once(1)
	once(2)
	if s := h.Stats(); s.BusyAcked != 1 || s.Unknown != 0 {
		t.Errorf("too many keys: %+v", s)
	}
	h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrNoRoom, true }
	for range 2 {
		h.deliver(3, eventOf("p", 1, "b"))
		h.now = h.now.Add(time.Second)
	}
	if s := h.Stats(); s.BusyAcked != 2 || s.Unknown != 1 || s.Halts != 0 {
		t.Errorf("no room: %+v, acks %v", s, h.statuses())
	}
	h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrDamaged, true }
	h.tick(time.Second)
	if s := h.Stats(); s.Halts != 1 || h.State() != operator.Halted {
		t.Errorf("damage: %v, %+v", h.State(), s)
	}
}

// TestStrangeErrorsAreSlow: an engine that gives errors that nobody knows is asked for minutes before the shard halts.
func TestStrangeErrorsAreSlow(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	tries := 0
	h.append = func(operator.Append) (uint64, error, bool) { tries++; return 0, errors.New("strange"), true }
	h.deliver(1, eventOf("p", 1, "a"))
	begun := h.now
	for h.State() == operator.Owning && h.now.Sub(begun) < time.Hour {
		h.tick(50 * time.Millisecond)
	}
	if took := h.now.Sub(begun); took < 100*time.Second || took > 3*time.Minute || tries != 120 {
		t.Errorf("halted after %v and %d tries", took, tries)
	}
}

// TestMarkOfTheRecordBefore: a mark that stands just before where a reading begins says nothing against it.
func TestMarkOfTheRecordBefore(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n2", 1))
	delta := claim(1, "n2", 1)
	delta.Kind, delta.Body = operator.Delta, []byte("a\n")
	log.add(t, delta)
	for i := range log.entries { // without gaps
		log.entries[i].Seq = uint64(i + 1)
	}
	first, err := operator.Decode(log.entries[0].Payload)
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, log, nil)
	h.Marked(h.now, engine.Mark{Position: 1, ID: first.ID})
	h.assign(operator.Standby, 1, 1)
	h.ReadDone(h.now, h.follow.Gen, errors.New("cut off"))
	h.run()
	h.tick(time.Second)
	if h.Waiting() || h.Committed().Position != 2 || h.words() != "a" {
		t.Errorf("%v at %+v: %v", h.State(), h.Committed(), h.Err())
	}
}

// TestMarkOfTheFirstRecord: a log whose first record is another one halts the shard at once.
func TestMarkOfTheFirstRecord(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n2", 1))
	log.entries[0].Seq = 1
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 1, 1)
	h.Marked(h.now, engine.Mark{Position: 1, ID: operator.ID([32]byte{1})})
	h.run()
	if h.State() != operator.Halted || !errors.Is(h.Err(), engine.ErrDamaged) {
		t.Errorf("%v, %v", h.State(), h.Err())
	}
}

// TestGivenUpIsNoTrouble: when what can't be logged was answered, the shard has no trouble.
func TestGivenUpIsNoTrouble(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.limited(900)
	h.deliver(1, eventOf(strings.Repeat("n", 1000), 1, "a"))
	if _, err := h.Trouble(); err != nil || h.statuses()[0] != event.TooLarge {
		t.Errorf("%v, %v", err, h.statuses())
	}
}

// TestResumeAtKnowsItsRecord: the record that a chain begins after is the last whole one, and its id is known.
func TestResumeAtKnowsItsRecord(t *testing.T) {
	r := claim(1, "n2", 1)
	c, err := operator.ResumeAt(7, 3, r.Encode(nil))
	if err != nil || c.Whole != 3 || c.WholeID != r.ID || c.Head != r.ID {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestRejectedLetter: the record of what was rejected has its media type, and its reason once.
func TestRejectedLetter(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	ev := eventOf("p", 1, "\x89PNG")
	ev.MediaType = "image/png"
	ev.Reject("it is no document")
	h.deliver(1, ev)
	letter := h.log.records(t)[1]
	if body := string(letter.Body); letter.Reason != "it is no document" || strings.Contains(body, "no document") ||
		strings.Contains(body, "rejected/") || !strings.Contains(body, `H media-type "image/png"`) {
		t.Errorf("%q: %s", letter.Reason, body)
	}
}

// TestStateVersion: what a snapshot's part of the operator begins with stays, so that older snapshots can be read.
func TestStateVersion(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.SnapshotEvery = 1 })
	h.deliver(1, eventOf("p", 1, "a"))
	var text strings.Builder
	if err := h.snapshots[0].Write(&text); err != nil {
		t.Fatal(err)
	}
	var s wordsSnapshot
	if err := json.NewDecoder(strings.NewReader(text.String())).Decode(&s); err != nil || s.Extra[0] != 1 || s.Extra[1] != 7 {
		t.Errorf("%v, % x", err, s.Extra[:2])
	}
	if err := h.snapshots[0].Write(failing{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("where nothing can be written: %v", err)
	}
}

// failing takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestFoldBoundsOneEvent: the bound is that of what one event adds, whatever its group has.
func TestFoldBoundsOneEvent(t *testing.T) {
	l := operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil }, func([]byte) error { return nil })
	before := make([]byte, 100)
	for n, good := range map[int]bool{5: true, 6: false} {
		body, _, _, err := l.Evaluate(&event.Event{Payload: make([]byte, n)}, operator.Evaluation{MaxBody: 5}, before)
		if (err == nil) != good || good && len(body) != 105 {
			t.Errorf("%d bytes of 5: %d, %v", n, len(body), err)
		}
	}
}

// TestFull: an event for which the state has no room is no dead letter. The shard halts with nothing of it in the log, and
// each event is told what became of it.
func TestFull(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, nil)
	h.hold()
	first := eventOf("p", 1, "a")
	h.deliver(1, first, eventOf("p", 2, "b"), eventOf("p", 3, "c vast"), eventOf("p", 4, "d"))
	if len(h.pending) > 0 || h.State() != operator.Halted || !errors.Is(h.Err(), operator.ErrFull) ||
		errors.Is(h.Err(), engine.ErrDamaged) {
		t.Errorf("%v: %v, %d appends", h.State(), h.Err(), len(h.pending))
	}
	h.want("(claim)", "", event.Halted)
	if h.Logic().(*words).tried != nil {
		t.Error("what was evaluated is not rolled back")
	}
	if got := h.acks[0].Reason; got != "shard 7: the state is full: no room for it" {
		t.Errorf("reason %q", got)
	}
	h.deliver(2, eventOf("p", 9, "x"))
	h.want("(claim)", "", event.Halted, event.Halted)
}

// TestFullLater: the events of the batch that are in the log by then are answered as that.
func TestFullLater(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxRecord = 10 })
	h.deliver(1, eventOf("p", 1, "aaaaaaaa"), eventOf("p", 2, "vast"), eventOf("p", 3, "c"))
	h.want("(claim)[aaaaaaaa]", "aaaaaaaa", committed, event.Halted, event.Halted)
	if len(h.batches) != 1 {
		t.Errorf("%+v", h.batches)
	}
}

// TestFullAtReplay: a standby without room halts, and says nothing of damage; it answers as the standby that it is.
func TestFullAtReplay(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n0", 1))
	r := claim(1, "n0", 1)
	r.Kind, r.Body = operator.Delta, []byte("vast\n")
	log.add(t, r)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 2, 1)
	if err := h.Err(); h.State() != operator.Halted || !errors.Is(err, operator.ErrFull) || errors.Is(err, engine.ErrDamaged) ||
		!strings.HasPrefix(err.Error(), "shard 7, position 6: ") {
		t.Errorf("%v: %v", h.State(), err)
	}
	h.deliver(1, eventOf("p", 1, "a"))
	if got := h.statuses(); len(got) != 1 || got[0] != event.NotOwner {
		t.Errorf("%v", got)
	}
}
