package disk_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// churn makes commits, each with its position as meta, until one fails, and returns what was there after each.
func churn(s *disk.Store, random *rand.Rand, history []map[string]bool, commits int) ([]map[string]bool, error) {
	for range commits {
		next := maps.Clone(history[len(history)-1])
		tx := s.Begin()
		if err := change(tx, random, next); err != nil {
			tx.Rollback()
			return history, err
		}
		position := uint64(len(history))
		if err := keepEntry(s, position); err != nil {
			return history, err
		}
		if random.IntN(5) == 0 {
			tx.Rollback()
			continue
		}
		if err := tx.Commit(position, []byte(fmt.Sprint(position))); err != nil {
			return history, err
		}
		if history = append(history, next); random.IntN(10) == 0 {
			if err := s.Flush(); err != nil {
				return history, err
			}
		}
	}
	return history, nil
}

// keepEntry keeps the entry of a position: one of seven keys, every third time without a value.
func keepEntry(s *disk.Store, position uint64) error {
	e := disk.Entry{Key: fmt.Append(nil, position%7)}
	if position%3 > 0 {
		e.Value = fmt.Append(nil, position)
	}
	return s.Keep(e)
}

// entriesAt are the entries that there should be after the commit of a position.
func entriesAt(position uint64) map[string]string {
	all := map[string]string{}
	for p := max(position, 7) - 6; p <= position; p++ {
		if p%3 > 0 {
			all[fmt.Sprint(p%7)] = fmt.Sprint(p)
		}
	}
	return all
}

// hasEntries fails unless the entries are those of the store's position.
func hasEntries(t *testing.T, s *disk.Store) {
	t.Helper()
	got := map[string]string{}
	for e, err := range s.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		got[string(e.Key)] = string(e.Value)
	}
	if want := entriesAt(s.Position()); !maps.Equal(got, want) {
		t.Fatalf("position %d: entries %v, expected %v", s.Position(), got, want)
	}
}

// change makes some changes, to the store and to what should be in it.
func change(tx store.Tx, random *rand.Rand, set map[string]bool) error {
	for range random.IntN(40) {
		q := quad(random.IntN(300))
		if random.IntN(3) == 0 {
			if _, err := tx.Delete(q); err != nil {
				return err
			}
			delete(set, q.String())
			continue
		}
		q.O = rdf.Trusted(`"` + fmt.Sprint(random.IntN(50)) + `"`)
		if _, err := tx.Add(q); err != nil {
			return err
		}
		set[q.String()] = true
	}
	return nil
}

// isState fails unless the store is as it was at its position, with that one's meta.
func isState(t *testing.T, s *disk.Store, history []map[string]bool) {
	t.Helper()
	at := s.Position()
	if at >= uint64(len(history)) {
		t.Fatalf("position %d, the last commit was %d", at, len(history)-1)
	}
	if got := contents(t, s); !maps.Equal(got, history[at]) {
		t.Fatalf("position %d: %d quads, there were %d", at, len(got), len(history[at]))
	}
	hasEntries(t, s)
	v := s.View()
	defer v.Close()
	if meta, err := v.Meta(); err != nil || at > 0 && string(meta) != fmt.Sprint(at) {
		t.Fatalf("position %d with meta %q, %v", at, meta, err)
	}
}

// TestCrash takes the disk as a crash leaves it, with some of what was not synced, and goes on from there.
func TestCrash(t *testing.T) {
	for seed := range uint64(crashes) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			fs := vfs.NewCrashableMem()
			history := []map[string]bool{{}}
			for range 5 {
				s := open(t, disk.Options{Dir: "db", FS: fs, Buffer: 64 << 10})
				isState(t, s, history)
				history = history[:s.Position()+1]
				var err error
				if history, err = churn(s, random, history, 30); err != nil {
					t.Fatal(err)
				}
				fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestCloseKeepsAll loses nothing that was committed before the store was closed, or flushed.
func TestCloseKeepsAll(t *testing.T) {
	for name, end := range map[string]func(*disk.Store) error{"close": (*disk.Store).Close, "flush": (*disk.Store).Flush} {
		fs := vfs.NewCrashableMem()
		s := open(t, disk.Options{Dir: "db", FS: fs})
		history, err := churn(s, rand.New(rand.NewPCG(1, 1)), []map[string]bool{{}}, 20)
		if err == nil {
			err = end(s)
		}
		if err != nil {
			t.Fatal(err)
		}
		again := open(t, disk.Options{Dir: "db", FS: fs.CrashClone(vfs.CrashCloneCfg{})})
		isState(t, again, history)
		if again.Position() != uint64(len(history)-1) {
			t.Errorf("position %d, expected %d", again.Position(), len(history)-1)
		}
		err = again.Close()
		if name == "flush" {
			err = errors.Join(err, s.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestWritesFail has the disk full from some call on, or failing: an error comes, nothing panics or hangs, and what the disk has
// then is a state. It has a process of its own, since what can't be opened or written for good leaves goroutines behind.
func TestWritesFail(t *testing.T) {
	if !inChild(t, "TestWritesFail/") {
		return
	}
	for _, kind := range []error{syscall.ENOSPC, syscall.EIO} {
		for after := int32(0); after < 120; after += failsEach {
			t.Run(fmt.Sprintf("%v after %d", kind, after), func(t *testing.T) { writesFail(t, kind, after) })
		}
	}
}

func writesFail(t *testing.T, kind error, after int32) {
	mem := vfs.NewCrashableMem()
	var calls atomic.Int32
	var healed atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && calls.Add(1) > after && !healed.Load() {
			return kind
		}
		return nil
	}))
	history := []map[string]bool{{}}
	s, err := disk.Open(disk.Options{Dir: "db", FS: fs, Buffer: 64 << 10})
	if err == nil {
		history, err = churn(s, rand.New(rand.NewPCG(uint64(after), 7)), history, 400)
		isState(t, s, history)
		healed.Store(true) // else the database would try until it can
		if closing := s.Close(); err == nil && closing != nil {
			err = closing
		}
	}
	if err == nil {
		t.Fatal("no error")
	}
	if !errors.Is(err, kind) || errors.Is(kind, syscall.ENOSPC) != errors.Is(err, store.ErrFull) {
		t.Errorf("error %v", err)
	}
	again := open(t, disk.Options{Dir: "db", FS: mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})})
	isState(t, again, history)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
