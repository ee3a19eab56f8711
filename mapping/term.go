package mapping

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// termMap makes the terms of one place: a subject, a predicate, an object or a graph.
type termMap struct {
	// field is its place in the mapping, for errors.
	field string
	// constant is the term, where it depends on nothing.
	constant rdf.Term
	// defaultGraph: it stands for the default graph, whose term is the zero one.
	defaultGraph bool
	// Else it is made of a template, or computed.
	template template
	compute  *expression
	iri      bool
	base     string
	// Of literals: the datatype, or a template of it, or the language as a template; a unit of time in which a number counts.
	datatype  string
	datatypes *template
	language  *template
	time      string
}

// terms appends the terms that the row has.
func (m *termMap) terms(in *input, dst []rdf.Term) ([]rdf.Term, presence, error) {
	if !m.constant.IsZero() || m.defaultGraph {
		return append(dst, m.constant), present, nil
	}
	dst, found, err := m.make(in, dst)
	if err != nil {
		return dst, missing, inField(m.field, err)
	}
	return dst, found, nil
}

func (m *termMap) make(in *input, dst []rdf.Term) ([]rdf.Term, presence, error) {
	switch {
	case m.compute != nil:
		return m.computed(in, dst)
	case m.iri:
		return m.iris(in, dst)
	}
	kind, found, err := m.kind(in)
	if err != nil || found != present {
		return dst, found, err
	}
	if ref := m.template.only(); ref != nil {
		return m.natural(ref, in, kind, dst)
	}
	texts, found, err := m.template.expand(in, false)
	for _, text := range texts {
		if err != nil {
			break
		}
		var t rdf.Term
		t, err = m.literal(text, kind)
		dst = append(dst, t)
	}
	return dst, found, err
}

// literalKind is what a literal has besides its text; both may be empty.
type literalKind struct{ datatype, language string }

// kind is that of the row's literals, which has no value if a field of it has none.
func (m *termMap) kind(in *input) (k literalKind, found presence, err error) {
	k.datatype = m.datatype
	switch {
	case m.language != nil:
		k.language, found, err = m.language.single(in, false, "languages")
	case m.datatypes != nil:
		k.datatype, found, err = m.datatypes.single(in, m.datatypes.only() == nil, "datatypes")
		if err == nil && found == present {
			k.datatype = behindBase(k.datatype, m.base)
			err = checkDatatype(k.datatype, knownPrefixes)
		}
	default:
		found = present
	}
	return k, found, err
}

// single is the one text of a template.
func (t *template) single(in *input, encode bool, what string) (string, presence, error) {
	texts, found, err := t.expand(in, encode)
	if err == nil && len(texts) > 1 {
		err = fmt.Errorf("%d %s, expected one", len(texts), what)
	}
	if err != nil || found != present || len(texts) == 0 {
		return "", found, err
	}
	return texts[0], present, nil
}

// natural makes a literal of each value of one field; without a datatype it has that of the value's kind in JSON.
func (m *termMap) natural(ref *reference, in *input, kind literalKind, dst []rdf.Term) ([]rdf.Term, presence, error) {
	found := missing
	err := ref.find(in, func(v any) error {
		found = max(found, null)
		if v == nil {
			return nil
		}
		found = present
		text, err := textOf(v)
		if err != nil {
			return err
		}
		of := kind
		switch v.(type) {
		case json.Number:
			if kind == (literalKind{}) && m.time == "" {
				of.datatype = jsonDatatype(text)
			}
		case bool:
			if kind == (literalKind{}) {
				of.datatype = xsdBoolean
			}
		}
		t, err := m.literal(text, of)
		dst = append(dst, t)
		return err
	})
	if err != nil {
		err = fmt.Errorf("$(%s): %w", ref.text, err)
	}
	return dst, found, err
}

// literal makes one.
func (m *termMap) literal(text string, kind literalKind) (rdf.Term, error) {
	switch {
	case kind.language != "":
		return rdf.LangLiteral(text, kind.language, rdf.NoDirection)
	case m.time != "":
		t, err := timeOf(text, m.time)
		if err != nil {
			return rdf.Term{}, err
		}
		return rdf.TypedLiteral(t, xsdDateTime)
	case kind.datatype == "" || kind.datatype == xsdString:
		return rdf.Literal(text)
	}
	if err := checkLexical(text, kind.datatype); err != nil {
		return rdf.Term{}, err
	}
	return rdf.TypedLiteral(text, kind.datatype)
}

// iris makes an IRI of each text. The value of a template that is one reference and nothing else is an IRI as it stands; in
// others values are encoded.
func (m *termMap) iris(in *input, dst []rdf.Term) ([]rdf.Term, presence, error) {
	texts, found, err := m.template.expand(in, m.template.only() == nil)
	if err != nil {
		return dst, found, err
	}
	for _, text := range texts {
		t, err := iriTerm(text, m.base)
		if err != nil {
			return dst, found, err
		}
		dst = append(dst, t)
	}
	return dst, found, nil
}

// iriTerm makes an IRI, behind the base if it is not absolute.
func iriTerm(text, base string) (rdf.Term, error) {
	t, err := rdf.IRI(behindBase(text, base))
	if err == nil && t == patch.Any {
		return t, fmt.Errorf("%s stands for every term, and can't be data", t)
	}
	return t, err
}

// behindBase puts an IRI that is not absolute behind the base, if there is one.
func behindBase(text, base string) string {
	if base != "" && rdf.CheckIRI(text) != nil {
		return base + text
	}
	return text
}

// computed makes the terms of an expression's values.
func (m *termMap) computed(in *input, dst []rdf.Term) ([]rdf.Term, presence, error) {
	kind, found, err := m.kind(in)
	if err != nil || found != present {
		return dst, found, err
	}
	values, found, err := m.compute.values(in)
	if err != nil {
		return dst, found, err
	}
	for _, v := range values {
		var t rdf.Term
		switch {
		case m.iri:
			t, err = iriTerm(v.text, m.base)
		case kind.datatype != "":
			t, err = m.literal(v.text, kind)
		default:
			t, err = m.literal(v.text, literalKind{v.datatype, kind.language})
		}
		if err != nil {
			return dst, found, err
		}
		dst = append(dst, t)
	}
	return dst, found, nil
}

// settle makes a constant of what depends on nothing.
func (m *termMap) settle() error {
	if m.compute != nil || m.datatypes != nil || !m.template.constant() || m.language != nil && !m.language.constant() {
		return nil
	}
	terms, _, err := m.make(&input{}, nil)
	if err == nil {
		m.constant = terms[0]
	}
	return err
}

// names are what stands for IRIs in a declaration.
type names struct {
	base     string
	prefixes map[string]string
}

// expand puts the IRI of a prefix in the place of its name: what stands before the first colon.
func (n *names) expand(text string) string {
	if prefix, rest, ok := strings.Cut(text, ":"); ok {
		if iri, known := n.prefixes[prefix]; known {
			return escapeReferences(iri) + rest
		}
	}
	return text
}

// escapeReferences makes a constant text of one that could be a template.
func escapeReferences(text string) string { return strings.ReplaceAll(text, "$(", `\$(`) }
