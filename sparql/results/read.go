package results

import (
	"io"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Reader reads one result. It must not be used concurrently.
type Reader struct {
	vars    []sparql.Var
	boolean *bool
	next    func(row []rdf.Term) error
}

// Vars returns the columns, nil for a boolean. It is valid once NewReader returned.
func (r *Reader) Vars() []sparql.Var { return r.vars }

// Boolean returns the result of ASK; ok is false for one of SELECT.
func (r *Reader) Boolean() (value, ok bool) {
	if r.boolean == nil {
		return false, false
	}
	return *r.boolean, true
}

// Next returns the next solution: a term for each of Vars, the zero Term for one that is unbound. It is the caller's. Behind the last
// one the error is io.EOF; a mistake is an [rdf.SyntaxError] with its place.
func (r *Reader) Next() ([]rdf.Term, error) {
	if r.next == nil {
		return nil, io.EOF
	}
	row := make([]rdf.Term, len(r.vars))
	if err := r.next(row); err != nil {
		return nil, err
	}
	return row, nil
}
