package publish

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// divided divides a patch and returns its documents.
func divided(text string, target, most int, ignorePrev bool) ([]string, uint64, error) {
	var docs []string
	var changes uint64
	d := newDivider(target, most, func(doc document) ([]byte, error) {
		docs = append(docs, string(doc.body))
		changes += doc.changes
		return doc.body[:0], nil
	})
	d.ignorePrev = ignorePrev
	err := patch.Parse([]byte(text), d)
	if err == nil {
		err = d.cut()
	}
	return docs, changes, err
}

const (
	row1 = "A <s:1> <p:1> \"1\" .\n"
	row2 = "D <s:2> <p:1> \"2\" .\n"
)

func TestDivide(t *testing.T) {
	tx := func(rows ...string) string { return "TX .\n" + strings.Join(rows, "") + "TC .\n" }
	tests := []struct {
		name        string
		in          string
		target, max int
		ignorePrev  bool
		want        []string
		changes     uint64
	}{
		{"nothing", "", 1, 100, false, nil, 0},
		{"together", tx(row1) + tx(row2), 1000, 1000, false, []string{tx(row1) + tx(row2)}, 2},
		{"each alone", tx(row1) + tx(row2), 1, 100, false, []string{tx(row1), tx(row2)}, 2},
		{"the second does not fit", tx(row1) + tx(row2, row2), 60, 60, false, []string{tx(row1), tx(row2, row2)}, 3},
		{"outside", row1 + row2 + row1, 20, 100, false, []string{row1, row2, row1}, 3},
		{"aborted", tx(row1) + "TX .\n" + row2 + "TA .\n" + tx(row2), 1000, 1000, false, []string{tx(row1) + tx(row2)}, 2},
		{"headers", "H id <u:1> .\nH about \"x\" .\n" + tx(row1) + "H id <u:2> .\n" + tx(row2), 1000, 1000, false,
			[]string{tx(row1) + tx(row2)}, 2},
		{"prev", "H id <u:1> .\nH prev <u:0> .\n" + tx(row1) + "H id <u:2> .\nH previous <u:1> .\n" + tx(row2), 1000, 1000,
			false, []string{"H prev <u:0> .\n" + tx(row1), "H prev <u:1> .\n" + tx(row2)}, 2},
		{"prev, then none", "H prev <u:0> .\n" + tx(row1) + "H id <u:2> .\n" + tx(row2), 1000, 1000,
			false, []string{"H prev <u:0> .\n" + tx(row1), tx(row2)}, 2},
		{"prev is not cut", "H prev <u:0> .\n" + tx(row1) + tx(row2), 1, 1000, false,
			[]string{"H prev <u:0> .\n" + tx(row1) + tx(row2)}, 2},
		{"prev ignored", "H id <u:1> .\nH prev <u:0> .\n" + tx(row1) + "H prev <u:1> .\n" + tx(row2), 1000, 1000, true,
			[]string{tx(row1) + tx(row2)}, 2},
		{"prefixes", "TX .\nPA \"a\" <u:a> .\nPD \"b\" .\nTC .\n", 1000, 1000, false,
			[]string{"TX .\nPA \"a\" <u:a> .\nPD \"b\" .\nTC .\n"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, changes, err := divided(test.in, test.target, test.max, test.ignorePrev)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(test.want, got); diff != "" || changes != test.changes {
				t.Errorf("%d changes, want %d\n%s", changes, test.changes, diff)
			}
		})
	}
}

func TestDivideTooLarge(t *testing.T) {
	for _, in := range []string{"TX .\n" + row1 + row1 + row1 + "TC .\n", "TX .\n" + row1 + "TC .\nTX .\n" + row1 + row1 + row1 + "TC .\n",
		"H prev <u:0> .\nTX .\n" + row1 + "TC .\nTX .\n" + row1 + "TC .\n"} {
		if docs, _, err := divided(in, 50, 60, false); err == nil {
			t.Errorf("%q gave %q", in, docs)
		}
	}
}

