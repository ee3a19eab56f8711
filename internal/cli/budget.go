package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/expr"
)

// budgetFlags bound what a query or an update may take.
type budgetFlags struct {
	Timeout   time.Duration `env:"-" default:"0s" help:"How long it may take once the data is read. 0s: as long as --max-steps lets it."`
	MaxMemory byteSize      `env:"-" default:"512MiB" help:"Memory for what is held at a time while it is evaluated, besides the data."`
	MaxSteps  int64         `env:"-" default:"100000000" help:"How many rows all parts of it may make, quads they may look at, and parts that may be compared to find their order, all together."`
}

// check looks at the flags.
func (f *budgetFlags) check() error {
	switch {
	case f.Timeout < 0:
		return usagef("--timeout=%v: expected 0s or more", f.Timeout)
	case f.MaxMemory < 1:
		return usagef("--max-memory=%v: expected more", f.MaxMemory)
	case f.MaxSteps < 1:
		return usagef("--max-steps=%d: expected 1 or more", f.MaxSteps)
	}
	return nil
}

// options are those of an evaluation.
func (f *budgetFlags) options(base string, services *serviceFlag) eval.Options {
	return eval.Options{Base: base, Memory: int64(f.MaxMemory), Steps: f.MaxSteps, Description: math.MaxInt,
		Service: services.service(int64(f.MaxMemory))}
}

// bound runs fn within the time, and says of its error where it belongs and which flag raises the bound that was met.
func (f *budgetFlags) bound(ctx context.Context, file string, fn func(ctx context.Context) error) error {
	within, cancel := ctx, func() {}
	if f.Timeout > 0 {
		within, cancel = context.WithTimeout(ctx, f.Timeout)
	}
	defer cancel()
	err := fn(within)
	if err == nil || ctx.Err() != nil {
		return err
	}
	var over *eval.BudgetError
	switch {
	case errors.As(err, &over):
		what := fmt.Sprintf("it took more than %d steps (rows made and quads looked at); bind more of its patterns, or raise the bound with --max-steps N", over.Limit)
		if over.Bound == "Memory" {
			what = fmt.Sprintf("it needs more than %v at a time; ask for less at once, or raise the bound with --max-memory SIZE", byteSize(over.Limit))
		}
		return located(file, strings.Replace(err.Error(), over.Error(), fmt.Sprintf("%v: %s", eval.ErrBudget, what), 1))
	case errors.Is(err, context.DeadlineExceeded):
		return located(file, fmt.Sprintf("%v: it took longer than %v; --timeout raises the bound", eval.ErrBudget, f.Timeout))
	case isEvaluation(err):
		return located(file, err.Error())
	}
	return err
}

// isEvaluation reports whether an error is of the text that was evaluated, and not of what its result was written to.
func isEvaluation(err error) bool {
	for _, of := range []error{eval.ErrService, eval.ErrLoad, eval.ErrNoGraph, expr.ErrLimit} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// evaluationPlace is how an error of an evaluation says where it is.
var evaluationPlace = regexp.MustCompile(`^(.*?)line (\d+), column (\d+): `)

// located is an error that begins with the file, as those of readers do, and the place if it has one.
func located(file, text string) error {
	text = strings.ReplaceAll(text, "\n", ": ")
	if m := evaluationPlace.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s:%s: %s%s", file, m[2], m[3], m[1], text[len(m[0]):])
	}
	return fmt.Errorf("%s: %s", file, text)
}
