package operator_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// every makes a snapshot of each record.
func every(c *operator.Config) { c.SnapshotEvery = 1 }

// restart returns a harness of another node that has the newest snapshot of an owner, and the log.
func restart(t *testing.T, h *harness, change func(*operator.Config)) *harness {
	t.Helper()
	next := newHarness(t, h.log, func(c *operator.Config) {
		c.Node = "n2"
		if change != nil {
			change(c)
		}
	})
	next.now = h.now
	next.snapshot = iotest.HalfReader(bytes.NewReader(snapshotOf(t, h)))
	return next
}

// TestSnapshotKeepsNames: names are bytes, whatever they are; a key that is no UTF-8 is known after a snapshot, and another
// is not taken for it.
func TestSnapshotKeepsNames(t *testing.T) {
	h := owner(t, &shardLog{}, every)
	h.deliver(1, eventOf("once/\xff\xfe", 7, "a"), eventOf("once/\xfe\xff", 8, "b"), eventOf("\x00", 9, "c"))
	next := restart(t, h, nil)
	next.assign(operator.Owner, 2, 2)
	next.deliver(1, eventOf("once/\xff\xfe", 7, "a"), eventOf("once/\xfe\xff", 8, "b"), eventOf("\x00", 9, "c"),
		eventOf("once/\xfe\xfe", 7, "d"))
	if next.Stats().SnapshotsUsed != 1 {
		t.Error("the snapshot is not used")
	}
	next.want("(claim)[a b c](claim)[d]", "a b c d", duplicate, duplicate, duplicate, committed)
	if p := next.acks[0].Position; p != 6 {
		t.Errorf("position %d", p)
	}
}

