package operator_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// written returns a log with a claim and three deltas, and the mark of its last record.
func written(t *testing.T) (*shardLog, engine.Mark) {
	t.Helper()
	log := &shardLog{}
	h := owner(t, log, nil)
	for i, payload := range []string{"a", "b", "c"} {
		h.deliver(uint64(i+1), eventOf("p", uint64(i+1), payload))
	}
	m := h.Committed()
	if last, _ := operator.Decode(log.entries[3].Payload); m.Position != log.tail() || m.ID != last.ID {
		t.Fatalf("committed %+v", m)
	}
	return log, m
}

// halted checks that the shard halts, with an error that names damage, and only after the last of three readings.
func (h *harness) halted(readings int) {
	h.t.Helper()
	for i := 1; i < readings; i++ {
		if h.State() == operator.Halted {
			h.t.Fatalf("halted after %d readings: %v", i, h.Err())
		}
		h.tick(50 * time.Millisecond)
	}
	if err := h.Err(); h.State() != operator.Halted || !errors.Is(err, engine.ErrDamaged) ||
		!strings.Contains(err.Error(), "put its data back") {
		h.t.Errorf("it is %v: %v", h.State(), err)
	}
}

// another replaces the log's end, from the entry with that index, by a record that fits what is before it.
func (l *shardLog) another(t *testing.T, i int, at uint64) {
	t.Helper()
	r, err := operator.Decode(l.entries[i].Payload)
	if err != nil {
		t.Fatal(err)
	}
	r.Time = r.Time.Add(time.Second)
	l.entries = append(l.entries[:i:i], engine.Entry{Seq: at, Payload: r.Encode(nil)})
}

// TestLogEndsBeforeMark: who is to own the shard halts, after three readings; a follower waits.
func TestLogEndsBeforeMark(t *testing.T) {
	for _, left := range []int{0, 1, 3} {
		log, mark := written(t)
		log.entries = log.entries[:left]
		h := newHarness(t, log, nil)
		h.Marked(h.now, mark)
		h.assign(operator.Owner, 2, 2)
		h.halted(3)
		if len(log.entries) != left {
			t.Errorf("it has written: %s", log.text(t))
		}
		standby := newHarness(t, log, nil)
		standby.Marked(h.now, mark)
		standby.assign(operator.Standby, 2, 2)
		for range 10 {
			standby.tick(50 * time.Millisecond)
		}
		if standby.State() != operator.Following {
			t.Errorf("the standby is %v: %v", standby.State(), standby.Err())
		}
	}
}

// TestOneReadingIsNotBelieved: the replica that answered first lags, or was the bad one.
func TestOneReadingIsNotBelieved(t *testing.T) {
	log, mark := written(t)
	all := log.entries
	log.entries = all[:2]
	h := newHarness(t, log, nil)
	h.Marked(h.now, mark)
	h.assign(operator.Owner, 2, 2)
	h.tick(50 * time.Millisecond)
	log.entries = all
	h.tick(50 * time.Millisecond)
	h.deliver(1, eventOf("p", 4, "d"))
	h.want("(claim)[a][b][c](claim)[d]", "a b c d", committed)
}

// TestMarkHeardLater: a mark that is heard while a reading is under way says nothing about that reading.
func TestMarkHeardLater(t *testing.T) {
	log, _ := written(t)
	h := newHarness(t, log, nil)
	h.Assign(h.now, operator.Assignment{Control: 2, Role: operator.Owner, Epoch: 2, Incarnation: 2})
	h.Restored(h.now, h.Effects()[1].(operator.Restore).Gen, nil)
	read := h.Effects()[2].(operator.Read)
	h.Entries(h.now, read.Gen, slices.Clone(log.entries))
	h.Marked(h.now, engine.Mark{Position: log.tail() + 3})
	h.hold()
	h.ReadDone(h.now, read.Gen, nil)
	h.run()
	if h.State() != operator.Claiming || len(h.pending) != 1 {
		t.Fatalf("it is %v: %v", h.State(), h.Err())
	}
	h.release() // the claim takes the position of the mark, whose record is not known
	if h.State() != operator.Owning {
		t.Errorf("it is %v: %v", h.State(), h.Err())
	}
}

