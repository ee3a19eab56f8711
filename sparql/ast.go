// Package sparql reads and writes SPARQL: Query and Update of 1.1, and of 1.2 what is stable (triple terms, reifiers, base
// direction, VERSION). It holds the syntax tree alone; what a query means is said by package sparql/algebra, and computed by
// package sparql/eval.
//
// The tree holds what the text says, with what is only short for something else written out: IRIs are absolute, "a" is rdf:type,
// lists, brackets, reifiers and annotations are triples with blank nodes of their own. So two texts that differ in nothing else have
// equal trees, and what [Query.String] writes is read as an equal tree.
//
// Sources: SPARQL 1.1 Query Language and SPARQL 1.1 Update (W3C recommendations of 2013), with their errata; SPARQL 1.2 Query
// Language. The names of productions, such as GroupGraphPatternSub, are those of the grammar there.
package sparql

import "github.com/quadrille-stream/quadrille/rdf"

// Pos is where something stands in the text: line and column from 1, the column counted in characters. Its zero value is nowhere,
// as in a tree that was not read.
type Pos struct {
	// Line and Column are from 1.
	Line, Column int
}

// Prefix is a declaration PREFIX.
type Prefix struct {
	// Name is without its colon, and may be empty.
	Name string
	// IRI is absolute.
	IRI string
}

// Prologue is what stands before a query, or before the operations of an update. It is of no consequence for what they mean; the
// writer takes its prefixes.
type Prologue struct {
	// Version is what VERSION says, "" without it.
	Version string
	// Prefixes are in the order of the text. Of two with the same name the later one counts for what follows it.
	Prefixes []Prefix
}

// Var is the name of a variable, without "?" or "$". Names that begin with a dot are of those that nobody writes: the parser and
// package algebra make them.
type Var string

// Node is what stands in a pattern for a term: exactly one of its fields is set. A blank node is a Term whose label is local to the
// query, and matches as a variable would.
type Node struct {
	// Var is a variable.
	Var Var
	// Term is an IRI, a literal or a blank node.
	Term rdf.Term
	// Triple is a triple term with a variable or a blank node in it, or with a subject that no term can have (a literal, a triple
	// term), which matches nothing. Any other one is a Term. Its own Path is nil.
	Triple *Triple
}

// Triple is a pattern of a triple. If Path is set it takes the place of P.
type Triple struct {
	// S, P and O are subject, predicate and object.
	S, P, O Node
	// Path is the property path, nil for a simple predicate.
	Path Path
	// Pos is where its subject, or what it is short for, begins.
	Pos Pos
}

// Quad is a pattern of a quad, in the templates and data of an update. G is the zero Node for the default graph.
type Quad struct {
	Triple
	// G is the graph: an IRI, a variable, or the zero Node.
	G Node
}

// Form says what a query gives.
type Form uint8

// The forms of a query.
const (
	Select Form = iota
	Construct
	Describe
	Ask
)

// Query is a query, or, as a [SubSelect], one inside another.
type Query struct {
	Prologue
	// Form says which of the fields below count.
	Form Form
	// Distinct and Reduced are those of SELECT.
	Distinct, Reduced bool
	// Star: SELECT * or DESCRIBE *.
	Star bool
	// Project is what SELECT names, in order.
	Project []Projection
	// Template is that of CONSTRUCT. CONSTRUCT WHERE has it, too.
	Template []Triple
	// Describe is what DESCRIBE names: variables and IRIs.
	Describe []Node
	// Dataset is what FROM and FROM NAMED say.
	Dataset Dataset
	// Where is never nil but for a DESCRIBE without it.
	Where *Group
	// GroupBy is the keys of GROUP BY. A query with aggregates and none of them has one group.
	GroupBy []GroupKey
	// Having is conditions that must all be true of a group.
	Having []Expr
	// OrderBy is the keys of ORDER BY, the first one first.
	OrderBy []OrderKey
	// Limit and Offset are nil without LIMIT and OFFSET.
	Limit, Offset *int64
	// Values is VALUES behind all, nil without it.
	Values *InlineData
}

// Dataset names the graphs that a query, or the WHERE of an update, is about. Both empty: those of the store.
type Dataset struct {
	// Default are merged into the default graph, Named are named.
	Default, Named []rdf.Term
}

// Projection is one column of a SELECT: a variable, or an expression AS a variable.
type Projection struct {
	// Var is the column's name.
	Var Var
	// Expr is nil for a variable alone.
	Expr Expr
}

// GroupKey is a key of GROUP BY: a variable (Expr nil), or an expression, with or without AS Var.
type GroupKey struct {
	// Var is "" for an expression without AS.
	Var Var
	// Expr is nil for a variable alone.
	Expr Expr
}

// OrderKey is a key of ORDER BY.
type OrderKey struct {
	// Expr is what the solutions are ordered by.
	Expr Expr
	// Descending is that of DESC.
	Descending bool
}

// Pattern is an element of a group: one of [*Triples], [*Filter], [*Optional], [*Union], [*Minus], [*GraphPattern], [*Service],
// [*Bind], [*InlineData], [*SubSelect] and [*Group].
type Pattern interface{ pattern() }

