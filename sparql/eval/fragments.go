package eval

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
)

// numbering numbers the fragments of a query, in an order that the query alone decides, and finds out which variables each is asked for.
type numbering struct {
	facts     *algebra.Facts
	fragments []*algebra.Fragment
	asked     map[algebra.Slot]int // by how many fragments a variable may be bound, and more than all of them if anything else asks for it
}

// byAll is how much more it counts if something that is no fragment asks for a variable.
const byAll = fragment.MaxSlots

func (n *numbering) op(op algebra.Op) {
	if f, ok := op.(*algebra.Fragment); ok {
		n.take(f)
		for _, slot := range n.facts.Possible(f.Op).Slots() {
			n.asked[slot]++
		}
		return
	}
	n.ask(ownSlots(op)...)
	for _, e := range algebra.Exprs(op) {
		uses := e.Uses
		for _, exists := range e.Exists { // whose fragments are asked for what others have, too
			uses = uses.Without(n.mentioned(exists.Op))
			n.op(exists.Op)
		}
		n.ask(uses.Slots()...)
	}
	for _, part := range algebra.Parts(op) {
		n.op(part)
	}
}

// mentioned are the variables that an operator mentions, fragments in it among them.
func (n *numbering) mentioned(op algebra.Op) algebra.Set {
	if f, ok := op.(*algebra.Fragment); ok {
		return n.facts.Mentioned(f.Op)
	}
	set := algebra.NewSet(ownSlots(op)...)
	for _, e := range algebra.Exprs(op) {
		set = set.Union(e.Uses)
	}
	for _, part := range algebra.Parts(op) {
		set = set.Union(n.mentioned(part))
	}
	return set
}

func (n *numbering) take(f *algebra.Fragment) {
	f.Number = len(n.fragments)
	n.fragments = append(n.fragments, f)
}

func (n *numbering) ask(slots ...algebra.Slot) {
	for _, slot := range slots {
		n.asked[slot] += byAll
	}
}

// ownSlots are the variables that an operator is about itself, outside of its parts and expressions.
func ownSlots(op algebra.Op) (slots []algebra.Slot) {
	switch op := op.(type) {
	case *algebra.Path:
		return algebra.Possible(op).Slots()
	case *algebra.Graphs, *algebra.Values, *algebra.Service, *algebra.Pattern:
		return algebra.Possible(op).Slots()
	case *algebra.Graph:
		return []algebra.Slot{op.Name, op.Each}
	case *algebra.Extend:
		return []algebra.Slot{op.Slot}
	case *algebra.Project:
		return op.Slots
	case *algebra.Distinct:
		return op.Slots
	case *algebra.Fragment:
		return op.Slots
	case *algebra.Group:
		for _, key := range op.Keys {
			slots = append(slots, key.Slot)
		}
		for _, a := range op.Aggregates {
			if slots = append(slots, a.Slot); a.Call.Distinct && a.Call.Expr == nil {
				slots = append(slots, a.Visible...)
			}
		}
	}
	return slots
}

// columns says which variables each fragment is asked for.
func (n *numbering) columns() {
	for _, f := range n.fragments {
		if f.Merged {
			continue // all of them say what is the same
		}
		f.Slots = nil
		for _, slot := range n.facts.Possible(f.Op).Slots() {
			if n.asked[slot] > 1 {
				f.Slots = append(f.Slots, slot)
			}
		}
	}
}

// result are the variables that the result of a query is made of.
func result(q *algebra.Query) algebra.Set {
	set := algebra.NewSet(q.Columns...)
	for i := range q.Template {
		set = set.Union(nodeSet(q.Template[i].S, q.Template[i].P, q.Template[i].O))
	}
	return set.Union(nodeSet(q.Describe...))
}

func nodeSet(nodes ...algebra.Node) algebra.Set {
	set := algebra.Set{}
	for _, n := range nodes {
		if n.Triple != nil {
			set = set.Union(nodeSet(n.Triple.S, n.Triple.P, n.Triple.O))
		} else {
			set.Add(n.Slot)
		}
	}
	return set
}

// outline writes what a division is made of: two that have the same text and the same outline are the same.
func outline(w io.Writer, op algebra.Op) {
	fmt.Fprintf(w, "(%T %v", op, ownSlots(op))
	if f, ok := op.(*algebra.Fragment); ok {
		fmt.Fprintf(w, " %d %d %v %t", f.Number, f.Key, f.Keys, f.Merged)
		outline(w, f.Op)
	}
	for _, e := range algebra.Exprs(op) {
		fmt.Fprintf(w, " %v", e.Uses.Slots())
		for _, exists := range e.Exists {
			outline(w, exists.Op)
		}
	}
	for _, part := range algebra.Parts(op) {
		outline(w, part)
	}
	fmt.Fprint(w, ")")
}

// divisionVersion counts the ways of dividing and of evaluating fragments that don't understand each other.
const divisionVersion = 1

// newDivision divides a query, whose text is of its tree.
func newDivision(q *sparql.Query, text string, key Key, o Options) (*Division, error) {
	prepared, err := Prepare(q, o)
	if err != nil {
		return nil, err
	}
	d := &Division{tree: q, o: o, q: prepared, key: key, text: text, paths: map[*algebra.Path]*pathFragments{}}
	h := &homes{key: key, facts: algebra.NewFacts(), data: q.Dataset, union: o.UnionDefault, known: map[algebra.Op]home{}, settled: true}
	if h.of(d.q.algebra.Op).kind != one {
		h.settled, h.known = false, map[algebra.Op]home{}
	}
	dividing := &dividing{homes: h, query: d.q.algebra, division: d}
	d.q.algebra.Op = dividing.divide(d.q.algebra.Op)
	if q.Form == sparql.Describe {
		dividing.describe()
	}
	if f, ok := d.q.algebra.Op.(*algebra.Fragment); ok && q.Form == sparql.Ask && !f.Merged {
		f.Op = &algebra.Slice{Op: f.Op, Limit: 1}
	}
	d.number(h.facts)
	d.sign()
	return d, d.check()
}

// sign makes the fingerprint.
func (d *Division) sign() {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d %s %t %s\n", divisionVersion, d.key, d.o.UnionDefault, d.text)
	outline(sum, d.q.algebra.Op)
	for _, f := range d.fragments {
		outline(sum, f)
	}
	copy(d.fingerprint[:], sum.Sum(nil))
}

// check reports whether requests can name all that there is.
func (d *Division) check() error {
	if len(d.text) > fragment.MaxQuery || len(d.fragments) > fragment.MaxSlots || len(d.q.algebra.Names) > fragment.MaxSlots {
		return fmt.Errorf("%w: written out it has %d bytes, %d variables and %d fragments, of at most %d and %d; divide it",
			ErrBudget, len(d.text), len(d.q.algebra.Names), len(d.fragments), fragment.MaxQuery, fragment.MaxSlots)
	}
	return nil
}

func (d *Division) number(facts *algebra.Facts) {
	n := &numbering{facts: facts, asked: map[algebra.Slot]int{}}
	n.op(d.q.algebra.Op)
	n.ask(result(d.q.algebra).Slots()...)
	n.columns()
	d.visible = len(n.fragments)
	for _, f := range d.hidden {
		n.take(f)
	}
	d.fragments = n.fragments
}
