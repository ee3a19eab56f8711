package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/shard"
)

const (
	// failoverPause is between the requests of a writer, and between its attempts.
	failoverPause = 10 * time.Millisecond
	// failoverBound bounds the time until all writers go on, and until all nodes are ready again.
	failoverBound = 90 * time.Second
	// failoverCalm is how long all must be well before the next run, and failoverMend bounds the time until it is.
	failoverCalm = 2 * time.Second
	failoverMend = 5 * time.Minute
)

// FailoverConfig says what fails, and in which cluster.
type FailoverConfig struct {
	// Faults are what happens, in this order: kill, worker, stop, cut, term or rolling.
	Faults []string
	// Runs is how often each happens, at least once.
	Runs int
	// Nodes is the number of nodes, [cluster.Servers] to [cluster.MaxNodes]; the fault worker needs one more.
	Nodes int
	// Shards is the number of shards, and of writers: one for each.
	Shards int
	// Hold is how long a fault lasts at least.
	Hold time.Duration
	// Attempt is how long a writer waits for the answer of one door, before it tries the next.
	Attempt time.Duration
	// Args are further arguments of the nodes.
	Args []string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on.
	Screen *terminal.Screen
}

// FailoverResult is what was measured of a fault: the longest times, of any writer, from one acceptance to the next.
type FailoverResult struct {
	// Median, P99 and Max are in seconds, of so many Runs.
	Fault  string  `json:"fault"`
	Nodes  int     `json:"nodes"`
	CPUs   int     `json:"cpus"`
	Runs   int     `json:"runs"`
	Median float64 `json:"median_seconds"`
	P99    float64 `json:"p99_seconds"`
	Max    float64 `json:"max_seconds"`
}

// Failover measures how long writers wait when nodes and links fail. It returns what was measured of each fault, and what
// became of all changes, also if the cluster could not be stopped well.
func Failover(ctx context.Context, cfg FailoverConfig) (results []FailoverResult, changes factory.Result, err error) {
	f := &failover{cfg: cfg, client: client.New(""), check: factory.NewCheck(),
		pauses: pauses{last: make([]time.Time, cfg.Shards)}}
	defer f.client.Close()
	cfg.Screen.Say("starting %s", terminal.Count(cfg.Nodes, "node"))
	f.nodes, err = cluster.Start(ctx, cluster.Config{Sweep: cfg.Sweep, Nodes: cfg.Nodes, Shards: cfg.Shards, Args: cfg.Args,
		StopWithin: failoverBound, Cuttable: slices.Contains(cfg.Faults, "cut")})
	if err != nil {
		return nil, changes, err
	}
	defer func() { err = errors.Join(err, f.nodes.Stop()) }()
	if results, err = f.measure(ctx); err != nil {
		return nil, changes, err
	}
	return results, f.check.Result(), nil
}

// failover is one measurement.
type failover struct {
	cfg    FailoverConfig
	client *client.Client
	nodes  *cluster.Cluster
	check  *factory.Check
	pauses pauses
}

// measure lets the writers write while the faults happen, and compares the logs at the end.
func (f *failover) measure(ctx context.Context) (results []FailoverResult, err error) {
	writing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := make(chan struct{})
	var all sync.WaitGroup
	f.pauses.start(time.Now())
	for i := range f.cfg.Shards {
		all.Go(func() {
			if err := f.write(writing, i, ended); err != nil {
				stop(fmt.Errorf("writer %d: %w", i, err))
			}
		})
	}
	for _, fault := range f.cfg.Faults {
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
	subject, doors, door := subjectOf(i, f.cfg.Shards), f.nodes.Doors(), i
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
			if err := clock.Sleep(ctx, failoverPause); err != nil {
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
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Attempt)
	defer cancel()
	_, err := f.client.Submit(ctx, door, client.TypePatch, key, body)
	return err
}

// runs measures one kind of fault.
func (f *failover) runs(ctx context.Context, fault string) (FailoverResult, error) {
	var longest []time.Duration
	for n := range f.cfg.Runs {
		victim, err := f.victim(ctx, fault)
		if err != nil {
			return FailoverResult{}, err
		}
		began := time.Now()
		f.pauses.start(began)
		if err := f.cause(ctx, fault, victim, n); err != nil {
			return FailoverResult{}, fmt.Errorf("%s, run %d: %w", fault, n+1, err)
		}
		if err := f.balanced(ctx); err != nil {
			return FailoverResult{}, fmt.Errorf("after %s, run %d: %w", fault, n+1, err)
		}
		if err := f.mended(ctx); err != nil {
			return FailoverResult{}, fmt.Errorf("after %s, run %d: %w", fault, n+1, err)
		}
		p := f.pauses.end(time.Now())
		f.cfg.Screen.Say("%s %d of %d, %s: %.2f s, of shard %d, %.2f s after the fault", fault, n+1, f.cfg.Runs, f.nodes.Name(victim),
			p.length.Seconds(), p.writer, p.began.Sub(began).Seconds())
		longest = append(longest, p.length)
	}
	slices.Sort(longest)
	return FailoverResult{Fault: fault, Nodes: f.cfg.Nodes, CPUs: runtime.NumCPU(), Runs: f.cfg.Runs,
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
	ctx, cancel := context.WithTimeout(ctx, failoverBound)
	defer cancel()
	status, err := f.client.Status(ctx, f.nodes.Doors()[0])
	if err != nil {
		return nil, fmt.Errorf("ask who leads the logs: %w", err)
	}
	leads := map[string]int{}
	for _, s := range status.Engine.Streams {
		if last := s.Name[len(s.Name)-1]; last >= '0' && last <= '9' {
			leads[s.Leader]++
		}
	}
	return leads, nil
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
	held := clock.Sleep(ctx, f.cfg.Hold)
	for held == nil && !f.pauses.allSince(began.Add(f.cfg.Attempt)) {
		if time.Since(began) > failoverBound {
			held = fmt.Errorf("a writer got no change accepted for %v while %s is gone", failoverBound, f.nodes.Name(victim))
			break
		}
		held = clock.Sleep(ctx, failoverPause)
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
	return f.nodes.Mended(ctx, failoverCalm, func(s *client.Status) bool { return len(s.Degraded) == 0 })
}

// readLogs notes what is in the logs.
func (f *failover) readLogs(ctx context.Context) error {
	query := url.Values{"from": {"start"}, "live": {"false"}}
	return f.client.Changes(ctx, f.nodes.Doors()[0], query, client.Reader{Change: func(change client.Change, _ client.Cursor) error {
		f.check.Logged([]byte(change.Patch))
		return nil
	}})
}