// TestOtherRecordAtMark: the positions behind a lost tail are used again, or passed by, as owner and as standby.
func TestOtherRecordAtMark(t *testing.T) {
	for _, at := range []uint64{12, 13} {
		for _, role := range []operator.Role{operator.Owner, operator.Standby} {
			log, mark := written(t)
			log.another(t, 3, at)
			if at > mark.Position {
				mark.ID = ""
			}
			h := newHarness(t, log, nil)
			h.Marked(h.now, mark)
			h.assign(role, 2, 2)
			h.halted(1)
		}
	}
}

// TestAppendPassesMark: an owner whose append is accepted where a record of somebody is known to be does not answer it.
func TestAppendPassesMark(t *testing.T) {
	log, mark := written(t)
	h := newHarness(t, log, nil)
	h.assign(operator.Owner, 2, 2)
	h.Marked(h.now, engine.Mark{Position: h.Committed().Position + 2, ID: mark.ID})
	h.deliver(1, eventOf("p", 9, "z"))
	h.halted(1)
	if got := h.statuses(); len(got) != 1 || got[0] != event.Halted {
		t.Errorf("acks %v", got)
	}
}

// TestTailLostUnderOwner: the tail of the log goes while the owner works: its append is refused, and the last record that
// it knows is no longer there, or is another.
func TestTailLostUnderOwner(t *testing.T) {
	for name, lose := range map[string]func(*shardLog){
		"ends before": func(l *shardLog) { l.entries = l.entries[:2] },
		"is empty":    func(l *shardLog) { l.entries = nil },
		"another":     func(l *shardLog) { l.another(t, 3, 12) },
		"passes by":   func(l *shardLog) { l.another(t, 2, 20) },
	} {
		t.Run(name, func(t *testing.T) {
			log := &shardLog{}
			h := owner(t, log, nil)
			for i, payload := range []string{"a", "b", "c"} {
				h.deliver(uint64(i+1), eventOf("p", uint64(i+1), payload))
			}
			lose(log)
			n := len(log.entries)
			h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrConflict, true }
			h.deliver(9, eventOf("p", 9, "z"))
			h.halted(3)
			if len(log.entries) != n || h.acks[len(h.acks)-1].Status != event.Halted {
				t.Errorf("%d entries, acks %v", len(log.entries), h.acks)
			}
		})
	}
}

// TestTailLostUnderStandby: a follower that begins again finds another record where it stands.
func TestTailLostUnderStandby(t *testing.T) {
	log, _ := written(t)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 2, 2)
	log.another(t, 3, 12)
	h.ReadDone(h.now, h.follow.Gen, errors.New("lost"))
	h.tick(50 * time.Millisecond)
	h.halted(3)
}

// TestDoubtsPass: replicas that were bad now and then don't add up.
func TestDoubtsPass(t *testing.T) {
	log, _ := written(t)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 2, 2)
	all := log.entries
	for range 5 {
		log.another(t, len(all)-1, log.tail())
		h.ReadDone(h.now, h.follow.Gen, errors.New("lost"))
		h.tick(50 * time.Millisecond)
		log.entries = all
		log.add(t, claim(uint64(len(all)), "n9", 9))
		all = log.entries
		h.tick(50 * time.Millisecond)
		if h.State() != operator.Following || h.Committed().Position != log.tail() {
			t.Fatalf("it is %v at %d: %v", h.State(), h.Position(), h.Err())
		}
	}
}

