package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/internal/mutants"
)

// report compares what came of the mutants of one package with the list, and brings the list up to date.
type report struct {
	list   mutants.List
	counts map[mutants.Outcome]int
	wrong  int
}

func (r *report) try(ctx context.Context, runner *mutants.Runner, t mutants.Target, o options) error {
	all, err := mutants.Of(".", t.Package)
	if err != nil {
		return err
	}
	r.gone(t.Package, all)
	chosen := r.choose(all, o)
	batch, err := runner.Compile(ctx, t, chosen)
	if err != nil {
		return err
	}
	for _, m := range chosen {
		outcome, err := batch.Try(ctx, m)
		if err != nil {
			return err
		}
		if o.verbose {
			fmt.Printf("%-12s %s\n", outcome, m)
		}
		r.take(m, outcome)
	}
	fmt.Printf("%s: %d of %d mutants tried, seed %s: %d found, %d timed out, %d survived, %d not compiled\n", t.Package, len(chosen), len(all),
		o.seed, r.counts[mutants.Found], r.counts[mutants.TimedOut], r.counts[mutants.Survived], r.counts[mutants.NotCompiled])
	return nil
}

// choose returns the sample but for what is skipped, and the listed mutants that are not in it; of both what matches.
func (r *report) choose(all []mutants.Mutant, o options) []mutants.Mutant {
	n := len(all)
	if o.sample > 0 {
		n = min(n, o.sample)
	}
	ordered := mutants.Sample(all, o.seed, len(all))
	chosen := ordered[min(o.skip, n):n:n]
	for _, m := range slices.Concat(ordered[:min(o.skip, n)], ordered[n:]) {
		if _, listed := r.list.Reasons[m.String()]; listed {
			chosen = append(chosen, m)
		}
	}
	return slices.DeleteFunc(chosen, func(m mutants.Mutant) bool { return !o.match.MatchString(m.String()) })
}

// gone takes the listed mutants of a package out that the code doesn't have any more.
func (r *report) gone(pkg string, all []mutants.Mutant) {
	left := maps.Clone(r.list.Reasons)
	for _, m := range all {
		delete(left, m.String())
	}
	for _, name := range (mutants.List{Reasons: left}).Of(pkg) {
		r.say("listed, but not in the code any more", name)
		delete(r.list.Reasons, name)
	}
}

func (r *report) take(m mutants.Mutant, outcome mutants.Outcome) {
	r.counts[outcome]++
	name := m.String()
	_, listed := r.list.Reasons[name]
	switch {
	case outcome == mutants.Survived && !listed:
		r.say("survived, and not listed", name)
		r.list.Reasons[name] = ""
	case outcome != mutants.Survived && listed:
		r.say("listed, but "+string(outcome), name)
		delete(r.list.Reasons, name)
	}
}

func (r *report) say(what, name string) {
	fmt.Printf("%s: %s\n", what, name)
	r.wrong++
}
