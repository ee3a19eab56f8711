package eval

import (
	"errors"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// run is a query that is being evaluated.
type run struct {
	*exec
	q   *algebra.Query
	sub *subplan
}

// plan plans a query for the quads of a reader.
func (q *Query) plan(x *exec) (r *run, err error) {
	if err = x.dataset(q.data, rdf.Term{}); err == nil {
		r, err = x.start(q.algebra)
	}
	if err != nil {
		x.end()
	}
	return r, err
}

// start plans a query from an empty solution.
func (x *exec) start(q *algebra.Query) (*run, error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	sub, err := x.prepare(q).subplan(q.Op, &base{})
	if err != nil {
		return nil, err
	}
	return &run{x, q, sub}, nil
}

func (r *run) rows(each func([]rdf.Term) error) error { return r.sub.run(r.decode(r.q.Columns, each)) }

func (r *run) holds() (bool, error) {
	err := r.sub.run(func(row) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

func (r *run) triples(each func(rdf.Triple) error) error {
	if len(r.q.Describe) > 0 {
		return r.describe(r.q.Describe, each)
	}
	return r.construct(r.q.Template, each)
}
