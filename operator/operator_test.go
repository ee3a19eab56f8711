package operator_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

const (
	committed = event.Committed
	duplicate = event.Duplicate
	notOwner  = event.NotOwner
	busy      = event.Busy
	bad       = event.Bad
	conflict  = event.Conflict
	reused    = event.Reused
)

func TestClaimAndCommit(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("p", 1, "a b"), eventOf("p", 2, "-a c a"))
	h.want("(claim)[a b -a c a]", "a b c", committed, committed)
	rec := h.log.records(t)[1]
	wantPositions := []operator.ProducerPosition{{Producer: event.ParseProducer("p"), Seq: 2, Adds: 2, Deletes: 1}}
	if w := (operator.Writer{Epoch: 1, Node: "n1", Incarnation: 1}); !slices.Equal(rec.Positions, wantPositions) ||
		rec.Writer != w {
		t.Errorf("record %+v", rec)
	}
	want := event.Ack{Status: committed, Position: 6, Adds: 2, Deletes: 1, Head: rec.ID}
	if h.acks[1] != want || h.acks[0].Adds != 2 || h.Position() != 6 || h.Head() != rec.ID {
		t.Errorf("acks %+v, position %d, head %s", h.acks, h.Position(), h.Head())
	}
}

// TestGroupCommit: what comes while an append is under way goes into one record behind it.
func TestGroupCommit(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.hold()
	h.deliver(1, eventOf("p", 1, "a"))
	h.deliver(2, eventOf("p", 2, "b"))
	h.Deliver(h.now, event.Batch{From: "r", Shard: 7, ID: 1,
		Events: []event.Event{eventOf("q", 1, "c"), eventOf("q", 2, "-a")}})
	h.run()
	if len(h.pending) != 1 || len(h.acks) > 0 {
		t.Fatalf("%d appends under way, acks %v", len(h.pending), h.acks)
	}
	h.release()
	h.want("(claim)[a][b c -a]", "b c", committed, committed, committed, committed)
	if got := h.log.records(t)[2].Positions; len(got) != 2 || got[1].Seq != 2 {
		t.Errorf("positions %+v", got)
	}
}

// TestNoChange: an event with an identity is remembered even if it changes nothing; one without leaves no trace.
func TestNoChange(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("", 0, "-a"))
	h.deliver(2, eventOf("p", 1, "-a"))
	h.want("(claim)[]", "", committed, committed)
	h.deliver(3, eventOf("q", 1, "a"), eventOf("p", 1, "-a"))
	h.want("(claim)[][a]", "a", committed, committed, committed, duplicate)
}

// TestNoChangeOfADoor: a door's event that changes nothing has a record, too. Without it a deposed owner would answer of an old
// state, and a copy of the event that is late would undo what came after it.
func TestNoChangeOfADoor(t *testing.T) {
	log := &shardLog{}
	first := owner(t, log, nil)
	first.deliver(1, eventOf("p", 1, "a"))
	first.deliver(2, eventOf("door/n3/1", 1, "a"))
	first.want("(claim)[a][]", "a", committed, committed)
	second := newHarness(t, log, func(c *operator.Config) { c.Node = "n2" })
	second.assign(operator.Owner, 2, 2)
	second.deliver(1, eventOf("door/n4/1", 1, "-a"))
	first.deliver(3, eventOf("door/n5/1", 1, "a"))
	if got := first.acks[len(first.acks)-1]; got.Status != notOwner {
		t.Errorf("a deposed owner, which knows of no change, answers %+v", got)
	}
	second.deliver(2, eventOf("door/n3/1", 1, "a"))
	second.want("(claim)[a][](claim)[-a]", "", committed, duplicate)
}

