package eval

import (
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// resolve finds the ids of the templates' constants, four for each quad: store.Any for what depends on the solution, nothing for what
// can't stand in its place.
func (u *updating) resolve() error {
	u.constants = u.constants[:0]
	blank := false
	for _, quads := range [...][]algebra.Quad{u.modify.Delete, u.modify.Insert} {
		for i := range quads {
			of := &quads[i]
			for place, n := range [...]*algebra.Node{&of.S, &of.P, &of.O, &of.G} {
				id, err := u.constant(place, n)
				if err != nil {
					return err
				}
				u.constants = append(u.constants, id)
			}
		}
	}
	for i := range u.modify.Insert {
		blank = blank || hasBlank(&u.modify.Insert[i].Triple)
	}
	if blank {
		u.numbers = u.x.numbers(algebra.Possible(u.modify.Op))
	}
	return nil
}

// The place of the graph in a quad; those of subject, predicate and object are before it.
const graphPlace = 3

func (u *updating) constant(place int, n *algebra.Node) (store.ID, error) {
	switch {
	case n.Slot != algebra.None || n.Triple != nil || n.Term.Kind() == rdf.KindBlank:
		return store.Any, nil
	case n.Term.IsZero() && place == graphPlace:
		return store.DefaultGraph, nil
	case n.Term.IsZero() || !stands(n.Term.Kind(), place):
		return nothing, nil
	}
	return u.x.constant(n.Term)
}

// stands reports whether a term of a kind may stand in a place of a quad.
func stands(kind rdf.Kind, place int) bool {
	switch place {
	case 1:
		return kind == rdf.KindIRI
	case 2:
		return true
	}
	return kind == rdf.KindIRI || kind == rdf.KindBlank
}

// solution notes what a solution deletes and inserts.
func (u *updating) solution(r row) error {
	n := 4 * len(u.modify.Delete)
	if err := u.quads(u.modify.Delete, u.constants[:n], r, &u.deletes); err != nil {
		return err
	}
	if u.numbers != nil {
		number, err := u.numbers.of(r)
		if err != nil {
			return err
		}
		u.template.solution(number)
	}
	return u.quads(u.modify.Insert, u.constants[n:], r, &u.inserts)
}

// quads makes the quads of a template for a solution. What is no quad is left out.
func (u *updating) quads(quads []algebra.Quad, constants []store.ID, r row, into *table) error {
	for i := range quads {
		ids, ok, err := u.made(&quads[i], constants[4*i:], r)
		if err == nil && ok {
			_, _, err = into.insert(ids[:])
		}
		if err == nil {
			err = u.x.work(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// made makes a quad by its ids; ok is false if it is none.
func (u *updating) made(of *algebra.Quad, constants []store.ID, r row) (ids [4]store.ID, ok bool, err error) {
	for place, n := range [...]*algebra.Node{&of.S, &of.P, &of.O, &of.G} {
		id := constants[place]
		if id == store.Any {
			if id, err = u.computed(place, n, r); err != nil {
				return ids, false, err
			}
		}
		if id == nothing {
			return ids, false, nil
		}
		ids[place] = id
	}
	return ids, true, nil
}

// computed is the id of what depends on the solution, nothing if it is not bound, or can't stand in its place.
func (u *updating) computed(place int, n *algebra.Node, r row) (id store.ID, err error) {
	if n.Slot != algebra.None {
		id = r[n.Slot]
	} else {
		term, err := u.template.term(n, r)
		if err != nil {
			return nothing, err
		}
		if id, err = u.x.intern(term); err != nil {
			return nothing, err
		}
	}
	switch {
	case id == store.Any:
		return nothing, nil
	case place == 2:
		return id, nil
	}
	term, err := u.x.term(id)
	if err != nil || !stands(term.Kind(), place) {
		return nothing, err
	}
	return id, nil
}
