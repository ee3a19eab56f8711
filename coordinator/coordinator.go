// Package coordinator keeps the assignment of shards to nodes: who is a member, who owns what, and where an event goes.
//
// The assignment is committed in a replicated control log and changes in no other way. Whoever wants a change proposes
// the whole next state, on condition that the log is as it was; every node follows the log and installs what it reads.
// There is no leader among the coordinators; any may propose. See DESIGN §5.
package coordinator

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/shard"
)

// Errors of a [Coordinator]; test with errors.Is.
var (
	// ErrNodeExists: the node is a member already.
	ErrNodeExists = errors.New("node is a member already")
	// ErrUnknownNode: the node is not a member, or not in that incarnation.
	ErrUnknownNode = errors.New("node is not a member")
	// ErrNoNodes: there is no assignment, because nobody is a member.
	ErrNoNodes = errors.New("no node is a member: there is no assignment")
	// ErrSettings: the settings differ from those that the pipeline was created with.
	ErrSettings = errors.New("settings differ from the pipeline's")
	// ErrOutcomeUnknown: nobody can say yet whether the proposal was committed. Nothing local has changed; if it was, the
	// control log brings it.
	ErrOutcomeUnknown = errors.New("outcome of the proposal is unknown")
)

// maxNode bounds a node's name in bytes.
const maxNode = 63

// Config configures a [Coordinator].
type Config struct {
	// CoordID names the pipeline. Required; letters, digits and "-._" in it.
	CoordID string
	// LocalNode is the name of this node. Required; 1 to 63 bytes: letters, digits and "-._:@".
	LocalNode string
	// Shards is the number of shards, 1 to [shard.Max]. It never changes once the first member has joined.
	Shards int
	// StreamID is the stream of routed events, and their producer in logs. Default "stream-coord-" + CoordID.
	StreamID string
	// IdempotentMembership: joining twice is not an error.
	IdempotentMembership bool
	// Key names how keys are made of changes. It is one of the settings that must agree on all nodes.
	Key string
	// Keep is how long idempotency keys are remembered, one of those settings, too. Default [DefaultKeep].
	Keep time.Duration
	// Zone and Weight are those of the local node, see [shard.Node].
	Zone   string
	Weight int
	// Marks tells how far this node knows a shard's log to go; each proposal brings it to the others. It may be called by
	// anybody at any time. Default: nothing is known.
	Marks func(shard int) engine.Mark
}

func (c *Config) setDefaults() error {
	if c.Shards < 1 {
		return errors.New("n_shards must be >= 1")
	}
	if c.Shards > shard.Max {
		return fmt.Errorf("n_shards must be <= %d", shard.Max)
	}
	if err := checkName("coordinator id", c.CoordID, "-._"); err != nil {
		return err
	}
	if err := CheckNode(c.LocalNode); err != nil {
		return err
	}
	if c.StreamID == "" {
		c.StreamID = "stream-coord-" + c.CoordID
	}
	c.Weight = max(c.Weight, 1)
	if c.Keep < 0 {
		return fmt.Errorf("keep idempotency keys for %v: expected more than 0", c.Keep)
	}
	c.Keep = cmp.Or(c.Keep, DefaultKeep)
	return nil
}

// CheckNode reports what is wrong with a node's name.
func CheckNode(name string) error { return checkName("node name", name, "-._:@") }

func checkName(what, name, punctuation string) error {
	bad := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(punctuation, r)
	}
	if name == "" || len(name) > maxNode || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%s %q: expected 1 to %d letters, digits or any of %q", what, name, maxNode, punctuation)
	}
	return nil
}

// Coordinator is one node's part in the coordination. All methods may be called concurrently.
type Coordinator struct {
	cfg     Config
	control engine.Log
	ship    Shipper
	process Process // this one

	current atomic.Pointer[State]

	mu       sync.Mutex // guards installing, at and watchers
	at       uint64     // position in the control log of what is installed
	watchers map[chan struct{}]struct{}

	counters counters
}

