package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/shard"
)

const (
	// failoverAsk bounds a question to the engine.
	failoverAsk = 1500 * time.Millisecond
	// failoverPause is between the requests of a writer, and between its attempts.
	failoverPause = 10 * time.Millisecond
	// failoverBound bounds the time until all writers go on, and until all nodes are ready again.
	failoverBound = 90 * time.Second
	// failoverCalm is how long all must be well before the next run, and failoverMend bounds the time until it is.
	failoverCalm = 2 * time.Second
	failoverMend = 5 * time.Minute
)

type benchFailoverCommand struct {
	Fault   []string      `enum:"kill,worker,stop,cut,term,rolling" default:"kill" help:"Faults to measure, with commas between them (${enum})."`
	Runs    int           `default:"30" help:"Runs of each."`
	Nodes   int           `default:"3" help:"Nodes, 3 to 16, of which three run the engine. The fault worker needs four."`
	Shards  int           `default:"8" help:"Shards, and writers: one for each."`
	Hold    time.Duration `default:"5s" help:"How long a fault lasts at least."`
	Attempt time.Duration `default:"1s" help:"How long a writer waits for the answer of one door, before it tries the next."`
	Args    []string      `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--log-level=debug."`
	JSON    bool          `name:"json" help:"Print the results as one JSON object a line."`
}

// Help is the long help.
func (*benchFailoverCommand) Help() string {
	return `Starts nodes as processes of their own, on loopback and in a temporary folder (the environment variable TMPDIR says
where). A writer for each shard sends one small change after the other through all doors: it waits for an answer as
--attempt says, and then tries the next door. In each run something fails, and all is well again before the next one.

  kill      SIGKILL of the server that leads the most logs, and owns shards
  worker    SIGKILL of a node that runs no engine
  stop      SIGSTOP of such a server, then SIGCONT
  cut       in turn, nothing that such a server sends arrives at the others, and nothing arrives at it
  term      SIGTERM of such a server
  rolling   SIGTERM and start of all three servers, one after the other, each when all nodes are ready

Measured is the longest time from one acceptance to the next of any writer, from the fault until all is well again. At
the end the logs are compared with what was accepted; exit status 0 says that nothing is lost or doubled.`
}

// failoverResult is what --json prints for a fault.
type failoverResult struct {
	Fault  string  `json:"fault"`
	Nodes  int     `json:"nodes"`
	CPUs   int     `json:"cpus"`
	Runs   int     `json:"runs"`
	Median float64 `json:"median_seconds"`
	P99    float64 `json:"p99_seconds"`
	Max    float64 `json:"max_seconds"`
}

// Run measures.
func (c *benchFailoverCommand) Run(ctx context.Context, std *streams) (err error) {
	switch {
	case c.Nodes < cluster.Servers || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected %d to %d", c.Nodes, cluster.Servers, cluster.MaxNodes)
	case c.Runs < 1 || c.Shards < 1 || c.Hold < 0 || c.Attempt <= 0:
		return usagef("--runs and --shards must be 1 or more, --attempt more than 0, --hold not negative")
	case slices.Contains(c.Fault, "worker") && c.Nodes == cluster.Servers:
		return usagef("--fault=worker needs a node that runs no engine: --nodes=%d or more", cluster.Servers+1)
	}
	f := &failover{benchFailoverCommand: *c, screen: terminal.NewScreen(std.err), client: client.New(""), check: factory.NewCheck(),
		pauses: pauses{last: make([]time.Time, c.Shards)}}
	defer f.client.Close()
	f.screen.Say("starting %d nodes", c.Nodes)
	f.nodes, err = cluster.Start(ctx, cluster.Config{Sweep: sweepArgs(), Nodes: c.Nodes, Shards: c.Shards, Args: c.Args,
		StopWithin: failoverBound, Cuttable: slices.Contains(c.Fault, "cut")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.nodes.Stop()) }()
	results, err := f.measure(ctx)
	if err != nil {
		return err
	}
	return f.show(std.out, results)
}

// failover is one run of the command.
type failover struct {
	benchFailoverCommand
	screen *terminal.Screen
	client *client.Client
	nodes  *cluster.Cluster
	check  *factory.Check
	pauses pauses
}

// measure lets the writers write while the faults happen, and compares the logs at the end.
func (f *failover) measure(ctx context.Context) (results []failoverResult, err error) {
	writing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := make(chan struct{})
	var all sync.WaitGroup
	f.pauses.start(time.Now())
	for i := range f.Shards {
		all.Go(func() {
			if err := f.write(writing, i, ended); err != nil {
				stop(fmt.Errorf("writer %d: %w", i, err))
			}
		})
	}
	for _, fault := range f.Fault {
		r, failed := f.runs(writing, fault)
		if err = failed; err != nil {
			break
		}
		results = append(results, r)
	}
	close(ended)
	if err != nil {
		stop(err)
	}
	bound := time.AfterFunc(failoverBound, func() {
		stop(fmt.Errorf("the last changes were not accepted within %v though all nodes are ready", failoverBound))
	})
	defer bound.Stop()
	all.Wait()
	if err := context.Cause(writing); err != nil {
		return nil, errors.Join(err, f.nodes.Err())
	}
	return results, f.readLogs(ctx)
}