// TestTailLostBetweenRoles: what was read before is known when the shard comes back.
func TestTailLostBetweenRoles(t *testing.T) {
	log, _ := written(t)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 2, 2)
	h.assign(operator.NoRole, 3, 2)
	log.entries = log.entries[:3]
	h.assign(operator.Owner, 4, 2)
	h.halted(3)
}

// TestSnapshotAheadOfLog: a snapshot of records that the log has lost doesn't hide that.
func TestSnapshotAheadOfLog(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, func(c *operator.Config) { c.SnapshotEvery = 1 })
	h.deliver(1, eventOf("p", 1, "a"))
	h.deliver(2, eventOf("p", 2, "b"))
	var snapshot bytes.Buffer
	if err := h.snapshots[len(h.snapshots)-1].Write(&snapshot); err != nil {
		t.Fatal(err)
	}
	log.entries = log.entries[:2]
	next := newHarness(t, log, nil)
	next.snapshot = bytes.NewReader(snapshot.Bytes())
	next.assign(operator.Owner, 2, 2)
	if next.Committed().Position > 0 {
		t.Errorf("committed, by the snapshot alone: %+v", next.Committed())
	}
	next.halted(3)
	next.want("(claim)[a]", "a b")
}

// TestSnapshotContradictsMark: what the snapshot says, and the log, is not what somebody has seen there.
func TestSnapshotContradictsMark(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, func(c *operator.Config) { c.SnapshotEvery = 1 })
	h.deliver(1, eventOf("p", 1, "a"))
	var snapshot bytes.Buffer
	if err := h.snapshots[len(h.snapshots)-1].Write(&snapshot); err != nil {
		t.Fatal(err)
	}
	next := newHarness(t, log, nil)
	next.snapshot = bytes.NewReader(snapshot.Bytes())
	next.Marked(h.now, engine.Mark{Position: log.tail(), ID: operator.ID([32]byte{1})})
	next.assign(operator.Owner, 2, 2)
	next.halted(3)
}

// TestMarkContradictsRecord: another node has seen another record where this one's last is.
func TestMarkContradictsRecord(t *testing.T) {
	log, mark := written(t)
	h := newHarness(t, log, nil)
	h.assign(operator.Standby, 2, 2)
	h.Marked(h.now, mark)
	if h.State() != operator.Following {
		t.Fatal(h.Err())
	}
	h.Marked(h.now, engine.Mark{Position: mark.Position, ID: operator.ID([32]byte{1})})
	h.halted(1)
}

func TestHash(t *testing.T) {
	_, mark := written(t)
	hash, ok := operator.Hash(mark.ID)
	if !ok || operator.ID(hash) != mark.ID {
		t.Errorf("%s became %s, %v", mark.ID, operator.ID(hash), ok)
	}
	for _, id := range []string{"", "x", mark.ID + "x", strings.Replace(mark.ID, "sha", "md", 1), mark.ID[:20] + "!" + mark.ID[21:]} {
		if _, ok := operator.Hash(id); ok {
			t.Errorf("%q is taken for an id", id)
		}
	}
}

// TestHighestMarkCounts: one that comes later and is lower changes nothing, and one that names the record is more than one that
// doesn't.
func TestHighestMarkCounts(t *testing.T) {
	log, mark := written(t)
	for _, test := range []struct {
		marks    []engine.Mark
		readings int
	}{
		{[]engine.Mark{{Position: mark.Position + 3}, mark}, 3},
		{[]engine.Mark{mark, {Position: mark.Position + 3}}, 3},
		{[]engine.Mark{{Position: mark.Position}, {Position: mark.Position, ID: "ni:///other"}}, 1},
		{[]engine.Mark{{Position: mark.Position, ID: "ni:///other"}, {Position: mark.Position}}, 1},
	} {
		h := newHarness(t, log, nil)
		for _, m := range test.marks {
			h.Marked(h.now, m)
		}
		h.assign(operator.Owner, 2, 2)
		h.halted(test.readings)
	}
}
