package operator_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// small makes chains of parts common.
func small(c *operator.Config) { c.MaxRecord = 16 }

// TestParts: what is larger than a record becomes a chain that takes effect with its last part.
func TestParts(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, small)
	large := "one two three four five six seven eight nine " + strings.Repeat("x", 40)
	h.hold()
	h.deliver(1, eventOf("p", 1, large))
	standby := newHarness(t, log, nil)
	standby.assign(operator.Standby, 1, 2)
	for len(h.pending) > 0 {
		if h.words() != "" || standby.words() != "" || len(h.acks) > 0 {
			t.Fatalf("in effect before its last part: %q, %q, %v", h.words(), standby.words(), h.acks)
		}
		a := h.pending[0]
		h.pending = h.pending[1:]
		seq, err := log.append(a.Expect, a.Payload)
		h.Appended(h.now, a.Gen, seq, err)
		h.run()
		standby.deliverFollow()
	}
	if len(log.entries) < 6 || standby.words() != h.words() || standby.Position() != h.Position() ||
		h.Position() != log.tail() {
		t.Errorf("%d entries, %q at %d, %q at %d", len(log.entries), h.words(), h.Position(), standby.words(),
			standby.Position())
	}
	if last := log.records(t)[1]; len(last.Positions) != 1 || last.Part != 0 {
		t.Errorf("joined: %+v", last)
	}
	h.append = nil
	h.deliver(2, eventOf("p", 2, "ten"))
	standby.deliverFollow()
	if got := standby.words(); !strings.Contains(got, "ten") {
		t.Errorf("%q", got)
	}
}

// TestPartsOutcomeUnknown: every part's answer is lost, and some are refused for nothing.
func TestPartsOutcomeUnknown(t *testing.T) {
	h := owner(t, &shardLog{}, small)
	tries := 0
	h.append = func(a operator.Append) (uint64, error, bool) {
		if tries++; tries%3 != 0 {
			_, _ = h.log.append(a.Expect, a.Payload)
		}
		return 0, fmt.Errorf("timeout"), true
	}
	h.deliver(1, eventOf("p", 1, "one two three four five six seven eight nine"))
	for range 20 {
		h.tick(50 * time.Millisecond)
	}
	h.want("(claim)[one two three four five six seven eight nine]", "eight five four nine one seven six three two",
		committed)
}

// TestChainNeverClosed: the parts of an owner that died have no effect; the next claim ends them.
func TestChainNeverClosed(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, small)
	h.hold()
	h.deliver(1, eventOf("p", 1, "one two three four five six"))
	h.append = nil
	a := h.pending[0]
	if _, err := log.append(a.Expect, a.Payload); err != nil {
		t.Fatal(err)
	}
	next := newHarness(t, log, func(c *operator.Config) { c.Node = "n2" })
	next.assign(operator.Owner, 2, 2)
	next.deliver(1, eventOf("p", 1, "one"))
	next.want("(claim)(claim)[one]", "one", committed)
}

func TestDuplicates(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("p", 5, "a"), eventOf("p", 5, "a"), eventOf("p", 4, "never"), eventOf("p", 6, "-a"))
	h.want("(claim)[a -a]", "", committed, duplicate, duplicate, committed)
	h.deliver(2, eventOf("p", 6, "-a"), eventOf("p", 5, "a"))
	h.want("(claim)[a -a]", "", committed, duplicate, duplicate, committed, duplicate, duplicate)
	if got := h.acks[4]; got.Position != 6 || got.Deletes != 1 {
		t.Errorf("the last is known whole: %+v", got)
	}
	if got := h.acks[5]; got.Position != 0 {
		t.Errorf("an earlier one is not: %+v", got)
	}
}

func TestOnce(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	key := "once/k"
	h.deliver(1, eventOf(key, 77, "a"))
	h.deliver(2, eventOf(key, 77, "a"), eventOf(key, 78, "b"), eventOf(key, 76, "c"))
	h.want("(claim)[a]", "a", committed, duplicate, reused, reused)
}

// TestOnceIsBounded: too many keys are refused. An answer Busy is not kept: the same batch is tried again.
func TestOnceIsBounded(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxOnce, c.Keep = 2, time.Hour })
	once := func(n int) event.Event { return eventOf(fmt.Sprint("once/", n), 1, fmt.Sprint(n)) }
	h.deliver(1, once(1), once(2), once(3), eventOf("p", 1, "p"))
	h.want("(claim)[1 2 p]", "1 2 p", committed, committed, busy, committed)
	h.deliver(2, once(3))
	for i := range 30 { // the clock of a shard moves with its records, by a 24th of the keep time at most
		h.now = h.now.Add(10 * time.Minute)
		h.deliver(uint64(3+i), eventOf("p", uint64(2+i), ""))
	}
	h.deliver(40, once(3))
	if got := h.acks[len(h.acks)-1]; h.acks[4].Status != busy || got.Status != committed {
		t.Errorf("%+v, then %+v", h.acks[4], got)
	}
}