// TestSnapshotKeepsHeadAndOwner: what comes behind a snapshot is checked as it is behind the records before it.
func TestSnapshotKeepsHeadAndOwner(t *testing.T) {
	h := owner(t, &shardLog{}, every)
	h.deliver(1, eventOf("p", 1, "a"))
	next := restart(t, h, nil)
	next.assign(operator.Owner, 2, 2)
	if next.Head() != h.Head() || next.Head() == "" {
		t.Errorf("head %q, want %q", next.Head(), h.Head())
	}
	withPrev := eventOf("p", 2, "b")
	withPrev.Prev = h.Head()
	next.deliver(1, withPrev)
	next.want("(claim)[a](claim)[b]", "a b", committed)

	// A process whose claim would be older than the snapshot's does not claim.
	h = newHarness(t, &shardLog{}, every)
	h.assign(operator.Owner, 9, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	late := restart(t, h, nil)
	late.assign(operator.Owner, 8, 1)
	if late.State() != operator.Resting || late.Err() != nil {
		t.Errorf("%v, %v", late.State(), late.Err())
	}
	late.want("(claim)[a]", "a")

	// A record of a writer that never claimed is damage behind a snapshot, too.
	stray := claim(8, "n8", 1)
	stray.Kind, stray.Body = operator.Delta, []byte("b\n")
	h.log.add(t, stray)
	follower := restart(t, h, nil)
	if follower.assign(operator.Standby, 9, 2); follower.State() != operator.Halted {
		t.Errorf("%v with %q", follower.State(), follower.words())
	}
}

// TestSnapshotKeepsClock: who begins with a snapshot forgets at the same record as who has read the log.
func TestSnapshotKeepsClock(t *testing.T) {
	keep := func(c *operator.Config) { c.Keep, c.SnapshotEvery = 24*time.Hour, 1 }
	key, door := eventOf("once/k", 1, "a"), eventOf("door/x/1", 1, "b")
	known := func(records int, snapshot bool) []event.Status {
		h := owner(t, &shardLog{}, keep)
		h.deliver(1, eventOf("src", 1, ""))
		h.now = h.now.Add(17 * time.Minute)
		h.deliver(2, key)
		h.now = h.now.Add(30 * time.Minute)
		h.deliver(3, door)
		next := restart(t, h, keep)
		if !snapshot {
			next.snapshot = nil
		}
		next.assign(operator.Owner, 2, 2)
		for i := range records {
			next.now = next.now.Add(time.Hour)
			next.deliver(uint64(1+i), eventOf("src", uint64(2+i), ""))
		}
		next.acks = nil
		next.deliver(100, key, door)
		return next.statuses()
	}
	for records, want := range map[int][]event.Status{
		23: {duplicate, duplicate}, 24: {committed, duplicate}, 25: {committed, committed},
	} {
		for _, snapshot := range []bool{true, false} {
			if got := known(records, snapshot); !slices.Equal(got, want) {
				t.Errorf("after %d h, from a snapshot %v: %v, want %v", records, snapshot, got, want)
			}
		}
	}
}

// TestSnapshotIsPinned: a snapshot that is written late holds the state of its position.
func TestSnapshotIsPinned(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.SnapshotEvery, c.Keep = 1, 24*time.Hour })
	for i := range uint64(100) {
		h.deliver(i+1, eventOf(fmt.Sprintf("once/%d", i), 1, fmt.Sprintf("w%02d", i)), eventOf("p", i+1, ""))
		h.now = h.now.Add(30 * time.Minute)
	}
	if len(h.snapshots) != 101 { // one is of the claim
		t.Fatalf("%d snapshots", len(h.snapshots))
	}
	for i, s := range h.snapshots[1:] {
		var file bytes.Buffer
		if err := s.Write(&file); err != nil {
			t.Fatal(err)
		}
		next := newHarness(t, &shardLog{entries: slices.Clip(h.log.entries[:i+2])}, nil)
		next.snapshot = &file
		next.assign(operator.Owner, 2, 2)
		next.now = start.Add(time.Duration(i) * 30 * time.Minute)
		if next.Stats().SnapshotsUsed != 1 || len(next.words()) != 4*(i+1)-1 {
			t.Fatalf("snapshot %d holds %q", i, next.words())
		}
		first := max(0, i-48) // the oldest that is not forgotten
		next.deliver(1, eventOf(fmt.Sprintf("once/%d", i), 1, "x"), eventOf(fmt.Sprintf("once/%d", i+1), 1, "y"),
			eventOf("p", uint64(i+1), ""), eventOf("p", uint64(i+2), ""), eventOf(fmt.Sprintf("once/%d", first), 2, "z"))
		want := []event.Status{duplicate, committed, duplicate, committed, reused}
		if got := next.statuses(); !slices.Equal(got, want) {
			t.Fatalf("snapshot %d: acks %v, want %v", i, got, want)
		}
	}
}

// TestDropSnapshot releases without writing.
func TestDropSnapshot(t *testing.T) {
	h := owner(t, &shardLog{}, every)
	h.deliver(1, eventOf("p", 1, "a"))
	h.snapshots[0].Drop()
	h.deliver(2, eventOf("p", 2, "b"))
	h.want("(claim)[a][b]", "a b", committed, committed)
}

