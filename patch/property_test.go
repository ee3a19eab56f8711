package patch_test

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// What is written reads the same, trusted or not, in whatever pieces it comes, and each row is one line.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := patches.Draw(t, "rows")
		var b bytes.Buffer
		w := patch.NewWriter(&b)
		if err := drive(rows, w); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(b.Bytes(), []byte("\n")); lines != len(rows) {
			t.Fatalf("%d rows on %d lines: %q", len(rows), lines, b.Bytes())
		}
		cuts := rapid.SliceOf(rapid.Byte()).Draw(t, "cuts")
		for _, opts := range [][]patch.Option{nil, {patch.Trusted()}} {
			var whole, cut recorder
			if err := patch.Parse(b.Bytes(), &whole, opts...); err != nil {
				t.Fatalf("%q: %v", b.Bytes(), err)
			}
			if !reflect.DeepEqual(whole.rows, rows) {
				t.Fatalf("%q\n got %v\nwant %v", b.Bytes(), whole.rows, rows)
			}
			source := &readertest.Pieces{Text: b.Bytes(), Cuts: cuts}
			if err := patch.NewReader(source, opts...).Run(&cut); err != nil || !reflect.DeepEqual(cut.rows, rows) {
				t.Fatalf("in pieces: error %v\n got %v\nwant %v", err, cut.rows, rows)
			}
		}
	})
}

// The terms of a row are those of N-Quads.
func TestRowsAreNQuads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := quads.Draw(t, "quad")
		line := nquads.AppendQuad(nil, q)
		if got, want := string(patch.AppendAdd(nil, q)), "A "+string(line); got != want {
			t.Fatalf("%q, expected %q", got, want)
		}
		if got, want := string(patch.AppendDelete(nil, q)), "D "+string(line); got != want {
			t.Fatalf("%q, expected %q", got, want)
		}
	})
}