// TestAnswersAreKept: a batch of which one event met "busy" is answered the same again, as the others are decided.
func TestAnswersAreKept(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxOnce = 1 })
	h.deliver(1, eventOf("once/a", 1, "a"))
	for range 2 {
		h.acks = nil
		h.deliver(2, eventOf("once/b", 1, "b"), eventOf("p", 1, "c"))
		h.want("(claim)[a][c]", "a c", busy, committed)
	}
}

func TestBusyIsNotKept(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxOnce, c.Keep = 1, time.Hour })
	h.deliver(1, eventOf("once/a", 1, "a"))
	again := eventOf("once/b", 1, "b")
	h.deliver(2, again)
	for i := range 30 {
		h.now = h.now.Add(10 * time.Minute)
		h.Deliver(h.now, event.Batch{From: "r", Shard: 7, ID: uint64(1 + i),
			Events: []event.Event{eventOf("p", uint64(1+i), "")}})
		h.run()
	}
	h.acks = nil
	h.deliver(2, again)
	if len(h.acks) != 1 || h.acks[0].Status != committed {
		t.Errorf("%+v", h.acks)
	}
}

// TestKeep: keys and door producers are forgotten after their time, sources never; a clock that jumps forgets nobody.
func TestKeep(t *testing.T) {
	key, door := "once/k", "door/n1/1"
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.Keep = 24 * time.Hour })
	h.deliver(1, eventOf(key, 1, "a"), eventOf(door, 1, "b"), eventOf("src", 1, "c"))
	h.now = h.now.Add(1000 * time.Hour) // a jump ahead counts for an hour
	h.deliver(2, eventOf("src", 2, "-a -b -c"))
	h.now = h.now.Add(-2000 * time.Hour) // and one back for nothing
	h.deliver(3, eventOf(key, 1, "a"), eventOf(door, 1, "b"))
	for i := range 26 {
		h.now = h.now.Add(time.Hour)
		h.deliver(uint64(4+i), eventOf("src", uint64(3+i), ""))
	}
	h.acks = nil
	h.deliver(100, eventOf(key, 1, "a"), eventOf(door, 1, "b"), eventOf("src", 1, "c"))
	h.want("(claim)[a b c][-a -b -c]"+strings.Repeat("[]", 26)+"[a b]", "a b", committed, committed, duplicate)
}

// snapshotOf has an owner write its newest snapshot.
func snapshotOf(t *testing.T, h *harness) []byte {
	t.Helper()
	var buf bytes.Buffer
	if len(h.snapshots) == 0 {
		t.Fatal("no snapshot was taken")
	}
	if err := h.snapshots[len(h.snapshots)-1].Write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestSmallRecordsCount: what many small records cost a reader is not their bytes.
func TestSmallRecordsCount(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.SnapshotEvery = 25_000 })
	for i := range uint64(29) {
		h.deliver(i+1, eventOf("p", i+1, fmt.Sprint("w", i)))
	}
	if records := h.Stats().Records; len(h.snapshots) != 3 || records != 30 { // one is the claim
		t.Errorf("%d snapshots of %d records, %d bytes", len(h.snapshots), records, h.Stats().RecordBytes)
	}
}

// TestLargeStateIsNotWrittenForLittleLog, however many records that is.
func TestLargeStateIsNotWrittenForLittleLog(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.SnapshotEvery = 10_000 })
	h.SnapshotAfter(25_000, 15_000)
	for i := range uint64(59) {
		h.deliver(i+1, eventOf("p", i+1, fmt.Sprint("w", i)))
	}
	if bytes := h.Stats().RecordBytes; len(h.snapshots) != 1 || bytes < 15_000 || bytes >= 30_000 {
		t.Errorf("%d snapshots of %d records, %d bytes", len(h.snapshots), h.Stats().Records, bytes)
	}
}

