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
func Certain(op Op) Set {
	switch op := op.(type) {
	case *Join:
		var all Set
		for _, part := range op.Parts {
			all = all.Union(Certain(part))
		}
		return all
	case *LeftJoin:
		return Certain(op.Left)
	case *Minus:
		return Certain(op.Left)
	case *Union:
		return certainInAll(op.Parts)
	case *Filter:
		return Certain(op.Op)
	case *Extend:
		return Certain(op.Op)
	case *Values:
		return op.certain()
	case *Graph:
		return Certain(op.Op).Without(NewSet(op.Each)).Union(NewSet(op.Name))
	case *Group:
		return op.certain()
	case *Project:
		return Certain(op.Op).Intersect(NewSet(op.Slots...))
	case *Distinct:
		return Certain(op.Op)
	case *Order:
		return Certain(op.Op)
	case *Slice:
		return Certain(op.Op)
	case *Service:
		return nil
	}
	return Possible(op)
}

// certainInAll returns what is certain in each part. Nothing binds what you like.
func certainInAll(parts []Op) Set {
	var all Set
	first := true
	for _, part := range parts {
		switch {
		case part == Nothing{}:
		case first:
			all, first = Certain(part), false
		default:
			all = all.Intersect(Certain(part))
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

func (g *Group) certain() (set Set) {
	below := Certain(g.Op)
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
func Possible(op Op) (set Set) {
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
		return Possible(op.Op).Without(NewSet(op.Each)).Union(NewSet(op.Name))
	case *Group:
		for _, key := range op.Keys {
			set.Add(key.Slot)
		}
		for _, a := range op.Aggregates {
			set.Add(a.Slot)
		}
	case *Project:
		return Possible(op.Op).Intersect(NewSet(op.Slots...))
	case *Extend:
		return Possible(op.Op).Union(NewSet(op.Slot))
	case *Minus:
		return Possible(op.Left)
	default:
		for _, part := range Parts(op) {
			set = set.Union(Possible(part))
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
func Mentioned(op Op) Set {
	set := Possible(op)
	if g, ok := op.(*Graph); ok {
		set.Add(g.Each)
	}
	for _, e := range Exprs(op) {
		set = set.Union(e.Uses)
	}
	for _, part := range Parts(op) {
		set = set.Union(Mentioned(part))
	}
	return set
}

// Safe reports whether the solutions of op that are compatible with a solution μ of these outer variables are those of op evaluated
// with what μ binds in place of its variables. If so, op may be evaluated for each μ alone: no operator in it looks at whether one of
// these variables is bound by op itself.
func Safe(op Op, outer Set) bool {
	if !Mentioned(op).Meets(outer) {
		return true
	}
	switch op := op.(type) {
	case *Join:
		for _, part := range op.Parts {
			if !Safe(part, outer) {
				return false
			}
		}
		return true
	case *Union:
		for _, part := range op.Parts {
			if !Safe(part, outer) {
				return false
			}
		}
		return true
	case *Filter:
		return settled(op.Conditions, outer, op.Op) && Safe(op.Op, outer)
	case *Extend:
		return settled([]*Expr{op.Expr}, outer, op.Op) && Safe(op.Op, outer)
	case *LeftJoin:
		return op.safe(outer)
	case *Minus:
		return Mentioned(op.Right).Intersect(outer).Within(Certain(op.Left)) && Safe(op.Left, outer)
	case *Project:
		return Safe(op.Op, outer.Intersect(NewSet(op.Slots...)))
	case Unit, Nothing, *Pattern, *Path, *Graphs, *Values:
		return true
	}
	if service, ok := op.(*Service); ok {
		return !NewSet(service.Slots...).Meets(outer)
	}
	return false // grouping, slices and the like are of all solutions
}

func (l *LeftJoin) safe(outer Set) bool {
	certain := Certain(l.Left)
	return Mentioned(l.Right).Intersect(outer).Within(certain) && settled(l.Conditions, outer, l.Left) && Safe(l.Left, outer)
}

// settled reports whether the expressions find the outer variables bound by op, too.
func settled(exprs []*Expr, outer Set, op Op) bool {
	certain := Certain(op)
	for _, e := range exprs {
		if !e.Uses.Intersect(outer).Within(certain) {
			return false
		}
	}
	return true
}
