package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// copyOf copies a stream's folder, so that a test can alter it.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	for {
		to := filepath.Join(t.TempDir(), filepath.Base(dir))
		err := os.CopyFS(to, os.DirFS(dir))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) { // the server has renamed a file meanwhile
			t.Fatal(err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamages: what is done to the files of a stream of many blocks, after a clean stop and after a kill.
func TestDamages(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	w.fill(320)
	killed := w.killed()
	w.stop()
	list, err := Open(killed).blocks()
	must(t, err)
	first, middle, newest := list[0].number, list[1].number, list[len(list)-1].number
	for what, c := range map[string]struct {
		do     func(s *Stream)
		kind   Kind // after a clean stop
		killed Kind // after a kill, when there is no index or an old one; "" for nothing
		block  uint32
	}{
		"a block in the middle removed": {func(s *Stream) { must(t, os.Remove(s.BlockPath(middle))) }, Gap, Gap, middle - 1},
		"the first block removed":       {func(s *Stream) { must(t, os.Remove(s.BlockPath(first))) }, Missing, "", first + 1},
		"the newest block removed":      {func(s *Stream) { must(t, os.Remove(s.BlockPath(newest))) }, Short, "", newest - 1},
		"all blocks removed":            {func(s *Stream) { must(t, os.RemoveAll(filepath.Join(s.dir, Messages))) }, Missing, Missing, 0},
		"a sealed block truncated":      {func(s *Stream) { must(t, os.Truncate(s.BlockPath(middle), 1_000_001)) }, Altered, Altered, middle},
		"a sealed block emptied":        {func(s *Stream) { must(t, os.Truncate(s.BlockPath(middle), 0)) }, Gap, Gap, middle - 1},
		"the newest block truncated":    {func(s *Stream) { must(t, os.Truncate(s.BlockPath(newest), 101)) }, Short, "", newest},
		"zeros at the end of a sealed one": {func(s *Stream) {
			must(t, os.Truncate(s.BlockPath(middle), 1_000_000))
			must(t, os.Truncate(s.BlockPath(middle), 8_000_000))
		}, Altered, Altered, middle},
	} {
		for _, dir := range []string{w.stream(), killed} {
			want := c.kind
			if dir == killed {
				want = c.killed
			}
			s := Open(copyOf(t, dir))
			c.do(s)
			r := check(t, s.dir)
			switch {
			case want == "" && len(r.Damages) > 0:
				t.Errorf("%s after a kill: %v, which can't be known", what, r.Damages[0])
			case want != "" && (len(r.Damages) == 0 || r.Cut == nil):
				t.Errorf("%s (killed: %t) is not found", what, dir == killed)
			case want != "" && (r.Damages[0].Kind != want || r.Cut.Block > c.block):
				t.Errorf("%s (killed: %t): %v (%s), cut %+v, want %s and a cut in %d or before", what, dir == killed,
					r.Damages[0], r.Damages[0].Kind, r.Cut, want, c.block)
			}
		}
	}
}

// TestTornEnd: what a crash leaves at the end of the newest block is no damage; with a good record behind it it is.
func TestTornEnd(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	for range 10 {
		w.append("q.log.0", 1000)
	}
	dir := w.killed()
	path := Open(dir).BlockPath(1)
	content, err := os.ReadFile(path)
	must(t, err)
	for _, tail := range [][]byte{content[:21], content[:500], make([]byte, 4096), []byte("garbage garbage garbage garbage garbage")} {
		must(t, os.WriteFile(path, append(content[:len(content):len(content)], tail...), 0o600))
		r := check(t, dir)
		if len(r.Damages) > 0 || r.Cut != nil || r.Torn == nil || r.Torn.Offset != int64(len(content)) || r.Messages != 10 {
			t.Errorf("%d more bytes: %+v, torn %v", len(tail), r, r.Torn)
		}
	}
	size := len(content) / 10
	holed := append(append(content[:9*size:9*size], make([]byte, 700)...), content[9*size:]...)
	must(t, os.WriteFile(path, holed, 0o600))
	r := check(t, dir)
	if len(r.Damages) != 1 || r.Torn != nil || r.Cut == nil || *r.Cut != (Cut{1, int64(9 * size), 10}) {
		t.Errorf("a hole: %+v, cut %v", r, r.Cut)
	}
}

// TestAppendedToCompressed: what a server with compression leaves that is killed twice. The compressed part is good.
func TestAppendedToCompressed(t *testing.T) {
	w := newWriter(t, natsjs.S2Compression)
	w.fill(200)
	w.stop()
	s := Open(w.stream())
	list, err := s.blocks()
	must(t, err)
	newest := list[len(list)-1]
	raw, err := os.ReadFile(newest.path)
	must(t, err)
	must(t, os.Remove(newest.path))
	must(t, os.Remove(s.IndexPath()))
	sealed := list[len(list)-2]
	before := check(t, s.dir)
	content, is, err := readBlock(sealed.path, nil)
	if err != nil || is != packed {
		t.Fatalf("the sealed block: %v, %v", is, err)
	}
	f, err := os.OpenFile(sealed.path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(raw)
	must(t, errors.Join(err, f.Close()))
	r := check(t, s.dir)
	if len(r.Damages) != 1 || r.Damages[0].Offset != int64(len(content)) || r.Cut == nil || r.Messages != before.Messages ||
		r.Cut.Block != sealed.number || r.Cut.Seq != before.Last+1 {
		t.Errorf("%v, cut %+v, %d messages, %d before", r.Damages, r.Cut, r.Messages, before.Messages)
	}
}

// TestCutCompressed: what can be decompressed of a block that is cut off is good.
func TestCutCompressed(t *testing.T) {
	w := newWriter(t, natsjs.S2Compression)
	w.fill(200)
	w.stop()
	s := Open(w.stream())
	list, err := s.blocks()
	must(t, err)
	info, err := os.Stat(list[1].path)
	must(t, err)
	must(t, os.Truncate(list[1].path, info.Size()-3000))
	r := check(t, s.dir)
	if len(r.Damages) == 0 || r.Cut == nil || r.Cut.Block != list[1].number || r.Cut.Offset < 6_000_000 {
		t.Errorf("%v, cut %+v", r.Damages, r.Cut)
	}
}

// TestShortReplica: a stream with several replicas may end before its state file says.
func TestShortReplica(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	w.fill(10)
	w.stop()
	must(t, os.Truncate(Open(w.stream()).BlockPath(1), 100_000))
	if r := check(t, w.stream()); len(r.Damages) != 1 || r.Damages[0].Kind != Short {
		t.Errorf("a single copy: %v", r.Damages)
	}
	setReplicas(t, Open(w.stream()), 3)
	if r := check(t, w.stream()); len(r.Damages) != 0 || r.Torn == nil {
		t.Errorf("one of three: %v, torn %v", r.Damages, r.Torn)
	}
}

// TestMeta: a configuration that was altered, or is cut off, is told of.
func TestMeta(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	w.stop()
	for _, file := range []string{MetaFile, MetaSum} {
		dir := copyOf(t, w.stream())
		flip(t, filepath.Join(dir, file), 10, 1)
		if _, err := Open(dir).Meta(); err == nil {
			t.Errorf("a bit of %s: not found", file)
		}
		must(t, os.Remove(filepath.Join(dir, file)))
		if _, err := Open(dir).Meta(); err == nil {
			t.Errorf("%s removed: not found", file)
		}
	}
}

// TestIndexOfAnotherTime: an index that is cut off or altered is left aside, as the server does.
func TestIndexOfAnotherTime(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	w.fill(20)
	w.stop()
	path := filepath.Join(w.stream(), Messages, IndexFile)
	buf, err := os.ReadFile(path)
	must(t, err)
	x, err := parseIndex(name, buf)
	if err != nil || x.last == 0 || len(x.blocks) == 0 {
		t.Fatalf("%+v, %v", x, err)
	}
	for n := range buf {
		if _, err := parseIndex(name, buf[:n]); err == nil {
			t.Fatalf("%d of %d bytes: taken for an index", n, len(buf))
		}
	}
	must(t, os.WriteFile(path, buf[:len(buf)-1], 0o600))
	clean(t, w.stream())
}

// TestPurgedAndCompacted: what the server rewrites and removes when subjects are purged is no damage.
func TestPurgedAndCompacted(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	for i := range 200 {
		w.append("q.log.0", 500)
		for range 3 {
			w.append("q.blob."+fmt.Sprint(i/20), 60_000)
		}
	}
	before := check(t, w.stream())
	for i := range 9 {
		subject := fmt.Sprint("q.blob.", i)
		w.purge(subject)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		r := check(t, w.killed())
		if r.Bytes < before.Bytes/2 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the server doesn't rewrite its blocks: %d bytes, %d before", r.Bytes, before.Bytes)
		}
		w.append("q.log.0", 500)
	}
	clean(t, w.killed())
	w.stop()
	clean(t, w.stream())
	n := 0
	must(t, Open(w.stream()).Read(context.Background(), func(m *Message) error {
		if m.Subject == "q.log.0" {
			n++
		} else if m.Subject != "q.blob.9" {
			t.Fatalf("%s was purged", m.Subject)
		}
		return nil
	}))
	if n < 200 {
		t.Errorf("%d messages of the log are left", n)
	}
}

// BenchmarkCheck measures how fast a stream is checked, on one core.
func BenchmarkCheck(b *testing.B) {
	for _, compression := range []natsjs.StoreCompression{natsjs.NoCompression, natsjs.S2Compression} {
		b.Run(compression.String(), func(b *testing.B) {
			w := newWriter(b, compression)
			w.fill(640)
			w.stop()
			b.ResetTimer()
			for range b.N {
				start := time.Now()
				r := check(b, w.stream())
				b.ReportMetric(float64(r.Bytes)/1e6/time.Since(start).Seconds(), "MB/s")
			}
		})
	}
}

// TestUnsynced: the end of a block, and all that was written after it, is gone, as a loss of power leaves what was not fsynced.
// With several replicas it is in the Raft log; with one, or with a good record behind it, it is damage.
func TestUnsynced(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	w.fill(320)
	for _, replicas := range []int{1, 3} {
		for _, after := range []int64{0, 5000} {
			s := Open(copyOf(t, w.killed()))
			setReplicas(t, s, replicas)
			list, err := s.blocks()
			must(t, err)
			sealed, newest := list[len(list)-2].number, list[len(list)-1].number
			must(t, os.Truncate(s.BlockPath(sealed), 3_000_001))
			must(t, os.Truncate(s.BlockPath(sealed), 8_000_000))
			if after == 0 {
				must(t, os.Truncate(s.BlockPath(newest), 0))
			}
			want := Altered
			if replicas > 1 && after == 0 {
				want = Unsynced
			}
			if r := check(t, s.dir); len(r.Damages) == 0 || r.Damages[0].Kind != want || r.Damages[0].File != s.BlockPath(sealed) || r.Cut == nil {
				t.Errorf("%d replicas, %d bytes after it: %v, want %s in block %d", replicas, after, r.Damages, want, sealed)
			}
		}
	}
}

// setReplicas writes the stream's configuration as a server does that keeps so many copies.
func setReplicas(t *testing.T, s *Stream, replicas int) {
	t.Helper()
	meta, err := os.ReadFile(filepath.Join(s.dir, MetaFile))
	must(t, err)
	meta = bytes.Replace(meta, []byte(`"num_replicas":1`), fmt.Appendf(nil, `"num_replicas":%d`, replicas), 1)
	must(t, os.WriteFile(filepath.Join(s.dir, MetaFile), meta, 0o600))
	sum, err := newSum(s.Name())
	must(t, err)
	sum.Write(meta)
	must(t, os.WriteFile(filepath.Join(s.dir, MetaSum), fmt.Appendf(nil, "%x", sum.Sum(nil)), 0o600))
}

// TestInterruptedPurge: its blocks are those that the server takes, in a folder of whatever name; without blocks it is none.
func TestInterruptedPurge(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "a[b"))
	purged := filepath.Join(s.dir, newMessages)
	must(t, os.MkdirAll(purged, 0o700))
	must(t, os.WriteFile(filepath.Join(purged, "index.db"), nil, 0o600))
	if got, want := s.BlockPath(7), filepath.Join(s.dir, Messages, "7"+blockExt); got != want {
		t.Errorf("without blocks %s, want %s", got, want)
	}
	must(t, os.WriteFile(filepath.Join(purged, "7"+blockExt), nil, 0o600))
	if got, want := s.BlockPath(7), filepath.Join(purged, "7"+blockExt); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPartsOfObjects: parts of a deleted object that are there again, with a gap where a block has vanished, are no damage; the same of a
// log is.
func TestPartsOfObjects(t *testing.T) {
	for _, test := range []struct {
		stream, subject string
		damages, late   int
	}{
		{"OBJ_q", "$O.q.C.x", 0, 0},
		{"OBJ_q", "$O.other.C.x", 1, 1},
		{"q", "$O.q.C.x", 1, 1},
	} {
		dir := filepath.Join(t.TempDir(), test.stream)
		must(t, os.MkdirAll(filepath.Join(dir, Messages), 0o700))
		for number, seqs := range map[int][]uint64{1: {1, 2, 3}, 3: {6, 7}} {
			var content []byte
			for _, seq := range seqs {
				header := fmt.Sprintf("NATS/1.0\r\n%s: %d\r\n\r\n", headerExpected, seq-1)
				content = encodeIn(t, content, fmt.Sprint(test.stream, "-", number), seq, test.subject, header, "data")
			}
			must(t, os.WriteFile(filepath.Join(dir, Messages, fmt.Sprint(number, blockExt)), content, 0o600))
		}
		if r := check(t, dir); len(r.Damages) != test.damages || r.Messages != 5 {
			t.Errorf("%s in stream %s: %d messages, damages %v, want %d", test.subject, test.stream, r.Messages, r.Damages, test.damages)
		}
		must(t, os.Remove(filepath.Join(dir, Messages, "1"+blockExt)))
		if r := check(t, dir); len(r.Late) != test.late {
			t.Errorf("%s in stream %s without the first block: late %v, want %d", test.subject, test.stream, r.Late, test.late)
		}
	}
}
