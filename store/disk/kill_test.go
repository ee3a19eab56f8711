package disk_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// killedDir is set for the process that is killed: the folder of its store.
const killedDir = "QUADRILLE_TEST_DISK_KILLED"

// kept is how many quads there are at most after each commit, of which the oldest was added by the commit before as many others.
const kept = 200

func committed(position uint64, i int) rdf.Quad {
	q := rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<http://example.org/of/%d>", position)), P: rdf.Trusted("<http://example.org/p>"),
		O: rdf.Trusted(fmt.Sprintf(`"%d %d"`, i, position))}
	if i%2 == 1 {
		q.G = rdf.Trusted("<http://example.org/g>")
	}
	return q
}

// perCommit is how many quads each commit adds.
func perCommit(position uint64) int { return 1 + int(position%97) }

// step is the commit of a position: it adds its quads, and deletes those of an older one.
func step(s *disk.Store, position uint64) error {
	tx := s.Begin()
	for i := range perCommit(position) {
		if _, err := tx.Add(committed(position, i)); err != nil {
			return err
		}
	}
	if position > kept {
		for i := range perCommit(position - kept) {
			if changed, err := tx.Delete(committed(position-kept, i)); err != nil || !changed {
				return errors.Join(err, fmt.Errorf("position %d: %d is not there", position-kept, i))
			}
		}
	}
	if err := keepEntry(s, position); err != nil {
		return err
	}
	return tx.Commit(position, fmt.Append(nil, position))
}

// TestKilled kills a process that commits, again and again: what it leaves is what there was at some position, and no older than what
// it has flushed. The next one goes on from there.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		commitForEver(t, dir)
		return
	}
	dir, random := t.TempDir(), rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for round := range kills {
		flushed := killOne(t, dir, random)
		s := open(t, disk.Options{Dir: dir, Buffer: 64 << 10})
		if s.Position() < flushed {
			t.Fatalf("round %d: position %d, %d was flushed", round, s.Position(), flushed)
		}
		isWhole(t, s)
		succeed(t, s.Close())
	}
}

// commitForEver is the process that is killed. It writes the positions that it has flushed.
func commitForEver(t *testing.T, dir string) {
	s := open(t, disk.Options{Dir: dir, Buffer: 64 << 10})
	for position := s.Position() + 1; ; position++ {
		succeed(t, step(s, position))
		if position%10 == 0 {
			succeed(t, s.Flush())
			fmt.Println("flushed", position)
		}
	}
}

// killOne starts a process, kills it a bit after it has flushed some commits, and returns the last position that it has told.
func killOne(t *testing.T, dir string, random *rand.Rand) (flushed uint64) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), killedDir+"="+dir, asChild+"=1")
	out, err := cmd.StdoutPipe()
	succeed(t, err)
	succeed(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range random.IntN(8) + 1 {
		if !lines.Scan() {
			break
		}
		flushed = told(t, lines.Bytes(), flushed)
	}
	time.AfterFunc(time.Duration(random.IntN(20))*time.Millisecond, func() { _ = cmd.Process.Kill() })
	for lines.Scan() {
		flushed = told(t, lines.Bytes(), flushed)
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.Exited() {
		t.Fatalf("the process was not killed: %v", err)
	}
	return flushed
}

// told is the position that a line tells, or the one before if that is not whole.
func told(t *testing.T, line []byte, before uint64) uint64 {
	number, is := bytes.CutPrefix(line, []byte("flushed "))
	if !is {
		t.Errorf("%s", line)
		return before
	}
	if n, err := strconv.ParseUint(string(number), 10, 64); err == nil && n > before {
		return n
	}
	return before
}

// isWhole fails unless the store is as its position says.
func isWhole(t *testing.T, s *disk.Store) {
	t.Helper()
	at, want := s.Position(), 0
	has := contents(t, s)
	for position := max(at, kept) - kept + 1; position <= at; position++ {
		for i := range perCommit(position) {
			if want++; !has[committed(position, i).String()] {
				t.Fatalf("position %d: without %v", at, committed(position, i))
			}
		}
	}
	hasEntries(t, s)
	v := s.View()
	defer v.Close()
	if meta, err := v.Meta(); len(has) != want || err != nil || at > 0 && string(meta) != fmt.Sprint(at) {
		t.Fatalf("position %d: %d quads, expected %d; meta %q, %v", at, len(has), want, meta, err)
	}
}
