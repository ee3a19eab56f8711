package eval

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// service plans SERVICE.
func (p *planner) service(op *algebra.Service, g given) (*node, error) {
	n := &node{name: "Service", detail: p.show(op.Name), estimate: g.rows * reached}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		name, err := x.place(&op.Name)
		return &service{x: x, op: op, name: name, out: x.output(n, next)}, err
	}
	return n, nil
}

// service joins rows with what an endpoint answers.
type service struct {
	x    *exec
	op   *algebra.Service
	name place
	out  *output
}

func (s *service) push(b *block) error {
	for i := range b.n {
		if err := s.row(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

// row asks for one row. An endpoint that fails silently has one empty solution, unless it has given some.
func (s *service) row(r row) error {
	var broken error // of what takes the rows
	some := false
	err := s.ask(r, func(terms []rdf.Term) error {
		some, broken = true, s.add(r, terms)
		return broken
	})
	switch {
	case broken != nil:
		return broken
	case err != nil && s.op.Silent && s.x.ctx.Err() == nil:
		if err = nil; !some {
			_, err = s.out.add(r)
		}
	}
	return err
}

func (s *service) ask(r row, each func([]rdf.Term) error) error {
	id, err := s.x.bound(&s.name, r)
	if err != nil {
		return err
	}
	name, err := s.x.term(id)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("line %d, column %d: SERVICE %s", s.op.Pos.Line, s.op.Pos.Column, name)
	switch {
	case name.Kind() != rdf.KindIRI:
		return fmt.Errorf("%s: %w: its name is no IRI here", where, ErrService)
	case s.x.o.Service == nil:
		return fmt.Errorf("%s: %w: it is off; leave the pattern out, or put what the endpoint answers into VALUES", where, ErrService)
	}
	if err := s.x.o.Service.Select(s.x.ctx, name, s.op.Query, s.op.Vars, each); err != nil {
		return fmt.Errorf("%s: %w", where, errors.Join(ErrService, err))
	}
	return nil
}

// add joins a row with a solution of the endpoint.
func (s *service) add(r row, terms []rdf.Term) error {
	to, err := s.out.add(r)
	if err != nil {
		return err
	}
	for i, t := range terms {
		id, err := s.x.intern(t)
		if err != nil {
			return err
		}
		if id != store.Any && !bind(to, s.op.Slots[i], id) {
			s.out.drop()
			return nil
		}
	}
	return nil
}

func (s *service) flush() error { return s.out.flush() }
