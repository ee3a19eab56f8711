package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

const (
	// demoSenders send at the same time, through all doors; each has sensors of its own, whose order it keeps.
	demoSenders = 12
	// demoBatch is about how many changes a request has.
	demoBatch = 200
	// demoPatience bounds how long a request is tried, at all doors, before the demo gives up.
	demoPatience = 60 * time.Second
	// demoSettle bounds the time until the nodes that are left are ready, when all is sent.
	demoSettle = 30 * time.Second
)

type demoCommand struct {
	Nodes   int  `default:"3" help:"Nodes, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Changes int  `default:"200000" help:"Changes to stream."`
	Shards  int  `default:"8" help:"Shards."`
	Keep    bool `help:"When all is checked, leave the cluster running, print its addresses, and end it on ^C."`
	JSON    bool `name:"json" help:"Print the result as one JSON object."`
	Sweep   bool `hidden:"" help:"Clear up behind another process."`
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

Exit status 0 says that every change was accepted, none is lost or doubled, and the data are exactly the expected ones.
No process and no file is left, however the demo ends.`
}

// Run runs the demo.
func (c *demoCommand) Run(ctx context.Context, io *streams) error {
	switch {
	case c.Sweep:
		return cluster.Sweep(io.in, io.out)
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Changes < 1:
		return usagef("--changes=%d: expected 1 or more", c.Changes)
	case c.Shards < 1:
		return usagef("--shards=%d: expected 1 or more", c.Shards)
	}
	d := &demo{
		demoCommand: *c, io: io, screen: terminal.NewScreen(io.err), model: factory.New(c.Changes), check: factory.NewCheck(),
		meter: newMeter(c.Changes), client: client.New(""),
	}
	defer d.client.Close()
	return d.run(ctx)
}

// sweepArgs are the arguments that make this binary clear up behind another process of it.
func sweepArgs() []string { return []string{"demo", "--sweep"} }

// demo is one run of the demo.
type demo struct {
	demoCommand
	io     *streams
	screen *terminal.Screen
	model  *factory.Model
	check  *factory.Check
	meter  *meter
	client *client.Client

	nodes  *cluster.Cluster
	victim int
	before []string // owner of each shard before the kill
	moves  int
}

func (d *demo) run(ctx context.Context) (err error) {
	begin := time.Now()
	d.screen.Say("starting %d nodes", d.Nodes)
	if d.nodes, err = cluster.Start(ctx, cluster.Config{Sweep: sweepArgs(), Nodes: d.Nodes, Shards: d.Shards}); err != nil {
		return err
	}
	defer func() {
		if stopped := d.nodes.Stop(); stopped != nil {
			err = errors.Join(err, stopped)
		}
	}()
	d.screen.Say("%d nodes are ready after %v", d.Nodes, time.Since(begin).Round(time.Millisecond))
	if err := d.work(ctx); err != nil {
		if ctx.Err() == nil {
			fmt.Fprint(d.io.err, d.nodes.Logs())
		}
		return err
	}
	if err := d.show(); err != nil {
		return err
	}
	if d.Keep {
		d.keep(ctx)
	}
	if !d.good() {
		if !d.Keep {
			fmt.Fprint(d.io.err, d.nodes.Logs())
		}
		return fmt.Errorf("the run is not good: %s", d.blame())
	}
	return nil
}

// work streams the changes and checks what has become of them.
func (d *demo) work(ctx context.Context) error {
	d.victim = d.nodes.Size() - 1
	status, err := d.client.Status(ctx, d.nodes.Doors()[0])
	if err != nil {
		return err
	}
	d.before = owners(status)
	if err := d.stream(ctx); err != nil {
		return err
	}
	d.screen.Say("checking")
	settle, cancel := context.WithTimeoutCause(ctx, demoSettle,
		fmt.Errorf("the nodes that are left were not ready within %v", demoSettle))
	defer cancel()
	if err := d.nodes.Settled(settle); err != nil {
		return err
	}
	door := d.nodes.Doors()[d.nodes.Alive()[0]]
	if status, err = d.client.Status(ctx, door); err != nil {
		return err
	}
	for shard, owner := range owners(status) {
		if owner != d.before[shard] {
			d.moves++
		}
	}
	if err := d.verify(ctx, door); err != nil {
		return err
	}
	return d.nodes.Err()
}

// owners lists the owner of every shard.
func owners(s client.Status) []string {
	list := make([]string, len(s.Shards))
	for _, shard := range s.Shards {
		list[shard.Shard] = shard.Owner
	}
	return list
}

// verify reads all logs and all data from a node.
func (d *demo) verify(ctx context.Context, door string) error {
	err := d.client.Changes(ctx, door, map[string][]string{"from": {"start"}, "live": {"false"}}, d.logged, nil)
	if err != nil {
		return fmt.Errorf("read the logs: %w", err)
	}
	data, err := d.client.Data(ctx, door)
	if err != nil {
		return fmt.Errorf("read the data: %w", err)
	}
	defer data.Close()
	return d.check.Data(data, d.model.Expected())
}

// keep leaves the cluster running until ctx ends.
func (d *demo) keep(ctx context.Context) {
	doors := d.nodes.Doors()
	fmt.Fprintln(d.io.err, "the cluster runs until ^C:")
	for _, i := range d.nodes.Alive() {
		fmt.Fprintf(d.io.err, "  %s  %s\n", d.nodes.Name(i), doors[i])
	}
	fmt.Fprintf(d.io.err, "try:\n  quadrille status --url %s\n  curl %s/v1/data\n", doors[0], doors[0])
	<-ctx.Done()
}
