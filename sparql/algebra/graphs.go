package algebra

import "slices"

// inGraphs returns what GRAPH with a variable is evaluated as. Where no operator would notice, the graph is a variable of every
// pattern, and nothing is evaluated for one graph after the other. That takes a look at all that is in the graph.
func (t *translator) inGraphs(g *Graph) Op {
	name := NewSet(g.Name)
	t.nested += size(g.Op)
	if t.nested > maxNested || !inlines(g.Op, g.Each) || !NewFacts().Safe(g.Op, name) {
		g.Op = anchor(g.Op, Node{Slot: g.Each})
		return g
	}
	rename(g.Op, g.Each, g.Name)
	return anchor(g.Op, Node{Slot: g.Name})
}

// maxNested is how many operators are looked at for that. Where GRAPH is nested deeply, those inside are looked at again and again.
const maxNested = 1 << 14

// size is the number of operators that op consists of.
func size(op Op) int {
	n := 1
	for _, part := range Parts(op) {
		n += size(part)
	}
	return n
}

// inlines reports whether every operator that the active graph matters to may have it as a variable.
func inlines(op Op, graph Slot) bool {
	if !mentions(op, graph) {
		return true
	}
	switch op.(type) {
	case *Pattern, *Path, *Graphs, *Join, *Filter, *Union, *Extend, *LeftJoin:
	default:
		return false
	}
	for _, part := range Parts(op) {
		if !inlines(part, graph) {
			return false
		}
	}
	return true
}

// mentions reports whether a slot is one of those of [Mentioned]. It looks at the right side first: the left one may be deep.
func mentions(op Op, slot Slot) bool {
	for _, e := range Exprs(op) {
		if e.Uses.Has(slot) {
			return true
		}
	}
	parts := Parts(op)
	for _, part := range slices.Backward(parts) {
		if mentions(part, slot) {
			return true
		}
	}
	if g, ok := op.(*Graph); ok && (g.Each == slot || g.Name == slot) {
		return true
	}
	return len(parts) == 0 && Possible(op).Has(slot)
}

// rename puts one slot in place of another.
func rename(op Op, from, to Slot) {
	switch op := op.(type) {
	case *Pattern:
		op.G.rename(from, to)
	case *Path:
		op.G.rename(from, to)
	case *Graphs:
		op.Name.rename(from, to)
	}
	for _, e := range Exprs(op) {
		if e.Uses.Has(from) {
			e.Uses = e.Uses.Without(NewSet(from)).Union(NewSet(to))
		}
		for _, exists := range e.Exists {
			rename(exists.Op, from, to)
		}
	}
	for _, part := range Parts(op) {
		rename(part, from, to)
	}
}

func (n *Node) rename(from, to Slot) {
	if n.Slot == from {
		n.Slot = to
	}
}

// anchor makes sure that the graph is one of the dataset, and bound before an operator needs it: a pattern in it sees to that, other
// operators are joined with the list of graphs.
func anchor(op Op, graph Node) Op {
	if anchored(op, graph) {
		inside(op, graph)
		return op
	}
	switch o := op.(type) {
	case *Filter:
		o.Op = anchor(o.Op, graph)
		return o
	case *Extend:
		o.Op = anchor(o.Op, graph)
		return o
	case *Union:
		for i := range o.Parts {
			o.Parts[i] = anchor(o.Parts[i], graph)
		}
		return o
	case *LeftJoin:
		o.Left = anchor(o.Left, graph)
		inside(o, graph)
		return o
	}
	inside(op, graph)
	return join(&Graphs{graph}, op)
}

// inside anchors what stands in op, where it is not known to be evaluated behind the pattern that binds the graph.
func inside(op Op, graph Node) {
	switch o := op.(type) {
	case *Join:
		for i, part := range o.Parts {
			switch part.(type) {
			case *Pattern, *Path, *Graphs, *Values:
			default:
				o.Parts[i] = anchor(part, graph)
			}
		}
	case *LeftJoin:
		inside(o.Left, graph)
		if mentions(o.Right, graph.Slot) {
			o.Right = anchor(o.Right, graph)
		}
	case *Filter:
		inside(o.Op, graph)
	case *Extend:
		inside(o.Op, graph)
	case *Union:
		for _, part := range o.Parts {
			inside(part, graph)
		}
	}
}

// anchored reports whether every solution of op has met a quad of the graph.
func anchored(op Op, graph Node) bool {
	switch op := op.(type) {
	case *Pattern:
		return op.G == graph
	case *Graphs:
		return op.Name == graph
	case *Join:
		for _, part := range op.Parts {
			if anchored(part, graph) {
				return true
			}
		}
		return false
	case *Union:
		for _, part := range op.Parts {
			if !anchored(part, graph) {
				return false
			}
		}
		return true
	case *LeftJoin:
		return anchored(op.Left, graph)
	case *Filter:
		return anchored(op.Op, graph)
	case *Extend:
		return anchored(op.Op, graph)
	}
	return false
}
