package differential

import (
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// agree reports whether two answers to a question are the same, as far as the specification says what the answer is: solutions
// are a multiset, or a set with REDUCED; blank nodes have no names; the lexical form of a computed number is left open (17.4
// refers to F&O, whose functions have values); LIMIT and OFFSET take whichever rows of an order that is not total.
func agree(q question, a, b answer) bool {
	if a.reason != "" || b.reason != "" {
		return a.reason != "" && b.reason != ""
	}
	tree := q.query()
	if q.form == formatUpdate || tree.Form == sparql.Construct || tree.Form == sparql.Describe {
		return same(answer{quads: normalQuads(a.quads)}, answer{quads: normalQuads(b.quads)})
	}
	ours, theirs := newTable(a.quads), newTable(b.quads)
	if !slices.Equal(ours.names, theirs.names) {
		return false
	}
	if tree.Limit != nil || tree.Offset != nil {
		if full := unlimited(q, tree); !full.total(tree.OrderBy) {
			return len(ours.rows) == len(theirs.rows) && full.holds(ours) && full.holds(theirs)
		}
	}
	return sameRows(ours, theirs, tree.Reduced)
}

func sameRows(a, b table, once bool) bool {
	x, y := a.counts(once), b.counts(once)
	if maps.Equal(x, y) {
		return true
	}
	if len(x) != len(y) || !a.anyBlank() || !b.anyBlank() {
		return false
	}
	return same(answer{quads: a.quads(x)}, answer{quads: b.quads(y)})
}

// unlimited is the answer to the query without LIMIT and OFFSET.
func unlimited(q question, tree *sparql.Query) table {
	whole := *tree
	whole.Limit, whole.Offset = nil, nil
	return newTable(evaluateQuery(indexed, question{q.form, q.quads, whole.String()}).quads)
}

// holds reports whether the rows of another table are all of this one's. Blank nodes, which may have other names, are not looked at.
func (t table) holds(part table) bool {
	if t.anyBlank() || part.anyBlank() {
		return true
	}
	there := t.counts(false)
	for text, n := range part.counts(false) {
		if n > there[text] {
			return false
		}
	}
	return true
}

// total reports whether the specification says of any two rows that are not the same, which one comes first.
func (t table) total(keys []sparql.OrderKey) bool {
	for i := 1; i < len(t.rows); i++ {
		order, ok := t.order(keys, i-1, i)
		if (!ok || order == 0) && t.text(t.rows[i-1]) != t.text(t.rows[i]) {
			return false
		}
	}
	return true
}

// misordered reports whether the order of some rows is another than the one that the specification says.
func (t table) misordered(keys []sparql.OrderKey) bool {
	for i := range t.rows {
		for j := range i {
			if order, ok := t.order(keys, j, i); ok && order > 0 {
				return true
			}
		}
	}
	return false
}

// order compares two rows, if the specification says how they are ordered.
func (t table) order(keys []sparql.OrderKey, i, j int) (order int, ok bool) {
	for _, key := range keys {
		node, ok := key.Expr.(*sparql.NodeExpr)
		if !ok || node.Node.Var == "" {
			return 0, false
		}
		order, ok := compareTerms(t.rows[i][string(node.Node.Var)], t.rows[j][string(node.Node.Var)])
		if key.Descending {
			order = -order
		}
		if order != 0 || !ok {
			return order, ok
		}
	}
	return 0, true
}

// compareTerms compares two terms as SPARQL 1.1, section 15.1, says: no value, blank nodes, IRIs, literals; IRIs as strings, and
// literals by "<", of which only that of integers and strings is used here.
func compareTerms(a, b rdf.Term) (order int, ok bool) {
	switch {
	case a == b:
		return 0, true
	case a.Kind() == rdf.KindTriple || b.Kind() == rdf.KindTriple:
		return 0, false
	case rank(a) != rank(b):
		return rank(a) - rank(b), true
	case a.Kind() == rdf.KindIRI:
		return strings.Compare(a.Value(), b.Value()), true
	case a.Kind() != rdf.KindLiteral || a.Datatype() != b.Datatype():
		return 0, false
	case a.Datatype() == rdf.XSDString:
		return strings.Compare(a.Value(), b.Value()), true
	case a.Datatype() == rdf.XSDInteger:
		x, okX := new(big.Int).SetString(a.Value(), 10)
		y, okY := new(big.Int).SetString(b.Value(), 10)
		if okX && okY {
			return x.Cmp(y), true
		}
	}
	return 0, false
}

func rank(t rdf.Term) int {
	return slices.Index([]rdf.Kind{rdf.KindNone, rdf.KindBlank, rdf.KindIRI, rdf.KindLiteral}, t.Kind())
}

func normalQuads(quads []rdf.Quad) (all []rdf.Quad) {
	for _, q := range quads {
		q.O = normal(q.O)
		all = append(all, q)
	}
	slices.SortFunc(all, rdf.Quad.Compare)
	return slices.Compact(all) // of what had a form each
}

// digits is how many behind the point are compared of a decimal: SPARQL says of no quotient how many it has.
const digits = 15

// normal is a number in a form that all those of its value have.
func normal(t rdf.Term) rdf.Term {
	if parts, ok := t.Triple(); ok {
		if whole, err := rdf.TripleTerm(parts.S, parts.P, normal(parts.O)); err == nil {
			return whole
		}
	}
	if t.Kind() != rdf.KindLiteral {
		return t
	}
	text := t.Value()
	switch t.Datatype() {
	case rdf.XSDInteger, rdf.XSDDecimal:
		if number, ok := new(big.Rat).SetString(text); ok && !strings.ContainsAny(text, "eE/xXoObB_pP ") {
			text = number.FloatString(digits)
			text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
	case rdf.XSDDouble:
		text = normalFloat(text, 64)
	case xsd + "float":
		text = normalFloat(text, 32)
	}
	if number, err := rdf.TypedLiteral(text, t.Datatype()); err == nil && t.Lang() == "" {
		return number
	}
	return t
}

func normalFloat(text string, bits int) string {
	if number, err := strconv.ParseFloat(text, bits); err == nil && !strings.ContainsAny(text, "xXpP_ ") && !strings.HasPrefix(strings.ToLower(text), "n") {
		return strconv.FormatFloat(number, 'E', -1, bits)
	}
	return text
}
