// Package cluster runs nodes as real processes on this machine, for demonstrations and measurements: on loopback, on
// free ports, in a temporary folder, and without a trace afterwards.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

const (
	// MaxNodes bounds the nodes of a cluster.
	MaxNodes = 16
	// Servers is the number of nodes that run the engine in a cluster of three nodes or more. A smaller cluster has one.
	Servers = 3

	readyPoll  = 50 * time.Millisecond
	mendedPoll = 100 * time.Millisecond
	askBound   = 5 * time.Second // of one request that asks how a node is
	startTry   = 3               // times that a start is tried whose ports were taken by others meanwhile
)

// Config says which cluster to run.
type Config struct {
	// Executable is the quadrille binary. Default: this very one.
	Executable string
	// Sweep are the arguments that make the executable call [Sweep].
	Sweep []string
	// Nodes is the number of nodes, 1 to [MaxNodes]. The first [Servers] run the engine, replicated among them; with
	// fewer nodes only the first does, alone. The others are workers that connect to those.
	Nodes int
	// Shards is the number of shards.
	Shards int
	// ReadyWithin bounds the time until all nodes are ready. Default 60 s.
	ReadyWithin time.Duration
	// StopWithin bounds the time that a node has to end in good order before it is killed. Default 5 s.
	StopWithin time.Duration
	// Data are the folders of the servers' data, in order. They stay when the cluster stops. Those that are missing are
	// made in the cluster's own folder.
	Data []string
	// Args are further arguments of each node.
	Args []string
	// Document is the text of the configuration file of all nodes; their arguments come before it. Empty: there is none.
	Document string
	// Cuttable lets the servers talk to each other through links that [Cluster.Cut] cuts. They need the whole of
	// 127.0.0.0/8, as Linux and Windows have it.
	Cuttable bool
}

func (c *Config) setDefaults() error {
	if c.Executable == "" {
		var err error
		if c.Executable, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program's file, to start nodes from it: %w", err)
		}
	}
	if c.ReadyWithin == 0 {
		c.ReadyWithin = 60 * time.Second
	}
	if c.StopWithin == 0 {
		c.StopWithin = 5 * time.Second
	}
	if c.Nodes < 1 || c.Nodes > MaxNodes {
		return fmt.Errorf("%d nodes: expected 1 to %d", c.Nodes, MaxNodes)
	}
	return nil
}

// servers is the number of nodes that run the engine.
func (c *Config) servers() int {
	if c.Nodes < Servers {
		return 1
	}
	return Servers
}

// Cluster is a cluster of nodes, numbered from 0 and named n1, n2 and so on. Kill, End, Restart and Stop are called by one
// goroutine at a time; the other methods may be called concurrently with them, and with each other.
type Cluster struct {
	cfg    Config
	guard  *Guard
	client *client.Client
	nodes  []*node
	secret string // of their engines
	links  *links // nil unless cuttable
}

// Start starts the nodes and returns when all are ready: each is a member, and every shard is claimed by its owner.
// When it fails, or ctx ends before, nothing is left. The caller must call Stop.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c, err := start(ctx, cfg)
		if err == nil || try == startTry || !strings.Contains(err.Error(), "address already in use") {
			return c, err
		}
	}
}

func start(ctx context.Context, cfg Config) (*Cluster, error) {
	guard, err := NewGuard(cfg.Executable, cfg.Sweep...)
	if err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, guard: guard, client: client.New(""), secret: rand.Text() + rand.Text()}
	if err := c.startAll(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) startAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ReadyWithin,
		fmt.Errorf("%d nodes were not ready within %v", c.cfg.Nodes, c.cfg.ReadyWithin))
	defer cancel()
	if err := c.plan(); err != nil {
		return err
	}
	servers := c.cfg.servers()
	for i, n := range c.nodes {
		if i == servers {
			// A worker can do nothing until the engine is there.
			if err := c.waitReady(ctx, servers); err != nil {
				return err
			}
		}
		if err := n.start(c.cfg.Executable); err != nil {
			return err
		}
	}
	return c.waitReady(ctx, c.cfg.Nodes)
}

