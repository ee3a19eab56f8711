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
	// Slot is the variable, None for the others.
	Slot Slot
	// Term is an IRI, a literal, a triple term without variables, or in templates a blank node.
	Term rdf.Term
	// Triple is a triple term with variables.
	Triple *Triple
}

// Triple is a triple of nodes, in templates and triple terms.
type Triple struct {
	// S, P and O are subject, predicate and object.
	S, P, O Node
}

// Op is an operator: one of [Unit], [Nothing], [*Pattern], [*Path], [*Graphs], [*Graph], [*Join], [*LeftJoin], [*Minus], [*Union],
// [*Filter], [*Extend], [*Values], [*Service], [*Group], [*Project], [*Distinct], [*Order], [*Slice] and, in a query that was
// divided among shards, [*Fragment].
type Op interface{ op() }

// Unit has one solution, which binds nothing.
type Unit struct{}

// Nothing has no solution.
type Nothing struct{}

// Pattern is a triple pattern in a graph.
type Pattern struct {
	// S, P and O are subject, predicate and object, G is the graph.
	S, P, O, G Node
	// Pos is where it stands in the text.
	Pos sparql.Pos
}

// Path is a property path that is no pattern: [*sparql.PathRepeat], or [*sparql.PathNegated] in one direction.
type Path struct {
	// S and O are the ends, G is the graph.
	S, O, G Node
	// Path is what lies between.
	Path sparql.Path
	// Pos is where it stands in the text.
	Pos sparql.Pos
}

// Graphs has a solution for each named graph of the dataset (a variable), or one if there is that graph.
type Graphs struct {
	// Name is a variable or an IRI.
	Name Node
}

// Graph is GRAPH with a variable, where it has to be evaluated for one graph after the other: Each is the slot that holds the graph
// for Op, Name the variable, which Op doesn't see.
type Graph struct {
	// Name is the variable, Each the slot of the graph in Op.
	Name, Each Slot
	// Op is the pattern.
	Op Op
}

// Join joins its parts, of which there are at least two, none of them a Join.
type Join struct {
	// Parts are in the order of the text, which is of no consequence.
	Parts []Op
}

// LeftJoin is OPTIONAL, with the filters of its group.
type LeftJoin struct {
	// Left stays, Right is optional.
	Left, Right Op
	// Conditions are those of the optional group.
	Conditions []*Expr
}

// Minus is MINUS.
type Minus struct {
	// Left stays, but for what Right has.
	Left, Right Op
}

// Union is UNION.
type Union struct {
	// Parts are at least two.
	Parts []Op
}

// Filter keeps what all conditions hold for.
type Filter struct {
	// Op is what is filtered.
	Op Op
	// Conditions must all be true.
	Conditions []*Expr
}

// Extend binds a variable to the value of an expression.
type Extend struct {
	// Op is what is extended.
	Op Op
	// Slot is the variable.
	Slot Slot
	// Expr is its value; after an error of it, the variable is not bound.
	Expr *Expr
}

// Values is VALUES: rows of terms, the zero Term where one is not bound.
type Values struct {
	// Slots are the variables.
	Slots []Slot
	// Rows have a term for each of them.
	Rows [][]rdf.Term
}

// Service is SERVICE: the pattern is evaluated elsewhere, as the query that is in Query.
type Service struct {
	// Name is the endpoint: an IRI or a variable.
	Name Node
	// Silent is that of SERVICE SILENT.
	Silent bool
	// Query is SELECT * of the pattern.
	Query *sparql.Query
	// Vars and Slots are its columns.
	Vars  []sparql.Var
	Slots []Slot
	// Pos is where it stands in the text.
	Pos sparql.Pos
}

// Group is GROUP BY with its aggregates. Without keys there is one group, also of nothing.
type Group struct {
	// Op is what is grouped.
	Op Op
	// Keys are those of GROUP BY.
	Keys []Key
	// Aggregates are computed of each group.
	Aggregates []Aggregate
	// Partial: the groups are parts of others, so that there is none of nothing.
	Partial bool
}

// Key is a key of a group.
type Key struct {
	// Slot is the variable.
	Slot Slot
	// Expr is what it is bound to, nil if it is the variable itself.
	Expr *Expr
}

// Aggregate binds a slot to an aggregate of a group.
type Aggregate struct {
	// Slot is the variable.
	Slot Slot
	// Call is the aggregate.
	Call *sparql.Aggregate
	// Expr is its argument, with what names mean in it; "true" for COUNT(*).
	Expr *Expr
	// Visible are the variables that COUNT(DISTINCT *) compares.
	Visible []Slot
}

// Project keeps these variables.
type Project struct {
	// Op is what is projected.
	Op Op
	// Slots are what is kept.
	Slots []Slot
}

// Distinct is DISTINCT (or REDUCED, for which it will do) over the variables of a [Project].
type Distinct struct {
	// Op is a Project.
	Op Op
	// Slots are what is compared.
	Slots []Slot
}

// Order is ORDER BY.
type Order struct {
	// Op is what is ordered.
	Op Op
	// Keys count in their order.
	Keys []OrderKey
}

// OrderKey is a key of ORDER BY.
type OrderKey struct {
	// Expr is what is compared; an error of it counts as no value.
	Expr *Expr
	// Descending is DESC.
	Descending bool
}

// Slice is OFFSET and LIMIT; Limit is -1 without one.
type Slice struct {
	// Op is what is sliced.
	Op Op
	// Offset rows are left out, and Limit are given at most.
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
	// Expr is the tree.
	Expr sparql.Expr
	// Uses are the variables in it, those in the patterns of EXISTS among them.
	Uses Set
	// Exists are the patterns of EXISTS, in the order of the text.
	Exists []Exists

	vars       variables
	aggregates map[*sparql.Aggregate]Slot
}

// Exists is the pattern of an EXISTS, in the tree and in algebra.
type Exists struct {
	// Group is the pattern in the tree.
	Group *sparql.Group
	// Op is the pattern in algebra.
	Op Op
}

// Slot returns the slot of a variable of the expression; ok is false for any other.
func (e *Expr) Slot(v sparql.Var) (s Slot, ok bool) {
	return e.vars.slot(v)
}

// Aggregate returns the slot of an aggregate.
func (e *Expr) Aggregate(a *sparql.Aggregate) (s Slot, ok bool) {
	s, ok = e.aggregates[a]
	return s, ok
}

// Query is a query, or the WHERE of an update, in algebra.
type Query struct {
	// Op is the pattern with the modifiers.
	Op Op
	// Names has the variable of each slot; those that nobody has written begin with a dot.
	Names []sparql.Var
	// Columns are the slots of a SELECT's columns, Vars their names.
	Columns []Slot
	Vars    []sparql.Var
	// Template is that of CONSTRUCT, Describe what DESCRIBE names. Blank nodes in them are terms.
	Template []Triple
	Describe []Node
}

// Quad is a triple of nodes with a graph, in the templates of an update.
type Quad struct {
	Triple
	// G is the graph.
	G Node
}
