package algebra

// Nodes calls fn for each variable of a node.
func (n Node) slots(set *Set) {
	set.Add(n.Slot)
	if n.Triple != nil {
		n.Triple.S.slots(set)
		n.Triple.P.slots(set)
		n.Triple.O.slots(set)
	}
}

func nodeSlots(nodes ...Node) (set Set) {
	for _, n := range nodes {
		n.slots(&set)
	}
	return set
}

// Certain returns the variables that every solution of op binds.
func Certain(op Op) Set { return certain(op, Certain) }

// certain is Certain, with the sets of the parts.
func certain(op Op, of func(Op) Set) Set {
	switch op := op.(type) {
	case *Join:
		var all Set
		for _, part := range op.Parts {
			all.merge(of(part))
		}
		return all
	case *LeftJoin:
		return of(op.Left)
	case *Minus:
		return of(op.Left)
	case *Union:
		return certainInAll(op.Parts, of)
	case *Filter:
		return of(op.Op)
	case *Extend:
		return of(op.Op)
	case *Values:
		return op.certain()
	case *Graph:
		return of(op.Op).Without(NewSet(op.Each)).Union(NewSet(op.Name))
	case *Group:
		return op.certain(of(op.Op))
	case *Project:
		return of(op.Op).Intersect(NewSet(op.Slots...))
	case *Distinct:
		return of(op.Op)
	case *Order:
		return of(op.Op)
	case *Slice:
		return of(op.Op)
	case *Fragment:
		return of(op.Op).Intersect(NewSet(op.Slots...))
	case *Service:
		return nil
	}
	return Possible(op)
}

// certainInAll returns what is certain in each part. Nothing binds what you like.
func certainInAll(parts []Op, of func(Op) Set) Set {
	var all Set
	first := true
	for _, part := range parts {
		switch {
		case part == Nothing{}:
		case first:
			all, first = of(part), false
		default:
			all = all.Intersect(of(part))
		}
	}
	return all
}

func (v *Values) certain() (set Set) {
	for i, slot := range v.Slots {
		bound := true
		for _, row := range v.Rows {
			bound = bound && !row[i].IsZero()
		}
		if bound {
			set.Add(slot)
		}
	}
	return set
}

func (g *Group) certain(below Set) (set Set) {
	for _, key := range g.Keys {
		if key.Expr == nil && below.Has(key.Slot) {
			set.Add(key.Slot)
		}
	}
	for _, a := range g.Aggregates {
		if a.Call.Name == "COUNT" {
			set.Add(a.Slot)
		}
	}
	return set
}

// Possible returns the variables that a solution of op may bind.
func Possible(op Op) Set { return possible(op, Possible) }

func possible(op Op, of func(Op) Set) (set Set) {
	switch op := op.(type) {
	case *Pattern:
		return nodeSlots(op.S, op.P, op.O, op.G)
	case *Path:
		return nodeSlots(op.S, op.O, op.G)
	case *Graphs:
		return nodeSlots(op.Name)
	case *Values:
		return NewSet(op.Slots...)
	case *Service:
		set = NewSet(op.Slots...)
		set.Add(op.Name.Slot)
	case *Graph:
		return of(op.Op).Without(NewSet(op.Each)).Union(NewSet(op.Name))
	case *Group:
		for _, key := range op.Keys {
			set.Add(key.Slot)
		}
		for _, a := range op.Aggregates {
			set.Add(a.Slot)
		}
	case *Project:
		return of(op.Op).Intersect(NewSet(op.Slots...))
	case *Fragment:
		return NewSet(op.Slots...)
	case *Extend:
		return of(op.Op).Union(NewSet(op.Slot))
	case *Minus:
		return of(op.Left)
	case *LeftJoin:
		return of(op.Left).Union(of(op.Right))
	default:
		for _, part := range Parts(op) {
			set.merge(of(part))
		}
	}
	return set
}

// Parts lists the operators right below op.
func Parts(op Op) []Op {
	switch op := op.(type) {
	case *Graph:
		return []Op{op.Op}
	case *Join:
		return op.Parts
	case *LeftJoin:
		return []Op{op.Left, op.Right}
	case *Minus:
		return []Op{op.Left, op.Right}
	case *Union:
		return op.Parts
	case *Filter:
		return []Op{op.Op}
	case *Extend:
		return []Op{op.Op}
	case *Group:
		return []Op{op.Op}
	case *Project:
		return []Op{op.Op}
	case *Distinct:
		return []Op{op.Op}
	case *Order:
		return []Op{op.Op}
	case *Slice:
		return []Op{op.Op}
	}
	return nil
}

// Exprs lists the expressions of op, without those of its parts.
func Exprs(op Op) (exprs []*Expr) {
	switch op := op.(type) {
	case *LeftJoin:
		return op.Conditions
	case *Filter:
		return op.Conditions
	case *Extend:
		return []*Expr{op.Expr}
	case *Group:
		for _, key := range op.Keys {
			if key.Expr != nil {
				exprs = append(exprs, key.Expr)
			}
		}
		for _, a := range op.Aggregates {
			if a.Expr != nil {
				exprs = append(exprs, a.Expr)
			}
		}
	case *Order:
		for _, key := range op.Keys {
			exprs = append(exprs, key.Expr)
		}
	}
	return exprs
}

// Mentioned returns every variable that op or what is below it mentions, in expressions, too.
func Mentioned(op Op) Set { return NewFacts().Mentioned(op) }

func mentioned(op Op, possible Set, of func(Op) Set) Set {
	set := append(Set(nil), possible...)
	if g, ok := op.(*Graph); ok {
		set.Add(g.Each)
	}
	for _, e := range Exprs(op) {
		set.merge(e.Uses)
	}
	for _, part := range Parts(op) {
		set.merge(of(part))
	}
	return set
}

// settled reports whether the expressions find the outer variables bound by op, too, which binds the certain ones.
func settled(exprs []*Expr, outer, certain Set) bool {
	for _, e := range exprs {
		if !e.Uses.Intersect(outer).Within(certain) {
			return false
		}
	}
	return true
}