// plan gives every node its name, folder, ports and arguments.
func (c *Cluster) plan() error {
	servers := c.cfg.servers()
	ports, err := ports.Free(c.cfg.Nodes + 2*servers)
	if err != nil {
		return err
	}
	http, engine, routes := ports[:c.cfg.Nodes], ports[c.cfg.Nodes:][:servers], ports[c.cfg.Nodes+servers:]
	if c.cfg.Cuttable {
		if c.links, err = newLinks(routes); err != nil {
			return err
		}
	}
	further := c.cfg.Args
	if c.cfg.Document != "" {
		path := filepath.Join(c.guard.Dir(), "quadrille.yaml")
		if err := os.WriteFile(path, []byte(c.cfg.Document), 0o600); err != nil {
			return err
		}
		further = append([]string{"--config", path}, further...)
	}
	for i := range c.cfg.Nodes {
		n := &node{name: fmt.Sprintf("n%d", i+1), guard: c.guard, env: c.Environment()}
		dir := filepath.Join(c.guard.Dir(), n.name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		n.log = filepath.Join(dir, "log")
		n.door = "http://" + address(http[i])
		n.args = []string{"serve", "--name", n.name, "--http", address(http[i]), "--shards", strconv.Itoa(c.cfg.Shards)}
		switch {
		case i >= servers:
			n.args = append(n.args, "--nats", urls(engine))
		default:
			n.engine, n.data = urls(engine[i:i+1]), filepath.Join(dir, "data")
			if i < len(c.cfg.Data) {
				n.data = c.cfg.Data[i]
			}
			n.args = append(n.args, "--data", n.data)
			if c.cfg.Nodes > 1 {
				n.args = append(n.args, "--port", strconv.Itoa(engine[i]))
			}
			if servers > 1 {
				n.args = append(n.args, "--cluster", "local", "--cluster-port", strconv.Itoa(routes[i]),
					"--routes", c.routes(i, routes), "--replicas", strconv.Itoa(servers))
			}
		}
		n.args = append(n.args, further...)
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// routes lists where server i finds the others.
func (c *Cluster) routes(i int, ports []int) string {
	if c.links != nil {
		return c.links.routes(i)
	}
	return urls(ports)
}

// loopback is where all nodes listen.
const loopback = "127.0.0.1"

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// urls lists the engine's addresses on these ports, with commas between them.
func urls(ports []int) string {
	list := make([]string, len(ports))
	for i, port := range ports {
		list[i] = "nats://" + address(port)
	}
	return strings.Join(list, ",")
}

// Size is the number of nodes, those that were killed included.
func (c *Cluster) Size() int { return len(c.nodes) }

// Name is the name of node i.
func (c *Cluster) Name(i int) string { return c.nodes[i].name }

// Doors are the base URLs of the nodes' HTTP APIs, in order.
func (c *Cluster) Doors() []string {
	doors := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		doors[i] = n.door
	}
	return doors
}

// Data is the folder of server i's data; "" of a worker.
func (c *Cluster) Data(i int) string { return c.nodes[i].data }

// Engines are the addresses of the servers' engines, in order.
func (c *Cluster) Engines() (list []string) {
	for _, n := range c.nodes[:c.cfg.servers()] {
		list = append(list, n.engine)
	}
	return list
}

// Secret is that of their engines.
func (c *Cluster) Secret() string { return c.secret }

// Environment is that of the nodes: [Environment] with the secret of their engines.
func (c *Cluster) Environment() []string { return append(Environment(), "QUADRILLE_SECRET="+c.secret) }

// IsServer reports whether node i runs the engine.
func (c *Cluster) IsServer(i int) bool { return i < c.cfg.servers() }

// Alive returns the numbers of the nodes that run.
func (c *Cluster) Alive() (list []int) {
	for i, n := range c.nodes {
		if n.alive() {
			list = append(list, i)
		}
	}
	return list
}

// Err returns an error, with the end of its log, for the first node that has ended unasked; else nil.
func (c *Cluster) Err() error {
	for _, n := range c.nodes {
		if err := n.ended(); err != nil {
			return err
		}
	}
	return nil
}

// Log is the path of node i's log. It is gone when the cluster stops.
func (c *Cluster) Log(i int) string { return c.nodes[i].log }

// Logs returns the end of every node's log, for people who look for what went wrong.
func (c *Cluster) Logs() string {
	var b strings.Builder
	for _, n := range c.nodes {
		fmt.Fprintf(&b, "--- log of %s ---\n%s\n", n.name, n.tail())
	}
	return b.String()
}

// Kill kills node i (SIGKILL) and returns when it is gone.
func (c *Cluster) Kill(i int) error { return c.nodes[i].kill() }

// End asks node i to end in good order, kills it when it doesn't within the bound, and returns when it is gone.
func (c *Cluster) End(i int) error { return c.nodes[i].stop(c.cfg.StopWithin) }

// Pause stops the process of node i (SIGSTOP) until Continue. It fails where processes can't be stopped.
func (c *Cluster) Pause(i int) error { return pause(c.nodes[i].run.Load().cmd.Process) }

// Continue lets a paused node go on.
func (c *Cluster) Continue(i int) error { return resume(c.nodes[i].run.Load().cmd.Process) }

// Cut holds back all that server from sends to server to, until Heal; new connections between them are held back, too.
// As when packets are lost, nothing of it is dropped: it arrives when the link is healed. The cluster must be cuttable.
func (c *Cluster) Cut(from, to int) {
	c.links.set(func(cut map[link]bool) { cut[link{from, to}] = true })
}

// Heal ends all cuts.
func (c *Cluster) Heal() { c.links.set(func(cut map[link]bool) { clear(cut) }) }

// Restart starts node i again, with the data it had. It doesn't wait until the node is ready.
func (c *Cluster) Restart(i int) error {
	return c.nodes[i].start(c.cfg.Executable)
}

// Settled waits until all nodes that run are ready and agree on who owns what. It fails when a node ends unasked, or
// when ctx ends.
func (c *Cluster) Settled(ctx context.Context) error { return c.settled(ctx, len(c.nodes), false) }

// Balanced waits until all nodes, which must run, are ready and members, and have the shards among them evenly. It fails
// when a node ends unasked, or when ctx ends.
func (c *Cluster) Balanced(ctx context.Context) error { return c.waitReady(ctx, len(c.nodes)) }

// Mended waits until for so long no node that runs has told of anything that fine does not accept: as long as a copy lacks
// something, the next fault is the second one at a time. It fails when a node ends unasked, or when ctx ends.
func (c *Cluster) Mended(ctx context.Context, calm time.Duration, fine func(*client.Status) bool) error {
	for well := time.Now(); time.Since(well) < calm; {
		if err := clock.Sleep(ctx, mendedPoll); err != nil {
			return err
		}
		if err := c.Err(); err != nil {
			return err
		}
		for _, i := range c.Alive() {
			if !c.fine(ctx, i, fine) {
				well = time.Now()
			}
		}
	}
	return nil
}

func (c *Cluster) fine(ctx context.Context, i int, fine func(*client.Status) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	s, err := c.client.Status(ctx, c.nodes[i].door)
	return err == nil && fine(&s)
}

// waitReady waits until the first count nodes are ready, are all members, and have divided the shards evenly.
func (c *Cluster) waitReady(ctx context.Context, count int) error { return c.settled(ctx, count, true) }

func (c *Cluster) settled(ctx context.Context, count int, all bool) error {
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		if err := c.Err(); err != nil {
			return err
		}
		n, err := c.unsettled(ctx, count, all)
		if err == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return context.Canceled
			}
			return fmt.Errorf("%w: %s: %w; its log ends\n%s", context.Cause(ctx), n.name, err, n.tail())
		}
	}
}

