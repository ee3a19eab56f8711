package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/quadrille-stream/quadrille/internal/bench"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

type benchStarCommand struct {
	Query   []string `enum:"few,groups,top,many" default:"few,groups,top,many" help:"Queries to ask, with commas between them (${enum})."`
	Nodes   int      `default:"3" help:"Nodes that are compared with one, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Shards  int      `default:"8" help:"Shards, on both sides."`
	Quads   int      `default:"10000000" help:"Quads, 50000 to 100000000, about: ten of each subject. 10,000,000 take some 10 GB of memory, with standbys."`
	Seed    uint64   `default:"1" help:"What the quads are made of: the same number, the same quads."`
	Rounds  int      `default:"15" help:"How often each query is asked on both sides."`
	Clients int      `default:"1" help:"Clients that ask at the same time."`
	Args    []string `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--store=disk."`
	JSON    bool     `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchStarCommand) Help() string {
	return `Starts one node, and several beside it, as processes of their own, in a temporary folder (the environment variable TMPDIR says
where), and sends both the same quads: measurements, each with ten properties. Then it asks both for stars, patterns of one subject,
in turn, over HTTP connections that are kept, and any node of several:

  few       20 measurements with a rare property, and three more of each
  groups    number, mean and largest of the values above a bound, of an eighth of all measurements, by line
  top       the ten with the largest values of an eighth of all measurements
  many      100,000 measurements (half of all, if those are fewer), as they come

Medians until the answer is read are shown, and the median of the ratios of both in the same round: above 1 the nodes are slower. Every
answer is compared; one that differs is an error.`
}

// Run measures.
func (c *benchStarCommand) Run(ctx context.Context, std *streams) error {
	cfg := bench.StarConfig{Queries: c.Query, Nodes: c.Nodes, Shards: c.Shards, Quads: c.Quads, Seed: c.Seed, Rounds: c.Rounds, Clients: c.Clients, Args: c.Args,
		Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err)}
	switch {
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Shards < 1 || c.Rounds < 1 || c.Clients < 1:
		return usagef("--shards, --rounds and --clients must be 1 or more")
	}
	if err := cfg.Check(); err != nil {
		return usagef("--quads: %v", err)
	}
	r, err := bench.Star(ctx, cfg)
	if err != nil {
		return err
	}
	return c.show(std.out, r)
}

func (c *benchStarCommand) show(out io.Writer, r bench.StarResult) error {
	if c.JSON {
		return writeJSON(out, r)
	}
	err := terminal.WriteTable(out, [][2]string{
		{"nodes, shards, CPUs", fmt.Sprintf("1 and %d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"quads", terminal.Grouped(r.Quads)},
		{"changes a second", fmt.Sprintf("%s and %s", terminal.Grouped(r.OneLoaded), terminal.Grouped(r.NodesLoaded))},
		{"rounds", fmt.Sprintf("%d, of %s", r.Rounds, terminal.Count(r.Clients, "client"))},
	})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "query\trows\tone node\t%s\tratio\t\n", terminal.Count(r.Nodes, "node"))
	for _, q := range r.Queries {
		fmt.Fprintf(w, "%s\t%s\t%.2f ms\t%.2f ms\t%.2f\t\n", q.Query, terminal.Grouped(q.Rows), q.One, q.Nodes, q.Ratio)
	}
	return w.Flush()
}
