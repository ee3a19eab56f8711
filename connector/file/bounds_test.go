package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
)

// TestHeldOpen: also while many files are read, few are held open.
func TestHeldOpen(t *testing.T) {
	f := newFolder(t, SourceConfig{MaxOpen: 2, MaxMessages: 1})
	const files = 10
	for n := range files {
		f.write(fmt.Sprintf("%d.nt", n), rows(n, n+1))
	}
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	for n := range files {
		if messages, err := f.r.round(t.Context()); err != nil || len(messages) != 1 {
			t.Fatalf("%q, %v", texts(messages), err)
		}
		open := 0
		for _, in := range f.r.order {
			if in.file != nil {
				open++
			}
		}
		if open > 2+1 { // and the one that is being read
			t.Fatalf("after file %d there are %d open", n, open)
		}
	}
	f.add("0.nt", rows(20, 21))
	f.has(row(20))
}

// TestLetsGo: of a file that was read to its end no more is held than what proves the place.
func TestLetsGo(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("x.nt", rows(0, chunk/2/len(row(0))))
	if messages, err := f.read(true); err != nil || len(messages) == 0 {
		t.Fatal(err)
	}
	for _, in := range f.r.order {
		if cap(in.buf) > 4*proven {
			t.Errorf("%d bytes are held", cap(in.buf))
		}
	}
	f.add("x.nt", rows(1, 3))
	f.has(row(1), row(2))
}

// counted is a context that calls a function when it is asked the nth time whether it has ended, and ends if that says so.
type counted struct {
	context.Context
	left int
	then func() error
}

func (c *counted) Err() error {
	if c.left--; c.left > 0 {
		return nil
	}
	return c.then()
}

// TestEndsWithoutMessage: what goes on without an end and has no message in it is no reason to read on when the context ends, or
// the reader is closed.
func TestEndsWithoutMessage(t *testing.T) {
	for _, name := range []string{"x.nt", "x.csv"} {
		for want, then := range map[error]func(r *reader) error{
			context.Canceled: func(*reader) error { return context.Canceled },
			errClosed: func(r *reader) error {
				if !r.isClosed() {
					close(r.closed)
				}
				return nil
			},
		} {
			f := newFolder(t, SourceConfig{Mapped: true, MediaType: typeCSV})
			f.write(name, "")
			if err := os.Truncate(f.path(name), 4<<30); err != nil { // it takes no room
				t.Fatal(err)
			}
			if err := f.start(); err != nil {
				t.Fatal(err)
			}
			r := f.r
			messages, err := r.round(&counted{Context: t.Context(), left: 20, then: func() error { return then(r) }})
			if len(messages) > 0 || !errors.Is(err, want) {
				t.Errorf("%d messages, %v", len(messages), err)
			}
			if at := r.order[0].base + int64(len(r.order[0].buf)); at == 0 || at > 100*chunk {
				t.Errorf("%s, %v: %d bytes were read", name, want, at)
			}
			if errors.Is(want, errClosed) {
				r.order[0].close()
				f.r = nil
			}
		}
	}
}

// TestChangedBeforeItsEnd: the end of a file that isn't followed is its end only if nobody has written to it since it was found
// to be complete.
func TestChangedBeforeItsEnd(t *testing.T) {
	f := newFolder(t, SourceConfig{Mapped: true, Whole: true, MaxMessages: 1})
	f.write("x.csv", "n\n1\n2\n3")
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	read := func(want ...string) {
		t.Helper()
		b := &batch{cfg: &f.r.s.cfg}
		if _, err := f.r.order[0].read(b); err != nil || strings.Join(texts(b.messages), " ") != strings.Join(want, " ") {
			t.Errorf("%q, %v", texts(b.messages), err)
		}
		for _, m := range b.messages {
			f.progress.Commit(m)
		}
	}
	f.write("x.csv", "n\n1\n2\n3\n4")
	read() // it has changed before it was opened
	if err := f.r.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	read("n\n1")
	f.write("x.csv", "n\n1\n2\n3\n4567")
	for range 10 { // and while it was read
		b := &batch{cfg: &f.r.s.cfg}
		if _, err := f.r.order[0].read(b); err != nil {
			t.Fatal(err)
		}
		for _, m := range b.messages {
			if f.progress.Commit(m); strings.HasPrefix(string(m.Body), "n\n4") {
				t.Errorf("the end is %q", m.Body)
			}
		}
	}
	if messages, err := f.read(true); err != nil || !strings.HasSuffix(strings.Join(texts(messages), " "), "n\n4567") {
		t.Errorf("%q, %v", texts(messages), err)
	}
}

// TestQuotes: quotes hold a row together only where they begin a field, or are doubled within such ones.
func TestQuotes(t *testing.T) {
	for _, row := range []string{"a,5\"\"\n", "a\"\"b,c\n", "a\"b\n", "\"a\nb\",c\n", "\"a\"\"\nb\",c\n", "\"\",c\n", "a,\"\"\"\n\"\"\"\n"} {
		p, found, _ := cutCSV([]byte(row+"next,\"\"\n"), false)
		if !found || p.Begin != 0 || p.End != len(row) {
			t.Errorf("%q: %+v, %v", row, p, found)
		}
	}
}

// TestNamesAreBounded: of a folder with too many files not all names are read.
func TestNamesAreBounded(t *testing.T) {
	f := newFolder(t, SourceConfig{MaxFiles: 2})
	for n := range 3 * atOnce {
		f.write(fmt.Sprintf("%d.nt", n), "")
	}
	s, err := NewSource(f.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := s.list(f.dir, ""); err != nil || len(names) > 2*atOnce {
		t.Errorf("%d names, %v", len(names), err)
	}
	if err := f.start(); !errors.Is(err, connector.ErrGiveUp) {
		t.Errorf("%v", err)
	}
}

// TestInodeUsedAgainBeforeItIsOpened: a file that was made in the place of one that was seen, with its inode, is another one: it
// isn't read under the name of the first, and then under its own.
func TestInodeUsedAgainBeforeItIsOpened(t *testing.T) {
	f, birth := newFolder(t, SourceConfig{}), int64(1)
	f.identify = func(string, os.FileInfo) (identity, error) { return identity{inode: 7, birth: birth}, nil }
	f.write("x.nt", rows(0, 1))
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	birth = 2
	b := &batch{cfg: &f.r.s.cfg}
	if _, err := f.r.order[0].read(b); err != nil || len(b.messages) > 0 {
		t.Errorf("%q, %v", texts(b.messages), err)
	}
	f.has(row(0))
}

// TestHoldsNoRoom: what waits to be committed is a document, not the room that it was read into.
func TestHoldsNoRoom(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("x.ttl", "<urn:a> <urn:p> 1 .")
	messages, err := f.read(true)
	if err != nil || len(messages) != 1 || cap(messages[0].Body) >= proven {
		t.Errorf("%q, %v", texts(messages), err)
	}
}
