package eval

import (
	"iter"
	"slices"
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// template makes terms of a template's nodes.
type template struct {
	x      *exec
	labels string // what those of blank nodes begin with, once it is needed
	number uint64 // of the solution
	suffix string
}

// prefix is what the labels of blank nodes begin with.
func (t *template) prefix() string {
	if t.labels == "" {
		t.labels = t.x.id.blankPrefix()
	}
	return t.labels
}

// solution begins another solution, with blank nodes of its own.
func (t *template) solution(number uint64) {
	t.number, t.suffix = number, "s"+strconv.FormatUint(number, 36)
}

// term makes the term of a node, the zero Term for a variable that is not bound, and for what is no term.
func (t *template) term(n *algebra.Node, r row) (rdf.Term, error) {
	switch {
	case n.Slot != algebra.None:
		return t.x.term(r[n.Slot])
	case n.Triple != nil:
		made, err := t.triple(n.Triple, r)
		if err != nil {
			return rdf.Term{}, err
		}
		if term, err := rdf.TripleTerm(made.S, made.P, made.O); err == nil {
			return term, nil
		}
		return rdf.Term{}, nil
	case n.Term.Kind() == rdf.KindBlank:
		return rdf.Blank(t.prefix() + n.Term.Value() + t.suffix)
	}
	return n.Term, nil
}

func (t *template) triple(of *algebra.Triple, r row) (made rdf.Triple, err error) {
	if made.S, err = t.term(&of.S, r); err != nil {
		return made, err
	}
	if made.P, err = t.term(&of.P, r); err != nil {
		return made, err
	}
	made.O, err = t.term(&of.O, r)
	return made, err
}

// hasBlank reports whether a triple of a template has a blank node.
func hasBlank(t *algebra.Triple) bool {
	return slices.ContainsFunc([]algebra.Node{t.S, t.P, t.O}, func(n algebra.Node) bool {
		return n.Term.Kind() == rdf.KindBlank || n.Triple != nil && hasBlank(n.Triple)
	})
}

// construct makes the triples of a template.
func (r *run) construct(triples []algebra.Triple, each func(rdf.Triple) error) error {
	c := &construction{template: template{x: r.exec}, seen: r.table(3, 3), own: map[rdf.Triple]struct{}{}}
	return r.sub.run(func(from row) error {
		c.solution(c.number + 1)
		clear(c.own)
		for i := range triples {
			made, fresh, err := c.make(&triples[i], from)
			if err == nil {
				err = c.x.work(1 + (len(made.S.String())+len(made.P.String())+len(made.O.String()))/textOfWork)
			}
			if err == nil && fresh {
				err = each(made)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// construction gives each triple once.
type construction struct {
	template
	seen *table
	own  map[rdf.Triple]struct{} // of this solution, with blank nodes of its own
}

// make makes a triple; fresh is false if it is none, or has been there.
func (c *construction) make(of *algebra.Triple, r row) (made rdf.Triple, fresh bool, err error) {
	made, err = c.triple(of, r)
	if err != nil || (rdf.Quad{S: made.S, P: made.P, O: made.O}).Check() != nil {
		return made, false, err
	}
	if !hasBlank(of) {
		fresh, err = c.x.first(c.seen, made)
		return made, fresh, err
	}
	_, there := c.own[made]
	c.own[made] = struct{}{}
	return made, !there, nil
}

// first reports whether a triple has not been seen.
func (x *exec) first(seen *table, t rdf.Triple) (bool, error) {
	ids, err := x.internAll([]rdf.Term{t.S, t.P, t.O})
	if err != nil {
		return false, err
	}
	_, fresh, err := seen.insert(ids)
	return fresh, err
}

// describe gives the descriptions of resources.
func (r *run) describe(nodes []algebra.Node, each func(rdf.Triple) error) error {
	d := &description{x: r.exec, resources: r.table(1, 1), seen: r.table(3, 3), each: each}
	if r.asking != nil {
		d.shards = newTriples(r.exec)
	}
	t := &template{x: r.exec}
	err := r.sub.run(func(from row) error {
		for i := range nodes {
			term, err := t.term(&nodes[i], from)
			if err != nil {
				return err
			}
			if term.IsZero() {
				continue
			}
			id, err := r.intern(term)
			if err != nil {
				return err
			}
			if err := d.of(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.closures()
}

// description gives each triple once.
type description struct {
	x               *exec
	resources, seen *table
	each            func(rdf.Triple) error
	left            int // triples that the resource may still have

	// waiting are resources whose triples have to be asked for, shards what they said, nil if there are none.
	waiting []store.ID
	shards  *triples
}

// mostWaiting is the number of resources whose triples are asked for at once.
const mostWaiting = 256

func (d *description) of(id store.ID) error {
	_, fresh, err := d.resources.insert([]store.ID{id})
	if !fresh || err != nil {
		return err
	}
	d.waiting = append(d.waiting, id)
	if d.shards == nil || len(d.waiting) == mostWaiting {
		return d.closures()
	}
	return nil
}

// closures describes the resources that wait.
func (d *description) closures() error {
	if d.shards != nil {
		if err := d.shards.ask(d.waiting); err != nil {
			return err
		}
	}
	for _, id := range d.waiting {
		d.left = d.x.o.Description
		if err := d.closure([]store.ID{id}); err != nil {
			return err
		}
	}
	d.waiting = d.waiting[:0]
	return nil
}

// about yields the triples of a resource.
func (d *description) about(id store.ID) iter.Seq2[store.Quad, error] {
	if d.shards != nil {
		return d.shards.about(id)
	}
	return func(yield func(store.Quad, error) bool) {
		for _, g := range []place{{slot: algebra.None, id: store.DefaultGraph}, {slot: 0}} {
			for q, err := range d.x.match(store.Pattern{S: id}, &g, row{store.Any}) {
				if !yield(q, err) {
					return
				}
			}
		}
	}
}

// closure describes nodes, and the blank nodes that it meets.
func (d *description) closure(open []store.ID) error {
	for len(open) > 0 && d.left > 0 {
		id := open[len(open)-1]
		open = open[:len(open)-1]
		for q, err := range d.about(id) {
			if err == nil && d.left > 0 {
				open, err = d.triple(q, open)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// triple gives a triple, and returns open with its object if that is a blank node that has not been described.
func (d *description) triple(q store.Quad, open []store.ID) ([]store.ID, error) {
	if err := d.x.step(1); err != nil {
		return open, err
	}
	_, fresh, err := d.seen.insert([]store.ID{q.S, q.P, q.O})
	if !fresh || err != nil {
		return open, err
	}
	var terms [3]rdf.Term
	for i, id := range [3]store.ID{q.S, q.P, q.O} {
		if terms[i], err = d.x.term(id); err != nil {
			return open, err
		}
	}
	d.left--
	if terms[2].Kind() == rdf.KindBlank {
		_, fresh, err = d.resources.insert([]store.ID{q.O})
		if err != nil {
			return open, err
		}
		if fresh {
			open = append(open, q.O)
		}
	}
	return open, d.each(rdf.Triple{S: terms[0], P: terms[1], O: terms[2]})
}