// TestSnapshotDamaged: whatever is changed in the operator's part is found, or has no effect; nothing hangs or panics.
func TestSnapshotDamaged(t *testing.T) {
	h := owner(t, &shardLog{}, every)
	h.deliver(1, eventOf("once/a", 1, "a"), eventOf("q", 1, "bad"), eventOf("p", 1, "b"))
	var part []byte
	l := partOnly{&part}
	file := snapshotOf(t, h)
	cfg := operator.Config{Shard: 7, Logic: func() operator.Logic { return l }}
	good, err := operator.ReadSnapshot(operator.Config{Shard: 7, Logic: newWords}, bytes.NewReader(file))
	if err != nil || good.Position() != 12 {
		t.Fatal(err)
	}
	if err := newWords().(*words).Restore(bytes.NewReader(file), func(r io.Reader) (err error) {
		part, err = io.ReadAll(r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	whole := part
	for size := range whole {
		part = whole[:size]
		if _, err := operator.ReadSnapshot(cfg, strings.NewReader("")); err == nil {
			t.Fatalf("%d of %d bytes", size, len(whole))
		}
	}
	for i := range whole {
		for _, b := range []byte{0, 1, 0x80, 0xff, whole[i] ^ 1} {
			part = bytes.Clone(whole)
			part[i] = b
			_, _ = operator.ReadSnapshot(cfg, strings.NewReader(""))
		}
	}
	part = bytes.Clone(whole)
	part[0]++
	if _, err := operator.ReadSnapshot(cfg, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("of another version: %v", err)
	}
	part = append(bytes.Clone(whole), 0)
	if _, err := operator.ReadSnapshot(cfg, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "more behind") {
		t.Errorf("more behind its end: %v", err)
	}
}

// partOnly is a logic whose snapshots are the operator's part alone.
type partOnly struct{ part *[]byte }

func (partOnly) Evaluate(_ *event.Event, _ operator.Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	return dst, 0, 0, nil
}
func (partOnly) Commit(uint64) error        { return nil }
func (partOnly) Rollback()                  {}
func (partOnly) Apply(uint64, []byte) error { return nil }
func (partOnly) Snapshot(extra func(io.Writer) error) func(io.Writer) error {
	return extra
}

func (p partOnly) Restore(_ io.Reader, extra func(io.Reader) error) error {
	return extra(bytes.NewReader(*p.part))
}

// TestDeadLetterOfNextOwner: whoever owns the shard next, by the log or by a snapshot, says of an event that is a dead
// letter what the first has said, though its producer has gone on; and of the others that they were committed.
func TestDeadLetterOfNextOwner(t *testing.T) {
	events := []event.Event{eventOf("door/x/1", 1, "a"), eventOf("door/x/1", 2, "bad"), eventOf("door/x/1", 3, "b"),
		eventOf("door/x/1", 4, "bad"), eventOf("once/k", 4, "bad"), eventOf("door/x/1", 5, "c")}
	h := owner(t, &shardLog{}, every)
	h.deliver(1, events...)
	h.want("(claim)[a](dead-letter)[b](dead-letter)(dead-letter)[c]", "a b c", committed, bad, committed, bad, bad, committed)
	again := func(next *harness) {
		t.Helper()
		next.assign(operator.Owner, 2, 2)
		log := next.log.text(t)
		next.deliver(1, events...)
		next.want(log, "a b c", duplicate, bad, duplicate, bad, bad, duplicate)
		for _, i := range []int{1, 3, 4} {
			if a := next.acks[i]; a.Position != h.acks[i].Position || a.Reason != "it is bad" || h.acks[i].Position == 0 {
				t.Errorf("%+v, it was %+v", a, h.acks[i])
			}
		}
		next.acks = nil // in a group in which the producer has gone on
		next.deliver(2, eventOf("door/x/1", 6, "d"), eventOf("door/x/1", 4, "bad"), eventOf("door/x/1", 3, "b"))
		next.want(log+"[d]", "a b c d", committed, bad, duplicate)
	}
	again(newHarness(t, &shardLog{entries: slices.Clone(h.log.entries)}, func(c *operator.Config) { c.Node = "n2" }))
	fromSnapshot := restart(t, h, nil)
	again(fromSnapshot)
	if fromSnapshot.Stats().SnapshotsUsed != 1 {
		t.Error("the snapshot is not used")
	}
}

// TestManyDeadLetters: those of one producer are bounded, the newest are known.
func TestManyDeadLetters(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.SnapshotEvery = 1_000_000 })
	const n = 9000
	for i := range uint64(n) {
		h.deliver(i+1, eventOf("p", i+1, "bad"))
	}
	next := restart(t, h, nil)
	next.assign(operator.Owner, 2, 2)
	for _, h := range []*harness{h, next} {
		h.acks = nil
		h.deliver(2*n, eventOf("p", n-4000, "bad"), eventOf("p", n, "bad"))
		if h.acks[0].Status != bad || h.acks[1].Status != bad || h.acks[0].Position == 0 || h.acks[1].Reason != "it is bad" {
			t.Errorf("%+v", h.acks)
		}
	}
}

// TestNoSnapshots: none is taken where none is asked for, or the logic keeps none.
func TestNoSnapshots(t *testing.T) {
	fold := func() operator.Logic {
		return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil },
			func([]byte) error { return nil })
	}
	for name, change := range map[string]func(*operator.Config){
		"not asked for": nil,
		"keeps none":    func(c *operator.Config) { c.SnapshotEvery, c.Logic = 1, fold },
	} {
		h := owner(t, &shardLog{}, change)
		h.deliver(1, eventOf("p", 1, "a"))
		if len(h.snapshots) > 0 || h.Stats().SnapshotsTaken > 0 {
			t.Errorf("%s: %+v", name, h.Stats())
		}
	}
}

