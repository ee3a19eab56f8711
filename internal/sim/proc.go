package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/shard"
)

// proc is a process of a node: what package node does with goroutines, done step by step. All of it is memory, and gone
// with the process.
type proc struct {
	w    *world
	id   int // tells processes apart
	name string

	dead   bool
	paused bool
	held   []func() // what happened to the paused process

	mute   bool     // nothing that it sends reaches the engine
	deaf   bool     // nothing of the engine reaches it
	own    bool     // it hears itself all the same: it runs a server of the engine
	unsent []func() // what waits in its connection
	slow   time.Duration
	lag    time.Duration // before it acts on an assignment
	jump   time.Duration // of its wall clock

	// settings are those that the process was started with.
	settings coordinator.Settings

	// The control plane.
	state       *coordinator.State
	at          uint64 // position of state in the control log
	self        coordinator.Process
	entry       *core.Entry // nil: it has not entered for the first time
	entering    bool        // again
	incarnation uint64
	woken       bool // a look at the newest state is due
	watch       *core.Watch
	accusing    map[string]*proposal
	moving      bool // a planned move is being looked at

	door    event.Producer
	loops   []*loop
	senders []*sender // none before it has entered

	running []*running // of the connectors; none before it has entered
	looking bool       // a look at what it owns is due
	passed  map[*held]uint64
}

// start starts a process under a name.
func (w *world) start(name string) { w.startWith(name, w.cfg.Shards) }

func (w *world) startWith(name string, shards int) {
	p := &proc{w: w, id: len(w.procs), name: name, accusing: map[string]*proposal{}}
	p.self = coordinator.Process{Name: name, ID: fmt.Sprint(p.id)}
	p.settings = coordinator.Settings{Shards: shards, Hash: shard.HashName, Key: string(w.cfg.Key), Keep: w.cfg.Keep, Format: coordinator.Format}
	w.procs = append(w.procs, p)
	p.boot()
}

// boot makes the process enter.
func (p *proc) boot() {
	p.state = coordinator.NewState(p.settings)
	p.watch = core.NewWatch(p.name, failAfter)
	for s := range p.settings.Shards {
		p.loops = append(p.loops, newLoop(p, s))
	}
	p.w.note("%s starts", p)
	p.enter()
}

// String is the name, with the number of the process where the name has had more than one.
func (p *proc) String() string {
	for _, other := range p.w.procs {
		if other.name == p.name && other.id < p.id {
			return fmt.Sprintf("%s#%d", p.name, p.id+1)
		}
	}
	return p.name
}

// do makes fn happen in the process: now, when it goes on, or never.
func (p *proc) do(fn func()) {
	switch {
	case p.dead:
	case p.paused:
		p.held = append(p.held, fn)
	default:
		fn()
	}
}

// after makes fn happen in the process after d.
func (p *proc) after(d time.Duration, fn func()) { p.w.after(d, func() { p.do(fn) }) }

// wall is the time of its wall clock.
func (p *proc) wall() time.Time { return epoch.Add(p.w.now + p.jump) }

// mono is the time of its monotonic clock.
func (p *proc) mono() time.Time { return epoch.Add(p.w.now) }

// kill ends the process at once. What it has sent is on its way.
func (p *proc) kill(why string) {
	if p.dead {
		return
	}
	p.w.note("%s ends: %s", p, why)
	p.dead, p.held, p.unsent = true, nil, nil
	p.w.ended(p)
}

func (p *proc) pause() {
	if !p.dead && !p.paused {
		p.w.note("%s is paused", p)
		p.paused = true
	}
}

func (p *proc) resume() {
	if p.dead || !p.paused {
		return
	}
	p.w.note("%s goes on", p)
	p.paused = false
	for len(p.held) > 0 && !p.paused && !p.dead {
		fn := p.held[0]
		p.held = p.held[1:]
		fn()
	}
}

// disconnect cuts the process off from the engine, in one direction or both; connect ends that.
func (p *proc) disconnect(mute, deaf, own bool) {
	if p.dead {
		return
	}
	what := "the engine"
	if own {
		what = "the other servers"
	}
	p.w.note("%s is cut off from %s: sends %v, hears %v", p, what, !mute, !deaf)
	p.mute, p.deaf, p.own = mute, deaf, own
}

func (p *proc) connect() {
	if !p.mute && !p.deaf {
		return
	}
	p.w.note("%s has the engine back", p)
	p.mute, p.deaf, p.own = false, false, false
	unsent := p.unsent
	p.unsent = nil
	for _, fn := range unsent {
		p.w.after(p.w.between(0, 20*time.Millisecond), fn)
	}
}

// loop is the replica of one shard in a process, and its inputs.
type loop struct {
	p     *proc
	shard int

	role   *core.Role // the newest; nil: the operator knows it
	in     []func(now time.Time)
	remote []event.Batch
	awake  bool // a turn is due
	hung   bool // it does nothing until it is let go on

	cfg      operator.Config
	replica  *core.Replica
	op       *operator.Operator // the replica's
	ticking  bool
	reader   *reader
	snapshot bool // one is being written
}

const (
	// inboxSize bounds the batches that wait for a loop. It is small, so that a loop that hangs has no room.
	inboxSize = 4
	// tickEvery is coarser than in production, to save steps.
	tickEvery = 50 * time.Millisecond
	// maxRecord and maxQueue are small, so that chains of parts and full queues are common.
	maxRecord     = 700
	maxQueue      = 6 << 10
	snapshotEvery = 12_500 // five records
)

