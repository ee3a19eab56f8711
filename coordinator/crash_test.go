package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shard"
)

// TestFollowersAgreeAfterCrashes lets processes join, leave, enter under a name that another bears, be proposed as
// failed, and crash in the middle of a proposal whose record arrives later, or never. One follows the log from the
// beginning, one comes at the end. All must have the state of the log's last record, to the byte.
func TestFollowersAgreeAfterCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &pipeline{log: memory.New(1).Control()}
		first := follow(t, p.log)
		for range 3 {
			p.processes = append(p.processes, p.start(t))
		}
		t.Repeat(map[string]func(*rapid.T){
			"join":    func(t *rapid.T) { p.propose(t, join) },
			"leave":   func(t *rapid.T) { p.propose(t, leave) },
			"fail":    func(t *rapid.T) { p.propose(t, fail) },
			"enter":   func(t *rapid.T) { p.propose(t, enter) },
			"crash":   p.crash,
			"arrives": p.arrives,
		})
		states := p.check(t)
		if len(states) == 0 {
			first.stop(t)
			return // nothing was committed
		}
		want := states[len(states)-1]
		late := follow(t, p.log)
		for _, f := range []*follower{first, late} {
			f.until(t, want.Epoch)
			f.stop(t)
			if got := facts(t, f.c.State()); got != facts(t, want) {
				t.Fatalf("a follower has\n%s\nthe log\n%s", got, facts(t, want))
			}
		}
	})
}

// pipeline is a control log and the processes that work on it.
type pipeline struct {
	log       engine.Log
	processes []*proposer
	onTheWay  []func() // appends of processes that have crashed

	read []*coordinator.State // what states has read of the log
	tail uint64               // up to where
}

// proposer is a process, whose log can make it crash.
type proposer struct {
	*coordinator.Coordinator
	log *crashing
}

// crashing is a log whose user crashes in the middle of an append, when it is told so.
type crashing struct {
	engine.Log
	crash func(expect uint64, payload []byte)
}

func (c *crashing) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if c.crash == nil {
		return c.Log.Append(ctx, expect, payload)
	}
	c.crash(expect, slices.Clone(payload))
	return 0, engine.ErrUnknown
}

func (p *pipeline) start(t *rapid.T) *proposer {
	log := &crashing{Log: p.log}
	name := rapid.SampledFrom([]string{"n1", "n2", "n3"}).Draw(t, "name")
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: name, Shards: 6}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &proposer{c, log}
}

// proposal is a way to propose, about a node or about the process itself.
type proposal func(ctx context.Context, c *coordinator.Coordinator, node string) (shard.Plan, error)

func join(ctx context.Context, c *coordinator.Coordinator, node string) (shard.Plan, error) {
	return c.Join(ctx, node)
}

func enter(ctx context.Context, c *coordinator.Coordinator, _ string) (shard.Plan, error) {
	return c.Enter(ctx)
}

func leave(ctx context.Context, c *coordinator.Coordinator, node string) (shard.Plan, error) {
	return c.Leave(ctx, node)
}

// fail proposes as failed the process that bears the name by the proposer's knowledge, which may be old.
func fail(ctx context.Context, c *coordinator.Coordinator, node string) (shard.Plan, error) {
	m, ok := c.State().Member(node)
	if !ok {
		return shard.Plan{}, coordinator.ErrUnknownNode
	}
	return c.Fail(ctx, node, m.Incarnation)
}

var pipelineNodes = []string{"n1", "n2", "n3", "n4"}

// propose lets a process propose. What it has installed afterwards is in the log, whether it was confirmed or not.
func (p *pipeline) propose(t *rapid.T, do proposal) {
	c := rapid.SampledFrom(p.processes).Draw(t, "process")
	plan, err := do(context.Background(), c.Coordinator, rapid.SampledFrom(pipelineNodes).Draw(t, "node"))
	switch {
	case errors.Is(err, coordinator.ErrNodeExists), errors.Is(err, coordinator.ErrUnknownNode):
	case err != nil:
		t.Fatal(err)
	case !plan.Assignment.Equal(c.Assignment()):
		t.Fatalf("the plan's assignment %v is not the one installed, %v", plan.Assignment, c.Assignment())
	}
	p.installed(t, c)
}

// installed checks that what the process has installed is what the log has at that epoch.
func (p *pipeline) installed(t *rapid.T, c *proposer) {
	if s := c.State(); s.Epoch > 0 {
		logged := p.states(t)
		if s.Epoch > uint64(len(logged)) || facts(t, s) != facts(t, logged[s.Epoch-1]) {
			t.Fatalf("installed and not in the log:\n%s", facts(t, s))
		}
	}
}

