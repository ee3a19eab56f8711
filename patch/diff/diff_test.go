package diff_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/diff"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// set is a dataset that patches are applied to.
type set map[rdf.Quad]bool

func (s set) Add(q rdf.Quad) (bool, error) {
	if s[q] {
		return false, nil
	}
	s[q.Clone()] = true
	return true, nil
}

func (s set) Delete(q rdf.Quad) (bool, error) {
	there := s[q]
	delete(s, q)
	return there, nil
}

func (s set) quads() []rdf.Quad {
	var quads []rdf.Quad
	for q := range s {
		quads = append(quads, q)
	}
	slices.SortFunc(quads, rdf.Quad.Compare)
	return quads
}

func setOf(quads []rdf.Quad) set {
	s := set{}
	for _, q := range quads {
		s[q] = true
	}
	return s
}

// apply returns what a patch makes of a dataset. Each of its rows must be a real change.
func apply(t fatal, a []rdf.Quad, doc []byte, s diff.Summary) []rdf.Quad {
	t.Helper()
	dataset := setOf(a)
	var all, real patch.Counter
	if err := patch.Parse(doc, patch.Tee(&all, patch.Effective(dataset, &real))); err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if all != real || all.Begins != 1 || all.Deletes != uint64(s.Deletes) || all.Adds != uint64(s.Adds) {
		t.Fatalf("rows %+v, of which %+v are changes, summary %+v\n%s", all, real, s, doc)
	}
	return dataset.quads()
}

type fatal interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func patchOf(t fatal, a, b []rdf.Quad, opts ...diff.Option) ([]byte, diff.Summary) {
	t.Helper()
	var doc bytes.Buffer
	w := patch.NewWriter(&doc)
	s, err := diff.Write(w, diff.Slice(a), diff.Slice(b), opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return doc.Bytes(), s
}

func parse(t testing.TB, doc string) (quads []rdf.Quad) {
	t.Helper()
	if err := nquads.Parse([]byte(doc), func(q rdf.Quad) error { quads = append(quads, q); return nil }); err != nil {
		t.Fatal(err)
	}
	return quads
}

func TestWrite(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"nothing", "", "", ""},
		{"ground", "<x:1> <x:p> <x:2> .\n<x:1> <x:p> \"a\" <x:g> .\n", "<x:1> <x:p> \"a\" .\n<x:1> <x:p> <x:2> .\n",
			"D <x:1> <x:p> \"a\" <x:g> .\nA <x:1> <x:p> \"a\" .\n"},
		{"repeated quads", "<x:1> <x:p> <x:2> .\n<x:1> <x:p> <x:2> .\n", "<x:1> <x:p> <x:3> .\n<x:1> <x:p> <x:3> .\n",
			"D <x:1> <x:p> <x:2> .\nA <x:1> <x:p> <x:3> .\n"},
		{"other labels", "_:a <x:p> _:b _:g .\n_:b <x:q> \"1\" .\n", "_:g <x:p> _:x _:y .\n_:x <x:q> \"1\" .\n", ""},
		{"labels that changed places", "_:a <x:p> \"1\" .\n_:b <x:p> \"2\" .\n", "_:a <x:p> \"2\" .\n_:b <x:p> \"1\" .\n",
			""},
		{"a property of a node changed", "_:a <x:name> \"A\" .\n_:a <x:age> \"5\" .\n_:b <x:name> \"B\" .\n",
			"_:y <x:name> \"B\" .\n_:x <x:age> \"6\" .\n_:x <x:name> \"A\" .\n", "D _:a <x:age> \"5\" .\nA _:a <x:age> \"6\" .\n"},
		{"far from what changed", "_:a <x:name> \"A\" .\n_:a <x:next> _:b .\n_:b <x:next> _:c .\n_:c <x:v> \"1\" .\n",
			"_:1 <x:name> \"A\" .\n_:1 <x:next> _:2 .\n_:2 <x:next> _:3 .\n_:3 <x:v> \"2\" .\n",
			"D _:c <x:v> \"1\" .\nA _:c <x:v> \"2\" .\n"},
		{"a node that is new, with a label that is taken", "_:a <x:p> \"1\" .\n_:n0 <x:p> \"2\" .\n",
			"_:b <x:p> \"1\" .\n_:c <x:p> \"2\" .\n_:a <x:q> \"3\" .\n", "A _:n1 <x:q> \"3\" .\n"},
		{"a node that is new keeps its label", "", "_:a <x:p> \"1\" .\n", "A _:a <x:p> \"1\" .\n"},
		{"labels that stay", "_:x <x:p> \"1\" .\n_:y <x:p> \"1\" .\n", "_:y <x:p> \"1\" .\n", "D _:x <x:p> \"1\" .\n"},
		{"the most alike first",
			"_:a <x:name> \"A\" .\n_:a <x:age> \"5\" .\n_:a <x:v> \"1\" .\n_:b <x:name> \"B\" .\n_:b <x:age> \"5\" .\n",
			"_:x <x:name> \"B\" .\n_:x <x:age> \"5\" .\n_:x <x:v> \"2\" .\n_:y <x:name> \"A\" .\n_:y <x:age> \"5\" .\n",
			"D _:a <x:v> \"1\" .\nA _:b <x:v> \"2\" .\n"},
		{"one label first",
			"_:a <x:age> \"5\" .\n_:a <x:v> \"1\" .\n_:b <x:age> \"5\" .\n_:b <x:v> \"1\" .\n_:b <x:w> \"1\" .\n",
			"_:b <x:age> \"5\" .\n_:b <x:v> \"2\" .\n",
			"D _:a <x:age> \"5\" .\nD _:a <x:v> \"1\" .\nD _:b <x:v> \"1\" .\nD _:b <x:w> \"1\" .\nA _:b <x:v> \"2\" .\n"},
		{"in triple terms", "<x:1> <x:p> <<( _:a <x:p> <<( <x:1> <x:p> _:b )>> )>> .\n_:a <x:name> \"A\" .\n",
			"<x:1> <x:p> <<( _:b <x:p> <<( <x:1> <x:p> _:c )>> )>> .\n_:b <x:name> \"A\" .\n_:c <x:name> \"C\" .\n",
			"A _:b <x:name> \"C\" .\n"},
	} {
		a, b := parse(t, c.a), parse(t, c.b)
		doc, s := patchOf(t, a, b)
		if want := "TX .\n" + c.want + "TC .\n"; string(doc) != want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, doc, want)
		}
		isomorphic(t, apply(t, a, doc, s), b)
	}
}