// TestLateFollow: what a follow that has failed still brings is not taken for the next one's.
func TestLateFollow(t *testing.T) {
	log := &shardLog{}
	first := owner(t, log, nil)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 1, 2)
	old := h.follow.Gen
	h.ReadDone(h.now, old, errors.New("connection lost"))
	h.tick(50 * time.Millisecond)
	if h.follow.Gen == old {
		t.Error("two follows have one generation")
	}
	first.deliver(1, eventOf("p", 1, "a"))
	if h.Entries(h.now, old, log.entries[1:]); h.words() != "" {
		t.Errorf("the entries of the one before are taken: %q", h.words())
	}
	if h.deliverFollow(); h.words() != "a" {
		t.Errorf("%q", h.words())
	}
}

// TestGoodEventsAreEvaluatedOnce: a bad event costs those before it nothing.
func TestGoodEventsAreEvaluatedOnce(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.hold()
	h.deliver(1, eventOf("p", 1, "a"))
	var events []event.Event
	for i := range uint64(50) {
		events = append(events, eventOf("p", i+2, fmt.Sprint("w", i)))
	}
	h.deliver(2, append(events, eventOf("q", 1, "x bad"))...)
	h.release()
	if got := h.Logic().(*words).evaluated; got != 53 { // the bad one is tried in its own record once more
		t.Errorf("%d evaluations of 52 events", got)
	}
	if s := h.Stats(); s.Events != 51 || s.Bad != 1 {
		t.Errorf("%+v", s)
	}
}

// TestBadEventWithoutProducer is a dead letter like any other.
func TestBadEventWithoutProducer(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("", 0, "bad"))
	h.want("(claim)(dead-letter)", "", bad)
	if h.acks[0].Position != 6 {
		t.Errorf("%+v", h.acks[0])
	}
}

// TestEntersAgain: a process that has entered again, with the shard still its own, claims it anew.
func TestEntersAgain(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("p", 1, "a"))
	h.Assign(h.now, operator.Assignment{Control: 2, Role: operator.Owner, Epoch: 1, Incarnation: 2})
	h.run()
	h.deliver(2, eventOf("p", 2, "b"))
	h.want("(claim)[a](claim)[b]", "a b", committed, committed)
	if w := h.log.records(t)[3].Writer; w.Incarnation != 2 || h.State() != operator.Owning {
		t.Errorf("%v, %+v", h.State(), w)
	}
}

// TestLateEntries: what an older reading still brings is not taken for the next one's, which begins elsewhere.
func TestLateEntries(t *testing.T) {
	log := &shardLog{}
	first := owner(t, log, nil)
	first.deliver(1, eventOf("p", 1, "a"))
	first.deliver(2, eventOf("p", 2, "b"))
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 1, 2)
	old := h.follow.Gen
	h.assign(operator.NoRole, 2, 2)
	h.Assign(h.now, operator.Assignment{Control: 3, Role: operator.Standby, Epoch: 1, Incarnation: 2})
	for _, e := range h.Effects() {
		if e, ok := e.(operator.Restore); ok {
			h.Restored(h.now, e.Gen, nil)
		}
	}
	effects := h.Effects()
	h.Entries(h.now, old, log.entries[2:])
	for _, e := range effects {
		h.effect(e)
	}
	if h.run(); h.State() != operator.Following || h.words() != "a b" {
		t.Errorf("%v: %v, %q", h.State(), h.Err(), h.words())
	}
}
