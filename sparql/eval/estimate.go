package eval

import (
	"math"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// What is taken for the part of the rows that a filter keeps, and that a look at a path finds, where nothing is known of them.
const (
	kept    = 0.3
	reached = 10
)

// estimate is about how many solutions an operator has, evaluated alone.
func (p *planner) estimate(op algebra.Op) (n float64, err error) {
	if n, ok := p.estimates[op]; ok {
		return n, nil
	}
	n, err = p.estimated(op)
	switch op.(type) {
	case algebra.Unit, algebra.Nothing:
	default:
		if p.estimates == nil {
			p.estimates = map[algebra.Op]float64{}
		}
		p.estimates[op] = n
	}
	return n, err
}

func (p *planner) estimated(op algebra.Op) (float64, error) {
	var parts []float64
	for _, part := range algebra.Parts(op) {
		n, err := p.estimate(part)
		if err != nil {
			return 0, err
		}
		parts = append(parts, n)
	}
	switch op := op.(type) {
	case algebra.Nothing:
		return 0, nil
	case *algebra.Pattern:
		return p.total(op)
	case *algebra.Path:
		if of := p.asking.steps(op); of != nil {
			return p.asking.estimate(of.nodes).Rows, nil
		}
		about, err := p.statistics(store.Any)
		return float64(about.Quads), err
	case *algebra.Values:
		return float64(len(op.Rows)), nil
	case *algebra.Graphs, *algebra.Service:
		return reached, nil
	case *algebra.Fragment:
		return p.asking.estimate(op).Rows, nil
	case *algebra.Union:
		sum := 0.0
		for _, n := range parts {
			sum += n
		}
		return sum, nil
	case *algebra.Join:
		return p.joinEstimate(op, parts), nil
	case *algebra.Filter:
		return parts[0] * math.Pow(kept, float64(len(op.Conditions))), nil
	case *algebra.Group:
		if len(op.Keys) == 0 {
			return 1, nil
		}
		return math.Sqrt(parts[0]), nil
	case *algebra.Slice:
		if op.Limit >= 0 {
			return math.Min(parts[0], float64(op.Limit)), nil
		}
	}
	if len(parts) == 0 {
		return 1, nil
	}
	return parts[0], nil
}

// joinEstimate takes the least of the parts, and what is not connected with it as often as it comes.
func (p *planner) joinEstimate(op *algebra.Join, parts []float64) float64 {
	least := 0
	for i := range parts {
		if parts[i] < parts[least] {
			least = i
		}
	}
	n, bound := parts[least], p.facts.Possible(op.Parts[least])
	for i, part := range op.Parts {
		if i != least && !p.facts.Possible(part).Meets(bound) && !p.facts.Possible(part).Empty() {
			n *= math.Max(1, math.Sqrt(parts[i]))
		}
	}
	return n
}

// total is about how many quads fit a pattern by its terms alone.
func (p *planner) total(op *algebra.Pattern) (float64, error) {
	var want store.Pattern
	for i, n := range [3]algebra.Node{op.S, op.P, op.O} {
		if n.Slot != algebra.None || n.Triple != nil {
			continue
		}
		id, err := p.intern(n.Term)
		if err != nil {
			return 0, err
		}
		*[3]*store.ID{&want.S, &want.P, &want.O}[i] = id
	}
	if want.S == store.Any && want.O == store.Any {
		about, err := p.statistics(want.P)
		return float64(about.Quads), err
	}
	if want.S >= firstComputed || want.P >= firstComputed || want.O >= firstComputed {
		return 0, nil
	}
	if p.whole != nil {
		return p.whole.about(want)
	}
	n, err := p.r.Count(want)
	return float64(n), err
}

func (p *planner) statistics(predicate store.ID) (about store.Statistics, err error) {
	about, ok := p.about[predicate]
	if !ok && predicate < firstComputed {
		about, err = p.r.Statistics(predicate)
		if p.about == nil {
			p.about = map[store.ID]store.Statistics{}
		}
		p.about[predicate] = about
	}
	return about, err
}

// fits is about how many quads fit a pattern for a row that binds what is given.
func (p *planner) fits(op *algebra.Pattern, g given) (float64, error) {
	n, err := p.estimate(op)
	if err != nil || n == 0 {
		return 0, err
	}
	predicate := store.Any
	if op.P.Slot == algebra.None && op.P.Triple == nil {
		if predicate, err = p.intern(op.P.Term); err != nil {
			return 0, err
		}
	}
	about, err := p.statistics(predicate)
	if err != nil {
		return 0, err
	}
	for i, node := range [3]algebra.Node{op.S, op.O, op.P} {
		if different := [3]int{about.Subjects, about.Objects, 10}[i]; isBound(node, g.certain) {
			n /= math.Max(1, float64(different))
		}
	}
	return n, nil
}

// isBound reports whether a node is a variable, or has variables, that are bound.
func isBound(n algebra.Node, bound algebra.Set) bool {
	if n.Triple != nil {
		return known(n.Triple.S, bound) && known(n.Triple.P, bound) && known(n.Triple.O, bound)
	}
	return bound.Has(n.Slot)
}

// known reports whether a node is a term, or bound.
func known(n algebra.Node, bound algebra.Set) bool {
	return n.Slot == algebra.None && n.Triple == nil || isBound(n, bound)
}

// growth is about how many solutions an operator has for one row of what is given.
func (p *planner) growth(op algebra.Op, g given) (float64, error) {
	n, err := p.estimate(op)
	if err != nil {
		return 0, err
	}
	switch op := op.(type) {
	case *algebra.Pattern:
		return p.fits(op, g)
	case *algebra.Path:
		return pathGrowth(op, n, g), nil
	case *algebra.Fragment:
		return p.fragmentGrowth(op, n, g), nil
	case *algebra.Values:
		shared := algebra.NewSet(op.Slots...).Intersect(g.certain).Len()
		return n / math.Pow(reached, float64(shared)), nil
	}
	if p.facts.Possible(op).Meets(g.certain) {
		return math.Sqrt(n), nil
	}
	return n, nil
}

func pathGrowth(op *algebra.Path, n float64, g given) float64 {
	if _, ok := op.Path.(*sparql.PathNegated); ok {
		n /= 2
	}
	switch from, to := known(op.S, g.certain), known(op.O, g.certain); {
	case from && to:
		return 0.5
	case from || to:
		return math.Min(n, reached)
	}
	return n * reached
}
