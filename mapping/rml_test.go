package mapping_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// rmlBase is the base IRI of the test cases of RML Core.
const rmlBase = "http://example.com/"

// notRML are the cases of RML Core in which a mapping does something else, with the reason. All others pass.
var notRML = map[string]string{
	"RMLTC0001b-JSON": blankNodes, "RMLTC0002b-JSON": blankNodes, "RMLTC0012a-JSON": blankNodes, "RMLTC0012b-JSON": blankNodes,
	"RMLTC0012e-JSON": blankNodes,
	"RMLTC0009a-JSON": joins, "RMLTC0009b-JSON": joins, "RMLTC0021a-JSON": joins, "RMLTC0030a-JSON": joins, "RMLTC0030b-JSON": joins,
	"RMLTC0030c-JSON": joins, "RMLTC0030d-JSON": joins, "RMLTC0030e-JSON": joins, "RMLTC0030f-JSON": joins,
	"RMLTC0026b-JSON": bases, "RMLTC0026d-JSON": bases,
	"RMLTC0027a-JSON": "IRIs are not encoded as URIs", "RMLTC0027b-JSON": "what isn't encoded can be no IRI",
	"RMLTC0013a-JSON": "a row without the fields of its subject is an error: it would be lost",
	"RMLTC0025b-JSON": "that a field has several values is no error",
	"RMLTC0015b-JSON": "a language tag need have the form of one, not be registered",
}

const (
	blankNodes = "blank nodes are made by templates of IRIs: those could not be replaced"
	joins      = "a message is mapped by itself, so there are no joins"
	bases      = "a declaration has one base"
)

// TestRML converts the mappings of test cases and holds what comes out to what they expect: those of testdata/rml, which are written
// for this project, and those of RML Core, where the folder of the suites has them as rml-core/test-cases.
func TestRML(t *testing.T) {
	own, err := filepath.Glob("testdata/rml/*.txtar")
	if err != nil || len(own) < 5 {
		t.Fatal(own, err)
	}
	for _, name := range own {
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, file := range archive.Files {
				files[file.Name] = file.Data
			}
			testRML(t, files, "")
		})
	}
	root := cmp.Or(os.Getenv("QUADRILLE_SUITES"), filepath.Join("..", "..", "shared", "suites"))
	suite, err := filepath.Glob(filepath.Join(root, "rml-core", "test-cases", "*", "mapping.ttl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range suite {
		folder := filepath.Dir(name)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			files := map[string][]byte{}
			names, err := os.ReadDir(folder)
			for _, file := range names {
				var text []byte
				text, err = os.ReadFile(filepath.Join(folder, file.Name()))
				files[file.Name()] = text
			}
			if err != nil {
				t.Fatal(err)
			}
			testRML(t, files, notRML[filepath.Base(folder)])
		})
	}
}