func newLoop(p *proc, s int) *loop {
	l := &loop{p: p, shard: s}
	l.cfg = operator.Config{
		Shard: s, Node: p.name, Logic: func() operator.Logic { return dataset.New() },
		MaxRecord: maxRecord, MaxQueue: maxQueue, Keep: p.w.cfg.Keep, SnapshotEvery: snapshotEvery,
	}
	l.replica = core.NewReplica(l.cfg, func() engine.Mark { return p.mark(s) })
	l.op = l.replica.Operator
	return l
}

func (l *loop) post(fn func(now time.Time)) {
	l.in = append(l.in, fn)
	l.wake()
}

// assign puts in the newest role.
func (l *loop) assign(role core.Role) {
	l.role = &role
	l.wake()
}

// wake makes a turn of the loop due.
func (l *loop) wake() {
	if l.awake || l.hung || l.p.entry == nil || l.role == nil && len(l.in)+len(l.remote) == 0 {
		return
	}
	l.awake = true
	l.p.after(l.p.w.between(10*time.Microsecond, time.Millisecond)+l.p.slow, l.turn)
}

// turn takes the newest role, and one input, of one of the two queues.
func (l *loop) turn() {
	l.awake = false
	if l.hung {
		return
	}
	now := l.p.wall()
	l.replica.Hear(now)
	if l.role != nil {
		l.op.Assign(now, l.role.Assignment)
		l.role = nil
		l.check()
	}
	switch in, remote := len(l.in), len(l.remote); {
	case in > 0 && (remote == 0 || l.p.w.rng.IntN(2) == 0):
		fn := l.in[0]
		l.in = l.in[1:]
		fn(now)
	case remote > 0:
		b := l.remote[0]
		l.remote = l.remote[1:]
		l.op.Deliver(now, b)
	}
	l.check()
	l.effects()
	l.wake()
}

func (l *loop) tick() {
	l.ticking = false
	if l.hung {
		return
	}
	l.replica.Hear(l.p.wall())
	l.op.Tick(l.p.wall())
	l.check()
	l.effects()
}

// letGo ends a hang.
func (l *loop) letGo() {
	if !l.hung {
		return
	}
	l.hung = false
	l.p.do(func() {
		if l.p.entry != nil {
			l.effects()
			l.wake()
		}
	})
}

// put takes in a batch, if there is room; one that waits already takes no more of it.
func (l *loop) put(b event.Batch) error {
	if slices.ContainsFunc(l.remote, func(w event.Batch) bool { return w.From == b.From && w.ID == b.ID }) {
		return nil
	}
	if len(l.remote) >= inboxSize {
		return fmt.Errorf("shard %d is behind: %d batches wait", l.shard, len(l.remote))
	}
	l.remote = append(l.remote, b)
	l.wake()
	return nil
}

// check holds after every input of the replica.
func (l *loop) check() {
	if err := l.replica.Check(); err != nil {
		l.p.w.broken(ErrState, "%s shard %d: %v", l.p, l.shard, err)
	}
}

// effects does what the operator asks for.
func (l *loop) effects() {
	for _, e := range l.op.Effects() {
		if !l.p.dead {
			l.effect(e)
		}
	}
	if !l.p.dead && l.shard < l.p.w.cfg.Shards {
		l.p.w.raise(l.p.name, l.shard, l.op.Committed())
	}
	if !l.ticking && l.op.Waiting() {
		l.ticking = true
		l.p.after(tickEvery, l.tick)
	}
}

// answer sends acks to a node.
func (l *loop) answer(node string, b event.Batch) {
	if node == l.p.name {
		l.p.senders[l.shard].acked(b)
		return
	}
	if err := l.p.w.network.send(l.p, node, b); err != nil {
		l.p.w.note("%s shard %d: answer to batch %d of %s: %v", l.p, l.shard, b.ID, node, err)
	}
}

func (l *loop) effect(e operator.Effect) {
	w, log := l.p.w, l.p.w.engine.shards[l.shard]
	switch e := e.(type) {
	case operator.Ack:
		l.answer(e.Node, e.Batch)
	case operator.Append:
		log.append(l.p, e.Expect, e.Payload, func(seq uint64, err error) {
			if err != nil {
				w.note("%s shard %d: append behind %d: %v", l.p, l.shard, e.Expect, err)
			}
			l.post(func(now time.Time) { l.op.Appended(now, e.Gen, seq, err) })
		})
	case operator.Read:
		l.reader.stop()
		l.reader = log.read(l.p, e.From, l.entries(e.Gen), l.readDone(e.Gen))
	case operator.Follow:
		l.reader.stop()
		l.reader = log.follow(l.p, e.From, l.entries(e.Gen), l.readDone(e.Gen))
	case operator.StopReading:
		l.reader.stop()
	case operator.Restore:
		l.reader.stop()
		l.restore(e.Gen)
	case operator.TakeSnapshot:
		l.takeSnapshot(e)
	case operator.MakeIndex: // what it would change is the time that events take
	case operator.Superseded:
		l.p.kill(fmt.Sprintf("incarnation %d has claimed shard %d", e.By.Incarnation, l.shard))
	case operator.Changed:
		w.check.changed(l)
		l.p.owning()
	}
}
