package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// contents is what a view has, by the text of each quad.
func contents(t rapid.TB, s store.Store) map[string]bool {
	t.Helper()
	v := s.View()
	defer v.Close()
	all := map[string]bool{}
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[q.String()] = true
	}
	if len(all) != s.Len() {
		t.Fatalf("%d quads, Len is %d", len(all), s.Len())
	}
	return all
}

func quad(i int) rdf.Quad {
	q := rdf.Quad{
		S: rdf.Trusted(fmt.Sprintf("<http://example.org/s%d>", i%50)),
		P: rdf.Trusted(fmt.Sprintf("<http://example.org/p%d>", i%3)),
		O: rdf.Trusted(fmt.Sprintf(`"%d"^^<http://www.w3.org/2001/XMLSchema#integer>`, i)),
	}
	if i%2 == 0 {
		q.G = rdf.Trusted("<http://example.org/g>")
		q.O = rdf.Trusted(fmt.Sprintf(`"text %d"`, i))
	}
	return q
}

func fill(t testing.TB, s store.Store, from, to int) {
	t.Helper()
	tx := s.Begin()
	for i := from; i < to; i++ {
		if _, err := tx.Add(quad(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(uint64(to), []byte{byte(to)}); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshot writes a store in memory, with the terms of an open transaction, reads it on a disk, goes on, and opens it again.
func TestSnapshot(t *testing.T) {
	m := memory.New()
	fill(t, m, 0, 1000)
	open := m.Begin()
	if _, err := open.Add(rdf.Quad{S: rdf.Trusted("<x:not>"), P: rdf.Trusted("<x:there>"), O: rdf.Trusted("<x:yet>")}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	v := m.View()
	if err := store.WriteSnapshot(&file, v, func(w io.Writer) error { _, err := w.Write([]byte("extra")); return err }); err != nil {
		t.Fatal(err)
	}
	v.Close()
	open.Rollback()
	o := disk.Options{Dir: t.TempDir()}
	var extra []byte
	s, err := disk.ReadSnapshot(o, bytes.NewReader(file.Bytes()), func(r io.Reader) (err error) {
		extra, err = io.ReadAll(r)
		return err
	}, func() ([]byte, error) { return append(extra, '!'), nil })
	if err != nil {
		t.Fatal(err)
	}
	same(t, s, m, "extra!")
	_, known, err := lookup(s, "<x:not>")
	if err != nil || known {
		t.Errorf("a term that no quad has: %v, %v", known, err)
	}
	fill(t, s, 1000, 1200)
	fill(t, m, 1000, 1200)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = disk.Open(o); err != nil {
		t.Fatal(err)
	}
	same(t, s, m, string([]byte{1200 & 0xff}))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.ReadSnapshot(o, bytes.NewReader(file.Bytes()), nil, nil); err == nil {
		t.Error("a snapshot was read into a store that is not empty")
	}
}

func lookup(s store.Store, text string) (store.ID, bool, error) {
	v := s.View()
	defer v.Close()
	return v.Lookup(rdf.Trusted(text))
}

func same(t *testing.T, s *disk.Store, m *memory.Store, meta string) {
	t.Helper()
	got, want := contents(t, s), contents(t, m)
	for q := range want {
		if !got[q] {
			t.Fatalf("missing: %s", q)
		}
	}
	v := s.View()
	defer v.Close()
	has, err := v.Meta()
	if len(got) != len(want) || s.Position() != m.Position() || err != nil || string(has) != meta {
		t.Fatalf("%d quads at %d with %q, %v; expected %d at %d with %q", len(got), s.Position(), has, err, len(want), m.Position(), meta)
	}
}

// TestDamagedSnapshot has a byte wrong, at each place.
func TestDamagedSnapshot(t *testing.T) {
	m := memory.New()
	fill(t, m, 0, 20)
	var file bytes.Buffer
	v := m.View()
	defer v.Close()
	if err := store.WriteSnapshot(&file, v, nil); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < file.Len(); i += 7 {
		b := bytes.Clone(file.Bytes())
		b[i] ^= 4
		s, err := disk.ReadSnapshot(disk.Options{Dir: t.TempDir()}, bytes.NewReader(b), nil, nil)
		if err == nil {
			t.Fatalf("byte %d: %v", i, s.Close())
		}
		if !errors.Is(err, store.ErrDamaged) && i > len("quadrille snapshot 3\n") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// TestCheckpoint opens a copy, which stays as it is while the store goes on.
func TestCheckpoint(t *testing.T) {
	s := open(t, disk.Options{Dir: t.TempDir()})
	fill(t, s, 0, 500)
	dir := t.TempDir() + "/copy"
	if err := s.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 500, 600)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := open(t, disk.Options{Dir: dir})
	if n := len(contents(t, c)); n != 500 || c.Position() != 500 {
		t.Errorf("%d quads at %d", n, c.Position())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
