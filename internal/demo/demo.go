// Package demo streams changes through a cluster on this machine, kills a node of it half way, and proves from the logs
// and the data that nothing is lost or doubled.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

const (
	// maxSenders send at the same time, through all doors; each has sensors of its own, whose order it keeps.
	maxSenders = 12
	// batch is about how many changes a request has.
	batch = 200
	// patience bounds how long a request is tried, at all doors, before the demo gives up.
	patience = 60 * time.Second
	// settleBound bounds the time until the nodes that are left are ready, when all is sent.
	settleBound = 30 * time.Second
	// comparePause is the time between two looks at data that are not as expected yet.
	comparePause = 100 * time.Millisecond
	// heirsPause is between two looks at who owns the shards.
	heirsPause = 50 * time.Millisecond
)

// Config says what to run.
type Config struct {
	// Nodes is the number of nodes, 1 to [cluster.MaxNodes].
	Nodes int
	// Changes is the number of changes to stream, at least 1.
	Changes int
	// Shards is the number of shards, at least 1.
	Shards int
	// With names a peer that the changes go through, as KIND=ADDRESS; see [Peers]. Empty: they go through the nodes' doors.
	With string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on, and shows the logs of the nodes when the run is not good.
	Screen *terminal.Screen
	// Checked is called once with the result, whatever it is, while the nodes that are left still run. Its error ends the
	// run.
	Checked func(context.Context, Result, *cluster.Cluster) error
}

// Run runs the demo and returns when nothing is left of the cluster. A run that is not good is an error that says why.
func Run(ctx context.Context, cfg Config) error {
	d := &run{cfg: cfg, name: "demo-" + rand.Text(), model: factory.New(cfg.Changes), check: factory.NewCheck(), meter: factory.NewMeter(cfg.Changes),
		client: client.New("")}
	defer d.client.Close()
	return d.run(ctx)
}

// run is one run of the demo.
type run struct {
	cfg    Config
	model  *factory.Model
	check  *factory.Check
	meter  *factory.Meter
	client *client.Client

	name   string
	peer   peer // nil: the nodes' doors
	nodes  *cluster.Cluster
	victim int
	before []string // owner of each shard before the kill
	moves  int
}

func (d *run) run(ctx context.Context) (err error) {
	nodes := cluster.Config{Sweep: d.cfg.Sweep, Nodes: d.cfg.Nodes, Shards: d.cfg.Shards}
	if d.cfg.With != "" {
		if d.peer, err = connect(ctx, d.cfg.With, d.name); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.peer.close()) }()
		nodes.Document = "sources:\n  - " + d.peer.source() + "\n"
	}
	begin := time.Now()
	d.cfg.Screen.Say("starting %s", terminal.Count(d.cfg.Nodes, "node"))
	if d.nodes, err = cluster.Start(ctx, nodes); err != nil {
		return err
	}
	defer func() {
		if stopped := d.nodes.Stop(); stopped != nil {
			err = errors.Join(err, stopped)
		}
	}()
	d.cfg.Screen.Say("%s ready after %v", terminal.Count(d.cfg.Nodes, "node"), time.Since(begin).Round(time.Millisecond))
	if err := d.work(ctx); err != nil {
		d.showLogs(ctx)
		return err
	}
	if err := d.cfg.Checked(ctx, d.result(), d.nodes); err != nil {
		return err
	}
	if !d.good() {
		d.showLogs(ctx)
		return fmt.Errorf("the run is not good: %s", d.blame())
	}
	return nil
}

// showLogs shows the ends of the nodes' logs, unless somebody has ended the run.
func (d *run) showLogs(ctx context.Context) {
	if ctx.Err() == nil {
		d.cfg.Screen.Say("%s", strings.TrimSuffix(d.nodes.Logs(), "\n"))
	}
}

// work streams the changes and checks what has become of them.
func (d *run) work(ctx context.Context) error {
	d.victim = d.nodes.Size() - 1
	status, err := d.client.Status(ctx, d.nodes.Doors()[0])
	if err != nil {
		return err
	}
	d.before = owners(status)
	if err := d.stream(ctx); err != nil {
		return err
	}
	d.cfg.Screen.Say("checking")
	settle, cancel := context.WithTimeoutCause(ctx, settleBound,
		fmt.Errorf("the nodes that are left were not ready within %v", settleBound))
	defer cancel()
	if err := d.nodes.Settled(settle); err != nil {
		return err
	}
	door := d.nodes.Doors()[d.nodes.Alive()[0]]
	now, err := d.heirs(settle, door)
	if err != nil {
		return err
	}
	for shard, owner := range now {
		if owner != d.before[shard] {
			d.moves++
		}
	}
	if err := d.verify(ctx, door); err != nil {
		return err
	}
	return d.nodes.Err()
}

// heirs lists the owner of every shard once none is left to the node that was killed: what goes through a peer may all be sent
// before anybody has noticed the kill.
func (d *run) heirs(ctx context.Context, door string) ([]string, error) {
	for {
		status, err := d.client.Status(ctx, door)
		if err != nil {
			return nil, err
		}
		now := owners(status)
		if d.cfg.Nodes == 1 || !slices.Contains(now, d.nodes.Name(d.victim)) {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(heirsPause):
		}
	}
}

// owners lists the owner of every shard.
func owners(s client.Status) []string {
	list := make([]string, len(s.Shards))
	for _, shard := range s.Shards {
		list[shard.Shard] = shard.Owner
	}
	return list
}

// readLogs reads all logs from a node, once what a peer has is in them, or the time for that is over.
func (d *run) readLogs(ctx context.Context, door string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	query := map[string][]string{"from": {"start"}, "live": {strconv.FormatBool(d.peer != nil)}}
	err := d.client.Changes(ctx, door, query, client.Reader{Change: d.logged})
	if errors.Is(err, errComplete) || d.peer != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	return err
}

// verify reads all logs and all data from a node.
func (d *run) verify(ctx context.Context, door string) error {
	if err := d.readLogs(ctx, door); err != nil {
		return fmt.Errorf("read the logs: %w", err)
	}
	return d.compare(ctx, door)
}

// compare reads the data and compares them. A value that comes again where it may is there beside a newer one until that one
// comes again, too; so they are read until they are as expected, or the time for that is over.
func (d *run) compare(ctx context.Context, door string) error {
	late := time.After(patience)
	for {
		if err := d.readData(ctx, door); err != nil {
			return fmt.Errorf("read the data: %w", err)
		}
		if r := d.check.Result(); d.once() || r.Missing+r.Extra == 0 {
			return nil
		}
		select {
		case <-time.After(comparePause):
		case <-late:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readData reads all data from a node.
func (d *run) readData(ctx context.Context, door string) error {
	data, err := d.client.Data(ctx, door)
	if err != nil {
		return err
	}
	defer data.Close()
	return d.check.Data(data, d.model.Expected())
}
