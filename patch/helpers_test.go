package patch_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/invert"
	"github.com/quadrille-stream/quadrille/rdf"
)

// must is for terms that are good because the test says so.
func must(term rdf.Term, err error) rdf.Term {
	if err != nil {
		panic(err)
	}
	return term
}

// row is a row of a patch as a value, for comparing what two ways of reading or writing give.
type row struct {
	code         string
	quad         rdf.Quad // G is also the graph of a prefix
	name         string   // of a header or prefix
	value        rdf.Term // of a header
	prefixTarget string
}

// recorder is a Change that keeps its rows.
type recorder struct{ rows []row }

func (r *recorder) add(x row) error { r.rows = append(r.rows, x); return nil }

func (r *recorder) Header(name string, value rdf.Term) error {
	return r.add(row{code: "H", name: strings.Clone(name), value: value.Clone()})
}
func (r *recorder) Begin() error  { return r.add(row{code: "TX"}) }
func (r *recorder) Commit() error { return r.add(row{code: "TC"}) }
func (r *recorder) Abort() error  { return r.add(row{code: "TA"}) }
func (r *recorder) AddPrefix(graph rdf.Term, prefix, iri string) error {
	return r.add(row{code: "PA", quad: rdf.Quad{G: graph.Clone()}, name: strings.Clone(prefix),
		prefixTarget: strings.Clone(iri)})
}
func (r *recorder) DeletePrefix(graph rdf.Term, prefix string) error {
	return r.add(row{code: "PD", quad: rdf.Quad{G: graph.Clone()}, name: strings.Clone(prefix)})
}
func (r *recorder) Add(q rdf.Quad) error    { return r.add(row{code: "A", quad: q.Clone()}) }
func (r *recorder) Delete(q rdf.Quad) error { return r.add(row{code: "D", quad: q.Clone()}) }

