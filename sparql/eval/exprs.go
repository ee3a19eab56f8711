package eval

import (
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/store"
)

// planned is an expression with the plans of its EXISTS.
type planned struct {
	*algebra.Expr
	exists []exists // of Expr.Exists
}

// exists is the plan of an EXISTS: for one row after the other, or for all of a block at once.
type exists struct {
	sub   *subplan
	marks *marking
}

func (e exists) root() *node {
	if e.marks != nil {
		return e.marks.root
	}
	return e.sub.root
}

func (e exists) build() error {
	if e.marks != nil {
		return e.marks.build()
	}
	return e.sub.build()
}

// of reports whether the pattern has a solution for one that sol is at.
func (e exists) of(sol *solution) (bool, error) {
	switch {
	case e.marks == nil:
		return e.sub.any(sol.row)
	case sol.marked:
		return e.marks.marks[sol.at], nil
	}
	return e.marks.has(sol.row)
}

func (p *planner) expr(e *algebra.Expr, g given) (planned, error) {
	out := planned{Expr: e}
	for _, of := range e.Exists {
		marks, err := p.marking(of.Op, g)
		if err != nil {
			return out, err
		}
		if marks != nil {
			out.exists = append(out.exists, exists{marks: marks})
			continue
		}
		sub, err := p.subplan(of.Op, &base{certain: g.certain, bound: g.possible, terms: g.possible})
		if err != nil {
			return out, err
		}
		out.exists = append(out.exists, exists{sub: sub})
	}
	return out, nil
}

