package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// answer writes the result.
func (a *asking) answer(ctx context.Context, w io.Writer) error {
	switch a.tree.Form {
	case sparql.Ask:
		return a.boolean(ctx, w)
	case sparql.Select:
		if a.as == asTable {
			return a.table(ctx, w)
		}
		return a.solutions(ctx, w)
	default:
		return a.triples(ctx, w)
	}
}

func (a *asking) boolean(ctx context.Context, w io.Writer) error {
	found, err := a.from.holds(ctx)
	if err != nil {
		return err
	}
	if a.as == asWord {
		_, err := fmt.Fprintln(w, found)
		return err
	}
	out, err := results.NewWriter(w, results.Format(a.as))
	if err == nil {
		err = out.Boolean(found)
	}
	if err != nil {
		return err
	}
	return out.Close()
}

func (a *asking) solutions(ctx context.Context, w io.Writer) error {
	out, err := results.NewWriter(w, results.Format(a.as))
	if err != nil {
		return err
	}
	head := sync.OnceValue(func() error { return out.Head(a.query.Vars()) }) // a query that fails has none
	err = a.from.rows(ctx, func(row []rdf.Term) error {
		if err := head(); err != nil {
			return err
		}
		return out.Row(row)
	})
	if err != nil {
		if errors.Is(err, results.ErrCharacter) {
			err = fmt.Errorf("%w; --as json has one", err)
		}
		return errors.Join(out.Flush(), err) // what was found before it
	}
	if err := head(); err != nil {
		return err
	}
	return out.Close()
}

// usual are the prefixes that everybody knows.
var usual = []turtle.Prefix{
	{Name: "rdf", IRI: "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}, {Name: "rdfs", IRI: "http://www.w3.org/2000/01/rdf-schema#"},
	{Name: "xsd", IRI: "http://www.w3.org/2001/XMLSchema#"}, {Name: "owl", IRI: "http://www.w3.org/2002/07/owl#"},
}

// withUsual are prefixes for what people read: the usual ones besides, unless they mean something else here.
func withUsual(prefixes []turtle.Prefix) []turtle.Prefix {
	all := slices.Clone(prefixes)
	for _, p := range usual {
		if !slices.ContainsFunc(prefixes, func(q turtle.Prefix) bool { return q.Name == p.Name }) {
			all = append(all, p)
		}
	}
	return all
}

func (a *asking) table(ctx context.Context, w io.Writer) error {
	terms, err := turtle.NewTerms(withUsual(a.prefixes)...)
	if err != nil {
		return err
	}
	vars := a.query.Vars()
	cells := make([]string, len(vars))
	for i, v := range vars {
		cells[i] = "?" + string(v)
	}
	out := terminal.NewTable(w, a.width, cells)
	err = a.from.rows(ctx, func(row []rdf.Term) error {
		a.rows++
		for i, t := range row {
			if cells[i] = ""; !t.IsZero() {
				cells[i] = string(terms.Append(nil, t))
			}
		}
		return out.Row(cells)
	})
	if err != nil && a.rows == 0 {
		return err // without the names of columns, which look like an empty result
	}
	return errors.Join(out.Flush(), err)
}

func (a *asking) triples(ctx context.Context, w io.Writer) error {
	out, err := rdfio.NewDataWriter(w, rdfio.Format(a.as), rdfio.WithPrefixes(a.prefixes...))
	if err != nil {
		return err
	}
	err = a.from.triples(ctx, func(t rdf.Triple) error { return hinted(out.Write(rdf.Quad{S: t.S, P: t.P, O: t.O})) })
	if err != nil {
		return err
	}
	return out.Flush()
}

// writePlan writes an operator a line, with those below it further in.
func writePlan(w io.Writer, plan *eval.Plan, prefixes []turtle.Prefix) error {
	terms, err := turtle.NewTerms(withUsual(prefixes)...)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "EXPECTED\tROWS\t\n")
	writeOperator(t, plan, terms, 0)
	return t.Flush()
}

// bracketed is an IRI in the text of an operator.
var bracketed = regexp.MustCompile(`<[^<>"{}|^\x60\\\s]+>`)

func writeOperator(w io.Writer, plan *eval.Plan, terms *turtle.Terms, depth int) {
	text := plan.Operator
	if detail := strings.Join(strings.Fields(plan.Detail), " "); detail != "" {
		text += " " + bracketed.ReplaceAllStringFunc(detail, func(iri string) string { return string(terms.Append(nil, rdf.Trusted(iri))) })
	}
	fmt.Fprintf(w, "%s\t%s\t%s%s\n", roughly(plan.Estimate), terminal.Grouped(int(plan.Rows)), strings.Repeat("  ", depth+1), text)
	for i := range plan.Parts {
		writeOperator(w, &plan.Parts[i], terms, depth+1)
	}
}

// roughly is a number of rows that nobody has counted.
func roughly(n float64) string {
	if n >= 1e15 {
		return "more"
	}
	if n > 0 && n < 10 {
		return fmt.Sprintf("%.2g", n)
	}
	return terminal.Grouped(int(math.Round(n)))
}