// Group is { … }: its elements in the order of the text, which matters.
type Group struct {
	// Elements are in the order of the text. None of them is nil.
	Elements []Pattern
	// Pos is where its brace stands.
	Pos Pos
}

// Triples is a block of triples and paths that follow each other. Two blocks with only a FILTER between them are one basic graph
// pattern nonetheless (18.2.2.5).
type Triples struct {
	// Triples are in the order of the text; those that something inside of a triple is short for come before it.
	Triples []Triple
}

// Filter is FILTER.
type Filter struct {
	// Expr is the condition.
	Expr Expr
	// Pos is where FILTER stands.
	Pos Pos
}

// Optional is OPTIONAL { … }.
type Optional struct {
	// Group is what need not match.
	Group *Group
}

// Union is { … } UNION { … } UNION …, of at least two.
type Union struct {
	// Groups are in the order of the text.
	Groups []*Group
}

// Minus is MINUS { … }.
type Minus struct {
	// Group is what takes solutions away.
	Group *Group
}

// GraphPattern is GRAPH name { … }; the name is an IRI or a variable.
type GraphPattern struct {
	// Name is that of the graph.
	Name Node
	// Group is what is matched in it.
	Group *Group
}

// Service is SERVICE [SILENT] name { … }.
type Service struct {
	// Silent: a failure is one solution without variables.
	Silent bool
	// Name is that of the endpoint.
	Name Node
	// Group is what is matched there.
	Group *Group
	// Pos is where SERVICE stands.
	Pos Pos
}

// Bind is BIND(Expr AS Var).
type Bind struct {
	// Expr is the value of Var, which is in no solution before.
	Expr Expr
	// Var gets the value.
	Var Var
	// Pos is where BIND stands.
	Pos Pos
}

// InlineData is VALUES. Each row has a term for each variable, the zero Term for UNDEF. Triple terms without variables are terms.
type InlineData struct {
	// Vars are different from each other.
	Vars []Var
	// Rows have as many terms as there are variables.
	Rows [][]rdf.Term
}

// SubSelect is a SELECT as the whole of a group.
type SubSelect struct {
	// Query is a SELECT without prologue and dataset.
	Query *Query
}

func (*Group) pattern()        {}
func (*Triples) pattern()      {}
func (*Filter) pattern()       {}
func (*Optional) pattern()     {}
func (*Union) pattern()        {}
func (*Minus) pattern()        {}
func (*GraphPattern) pattern() {}
func (*Service) pattern()      {}
func (*Bind) pattern()         {}
func (*InlineData) pattern()   {}
func (*SubSelect) pattern()    {}

// Path is a property path: one of [PathIRI], [*PathInverse], [*PathSequence], [*PathAlternative], [*PathRepeat] and [*PathNegated].
// A path that is a single IRI is the predicate of its [Triple], and no path.
type Path interface{ path() }

// PathIRI is a predicate.
type PathIRI struct {
	// IRI is the predicate.
	IRI rdf.Term
}

// PathInverse is ^Path.
type PathInverse struct {
	// Path is followed from object to subject.
	Path Path
}

// PathSequence is Left / Right.
type PathSequence struct {
	// Left leads to what Right begins at.
	Left, Right Path
}

// PathAlternative is Left | Right.
type PathAlternative struct {
	// Left and Right are two ways.
	Left, Right Path
}

// PathRepeat is Path?, Path* or Path+.
type PathRepeat struct {
	// Path is followed again and again.
	Path Path
	// Zero: none will do (? and *). Many: more than one will (* and +).
	Zero, Many bool
}

// PathNegated is !(…): any predicate but these, forward and backward. Without any of either, that direction isn't gone (but for
// "!()", which has none of both and goes forward).
type PathNegated struct {
	// Forward are the predicates without ^, Backward those with it.
	Forward, Backward []rdf.Term
}

func (PathIRI) path()          {}
func (*PathInverse) path()     {}
func (*PathSequence) path()    {}
func (*PathAlternative) path() {}
func (*PathRepeat) path()      {}
func (*PathNegated) path()     {}

// Expr is an expression: one of [*NodeExpr], [*Unary], [*Binary], [*In], [*Call], [*Function], [*Aggregate] and [*Exists].
type Expr interface{ expr() }

// NodeExpr is a variable, a term, or a triple term of them. It has no blank node in it.
type NodeExpr struct {
	// Node is the variable or the term.
	Node Node
	// Pos is where it begins.
	Pos Pos
}

// Op is an operator of expressions.
type Op string

// The operators. Not, UnaryMinus and UnaryPlus are those of [Unary], all others of [Binary].
const (
	Or           Op = "||"
	And          Op = "&&"
	Equal        Op = "="
	NotEqual     Op = "!="
	Less         Op = "<"
	Greater      Op = ">"
	LessEqual    Op = "<="
	GreaterEqual Op = ">="
	Add          Op = "+"
	Subtract     Op = "-"
	Multiply     Op = "*"
	Divide       Op = "/"
	Not          Op = "!"
	UnaryMinus   Op = "-"
	UnaryPlus    Op = "+"
)