// transcript is a [patch.Change] that writes what takes effect: the rows of transactions that commit, and those outside.
type transcript struct {
	patch.Counter
	text, open bytes.Buffer
	inside     bool
}

func (t *transcript) out() *bytes.Buffer {
	if t.inside {
		return &t.open
	}
	return &t.text
}
func (t *transcript) Begin() error { t.inside = true; t.open.WriteString("["); return nil }
func (t *transcript) Commit() error {
	t.inside = false
	t.text.WriteString(t.open.String() + "]")
	t.open.Reset()
	return nil
}
func (t *transcript) Abort() error            { t.inside = false; t.open.Reset(); return nil }
func (t *transcript) Add(q rdf.Quad) error    { fmt.Fprintf(t.out(), "A %v", q); return nil }
func (t *transcript) Delete(q rdf.Quad) error { fmt.Fprintf(t.out(), "D %v", q); return nil }

func (t *transcript) of(tb rapid.TB, text string) string {
	if err := patch.Parse([]byte(text), t); err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	return t.text.String()
}

// Whatever is divided, the documents, one after the other, have the effects of the whole, each can be read alone, each is
// within the bound, and dividing again gives the same.
func TestDivideKeepsEffects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(0, 20).Draw(t, "patches") {
			rows := strings.Repeat(row1, rapid.IntRange(0, 3).Draw(t, "adds")) +
				strings.Repeat(row2, rapid.IntRange(0, 3).Draw(t, "deletes"))
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				b.WriteString(rows)
			case 1:
				b.WriteString("TX .\n" + rows + "TA .\n")
			default:
				b.WriteString("TX .\n" + rows + "TC .\n")
			}
		}
		const most = 140 // the largest transaction has 6 rows of 20 bytes, TX and TC
		target := rapid.IntRange(1, most).Draw(t, "target")
		docs, _, err := divided(b.String(), target, most, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range docs {
			if len(doc) > most {
				t.Fatalf("document of %d bytes", len(doc))
			}
			new(transcript).of(t, doc)
		}
		if got, want := new(transcript).of(t, strings.Join(docs, "")), new(transcript).of(t, b.String()); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		again, _, _ := divided(b.String(), target, most, false)
		if !gocmp.Equal(docs, again) {
			t.Fatal("divided again, the documents differ")
		}
	})
}

// TestFlush: what is whole is handed on at any time, with what comes later in a document of its own; neither a transaction under way
// nor a document that a header "prev" guards is divided.
func TestFlush(t *testing.T) {
	const begin, commit, prev = "TX .\n", "TC .\n", "H prev <u:0> .\n"
	for name, test := range map[string]struct {
		parts []string // with a flush after each
		want  []string
	}{
		"rows":                         {[]string{row1, row2}, []string{row1, row2}},
		"transactions":                 {[]string{begin + row1 + commit, begin + row2 + commit}, []string{begin + row1 + commit, begin + row2 + commit}},
		"within a transaction":         {[]string{begin + row1, row2, commit}, []string{begin + row1 + row2 + commit}},
		"before one that is under way": {[]string{begin + row1 + commit + begin, row2, commit}, []string{begin + row1 + commit, begin + row2 + commit}},
		"aborted":                      {[]string{begin + row1, "TA .\n", row2}, []string{row2}},
		"after prev":                   {[]string{prev + row1, row2}, []string{prev + row1 + row2}},
		"nothing":                      {[]string{begin, commit}, []string{begin + commit}},
	} {
		var docs []string
		d := newDivider(1000, 1000, func(doc document) ([]byte, error) {
			docs = append(docs, string(doc.body))
			return doc.body[:0], nil
		})
		var pieces []io.Reader
		for _, part := range test.parts {
			pieces = append(pieces, strings.NewReader(part), after(d.flush))
		}
		err := patch.NewReader(io.MultiReader(pieces...)).Run(d)
		if err = errors.Join(err, d.cut()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := gocmp.Diff(test.want, docs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// after is an empty reader that calls the function.
type after func() error

func (a after) Read([]byte) (int, error) { return 0, cmp.Or(a(), io.EOF) }
