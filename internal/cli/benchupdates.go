package cli

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/bench"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

type benchUpdatesCommand struct {
	Nodes   int      `default:"1" help:"Nodes, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Clients int      `default:"64" help:"Clients that send at the same time, each one request after the other."`
	Updates int      `default:"5000" help:"Updates of each client."`
	Batch   int      `default:"1" help:"Updates in a request, each of another subject of its client, and an event of its own."`
	Shards  int      `default:"8" help:"Shards."`
	Args    []string `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--index=now."`
	JSON    bool     `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchUpdatesCommand) Help() string {
	return `Starts nodes as processes of their own, that fsync as in earnest, in a temporary folder (the environment variable TMPDIR says
where), and sends them SPARQL Updates that count, over HTTP connections that are kept: one in a request, or --batch as its parts. Before,
as many RDF Patches make the same changes, which shows what the updates themselves cost, and behind them as many lines of JSON, of which
a mapping makes the same updates. What HTTP costs is shown by a server that does nothing but read and answer as many requests of one
update. At the end each subject has counted each of its updates once, or it is an error.`
}

// Run measures.
func (c *benchUpdatesCommand) Run(ctx context.Context, std *streams) error {
	switch {
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Clients < 1 || c.Updates < 1 || c.Batch < 1 || c.Shards < 1:
		return usagef("--clients, --updates, --batch and --shards must be 1 or more")
	}
	r, err := bench.Updates(ctx, bench.UpdatesConfig{Nodes: c.Nodes, Shards: c.Shards, Clients: c.Clients, Updates: c.Updates,
		Batch: c.Batch, Args: c.Args, Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err)})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(std.out, r)
	}
	return terminal.WriteTable(std.out, [][2]string{
		{"nodes, shards, CPUs", fmt.Sprintf("%d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"updates accepted", fmt.Sprintf("%s of %s in %.2f s, %d in a request, %.1f in a record", terminal.Grouped(r.Updates), terminal.Count(r.Clients, "client"), r.Seconds,
			r.Batch, float64(r.Updates)/float64(max(r.Records, 1)))},
		{"updates a second", terminal.Grouped(r.PerSec)},
		{"RDF Patches a second", terminal.Grouped(r.PatchesPer)},
		{"ratio", fmt.Sprintf("%.0f %% of the patches", 100*r.Ratio)},
		{"mapped updates a second", terminal.Grouped(r.MappedPer)},
		{"requests a second of one update each to a server that does nothing", terminal.Grouped(r.BarePer)},
	})
}
