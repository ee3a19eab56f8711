package jsonld

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/piprate/json-gold/ld"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/labels"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

const i18n = "https://www.w3.org/ns/i18n#"

// Terms that the standard names.
var (
	rdfValue     = rdf.Trusted("<" + vocab.RDF + "value>")
	rdfLanguage  = rdf.Trusted("<" + vocab.RDF + "language>")
	rdfDirection = rdf.Trusted("<" + vocab.RDF + "direction>")
)

// jsonType is the datatype of JSON literals.
const jsonType = vocab.RDF + "JSON"

// quadMaker turns a document in expanded form into quads: the Node Map Generation and Deserialize JSON-LD to RDF
// algorithms in one pass. Members are taken in the order of their names, so that the same document makes the same
// labels.
type quadMaker struct {
	o      *options
	quads  []rdf.Quad
	labels map[string]rdf.Term // of the document's blank nodes
	nodes  labels.Issuer       // of blank nodes
	index  map[node]any        // the @index of each node
}

// node is a node of a graph.
type node struct{ id, graph rdf.Term }

// place is where the quads of a node go.
type place struct {
	graph rdf.Term
	drop  bool // to nowhere, for the graph has no name that RDF can have
	// unlinked: no quad leads here, for there is no subject or property, or it is left out. Then a list has no quads of its own,
	// nor has a value; the nodes in the list have theirs.
	unlinked bool
}

func toQuads(expanded []any, o *options) ([]rdf.Quad, error) {
	m := &quadMaker{o: o, nodes: labels.Issuer{Name: "b"}, labels: map[string]rdf.Term{}, index: map[node]any{}}
	for _, item := range expanded {
		if _, err := m.object(item, place{}); err != nil {
			return nil, o.wrap(err)
		}
	}
	return m.quads, nil
}

func (m *quadMaker) emit(s, p, o rdf.Term, at place) error {
	if at.drop || at.unlinked || s.IsZero() || p.IsZero() || o.IsZero() {
		return nil
	}
	if len(m.quads) >= m.o.quads {
		return &Error{Msg: fmt.Sprintf("more than %d quads are %v", m.o.quads, rdf.ErrLimit), Err: rdf.ErrLimit}
	}
	m.quads = append(m.quads, rdf.Quad{S: s, P: p, O: o, G: at.graph})
	return m.o.takes(quadCost + len(p.String()) + len(o.String()))
}

func (m *quadMaker) fresh() rdf.Term {
	return m.blank(m.nodes.Name + strconv.FormatUint(m.nodes.Next(), 10))
}

func (m *quadMaker) blank(label string) rdf.Term { return rdf.Trusted("_:" + m.o.blankPrefix + label) }

// written returns the blank node of a label, which stays if it can be written in N-Quads.
func (m *quadMaker) written(label string) rdf.Term {
	if _, err := rdf.Blank(label); err != nil {
		return m.fresh()
	}
	if m.nodes.Taken(label) {
		label += "_"
	}
	return m.blank(label)
}

// resource returns the term of an IRI or a blank node label; the zero Term if it is to be left out.
func (m *quadMaker) resource(what, id string) (rdf.Term, error) {
	if strings.HasPrefix(id, "_:") {
		t, ok := m.labels[id]
		if !ok {
			t = m.written(id[len("_:"):])
			m.labels[id] = t
		}
		return t, nil
	}
	t, err := rdf.IRI(id)
	if err == nil {
		return t, nil
	}
	cause := rdf.ErrInvalid
	if !isAbsolute(id) && iri.IsReference(id) {
		cause = rdf.ErrNoBase
	}
	return rdf.Term{}, m.o.dropped(cause, "%s: %v", what, err)
}

// items is the array that a member is, or its one value.
func items(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// object makes the quads of a node, value or list object and returns the term that it is as an object; the zero Term if
// it is to be left out.
func (m *quadMaker) object(v any, at place) (rdf.Term, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return rdf.Term{}, &Error{Msg: fmt.Sprintf("expected an object in expanded form, found %T", v)}
	}
	if _, ok := object["@value"]; ok {
		return m.value(object, at)
	}
	if list, ok := object["@list"]; ok {
		return m.list(items(list), at)
	}
	return m.node(object, at)
}