// unsettled returns the first of count nodes that isn't ready, and why.
func (c *Cluster) unsettled(ctx context.Context, count int, all bool) (*node, error) {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	var epoch uint64
	for _, n := range c.nodes[:count] {
		if !all && !n.alive() {
			continue
		}
		if err := c.client.Ready(ctx, n.door); err != nil {
			return n, err
		}
		s, err := c.client.Status(ctx, n.door)
		if err != nil {
			return n, err
		}
		if all {
			if err := divided(s, count); err != nil {
				return n, err
			}
		}
		if epoch != 0 && s.Epoch != epoch {
			return n, fmt.Errorf("is at epoch %d, another is at %d", s.Epoch, epoch)
		}
		epoch = s.Epoch
	}
	return nil, nil
}

// divided returns an error unless so many members have the shards among them evenly.
func divided(s client.Status, members int) error {
	if len(s.Members) != members {
		return fmt.Errorf("knows %d members of %d", len(s.Members), members)
	}
	for _, m := range s.Members {
		if least := len(s.Shards) / members; m.Owned < least || m.Owned > least+1 {
			return fmt.Errorf("%s owns %d shards of %d", m.Name, m.Owned, len(s.Shards))
		}
	}
	return nil
}

// Stop stops all nodes, kills those that don't end in time, and removes the folder. It is called once.
func (c *Cluster) Stop() error {
	c.client.Close()
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.stop(c.cfg.StopWithin) })
	}
	all.Wait()
	if c.links != nil {
		c.links.close()
	}
	return errors.Join(errors.Join(errs...), c.guard.Close())
}
