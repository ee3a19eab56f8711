package eval

import (
	"errors"
	"math"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/store"
)

// group plans GROUP BY with its aggregates.
func (p *planner) group(op *algebra.Group, g given) (*node, error) {
	inner, err := p.plan(op.Op, g)
	if err != nil {
		return nil, err
	}
	after := p.after(g, op.Op, inner.estimate)
	n := &node{name: "Group", parts: []*node{inner}, estimate: math.Max(1, math.Sqrt(inner.estimate))}
	keys, aggregates := make([]planned, len(op.Keys)), make([]planned, len(op.Aggregates))
	for i, key := range op.Keys {
		if key.Expr != nil {
			if keys[i], err = p.expr(key.Expr, after); err != nil {
				return nil, err
			}
		}
	}
	n.describe = func() (text string) {
		for _, key := range op.Keys {
			text += " " + p.name(key.Slot)
		}
		return text
	}
	for i, a := range op.Aggregates {
		if aggregates[i], err = p.expr(a.Expr, after); err != nil {
			return nil, err
		}
	}
	n.build = func(next stage) (stage, error) {
		s := &group{x: p.exec, op: op, base: g.base, sol: &solution{x: p.exec}, out: p.output(n, next)}
		if err := s.compile(keys, aggregates); err != nil {
			return nil, err
		}
		p.stages = append(p.stages, s)
		return inner.build(s)
	}
	return n, nil
}

// group gathers rows by their keys.
type group struct {
	x     *exec
	op    *algebra.Group
	base  *base
	keys  []expr.Func // nil for a variable
	makes []func() expr.Aggregator
	sol   *solution

	table   *table
	key     []store.ID
	groups  [][]expr.Aggregator
	held    int64
	numbers uint64
	out     *output
}

func (s *group) compile(keys, aggregates []planned) error {
	for i, key := range s.op.Keys {
		var f expr.Func
		if key.Expr != nil {
			var err error
			if f, err = s.x.compile(keys[i], s.sol); err != nil {
				return err
			}
		}
		s.keys = append(s.keys, f)
	}
	for i, a := range s.op.Aggregates {
		env, err := s.x.in(aggregates[i], s.sol)
		if err != nil {
			return err
		}
		env.Distinct = func() (slots []int) {
			for _, slot := range a.Visible {
				slots = append(slots, int(slot))
			}
			return slots
		}
		made, err := expr.NewAggregator(a.Call, env)
		if err != nil {
			return err
		}
		s.makes = append(s.makes, made)
	}
	s.key = make([]store.ID, len(s.keys))
	s.table = s.x.table(len(s.keys), len(s.keys))
	return nil
}

func (s *group) push(b *block) error {
	for i := range b.n {
		s.sol.row = b.row(i)
		s.numbers++
		s.sol.number = s.numbers
		of, err := s.find()
		if err != nil {
			return err
		}
		for _, a := range of {
			if err := a.Add(s.sol); err != nil {
				return err
			}
		}
		if err := s.x.work(len(of) + len(s.key)); err != nil {
			return err
		}
	}
	return s.x.step(b.n)
}

// groupCost is what a group costs besides its key and what its aggregates say.
const groupCost = 64

// find returns the aggregates of the row's group.
func (s *group) find() ([]expr.Aggregator, error) {
	for i, f := range s.keys {
		if f == nil {
			s.key[i] = s.sol.row[s.op.Keys[i].Slot]
			continue
		}
		var err error
		if s.key[i], err = s.x.compute(f, s.sol); err != nil {
			return nil, err
		}
	}
	at, fresh, err := s.table.insert(s.key)
	if fresh && err == nil {
		err = s.begin()
	}
	if err != nil {
		return nil, err
	}
	return s.groups[at], nil
}

// begin begins a group.
func (s *group) begin() error {
	of := make([]expr.Aggregator, len(s.makes))
	for i, made := range s.makes {
		of[i] = made()
	}
	s.groups = append(s.groups, of)
	cost := int64(groupCost * (1 + len(of)))
	s.held += cost
	if err := s.x.hold(cost); err != nil {
		return err
	}
	return s.x.work(len(of))
}

func (s *group) flush() error {
	if len(s.keys) == 0 && len(s.groups) == 0 && !s.op.Partial {
		if _, _, err := s.table.insert(nil); err != nil {
			return err
		}
		if err := s.begin(); err != nil {
			return err
		}
	}
	for i := range s.groups {
		if err := s.emit(int32(i)); err != nil {
			return err
		}
	}
	s.reset()
	return s.out.flush()
}

