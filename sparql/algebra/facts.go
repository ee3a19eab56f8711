package algebra

// Facts remember what is known of operators that don't change any more, or bind the same after it. They are used by one goroutine at a
// time.
type Facts struct{ certain, possible, mentioned map[Op]Set }

// NewFacts returns facts that know nothing yet.
func NewFacts() *Facts { return &Facts{} }

// Certain is [Certain].
func (f *Facts) Certain(op Op) Set {
	return remembered(&f.certain, op, func() Set { return certain(op, f.Certain) })
}

// Possible is [Possible].
func (f *Facts) Possible(op Op) Set {
	return remembered(&f.possible, op, func() Set { return possible(op, f.Possible) })
}

// Mentioned is [Mentioned].
func (f *Facts) Mentioned(op Op) Set {
	return remembered(&f.mentioned, op, func() Set { return mentioned(op, f.Possible(op), f.Mentioned) })
}

func remembered(in *map[Op]Set, op Op, find func() Set) Set {
	set, ok := (*in)[op]
	if !ok {
		set = find()
		if *in == nil {
			*in = map[Op]Set{}
		}
		(*in)[op] = set
	}
	return set
}

// Safe reports whether the solutions of op that are compatible with a solution μ of these outer variables are those of op evaluated
// with what μ binds in place of its variables. If so, op may be evaluated for each μ alone: no operator in it looks at whether one of
// these variables is bound by op itself.
func (f *Facts) Safe(op Op, outer Set) bool {
	if !f.Mentioned(op).Meets(outer) {
		return true
	}
	switch op := op.(type) {
	case *Join:
		return f.allSafe(op.Parts, outer)
	case *Union:
		return f.allSafe(op.Parts, outer)
	case *Filter:
		return settled(op.Conditions, outer, f.Certain(op.Op)) && f.Safe(op.Op, outer)
	case *Extend:
		return settled([]*Expr{op.Expr}, outer, f.Certain(op.Op)) && f.Safe(op.Op, outer)
	case *LeftJoin:
		return f.leftSafe(op.Left, op.Right, outer) && settled(op.Conditions, outer, f.Certain(op.Left))
	case *Minus:
		return f.leftSafe(op.Left, op.Right, outer)
	case *Project:
		return f.Safe(op.Op, outer.Intersect(NewSet(op.Slots...)))
	case *Service:
		return !NewSet(op.Slots...).Meets(outer)
	case Unit, Nothing, *Pattern, *Path, *Graphs, *Values, *Fragment:
		return true
	}
	return false // grouping, slices and the like are of all solutions
}

func (f *Facts) allSafe(parts []Op, outer Set) bool {
	for _, part := range parts {
		if !f.Safe(part, outer) {
			return false
		}
	}
	return true
}

// leftSafe is Safe for what looks at the right side with the solutions of the left one.
func (f *Facts) leftSafe(left, right Op, outer Set) bool {
	return f.Mentioned(right).Intersect(outer).Within(f.Certain(left)) && f.Safe(left, outer)
}
