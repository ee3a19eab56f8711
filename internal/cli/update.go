package cli

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// skolemPrefix is what blank nodes are named by when they must have a name.
const skolemPrefix = "urn:quadrille:blank:"

// errBlank: SPARQL Update has no way to name a blank node that is there already.
var errBlank = errors.New("a blank node can't be named in SPARQL Update; --skolemise writes IRIs instead")

// asUpdate returns the form of SPARQL 1.1 Update: DELETE DATA and INSERT DATA in the order of the record's rows, each
// ended by ";", so that records one after the other are one request too.
func asUpdate(blank func(rdf.Term) (rdf.Term, error)) form {
	return func(dst []byte, change api.Change) ([]byte, error) {
		dst = fmt.Appendf(dst, "# shard %d position %d\n", change.Shard, change.Position)
		u := updateWriter{dst: dst, blank: blank}
		w := rowWriter{
			add:    func(q rdf.Quad) error { return u.row("INSERT DATA", q) },
			delete: func(q rdf.Quad) error { return u.row("DELETE DATA", q) },
		}
		err := patch.Parse([]byte(change.Patch), &w)
		u.end()
		return u.dst, err
	}
}

// updateWriter writes rows as the quad data of operations; rows of one kind in a row are one operation.
type updateWriter struct {
	dst       []byte
	operation string // under way
	blank     func(rdf.Term) (rdf.Term, error)
}

func (u *updateWriter) row(operation string, q rdf.Quad) error {
	var err error
	for _, t := range []*rdf.Term{&q.S, &q.O, &q.G} {
		if *t, err = named(*t, u.blank); err != nil {
			return err
		}
	}
	if u.operation != operation {
		u.end()
		u.dst = append(append(u.dst, operation...), " {\n"...)
		u.operation = operation
	}
	u.dst = append(u.dst, "  "...)
	if !q.G.IsZero() {
		u.dst = append(append(append(u.dst, "GRAPH "...), q.G.String()...), " { "...)
	}
	for _, t := range []rdf.Term{q.S, q.P, q.O} {
		u.dst = append(append(u.dst, t.String()...), ' ')
	}
	u.dst = append(u.dst, '.')
	if !q.G.IsZero() {
		u.dst = append(u.dst, " }"...)
	}
	u.dst = append(u.dst, '\n')
	return nil
}

func (u *updateWriter) end() {
	if u.operation != "" {
		u.dst = append(u.dst, "} ;\n"...)
		u.operation = ""
	}
}

// named returns the term with every blank node in it replaced.
func named(t rdf.Term, blank func(rdf.Term) (rdf.Term, error)) (rdf.Term, error) {
	switch t.Kind() {
	case rdf.KindBlank:
		return blank(t)
	case rdf.KindTriple:
		parts, _ := t.Triple()
		s, err := named(parts.S, blank)
		if err != nil {
			return t, err
		}
		o, err := named(parts.O, blank)
		if err != nil || s == parts.S && o == parts.O {
			return t, err
		}
		return rdf.TripleTerm(s, parts.P, o)
	}
	return t, nil
}

func refuseBlank(t rdf.Term) (rdf.Term, error) { return t, fmt.Errorf("%s: %w", t, errBlank) }

func skolem(t rdf.Term) (rdf.Term, error) { return rdf.IRI(skolemPrefix + t.Value()) }
