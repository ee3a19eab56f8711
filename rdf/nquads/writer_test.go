package nquads_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := nquads.NewWriter(&b)
	s, o := rdf.Trusted("<x:s>"), rdf.Trusted(`"o"`)
	for _, q := range []rdf.Quad{{S: s, P: s, O: o}, {S: s, P: s, O: s, G: rdf.Trusted("_:g")}} {
		if err := w.Write(q); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []rdf.Quad{{}, {S: o, P: s, O: s}, {S: s, P: o, O: s}, {S: s, P: s}, {S: s, P: s, O: s, G: o}} {
		if err := w.Write(q); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("%v: %v, expected a refusal", q, err)
		}
	}
	if b.Len() > 0 {
		t.Errorf("%q before Flush", b.Bytes())
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Flush(), w.Write(rdf.Quad{S: s, P: s, O: s}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "<x:s> <x:s> \"o\" .\n<x:s> <x:s> <x:s> _:g .\n<x:s> <x:s> <x:s> .\n"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}

// limited takes so many bytes, then fails, or takes part without saying so.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left < len(b) {
		return l.left, l.err
	}
	l.left -= len(b)
	return len(b), nil
}

// The error of the underlying writer comes back, and stays.
func TestWriterErrors(t *testing.T) {
	full := errors.New("disk full")
	q := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"),
		O: rdf.Trusted(`"` + strings.Repeat("o", 10_000) + `"`)}
	for given, want := range map[error]error{full: full, nil: io.ErrShortWrite} {
		w := nquads.NewWriter(&limited{left: 100_000, err: given})
		rows := 0
		var err error
		for ; err == nil && rows < 1000; rows++ {
			err = w.Write(q)
		}
		if err != want || rows > 20 {
			t.Errorf("%v after %d rows, expected %v", err, rows, want)
		}
		if err := w.Write(q); err != want {
			t.Errorf("then %v, expected %v", err, want)
		}
		if err := w.Flush(); err != want {
			t.Errorf("then %v, expected %v", err, want)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	q := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(`"o"@en`), G: rdf.Trusted("_:g")}
	buf := make([]byte, 0, 100)
	if allocs := testing.AllocsPerRun(100, func() { buf = nquads.AppendQuad(buf[:0], q) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if got, want := string(buf), q.String()+"\n"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}
