package patch_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// eachRow has one row of each kind, in the order of [patch.Change], and the sum of a Counter after it.
var eachRow = []struct {
	row   row
	count patch.Counter
}{
	{row{code: "H", name: "id", value: node}, patch.Counter{Headers: 1}},
	{row{code: "TX"}, patch.Counter{Begins: 1}},
	{row{code: "TC"}, patch.Counter{Commits: 1}},
	{row{code: "TA"}, patch.Counter{Aborts: 1}},
	{row{code: "PA", quad: rdf.Quad{G: node}, name: "ex", prefixTarget: "x:y"}, patch.Counter{PrefixAdds: 1}},
	{row{code: "PD", quad: rdf.Quad{G: node}, name: "ex"}, patch.Counter{PrefixDeletes: 1}},
	{row{code: "A", quad: quad}, patch.Counter{Adds: 1}},
	{row{code: "D", quad: quad}, patch.Counter{Deletes: 1}},
}

func TestCounter(t *testing.T) {
	var all patch.Counter
	for _, c := range eachRow {
		var n patch.Counter
		if err := drive([]row{c.row}, &n); err != nil || n != c.count {
			t.Errorf("%s: %+v, %v", c.row.code, n, err)
		}
		if err := drive([]row{c.row, c.row}, &all); err != nil {
			t.Error(err)
		}
	}
	if want := (patch.Counter{Headers: 2, Begins: 2, Commits: 2, Aborts: 2, PrefixAdds: 2, PrefixDeletes: 2, Adds: 2,
		Deletes: 2}); all != want {
		t.Errorf("%+v, expected %+v", all, want)
	}
}

// Each row comes to all, as it is and in their order; the first error ends it.
func TestTee(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range eachRow {
		var first, second, third recorder
		if err := drive([]row{c.row}, patch.Tee(&first, &second)); err != nil {
			t.Error(err)
		}
		if want := []row{c.row}; !slices.Equal(first.rows, want) || !slices.Equal(second.rows, want) {
			t.Errorf("%s: %v and %v, expected %v", c.row.code, first.rows, second.rows, want)
		}
		err := drive([]row{c.row}, patch.Tee(&first, failing{broken}, &third))
		if err != broken || len(first.rows) != 2 || len(third.rows) > 0 {
			t.Errorf("%s: %v, %d rows before the one that failed, %d behind it", c.row.code, err, len(first.rows),
				len(third.rows))
		}
		if err := drive([]row{c.row}, patch.Tee()); err != nil {
			t.Errorf("%s to nobody: %v", c.row.code, err)
		}
	}
}

func TestInvert(t *testing.T) {
	const other = "H made-by \"me\" .\n"
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", ""},
		{"empty transaction", "TX . TC .", "TX .\nTC .\n"},
		{"reverse order", "TX . A <x:1> <x:p> 1 . D <x:2> <x:p> 'é' <x:g> . PA 'a' <x:> _:g . A <x:3> <x:p> _:o . TC .",
			"TX .\nD <x:3> <x:p> _:o .\nPD \"a\" _:g .\nA <x:2> <x:p> \"é\" <x:g> .\n" +
				"D <x:1> <x:p> \"1\"^^<" + long + "integer> .\nTC .\n"},
		{"headers", "H id <x:2> . H prev <x:1> . H made-by 'me' . TX . D " + spo + " . TC .",
			other + "TX .\nA " + spo + " .\nTC .\n"},
		{"aborted", "TX . A " + spo + " . TA .", ""},
		{"aborted, then committed", "TX . A <x:1> <x:p> 1 . TA . TX . A " + spo + " . TC .", "TX .\nD " + spo + " .\nTC .\n"},
	} {
		var got, want recorder
		if err := patch.Parse([]byte(c.doc), patch.Invert(&got, 0)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := patch.Parse([]byte(c.want), &want); err != nil || !slices.Equal(got.rows, want.rows) {
			t.Errorf("%s:\n got %v\nwant %v, %v", c.name, got.rows, want.rows, err)
		}
	}
}

func TestInvertRefuses(t *testing.T) {
	for _, c := range []struct{ name, doc string }{
		{"two transactions", "TX . TC . TX . TC ."},
		{"a row outside", "A " + spo + " ."},
		{"a row behind", "TX . TC . D " + spo + " ."},
		{"a prefix outside", "PA 'a' <x:> ."},
		{"PD", "TX . PD 'a' . TC ."},
	} {
		var got recorder
		err := patch.Parse([]byte(c.doc), patch.Invert(&got, 0))
		var syntax *patch.SyntaxError
		if !errors.Is(err, patch.ErrNotInvertible) || errors.As(err, &syntax) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, rows := range [][]row{{{code: "TC"}}, {{code: "TA"}}, {{code: "TX"}, {code: "TX"}}} {
		var got recorder
		if err := drive(rows, patch.Invert(&got, 0)); !errors.Is(err, patch.ErrNotInvertible) || len(got.rows) > 0 {
			t.Errorf("%v: %v, handed on %v", rows, err, got.rows)
		}
	}
}

// The bound is on the bytes of the terms, and what is over it is not held.
func TestInvertBound(t *testing.T) {
	doc := []byte("TX . A " + spo + " . D " + spo + " <x:g> . TC .")
	const size = 3*len("<x:s>") + 4*len("<x:s>")
	var n patch.Counter
	if err := patch.Parse(doc, patch.Invert(&n, size)); err != nil || n.Adds != 1 || n.Deletes != 1 {
		t.Errorf("%+v, %v", n, err)
	}
	aborted := append([]byte("TX . A "+spo+" . TA . "), doc...)
	if err := patch.Parse(aborted, patch.Invert(&n, size)); err != nil || n.Adds != 2 {
		t.Errorf("after an aborted transaction: %+v, %v", n, err)
	}
	var none patch.Counter
	err := patch.Parse(doc, patch.Invert(&none, size-1))
	if !errors.Is(err, patch.ErrTransactionSize) || !errors.Is(err, rdf.ErrLimit) || none != (patch.Counter{}) {
		t.Errorf("%+v, %v", none, err)
	}
}

// An error of the Change behind comes back from the row at which it came.
func TestInvertForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	if err := patch.Parse([]byte("H x <x:1> ."), patch.Invert(failing{broken}, 0)); err != broken {
		t.Errorf("header: %v", err)
	}
	for after := range 4 {
		c := &failsAfter{rows: after, err: broken}
		if err := patch.Parse([]byte("TX . D "+spo+" . A "+spo+" . TC ."), patch.Invert(c, 0)); err != broken {
			t.Errorf("row %d: %v", after, err)
		}
	}
}

