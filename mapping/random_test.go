package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// everything is a declaration with each kind of part, so that what comes in meets all of them.
const everything = `
prefixes: {ex: "http://example.org/"}
mappings:
  json:
    - {mode: MODE, s: "ex:$(id)", graphs: "ex:g/$(g)", po: [[ex:p, $(v)], [ex:q, "x$(v)", en~lang], [ex:r, "ex:$(v)~iri"], [ex:s, {value: $(v), type: iri}]]}
    - {mode: MODE, over: "$.rows[*]", when: "has(row.id)", s: "ex:$(id)", po: [[ex:t, {value: $(t), time: ms}], [ex:c, {cel: row.id}], [ex:d, $(..v), xsd:integer]]}
  csv: {format: csv, mode: MODE, s: "ex:$(id)", po: [[ex:p, $(v), xsd:decimal]]}
  debezium: {format: debezium, mode: MODE, s: "ex:$(id)", po: [[ex:p, $(v)], [ex:u, {value: $(n), unit: "ex:$(u)", node: "ex:n/$(id)"}]]}
  jsonld: {format: jsonld, mode: MODE, context: {"@vocab": "http://example.org/", id: "@id"}}
`

// FuzzMap: whatever comes, a mapping returns an *Error or an RDF Patch whose terms are ones, the same each time, and leaves what it
// appends to as it was.
func FuzzMap(f *testing.F) {
	for _, seed := range []string{
		`{"id": 1, "g": "a", "v": [1, "x", null, {"a": 1}], "rows": [{"id": 2, "t": 5, "v": 3}]}`, "id,v\n1,2.5\n\"a b\",x\n",
		`{"op": "u", "after": {"id": 1, "v": true, "n": 1.5, "u": "K"}}`, `{"id": "http://example.org/a", "p": [1, {"id": "http://example.org/b"}]}`,
		`{"id": "\ud800"}`, "\xff", `{"id":1,"g":1,"v":"urn:quadrille:any"}`, `null`, "",
	} {
		for i := range 6 {
			f.Add(i, seed)
		}
	}
	var sets []*mapping.Set
	for _, mode := range []string{"add", "delete", "replace", "upsert", "replace-subject"} {
		sets = append(sets, compile(f, strings.ReplaceAll(everything, "MODE", mode)))
	}
	f.Fuzz(func(t *testing.T, mode int, body string) {
		set := sets[uint(mode)%uint(len(sets))]
		for _, name := range set.Names() {
			m, err := set.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			const before = "# before\n"
			got, err := m.AppendPatch([]byte(before), mapping.Message{Body: []byte(body)})
			if err != nil {
				if _, known := errors.AsType[*mapping.Error](err); !known || string(got) != before {
					t.Fatalf("%s: %T %v, %q", name, err, err, got)
				}
				continue
			}
			if err := patch.Parse(got, checking{t: t}, patch.RequireTransactions()); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, got)
			}
			again, err := m.AppendPatch([]byte(before), mapping.Message{Body: []byte(body)})
			if err != nil || string(again) != string(got) {
				t.Fatalf("%s: %v\n%s\nthen\n%s", name, err, got, again)
			}
		}
	})
}

// checking holds each quad to the grammar, and wildcards to their places.
type checking struct {
	patch.Ignore
	t *testing.T
}

// Add checks an addition.
func (c checking) Add(q rdf.Quad) error {
	if q.S == patch.Any || q.P == patch.Any || q.O == patch.Any || q.G == patch.Any {
		c.t.Errorf("an addition of %s", q)
	}
	return c.quad(q)
}

// Delete checks a deletion.
func (c checking) Delete(q rdf.Quad) error {
	if q.S == patch.Any || q.G == patch.Any || q.P == patch.Any && q.O != patch.Any {
		c.t.Errorf("a deletion of %s", q)
	}
	return c.quad(q)
}

func (c checking) quad(q rdf.Quad) error {
	return nquads.Parse([]byte(q.String()), func(again rdf.Quad) error {
		if again != q {
			return fmt.Errorf("%s is written as %s", again, q)
		}
		return nil
	})
}

