package expr

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// Aggregator computes an aggregate over one group. It must not be used concurrently.
type Aggregator interface {
	// Add takes a solution of the group. An error ends the query; one of the expression becomes part of the result.
	Add(s Solution) error
	// Result returns the aggregate's value; bound is false if the aggregate is an error (18.5.1), such as MIN of nothing. It is called
	// once, behind the last Add.
	Result() (v value.Value, bound bool, err error)
}

// NewAggregator compiles an aggregate; the function that it returns makes an Aggregator for each group. The argument is computed in
// env, where an aggregate may not be.
//
// Solutions for which the argument is an error, as it is for an unbound variable, are passed over by COUNT and SAMPLE, and make all
// others an error. GROUP_CONCAT takes IRIs and literals by their STR.
func NewAggregator(a *sparql.Aggregate, env *Env) (func() Aggregator, error) {
	spend := env.Spend
	if spend == nil {
		spend = func(int) error { return nil }
	}
	if a.Expr == nil {
		return countAll(a, env, spend)
	}
	inner := *env
	inner.Aggregate = nil
	argument, err := Compile(a.Expr, &inner)
	env.calls, env.unknown = inner.calls, inner.unknown
	if err != nil {
		return nil, err
	}
	c := newCompiler(env)
	fold, err := newFold(a, c, spend)
	if err != nil {
		return nil, err
	}
	return func() Aggregator {
		g := &grouped{argument: argument, fold: fold(), tell: c.tell}
		if a.Distinct {
			g.seen = &distinct{spend: spend}
		}
		return g
	}, nil
}

// fold takes the values of a group, one after the other.
type fold interface {
	add(v value.Value) error
	// failed is told that the argument was an error.
	failed()
	result() (v value.Value, bound bool, err error)
}

// newFold returns a function that makes the fold of an aggregate.
func newFold(a *sparql.Aggregate, c *compiler, spend func(int) error) (func() fold, error) {
	switch a.Name {
	case "COUNT":
		return func() fold { return &count{} }, nil
	case "SUM":
		return func() fold { return &sum{} }, nil
	case "AVG":
		return func() fold { return &sum{average: true} }, nil
	case "MIN":
		return func() fold { return &extreme{wanted: -1} }, nil
	case "MAX":
		return func() fold { return &extreme{wanted: 1} }, nil
	case "SAMPLE":
		return func() fold { return &extreme{} }, nil
	case "GROUP_CONCAT":
		separator := " "
		if a.Separator != nil {
			separator = *a.Separator
		}
		return func() fold { return &concatenation{c: c, separator: separator, spend: spend} }, nil
	}
	return nil, fmt.Errorf("%w: there is no aggregate %s (%s)", ErrCompile, a.Name, place(a.Pos))
}

// grouped computes the argument for each solution.
type grouped struct {
	argument Func
	seen     *distinct
	fold     fold
	tell     func(work int) error
}

func (g *grouped) Add(s Solution) error {
	v, err := g.argument(s)
	switch {
	case err != nil && isType(err):
		g.fold.failed()
		return nil
	case err != nil:
		return err
	}
	if err := g.tell(v.Size() / textOfWork); err != nil {
		return err
	}
	if g.seen != nil {
		if again, err := g.seen.has(v.Term().String()); again || err != nil {
			return err
		}
	}
	return g.fold.add(v)
}

func (g *grouped) Result() (value.Value, bool, error) { return g.fold.result() }

// distinct tells what comes again.
type distinct struct {
	seen  map[string]struct{}
	spend func(bytes int) error
}

// entrySize is what an entry of a map takes besides its text, about.
const entrySize = 48

func (d *distinct) has(text string) (bool, error) {
	if _, again := d.seen[text]; again {
		return true, nil
	}
	if err := d.spend(len(text) + entrySize); err != nil {
		return false, err
	}
	if d.seen == nil {
		d.seen = make(map[string]struct{})
	}
	d.seen[text] = struct{}{}
	return false, nil
}

type count struct{ n int64 }