func TestStandbyTakesOver(t *testing.T) {
	log := &shardLog{}
	first := owner(t, log, nil)
	first.deliver(1, eventOf("p", 1, "a"))
	h := newHarness(t, log, func(c *operator.Config) { c.Node = "n2" })
	h.assign(operator.Standby, 2, 2)
	first.deliver(2, eventOf("p", 2, "b"))
	h.deliverFollow()
	if h.State() != operator.Following || h.words() != "a b" {
		t.Errorf("%v with %q", h.State(), h.words())
	}
	h.deliver(1, eventOf("p", 3, "c"))
	h.assign(operator.Owner, 3, 2)
	h.deliver(2, eventOf("p", 2, "b"), eventOf("p", 3, "c"))
	h.want("(claim)[a][b](claim)[c]", "a b c", notOwner, duplicate, committed)
	if h.acks[0].Epoch != 2 {
		t.Errorf("refused with epoch %d", h.acks[0].Epoch)
	}
	// The deposed owner notices with its next append, and not before.
	first.deliver(3, eventOf("p", 4, "z"))
	first.want("(claim)[a][b](claim)[c]", "a b", committed, committed, notOwner)
	first.deliver(4, eventOf("p", 5, "z"))
	if got := first.acks[len(first.acks)-1]; first.State() != operator.Resting || got.Status != notOwner {
		t.Errorf("the deposed owner is %v and answers %+v", first.State(), got)
	}
}

// TestUnknownOutcome: an append without an answer took effect, took none, or takes effect later, beside its repetition.
func TestUnknownOutcome(t *testing.T) {
	for _, takes := range []string{"at once", "never", "later"} {
		t.Run(takes, func(t *testing.T) {
			h := owner(t, &shardLog{}, nil)
			tries := 0
			var late operator.Append
			h.append = func(a operator.Append) (uint64, error, bool) {
				switch tries++; {
				case tries == 1 && takes == "at once":
					_, _ = h.log.append(a.Expect, a.Payload)
				case tries == 1:
					late = a
				case tries == 2 && takes == "later":
					_, _ = h.log.append(late.Expect, late.Payload)
					fallthrough
				default:
					seq, err := h.log.append(a.Expect, a.Payload)
					return seq, err, true
				}
				return 0, engine.ErrUnknown, true
			}
			h.deliver(1, eventOf("p", 1, "a"))
			if waits := takes != "at once"; h.Waiting() != waits {
				t.Errorf("waiting: %v", h.Waiting())
			}
			h.tick(49 * time.Millisecond)
			if takes != "at once" && tries != 1 {
				t.Errorf("%d tries before the back-off is over", tries)
			}
			h.tick(time.Millisecond)
			h.want("(claim)[a]", "a", committed)
			if h.acks[0].Position != 6 || h.Stats().Unknown != 1 {
				t.Errorf("position %d, stats %+v", h.acks[0].Position, h.Stats())
			}
		})
	}
}

// TestClockSetBack: what waits does not wait until the clock is where it was.
func TestClockSetBack(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrUnknown, true }
	h.deliver(1, eventOf("p", 1, "a"))
	h.append = nil
	h.tick(-time.Hour)
	h.want("(claim)[a]", "a", committed)
}

// TestRefusedThoughNobodyHasWritten: the tail decides, and the same bytes go to the same place again.
func TestRefusedThoughNobodyHasWritten(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrConflict, true }
	h.deliver(1, eventOf("p", 1, "a"))
	h.want("(claim)", "")
	h.append = nil
	h.tick(50 * time.Millisecond)
	h.want("(claim)[a]", "a", committed)
	if h.Stats().Refused != 1 {
		t.Errorf("stats %+v", h.Stats())
	}
}

// TestLateAnswer: the answer to an append that was given up is not taken for that to another.
func TestLateAnswer(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.hold()
	h.deliver(1, eventOf("p", 1, "a"))
	old := h.pending[0]
	h.assign(operator.Owner, 5, 1) // lost and got back in between
	seq, err := h.log.append(old.Expect, old.Payload)
	h.Appended(h.now, old.Gen, seq, err)
	h.run()
	h.pending = h.pending[1:]
	h.release() // the claim, which comes too late
	h.want("(claim)[a](claim)", "a", notOwner)
	h.deliver(2, eventOf("p", 1, "a"))
	h.want("(claim)[a](claim)", "a", notOwner, duplicate)
}