func isomorphic(t fatal, got, want []rdf.Quad) {
	t.Helper()
	if same, err := canon.Isomorphic(got, want); err != nil || !same {
		t.Fatalf("not isomorphic (%v)\n got %v\nwant %v", err, got, want)
	}
}

// Where the canonical form is too much work, the patch is right all the same.
func TestTooMuchWork(t *testing.T) {
	ring := func(n int, label string) (quads []rdf.Quad) {
		for i := range n {
			quads = append(quads, rdf.Quad{S: blank(label, i), P: rdf.Trusted("<x:p>"), O: blank(label, (i+1)%n)})
		}
		return quads
	}
	for _, c := range []struct{ a, b []rdf.Quad }{{ring(6, "a"), ring(6, "b")}, {ring(8, "a"), ring(5, "b")}} {
		doc, s := patchOf(t, c.a, c.b, diff.MaxWork(1))
		isomorphic(t, apply(t, c.a, doc, s), c.b)
		if s.Adds == 0 {
			t.Errorf("the ring was matched, so that the bound was none: %+v", s)
		}
	}
	if doc, s := patchOf(t, ring(6, "a"), ring(6, "b")); s != (diff.Summary{}) {
		t.Errorf("a ring and itself: %s", doc)
	}
}

func blank(label string, i int) rdf.Term { return rdf.Trusted(fmt.Sprintf("_:%s%d", label, i)) }

// The bound on memory holds, and nothing is handed over.
func TestMaxBytes(t *testing.T) {
	quads := parse(t, "<x:1> <x:p> <x:2> .\n")
	var n patch.Counter
	_, err := diff.Write(&n, diff.Slice(quads), diff.Slice(nil), diff.MaxBytes(1000))
	if !errors.Is(err, rdf.ErrLimit) || n != (patch.Counter{}) {
		t.Errorf("%v, %+v", err, n)
	}
}