// failsAfter takes so many rows, then fails.
type failsAfter struct {
	recorder
	rows int
	err  error
}

func (f *failsAfter) next() error {
	if f.rows--; f.rows < 0 {
		return f.err
	}
	return nil
}
func (f *failsAfter) Begin() error          { return f.next() }
func (f *failsAfter) Commit() error         { return f.next() }
func (f *failsAfter) Add(rdf.Quad) error    { return f.next() }
func (f *failsAfter) Delete(rdf.Quad) error { return f.next() }

// graphPrefix names a prefix of a graph.
type graphPrefix struct {
	graph  rdf.Term
	prefix string
}

// dataset is a Change that applies rows to a set of quads and prefixes, and keeps those that changed something.
type dataset struct {
	quads    map[rdf.Quad]bool
	prefixes map[graphPrefix]string
	real     []row
}

func newDataset() *dataset {
	return &dataset{quads: map[rdf.Quad]bool{}, prefixes: map[graphPrefix]string{}}
}

func (d *dataset) clone() *dataset {
	return &dataset{quads: maps.Clone(d.quads), prefixes: maps.Clone(d.prefixes)}
}

func (d *dataset) equal(other *dataset) bool {
	return maps.Equal(d.quads, other.quads) && maps.Equal(d.prefixes, other.prefixes)
}

func (d *dataset) Header(string, rdf.Term) error { return nil }
func (d *dataset) Begin() error                  { return nil }
func (d *dataset) Commit() error                 { return nil }
func (d *dataset) Abort() error                  { return errors.New("the model can't undo") }

func (d *dataset) AddPrefix(graph rdf.Term, prefix, iri string) error {
	key := graphPrefix{graph.Clone(), prefix}
	if _, there := d.prefixes[key]; there {
		return nil
	}
	d.prefixes[key] = iri
	d.real = append(d.real, row{code: "PA", quad: rdf.Quad{G: graph}, name: prefix, prefixTarget: iri})
	return nil
}

func (d *dataset) DeletePrefix(graph rdf.Term, prefix string) error {
	key := graphPrefix{graph, prefix}
	if _, there := d.prefixes[key]; !there {
		return fmt.Errorf("prefix %q of %v is not there", prefix, graph)
	}
	delete(d.prefixes, key)
	return nil
}

func (d *dataset) Add(q rdf.Quad) error {
	if q = q.Clone(); !d.quads[q] {
		d.quads[q] = true
		d.real = append(d.real, row{code: "A", quad: q})
	}
	return nil
}

func (d *dataset) Delete(q rdf.Quad) error {
	if d.quads[q] {
		delete(d.quads, q)
		d.real = append(d.real, row{code: "D", quad: q.Clone()})
	}
	return nil
}

// The inverse of a patch of real changes gives back what was there before, and of the inverse the patch itself.
func TestInvertProperty(t *testing.T) {
	few := rapid.SampledFrom([]string{"<x:1>", "<x:2>", "_:b"})
	changes := rapid.SliceOf(rapid.Custom(func(t *rapid.T) row {
		resource := func() rdf.Term { return rdf.Trusted(few.Draw(t, "term")) }
		code := rapid.SampledFrom([]string{"A", "A", "D", "D", "PA"}).Draw(t, "code")
		if code == "PA" {
			return row{code: code, quad: rdf.Quad{G: resource()}, name: rapid.SampledFrom([]string{"", "a"}).Draw(t, "prefix"),
				prefixTarget: rapid.SampledFrom([]string{"x:1", "x:2"}).Draw(t, "iri")}
		}
		return row{code: code, quad: rdf.Quad{S: resource(), P: node, O: resource(), G: resource()}}
	}))
	rapid.Check(t, func(t *rapid.T) {
		before := newDataset()
		if err := drive(changes.Draw(t, "what is there"), before); err != nil {
			t.Fatal(err)
		}
		after := before.clone()
		if err := drive(changes.Draw(t, "changes"), after); err != nil {
			t.Fatal(err)
		}
		delta := append(append([]row{{code: "TX"}}, after.real...), row{code: "TC"})
		undone := after.clone()
		var inverse recorder
		if err := drive(delta, patch.Invert(patch.Tee(&inverse, undone), 0)); err != nil {
			t.Fatal(err)
		}
		if !undone.equal(before) {
			t.Fatalf("before %v\ndelta %v\nafter its inverse %v", before, delta, undone)
		}
		if slices.ContainsFunc(delta, func(r row) bool { return r.code == "PA" }) {
			return // PD can't be inverted
		}
		var again recorder
		if err := drive(inverse.rows, patch.Invert(&again, 0)); err != nil || !slices.Equal(again.rows, delta) {
			t.Fatalf("delta %v\ninverse of its inverse %v, %v", delta, again.rows, err)
		}
	})
}
