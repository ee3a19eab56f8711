// Package eval evaluates SPARQL over the quads of a store: queries over any [store.Reader], updates over a transaction, whose result is
// the effective delta.
//
// Solutions are rows of ids in blocks, which operators hand on to the next one. Terms are decoded where an expression needs their
// value, and of what is given out. Patterns are joined by a look at the index with what is bound, in an order that is chosen by the
// number of quads that fit; what can't be evaluated for one solution alone, or would be looked up more often than it has solutions,
// is evaluated once and joined by a hash table.
//
// A reader that answers patterns, counts and statistics from an index is expected: a store in memory has one once its Index was called.
//
// A query over many shards is divided ([Divide]): its fragments are evaluated by each shard ([Answerer]), what is above them by who asks,
// who knows the shards as [Shards].
//
// Nothing here has a clock or a random source of its own: [Identity] gives time and seed, so that the same update on the same quads
// gives the same delta. Goroutines, which ask several shards at a time, end before the call that has started them.
//
// Sources: SPARQL 1.1 and 1.2 Query Language, sections 17 and 18; SPARQL 1.1 Update, sections 3 and 4.
package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// The bounds of an evaluation unless [Options] says otherwise.
const (
	// DefaultSteps is the number of rows that all operators together make, of quads that they look at, and of parts that are compared
	// while their order is chosen.
	DefaultSteps = 100_000_000
	// DefaultMemory is the number of bytes that is held at a time, about: for sorting, hash tables, groups, and visited nodes.
	DefaultMemory = 512 << 20
	// DefaultDescription is the number of triples of one resource's description.
	DefaultDescription = 10_000
)

// Errors that can be tested for.
var (
	// ErrBudget is in every [BudgetError].
	ErrBudget = errors.New("query over its budget")
	// ErrService: SERVICE is off, or has failed.
	ErrService = errors.New("SERVICE can't be evaluated")
	// ErrLoad: LOAD is off, or has failed.
	ErrLoad = errors.New("LOAD can't be carried out")
)

// BudgetError says which bound of [Options] an evaluation has met. It is an [ErrBudget].
type BudgetError struct {
	// Bound is the name of the option: "Steps" or "Memory".
	Bound string
	// Limit is what it is.
	Limit int64
}

// Error names the bound and what to do.
func (e *BudgetError) Error() string {
	if e.Bound == "Memory" {
		return fmt.Sprintf("%v: it needs more than %d bytes at a time (option Memory); ask for less at once, or raise the bound",
			ErrBudget, e.Limit)
	}
	return fmt.Sprintf("%v: it took more than %d steps (option Steps: rows made and quads looked at); bind more of its patterns, "+
		"or raise the bound", ErrBudget, e.Limit)
}

// Unwrap returns [ErrBudget].
func (e *BudgetError) Unwrap() error { return ErrBudget }

// Options are what a query or an update is prepared with. The zero Options is good.
type Options struct {
	// Steps bounds what [DefaultSteps] counts, which 0 stands for, exactly.
	Steps int64
	// Memory bounds the bytes held at a time, about (0: [DefaultMemory]).
	Memory int64
	// Pool is what is held in together with other evaluations of queries; nil: there is no such bound.
	Pool *Pool
	// Description bounds the triples of one resource that DESCRIBE gives (0: [DefaultDescription]); those beyond are left out.
	Description int
	// UnionDefault makes the default graph the merge of all graphs, unless the query says what it is.
	UnionDefault bool
	// Base is what IRI() resolves relative IRIs against where the text says no BASE, "" for none.
	Base string
	// Service evaluates SERVICE. Without it, that is an [ErrService], and SERVICE SILENT has one empty solution.
	Service Service
	// Load reads the documents of LOAD. Without it, that is an [ErrLoad], and LOAD SILENT does nothing.
	Load Loader

	order func(candidates int) int // of tests: which part of a join is next
}

// Service evaluates the pattern of SERVICE at an endpoint.
type Service interface {
	// Select evaluates a query at the endpoint that the IRI names, and calls row for each solution, with a term for each of vars. It
	// returns the error of row, and one of its own for an endpoint that is not allowed.
	Select(ctx context.Context, endpoint rdf.Term, q *sparql.Query, vars []sparql.Var, row func([]rdf.Term) error) error
}

// Loader reads documents for LOAD.
type Loader interface {
	// Load reads the document that an IRI names and calls add for each of its quads; the graph of a quad doesn't count. Blank nodes are
	// the document's own, their labels begin with the prefix. It returns the error of add, and one of its own for a host that is not
	// allowed.
	Load(ctx context.Context, source rdf.Term, blankPrefix string, add func(rdf.Quad) error) error
}

// Identity is what makes an evaluation repeatable: who has the same, gets the same NOW, RAND, UUID, and labels of blank nodes.
type Identity struct {
	// ID is the identity of the event or of the request. Labels of blank nodes are made of it: two updates with the same ID make the
	// same ones.
	ID string
	// Time is what NOW gives.
	Time time.Time
}