// TestAssignmentTakesAway: nothing uncommitted stays, and those who wait are told.
func TestAssignmentTakesAway(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.hold()
	h.deliver(1, eventOf("p", 1, "a"))
	h.deliver(2, eventOf("p", 2, "b"))
	h.assign(operator.Standby, 4, 1)
	h.want("(claim)", "", notOwner, notOwner)
	if h.acks[0].Epoch != 4 || h.State() != operator.Following || h.Stats().Yields != 1 {
		t.Errorf("%+v, %v, %+v", h.acks, h.State(), h.Stats())
	}
	h.assign(operator.NoRole, 3, 1) // an older assignment
	if h.State() != operator.Following {
		t.Errorf("an old assignment made it %v", h.State())
	}
	h.assign(operator.NoRole, 5, 1)
	if h.State() != operator.None || h.Position() != 0 {
		t.Errorf("%v at %d", h.State(), h.Position())
	}
}

// TestSuperseded: a claim by a later process of the same name tells this one to stop.
func TestSuperseded(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.log.add(t, claim(1, "n1", 2))
	h.deliver(1, eventOf("p", 1, "a"))
	h.want("(claim)(claim)", "", notOwner)
	want := operator.Effect(operator.Superseded{By: operator.Writer{Epoch: 1, Node: "n1", Incarnation: 2}})
	if h.State() != operator.Resting || !slices.Contains(h.others, want) {
		t.Errorf("%v, %v", h.State(), h.others)
	}
	// A claim of another node is no reason to stop.
	h = owner(t, &shardLog{}, nil)
	h.log.add(t, claim(2, "n2", 9))
	h.deliver(1, eventOf("p", 1, "a"))
	if h.State() != operator.Resting || len(h.others) > 0 {
		t.Errorf("%v, %v", h.State(), h.others)
	}
}

// TestClaimIsThere: the answer to a claim got lost. One that this process has not made is of another, which had the same
// incarnation before the control log lost its end: nothing may be written in its name.
func TestClaimIsThere(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n1", 1))
	h := newHarness(t, log, nil)
	h.assign(operator.Owner, 1, 1)
	if h.State() != operator.Halted || !errors.Is(h.Err(), engine.ErrDamaged) {
		t.Errorf("with a claim of its own that it hasn't made it is %v, %v", h.State(), h.Err())
	}
	log.add(t, claim(9, "n2", 2))
	late := newHarness(t, log, nil)
	late.assign(operator.Owner, 8, 1)
	if late.State() != operator.Resting {
		t.Errorf("with a newer claim in the log it is %v", late.State())
	}
}

// TestDeposedAppendComesBeforeClaim: the claim is refused, the record applied, and the claim made again.
func TestDeposedAppendComesBeforeClaim(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n0", 1))
	h := newHarness(t, log, nil)
	h.append = func(a operator.Append) (uint64, error, bool) {
		h.append = nil
		late := claim(1, "n0", 1)
		late.Kind, late.Body = operator.Delta, []byte("a\n")
		log.add(t, late)
		return 0, engine.ErrConflict, true
	}
	h.assign(operator.Owner, 2, 1)
	h.want("(claim)[a](claim)", "a")
	if h.State() != operator.Owning {
		t.Errorf("it is %v", h.State())
	}
}

