package algebra

import "slices"

// rewriteJoin joins parts, and takes filters and optional parts out of them, so that all patterns are in one join.
func (r *rewriter) rewriteJoin(parts []Op) Op {
	j := joining{facts: r.facts}
	for _, part := range parts {
		j.add(part)
	}
	var around []func(Op) Op
	for i := 0; i < len(j.parts); {
		switch p := j.parts[i].(type) {
		case *Filter:
			if r.spend(len(j.counts)) && settled(p.Conditions, j.others(i), r.facts.Certain(p.Op)) {
				j.remove(i)
				j.add(p.Op) // which binds the same: what could not be taken out before i still can't
				around = append(around, func(inner Op) Op { return r.push(p.Conditions, inner) })
				continue
			}
		case *LeftJoin:
			if r.spend(len(j.counts)) && r.movable(p, j.others(i)) {
				j.remove(i)
				j.addFirst(p.Left)
				around = append(around, func(inner Op) Op {
					return r.rewriteLeftJoin(&LeftJoin{Left: inner, Right: p.Right, Conditions: p.Conditions})
				})
				i = 0
				continue
			}
		}
		i++
	}
	op := j.op()
	for _, wrap := range slices.Backward(around) {
		op = wrap(op)
	}
	return op
}

// movable reports whether a left join means the same around a join of its left side with others, which bind these variables at most.
func (r *rewriter) movable(l *LeftJoin, others Set) bool {
	certain := r.facts.Certain(l.Left)
	return settled(l.Conditions, others, certain) && others.Intersect(r.facts.Mentioned(l.Right)).Within(certain)
}

// joining is the parts of a join, none of which is one itself, with the variables that they may bind, so that parts are not looked at
// again and again.
type joining struct {
	facts    *Facts
	parts    []Op
	possible []Set
	counts   []int // of the parts that may bind a slot
	nothing  bool  // one of them has no solution
}

func (j *joining) add(op Op) { j.insert(len(j.parts), op) }

func (j *joining) addFirst(op Op) { j.insert(0, op) }

func (j *joining) insert(at int, op Op) {
	j.nothing = j.nothing || op == Nothing{}
	for k, part := range joined(op) {
		possible := j.facts.Possible(part)
		j.parts = slices.Insert(j.parts, at+k, part)
		j.possible = slices.Insert(j.possible, at+k, possible)
		j.count(possible, 1)
	}
}

func (j *joining) remove(i int) {
	j.count(j.possible[i], -1)
	j.parts = slices.Delete(j.parts, i, i+1)
	j.possible = slices.Delete(j.possible, i, i+1)
}

func (j *joining) count(slots Set, n int) {
	if missing := len(slots)*64 - len(j.counts); missing > 0 {
		j.counts = append(j.counts, make([]int, missing)...)
	}
	for _, slot := range slots.Slots() {
		j.counts[slot] += n
	}
}

// others are the variables that parts other than this one may bind.
func (j *joining) others(i int) (slots Set) {
	for slot, n := range j.counts {
		if j.possible[i].Has(Slot(slot)) {
			n--
		}
		if n > 0 {
			slots.Add(Slot(slot))
		}
	}
	return slots
}

func (j *joining) op() Op {
	switch {
	case j.nothing:
		return Nothing{}
	case len(j.parts) == 0:
		return Unit{}
	case len(j.parts) == 1:
		return j.parts[0]
	}
	return &Join{j.parts}
}
