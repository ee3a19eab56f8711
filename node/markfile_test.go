package node_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

func mark(position uint64) engine.Mark {
	return engine.Mark{Position: position, ID: operator.ID([32]byte{byte(position), byte(position >> 8), 7})}
}

func openMarks(t *testing.T, path string, shards int) *node.MarkFile {
	t.Helper()
	m, err := node.OpenMarks(path, "main", shards)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMarkFile: what was raised is there for who opens the file next, though nobody closed or synced it.
func TestMarkFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks")
	m := openMarks(t, path, 3)
	var all sync.WaitGroup
	for s := range 2 {
		for i := range uint64(4) {
			all.Go(func() {
				for at := 1 + i; at <= 400; at += 4 {
					if err := m.Raise(s, mark(at)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	killed := openMarks(t, path, 3) // as after a kill
	for s, want := range []engine.Mark{mark(400), mark(400), {}} {
		if got := killed.Mark(s); got != want || m.Mark(s) != want {
			t.Errorf("shard %d: %+v, then %+v, want %+v", s, m.Mark(s), got, want)
		}
	}
	if err := killed.Raise(0, engine.Mark{Position: 500, ID: "no hash"}); err != nil {
		t.Error(err)
	}
	if err := killed.Raise(0, mark(499)); err != nil || m.Close() != nil || killed.Close() != nil {
		t.Error(err)
	}
	last := openMarks(t, path, 3)
	defer last.Close()
	if got := last.Mark(0); got != (engine.Mark{Position: 500}) || last.Mark(1) != mark(400) {
		t.Errorf("%+v, %+v", got, last.Mark(1))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 1 {
		t.Errorf("files are left: %v", files)
	}
}

// TestMarkFileTorn: the write of a slot that was cut off, or one that is damaged, leaves the mark before it.
func TestMarkFileTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks")
	m := openMarks(t, path, 2)
	for at := range uint64(9) {
		if err := m.Raise(1, mark(at+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte{9, 1, 9, 0, 7}) - 7 // the newest slot
	for i := range 64 {
		torn := bytes.Clone(whole)
		torn[at+i] ^= 0x10
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		m := openMarks(t, path, 2)
		if got := m.Mark(1); got != mark(8) {
			t.Fatalf("byte %d: %+v", i, got)
		}
		// The next goes over the torn one.
		if err := m.Raise(1, mark(10)); err != nil || m.Close() != nil {
			t.Fatal(err)
		}
		m = openMarks(t, path, 2)
		if got := m.Mark(1); got != mark(10) || m.Close() != nil {
			t.Fatalf("byte %d: %+v", i, got)
		}
	}
}

// TestMarkFileDamaged: a file that can't be trusted is an error that names it and says what to do.
func TestMarkFileDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "marks")
	if err := openMarks(t, path, 2).Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at ...int) []byte {
		b := bytes.Clone(whole)
		for _, i := range at {
			b[i]++
		}
		return b
	}
	for name, data := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0), "magic": change(3),
		"header": change(9), "both slots": change(64+128, 64+192),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := node.OpenMarks(path, "main", 2)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := node.OpenMarks(path, "other", 2); err == nil || !strings.Contains(err.Error(), `than "other"`) {
		t.Errorf("another pipeline's: %v", err)
	}
	if _, err := node.OpenMarks(path, "main", 3); err == nil || !strings.Contains(err.Error(), "2 shards, not 3") {
		t.Errorf("other shards: %v", err)
	}
	if _, err := node.OpenMarks(filepath.Join(dir, "none", "marks"), "main", 2); err == nil {
		t.Error("made in a folder that isn't there")
	}
}

// TestReadMarks: a file of marks that is in use is read, whole, and nothing is written to it, however damaged it is.
func TestReadMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks")
	m := openMarks(t, path, 3)
	defer m.Close()
	if err := m.Raise(1, mark(7)); err != nil {
		t.Fatal(err)
	}
	got, err := node.ReadMarks(path, "main")
	if err != nil || len(got) != 3 || got[0] != (engine.Mark{}) || got[1] != mark(7) || got[2] != (engine.Mark{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := node.ReadMarks(path, "other"); err == nil {
		t.Error("another pipeline's marks are read")
	}
	if _, err := node.ReadMarks(path+"-none", "main"); err == nil {
		t.Error("marks are read that aren't there")
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string][]byte{
		"empty": {}, "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0), "no slots": whole[:64],
		"header": append([]byte("x"), whole[1:]...), "other": []byte("something else"),
	} {
		path := filepath.Join(t.TempDir(), "marks")
		if err := os.WriteFile(path, content, 0o400); err != nil {
			t.Fatal(err)
		}
		if marks, err := node.ReadMarks(path, "main"); err == nil {
			t.Errorf("%s: %v", what, marks)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, content) {
			t.Errorf("%s: the file was changed, %v", what, err)
		}
	}
}

// TestMarksIn: the files of marks are found in a folder of whatever name, with their pipelines, and no other files.
func TestMarksIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, pipeline := range []string{"main", "a.b-c"} {
		path := node.MarksPath(dir, pipeline, "n@1:2")
		openMarks(t, path, 1).Close()
		want[path] = pipeline
	}
	for _, name := range []string{"marks", "marks+main", "marks+main+n1+x", "marks+%+n1", "other+main+n1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := maps.Collect(node.MarksIn(dir)); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for path := range node.MarksIn(filepath.Join(dir, "none")) {
		t.Errorf("%s is in no folder", path)
	}
}

// TestMarkFileWriteFails: the mark counts for this process all the same.
func TestMarkFileWriteFails(t *testing.T) {
	m := openMarks(t, filepath.Join(t.TempDir(), "marks"), 2)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Raise(1, mark(3)); err == nil || !strings.Contains(err.Error(), "shard 1") {
		t.Errorf("%v", err)
	}
	if m.Mark(1) != mark(3) {
		t.Errorf("%+v", m.Mark(1))
	}
}

// BenchmarkRaise is what a committed record costs beside its append.
func BenchmarkRaise(b *testing.B) {
	m, err := node.OpenMarks(filepath.Join(b.TempDir(), "marks"), "main", 4096)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	id := mark(7).ID
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := m.Raise(i%4096, engine.Mark{Position: uint64(i) + 1, ID: id}); err != nil {
			b.Fatal(err)
		}
	}
}
