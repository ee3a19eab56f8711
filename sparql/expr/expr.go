// Package expr makes functions of SPARQL expressions, and aggregators of aggregates. It knows nothing of patterns and stores: a
// variable is a slot of a solution, and EXISTS is computed by whoever compiles.
//
// It is pure: what differs from one run to another (time, randomness) is given by [Env], so that an expression which is computed
// again, for the same solution, gives the same. Functions may be called concurrently.
//
// Source: SPARQL 1.1 and 1.2 Query Language, sections 11, 17 and 18.5.1.
package expr

import (
	"errors"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// Func computes an expression for a solution. [value.ErrType], or an error that wraps it, is an error of the expression as SPARQL
// means it: FILTER drops the solution, BIND leaves it unbound, and || && IF COALESCE IN handle it. Any other error (of the store, of a
// budget, of a context) ends the query.
type Func func(s Solution) (value.Value, error)

// Solution is what expressions read of a solution.
type Solution interface {
	// Value returns the value of a variable, by its slot; bound is false if it has none. An error ends the query.
	Value(slot int) (v value.Value, bound bool, err error)
	// Number is another one for each solution of the query that expressions are computed for: BNODE("x") gives one blank node for all
	// expressions of one solution.
	Number() uint64
}

// ErrLimit is in the error of an expression whose result is over a bound of [Env]. It ends the query.
var ErrLimit = errors.New("expression over its limit")

// DefaultTextLimit is what [Env.TextLimit] is if it isn't set: 1 MiB.
const DefaultTextLimit = 1 << 20

// Env is what expressions are compiled in. One query has one, for all its expressions: it counts the calls of functions that give
// something new. It must not be used concurrently; what it compiles may.
type Env struct {
	// Slot returns the slot of a variable; ok is false for one that is never bound.
	Slot func(v sparql.Var) (slot int, ok bool)
	// Exists compiles the pattern of EXISTS. Without it, EXISTS can't be compiled.
	Exists func(g *sparql.Group) (func(s Solution) (bool, error), error)
	// Aggregate says in which slot the value of an aggregate is, behind grouping. Without it, or if ok is false, an aggregate can't be
	// compiled.
	Aggregate func(a *sparql.Aggregate) (slot int, ok bool)
	// Distinct returns the slots of the variables that COUNT(DISTINCT *) compares. Without it, that can't be compiled.
	Distinct func() []int
	// Now is what NOW() gives.
	Now time.Time
	// Seed is what RAND, UUID, STRUUID and BNODE are made of, with the number of the solution and the place of the call: the same
	// seed gives the same values.
	Seed [16]byte
	// Base is what IRI() resolves against, "" for none.
	Base string
	// TextLimit is the length in bytes that a computed string may have, [DefaultTextLimit] if it is 0.
	TextLimit int
	// Spend is told how many bytes an aggregator keeps from now on; an error ends the query. Nil: nobody counts.
	Spend func(bytes int) error
	// Work is told what was done, in about the time of one operator on small values; an error ends the query. Long texts and lists, and
	// what a regular expression takes, count as many. Nil: nobody counts.
	Work func(n int) error

	calls   uint64
	unknown []rdf.Term
}

// Unknown returns the functions that expressions compiled so far call and nobody knows: each call is an error of the expression, as
// SPARQL says (17.6).
func (env *Env) Unknown() []rdf.Term { return env.unknown }
