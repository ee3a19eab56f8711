package eval

import (
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// scan plans a triple pattern: the index is asked for each row.
func (p *planner) scan(op *algebra.Pattern, g given) *node {
	fits, _ := p.fits(op, g)
	n := &node{
		name: "Pattern", detail: p.show(op.S) + " " + p.show(op.P) + " " + p.show(op.O) + p.showGraph(op.G),
		estimate: math.Max(g.rows, 1) * fits,
	}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &scan{x: x, out: x.output(n, next)}
		s.yield = s.take
		for i, node := range [4]algebra.Node{op.S, op.P, op.O, op.G} {
			var err error
			if s.places[i], err = x.place(node); err != nil {
				return nil, err
			}
		}
		return s, nil
	}
	return n
}

// scan joins rows with the quads of a pattern. What belongs to the row that it is at stands in it, so that a look at the index
// allocates nothing here.
type scan struct {
	x      *exec
	places [4]place // subject, predicate, object, graph
	out    *output

	at     row
	want   [3]store.ID
	looked int
	err    error
	yield  func(store.Quad, error) bool // take
}

func (s *scan) push(b *block) error {
	for i := range b.n {
		if err := s.row(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) row(r row) (err error) {
	for i := range s.want {
		if s.want[i], err = s.x.bound(&s.places[i], r); err != nil {
			return err
		}
	}
	s.at, s.looked, s.err = r, 1, nil
	s.x.match(store.Pattern{S: s.want[0], P: s.want[1], O: s.want[2]}, &s.places[3], r)(s.yield)
	if s.err != nil {
		return s.err
	}
	return s.x.step(s.looked)
}

// take takes a quad, and returns false with an error.
func (s *scan) take(q store.Quad, err error) bool {
	if err == nil {
		err = s.add(q)
	}
	s.err = err
	return err == nil
}

func (s *scan) add(q store.Quad) error {
	if s.looked++; s.looked == checkEvery {
		if err := s.x.step(s.looked); err != nil {
			return err
		}
		s.looked = 0
	}
	to, err := s.out.add(s.at)
	if err != nil {
		return err
	}
	ok, err := s.fit(to, q)
	if !ok {
		s.out.drop()
	}
	return err
}

// fit binds what was not bound in the row.
func (s *scan) fit(r row, q store.Quad) (bool, error) {
	for i, id := range [3]store.ID{q.S, q.P, q.O} {
		if s.want[i] != store.Any {
			continue
		}
		if ok, err := s.x.fit(&s.places[i], r, id); !ok || err != nil {
			return false, err
		}
	}
	if slot := s.places[3].slot; slot != algebra.None {
		return bind(r, slot, q.G), nil
	}
	return true, nil
}

func (s *scan) flush() error { return s.out.flush() }

// values plans VALUES.
func (p *planner) values(op *algebra.Values, g given) *node {
	n := &node{name: "Values", detail: p.list(op.Slots), estimate: math.Max(g.rows, 1) * float64(len(op.Rows))}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &values{slots: op.Slots, out: x.output(n, next)}
		for _, terms := range op.Rows {
			ids, err := x.internAll(terms)
			if err != nil {
				return nil, err
			}
			s.rows = append(s.rows, ids)
		}
		return s, nil
	}
	return n
}

func (x *exec) internAll(terms []rdf.Term) (ids []store.ID, err error) {
	for _, t := range terms {
		id, err := x.intern(t)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// values joins rows with those of VALUES.
type values struct {
	slots []algebra.Slot
	rows  [][]store.ID
	out   *output
}

func (v *values) push(b *block) error {
	for i := range b.n {
		if err := v.out.x.step(len(v.rows)); err != nil {
			return err
		}
		for _, from := range v.rows {
			r, err := v.out.add(b.row(i))
			if err != nil {
				return err
			}
			if !merge(r, v.slots, from) {
				v.out.drop()
			}
		}
	}
	return nil
}

func (v *values) flush() error { return v.out.flush() }

// graphsOf plans the list of named graphs.
func (p *planner) graphsOf(op *algebra.Graphs, g given) *node {
	n := &node{name: "Graphs", detail: p.show(op.Name), estimate: g.rows}
	if !known(op.Name, g.certain) {
		n.estimate *= reached
	}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		name, err := x.place(op.Name)
		return &graphs{x: x, name: name, out: x.output(n, next)}, err
	}
	return n
}

// graphs joins rows with the named graphs.
type graphs struct {
	x    *exec
	name place
	out  *output
}

func (g *graphs) push(b *block) error {
	for i := range b.n {
		if err := g.row(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (g *graphs) row(r row) error {
	id, err := g.x.bound(&g.name, r)
	if err != nil {
		return err
	}
	if id != store.Any {
		ok, err := g.x.isGraph(id)
		if ok && err == nil {
			_, err = g.out.add(r)
		}
		return err
	}
	named, err := g.x.namedGraphs()
	if err != nil {
		return err
	}
	for _, id := range named {
		to, err := g.out.add(r)
		if err != nil {
			return err
		}
		to[g.name.slot] = id
	}
	return nil
}

func (g *graphs) flush() error { return g.out.flush() }

// name is what a variable is called in a plan.
func (p *planner) name(slot algebra.Slot) string {
	if int(slot) < len(p.names) {
		return "?" + string(p.names[slot])
	}
	return "?"
}

func (p *planner) list(slots []algebra.Slot) (text string) {
	for i, slot := range slots {
		if i > 0 {
			text += " "
		}
		text += p.name(slot)
	}
	return text
}

// show is a node as a plan has it.
func (p *planner) show(n algebra.Node) string {
	switch {
	case n.Slot != algebra.None:
		return p.name(n.Slot)
	case n.Triple != nil:
		return "<<( " + p.show(n.Triple.S) + " " + p.show(n.Triple.P) + " " + p.show(n.Triple.O) + " )>>"
	}
	return n.Term.String()
}

func (p *planner) showGraph(n algebra.Node) string {
	if n.Slot == algebra.None && n.Term.IsZero() {
		return ""
	}
	return " in " + p.show(n)
}