// testRML runs a case, which does something else if why is not empty. Without the file output.nq an error is expected.
func testRML(t *testing.T, files map[string][]byte, why string) {
	got, err := runRML(files)
	want := map[string]bool{}
	unreadable := nquads.Parse(files["output.nq"], func(q rdf.Quad) error { want[q.String()] = true; return nil })
	good := err == nil && unreadable == nil && maps.Equal(got, want)
	if files["output.nq"] == nil {
		good = err != nil
	}
	if good != (why == "") {
		t.Errorf("good: %v, %v, listed as %q\n%s\nexpected\n%s", good, err, why, strings.Join(slices.Sorted(maps.Keys(got)), "\n"),
			strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	}
}

// runRML converts the mapping of a case and maps its sources.
func runRML(files map[string][]byte) (map[string]bool, error) {
	sources, err := convertRML(files["mapping.ttl"])
	if err != nil {
		return nil, err
	}
	got := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		body, found := files[name]
		if !found {
			return nil, fmt.Errorf("there is no source %s", name)
		}
		text, err := yaml.Marshal(map[string]any{"base": rmlBase, "mappings": map[string]any{"rml": sources[name]}})
		if err != nil {
			return nil, err
		}
		d, _ := declared(string(text))
		set, mistakes := d.Compile()
		if len(mistakes) > 0 {
			return nil, fmt.Errorf("%v in\n%s", mistakes, text)
		}
		m, err := set.Get("rml")
		if err != nil {
			return nil, err
		}
		if err := m.Map(mapping.Message{Body: body}, collecting{got: got}); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// collecting collects the quads that are added.
type collecting struct {
	patch.Ignore
	got map[string]bool
}

// Add takes an addition in.
func (c collecting) Add(q rdf.Quad) error { c.got[q.String()] = true; return nil }

// notSaid is what of RML a mapping can't say.
type notSaid string

// Error implements error.
func (n notSaid) Error() string { return "can't be said: " + string(n) }

// rml is a mapping of RML as a graph.
type rml map[rdf.Term]map[string][]rdf.Term

const rmlNS = "http://w3id.org/rml/"

// convertRML makes rules of each source of a mapping, by its file.
func convertRML(text []byte) (sources map[string][]any, err error) {
	g := rml{}
	rd := turtle.NewReader(bytes.NewReader(text), turtle.Base(rmlBase))
	for {
		var q rdf.Quad
		if err := rd.Next(&q); err != nil {
			break
		}
		q = q.Clone()
		if g[q.S] == nil {
			g[q.S] = map[string][]rdf.Term{}
		}
		name := strings.TrimPrefix(q.P.Value(), rmlNS)
		g[q.S][name] = append(g[q.S][name], q.O)
	}
	defer func() {
		if not, ok := recover().(notSaid); ok {
			err = not
		}
	}()
	sources = map[string][]any{}
	for _, s := range slices.SortedFunc(maps.Keys(g), rdf.Term.Compare) {
		if source := g.one(s, "logicalSource"); !source.IsZero() {
			file := g.one(g.one(source, "source"), "path").Value()
			sources[file] = append(sources[file], g.rule(s, source, file == "" || strings.HasSuffix(file, ".csv")))
		}
	}
	return sources, nil
}

func (g rml) one(s rdf.Term, p string) rdf.Term {
	switch of := g[s][p]; len(of) {
	case 0:
		return rdf.Term{}
	case 1:
		return of[0]
	}
	panic(notSaid("several of " + p))
}

// rule converts a triples map.
func (g rml) rule(s, source rdf.Term, csv bool) map[string]any {
	r := map[string]any{}
	switch formulation := g.one(source, "referenceFormulation").Value(); {
	case formulation == rmlNS+"CSV":
		r["format"] = "csv"
	case formulation != rmlNS+"JSONPath":
		panic(notSaid("the reference formulation"))
	}
	if iterator := g.one(source, "iterator"); !iterator.IsZero() && !csv {
		r["over"] = iterator.Value()
	}
	if base := g.one(s, "baseIRI"); !base.IsZero() && base.Value() != rmlBase {
		panic(notSaid("a base of its own"))
	}
	subject := cmp.Or(g.one(s, "subject"), g.one(s, "subjectMap"))
	r["s"] = g.node(subject, !g.one(s, "subject").IsZero())
	r["graphs"] = g.graphs(subject)
	var pairs []any
	for _, class := range g[subject]["class"] {
		pairs = append(pairs, map[string]any{"p": "a", "o": map[string]any{"value": class.Value(), "type": "iri"}})
	}
	for _, of := range g[s]["predicateObjectMap"] {
		pairs = append(pairs, g.pair(s, of))
	}
	if pairs == nil {
		pairs = append(pairs, map[string]any{"p": "a", "o": map[string]any{"value": "$(['']['none'])", "type": "iri"}})
	}
	r["po"] = pairs
	return r
}

// node converts the map of an IRI.
func (g rml) node(of rdf.Term, constant bool) any {
	o := g.term(of, constant, true)
	if o["type"] != "iri" {
		panic(notSaid("a literal in the place of an IRI"))
	}
	return map[string]any{"value": o["value"]}
}

// graphs converts the graphs of a subject or pair.
func (g rml) graphs(of rdf.Term) (list []any) {
	for _, constant := range g[of]["graph"] {
		list = append(list, g.graph(constant, true)...)
	}
	for _, m := range g[of]["graphMap"] {
		list = append(list, g.graph(m, false)...)
	}
	return list
}

func (g rml) graph(of rdf.Term, constant bool) []any {
	node := g.node(of, constant)
	if node.(map[string]any)["value"] == rmlNS+"defaultGraph" {
		return []any{"default"}
	}
	return []any{node}
}

// pair converts a predicate object map.
func (g rml) pair(s, of rdf.Term) map[string]any {
	var predicates, objects []any
	for _, p := range g[of]["predicate"] {
		predicates = append(predicates, g.node(p, true))
	}
	for _, p := range g[of]["predicateMap"] {
		predicates = append(predicates, g.node(p, false))
	}
	for _, o := range g[of]["object"] {
		objects = append(objects, g.term(o, true, false))
	}
	for _, o := range g[of]["objectMap"] {
		objects = append(objects, g.object(s, o))
	}
	return map[string]any{"p": predicates, "o": objects, "graphs": g.graphs(of)}
}

// object converts an object map, which may be the subject of another triples map.
func (g rml) object(s, of rdf.Term) map[string]any {
	parent := g.one(of, "parentTriplesMap")
	if parent.IsZero() {
		return g.term(of, false, false)
	}
	if len(g[of]["joinCondition"]) > 0 {
		panic(notSaid("a join"))
	}
	path := func(s rdf.Term) string { return g.one(g.one(g.one(s, "logicalSource"), "source"), "path").Value() }
	if path(s) != path(parent) {
		panic(notSaid("a join"))
	}
	return g.term(g.one(parent, "subjectMap"), false, true)
}

// term converts a term map, or a constant.
func (g rml) term(of rdf.Term, constant, node bool) map[string]any {
	if c := g.one(of, "constant"); !constant && !c.IsZero() {
		of, constant = c, true
	}
	o := map[string]any{}
	if constant {
		o["value"] = escapeRML(of.Value())
		switch {
		case of.Kind() == rdf.KindBlank:
			panic(notSaid("a blank node"))
		case of.Kind() == rdf.KindIRI:
			o["type"] = "iri"
		case of.Lang() != "":
			o["language"] = of.Lang()
		default:
			o["datatype"] = of.Datatype()
		}
		return o
	}
	reference, pattern := g.one(of, "reference"), g.one(of, "template")
	for p, key := range map[string]string{"datatype": "datatype", "language": "language"} {
		if v := cmp.Or(g.one(of, p), g.one(g.one(of, p+"Map"), "constant")); !v.IsZero() {
			o[key] = v.Value()
		} else if m := g.one(of, p+"Map"); !m.IsZero() {
			o[key] = g.text(m)
		}
	}
	iri := node || !pattern.IsZero()
	switch kind := g.one(of, "termType").Value(); strings.TrimPrefix(kind, rmlNS) {
	case "":
		iri = iri && len(o) == 0
	case "IRI":
		iri = true
	case "Literal":
		iri = false
	case "BlankNode":
		panic(notSaid("a blank node"))
	default:
		panic(notSaid("the term type " + strings.TrimPrefix(kind, rmlNS)))
	}
	if reference.IsZero() && pattern.IsZero() {
		panic(notSaid("a function"))
	}
	o["value"] = g.text(of)
	if iri {
		o["type"] = "iri"
		if strings.HasPrefix(pattern.Value(), "{") { // what is made of a template is encoded
			o["value"] = rmlBase + o["value"].(string)
		}
	}
	return o
}

// text is the template of a term map.
func (g rml) text(of rdf.Term) string {
	if reference := g.one(of, "reference"); !reference.IsZero() {
		return referenceRML(reference.Value())
	}
	return templateRML(g.one(of, "template").Value())
}

func escapeRML(text string) string { return strings.ReplaceAll(text, "$(", `\$(`) }

// referenceRML converts a reference, which in JSON is a path from the row.
func referenceRML(text string) string {
	if rest, path := strings.CutPrefix(text, "$"); path {
		text = "@" + rest
	}
	return "$(" + text + ")"
}

// templateRML converts a template, in which brackets may be escaped.
func templateRML(text string) string {
	var b strings.Builder
	for text != "" {
		switch {
		case text[0] == '\\' && len(text) > 1:
			b.WriteByte(text[1])
			text = text[2:]
		case text[0] == '{':
			name, rest := cutRML(text[1:])
			b.WriteString(referenceRML(name))
			text = rest
		default:
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}

// cutRML takes a reference up to the bracket that ends it.
func cutRML(text string) (name, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '}':
			return b.String(), text[i+1:]
		case c == '{':
			panic(notSaid("a template with brackets out of place"))
		case c == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	panic(notSaid("a template with brackets out of place"))
}
