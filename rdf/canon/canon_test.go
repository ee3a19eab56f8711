package canon_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

func parse(t interface{ Fatal(...any) }, document []byte) (quads []rdf.Quad) {
	err := nquads.Parse(document, func(q rdf.Quad) error { quads = append(quads, q.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return quads
}

// form returns the canonical document.
func form(t interface{ Fatal(...any) }, quads []rdf.Quad, opts ...canon.Option) string {
	d, err := canon.Canonicalize(quads, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return string(d.AppendNQuads(nil))
}

const labels = 5

// resources, mostly blank nodes: what the properties are about.
var resources = rapid.Custom(func(t *rapid.T) string {
	if n := rapid.IntRange(0, labels+1).Draw(t, "resource"); n < labels {
		return fmt.Sprintf("_:b%d", n)
	}
	return "<x:a>"
})

func object(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 9).Draw(t, "object"); {
	case kind == 0:
		return `"_:b1 \" "@en`
	case kind == 1 && depth > 0:
		return "<<( " + resources.Draw(t, "s") + " <x:p> " + object(t, depth-1) + " )>>"
	}
	return resources.Draw(t, "o")
}

// datasets are small, and have few terms, so that many are symmetric and many are nearly alike.
var datasets = rapid.Custom(func(t *rapid.T) []rdf.Quad {
	var doc strings.Builder
	graphs := rapid.SampledFrom([]string{"", "", "", "<x:g>", "_:b0", "_:b1"})
	for range rapid.IntRange(0, 8).Draw(t, "quads") {
		fmt.Fprintf(&doc, "%s %s %s %s .\n", resources.Draw(t, "s"),
			rapid.SampledFrom([]string{"<x:p>", "<x:q>"}).Draw(t, "p"), object(t, 2), graphs.Draw(t, "g"))
	}
	return parse(t, []byte(doc.String()))
})

// rename gives blank nodes other labels, by the text of the dataset.
func rename(t interface{ Fatal(...any) }, quads []rdf.Quad, names []string) []rdf.Quad {
	var renamed []rdf.Quad
	var pairs []string
	for i, name := range names {
		pairs = append(pairs, fmt.Sprintf("_:b%d ", i), "_:"+name+" ")
	}
	replacer := strings.NewReplacer(pairs...)
	for _, q := range quads {
		line := replacer.Replace(q.String())
		line = strings.ReplaceAll(line, `"_:`+names[1]+` `, `"_:b1 `) // not in the literal
		renamed = append(renamed, parse(t, []byte(line))...)
	}
	return renamed
}

// shuffled draws the same dataset with other labels, in another order, with some quads twice.
func shuffled(t *rapid.T, quads []rdf.Quad) []rdf.Quad {
	names := rapid.Permutation([]string{"b0", "b1", "b2", "c", "a"}).Draw(t, "names")
	renamed := rename(t, quads, names)
	if len(renamed) > 0 {
		renamed = append(renamed, renamed[rapid.IntRange(0, len(renamed)-1).Draw(t, "twice")])
	}
	return rapid.Permutation(renamed).Draw(t, "order")
}

// The canonical form is the same for all labels and orders, is a form of the dataset, and is the form of itself.
func TestFormIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quads := datasets.Draw(t, "dataset")
		before := slices.Clone(quads)
		d, err := canon.Canonicalize(quads)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, quads) {
			t.Fatalf("the input was changed: %v, now %v", before, quads)
		}
		first := string(d.AppendNQuads(nil))
		if second := form(t, shuffled(t, quads)); first != second {
			t.Fatalf("%v\nform       %s\nrelabelled %s", quads, first, second)
		}
		if again := form(t, d.Quads); again != first {
			t.Fatalf("form %s\nof the form %s", first, again)
		}
		if !bruteForce(quads, d.Quads) {
			t.Fatalf("%v is not isomorphic with its form\n%s", quads, first)
		}
		lines := strings.SplitAfter(first, "\n")
		if !slices.IsSorted(lines[:len(lines)-1]) {
			t.Fatalf("lines not in order: %s", first)
		}
		form(t, quads, canon.WithHash(canon.SHA384))
	})
}

