package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/internal/bench"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

type benchQueriesCommand struct {
	Nodes    int           `default:"1" help:"Nodes, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Clients  int           `default:"64" help:"Clients that ask at the same time, each one query after the other."`
	Changes  int           `default:"50000" help:"Changes a second that are sent meanwhile; 0 sends none."`
	Duration time.Duration `default:"10s" help:"How long it takes."`
	Shards   int           `default:"8" help:"Shards."`
	Args     []string      `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--index=now."`
	JSON     bool          `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchQueriesCommand) Help() string {
	return `Starts nodes as processes of their own, that fsync as in earnest, in a temporary folder (the environment variable TMPDIR says
where), and asks them over HTTP connections that are kept for all that is known of one of 5,000 subjects, SELECT ?p ?o, whatever the graph, while the values of
those change. Each answer must have all that its subject has, or it is an error.`
}

// Run measures.
func (c *benchQueriesCommand) Run(ctx context.Context, std *streams) error {
	switch {
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Clients < 1 || c.Shards < 1 || c.Changes < 0 || c.Duration <= 0:
		return usagef("--clients and --shards must be 1 or more, --changes 0 or more, --duration more than 0")
	}
	r, err := bench.Queries(ctx, bench.QueriesConfig{Nodes: c.Nodes, Shards: c.Shards, Clients: c.Clients, Rate: c.Changes, Time: c.Duration,
		Args: c.Args, Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err)})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(std.out, r)
	}
	return terminal.WriteTable(std.out, [][2]string{
		{"nodes, shards, CPUs", fmt.Sprintf("%d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"answers", fmt.Sprintf("%s to %s in %.2f s", terminal.Grouped(r.Answers), terminal.Count(r.Clients, "client"), r.Seconds)},
		{"answers a second", terminal.Grouped(r.PerSec)},
		{"until an answer is read", fmt.Sprintf("median %.1f ms, p99 %.1f ms, longest %.1f ms", r.Median, r.P99, r.Max)},
		{"changes a second", terminal.Grouped(r.ChangesPerSec)},
	})
}