func (p *planner) exprs(exprs []*algebra.Expr, g given) ([]planned, error) {
	all := make([]planned, len(exprs))
	for i, e := range exprs {
		err := p.work(planWork)
		if err != nil {
			return nil, err
		}
		if all[i], err = p.expr(e, g); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parts are the plans of EXISTS, for those who look at a plan.
func existsParts(exprs []planned) (parts []*node) {
	for _, e := range exprs {
		for _, of := range e.exists {
			parts = append(parts, &node{name: "Exists", parts: []*node{of.root()}, estimate: of.root().estimate})
		}
	}
	return parts
}

// in makes x.env that of an expression, whose solution is sol.
func (x *exec) in(e planned, sol *solution) (*expr.Env, error) {
	for _, of := range e.exists { // they have expressions, too
		if err := of.build(); err != nil {
			return nil, err
		}
	}
	x.env.Slot = func(v sparql.Var) (int, bool) {
		slot, ok := e.Slot(v)
		return int(slot), ok
	}
	x.env.Aggregate = func(a *sparql.Aggregate) (int, bool) {
		slot, ok := e.Aggregate(a)
		return int(slot), ok
	}
	x.env.Exists = func(g *sparql.Group) (func(expr.Solution) (bool, error), error) {
		at := slices.IndexFunc(e.Exists, func(exists algebra.Exists) bool { return exists.Group == g })
		return func(expr.Solution) (bool, error) { return e.exists[at].of(sol) }, nil
	}
	return &x.env, nil
}

// compile makes a function of an expression, to be called while sol has the row.
func (x *exec) compile(e planned, sol *solution) (expr.Func, error) {
	env, err := x.in(e, sol)
	if err != nil {
		return nil, err
	}
	return expr.Compile(e.Expr.Expr, env)
}

func (x *exec) compileAll(exprs []planned, sol *solution) (funcs []expr.Func, err error) {
	for _, e := range exprs {
		f, err := x.compile(e, sol)
		if err != nil {
			return nil, err
		}
		funcs = append(funcs, f)
	}
	return funcs, nil
}

// errFound ends the look for a first solution.
var errFound = errors.New("found")

// any reports whether the pattern has a solution for an outer row.
func (s *subplan) any(outer row) (bool, error) {
	s.base.row = outer
	s.base.version++
	err := s.run(func(row) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// volatile reports whether an expression gives something new for each solution.
func volatile(e *algebra.Expr) bool {
	return e.Calls(func(name string) bool {
		return slices.Contains([]string{"RAND", "UUID", "STRUUID", "BNODE"}, name)
	})
}

// numbers gives numbers to solutions, by what they bind: the order in which they come makes no difference. Those that bind the same
// are counted.
type numbers struct {
	x     *exec
	slots []algebra.Slot
	seen  map[uint64]uint32
}

func (x *exec) numbers(slots algebra.Set) *numbers {
	return &numbers{x: x, slots: slots.Slots(), seen: map[uint64]uint32{}}
}

func (n *numbers) of(r row) (uint64, error) {
	if err := n.x.work(len(n.slots)); err != nil {
		return 0, err
	}
	h := fnv.New64a()
	var text strings.Builder
	for _, slot := range n.slots {
		text.Reset()
		if int(slot) < len(r) && r[slot] != store.Any {
			t, err := n.x.term(r[slot])
			if err != nil {
				return 0, err
			}
			text.WriteString(t.String())
			if err := n.x.work(text.Len() / textOfWork); err != nil {
				return 0, err
			}
		}
		text.WriteByte('\n')
		h.Write([]byte(text.String()))
	}
	key := h.Sum64()
	count := n.seen[key]
	if count == 0 {
		if err := n.x.hold(24); err != nil {
			return 0, err
		}
	}
	n.seen[key]++
	for range count {
		h.Write([]byte{'+'})
	}
	return h.Sum64(), nil
}

// filter plans conditions on rows. Those that shards are asked for come last.
func (p *planner) filter(conditions []*algebra.Expr, g given) (*node, error) {
	if p.asking != nil {
		asks := func(e *algebra.Expr) bool { return len(e.Exists) > 0 }
		first := slices.DeleteFunc(slices.Clone(conditions), asks)
		if len(first) > 0 && len(first) < len(conditions) {
			return p.filterTwice(first, slices.DeleteFunc(slices.Clone(conditions), func(e *algebra.Expr) bool { return !asks(e) }), g)
		}
	}
	return p.oneFilter(conditions, g)
}

func (p *planner) filterTwice(first, second []*algebra.Expr, g given) (*node, error) {
	one, err := p.oneFilter(first, g)
	if err != nil {
		return nil, err
	}
	g.rows, g.fresh = math.Max(1, one.estimate), false
	two, err := p.oneFilter(second, g)
	if err != nil {
		return nil, err
	}
	return chain(one, two), nil
}

func (p *planner) oneFilter(conditions []*algebra.Expr, g given) (*node, error) {
	exprs, err := p.exprs(conditions, g)
	if err != nil {
		return nil, err
	}
	n := &node{name: "Filter", parts: existsParts(exprs), estimate: g.rows}
	for range conditions {
		n.estimate *= kept
	}
	x, slots := p.exec, g.possible
	n.build = func(next stage) (stage, error) {
		f := &filter{sol: &solution{x: x}, out: x.output(n, next)}
		f.tests, err = x.compileAll(exprs, f.sol)
		for _, e := range exprs {
			for _, of := range e.exists {
				if of.marks != nil {
					f.marks = append(f.marks, of.marks)
				}
			}
		}
		if slices.ContainsFunc(conditions, volatile) {
			f.numbers = x.numbers(slots)
		}
		return f, err
	}
	return n, nil
}

// filter hands on the rows for which all tests hold.
type filter struct {
	tests   []expr.Func
	sol     *solution
	numbers *numbers
	marks   []*marking
	out     *output
}

func (f *filter) push(b *block) error {
	for _, m := range f.marks {
		if err := m.mark(b); err != nil {
			return err
		}
	}
	f.sol.marked = true
	for i := range b.n {
		r := b.row(i)
		f.sol.at = i
		ok, err := f.keeps(r)
		if err != nil {
			return err
		}
		if !ok {
			if err := f.out.x.step(1); err != nil {
				return err
			}
			continue
		}
		if _, err := f.out.add(r); err != nil {
			return err
		}
	}
	return nil
}

func (f *filter) keeps(r row) (bool, error) {
	f.sol.row = r
	if f.numbers != nil {
		n, err := f.numbers.of(r)
		if err != nil {
			return false, err
		}
		f.sol.number = n
	}
	return holds(f.tests, f.sol)
}

func holds(tests []expr.Func, sol *solution) (bool, error) {
	for _, test := range tests {
		ok, err := test.Test(sol)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (f *filter) flush() error { return f.out.flush() }

// extend plans a chain of BIND, or of the expressions of SELECT.
func (p *planner) extend(op *algebra.Extend, g given) (*node, error) {
	chained := []*algebra.Extend{op}
	below := op.Op
	for {
		e, ok := below.(*algebra.Extend)
		if !ok || !p.facts.Safe(e, g.possible.Without(g.base.certain)) {
			break
		}
		chained = append(chained, e)
		below = e.Op
	}
	slices.Reverse(chained)
	inner, err := p.plan(below, g)
	if err != nil {
		return nil, err
	}
	g = p.after(g, below, inner.estimate)
	n := &node{name: "Extend", estimate: inner.estimate}
	slots := g.possible
	exprs := make([]planned, len(chained))
	for i, e := range chained {
		if exprs[i], err = p.expr(e.Expr, g); err != nil {
			return nil, err
		}
		if err := p.work(planWork); err != nil {
			return nil, err
		}
		g.possible = g.possible.Union(algebra.NewSet(e.Slot))
	}
	n.describe = func() (text string) {
		for _, e := range chained {
			text += " " + p.name(e.Slot)
		}
		return text
	}
	n.parts = existsParts(exprs)
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &extend{sol: &solution{x: x}, out: x.output(n, next), numbers: x.numbers(slots)}
		s.funcs, err = x.compileAll(exprs, s.sol)
		for _, e := range chained {
			s.slots = append(s.slots, e.Slot)
			s.volatile = s.volatile || volatile(e.Expr)
		}
		return s, err
	}
	return chain(inner, n), nil
}

// extend binds variables to the values of expressions.
type extend struct {
	slots    []algebra.Slot
	funcs    []expr.Func
	sol      *solution
	volatile bool
	numbers  *numbers
	out      *output
}

func (e *extend) push(b *block) error {
	for i := range b.n {
		r, err := e.out.add(b.row(i))
		if err != nil {
			return err
		}
		if ok, err := e.bind(r); err != nil {
			return err
		} else if !ok {
			e.out.drop()
		}
	}
	return nil
}

// bind computes all for a row; false if a variable has another value there already.
func (e *extend) bind(r row) (bool, error) {
	e.sol.row = r
	if e.volatile {
		n, err := e.numbers.of(r)
		if err != nil {
			return false, err
		}
		e.sol.number = n
	}
	if err := e.out.x.work(len(e.funcs)); err != nil {
		return false, err
	}
	for i, f := range e.funcs {
		id, err := e.out.x.compute(f, e.sol)
		if err != nil {
			return false, err
		}
		if id != store.Any && !bind(r, e.slots[i], id) {
			return false, nil
		}
	}
	return true, nil
}

func (e *extend) flush() error { return e.out.flush() }