type counters struct {
	joins, leaves, moves, switches, installed, failed atomic.Uint64
	_                                                 [128]byte // the hot ones on lines of their own
	local                                             atomic.Uint64
	_                                                 [120]byte
	remote                                            atomic.Uint64
	_                                                 [120]byte
}

// New returns a coordinator over a control log; it starts nothing and does no I/O. The shipper carries routed events;
// without one (nil) nothing can be routed.
func New(cfg Config, control engine.Log, ship Shipper) (*Coordinator, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	process := Process{Name: cfg.LocalNode, ID: rand.Text(), Zone: cfg.Zone, Weight: cfg.Weight}
	c := &Coordinator{cfg: cfg, control: control, ship: ship, process: process, watchers: map[chan struct{}]struct{}{}}
	c.current.Store(NewState(c.settings()))
	return c, nil
}

func (c *Coordinator) settings() Settings {
	return Settings{Shards: c.cfg.Shards, Hash: shard.HashName, Key: c.cfg.Key, Keep: c.cfg.Keep, Format: Format}
}

// LocalNode is the name of this node.
func (c *Coordinator) LocalNode() string { return c.cfg.LocalNode }

// Shards is the number of shards.
func (c *Coordinator) Shards() int { return c.cfg.Shards }

// StreamID is the id of the stream of routed events.
func (c *Coordinator) StreamID() string { return c.cfg.StreamID }

// Assignment returns the assignment that is installed.
func (c *Coordinator) Assignment() shard.Assignment { return c.current.Load().Assignment }

// State returns the state that is installed.
func (c *Coordinator) State() *State { return c.current.Load() }

// Stats is a snapshot of a coordinator's counters since it was made.
type Stats struct {
	// JoinProposals and LeaveProposals count the proposals that were appended or tried: Join and Enter, Leave and Fail.
	JoinProposals, LeaveProposals uint64
	// MoveProposals counts those of Take and Drain, SwitchProposals those of Turn and Restart.
	MoveProposals, SwitchProposals uint64
	// Routed = LocallyDelivered + RemotelyShipped: events that Route has handed over.
	Routed, LocallyDelivered, RemotelyShipped uint64
	// AssignmentsInstalled counts the states that were installed, FailedProposals the proposals that returned an error.
	AssignmentsInstalled, FailedProposals uint64
}

// Stats returns the counters.
func (c *Coordinator) Stats() Stats {
	local, remote := c.counters.local.Load(), c.counters.remote.Load()
	return Stats{
		JoinProposals: c.counters.joins.Load(), LeaveProposals: c.counters.leaves.Load(),
		MoveProposals: c.counters.moves.Load(), SwitchProposals: c.counters.switches.Load(),
		Routed: local + remote, LocallyDelivered: local, RemotelyShipped: remote,
		AssignmentsInstalled: c.counters.installed.Load(), FailedProposals: c.counters.failed.Load(),
	}
}

// Watch returns a channel that gets a value after each installation (several may be announced by one value), and the
// function that ends the watch.
func (c *Coordinator) Watch() (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	c.mu.Lock()
	c.watchers[ch] = struct{}{}
	c.mu.Unlock()
	return ch, func() {
		c.mu.Lock()
		delete(c.watchers, ch)
		c.mu.Unlock()
	}
}

// Join makes a node a member, with the zone and weight of the configuration if it is the local one. The plan is returned
// when it is committed and installed. A member already: an empty plan and no proposal with idempotent membership, else
// [ErrNodeExists].
func (c *Coordinator) Join(ctx context.Context, node string) (shard.Plan, error) {
	if err := CheckNode(node); err != nil {
		return shard.Plan{}, err
	}
	return c.propose(ctx, &c.counters.joins, func(s *State) (*State, error) {
		next, err := s.Join(c.member(node))
		if errors.Is(err, ErrNodeExists) && c.cfg.IdempotentMembership {
			return s, nil
		}
		return next, err
	})
}

