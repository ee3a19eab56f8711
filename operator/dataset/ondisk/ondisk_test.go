package ondisk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/storetest"
)

func onDisk(dir string) *ondisk.Logic {
	return ondisk.New(disk.Options{Dir: filepath.Join(dir, "3"), Cache: 1 << 20, Buffer: 1 << 20})
}

// opened opens a logic whose operator would keep a part.
func opened(t testing.TB, d *ondisk.Logic, part string) (position uint64, kept string) {
	t.Helper()
	k, err := d.Open(func(func(operator.Entry) error) ([]byte, error) { return []byte(part), nil })
	if err != nil {
		t.Fatal(err)
	}
	return k.Position, string(k.Part)
}

func commit(t *testing.T, d *ondisk.Logic, position uint64, rows string) {
	t.Helper()
	ev := &event.Event{MediaType: dataset.MediaType, Payload: []byte(rows)}
	if _, _, _, err := d.Evaluate(ev, operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(position); err != nil {
		t.Fatal(err)
	}
}

func add(o string) string { return fmt.Sprintf("A <x:s> <x:p> %s .\n", o) }

// TestDiskUpdate: updates are evaluated on a disk, which has its indexes always.
func TestDiskUpdate(t *testing.T) {
	d := onDisk(t.TempDir())
	opened(t, d, "")
	rows := ""
	for i := range 1500 {
		rows += fmt.Sprintf("A <x:s%d> <x:p> <x:o%d> .\n", i, i/2)
	}
	commit(t, d, 1, rows)
	ev := &event.Event{Producer: event.Producer{Name: "s"}, Seq: 1, MediaType: dataset.UpdateMediaType,
		Payload: []byte("DELETE { ?s <x:p> <x:o8> } INSERT { ?s <x:q> ?p } WHERE { ?s ?p <x:o8> }")}
	body, adds, deletes, err := d.Evaluate(ev, operator.Evaluation{MaxSteps: 1000}, nil)
	if err != nil || adds != 2 || deletes != 2 || d.LacksIndex() {
		t.Errorf("%v, +%d -%d, an index is asked for: %v\n%s", err, adds, deletes, d.LacksIndex(), body)
	}
	if err := errors.Join(d.Commit(2), d.Close()); err != nil || d.Indexing() != nil {
		t.Error(err)
	}
}

// TestDisk goes on after Close from what was committed, with what the operator had.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	d := onDisk(dir)
	if position, kept := opened(t, d, "one"); position != 0 || kept != "" {
		t.Fatalf("%d, %q", position, kept)
	}
	commit(t, d, 3, add("1")+add(`"text"`))
	if err := d.Apply(5, []byte("TX .\n"+add("2")+"TC .\n")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil || d.Len() != 0 {
		t.Fatal(err, d.Len())
	}
	again := onDisk(dir)
	if position, kept := opened(t, again, "two"); position != 5 || kept != "one" || again.Len() != 3 {
		t.Fatalf("%d, %q, %d quads", position, kept, again.Len())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiskClosedWhileRead: who reads while the logic is closed and opened again has a view of what was committed, or none.
func TestDiskClosedWhileRead(t *testing.T) {
	d := onDisk(t.TempDir())
	opened(t, d, "one")
	commit(t, d, 3, add("1"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if v := d.View(); v != nil || d.Len() != 0 {
		t.Fatalf("%d quads, a view at %d", d.Len(), v.Position())
	}
	began := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		close(began)
		for range 1000 {
			if n := d.Len(); n > 1 {
				t.Errorf("%d quads", n)
			}
			if v := d.View(); v != nil {
				v.Close()
			}
		}
	})
	<-began
	opened(t, d, "two")
	reading.Wait()
	if v := d.View(); v == nil || v.Position() != 3 {
		t.Errorf("%v", v)
	} else {
		v.Close()
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// restored returns a logic that was filled with the snapshot of another one.
func restored(t *testing.T, dir string) *ondisk.Logic {
	t.Helper()
	source := dataset.New()
	if err := source.Apply(9, []byte("TX .\n"+add("7")+add("8")+"TC .\n")); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := source.Snapshot(func(w io.Writer) error { _, err := io.WriteString(w, "part"); return err })(&file); err != nil {
		t.Fatal(err)
	}
	d := onDisk(dir)
	extra := ""
	if err := d.Restore(&file, func(r io.Reader) error { b, err := io.ReadAll(r); extra = string(b); return err }); err != nil || extra != "part" {
		t.Fatal(err, extra)
	}
	return d
}

// TestDiskRestored takes the place of what was kept, with the operator's part of the snapshot.
func TestDiskRestored(t *testing.T) {
	dir := t.TempDir()
	d := onDisk(dir)
	opened(t, d, "one")
	commit(t, d, 3, add("1"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r := restored(t, dir)
	if err := r.Apply(11, []byte("TX .\n"+add("9")+"TC .\n")); err != nil {
		t.Fatal(err)
	}
	position, _ := opened(t, r, "two")
	if position != 11 || r.Len() != 3 {
		t.Errorf("position %d, %d quads", position, r.Len())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left := spares(t, dir); len(left) > 0 {
		t.Errorf("left: %s", left)
	}
}

// TestDiskReplacedInPart: a process that ends while it removes the folder whose place another one takes has left a whole one.
func TestDiskReplacedInPart(t *testing.T) {
	dir := t.TempDir()
	d := onDisk(dir)
	opened(t, d, "one")
	commit(t, d, 3, add("1"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r := restored(t, dir)
	r.RemoveWith(func(path string) error {
		manifests, err := filepath.Glob(filepath.Join(path, "MANIFEST*"))
		if err != nil || len(manifests) == 0 {
			t.Errorf("%s: %v", path, err)
		}
		for _, m := range manifests {
			err = errors.Join(err, os.Remove(m))
		}
		return errors.Join(err, errors.New("the process ends here"))
	})
	opened(t, r, "two")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := take(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	again := onDisk(dir)
	if position, kept := opened(t, again, "three"); position != 9 || kept != "part" || len(spares(t, dir)) > 0 {
		t.Errorf("at %d with %q, left: %s", position, kept, spares(t, dir))
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func spares(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*.restored-*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestDiskOnlyRead removes what was restored for a reader once nobody reads it any more, a view included.
func TestDiskOnlyRead(t *testing.T) {
	dir := t.TempDir()
	view := func() operator.View { return restored(t, dir).View() }()
	runtime.GC()
	if n, err := view.(interface{ Meta() ([]byte, error) }).Meta(); err != nil || string(n) != "part" || len(spares(t, dir)) != 1 {
		t.Fatalf("%q, %v, %s", n, err, spares(t, dir))
	}
	view.Close()
	view = nil
	for deadline := time.Now().Add(3 * time.Minute); len(spares(t, dir)) > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("left: %s", spares(t, dir))
		}
		runtime.Gosched()
	}
}

// TestTake removes what a process has left, and nothing else, and nothing of what another one has taken.
func TestTake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "quads")
	hold := take(t, dir)
	for _, name := range []string{"3", "3.restored-1", "12.restored-77"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "below"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ondisk.Take(dir); err == nil || !strings.Contains(err.Error(), "a folder of its own") || len(spares(t, dir)) != 2 {
		t.Errorf("%v, left: %s", err, spares(t, dir))
	}
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
	hold = take(t, dir)
	left, err := filepath.Glob(filepath.Join(dir, "*3*"))
	if err != nil || len(left) != 1 || len(spares(t, dir)) > 0 {
		t.Errorf("%v, %v, %v", left, spares(t, dir), err)
	}
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, dir string) io.Closer {
	t.Helper()
	hold, err := ondisk.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	return hold
}

// TestDiskDamaged: the error of a folder that can't be opened says what can be done.
func TestDiskDamaged(t *testing.T) {
	dir := t.TempDir()
	d := onDisk(dir)
	opened(t, d, "one")
	commit(t, d, 3, add("1"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "3", "MANIFEST-*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	again := onDisk(dir)
	if _, err := again.Open(nil); !errors.Is(err, operator.ErrStateDamaged) || !strings.Contains(err.Error(), "the folder can be removed") {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "3")); err != nil {
		t.Fatal(err)
	}
	if position, kept := opened(t, again, "two"); position != 0 || kept != "" {
		t.Errorf("%d, %q", position, kept)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiskBlockDamaged: damage that is found later, as an event is evaluated, is named in one line, with what can be done.
func TestDiskBlockDamaged(t *testing.T) {
	dir := t.TempDir()
	d := onDisk(dir)
	opened(t, d, "one")
	var rows strings.Builder
	for i := range 20_000 { // many blocks, of which the quads' come first
		rows.WriteString(add(fmt.Sprint(i * 7919)))
	}
	commit(t, d, 3, rows.String())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again := onDisk(dir)
	opened(t, again, "two")
	if storetest.Rot(t, filepath.Join(dir, "3")) == 0 { // while it is open, so that nothing was read of the tables but their ends
		t.Fatal("there are no tables")
	}
	ev := &event.Event{MediaType: dataset.MediaType, Payload: []byte(add("7919"))}
	_, _, _, err := again.Evaluate(ev, operator.Evaluation{}, nil)
	if !errors.Is(err, operator.ErrState) || !errors.Is(err, disk.ErrDamaged) || !errors.Is(again.Damaged(), operator.ErrStateDamaged) || !strings.Contains(err.Error(), "the folder can be removed") ||
		strings.ContainsAny(err.Error(), "<\n") {
		t.Errorf("%v", err)
	}
	_ = again.Close() // what is damaged may not be written
}