func TestSenders(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(4, eventOf("p", 1, "a"))
	h.deliver(4, eventOf("p", 1, "a")) // the answer got lost: the same again
	h.deliver(3, eventOf("p", 1, "a")) // a late copy of an older one: nobody waits
	h.want("(claim)[a]", "a", committed, committed)
	if h.acks[0] != h.acks[1] {
		t.Errorf("%+v, then %+v", h.acks[0], h.acks[1])
	}
	h.hold()
	h.deliver(5, eventOf("p", 2, "b"))
	h.deliver(5, eventOf("p", 2, "b"))
	h.deliver(6)
	h.release()
	h.want("(claim)[a][b]", "a b", committed, committed, committed)
	h.Deliver(h.now, event.Batch{Shard: 7, Events: []event.Event{eventOf("", 0, "c")}}) // nobody waits for acks
	h.run()
	h.want("(claim)[a][b][c]", "a b c", committed, committed, committed)
}

func TestQueueIsBounded(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxQueue = 600 })
	h.hold()
	h.deliver(1, eventOf("p", 1, strings.Repeat("a", 1000))) // one always fits
	h.deliver(2, eventOf("p", 2, "b"))
	h.want("(claim)", "", busy)
	h.release()
	h.deliver(2, eventOf("p", 2, "b"))
	if got := h.statuses(); !slices.Equal(got, []event.Status{busy, committed, committed}) {
		t.Errorf("acks %v", got)
	}
	if h.batches[0].ID != 2 || h.batches[1].ID != 1 || h.Stats().BusyAcked != 1 {
		t.Errorf("batches %+v, stats %+v", h.batches, h.Stats())
	}
}

// TestSenderIsAhead: a sender that knows a newer assignment is told to wait, one that knows an older where it stands.
func TestSenderIsAhead(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.assign(operator.Standby, 4, 1)
	ahead := eventOf("p", 1, "a")
	ahead.Epoch = 5
	h.deliver(1, ahead)
	ahead.Epoch = 4
	h.deliver(2, ahead)
	h.want("", "", busy, notOwner)
}

// TestDelivery before the shard is owned waits.
func TestDeliveryWaitsForClaim(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.hold()
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	if h.State() != operator.Claiming || len(h.acks) > 0 {
		t.Errorf("%v, %v", h.State(), h.acks)
	}
	h.release()
	h.want("(claim)[a]", "a", committed)
}

func TestPrev(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("p", 1, "a"))
	head := h.Head()
	first, second := eventOf("q", 1, "b"), eventOf("r", 1, "c")
	first.Prev, second.Prev = head, head
	h.deliver(2, eventOf("p", 2, "x"), first, second)
	h.want("(claim)[a][x]", "a x", committed, committed, conflict, conflict)
	if h.acks[2].Head != h.Head() || h.acks[2].Head == head {
		t.Errorf("conflict with head %s", h.acks[2].Head)
	}
	first.Prev, second.Prev = h.Head(), h.Head()
	h.deliver(3, first, second, eventOf("p", 3, "y"))
	h.want("(claim)[a][x][b][y]", "a b x y", committed, committed, conflict, conflict, committed, conflict, committed)
	h.deliver(4, first) // it was committed; its prev is no longer asked for
	if h.acks[7].Status != duplicate {
		t.Errorf("again: %+v", h.acks[7])
	}
}