// node makes the quads of a node object and returns its term.
func (m *quadMaker) node(object map[string]any, at place) (s rdf.Term, err error) {
	at.unlinked = false
	if id, ok := object["@id"]; !ok || id == nil {
		s = m.fresh()
	} else if text, ok := id.(string); !ok {
		return s, &Error{Code: string(ld.InvalidIDValue), Msg: fmt.Sprintf("expected a string, found %T", id)}
	} else if s, err = m.resource("@id", text); err != nil {
		return s, err
	}
	for _, name := range members(object) {
		if err := m.member(s, name, object[name], at); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (m *quadMaker) member(s rdf.Term, name string, v any, at place) error {
	switch name {
	case "@id":
		return nil
	case "@type":
		return m.types(s, v, at)
	case "@index":
		return m.indexed(s, v, at)
	case "@included":
		return m.each(v, func(item any) error { _, err := m.object(item, at); return err })
	case "@graph":
		in := place{graph: s, drop: s.IsZero(), unlinked: true} // graphs stand beside each other, wherever they are written
		return m.each(v, func(item any) error { return m.statedIn(item, in) })
	case "@reverse":
		return m.reverse(s, v, at)
	}
	if strings.HasPrefix(name, "@") {
		return m.o.dropped(rdf.ErrInvalid, "expected a node, found one with %q", name)
	}
	p, err := m.property(name)
	if err != nil {
		return err
	}
	at.unlinked = s.IsZero() || p.IsZero()
	return m.each(v, func(item any) error {
		o, err := m.object(item, at)
		if err != nil {
			return err
		}
		return m.emit(s, p, o, at)
	})
}

// statedIn makes the quads of what stands in a graph, where the container of a property can bring a value or a list.
func (m *quadMaker) statedIn(item any, graph place) error {
	if object, ok := item.(map[string]any); ok && (has(object, "@value") || has(object, "@list")) {
		if err := m.o.dropped(rdf.ErrInvalid, "a value or a list stands where a node is expected, in a graph"); err != nil {
			return err
		}
	}
	_, err := m.object(item, graph)
	return err
}

func (m *quadMaker) each(v any, do func(any) error) error {
	for _, item := range items(v) {
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// property returns the term of a property; the zero Term if it is to be left out.
func (m *quadMaker) property(name string) (rdf.Term, error) {
	if strings.HasPrefix(name, "_:") {
		return rdf.Term{}, m.o.dropped(rdf.ErrInvalid, "property %q: expected an IRI, found a blank node", name)
	}
	return m.resource("property", name)
}

func (m *quadMaker) types(s rdf.Term, v any, at place) error {
	return m.each(v, func(item any) error {
		name, ok := item.(string)
		if !ok {
			return &Error{Code: string(ld.InvalidTypeValue), Msg: fmt.Sprintf("expected a string, found %T", item)}
		}
		t, err := m.resource("@type", name)
		if err != nil {
			return err
		}
		return m.emit(s, vocab.Type, t, at)
	})
}

// indexed checks that a node has one @index. RDF has no place for it.
func (m *quadMaker) indexed(s rdf.Term, v any, at place) error {
	key := node{s, at.graph}
	if before, ok := m.index[key]; ok && before != v && !s.IsZero() {
		return &Error{Code: string(ld.ConflictingIndexes), Msg: fmt.Sprintf("%s has %q and %q", s, before, v)}
	}
	m.index[key] = v
	return nil
}

func (m *quadMaker) reverse(s rdf.Term, v any, at place) error {
	properties, ok := v.(map[string]any)
	if !ok {
		return &Error{Code: string(ld.InvalidReverseValue), Msg: fmt.Sprintf("expected an object, found %T", v)}
	}
	for _, name := range members(properties) {
		p, err := m.property(name)
		if err != nil {
			return err
		}
		err = m.each(properties[name], func(item any) error {
			other, err := m.object(item, at)
			if err != nil {
				return err
			}
			return m.emit(other, p, s, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// list makes the quads of an RDF list and returns its first node.
func (m *quadMaker) list(values []any, at place) (rdf.Term, error) {
	if len(values) == 0 {
		return vocab.Nil, nil
	}
	head := m.fresh()
	for at1, i := head, 0; i < len(values); i++ {
		o, err := m.object(values[i], at)
		if err != nil {
			return head, err
		}
		next := vocab.Nil
		if i < len(values)-1 {
			next = m.fresh()
		}
		if err := m.emit(at1, vocab.First, o, at); err != nil {
			return head, err
		}
		if err := m.emit(at1, vocab.Rest, next, at); err != nil {
			return head, err
		}
		at1 = next
	}
	return head, nil
}