// write sends one change after the other for shard i until the measurement has ended.
func (f *failover) write(ctx context.Context, i int, ended <-chan struct{}) error {
	subject, doors, door := subjectOf(i, f.Shards), f.nodes.Doors(), i
	for n := 1; ; n++ {
		body := []byte(fmt.Sprintf("TX .\nD %s \"%d\" .\nA %s \"%d\" .\nTC .\n", subject, n-1, subject, n))
		if n == 1 {
			body = []byte(fmt.Sprintf("TX .\nA %s \"%d\" .\nTC .\n", subject, n))
		}
		for {
			err := f.attempt(ctx, doors[door%len(doors)], fmt.Sprintf("failover-%d-%d", i, n), body)
			if err == nil {
				break
			}
			if ctx.Err() != nil || !client.Temporary(err) {
				return err
			}
			door++
			if err := pauseFor(ctx, failoverPause); err != nil {
				return err
			}
		}
		f.check.Accepted(body)
		f.pauses.accepted(i, time.Now())
		select {
		case <-ended:
			return nil
		case <-time.After(failoverPause):
		}
	}
}

// subjectOf makes the subject and predicate of a quad that falls in shard i.
func subjectOf(i, shards int) string {
	for n := 0; ; n++ {
		if iri := fmt.Sprintf("https://plant.example/writer/%d", n); shard.Of(iri, shards) == i {
			return "<" + iri + "> <https://plant.example/count>"
		}
	}
}

func (f *failover) attempt(ctx context.Context, door, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, f.Attempt)
	defer cancel()
	_, err := f.client.Submit(ctx, door, client.TypePatch, key, body)
	return err
}

// runs measures one kind of fault.
func (f *failover) runs(ctx context.Context, fault string) (failoverResult, error) {
	var longest []time.Duration
	for n := range f.Runs {
		victim, err := f.victim(ctx, fault)
		if err != nil {
			return failoverResult{}, err
		}
		began := time.Now()
		f.pauses.start(began)
		if err := f.cause(ctx, fault, victim, n); err != nil {
			return failoverResult{}, fmt.Errorf("%s, run %d: %w", fault, n+1, err)
		}
		if err := f.balanced(ctx); err != nil {
			return failoverResult{}, fmt.Errorf("after %s, run %d: %w", fault, n+1, err)
		}
		if err := f.mended(ctx); err != nil {
			return failoverResult{}, fmt.Errorf("after %s, run %d: %w", fault, n+1, err)
		}
		p := f.pauses.end(time.Now())
		f.screen.Say("%s %d of %d, %s: %.2f s, of shard %d, %.2f s after the fault", fault, n+1, f.Runs, f.nodes.Name(victim),
			p.length.Seconds(), p.writer, p.began.Sub(began).Seconds())
		longest = append(longest, p.length)
	}
	slices.Sort(longest)
	return failoverResult{Fault: fault, Nodes: f.Nodes, CPUs: runtime.NumCPU(), Runs: f.Runs,
		Median: quantile(longest, 50).Seconds(), P99: quantile(longest, 99).Seconds(), Max: quantile(longest, 100).Seconds()}, nil
}

// quantile is the least of the sorted values that so many percent of them don't exceed.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

// victim is the node that the fault happens to.
func (f *failover) victim(ctx context.Context, fault string) (best int, err error) {
	if fault == "worker" {
		return f.nodes.Size() - 1, nil
	}
	leads, err := f.leads(ctx)
	if err != nil {
		return 0, err
	}
	for i := range cluster.Servers {
		if leads[f.nodes.Name(i)] > leads[f.nodes.Name(best)] {
			best = i
		}
	}
	return best, nil // all own shards, as they are balanced
}