// emit makes the row of a group: what its base has, the keys, and the aggregates.
func (s *group) emit(i int32) error {
	r, err := s.out.add(s.base.row)
	if err != nil {
		return err
	}
	for k, id := range s.table.row(i) {
		if id != store.Any {
			r[s.op.Keys[k].Slot] = id
		}
	}
	for k, a := range s.groups[i] {
		v, bound, err := a.Result()
		if err != nil {
			return err
		}
		if err := s.x.work(1 + v.Size()/textOfWork); err != nil {
			return err
		}
		if !bound {
			continue
		}
		if r[s.op.Aggregates[k].Slot], err = s.x.intern(v.Term()); err != nil {
			return err
		}
	}
	return nil
}

func (s *group) reset() {
	s.table.reset()
	s.x.release(s.held)
	s.groups, s.held = nil, 0
}

// distinct plans DISTINCT.
func (p *planner) distinct(op *algebra.Distinct, g given) (*node, error) {
	inner, err := p.plan(op.Op, g)
	if err != nil {
		return nil, err
	}
	n := &node{name: "Distinct", detail: p.list(op.Slots), parts: []*node{inner}, estimate: inner.estimate}
	n.build = func(next stage) (stage, error) {
		s := &distinct{
			slots: op.Slots, seen: p.table(len(op.Slots), len(op.Slots)), key: make([]store.ID, len(op.Slots)), out: p.output(n, next),
		}
		p.stages = append(p.stages, s)
		return inner.build(s)
	}
	return n, nil
}

// distinct hands on the first row of each that are the same.
type distinct struct {
	slots []algebra.Slot
	seen  *table
	key   []store.ID
	out   *output
}

func (d *distinct) push(b *block) error {
	for i := range b.n {
		r := b.row(i)
		for k, slot := range d.slots {
			d.key[k] = r[slot]
		}
		_, fresh, err := d.seen.insert(d.key)
		if fresh && err == nil {
			_, err = d.out.add(r)
		}
		if err == nil {
			err = d.out.x.work(len(d.key) / idsOfWork)
		}
		if err != nil {
			return err
		}
	}
	return d.out.x.step(b.n)
}

func (d *distinct) flush() error {
	err := d.out.flush()
	d.reset()
	return err
}

func (d *distinct) reset() { d.seen.reset() }

// slice plans OFFSET and LIMIT. With an order right below, no more rows are kept than are asked for.
func (p *planner) slice(op *algebra.Slice, g given) (*node, error) {
	inner, err := p.sliced(op, g)
	if err != nil {
		return nil, err
	}
	n := &node{name: "Slice", parts: []*node{inner}, estimate: inner.estimate}
	if op.Limit >= 0 {
		n.estimate = math.Min(n.estimate, float64(op.Limit))
	}
	n.build = func(next stage) (stage, error) {
		s := &slice{op: op, out: p.output(n, next)}
		p.stages = append(p.stages, s)
		before := len(p.stages)
		first, err := inner.build(s)
		return &enough{first: first, s: s, stages: p.stages[before:]}, err
	}
	return n, nil
}

func (p *planner) sliced(op *algebra.Slice, g given) (*node, error) {
	below := op.Op
	if project, ok := below.(*algebra.Project); ok {
		below = project.Op
	}
	order, ok := below.(*algebra.Order)
	if !ok || op.Limit < 0 || op.Offset+op.Limit < 0 {
		return p.plan(op.Op, g)
	}
	return p.order(order, op.Offset+op.Limit, g)
}

// slice counts rows.
type slice struct {
	op   *algebra.Slice
	seen int64
	out  *output
}

// errEnough ends what a slice is made of.
type errEnough struct{ s *slice }

func (e *errEnough) Error() string { return "no more rows are asked for" }

func (s *slice) push(b *block) error {
	for i := range b.n {
		if s.op.Limit >= 0 && s.seen >= s.op.Offset+s.op.Limit {
			return &errEnough{s}
		}
		s.seen++
		if s.seen > s.op.Offset {
			if _, err := s.out.add(b.row(i)); err != nil {
				return err
			}
		}
	}
	if s.op.Limit >= 0 && s.seen >= s.op.Offset+s.op.Limit {
		return &errEnough{s}
	}
	return nil
}

func (s *slice) flush() error {
	s.seen = 0
	return s.out.flush()
}

func (s *slice) reset() { s.seen = 0 }

// enough is where the rows of a slice begin: it doesn't push what nobody asks for.
type enough struct {
	first  stage
	s      *slice
	stages []resetter
	done   bool
}

func (e *enough) push(b *block) error {
	if e.done {
		return nil
	}
	return e.unless(e.first.push(b))
}

// unless returns an error, unless it says that the slice has enough.
func (e *enough) unless(err error) error {
	var stop *errEnough
	if !errors.As(err, &stop) || stop.s != e.s {
		return err
	}
	e.done = true
	for _, stage := range e.stages {
		stage.reset()
	}
	return nil
}

func (e *enough) flush() error {
	if !e.done {
		if err := e.unless(e.first.flush()); err != nil || !e.done {
			return err
		}
	}
	e.done = false
	return e.s.flush()
}
