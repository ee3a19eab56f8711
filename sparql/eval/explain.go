package eval

import (
	"context"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/store"
)

// Plan is an operator of a plan, for those who look at it.
type Plan struct {
	// Operator is its name, Detail what it is about, such as the pattern.
	Operator, Detail string
	// Estimate is how many rows were expected of it in all, Rows how many it has made so far.
	Estimate float64
	Rows     int64
	// Remote: shards evaluate the operator, as part of a fragment, by plans of their own. Nothing is known of its rows here.
	Remote bool
	// Parts are the operators below it: those of a Join in the order in which they are evaluated.
	Parts []Plan
}

// String returns the plan as lines, indented by depth.
func (p Plan) String() string {
	var text strings.Builder
	p.write(&text, 0)
	return text.String()
}

func (p Plan) write(text *strings.Builder, depth int) {
	fmt.Fprintf(text, "%s%s", strings.Repeat("  ", depth), p.Operator)
	if p.Detail != "" {
		fmt.Fprintf(text, " %s", strings.TrimSpace(p.Detail))
	}
	if !p.Remote {
		fmt.Fprintf(text, " (expected %.4g, made %d)", p.Estimate, p.Rows)
	}
	text.WriteByte('\n')
	for _, part := range p.Parts {
		part.write(text, depth+1)
	}
}

func (n *node) plan() Plan {
	p := Plan{Operator: n.name, Detail: n.detail, Estimate: n.estimate, Rows: n.rows, Remote: n.remote}
	if n.describe != nil {
		p.Detail = n.describe()
	}
	for _, part := range n.parts {
		p.Parts = append(p.Parts, part.plan())
	}
	if n.name == joinName && !n.remote {
		p.Rows = p.Parts[len(p.Parts)-1].Rows
	}
	return p
}

// Explain returns the plan of the query's pattern on these quads, and evaluates it, but for what is made of its solutions, if analyze
// says so. The plan is valid also with an error of that.
func (q *Query) Explain(ctx context.Context, r store.Reader, id Identity, analyze bool) (Plan, error) {
	run, err := q.plan(newExec(ctx, r, &q.o, id))
	if err != nil {
		return Plan{}, err
	}
	defer run.end()
	return run.explain(analyze)
}

func (r *run) explain(analyze bool) (_ Plan, err error) {
	if analyze {
		err = r.sub.run(func(row) error { return nil })
	}
	return r.sub.root.plan(), err
}