// drive hands rows to a Change.
func drive(rows []row, c patch.Change) error {
	for _, r := range rows {
		var err error
		switch r.code {
		case "H":
			err = c.Header(r.name, r.value)
		case "TX":
			err = c.Begin()
		case "TC":
			err = c.Commit()
		case "TA":
			err = c.Abort()
		case "PA":
			err = c.AddPrefix(r.quad.G, r.name, r.prefixTarget)
		case "PD":
			err = c.DeletePrefix(r.quad.G, r.name)
		case "A":
			err = c.Add(r.quad)
		case "D":
			err = c.Delete(r.quad)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Generators of everything that RDF has.
var (
	iris = rapid.Custom(func(t *rapid.T) rdf.Term {
		return must(rdf.IRI(rapid.StringMatching(`[a-z][a-z0-9+.-]{0,3}:[a-zA-Z0-9/#?é😀._~%-]{0,12}`).Draw(t, "iri")))
	})
	blanks = rapid.Custom(func(t *rapid.T) rdf.Term {
		return must(rdf.Blank(rapid.StringMatching(`[a-zA-Z0-9_é][a-zA-Z0-9_.é·-]{0,6}[a-z0-9_-]`).Draw(t, "label")))
	})
	lexicals = rapid.Custom(func(t *rapid.T) string {
		special := rapid.SampledFrom([]rune("\"'\\\n\r\t\b\f\x00\x7f\uFFFE\uFFFF#<>.^@_: aé😀"))
		return string(rapid.SliceOfN(rapid.OneOf(special, rapid.Rune()), 0, 12).Draw(t, "lexical"))
	})
	literals = rapid.Custom(func(t *rapid.T) rdf.Term {
		lexical := strings.ToValidUTF8(lexicals.Draw(t, "text"), "")
		switch rapid.IntRange(0, 3).Draw(t, "kind of literal") {
		case 0:
			return must(rdf.Literal(lexical))
		case 1:
			return must(rdf.TypedLiteral(lexical, iris.Draw(t, "datatype").Value()))
		}
		tag := rapid.StringMatching(`[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8}){0,2}`).Draw(t, "tag")
		dir := rapid.SampledFrom([]rdf.Direction{rdf.NoDirection, rdf.LTR, rdf.RTL}).Draw(t, "direction")
		return must(rdf.LangLiteral(lexical, tag, dir))
	})
	nodes = rapid.OneOf(iris, blanks)
	terms = termsTo(3)
	quads = rapid.Custom(func(t *rapid.T) rdf.Quad {
		q := rdf.Quad{S: nodes.Draw(t, "s"), P: iris.Draw(t, "p"), O: terms.Draw(t, "o")}
		if rapid.Bool().Draw(t, "in a graph") {
			q.G = nodes.Draw(t, "g")
		}
		return q
	})
	graphs = rapid.OneOf(rapid.Just(rdf.Term{}), nodes)
)

// termsTo makes terms that are nested at most so deep.
func termsTo(depth int) *rapid.Generator[rdf.Term] {
	if depth == 0 {
		return rapid.OneOf(iris, blanks, literals)
	}
	inner := termsTo(depth - 1)
	triple := rapid.Custom(func(t *rapid.T) rdf.Term {
		return must(rdf.TripleTerm(nodes.Draw(t, "s"), iris.Draw(t, "p"), inner.Draw(t, "o")))
	})
	return rapid.OneOf(iris, blanks, literals, triple)
}

// changeRows makes what may stand in a transaction.
var changeRows = rapid.Custom(func(t *rapid.T) row {
	switch rapid.IntRange(0, 5).Draw(t, "code") {
	case 0:
		return row{code: "PA", quad: rdf.Quad{G: graphs.Draw(t, "graph")}, name: prefixes.Draw(t, "prefix"),
			prefixTarget: iris.Draw(t, "iri").Value()}
	case 1:
		return row{code: "PD", quad: rdf.Quad{G: graphs.Draw(t, "graph")}, name: prefixes.Draw(t, "prefix")}
	case 2, 3:
		return row{code: "A", quad: quads.Draw(t, "quad")}
	}
	return row{code: "D", quad: quads.Draw(t, "quad")}
})

var prefixes = rapid.StringMatching(`|[a-zé]|[a-zA-Z][a-z0-9_.-]{0,4}[a-z0-9_é-]`)

// patches makes streams of patches: headers, then a transaction that commits or aborts, or changes without one.
var patches = rapid.Custom(func(t *rapid.T) []row {
	var rows []row
	for n := range rapid.IntRange(0, 3).Draw(t, "patches") {
		if rapid.Bool().Draw(t, "linked") {
			rows = append(rows, row{code: "H", name: patch.HeaderID, value: must(rdf.IRI("uuid:" + string(rune('1'+n))))},
				row{code: "H", name: patch.HeaderPrev, value: must(rdf.IRI("uuid:" + string(rune('0'+n))))})
		}
		for range rapid.IntRange(0, 2).Draw(t, "headers") {
			name := strings.ToValidUTF8(rapid.OneOf(rapid.StringMatching(`x[a-zA-Z0-9_-]{0,4}`), lexicals).Draw(t, "name"), "")
			if !strings.EqualFold(name, "id") { // a chance in a million
				rows = append(rows, row{code: "H", name: name, value: terms.Draw(t, "value")})
			}
		}
		changes := rapid.SliceOfN(changeRows, 0, 5).Draw(t, "changes")
		end := rapid.SampledFrom([]string{"", "TC", "TA"}).Draw(t, "end")
		if end == "" {
			rows = append(rows, changes...)
			continue
		}
		rows = append(append(append(rows, row{code: "TX"}), changes...), row{code: end})
	}
	return rows
})

// read reads a patch and returns its rows as values.
func read(t testing.TB, doc []byte, opts ...patch.Option) []row {
	t.Helper()
	var r recorder
	if err := patch.Parse(doc, &r, opts...); err != nil {
		t.Fatalf("%q: %v", doc, err)
	}
	return r.rows
}

// inverted returns the inverse of rows.
func inverted(rows []row) ([]row, error) {
	var v invert.Inverter
	defer v.Close()
	if err := drive(rows, &v); err != nil {
		return nil, err
	}
	r, err := v.Reader()
	if err != nil {
		return nil, err
	}
	var got recorder
	err = patch.NewReader(r).Run(&got)
	return got.rows, err
}