// Errors of the datasets and of the Change come back as they are, those of datasets before anything was handed over.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	one := diff.Slice(parse(t, "<x:1> <x:p> <x:2> .\n"))
	two := diff.Slice(parse(t, "<x:1> <x:p> <x:3> .\n"))
	fails := func(func(rdf.Quad) error) error { return broken }
	var n patch.Counter
	for _, pair := range [][2]diff.Quads{{fails, one}, {one, fails}} {
		if _, err := diff.Write(&n, pair[0], pair[1]); err != broken || n != (patch.Counter{}) {
			t.Errorf("%v, %+v", err, n)
		}
	}
	bad := diff.Slice([]rdf.Quad{{S: rdf.Trusted(`"1"`), P: rdf.Trusted("<x:p>"), O: rdf.Trusted("<x:p>")}})
	for _, pair := range [][2]diff.Quads{{bad, one}, {one, bad}} {
		if _, err := diff.Write(&n, pair[0], pair[1]); !errors.Is(err, rdf.ErrInvalid) || n != (patch.Counter{}) {
			t.Errorf("%v, %+v", err, n)
		}
	}
	for after := range 4 {
		if _, err := diff.Write(&failsAfter{rows: after, err: broken}, one, two); err != broken {
			t.Errorf("row %d: %v", after, err)
		}
	}
}

// failsAfter takes so many rows, then fails.
type failsAfter struct {
	patch.Counter
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

// Documents are read as they stream.
func TestNQuads(t *testing.T) {
	read := func(doc string) diff.Quads { return diff.NQuads(nquads.NewReader(strings.NewReader(doc))) }
	var n patch.Counter
	s, err := diff.Write(&n, read("<x:1> <x:p> <x:2> .\n"), read("<x:1> <x:p> <x:3> .\n<x:1> <x:p> <x:2> .\n"))
	if err != nil || s != (diff.Summary{Adds: 1}) {
		t.Errorf("%+v, %v", s, err)
	}
	var syntax *rdf.SyntaxError
	if _, err := diff.Write(&n, read(""), read("<x:1> <x:p> .\n")); !errors.As(err, &syntax) {
		t.Errorf("%v", err)
	}
}

// few are terms of which random datasets have enough in common.
func quadsOf(terms, graphs []string) *rapid.Generator[[]rdf.Quad] {
	term := rapid.Map(rapid.SampledFrom(terms), rdf.Trusted)
	object := rapid.Custom(func(t *rapid.T) rdf.Term {
		o := term.Draw(t, "o")
		for range rapid.IntRange(0, 4).Draw(t, "depth") / 3 {
			o = rdf.Trusted("<<( " + term.Draw(t, "s").String() + " <x:p> " + o.String() + " )>>")
		}
		return o
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rdf.Quad {
		return rdf.Quad{S: term.Draw(t, "s"), P: rdf.Trusted(rapid.SampledFrom([]string{"<x:p>", "<x:q>"}).Draw(t, "p")),
			O: object.Draw(t, "o"), G: rdf.Trusted(rapid.SampledFrom(graphs).Draw(t, "g"))}
	}), 0, 12)
}

// For ground quads the patch is the difference of the sets, no more and no less.
func TestGroundProperty(t *testing.T) {
	quads := quadsOf([]string{"<x:1>", "<x:2>", "<x:3>"}, []string{"", "<x:1>"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := quads.Draw(t, "a"), quads.Draw(t, "b")
		doc, s := patchOf(t, a, b)
		first, second := setOf(a), setOf(b)
		var want diff.Summary
		for q := range first {
			if !second[q] {
				want.Deletes++
			}
		}
		for q := range second {
			if !first[q] {
				want.Adds++
			}
		}
		if got := apply(t, a, doc, s); s != want || !slices.Equal(got, second.quads()) {
			t.Fatalf("%+v, expected %+v\n%s\n got %v\nwant %v", s, want, doc, got, second.quads())
		}
	})
}

// The patch applied to the first makes one that is isomorphic to the second, and adds no ground quad that was there.
func TestBlankProperty(t *testing.T) {
	quads := quadsOf([]string{"<x:1>", "_:a", "_:b", "_:c", "_:n0"}, []string{"", "_:a", "<x:1>"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := quads.Draw(t, "a"), quads.Draw(t, "b")
		doc, s := patchOf(t, a, b)
		isomorphic(t, apply(t, a, doc, s), b)
		again, _ := patchOf(t, a, b)
		if !bytes.Equal(again, doc) {
			t.Fatalf("made again:\n%s%s", doc, again)
		}
	})
}

// Nodes with properties and links, of which some were edited, are mostly found again: the patch is right, and no longer
// than one that takes out and puts in all the quads of nodes that were edited or linked to such.
func TestEditedProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.IntRange(1, 12).Draw(t, "nodes")
		var a, b []rdf.Quad
		add := func(s int, p string, o, changed func(string) rdf.Term) {
			predicate := rdf.Trusted("<x:" + p + ">")
			a = append(a, rdf.Quad{S: blank("a", s), P: predicate, O: o("a")})
			b = append(b, rdf.Quad{S: blank("b", s), P: predicate, O: changed("b")})
		}
		text := func(i int) func(string) rdf.Term {
			return func(string) rdf.Term { return rdf.Trusted(fmt.Sprintf("\"%d\"", i)) }
		}
		edits := 0
		for i := range nodes {
			age := rapid.IntRange(0, 5).Draw(t, "age")
			newer := age + rapid.IntRange(0, 5).Draw(t, "edit")/5
			edits += newer - age
			next := rapid.IntRange(0, nodes-1).Draw(t, "next")
			link := func(label string) rdf.Term { return blank(label, next) }
			add(i, "name", text(i), text(i))
			add(i, "age", text(age), text(newer))
			add(i, "next", link, link)
		}
		doc, s := patchOf(t, a, b)
		isomorphic(t, apply(t, a, doc, s), b)
		if want := (diff.Summary{Deletes: edits, Adds: edits}); s != want { // names are unique, so that all are found
			t.Fatalf("%+v, expected %+v\n%s", s, want, doc)
		}
	})
}

