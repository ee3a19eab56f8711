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
	Clients int      `default:"64" help:"Clients that send at the same time, each one request after the other, with one update of a subject of its own."`
	Updates int      `default:"5000" help:"Updates of each client."`
	Shards  int      `default:"8" help:"Shards."`
	Args    []string `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--index=now."`
	JSON    bool     `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchUpdatesCommand) Help() string {
	return `Starts nodes as processes of their own, that fsync as in earnest, in a temporary folder (the environment variable TMPDIR says
where), and sends them SPARQL Updates that count, one in a request, over HTTP connections that are kept. Before, as many RDF Patches make
the same changes: what the requests cost, whatever is in them. At the end each subject has counted each of its updates once, or it is an
error.`
}

// Run measures.
func (c *benchUpdatesCommand) Run(ctx context.Context, std *streams) error {
	switch {
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Clients < 1 || c.Updates < 1 || c.Shards < 1:
		return usagef("--clients, --updates and --shards must be 1 or more")
	}
	r, err := bench.Updates(ctx, bench.UpdatesConfig{Nodes: c.Nodes, Shards: c.Shards, Clients: c.Clients, Updates: c.Updates, Args: c.Args,
		Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err)})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(std.out, r)
	}
	return terminal.WriteTable(std.out, [][2]string{
		{"nodes, shards, CPUs", fmt.Sprintf("%d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"updates accepted", fmt.Sprintf("%s of %d clients in %.2f s", terminal.Grouped(r.Updates), r.Clients, r.Seconds)},
		{"updates a second", terminal.Grouped(r.PerSec)},
		{"RDF Patches a second", terminal.Grouped(r.PatchesPer)},
		{"ratio", fmt.Sprintf("%.0f %% of the requests with patches", 100*r.Ratio)},
	})
}