// leads is how many of the shards' logs each server leads.
func (f *failover) leads(ctx context.Context) (map[string]int, error) {
	nc, err := nats.Connect(strings.Join(f.nodes.Engines(), ","), nats.Timeout(failoverAsk))
	if err != nil {
		return nil, fmt.Errorf("connect to the engine, to see who leads the logs: %w", err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, failoverBound)
	defer cancel()
	leads := map[string]int{}
	for s := range js.Streams(nats.Context(ctx)) {
		name := s.Config.Name
		if last := name[len(name)-1]; last >= '0' && last <= '9' && s.Cluster != nil {
			leads[s.Cluster.Leader]++
		}
	}
	return leads, ctx.Err()
}

// cause lets the fault happen, waits until all writers go on, and mends it.
func (f *failover) cause(ctx context.Context, fault string, victim, run int) error {
	switch fault {
	case "kill", "worker":
		return f.around(ctx, f.nodes.Kill, f.nodes.Restart, victim)
	case "stop":
		return f.around(ctx, f.nodes.Pause, f.nodes.Continue, victim)
	case "cut":
		return f.around(ctx, func(i int) error { f.cutOff(i, run%2 == 0); return nil },
			func(int) error { f.nodes.Heal(); return nil }, victim)
	case "term":
		return f.around(ctx, f.nodes.End, f.nodes.Restart, victim)
	}
	for i := range cluster.Servers {
		if err := errors.Join(f.nodes.End(i), f.nodes.Restart(i)); err != nil {
			return err
		}
		if err := f.balanced(ctx); err != nil {
			return err
		}
	}
	return nil
}

// cutOff cuts what a server sends to the others, or what they send to it.
func (f *failover) cutOff(victim int, sends bool) {
	for i := range cluster.Servers {
		switch {
		case i == victim:
		case sends:
			f.nodes.Cut(victim, i)
		default:
			f.nodes.Cut(i, victim)
		}
	}
}

// around lets a fault begin, and ends it when it has lasted, and all writers have sent something that was accepted.
func (f *failover) around(ctx context.Context, begin, end func(int) error, victim int) error {
	began := time.Now()
	if err := begin(victim); err != nil {
		return err
	}
	held := pauseFor(ctx, f.Hold)
	for held == nil && !f.pauses.allSince(began.Add(f.Attempt)) {
		if time.Since(began) > failoverBound {
			held = fmt.Errorf("a writer got no change accepted for %v while %s is gone", failoverBound, f.nodes.Name(victim))
			break
		}
		held = pauseFor(ctx, failoverPause)
	}
	return errors.Join(held, end(victim))
}

func (f *failover) balanced(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, failoverBound, fmt.Errorf("not all nodes are ready after %v", failoverBound))
	defer cancel()
	return f.nodes.Balanced(ctx)
}

// mended waits until every node has seen for a while that all is well: as long as a copy lacks something, the next fault
// would be the second one at a time.
func (f *failover) mended(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, failoverMend, fmt.Errorf("not all is well after %v", failoverMend))
	defer cancel()
	for well := time.Now(); time.Since(well) < failoverCalm; {
		if err := pauseFor(ctx, failoverPause*10); err != nil {
			return err
		}
		for _, door := range f.nodes.Doors() {
			if s, err := f.client.Status(ctx, door); err != nil || len(s.Degraded) > 0 {
				well = time.Now()
			}
		}
	}
	return nil
}

// readLogs notes what is in the logs.
func (f *failover) readLogs(ctx context.Context) error {
	query := url.Values{"from": {"start"}, "live": {"false"}}
	return f.client.Changes(ctx, f.nodes.Doors()[0], query, func(change client.Change, _ engine.Cursor) error {
		f.check.Logged([]byte(change.Patch))
		return nil
	}, nil)
}

func (f *failover) show(out io.Writer, results []failoverResult) error {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "fault\truns\tmedian\tp99\tmax\t")
	for _, r := range results {
		if f.JSON {
			if err := json.NewEncoder(out).Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f s\t%.2f s\t%.2f s\t\n", r.Fault, r.Runs, r.Median, r.P99, r.Max)
	}
	result := f.check.Result()
	if !f.JSON {
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s changes accepted, %d lost, %d duplicated\n", terminal.Grouped(result.Accepted), result.Lost, result.Duplicated)
	}
	if !result.Good() {
		return fmt.Errorf("the logs don't hold what was accepted, once: %+v", result)
	}
	return nil
}

// pauseFor waits, or returns why ctx has ended.
func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pause is a time in which nothing of a writer was accepted.
type pause struct {
	length time.Duration
	writer int
	began  time.Time
}

// pauses measures the longest time of any writer from one acceptance to the next. It may be used concurrently.
type pauses struct {
	mu      sync.Mutex
	last    []time.Time // when each writer's last change was accepted
	longest pause
}

// start begins anew. The pause that each writer is in counts in full, unless it has just begun to write.
func (p *pauses) start(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest = pause{}
	for i, t := range p.last {
		if t.IsZero() {
			p.last[i] = now
		}
	}
}

func (p *pauses) accepted(writer int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.see(writer, now)
	p.last[writer] = now
}

// see takes the pause that a writer is in for the longest, if it is.
func (p *pauses) see(writer int, now time.Time) {
	if length := now.Sub(p.last[writer]); length > p.longest.length {
		p.longest = pause{length, writer, p.last[writer]}
	}
}

// allSince reports whether each writer has got a change accepted after t.
func (p *pauses) allSince(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.last, func(last time.Time) bool { return !last.After(t) })
}

// end is the longest pause since start, those that last included.
func (p *pauses) end(now time.Time) pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.last {
		p.see(i, now)
	}
	return p.longest
}
