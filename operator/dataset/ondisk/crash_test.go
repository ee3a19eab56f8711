package ondisk_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// shard is an operator on a log in memory.
type shard struct {
	*operator.Operator
	log  *[]engine.Entry
	acks []event.Ack
	from uint64 // of the first reading
}

// run does what is asked for until nothing is.
func (s *shard) run() {
	var now time.Time
	for effects := s.Effects(); len(effects) > 0; effects = s.Effects() {
		for _, e := range effects {
			switch e := e.(type) {
			case operator.Restore:
				s.Restored(now, e.Gen, nil)
			case operator.Read:
				if s.from == 0 {
					s.from = e.From
				}
				s.Entries(now, e.Gen, (*s.log)[e.From-1:])
				s.ReadDone(now, e.Gen, nil)
			case operator.Append:
				*s.log = append(*s.log, engine.Entry{Seq: e.Expect + 1, Payload: e.Payload})
				s.Appended(now, e.Gen, e.Expect+1, nil)
			case operator.Ack:
				s.acks = append(s.acks, e.Batch.Acks...)
			}
		}
	}
}

// own starts an operator on what a crash has left of the disk.
func own(t *testing.T, dir string, fs vfs.FS, log *[]engine.Entry, run uint64) *shard {
	t.Helper()
	o := disk.Options{Dir: dir, FS: fs, Cache: 1 << 20, Buffer: 64 << 10}
	s := &shard{log: log, Operator: operator.New(operator.Config{Shard: 3, Node: "n", Logic: func() operator.Logic { return ondisk.New(o) }})}
	s.Assign(time.Time{}, operator.Assignment{Control: run, Role: operator.Owner, Epoch: run, Incarnation: run})
	s.run()
	if s.State() != operator.Owning {
		t.Fatalf("run %d: %v: %v", run, s.State(), s.Err())
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCrash: after a crash that takes what the disk had not written, quads and producers are those of one position. What is committed behind it
// is read from the log, and none of what was accepted, from many producers, has its effect twice.
func TestCrash(t *testing.T) {
	const producers = 300
	late := false
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 0))
		fs := vfs.NewCrashableMem()
		dir := t.TempDir()
		var log []engine.Entry
		sent := make([]uint64, producers) // the last of each that was accepted
		for run := uint64(1); run <= 4; run++ {
			s := own(t, dir, fs, &log, run)
			late = late || s.from > 1 && s.from < uint64(len(log)-1)
			for batch := range uint64(60) {
				p := random.IntN(producers)
				again := sent[p]
				sent[p]++
				events := []event.Event{eventOf(p, again), eventOf(p, sent[p])}
				if again == 0 {
					events = events[1:]
				}
				before := len(s.acks)
				s.Deliver(time.Time{}, event.Batch{From: "d", Shard: 3, ID: batch + 1, Events: events})
				s.run()
				got := s.acks[before:]
				if n := len(got); n != len(events) || got[n-1].Status == event.Duplicate || n > 1 && got[0].Status != event.Duplicate && got[0].Status != event.Bad {
					t.Fatalf("seed %d, run %d: producer %d: %+v", seed, run, p, got)
				}
			}
			for p, seq := range sent {
				if got := s.Producer(event.Producer{Name: fmt.Sprint("p", p)}).Seq; got != seq {
					t.Fatalf("seed %d, run %d: producer %d is known to %d, expected %d", seed, run, p, got, seq)
				}
			}
			fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
			s.Close()
		}
	}
	if !late {
		t.Error("each run read the whole log, or none of it")
	}
}

// eventOf is the event of a producer: it adds one quad and takes the one before away; every fifth is none that can be evaluated.
func eventOf(p int, seq uint64) event.Event {
	rows := fmt.Sprintf("D <x:s%d> <x:p> %d .\nA <x:s%d> <x:p> %d .\n", p, seq-1, p, seq)
	if seq%5 == 0 {
		rows = "nonsense"
	}
	return event.Event{Producer: event.Producer{Name: fmt.Sprint("p", p)}, Seq: seq, MediaType: dataset.MediaType, Payload: []byte(rows)}
}