// FuzzCompile: a declaration of whatever is declared or has mistakes with places, and never panics.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{everything, factory, "mappings: 5", "mappings: {a: {s: [], po: {}}}", "prefixes: []", "base: {}",
		"mappings: {a: &x {s: *x}}", "mappings: {a: {s: 'urn:$(a[?@.b])', po: [[a, 'urn:x']]}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := declared(text)
		if !ok {
			return
		}
		set, mistakes := d.Compile()
		if set != nil && len(mistakes) > 0 {
			t.Fatal("mappings in spite of mistakes", mistakes)
		}
		for _, m := range mistakes {
			if m.Line < 1 || m.Err == nil {
				t.Fatalf("%+v", m)
			}
		}
		for _, name := range set.Names() {
			m, err := set.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = m.AppendPatch(nil, mapping.Message{Body: []byte(`{"id": 1, "v": [1, "a"]}`)})
		}
	})
}

// record is what a subject has: the values of each predicate.
type record map[string][]int

// change does with the values of a predicate what a mode is to do; there says whether the message has the field (0: no, 1: null).
func (r record) change(mode, predicate string, there int, values []int) {
	old := r[predicate]
	switch {
	case mode == "add":
		values = append(values, old...)
	case mode == "delete":
		values = slices.DeleteFunc(slices.Clone(old), func(v int) bool { return slices.Contains(values, v) })
	case mode == "upsert" && there == 0:
		values = old
	case mode == "gone":
		values = nil
	}
	r[predicate] = values
}

// quadSet is a dataset that is a map.
type quadSet map[rdf.Quad]bool

// Add implements [patch.Dataset].
func (s quadSet) Add(q rdf.Quad) (bool, error) {
	was := s[q]
	s[q.Clone()] = true
	return !was, nil
}

// Delete implements [patch.Dataset].
func (s quadSet) Delete(q rdf.Quad) (bool, error) {
	was := s[q]
	delete(s, q)
	return was, nil
}

// Match implements [patch.Matcher].
func (s quadSet) Match(subject, predicate, graph rdf.Term, fn func(rdf.Quad)) error {
	for q := range s {
		if q.S == subject && (predicate == patch.Any || q.P == predicate) && q.G == graph {
			fn(q)
		}
	}
	return nil
}

// TestModesAgree: on a state, what replaces leads to what deleting and adding would, if one knew the old values.
func TestModesAgree(t *testing.T) {
	const declaration = `
mappings:
  add: {s: "urn:s:$(s)", po: [["urn:p", $(p)], ["urn:q", $(q)]]}
  delete: {mode: delete, s: "urn:s:$(s)", po: [["urn:p", $(p)], ["urn:q", $(q)]]}
  replace: {mode: replace, s: "urn:s:$(s)", po: [["urn:p", $(p)], ["urn:q", $(q)]]}
  upsert: {mode: upsert, s: "urn:s:$(s)", po: [["urn:p", $(p)], ["urn:q", $(q)]]}
  gone: {mode: delete-subject, s: "urn:s:$(s)"}
`
	set := compile(t, declaration)
	rapid.Check(t, func(t *rapid.T) {
		model := map[int]record{}
		state := quadSet{}
		for range rapid.IntRange(1, 10).Draw(t, "messages") {
			mode := rapid.SampledFrom(set.Names()).Draw(t, "mode")
			s := rapid.IntRange(0, 2).Draw(t, "s")
			if model[s] == nil || mode == "gone" {
				model[s] = record{}
			}
			message := map[string]any{"s": s}
			for _, p := range []string{"p", "q"} {
				there := rapid.IntRange(0, 2).Draw(t, p) // missing, null, values
				values := rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 1, 2, rapid.ID).Draw(t, "values")
				if there > 0 {
					message[p] = nil
				}
				if there < 2 {
					values = nil
				} else {
					message[p] = values
				}
				model[s].change(mode, p, there, values)
			}
			body, err := json.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			m, err := set.Get(mode)
			if err == nil {
				err = m.Map(mapping.Message{Body: body}, patch.Replace(state, patch.Effective(state, patch.Ignore{})))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want := quadSet{}
		for s, of := range model {
			for p, values := range of {
				for _, v := range values {
					want[rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<urn:s:%d>", s)), P: rdf.Trusted("<urn:" + p + ">"),
						O: rdf.Trusted(fmt.Sprintf("\"%d\"^^<%s>", v, rdf.XSDInteger))}] = true
				}
			}
		}
		if !maps.Equal(state, want) {
			t.Fatalf("%v\nexpected\n%v", state, want)
		}
	})
}