// Isomorphic says what trying all mappings does, for datasets that are alike and such that differ in one place; and the
// canonical forms say the same.
func TestIsomorphicIsExact(t *testing.T) {
	alike := 0
	rapid.Check(t, func(t *rapid.T) {
		a := datasets.Draw(t, "a")
		b := shuffled(t, a)
		if ok, err := canon.Isomorphic(a, b); !ok || err != nil {
			t.Fatalf("%v\n%v: %v, %v", a, b, ok, err)
		}
		if len(b) > 0 {
			other := datasets.Filter(func(q []rdf.Quad) bool { return len(q) > 0 }).Draw(t, "other")
			b[rapid.IntRange(0, len(b)-1).Draw(t, "place")] = other[0]
		}
		want := bruteForce(a, b)
		if want {
			alike++
		}
		got, err := canon.Isomorphic(a, b)
		if err != nil || got != want {
			t.Fatalf("%v\n%v: %v, %v, expected %v", a, b, got, err, want)
		}
		if same := form(t, a) == form(t, b); same != want {
			t.Fatalf("%v\n%v: isomorphic %v, same form %v", a, b, want, same)
		}
	})
	t.Logf("%d datasets were alike after a change", alike)
}

// bruteForce tries all mappings between the blank nodes of two datasets.
func bruteForce(a, b []rdf.Quad) bool {
	from, to := blankNodes(a), blankNodes(b)
	if len(from) != len(to) {
		return false
	}
	want := map[string]bool{}
	for _, q := range b {
		want[q.String()] = true
	}
	return tryMappings(a, from, to, map[string]string{}, want)
}

func tryMappings(quads []rdf.Quad, from, to []string, mapping map[string]string, want map[string]bool) bool {
	if len(from) == 0 {
		got := map[string]bool{}
		for _, q := range quads {
			line := substitute(q, mapping)
			if !want[line] {
				return false
			}
			got[line] = true
		}
		return len(got) == len(want)
	}
	for i := range to {
		mapping[from[0]] = to[i]
		if tryMappings(quads, from[1:], slices.Delete(slices.Clone(to), i, i+1), mapping, want) {
			return true
		}
	}
	return false
}

func substitute(q rdf.Quad, mapping map[string]string) string {
	replace := func(t rdf.Term) rdf.Term { return substituteTerm(t, mapping) }
	return rdf.Quad{S: replace(q.S), P: q.P, O: replace(q.O), G: replace(q.G)}.String()
}

func substituteTerm(t rdf.Term, mapping map[string]string) rdf.Term {
	if t.Kind() == rdf.KindBlank {
		return rdf.Trusted(mapping[t.String()])
	}
	if parts, ok := t.Triple(); ok {
		made, err := rdf.TripleTerm(substituteTerm(parts.S, mapping), parts.P, substituteTerm(parts.O, mapping))
		if err != nil {
			panic(err)
		}
		return made
	}
	return t
}

func blankNodes(quads []rdf.Quad) []string {
	found := map[string]bool{}
	var visit func(rdf.Term)
	visit = func(t rdf.Term) {
		if t.Kind() == rdf.KindBlank {
			found[t.String()] = true
		}
		if parts, ok := t.Triple(); ok {
			visit(parts.S)
			visit(parts.O)
		}
	}
	for _, q := range quads {
		visit(q.S)
		visit(q.O)
		visit(q.G)
	}
	var all []string
	for label := range found {
		all = append(all, label)
	}
	slices.Sort(all)
	return all
}