// Enter makes this process the one that bears the local node's name, and the node a member if it is not yet. It always
// commits a record: the epoch of that is the process's incarnation, by which the others tell it from earlier ones.
func (c *Coordinator) Enter(ctx context.Context) (shard.Plan, error) {
	return c.propose(ctx, &c.counters.joins, func(s *State) (*State, error) { return c.process.Enter(s), nil })
}

// Process is the process that Enter enters.
func (c *Coordinator) Process() Process { return c.process }

// Take makes the local node the owner of those of the shards that the target of planned moves gives it; see
// [State.Target]. The plan is empty, and nothing is proposed, if that is none of them any more.
func (c *Coordinator) Take(ctx context.Context, shards []int) (shard.Plan, error) {
	return c.propose(ctx, &c.counters.moves, func(s *State) (*State, error) {
		return s.Take(c.cfg.LocalNode, shards), nil
	})
}

// Drain announces that a node is to leave: the others take its shards, one after the other, in the planned way. Leave
// ends it. [ErrUnknownNode] if it is no member, or not in that incarnation.
func (c *Coordinator) Drain(ctx context.Context, node string, incarnation uint64) (shard.Plan, error) {
	return c.propose(ctx, &c.counters.moves, func(s *State) (*State, error) { return s.Drain(node, incarnation) })
}

// Leave takes a node out of the membership; [ErrUnknownNode] if it is no member. After the last node the assignment is
// empty, and each move has no To.
func (c *Coordinator) Leave(ctx context.Context, node string) (shard.Plan, error) {
	return c.propose(ctx, &c.counters.leaves, func(s *State) (*State, error) { return s.Leave(node) })
}

// Fail takes out a node that is taken for dead, as [Process.Fail] says; the plan is empty where that changes nothing. The
// node is absent from then on: see [State.Absent].
func (c *Coordinator) Fail(ctx context.Context, node string, incarnation uint64) (shard.Plan, error) {
	return c.propose(ctx, &c.counters.leaves, func(s *State) (*State, error) { return c.process.Fail(s, node, incarnation) })
}

// Withdraw takes out a node that leaves and is not expected back, unless another process has entered under its name: then
// the plan is empty.
func (c *Coordinator) Withdraw(ctx context.Context, node string, incarnation uint64) (shard.Plan, error) {
	return c.propose(ctx, &c.counters.leaves, func(s *State) (*State, error) { return c.process.Withdraw(s, node, incarnation) })
}

func (c *Coordinator) member(node string) Member {
	m := Member{Name: node, Weight: 1, Format: Format}
	if node == c.cfg.LocalNode {
		m.Zone, m.Weight = c.cfg.Zone, c.cfg.Weight
	}
	return m
}

// propose commits what compute makes of the newest state; when compute returns the state that it was given there is
// nothing to do.
func (c *Coordinator) propose(ctx context.Context, count *atomic.Uint64, compute func(*State) (*State, error)) (shard.Plan, error) {
	plan, err := c.tryPropose(ctx, count, compute)
	if err != nil {
		c.counters.failed.Add(1)
		return shard.Plan{}, fmt.Errorf("coordinator %s: %w", c.cfg.CoordID, err)
	}
	return plan, nil
}

