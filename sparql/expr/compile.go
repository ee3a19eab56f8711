package expr

import (
	"errors"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// Compile makes a function of an expression.
func Compile(e sparql.Expr, env *Env) (Func, error) { return nil, errors.New("not yet") }

// Test computes an expression as FILTER and HAVING do: its effective boolean value, false for an error of the expression.
func (f Func) Test(s Solution) (bool, error) { return false, nil }

// Aggregator computes an aggregate over one group. It must not be used concurrently.
type Aggregator interface {
	// Add takes a solution of the group. An error ends the query: one of the expression is part of the aggregate's result.
	Add(s Solution) error
	// Result returns the aggregate's value; bound is false if the aggregate is an error (18.5.1). It may be called once.
	Result() (v value.Value, bound bool, err error)
}

// NewAggregator compiles an aggregate, whose argument is computed in env: the function that it returns makes an Aggregator for a group.
func NewAggregator(a *sparql.Aggregate, env *Env) (func() Aggregator, error) { return nil, errors.New("not yet") }