// Triple terms: labels reach into them, one that is there twice is one, and what looks like their description is none.
func TestTripleTerms(t *testing.T) {
	got := form(t, parse(t, []byte(`
		_:y <x:says> <<( _:x <x:p> <<( _:x <x:q> _:z )>> )>> .
		_:z <x:name> "_:z" .
		_:x <x:name> <<( <x:a> <x:b> "_:x" )>> .
	`)))
	want := `_:c14n0 <x:name> "_:z" .
_:c14n1 <x:name> <<( <x:a> <x:b> "_:x" )>> .
_:c14n2 <x:says> <<( _:c14n1 <x:p> <<( _:c14n1 <x:q> _:c14n0 )>> )>> .
`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, different := range [][2]string{
		{"_:a <x:p> <<( _:a <x:q> _:b )>> .", "_:a <x:p> <<( _:b <x:q> _:a )>> ."},
		{"_:a <x:p> <<( _:a <x:q> _:b )>> .", "_:a <x:p> <<( _:a <x:r> _:b )>> ."},
		{"_:a <x:p> <<( _:a <x:q> _:b )>> .", "_:a <x:p> <<( _:c <x:q> _:b )>> ."},
		{"_:a <x:p> <<( _:a <x:q> <x:b> )>> .", "_:a <x:p> <<( _:a <x:q> \"x:b\" )>> ."},
		{"_:a <x:p> _:t .\n_:t <x:q> _:a .", "_:a <x:p> <<( _:a <x:q> _:b )>> .\n_:a <x:q> _:b ."},
	} {
		a, b := parse(t, []byte(different[0])), parse(t, []byte(different[1]))
		if same, err := canon.Isomorphic(a, b); same || err != nil {
			t.Errorf("%q: isomorphic %v, %v", different, same, err)
		}
		if form(t, a) == form(t, b) {
			t.Errorf("%q: the same form %s", different, form(t, a))
		}
	}
}

func TestWithoutBlankNodes(t *testing.T) {
	d, err := canon.Canonicalize(nil)
	if err != nil || len(d.Quads) != 0 || d.Labels == nil {
		t.Errorf("no quads: %v, %v", d, err)
	}
	got := form(t, parse(t, []byte(`<x:b> <x:p> "o" <x:g> .
<x:b> <x:p> "o" .
<x:a> <x:p> "o"@en .
<x:b> <x:p> "o" .
`)))
	if want := "<x:a> <x:p> \"o\"@en .\n<x:b> <x:p> \"o\" .\n<x:b> <x:p> \"o\" <x:g> .\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestQuadThatCannotBe(t *testing.T) {
	bad := []rdf.Quad{{S: rdf.Trusted(`"s"`), P: rdf.Trusted("<x:p>"), O: rdf.Trusted("<x:o>")}}
	if _, err := canon.Canonicalize(bad); !errors.Is(err, rdf.ErrInvalid) {
		t.Error(err)
	}
	if _, err := canon.Isomorphic(bad, nil); !errors.Is(err, rdf.ErrInvalid) {
		t.Error(err)
	}
	if _, err := canon.Isomorphic(nil, bad); !errors.Is(err, rdf.ErrInvalid) {
		t.Error(err)
	}
}

// connect returns quads between numbered blank nodes where linked says so.
func connect(n int, label string, linked func(i, j int) bool) []rdf.Quad {
	var quads []rdf.Quad
	for i := range n {
		for j := range n {
			if linked(i, j) {
				quads = append(quads, rdf.Quad{S: rdf.Trusted(fmt.Sprintf("_:%s%d", label, i)), P: rdf.Trusted("<x:p>"),
					O: rdf.Trusted(fmt.Sprintf("_:%s%d", label, j))})
			}
		}
	}
	return quads
}

// Both are bounded, and the bound can be moved.
func TestBounds(t *testing.T) {
	clique := connect(7, "b", func(i, j int) bool { return i != j })
	if _, err := canon.Canonicalize(clique, canon.MaxWork(1000)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("clique: %v", err)
	}
	if _, err := canon.Canonicalize(clique[:1], canon.MaxWork(1000)); err != nil {
		t.Errorf("one quad: %v", err)
	}
	if _, err := canon.Isomorphic(clique, clique, canon.MaxWork(50)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("clique: %v", err)
	}
	if same, err := canon.Isomorphic(clique, clique); !same || err != nil {
		t.Errorf("clique: %v, %v", same, err)
	}
}