func TestSnapshot(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, func(c *operator.Config) { c.SnapshotEvery = 7500; c.MaxRecord = 64 })
	for i := range uint64(7) {
		h.deliver(i+1, eventOf("p", i+1, fmt.Sprintf("w%d y%d", i, i)), eventOf(fmt.Sprintf("once/%d", i), 9, ""))
	}
	snapshot := snapshotOf(t, h)
	h.deliver(20, eventOf("p", 20, "-w1 tail"), eventOf("q", 3, "bad"))
	if len(h.snapshots) < 2 || len(h.snapshots) > 4 {
		t.Errorf("%d snapshots of %d bytes of log", len(h.snapshots), h.Stats().RecordBytes)
	}

	restored := newHarness(t, log, func(c *operator.Config) { c.Node = "n2" })
	restored.snapshot = bytes.NewReader(snapshot)
	restored.assign(operator.Owner, 2, 2)
	whole := newHarness(t, log, func(c *operator.Config) { c.Node = "n3" })
	whole.assign(operator.Standby, 2, 3)
	if restored.Stats().SnapshotsUsed != 1 || restored.words() != whole.words() || restored.Head() != whole.Head() ||
		restored.State() != operator.Owning || whole.Position() != restored.Position() {
		t.Errorf("restored %q at %d, read %q at %d", restored.words(), restored.Position(), whole.words(), whole.Position())
	}
	restored.deliver(1, eventOf("p", 20, "-w1 tail"), eventOf("once/0", 9, ""), eventOf("once/6", 8, ""), eventOf("q", 3, "bad"))
	if got := restored.statuses(); !slices.Equal(got, []event.Status{duplicate, duplicate, reused, bad}) {
		t.Errorf("acks %v", got)
	}
}

// TestSnapshotCantBeRead: the log is read instead.
func TestSnapshotCantBeRead(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, func(c *operator.Config) { c.SnapshotEvery = 1 })
	h.deliver(1, eventOf("p", 1, "a b"))
	good := snapshotOf(t, h)
	for name, text := range map[string]string{
		"empty": "", "cut off": string(good[:len(good)/2]),
		"no state": `{"Words":["z"],"Extra":""}`, "state of another version": `{"Words":["z"],"Extra":"e30K"}`,
		"another shard's": string(good),
	} {
		t.Run(name, func(t *testing.T) {
			next := newHarness(t, log, nil)
			if name == "another shard's" {
				next.cfg.Shard = 8
			}
			next.assign(operator.NoRole, 1, 1)
			next.snapshot = strings.NewReader(text)
			next.assign(operator.Standby, 2, 1)
			if next.words() != "a b" || next.Position() != log.tail() || next.Stats().SnapshotsUsed != 0 {
				t.Errorf("%q at %d, %v", next.words(), next.Position(), next.Err())
			}
		})
	}
}

// TestRoleChangesWhileRestoring: the log is read when the snapshot is there, and not before.
func TestRoleChangesWhileRestoring(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	var restore operator.Restore
	for epoch, role := range []operator.Role{operator.Standby, operator.Owner, operator.Standby, operator.Owner} {
		h.Assign(h.now, operator.Assignment{Control: uint64(epoch + 1), Role: role, Epoch: uint64(epoch + 1), Incarnation: 1})
		for _, e := range h.Effects() {
			switch e := e.(type) {
			case operator.Restore:
				restore = e
			case operator.Read, operator.Follow:
				t.Errorf("at epoch %d: %+v", epoch+1, e)
			}
		}
	}
	h.Restored(h.now, restore.Gen, nil)
	if h.run(); h.State() != operator.Owning || h.Stats().Claims != 1 {
		t.Errorf("%v: %v, %+v", h.State(), h.Err(), h.Stats())
	}
}

// TestRestoreIsOvertaken: the assignment changes while the snapshot is on its way.
func TestRestoreIsOvertaken(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.Assign(h.now, operator.Assignment{Control: 1, Role: operator.Standby, Epoch: 1, Incarnation: 1})
	gen := h.Effects()[1].(operator.Restore).Gen
	h.Assign(h.now, operator.Assignment{Control: 2, Role: operator.Owner, Epoch: 2, Incarnation: 1})
	h.Restored(h.now, gen, nil)
	h.run()
	if h.State() != operator.Owning {
		t.Errorf("%v", h.State())
	}
	h.assign(operator.NoRole, 3, 1)
	if h.Restored(h.now, gen, &operator.Restored{}); h.State() != operator.None {
		t.Errorf("a late snapshot: %v", h.State())
	}
	h.Assign(h.now, operator.Assignment{Control: 4, Role: operator.Standby, Epoch: 3, Incarnation: 1})
	if h.Restored(h.now, gen, nil); h.State() != operator.Restoring {
		t.Errorf("a late snapshot, while another is on its way: %v", h.State())
	}
}