func (c *count) add(value.Value) error { c.n++; return nil }

func (*count) failed() {}

func (c *count) result() (value.Value, bool, error) { return value.Int(c.n), true, nil }

// sum is SUM and AVG. Of nothing both are 0.
type sum struct {
	average bool
	total   value.Value
	n       int64
	broken  bool
}

func (s *sum) add(v value.Value) error {
	if s.broken {
		return nil
	}
	if s.n == 0 {
		s.total = value.Int(0)
	}
	total, err := value.Add(s.total, v)
	s.total, s.broken = total, err != nil
	s.n++
	return nil
}

func (s *sum) failed() { s.broken = true }

func (s *sum) result() (value.Value, bool, error) {
	switch {
	case s.broken:
		return value.Value{}, false, nil
	case s.n == 0:
		return value.Int(0), true, nil
	case !s.average:
		return s.total, true, nil
	}
	v, err := value.Div(s.total, value.Int(s.n))
	return v, err == nil, nil
}

// extreme is MIN (wanted -1), MAX (1) and SAMPLE (0), in the order of ORDER BY; of values beside each other the first.
type extreme struct {
	wanted int
	v      value.Value
	broken bool
}

func (e *extreme) add(v value.Value) error {
	if e.v.IsNone() || e.wanted != 0 && value.Order(v, e.v) == e.wanted {
		e.v = v
	}
	return nil
}

func (e *extreme) failed() { e.broken = e.wanted != 0 }

func (e *extreme) result() (value.Value, bool, error) {
	if e.broken {
		return value.Value{}, false, nil
	}
	return e.v, !e.v.IsNone(), nil
}

// concatenation is GROUP_CONCAT.
type concatenation struct {
	c         *compiler
	separator string
	spend     func(bytes int) error
	text      []byte
	n         int
	broken    bool
}

func (g *concatenation) add(v value.Value) error {
	text, err := v.Str()
	if err != nil {
		g.broken = true
		return nil
	}
	separator := g.separator
	if g.n == 0 {
		separator = ""
	}
	g.n++
	more := len(separator) + len(text.Lexical())
	if err := g.c.bounded(len(g.text)+more, "GROUP_CONCAT"); err != nil {
		return err
	}
	if err := g.spend(more); err != nil {
		return err
	}
	g.text = append(append(g.text, separator...), text.Lexical()...)
	return nil
}

func (g *concatenation) failed() { g.broken = true }

func (g *concatenation) result() (value.Value, bool, error) {
	return value.Str(string(g.text)), !g.broken, nil
}

// countAll compiles COUNT(*), and COUNT(DISTINCT *), which compares all variables.
func countAll(a *sparql.Aggregate, env *Env, spend func(int) error) (func() Aggregator, error) {
	switch {
	case a.Name != "COUNT":
		return nil, fmt.Errorf("%w: %s at %s has no argument", ErrCompile, a.Name, place(a.Pos))
	case !a.Distinct:
		return func() Aggregator { return &all{} }, nil
	case env.Distinct == nil:
		return nil, fmt.Errorf("%w: COUNT(DISTINCT *) at %s: there are no variables to compare", ErrCompile, place(a.Pos))
	}
	slots := env.Distinct()
	return func() Aggregator { return &all{slots: slots, seen: &distinct{spend: spend}} }, nil
}

// all counts solutions.
type all struct {
	count
	slots []int
	seen  *distinct
	key   []byte
}

func (a *all) Add(s Solution) error {
	if a.seen == nil {
		a.n++
		return nil
	}
	a.key = a.key[:0]
	for _, slot := range a.slots {
		v, bound, err := s.Value(slot)
		if err != nil {
			return err
		}
		if bound {
			a.key = append(a.key, v.Term().String()...)
		}
		a.key = append(a.key, '\n') // no canonical text has one in it
	}
	again, err := a.seen.has(string(a.key))
	if !again && err == nil {
		a.n++
	}
	return err
}

func (a *all) Result() (value.Value, bool, error) { return a.result() }
