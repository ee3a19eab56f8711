// Package algebra says what SPARQL patterns mean: it makes algebra of the syntax tree, as section 18.2 of SPARQL 1.1 says, and
// rewrites it where the result is always the same. Variables are slots: those of a sub-select that it doesn't project have slots of
// their own, as have blank nodes and the variables that sequences of paths need.
//
// It is pure, and knows nothing of stores. What it makes is not changed any more, so that it may be shared.
package algebra

import (
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Slot is the number of a variable in a query, from 0.
type Slot int

// None is the slot of a [Node] that is no variable.
const None Slot = -1

// Node is a place of a pattern: a variable (Slot is not None), a term, or a triple term with variables in it. One with the zero Term
// and nothing else is the default graph.
type Node struct {
	Slot   Slot
	Term   rdf.Term
	Triple *Triple
}

// Triple is a triple of nodes, in templates and triple terms.
type Triple struct{ S, P, O Node }

// Op is an operator: one of [Unit], [Nothing], [*Pattern], [*Path], [*Graphs], [*Graph], [*Join], [*LeftJoin], [*Minus], [*Union],
// [*Filter], [*Extend], [*Values], [*Service], [*Group], [*Project], [*Distinct], [*Order] and [*Slice].
type Op interface{ op() }

// Unit has one solution, which binds nothing.
type Unit struct{}

// Nothing has no solution.
type Nothing struct{}

// Pattern is a triple pattern in a graph.
type Pattern struct {
	S, P, O, G Node
	Pos        sparql.Pos
}

// Path is a property path that is no pattern: [*sparql.PathRepeat], or [*sparql.PathNegated] in one direction.
type Path struct {
	S, O, G Node
	Path    sparql.Path
	Pos     sparql.Pos
}

// Graphs has a solution for each named graph of the dataset (a variable), or one if there is that graph.
type Graphs struct{ Name Node }

// Graph is GRAPH with a variable, where it has to be evaluated for one graph after the other: Each is the slot that holds the graph
// for Op, Name the variable, which Op doesn't see.
type Graph struct {
	Name, Each Slot
	Op         Op
}

// Join joins its parts, of which there are at least two, none of them a Join.
type Join struct{ Parts []Op }

// LeftJoin is OPTIONAL, with the filters of its group.
type LeftJoin struct {
	Left, Right Op
	Conditions  []*Expr
}

// Minus is MINUS.
type Minus struct{ Left, Right Op }

// Union is UNION.
type Union struct{ Parts []Op }

// Filter keeps what all conditions hold for.
type Filter struct {
	Op         Op
	Conditions []*Expr
}

// Extend binds a variable to the value of an expression.
type Extend struct {
	Op   Op
	Slot Slot
	Expr *Expr
}

// Values is VALUES: rows of terms, the zero Term where one is not bound.
type Values struct {
	Slots []Slot
	Rows  [][]rdf.Term
}

// Service is SERVICE: the pattern is evaluated elsewhere, as the query that is in Query.
type Service struct {
	Name   Node
	Silent bool
	// Query is SELECT * of the pattern; Vars and Slots are its columns.
	Query *sparql.Query
	Vars  []sparql.Var
	Slots []Slot
	Pos   sparql.Pos
}

// Group is GROUP BY with its aggregates. Without keys there is one group, also of nothing.
type Group struct {
	Op         Op
	Keys       []Key
	Aggregates []Aggregate
}

// Key is a key of a group. Expr is nil if it is the variable itself.
type Key struct {
	Slot Slot
	Expr *Expr
}

// Aggregate binds a slot to an aggregate of a group.
type Aggregate struct {
	Slot Slot
	Call *sparql.Aggregate
	// Scope is what its expression is compiled in.
	Expr *Expr
	// Visible are the variables that COUNT(DISTINCT *) compares.
	Visible []Slot
}

// Project keeps these variables.
type Project struct {
	Op    Op
	Slots []Slot
}

// Distinct is DISTINCT (or REDUCED, for which it will do) over the variables of a [Project].
type Distinct struct {
	Op    Op
	Slots []Slot
}

// Order is ORDER BY.
type Order struct {
	Op   Op
	Keys []OrderKey
}

// OrderKey is a key of ORDER BY.
type OrderKey struct {
	Expr       *Expr
	Descending bool
}

// Slice is OFFSET and LIMIT; Limit is -1 without one.
type Slice struct {
	Op            Op
	Offset, Limit int64
}

func (Unit) op()      {}
func (Nothing) op()   {}
func (*Pattern) op()  {}
func (*Path) op()     {}
func (*Graphs) op()   {}
func (*Graph) op()    {}
func (*Join) op()     {}
func (*LeftJoin) op() {}
func (*Minus) op()    {}
func (*Union) op()    {}
func (*Filter) op()   {}
func (*Extend) op()   {}
func (*Values) op()   {}
func (*Service) op()  {}
func (*Group) op()    {}
func (*Project) op()  {}
func (*Distinct) op() {}
func (*Order) op()    {}
func (*Slice) op()    {}

// Expr is an expression with what its names mean where it stands.
type Expr struct {
	Expr sparql.Expr
	// Uses are the variables in it, those in the patterns of EXISTS among them.
	Uses Set
	// Exists are the patterns of EXISTS, in the order of the text.
	Exists []Exists

	vars       map[sparql.Var]Slot
	aggregates map[*sparql.Aggregate]Slot
}

// Exists is the pattern of an EXISTS, in the tree and in algebra.
type Exists struct {
	Group *sparql.Group
	Op    Op
}

// Slot returns the slot of a variable; ok is false for one that no pattern has.
func (e *Expr) Slot(v sparql.Var) (s Slot, ok bool) {
	s, ok = e.vars[v]
	return s, ok
}

// Aggregate returns the slot of an aggregate.
func (e *Expr) Aggregate(a *sparql.Aggregate) (s Slot, ok bool) {
	s, ok = e.aggregates[a]
	return s, ok
}

// Query is a query, or the WHERE of an update, in algebra.
type Query struct {
	Op Op
	// Names has the variable of each slot; those that nobody has written begin with a dot.
	Names []sparql.Var
	// Columns are the slots of a SELECT's columns, Vars their names.
	Columns []Slot
	Vars    []sparql.Var
	// Template is that of CONSTRUCT, Describe what DESCRIBE names. Blank nodes in them are terms.
	Template []Triple
	Describe []Node
	// Ordered: the solutions have an order, which ORDER BY says.
	Ordered bool
}

// Quad is a triple of nodes with a graph, in the templates of an update.
type Quad struct {
	Triple
	G Node
}