// The graph of a rook's moves on 4 x 4 fields and the Shrikhande graph look the same from every node: only a search
// tells them apart.
func TestStronglyRegular(t *testing.T) {
	rook := func(i, j int) bool { return i != j && (i/4 == j/4 || i%4 == j%4) }
	shrikhande := func(i, j int) bool {
		switch [2]int{(j/4 - i/4 + 4) % 4, (j%4 - i%4 + 4) % 4} {
		case [2]int{0, 1}, [2]int{0, 3}, [2]int{1, 0}, [2]int{3, 0}, [2]int{1, 1}, [2]int{3, 3}:
			return true
		}
		return false
	}
	turned := func(i, j int) bool { return shrikhande((i*7+3)%16, (j*7+3)%16) }
	for _, c := range []struct {
		a, b func(i, j int) bool
		want bool
	}{{rook, rook, true}, {rook, shrikhande, false}, {shrikhande, turned, true}} {
		got, err := canon.Isomorphic(connect(16, "a", c.a), connect(16, "b", c.b))
		if err != nil || got != c.want {
			t.Errorf("isomorphic %v, %v, expected %v", got, err, c.want)
		}
	}
}

// Many small parts that are alike are no search.
func TestManyAlike(t *testing.T) {
	const n = 3000
	pairs := connect(2*n, "a", func(i, j int) bool { return i^1 == j })
	others := connect(2*n, "b", func(i, j int) bool { return i^1 == j })
	slices.Reverse(others)
	if same, err := canon.Isomorphic(pairs, others); !same || err != nil {
		t.Errorf("pairs: %v, %v", same, err)
	}
	triangle := connect(3, "c", func(i, j int) bool { return i != j })
	two := append(slices.Clone(triangle), connect(3, "d", func(i, j int) bool { return i != j })...)
	six := connect(6, "e", func(i, j int) bool { return (i+1)%6 == j || (j+1)%6 == i })
	if same, err := canon.Isomorphic(append(two, pairs...), append(six, others...)); same || err != nil {
		t.Errorf("two triangles and a hexagon: %v, %v", same, err)
	}
	if form(t, pairs[:200]) != form(t, pairs[200:400]) {
		t.Error("pairs have different forms")
	}
}

// latin returns a Latin square of order 3 as quads with blank nodes in three places. columns is the order of the labels
// of its columns.
func latin(columns [3]int) []rdf.Quad {
	term := func(kind string, i int) rdf.Term { return rdf.Trusted(fmt.Sprintf("_:%s%d", kind, i)) }
	var quads []rdf.Quad
	for i := range 3 {
		for j := range 3 {
			quads = append(quads, rdf.Quad{S: term("row", i), P: rdf.Trusted("<x:p>"), O: term("column", columns[j]),
				G: term("symbol", (i+j)%3)})
		}
	}
	return quads
}

// What the package says of quads with three blank nodes: RDFC-1.0 has several forms, the comparison is exact.
func TestThreePlaces(t *testing.T) {
	forms := map[string]bool{}
	first := latin([3]int{0, 1, 2})
	for _, columns := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		quads := latin(columns)
		forms[form(t, quads)] = true
		if same, err := canon.Isomorphic(first, quads); !same || err != nil {
			t.Errorf("columns %v: %v, %v", columns, same, err)
		}
		quads[0].G = quads[1].G
		if same, err := canon.Isomorphic(first, quads); same || err != nil {
			t.Errorf("columns %v, after a change: %v, %v", columns, same, err)
		}
	}
	if len(forms) < 2 {
		t.Error("one form; the package's documentation says that there are several")
	}
}
