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
		inverse, err := inverted(delta)
		if err != nil {
			t.Fatal(err)
		}
		mustDrive(t, inverse, undone)
		if !undone.equal(before) {
			t.Fatalf("before %v\ndelta %v\nafter its inverse %v", before, delta, undone)
		}
		if slices.ContainsFunc(delta, func(r row) bool { return r.code == "PA" }) {
			return // PD can't be inverted
		}
		if again, err := inverted(inverse); err != nil || !slices.Equal(again, delta) {
			t.Fatalf("delta %v\ninverse of its inverse %v, %v", delta, again, err)
		}
	})
}
