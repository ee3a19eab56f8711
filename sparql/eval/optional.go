package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/store"
)

// optional plans OPTIONAL for the rows of the left side: they are numbered, and pushed through the pattern as they are.
func (p *planner) optional(op *algebra.LeftJoin, conditions []planned, g given) (*node, error) {
	number := p.hidden()
	right, err := p.plan(op.Right, g)
	if err != nil {
		return nil, err
	}
	n := &node{
		name: "Optional", parts: append([]*node{right}, existsParts(conditions)...),
		estimate: max(g.rows, right.estimate),
	}
	x := p.exec
	n.build = func(next stage) (_ stage, err error) {
		s := &optional{number: number, sol: &solution{x: x}, out: x.output(n, next)}
		if s.tests, err = x.compileAll(conditions, s.sol); err != nil {
			return nil, err
		}
		s.right, err = right.build(&sink{each: s.found})
		return s, err
	}
	return n, nil
}

// optional hands on what its pattern makes of rows, and those of which it makes nothing.
type optional struct {
	number algebra.Slot
	right  stage
	tests  []expr.Func
	sol    *solution
	joined []bool // rows of the block
	out    *output
}

func (o *optional) push(b *block) error {
	o.joined = append(o.joined[:0], make([]bool, b.n)...)
	for i := range b.n {
		b.row(i)[o.number] = store.ID(i + 1)
	}
	if err := o.right.push(b); err != nil {
		return err
	}
	if err := o.right.flush(); err != nil {
		return err
	}
	for i, joined := range o.joined {
		if joined {
			continue
		}
		if _, err := o.out.add(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

// found takes a row that the pattern has made.
func (o *optional) found(r row) error {
	o.sol.row = r
	ok, err := holds(o.tests, o.sol)
	if !ok || err != nil {
		return err
	}
	o.joined[r[o.number]-1] = true
	_, err = o.out.add(r)
	return err
}

func (o *optional) flush() error { return o.out.flush() }

// minus plans MINUS: for each row, the first solution of its pattern that is compatible and shares a variable is looked for, in the
// index or in a hash table.
func (p *planner) minus(op *algebra.Minus, g given) (*node, error) {
	left, err := p.plan(op.Left, g)
	if err != nil {
		return nil, err
	}
	g = p.after(g, op.Left, left.estimate)
	g.fresh = false
	shared := p.facts.Possible(op.Left).Intersect(p.facts.Possible(op.Right)).Without(g.base.areTerms())
	if shared.Empty() {
		return left, nil
	}
	certain := p.facts.Certain(op.Left).Intersect(p.facts.Certain(op.Right)).Meets(shared.Without(g.base.mayBeTerms()))
	hashed := !certain || hasMinus(op.Right) || !p.safe(g, op.Right)
	if !hashed {
		if hashed, err = p.hashes(op.Right, g); err != nil {
			return nil, err
		}
	}
	n, err := p.rightOf(op, shared, g, hashed)
	if err != nil {
		return nil, err
	}
	return chain(left, n), nil
}

// rightOf plans the right side of MINUS.
func (p *planner) rightOf(op *algebra.Minus, shared algebra.Set, g given, hashed bool) (*node, error) {
	if hashed {
		return p.hashMinus(op, shared, g)
	}
	if n, err := p.blockMinus(op, g); n != nil || err != nil {
		return n, err
	}
	return p.seekMinus(op, g)
}

// hasMinus reports whether a pattern has MINUS in it, which would take what a base row binds for bound by its own right side.
func hasMinus(op algebra.Op) bool {
	if _, ok := op.(*algebra.Minus); ok {
		return true
	}
	return slices.ContainsFunc(algebra.Parts(op), hasMinus)
}

func (p *planner) seekMinus(op *algebra.Minus, g given) (*node, error) {
	b := &base{certain: g.certain, bound: g.possible, parent: g.base}
	sub, err := p.subplan(op.Right, b)
	if err != nil {
		return nil, err
	}
	n := &node{name: "Minus", parts: []*node{sub.root}, estimate: g.rows}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		return &minus{out: x.output(n, next), gone: sub.any}, sub.build()
	}
	return n, nil
}

func (p *planner) hashMinus(op *algebra.Minus, shared algebra.Set, g given) (*node, error) {
	b, err := p.built(op.Right, g)
	if err != nil {
		return nil, err
	}
	n := &node{name: "HashMinus", detail: p.list(b.keys), parts: []*node{b.sub.root}, estimate: g.rows}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		return &minus{out: x.output(n, next), prepare: b.prepare, gone: func(r row) (bool, error) { return b.has(r, shared) }}, b.sub.build()
	}
	return n, nil
}

// has reports whether a row of the table is compatible with r, and binds one of the shared variables that r binds.
func (b *built) has(r row, shared algebra.Set) (bool, error) {
	for at := b.first(r); at >= 0; at = b.next(at) {
		if err := b.sub.x.step(1); err != nil {
			return false, err
		}
		if b.overlaps(r, b.table.row(at), shared) {
			return true, nil
		}
	}
	return false, nil
}

func (b *built) overlaps(r, other row, shared algebra.Set) (meets bool) {
	for i, slot := range b.columns {
		if r[slot] == store.Any || other[i] == store.Any {
			continue
		}
		if r[slot] != other[i] {
			return false
		}
		meets = meets || shared.Has(slot) && !b.sub.base.isTerm(slot)
	}
	return meets
}

// minus hands on the rows that are not gone.
type minus struct {
	prepare func() error
	gone    func(row) (bool, error)
	out     *output
}

func (m *minus) push(b *block) error {
	if m.prepare != nil {
		if err := m.prepare(); err != nil {
			return err
		}
	}
	for i := range b.n {
		gone, err := m.gone(b.row(i))
		if err == nil {
			err = m.out.x.step(1)
		}
		if err == nil && !gone {
			_, err = m.out.add(b.row(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *minus) flush() error { return m.out.flush() }

// union plans UNION: each row is pushed to every part.
func (p *planner) union(op *algebra.Union, g given) (*node, error) {
	n := &node{name: "Union"}
	for _, part := range op.Parts {
		planned, err := p.plan(part, g)
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, planned)
		n.estimate += planned.estimate
	}
	n.build = func(next stage) (stage, error) {
		u := &union{next: next}
		for _, part := range n.parts {
			first, err := part.build(&into{next, n})
			if err != nil {
				return nil, err
			}
			u.parts = append(u.parts, first)
		}
		return u, nil
	}
	return n, nil
}

// union pushes rows to each part.
type union struct {
	parts []stage
	next  stage
}

func (u *union) push(b *block) error {
	for _, part := range u.parts {
		if err := part.push(b); err != nil {
			return err
		}
	}
	return nil
}

func (u *union) flush() error {
	for _, part := range u.parts {
		if err := part.flush(); err != nil {
			return err
		}
	}
	return u.next.flush()
}

// into is where the parts of a union end: the last of them is not the end of the rows.
type into struct {
	next stage
	node *node
}

func (i *into) push(b *block) error {
	i.node.rows += int64(b.n)
	return i.next.push(b)
}

func (i *into) flush() error { return nil }

// graph plans GRAPH with a variable that is evaluated for one graph after the other.
func (p *planner) graph(op *algebra.Graph, g given) (*node, error) {
	b := &base{
		certain: g.base.certain.Union(algebra.NewSet(op.Each)), bound: g.base.bound.Union(algebra.NewSet(op.Each)),
		terms: algebra.NewSet(op.Each), parent: g.base,
	}
	sub, err := p.subplan(op.Op, b)
	if err != nil {
		return nil, err
	}
	n := &node{name: "EachGraph", detail: p.name(op.Name), parts: []*node{sub.root}, estimate: sub.root.estimate * reached}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		return &eachGraph{op: op, sub: sub, out: x.output(n, next)}, sub.build()
	}
	return n, nil
}

// eachGraph evaluates a pattern for each named graph. Its rows are the base row alone.
type eachGraph struct {
	op  *algebra.Graph
	sub *subplan
	out *output
}

func (e *eachGraph) push(b *block) error {
	for i := range b.n {
		if err := e.row(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (e *eachGraph) row(r row) error {
	named, err := e.sub.x.namedGraphs()
	if err != nil {
		return err
	}
	for _, id := range named {
		if r[e.op.Name] != store.Any && r[e.op.Name] != id {
			continue
		}
		if err := e.in(r, id); err != nil {
			return err
		}
	}
	return nil
}

// in evaluates the pattern in a graph.
func (e *eachGraph) in(r row, id store.ID) error {
	e.sub.base.row = append(e.sub.base.row[:0], r...)
	e.sub.base.row[e.op.Each] = id
	e.sub.base.version++
	return e.sub.run(func(from row) error {
		to, err := e.out.add(from)
		if err == nil && !bind(to, e.op.Name, id) {
			e.out.drop()
		}
		return err
	})
}

func (e *eachGraph) flush() error { return e.out.flush() }
