package results

import (
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// raw is a term as JSON and XML write it.
type raw struct {
	kind, value, datatype, lang, dir string
	// parts are those of a triple term.
	parts [3]*raw
}

// term makes the term. size of its text is bounded by that of the document's.
func (r *raw) term() (rdf.Term, error) {
	if !utf8.ValidString(r.value) {
		return rdf.Term{}, fmt.Errorf("a value is not UTF-8")
	}
	switch r.kind {
	case "uri":
		return rdf.IRI(r.value)
	case "bnode":
		return blank(r.value)
	case "literal", "typed-literal":
		return r.literal()
	case "triple":
		return r.triple()
	case "":
		return rdf.Term{}, fmt.Errorf("a term has no type")
	}
	return rdf.Term{}, fmt.Errorf("term type %q is none of uri, literal, bnode, triple", r.kind)
}

func (r *raw) literal() (rdf.Term, error) {
	switch {
	case r.lang != "":
		return rdf.LangLiteral(r.value, r.lang, rdf.Direction(r.dir))
	case r.dir != "":
		return rdf.Term{}, fmt.Errorf("a literal has a base direction and no language tag")
	case r.datatype != "":
		return rdf.TypedLiteral(r.value, r.datatype)
	}
	return rdf.Literal(r.value)
}

func (r *raw) triple() (rdf.Term, error) {
	var terms [3]rdf.Term
	for i, part := range r.parts {
		if part == nil {
			return rdf.Term{}, fmt.Errorf("a triple term lacks subject, predicate or object")
		}
		var err error
		if terms[i], err = part.term(); err != nil {
			return rdf.Term{}, err
		}
	}
	return rdf.TripleTerm(terms[0], terms[1], terms[2])
}

// blank takes a label as it is, if N-Triples can write it. Any other becomes its bytes in hexadecimal.
func blank(label string) (rdf.Term, error) {
	t, err := rdf.Blank(label)
	if err != nil && label != "" {
		return rdf.Blank("label-" + hex.EncodeToString([]byte(label)))
	}
	return t, err
}