// TestDeadLetter: a bad event gets a record of its own, once, and the good ones around it go on, in order.
func TestDeadLetter(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("p", 1, "a b"), eventOf("p", 2, "-a"), eventOf("q", 1, "z bad"), eventOf("p", 3, "c"),
		eventOf("q", 2, "bad"))
	h.want("(claim)[a b -a](dead-letter)[c](dead-letter)", "b c", committed, committed, bad, committed, bad)
	letter := h.log.records(t)[2]
	if letter.Reason != "it is bad" || !strings.Contains(string(letter.Body), `H payload "eiBiYWQ=" .`) ||
		letter.Positions[0].Producer.Name != "q" || h.acks[2].Position != 9 || h.acks[2].Reason != "it is bad" {
		t.Errorf("letter %+v %s, ack %+v", letter, letter.Body, h.acks[2])
	}
	h.deliver(2, eventOf("q", 2, "bad"), eventOf("q", 1, "z bad"), eventOf("p", 9, "n"))
	if got := h.acks[5]; got.Status != bad || got.Position != 15 || got.Reason == "" {
		t.Errorf("again: %+v", got)
	}
	if got := h.acks[6]; got.Status != bad || got.Position != 9 || got.Reason != "it is bad" {
		t.Errorf("an earlier one again: %+v", got)
	}
	if s := h.Stats(); s.Bad != 2 || s.Adds != 4 || s.Deletes != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestHalt(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, nil)
	h.deliver(1, eventOf("p", 1, "a"))
	log.entries[1].Payload[300] ^= 4
	standby := newHarness(t, log, nil)
	standby.assign(operator.Standby, 1, 2)
	if err := standby.Err(); standby.State() != operator.Halted || !errors.Is(err, engine.ErrDamaged) ||
		!strings.HasPrefix(err.Error(), "shard 7, position 6: ") {
		t.Errorf("%v: %v", standby.State(), err)
	}
	standby.assign(operator.Owner, 2, 2)
	standby.deliver(1, eventOf("p", 2, "b"))
	if got := standby.acks; standby.State() != operator.Halted || len(got) != 1 || got[0].Status != event.Halted ||
		!strings.HasPrefix(got[0].Reason, "shard 7, position 6: log is damaged") {
		t.Errorf("%v, %+v", standby.State(), got)
	}
}

// TestDeltaDoesNotFit: a delta that is sound, and that this state can't have led to.
func TestDeltaDoesNotFit(t *testing.T) {
	log := &shardLog{}
	log.add(t, claim(1, "n0", 1))
	r := claim(1, "n0", 1)
	r.Kind, r.Body = operator.Delta, []byte("-never\n")
	log.add(t, r)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 2, 1)
	if !errors.Is(h.Err(), engine.ErrDamaged) {
		t.Errorf("%v", h.Err())
	}
}

// TestReadingFails: it is taken up again. A log that is trimmed where it must be read, and behind the newest snapshot, too,
// halts the shard.
func TestReadingFails(t *testing.T) {
	log := &shardLog{}
	owner(t, log, nil).deliver(1, eventOf("p", 1, "a"))
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 1, 2)
	h.ReadDone(h.now, h.follow.Gen, errors.New("connection lost"))
	if h.run(); !h.Waiting() {
		t.Fatal("nothing is waited for")
	}
	if _, err := h.Trouble(); err == nil {
		t.Error("it is not said")
	}
	from := h.follow.From
	h.tick(50 * time.Millisecond)
	if h.follow.From != from+5 || h.Waiting() {
		t.Errorf("follows from %d", h.follow.From)
	}
	if _, err := h.Trouble(); err != nil {
		t.Errorf("it is said still: %v", err)
	}
	for n := range 2 { // what was read before doesn't reach as far as the log begins; there is no snapshot that does
		restores := h.restores
		h.ReadDone(h.now, h.follow.Gen, fmt.Errorf("read: %w", engine.ErrTrimmed))
		h.log = &shardLog{}
		if h.run(); h.State() == operator.Halted != (n == 1) || h.restores != restores+1-n {
			t.Fatalf("%d times trimmed: %v, %d snapshots asked for", n+1, h.State(), h.restores-restores)
		}
		if h.follow.From != 1 || h.words() != "" {
			t.Errorf("without a snapshot it follows from %d, with %q", h.follow.From, h.words())
		}
	}
}