func (c *Coordinator) tryPropose(ctx context.Context, count *atomic.Uint64, compute func(*State) (*State, error)) (shard.Plan, error) {
	p := NewProposer(ProposerConfig{CoordID: c.cfg.CoordID, ID: rand.Text(), Compute: compute, Marks: c.cfg.Marks})
	counted := false
	for {
		step := p.Step()
		if err := pause(ctx, step.Pause); err != nil {
			return shard.Plan{}, p.Abandoned(err)
		}
		switch step.Action {
		case ReadNewest:
			base, tail, err := c.newest(ctx)
			if err != nil {
				return shard.Plan{}, err
			}
			p.Newest(base, tail)
		case AppendNext:
			if !counted {
				counted = true
				count.Add(1)
			}
			p.Appended(c.control.Append(engine.WithReserve(ctx), step.Expect, step.Payload))
		case ReadBehind:
			first, err := c.behind(ctx, step.Expect)
			if err != nil {
				return shard.Plan{}, p.Abandoned(err)
			}
			p.Behind(first)
		case Finished:
			at, before, after, err := p.Result()
			if err != nil {
				return shard.Plan{}, err
			}
			c.install(at, after)
			return shard.Diff(before.Assignment, after.Assignment), nil
		}
	}
}

// pause waits, and reports whether the context has ended.
func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newest reads the tail of the control log and returns the state that a proposal builds on: the tail's, or the one
// installed if that is as new.
func (c *Coordinator) newest(ctx context.Context) (*State, uint64, error) {
	tail, err := c.control.Tail(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read the tail of the control log: %w", err)
	}
	if tail.Seq > 0 {
		if err := c.read(tail); err != nil {
			return nil, 0, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at > tail.Seq { // somebody has committed meanwhile; the append would be refused
		return c.current.Load(), c.at, nil
	}
	return c.current.Load(), tail.Seq, nil
}

// errDecided ends a read at its first entry.
var errDecided = errors.New("decided")

// behind returns the entry that follows a position, or a zero Entry if there is none.
func (c *Coordinator) behind(ctx context.Context, tail uint64) (first engine.Entry, err error) {
	_, err = c.control.Read(ctx, tail+1, func(e engine.Entry) error {
		first = e
		return errDecided
	})
	if errors.Is(err, errDecided) {
		err = nil
	}
	return first, err
}

// Run follows the control log and installs what it reads, until ctx ends (it returns ctx.Err()) or it can't go on:
// [ErrSettings], [engine.ErrDamaged].
func (c *Coordinator) Run(ctx context.Context) error {
	for {
		tail, err := c.control.Tail(ctx)
		if err == nil {
			// Each record is the whole state: the older ones are of no interest.
			err = c.control.Follow(ctx, max(tail.Seq, 1), c.read)
		}
		if errors.Is(err, ErrSettings) || errors.Is(err, engine.ErrDamaged) {
			return err
		}
		if err := pause(ctx, retryPause(8)); err != nil {
			return err
		}
	}
}

// read installs a record of the control log.
func (c *Coordinator) read(e engine.Entry) error {
	s, err := ParseRecord(c.cfg.CoordID, e.Payload)
	if err != nil {
		return fmt.Errorf("control log, position %d: %w", e.Seq, err)
	}
	if err := c.settings().Check(s.Settings); err != nil {
		return err
	}
	c.install(e.Seq, s)
	return nil
}

// install makes a committed state the current one, unless a newer one is.
func (c *Coordinator) install(at uint64, s *State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at <= c.at {
		return
	}
	c.at = at
	c.replace(s)
}

func (c *Coordinator) replace(s *State) {
	c.current.Store(s)
	c.counters.installed.Add(1)
	for w := range c.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Install makes an assignment the current one that was committed elsewhere than in the control log; it proposes nothing.
// Its owners become the members, so that the next proposal builds on it. It returns the difference as a plan. The number
// of shards must be the coordinator's.
func (c *Coordinator) Install(a shard.Assignment) (shard.Plan, error) {
	a, err := a.Resize(c.cfg.Shards)
	if err != nil {
		return shard.Plan{}, fmt.Errorf("install: %w", err)
	}
	for _, owner := range a.Owners() {
		if err := CheckNode(owner); err != nil {
			return shard.Plan{}, fmt.Errorf("install: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.current.Load()
	if plan := shard.Diff(before.Assignment, a); len(plan.Moves) > 0 {
		c.replace(before.install(a))
		return plan, nil
	}
	return shard.Plan{Assignment: a}, nil
}
