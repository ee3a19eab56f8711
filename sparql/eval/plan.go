package eval

import (
	"math"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// node is an operator of a plan. What its rows are is counted while it runs.
type node struct {
	name, detail string
	describe     func() string // makes the detail, if that isn't set
	estimate     float64       // rows
	rows         int64
	parts        []*node
	// remote: the node is evaluated elsewhere, where its rows are counted.
	remote bool
	// build makes the stage, which hands its rows to next.
	build func(next stage) (stage, error)
}

// given is what an operator is planned for: the rows that it will be pushed.
type given struct {
	// certain are bound in each row, possible in some.
	certain, possible algebra.Set
	rows              float64
	base              *base
	// fresh: the only row is the base's.
	fresh bool
}

// base is the row that the plan of a whole pattern begins with. It binds nothing, but for the pattern of EXISTS, where it is the
// solution that is asked for, for that of MINUS, where it is one of the left side, and for GRAPH, where it has the graph.
type base struct {
	row     row
	certain algebra.Set // what the row has
	bound   algebra.Set // what it may have
	// terms are those of bound that are put in place of variables, so that there are none any more: by EXISTS, and by GRAPH.
	terms   algebra.Set
	parent  *base // whose terms are terms, too
	version int   // counts changes of the row
}

// isTerm reports whether a term stands in place of a variable.
func (b *base) isTerm(slot algebra.Slot) bool {
	return b.terms.Has(slot) && b.row[slot] != store.Any || b.parent != nil && b.parent.isTerm(slot)
}

// mayBeTerms are the variables in whose place a term may stand, areTerms those in whose place there is one.
func (b *base) mayBeTerms() algebra.Set {
	if b.parent == nil {
		return b.terms
	}
	return b.terms.Union(b.parent.mayBeTerms())
}

func (b *base) areTerms() algebra.Set {
	own := b.terms.Intersect(b.certain)
	if b.parent == nil {
		return own
	}
	return own.Union(b.parent.areTerms())
}

// planner makes the plan of one evaluation.
type planner struct {
	*exec
	names     []sparql.Var
	estimates map[algebra.Op]float64
	facts     *algebra.Facts
	about     map[store.ID]store.Statistics
}

func (x *exec) planner(names []sparql.Var) *planner {
	return &planner{exec: x, names: names, facts: algebra.NewFacts()}
}

// hidden returns a slot that no pattern has.
func (p *planner) hidden() algebra.Slot {
	p.width++
	return algebra.Slot(p.width - 1)
}

// after is what is given behind an operator.
func (p *planner) after(g given, op algebra.Op, rows float64) given {
	g.certain = g.certain.Union(p.facts.Certain(op))
	g.possible = g.possible.Union(p.facts.Possible(op))
	g.rows, g.fresh = math.Max(rows, 1), false
	return g
}

// start is what is given to a pattern that is evaluated alone.
func start(b *base) given {
	return given{certain: b.certain, possible: b.bound, rows: 1, base: b, fresh: true}
}

// safe reports whether an operator may be evaluated for the rows as they come. What the base binds in any case would be bound for an
// evaluation of its own, too.
func (p *planner) safe(g given, op algebra.Op) bool {
	return g.fresh || !blocking(op) && p.facts.Safe(op, g.possible.Without(g.base.certain))
}

// blocking reports whether an operator looks at all rows, or begins anew, so that it can't be pushed those of others.
func blocking(op algebra.Op) bool {
	switch op.(type) {
	case *algebra.Group, *algebra.Slice, *algebra.Distinct, *algebra.Order, *algebra.Graph:
		return true
	}
	return false
}

// planWork is the work of planning an operator, whose sets of variables may be large.
const planWork = 64

// plan makes the plan of an operator.
func (p *planner) plan(op algebra.Op, g given) (*node, error) {
	if err := p.work(planWork); err != nil {
		return nil, err
	}
	if !p.safe(g, op) {
		return p.hashJoin(op, g)
	}
	switch op := op.(type) {
	case algebra.Unit:
		return p.unit(g), nil
	case algebra.Nothing:
		return p.nothing(), nil
	case *algebra.Join:
		return p.join(op.Parts, nil, g)
	case *algebra.Filter:
		if join, ok := op.Op.(*algebra.Join); ok {
			return p.join(join.Parts, op.Conditions, g)
		}
		return p.join([]algebra.Op{op.Op}, op.Conditions, g)
	case *algebra.Pattern:
		return p.scan(op, g), nil
	case *algebra.Path:
		return p.path(op, g)
	case *algebra.Values:
		return p.values(op, g), nil
	case *algebra.Union:
		return p.union(op, g)
	case *algebra.LeftJoin:
		return p.leftJoin(op, g)
	case *algebra.Minus:
		return p.minus(op, g)
	case *algebra.Extend:
		return p.extend(op, g)
	}
	return p.planRest(op, g)
}

func (p *planner) planRest(op algebra.Op, g given) (*node, error) {
	switch op := op.(type) {
	case *algebra.Graphs:
		return p.graphsOf(op, g), nil
	case *algebra.Graph:
		return p.graph(op, g)
	case *algebra.Group:
		return p.group(op, g)
	case *algebra.Project:
		return p.plan(op.Op, g)
	case *algebra.Distinct:
		return p.distinct(op, g)
	case *algebra.Order:
		return p.order(op, -1, g)
	case *algebra.Slice:
		return p.slice(op, g)
	case *algebra.Service:
		return p.service(op, g)
	case *algebra.Fragment:
		return p.fragment(op, g)
	}
	return p.unit(g), nil
}

func (p *planner) unit(g given) *node {
	return &node{name: "Unit", estimate: g.rows, build: func(next stage) (stage, error) { return next, nil }}
}

func (p *planner) nothing() *node {
	return &node{name: "Nothing", build: func(next stage) (stage, error) { return &swallow{next}, nil }}
}

// swallow pushes nothing.
type swallow struct{ next stage }

func (s *swallow) push(*block) error { return nil }
func (s *swallow) flush() error      { return s.next.flush() }

// chain is the plan of nodes behind each other.
func chain(parts ...*node) *node {
	var nodes []*node
	for _, n := range parts {
		if n.name == joinName {
			nodes = append(nodes, n.parts...)
		} else {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 1 {
		return nodes[0]
	}
	return &node{
		name: joinName, parts: nodes, estimate: nodes[len(nodes)-1].estimate,
		build: func(next stage) (_ stage, err error) {
			for i := len(nodes) - 1; i >= 0 && err == nil; i-- {
				next, err = nodes[i].build(next)
			}
			return next, err
		},
	}
}

// joinName is the name of a chain.
const joinName = "Join"

// subplan is a pattern that is evaluated from its base row.
type subplan struct {
	x      *exec
	root   *node
	base   *base
	sink   *sink
	first  stage
	stages []resetter
	b      block
}

func (p *planner) subplan(op algebra.Op, b *base) (*subplan, error) {
	root, err := p.plan(op, start(b))
	return &subplan{x: p.exec, root: root, base: b, sink: &sink{}}, err
}

// build makes the stages, once the width of rows is known.
func (s *subplan) build() (err error) {
	if s.first != nil {
		return nil
	}
	outer := s.x.stages
	s.x.stages = nil
	s.first, err = s.root.build(s.sink)
	s.stages = s.x.stages
	s.x.stages = append(outer, s.stages...)
	return err
}

// run evaluates the pattern and calls each for its rows, which are valid until it returns. It returns the error of each.
func (s *subplan) run(each func(row) error) error {
	if err := s.build(); err != nil {
		return err
	}
	if len(s.base.row) < s.x.width {
		s.base.row = append(s.base.row, make(row, s.x.width-len(s.base.row))...)
	}
	if s.b.ids == nil {
		s.b = block{ids: make([]store.ID, s.x.width), width: s.x.width, n: 1}
	}
	copy(s.b.ids, s.base.row)
	outer := s.sink.each
	s.sink.each = each
	err := s.first.push(&s.b)
	if err == nil {
		err = s.first.flush()
	}
	s.sink.each = outer
	if err != nil {
		for _, stage := range s.stages {
			stage.reset()
		}
	}
	return err
}
