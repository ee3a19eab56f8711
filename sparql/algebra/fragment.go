package algebra

import (
	"slices"
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Fragment is a part of a query that shards evaluate, each over its own quads. Its solutions are those of all shards together.
type Fragment struct {
	// Number is its number in the query, from 0.
	Number int
	// Op is what each shard evaluates.
	Op Op
	// Slots are the variables that anything outside asks for.
	Slots []Slot
	// Key is the variable whose term says which shard has a solution, None if there is none.
	Key Slot
	// Keys: only the shards of these keys have solutions. Nil: any shard may.
	Keys []rdf.Term
	// Merged: a solution that several shards have is one.
	Merged bool
}

func (*Fragment) op() {}

// Fresh adds a variable that no text has written. What it is for stands in its name.
func (q *Query) Fresh(what string) Slot {
	q.Names = append(q.Names, sparql.Var("."+what+strconv.Itoa(len(q.Names))))
	return Slot(len(q.Names) - 1)
}

// Settled reports whether the expressions find the outer variables bound by what binds the certain ones.
func Settled(exprs []*Expr, outer, certain Set) bool { return settled(exprs, outer, certain) }

// JoinOf is the join of parts, flat.
func JoinOf(parts ...Op) Op {
	var all []Op
	for _, part := range parts {
		all = append(all, joined(part)...)
	}
	return joinOf(all)
}

// Joined are the parts of a join, or the operator alone.
func Joined(op Op) []Op { return joined(op) }

// Column are the different terms that rows have for a variable.
func (v *Values) Column(slot Slot) (terms []rdf.Term) {
	at := slices.Index(v.Slots, slot)
	for _, row := range v.Rows {
		if t := row[at]; !t.IsZero() && !slices.Contains(terms, t) {
			terms = append(terms, t)
		}
	}
	return terms
}
