package eval

import (
	"math"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// scan plans a triple pattern: the index is asked for each row.
func (p *planner) scan(op *algebra.Pattern, g given) *node {
	fits, _ := p.fits(op, g)
	n := &node{
		name: "Pattern", estimate: math.Max(g.rows, 1) * fits,
		describe: func() string { return p.show(op.S) + " " + p.show(op.P) + " " + p.show(op.O) + p.showGraph(op.G) },
	}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &scan{}
		return s, s.begin(x, op, x.output(n, next))
	}
	return n
}

// scan joins rows with the quads of a pattern. What belongs to the row that it is at stands in it, so that a look at the index
// allocates nothing here.
type scan struct {
	x      *exec
	places [4]place // subject, predicate, object, graph
	out    *output

	// What is read is put into block, and taken for row, which has want.
	block []store.Quad
	take  func([]store.Quad) error
	row   row
	want  [3]store.ID
}

// The quads that are read at once: few at first, since most reads find few.
const (
	firstRead = 8
	mostRead  = 256
)

// begin makes the scan ready to join rows with a pattern.
func (s *scan) begin(x *exec, op *algebra.Pattern, out *output) error {
	s.x, s.out = x, out
	for i, n := range [...]*algebra.Node{&op.S, &op.P, &op.O, &op.G} {
		var err error
		if s.places[i], err = x.place(n); err != nil {
			return err
		}
	}
	if s.block == nil {
		s.block = make([]store.Quad, firstRead)
		s.take = s.found
	}
	return nil
}

func (s *scan) push(b *block) error {
	for i := range b.n {
		if err := s.join(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

// join joins a row.
func (s *scan) join(r row) error {
	for i := range s.want {
		var err error
		if s.want[i], err = s.x.bound(&s.places[i], r); err != nil {
			return err
		}
	}
	s.row = r
	err := s.x.blocks(store.Pattern{S: s.want[0], P: s.want[1], O: s.want[2]}, &s.places[3], r, s.block, s.take)
	if err != nil {
		return err
	}
	return s.x.step(1)
}

// found makes rows of quads.
func (s *scan) found(quads []store.Quad) error {
	for i := range quads {
		to, err := s.out.add(s.row)
		if err != nil {
			return err
		}
		ok, err := s.fit(to, &quads[i])
		if err != nil {
			return err
		}
		if !ok {
			s.out.drop()
		}
	}
	if len(quads) == firstRead && len(s.block) == firstRead { // the next reads are of as many, perhaps
		s.block = make([]store.Quad, mostRead)
	}
	return s.x.step(len(quads))
}

// fit binds what was not bound in the row.
func (s *scan) fit(r row, q *store.Quad) (bool, error) {
	for i, id := range [3]store.ID{q.S, q.P, q.O} {
		if s.want[i] != store.Any {
			continue
		}
		if p := &s.places[i]; p.slot != algebra.None {
			if !bind(r, p.slot, id) {
				return false, nil
			}
		} else if ok, err := s.x.fit(p, r, id); !ok || err != nil {
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
		name, err := x.place(&op.Name)
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

func (p *planner) list(slots []algebra.Slot) string {
	var text strings.Builder
	for i, slot := range slots {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(p.name(slot))
	}
	return text.String()
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