// TestTrimmedBehindSnapshot: the log was trimmed behind a snapshot; that is taken up, as follower and as owner whose append
// was under way, and senders notice nothing.
func TestTrimmedBehindSnapshot(t *testing.T) {
	trimmed := fmt.Errorf("read: %w", engine.ErrTrimmed)
	for _, role := range []operator.Role{operator.Standby, operator.Owner} {
		log := &shardLog{}
		every := func(c *operator.Config) { c.SnapshotEvery = 1 }
		h := owner(t, log, every)
		h.deliver(1, eventOf("p", 1, "a"))
		snapshot := snapshotOf(t, h)
		if role == operator.Standby {
			h = newHarness(t, log, every)
			h.assign(role, 1, 2)
		} else {
			h.hold()
			h.deliver(2, eventOf("p", 2, "b"), eventOf("p", 3, "c"))
			h.append = nil
			h.Appended(h.now, h.pending[0].Gen, 0, engine.ErrUnknown)
			h.follow.Gen = h.Effects()[0].(operator.Read).Gen
		}
		log.entries = log.entries[1:]
		h.snapshot = bytes.NewReader(snapshot)
		h.ReadDone(h.now, h.follow.Gen, trimmed)
		h.run()
		if h.Err() != nil || h.restores != 2 || h.Stats().SnapshotsUsed != 1 {
			t.Errorf("%v: %v, %d snapshots asked for", h.State(), h.Err(), h.restores)
		}
		want := "a"
		if role == operator.Owner {
			want = "a b c"
			if got := h.statuses(); !slices.Equal(got, []event.Status{committed, committed, committed}) {
				t.Errorf("acks %v", got)
			}
		}
		if h.words() != want {
			t.Errorf("%v with %q", h.State(), h.words())
		}
	}
}

// TestDeadLetterBehindOthers: the good events before a bad one are of several batches; they go into a record without it.
func TestDeadLetterBehindOthers(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.hold()
	h.deliver(1, eventOf("p", 1, "a"))
	h.deliver(2, eventOf("p", 2, "b"), eventOf("p", 3, "-a"))
	h.deliver(3, eventOf("p", 4, "c"))
	h.deliver(4, eventOf("p", 5, "d"), eventOf("q", 1, "x bad"), eventOf("p", 6, "e"))
	h.release()
	h.want("(claim)[a][b -a c d](dead-letter)[e]", "b c d e",
		committed, committed, committed, committed, committed, bad, committed)
	if s := h.Stats(); s.Adds != 5 || s.Deletes != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestReadingFailsWhileClaiming: it is read again, from where it was, and then claimed.
func TestReadingFailsWhileClaiming(t *testing.T) {
	log := &shardLog{}
	owner(t, log, nil).deliver(1, eventOf("p", 1, "a"))
	h := newHarness(t, log, nil)
	h.Assign(h.now, operator.Assignment{Control: 2, Role: operator.Owner, Epoch: 2, Incarnation: 2})
	var read operator.Read
	for _, e := range h.Effects() {
		if e, ok := e.(operator.Restore); ok {
			h.Restored(h.now, e.Gen, nil)
		}
	}
	for _, e := range h.Effects() {
		if e, ok := e.(operator.Read); ok {
			read = e
		}
	}
	h.Entries(h.now, read.Gen, log.entries[:1])
	h.ReadDone(h.now, read.Gen, errors.New("connection lost"))
	h.run()
	if h.State() != operator.Claiming || !h.Waiting() {
		t.Fatalf("%v", h.State())
	}
	h.Entries(h.now, read.Gen-1, log.entries[1:]) // of an older reading
	h.tick(50 * time.Millisecond)
	h.want("(claim)[a](claim)", "a")
	if got := fmt.Sprint(h.State(), operator.None, operator.Halted); got != "owning none halted" {
		t.Error(got)
	}
}

// TestFirst: an event that asks for a shard without a head is accepted once, however empty the state is later.
func TestFirst(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	first, second, third := eventOf("p", 1, "a"), eventOf("q", 1, "b"), eventOf("r", 1, "c")
	first.First, second.First, third.First = true, true, true
	h.deliver(1, first, second)
	h.deliver(2, eventOf("p", 2, "-a"), third)
	h.want("(claim)[a][-a]", "", committed, conflict, committed, conflict)
	if h.acks[1].Head == "" || h.acks[3].Head != h.Head() {
		t.Errorf("conflicts with heads %q and %q", h.acks[1].Head, h.acks[3].Head)
	}
}