// Terms that are long, and more of them than a table has room for at first, are told apart.
func TestManyTerms(t *testing.T) {
	var a, b []rdf.Quad
	for i := range 5000 {
		o := rdf.Trusted(`"` + strings.Repeat("x", i*i%3000) + fmt.Sprint(i) + `"`)
		if i%1000 == 0 {
			o = rdf.Trusted(`"` + strings.Repeat("y", 2<<20) + fmt.Sprint(i) + `"`)
		}
		q := rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<x:%d>", i)), P: rdf.Trusted("<x:p>"), O: o}
		if i%7 != 0 {
			a = append(a, q)
		}
		if i%11 != 0 {
			b = append(b, q)
		}
	}
	slices.Reverse(b)
	doc, s := patchOf(t, a, b)
	want := setOf(b).quads()
	if got := apply(t, a, doc, s); !slices.Equal(got, want) || s != (diff.Summary{Deletes: 390, Adds: 650}) {
		t.Errorf("%+v, %d quads, expected %d", s, len(got), len(want))
	}
}

// A dataset with other labels is no change at all.
func TestRelabelledProperty(t *testing.T) {
	quads := quadsOf([]string{"<x:1>", "_:a", "_:b", "_:c"}, []string{"", "<x:1>"})
	rename := strings.NewReplacer("_:a", "_:c", "_:b", "_:a", "_:c", "_:z")
	rapid.Check(t, func(t *rapid.T) {
		a := quads.Draw(t, "a")
		b := make([]rdf.Quad, len(a))
		for i, q := range a {
			b[i] = rdf.Quad{S: rdf.Trusted(rename.Replace(q.S.String())), P: q.P,
				O: rdf.Trusted(rename.Replace(q.O.String())),
				G: q.G}
		}
		if doc, s := patchOf(t, a, rapid.Permutation(b).Draw(t, "b")); s != (diff.Summary{}) {
			t.Fatalf("%v\n%s", a, doc)
		}
	})
}