// Unary is an operator with one operand.
type Unary struct {
	// Op is Not, UnaryMinus or UnaryPlus.
	Op Op
	// Expr is the operand.
	Expr Expr
}

// Binary is an operator with two operands.
type Binary struct {
	// Op is one of the others.
	Op Op
	// Left and Right are the operands.
	Left, Right Expr
}

// In is Expr [NOT] IN (List).
type In struct {
	// Not is that of NOT IN.
	Not bool
	// Expr is what is looked for.
	Expr Expr
	// List may be empty.
	List []Expr
}

// Call is a call of a built-in function.
type Call struct {
	// Name is in capitals, as in the grammar: "STRLEN", "ISIRI" ("isURI" is ISURI), "BNODE", "IF", "COALESCE", "TRIPLE", "LANGDIR", …
	Name string
	// Args are as many as the function takes. That of BOUND is a variable.
	Args []Expr
	// Pos is where the name stands.
	Pos Pos
}

// Function is a call of a function that an IRI names, such as a cast.
type Function struct {
	// IRI is the name.
	IRI rdf.Term
	// Distinct is for aggregates of one's own.
	Distinct bool
	// Args are the arguments.
	Args []Expr
	// Pos is where the name stands.
	Pos Pos
}

// Aggregate is COUNT, SUM, MIN, MAX, AVG, SAMPLE or GROUP_CONCAT.
type Aggregate struct {
	// Name is in capitals.
	Name string
	// Distinct counts equal values once.
	Distinct bool
	// Expr is nil for COUNT(*).
	Expr Expr
	// Separator is that of GROUP_CONCAT, nil if it isn't named (it is a space then).
	Separator *string
	// Pos is where the name stands.
	Pos Pos
}

// Exists is [NOT] EXISTS { … }.
type Exists struct {
	// Not is that of NOT EXISTS.
	Not bool
	// Group is what is to have a solution, or none.
	Group *Group
	// Pos is where EXISTS or NOT stands.
	Pos Pos
}

func (*NodeExpr) expr()  {}
func (*Unary) expr()     {}
func (*Binary) expr()    {}
func (*In) expr()        {}
func (*Call) expr()      {}
func (*Function) expr()  {}
func (*Aggregate) expr() {}
func (*Exists) expr()    {}

// Update is a sequence of operations, each of which sees what those before it did.
type Update struct {
	Prologue
	// Operations are done in their order.
	Operations []Operation
}

// Operation is one of [*InsertData], [*DeleteData], [*Modify], [*Load], [*Manage] and [*Transfer].
type Operation interface{ operation() }

// InsertData is INSERT DATA. Its quads have no variables.
type InsertData struct {
	// Quads come in.
	Quads []Quad
}

// DeleteData is DELETE DATA. Its quads have neither variables nor blank nodes.
type DeleteData struct {
	// Quads go away.
	Quads []Quad
}

// Modify is DELETE … INSERT … WHERE, and DELETE WHERE, whose pattern is its template, too.
type Modify struct {
	// With is the graph of WITH, the zero Term without it.
	With rdf.Term
	// Delete and Insert are the templates.
	Delete, Insert []Quad
	// HasDelete and HasInsert tell an empty template from none.
	HasDelete, HasInsert bool
	// Using is what USING and USING NAMED say.
	Using Dataset
	// Where is never nil.
	Where *Group
}

// Load is LOAD [SILENT] Source [INTO GRAPH Into]; Into is the zero Term for the default graph.
type Load struct {
	// Silent: a failure is none.
	Silent bool
	// Source is the document, Into the graph.
	Source, Into rdf.Term
}

// Action is what [Manage] does.
type Action string

// The actions.
const (
	Create Action = "CREATE"
	Clear  Action = "CLEAR"
	Drop   Action = "DROP"
)

// Target says which graphs: one that is named, the default graph, all that are named, or all.
type Target struct {
	// Graph is set for TargetGraph alone.
	Graph rdf.Term
	Kind  TargetKind
}

// TargetKind is the kind of a [Target].
type TargetKind uint8

// The kinds of target.
const (
	TargetGraph TargetKind = iota
	TargetDefault
	TargetNamed
	TargetAll
)

// Manage is CREATE, CLEAR or DROP.
type Manage struct {
	// Action says what is done.
	Action Action
	// Silent: a failure is none.
	Silent bool
	// Target says to which graphs; CREATE has one that is named.
	Target Target
}

// TransferKind is what [Transfer] does.
type TransferKind string

// The kinds of transfer.
const (
	TransferAdd  TransferKind = "ADD"
	TransferMove TransferKind = "MOVE"
	TransferCopy TransferKind = "COPY"
)

// Transfer is ADD, MOVE or COPY. From and To are graphs, the zero Term for the default graph.
type Transfer struct {
	// Kind says what is done.
	Kind TransferKind
	// Silent: a failure is none.
	Silent bool
	// From and To are IRIs, or the zero Term.
	From, To rdf.Term
}

func (*InsertData) operation() {}
func (*DeleteData) operation() {}
func (*Modify) operation()     {}
func (*Load) operation()       {}
func (*Manage) operation()     {}
func (*Transfer) operation()   {}