// crash lets a process crash while its proposal is on its way, and another start in its place.
func (p *pipeline) crash(t *rapid.T) {
	i := rapid.IntRange(0, len(p.processes)-1).Draw(t, "process")
	c := p.processes[i]
	ctx, crashed := context.WithCancel(context.Background())
	defer crashed()
	c.log.crash = func(expect uint64, payload []byte) {
		crashed()
		p.onTheWay = append(p.onTheWay, func() { _, _ = p.log.Append(context.Background(), expect, payload) })
	}
	do := rapid.SampledFrom([]proposal{enter, join, leave, fail}).Draw(t, "how")
	plan, err := do(ctx, c.Coordinator, rapid.SampledFrom(pipelineNodes).Draw(t, "node"))
	if ctx.Err() != nil && (!errors.Is(err, coordinator.ErrOutcomeUnknown) || len(plan.Moves) > 0) {
		t.Fatalf("crashed in the middle of an append: %+v, %v", plan, err)
	}
	p.installed(t, c)
	p.processes[i] = p.start(t)
}

// arrives lets an append of a crashed process reach the log. It is refused unless the tail is still the one expected.
func (p *pipeline) arrives(t *rapid.T) {
	if len(p.onTheWay) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(p.onTheWay)-1).Draw(t, "which")
	p.onTheWay[i]()
	p.onTheWay = slices.Delete(p.onTheWay, i, i+1)
}

// states returns the states of all records in the log.
func (p *pipeline) states(t *rapid.T) []*coordinator.State {
	_, err := p.log.Read(context.Background(), p.tail+1, func(e engine.Entry) error {
		s, err := coordinator.ParseRecord("c1", e.Payload)
		p.read, p.tail = append(p.read, s), e.Seq
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.read
}

// check replays the log into a store as any RDF Patch reader would: after each record the store holds the facts of that
// state alone.
func (p *pipeline) check(t *rapid.T) []*coordinator.State {
	states, at, held := p.states(t), 0, quads{}
	proposals := map[string]bool{}
	_, err := p.log.Read(context.Background(), 1, func(e engine.Entry) error {
		if err := patch.Parse(e.Payload, held, patch.RequireTransactions()); err != nil {
			return err
		}
		s, want := states[at], quads{}
		at++
		if s.Epoch != uint64(at) || proposals[s.Proposal] {
			return fmt.Errorf("record %d has epoch %d, proposal %s", at, s.Epoch, s.Proposal)
		}
		proposals[s.Proposal] = true
		if err := patch.Parse([]byte(facts(t, s)), want); err != nil {
			return err
		}
		if !maps.Equal(held, want) {
			return fmt.Errorf("after record %d the store holds\n%v\nwant\n%v", at, held, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// facts is all that a state says, as the record that would be the first.
func facts(t *rapid.T, s *coordinator.State) string {
	record, err := coordinator.AppendRecord(nil, "c1", coordinator.NewState(s.Settings), s)
	if err != nil {
		t.Fatal(err)
	}
	return string(record)
}

// quads is a store that takes real changes only.
type quads map[rdf.Quad]bool

func (quads) Header(string, rdf.Term) error            { return nil }
func (quads) Begin() error                             { return nil }
func (quads) Commit() error                            { return nil }
func (quads) Abort() error                             { return errors.New("aborted") }
func (quads) AddPrefix(rdf.Term, string, string) error { return errors.New("a prefix") }
func (quads) DeletePrefix(rdf.Term, string) error      { return errors.New("a prefix") }

func (h quads) Add(q rdf.Quad) error {
	h[q.Clone()] = true
	return nil
}

func (h quads) Delete(q rdf.Quad) error {
	if !h[q] {
		return fmt.Errorf("%s is deleted and not there", q)
	}
	delete(h, q)
	return nil
}

// follower is a coordinator that only follows.
type follower struct {
	c      *coordinator.Coordinator
	cancel context.CancelFunc
	ended  chan error
}

func follow(t *rapid.T, log engine.Log) *follower {
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "follower", Shards: 6}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{c, cancel, make(chan error, 1)}
	go func() { f.ended <- c.Run(ctx) }()
	t.Cleanup(cancel)
	return f
}

// until waits until the follower has installed that epoch.
func (f *follower) until(t *rapid.T, epoch uint64) {
	wake, stop := f.c.Watch()
	defer stop()
	deadline := time.After(3 * time.Minute)
	for f.c.State().Epoch < epoch {
		select {
		case <-wake:
		case <-deadline:
			t.Fatalf("the follower is at epoch %d, the log at %d", f.c.State().Epoch, epoch)
		}
	}
}

func (f *follower) stop(t *rapid.T) {
	f.cancel()
	if err := <-f.ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("Run: %v", err)
	}
}
