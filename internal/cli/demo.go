package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/demo"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

type demoCommand struct {
	Nodes   int    `default:"3" help:"Nodes, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Changes int    `default:"200000" help:"Changes to stream."`
	Shards  int    `default:"8" help:"Shards."`
	With    string `placeholder:"KIND=ADDRESS" help:"Let the changes go through a peer that runs already: ${peers}."`
	Keep    bool   `help:"When all is checked, leave the cluster running, print its addresses, and end it on ^C."`
	JSON    bool   `name:"json" env:"-" help:"Print the result as one JSON object."`
	Sweep   bool   `hidden:"" help:"Clear up behind another process."`
}

// Help is the long help.
func (*demoCommand) Help() string {
	return `Starts nodes as processes of their own, on loopback and in a temporary folder, and streams the changes of a
factory's sensors through all of them: a new value in, the old one out, so that their order matters. Half way it kills
the last node (SIGKILL); a node that is alone is started again. At the end it reads all logs and all data from a node
that is left, and compares them with what was accepted and what must have come of it.

  accepted           changes answered as committed
  lost               accepted changes that are in no log
  duplicated         changes that are in the logs again, once for each time too many
  moves              shards that have another owner than before the kill
  pause              the longest time after the kill in which no change at all was accepted
  changes a second   accepted changes by the time from the first request to the last answer, with the pause in it
  quads compared     how many there must be in the end; missing_quads and extra_quads of --json are where the data depart

With --json there are also these, which are 0 when all is well but for retries:

  unasked            changes that are in the logs though they were not accepted
  inexact            changes in the logs that changed nothing
  retries            requests that were sent again

With --with the changes go to a peer that you have, and the nodes read them there; accepted is then what the peer has taken.
What is made there is named quadrille-demo-… and is taken away at the end. Over mqtt a change comes at least once: one that is
doubled is told, and no fault; a broker whose queue for who reads is full drops what comes then, and it is lost.

Exit status 0 says that every change was accepted, none is lost or doubled, and the data are exactly the expected ones.
No process and no file is left, however the demo ends.`
}

// Run runs the demo.
func (c *demoCommand) Run(ctx context.Context, std *streams) error {
	switch {
	case c.Sweep:
		return cluster.Sweep(std.in, std.out)
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Changes < 1:
		return usagef("--changes=%d: expected 1 or more", c.Changes)
	case c.Shards < 1:
		return usagef("--shards=%d: expected 1 or more", c.Shards)
	}
	if c.With != "" {
		if err := demo.CheckPeer(c.With); err != nil {
			return usagef("--with: %v", err)
		}
	}
	err := demo.Run(ctx, demo.Config{
		Nodes: c.Nodes, Changes: c.Changes, Shards: c.Shards, With: c.With, Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err),
		Checked: func(ctx context.Context, r demo.Result, nodes *cluster.Cluster) error {
			if err := c.show(std.out, r); err != nil {
				return err
			}
			if c.Keep {
				keep(ctx, std.err, nodes)
			}
			return nil
		},
	})
	if err != nil { // no flag names another node
		return prefixed{err}
	}
	return nil
}

// sweepArgs are the arguments that make this binary clear up behind another process of it.
func sweepArgs() []string { return []string{"demo", "--sweep"} }

// show prints the result.
func (c *demoCommand) show(w io.Writer, r demo.Result) error {
	if c.JSON {
		return writeJSON(w, r)
	}
	compared := "as expected"
	if r.MissingQuads+r.ExtraQuads > 0 {
		compared = fmt.Sprintf("%s missing, %s too many", terminal.Grouped(r.MissingQuads), terminal.Grouped(r.ExtraQuads))
	}
	return terminal.WriteTable(w, [][2]string{
		{"accepted", terminal.Grouped(r.Accepted)},
		{"lost", terminal.Grouped(r.Lost)},
		{"duplicated", terminal.Grouped(r.Duplicated)},
		{"moves", terminal.Grouped(r.Moves)},
		{"pause", terminal.Grouped(int(r.PauseMillis)) + " ms"},
		{"changes a second", terminal.Grouped(r.ChangesPerSecond)},
		{"quads compared", terminal.Grouped(r.Quads) + ", " + compared},
	})
}

// keep leaves the cluster running until ctx ends.
func keep(ctx context.Context, w io.Writer, nodes *cluster.Cluster) {
	doors := nodes.Doors()
	fmt.Fprintln(w, "the cluster runs until ^C:")
	for _, i := range nodes.Alive() {
		fmt.Fprintf(w, "  %s  %s\n", nodes.Name(i), doors[i])
	}
	fmt.Fprintf(w, "try:\n  quadrille status --url %s\n  curl %s/v1/data\n", doors[0], doors[0])
	<-ctx.Done()
}
