package disk_test

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// TestCheckpointMeanwhile makes checkpoints while views are open and commits go on: each is as its position says, and no older than the
// commits before the call.
func TestCheckpointMeanwhile(t *testing.T) {
	s := open(t, disk.Options{Dir: t.TempDir(), Buffer: 64 << 10})
	succeed(t, step(s, 1))
	old := s.View()
	defer old.Close()
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for position := uint64(2); ; position++ {
			select {
			case <-done:
				return
			default:
			}
			if err := step(s, position); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 5 {
		v := s.View()
		dir := fmt.Sprintf("%s/copy%d", t.TempDir(), i)
		succeed(t, s.Checkpoint(dir))
		c := open(t, disk.Options{Dir: dir})
		if c.Position() < v.Position() {
			t.Errorf("a checkpoint at %d, begun at %d", c.Position(), v.Position())
		}
		isWhole(t, c)
		succeed(t, c.Close())
		v.Close()
	}
	close(done)
	writer.Wait()
	if n, err := old.Count(store.Pattern{P: mustLookup(t, old, "<http://example.org/p>")}); n != perCommit(1) || err != nil {
		t.Errorf("the view that was open has %d quads, %v", n, err)
	}
	isWhole(t, s)
	succeed(t, s.Close())
}

func mustLookup(t *testing.T, r store.Reader, text string) store.ID {
	t.Helper()
	id, known, err := r.Lookup(rdf.Trusted(text))
	if err != nil || !known {
		t.Fatal(text, known, err)
	}
	return id
}

// counted counts what is written, and notes how much memory is in use at most meanwhile.
type counted struct {
	bytes.Buffer
	most uint64
}

func (c *counted) Write(p []byte) (int, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.most = max(c.most, m.HeapAlloc)
	return c.Buffer.Write(p)
}

// TestSnapshotOfGaps writes a snapshot of a store most of whose ids are of terms that are gone, in bounded memory, and reads it.
func TestSnapshotOfGaps(t *testing.T) {
	s := open(t, disk.Options{Dir: t.TempDir()})
	const terms, each = gapTerms, gapTerms / 6
	for from := 0; from < terms; from += each {
		tx := s.Begin()
		for i := from; i < from+each; i++ {
			_, err := tx.Add(gap(i))
			succeed(t, err)
		}
		succeed(t, tx.Commit(uint64(from), nil))
		tx = s.Begin()
		for i := from; i < from+each; i++ {
			if i%each != 0 {
				_, err := tx.Delete(gap(i))
				succeed(t, err)
			}
		}
		succeed(t, tx.Commit(uint64(from+1), nil))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	v := s.View()
	var file counted
	succeed(t, store.WriteSnapshot(&file, v, nil))
	v.Close()
	if grown := int64(file.most) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("it took %d MiB", grown>>20)
	}
	m, err := memory.ReadSnapshot(&file.Buffer, nil)
	succeed(t, err)
	same(t, s, m, "")
	succeed(t, s.Close())
}

// gap is a quad with a subject and an object of its own.
func gap(i int) rdf.Quad {
	return rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<x:s%d>", i)), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(fmt.Sprintf(`"text %d"`, i))}
}
