// Package sim runs whole clusters in virtual time: the operators, the outboxes, the failure detectors and the pure
// parts of the coordinator are the very ones that production runs; clock, network, disk, engine, processes and clients
// are simulated. There is no goroutine and no wall clock. One seed is one schedule, the same to the byte each time.
//
// While a schedule runs, everything is checked at each step against what DESIGN §1 promises (see check.go), and after
// the last fault the cluster must come to rest with every change accepted.
package sim

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// Config says what a run is like. The zero value of a field is its default.
type Config struct {
	// Seed chooses the schedule.
	Seed uint64
	// Nodes and Shards are how many there are. Defaults 3 and 2.
	Nodes, Shards int
	// Key is by what changes are routed. Default dataset.Subject.
	Key dataset.Key
	// Documents is how many documents each client sends. Default 12.
	Documents int
	// Faults is how long faults are injected, in virtual time; 0 injects none.
	Faults time.Duration
	// Keep is how long idempotency keys are remembered. Default 24 h.
	Keep time.Duration
	// Unfenced makes the engine accept appends without comparing the tail, and IgnoreClaims makes an owner whose append
	// is refused write its record anew behind whatever is there. Both are bugs that a run must find.
	Unfenced, IgnoreClaims bool
	// LoseTail makes one log lose its end after the faults, while no process runs: its shard must halt.
	LoseTail bool
	// Forgetful is a bug that a run with LoseTail must find: nodes keep no marks.
	Forgetful bool
	// Bug is one of the connectors, or their peers, that a run must find.
	Bug Bug
	// Trace gets each line of the trace, if not nil.
	Trace func(line string)
}

// Bug is a mistake of a connector, its peer, or what runs it.
type Bug int

// The bugs.
const (
	// NoBug: there is none.
	NoBug Bug = iota
	// UnfencedTarget takes what a writer has sent who was deposed.
	UnfencedTarget
	// AckBeforeCommit acks messages as soon as they were read.
	AckBeforeCommit
	// NoteBeforeCommit notes how far a source has come together with the messages.
	NoteBeforeCommit
	// PeersOffset begins to read where the peer says, instead of where the home does.
	PeersOffset
	// FreshIdentity makes what is received again another message.
	FreshIdentity
	// SkipLetter commits no dead letters.
	SkipLetter
	// ReadOnAfterError goes on behind what was handed to the target, instead of what that has.
	ReadOnAfterError
)

func (c *Config) setDefaults() {
	c.Nodes = cmp.Or(c.Nodes, 3)
	c.Shards = cmp.Or(c.Shards, 2)
	c.Key = cmp.Or(c.Key, dataset.Subject)
	c.Documents = cmp.Or(c.Documents, 12)
	c.Keep = cmp.Or(c.Keep, 24*time.Hour)
}

// The guarantees (DESIGN §1) and other rules that a run can find broken; a [Violation] wraps one of them.
var (
	ErrDurable   = errors.New("G1: what was accepted is not in the log")
	ErrOrder     = errors.New("G2: changes of one producer are out of order, or one is missing")
	ErrOwner     = errors.New("G3: somebody has written who does not own the shard")
	ErrTwice     = errors.New("G4: a change has taken effect twice")
	ErrExact     = errors.New("G5: a delta is not exact, or a store is not what the log says")
	ErrAtomic    = errors.New("G6: an event has taken effect in part")
	ErrDropped   = errors.New("G7: a bad event is not in the dead-letter log, or a good one is")
	ErrDamage    = errors.New("G8: a shard has halted whose log is sound")
	ErrControl   = errors.New("control log: nodes differ at one epoch, or the assignment is out of balance")
	ErrState     = errors.New("the state of a state machine is not well after an input")
	ErrAcked     = errors.New("G1: a message is acked at its peer, or noted, and not committed")
	ErrLost      = errors.New("G7: a message has no effect, and is no dead letter")
	ErrTarget    = errors.New("a target holds a delta twice, not at all, out of order or of two writers at once")
	ErrNeverDone = errors.New("liveness: the cluster does not come to rest")
)

// Violation is a promise that a run has found broken.
type Violation struct {
	// Err wraps one of the errors of this package.
	Err error
	// Step and At say when.
	Step int
	At   time.Duration
	// Trace holds the last steps of note, readable.
	Trace []string
}

// Error tells of the step, the error and the last steps before it.
func (v *Violation) Error() string {
	return fmt.Sprintf("step %d, %v: %v\n%s", v.Step, v.At, v.Err, strings.Join(v.Trace, "\n"))
}

// Unwrap returns the cause.
func (v *Violation) Unwrap() error { return v.Err }

// Report says what a run was.
type Report struct {
	// Steps is the number of inputs that were processed, Faults that of the faults injected, Records that of the records
	// in the shards' logs, and Accepted that of the events that clients got acks for.
	Steps, Faults, Records, Accepted int
	// Lost is the number of logs that have lost their end.
	Lost int
	// Digest is a hash of all that happened.
	Digest uint64
}

// Run runs one schedule and returns the first *[Violation], or nil.
func Run(cfg Config) (Report, error) {
	w := newWorld(cfg)
	for _, name := range w.names {
		w.start(name)
	}
	w.supervised = true
	w.addClients()
	w.addTails()
	w.connect()
	if w.cfg.Faults > 0 {
		w.chaos = w.randomChaos()
		w.after(w.between(0, time.Second), w.fault)
	}
	w.advance(w.cfg.Faults)
	if w.cfg.LoseTail {
		w.loseTail()
		w.advance(w.between(0, 8*time.Second))
	}
	w.heal()
	w.settle()
	return w.report(), w.failed()
}

// epoch is the date at which virtual time begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is everything there is in a run.
type world struct {
	cfg    Config
	rng    *rand.Rand
	now    time.Duration
	queue  queue
	steps  int
	faults int
	lost   int
	digest uint64
	notes  notes

	names   []string
	engine  *simEngine
	network network
	procs   []*proc // all that ever ran, in order of their start
	clients []*client
	tails   []*tail
	brokers []*broker
	targets []*target
	late    time.Duration // how long what is written next to a target is on its way, from a scenario
	// supervised: a process that ends is started again after a while.
	supervised bool
	check      *check
	chaos      chaos

	marks map[string][]engine.Mark // by node and shard; they outlive processes

	violation *Violation
}

func newWorld(cfg Config) *world {
	cfg.setDefaults()
	w := &world{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x9e3779b97f4a7c15))}
	for i := range cfg.Nodes {
		w.names = append(w.names, fmt.Sprintf("n%d", i+1))
	}
	w.marks = map[string][]engine.Mark{}
	w.notes.print = cfg.Trace
	w.engine = newEngine(w)
	w.network = network{w: w, cut: map[link]bool{}}
	w.check = newCheck(w)
	return w
}

// after makes fn happen later. What is due at the same time comes in a random order.
func (w *world) after(d time.Duration, fn func()) {
	w.queue.push(due{at: w.now + d, tie: w.rng.Uint64(), fn: fn})
}

// step does what is due next.
func (w *world) step() {
	e := w.queue.pop()
	w.now = e.at
	w.steps++
	w.mix(uint64(e.at) ^ e.tie)
	e.fn()
}

// advance runs until d has passed, or something is broken.
func (w *world) advance(d time.Duration) {
	end := w.now + d
	for w.violation == nil && len(w.queue) > 0 && w.queue[0].at <= end {
		w.step()
	}
	w.now = max(w.now, end)
}

// mix takes a value into the digest (FNV-1a by words).
func (w *world) mix(v uint64) { w.digest = (w.digest ^ v) * 0x100000001b3 }

// broken ends the run.
func (w *world) broken(kind error, format string, args ...any) {
	if w.violation == nil {
		w.violation = &Violation{Err: fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...)), Step: w.steps, At: w.now,
			Trace: w.notes.last()}
	}
}

func (w *world) failed() error {
	if w.violation == nil {
		return nil
	}
	return w.violation
}

func (w *world) report() Report {
	return Report{Steps: w.steps, Faults: w.faults, Lost: w.lost, Records: w.check.records, Accepted: w.check.accepted, Digest: w.digest}
}

// chance is true with probability p. It draws nothing for 0, so that quiet runs stay the same when faults change.
func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *world) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)))
}

// settleWithin is how long the cluster may take to come to rest after the last fault: a node that came and went often
// waits up to 30 s before it enters again, and a proposal may take as long.
const settleWithin = 3 * time.Minute

// settle runs until nothing is left to do, and checks that all is as it must be.
func (w *world) settle() {
	var why error
	for end := w.now + settleWithin; w.violation == nil && w.now < end; {
		if why = w.restless(); why == nil {
			w.check.final()
			return
		}
		w.advance(500 * time.Millisecond)
	}
	switch {
	case errors.Is(why, ErrLost):
		w.broken(ErrLost, "%v", why)
	case why != nil:
		w.broken(ErrNeverDone, "%v", why)
	}
}

// due is something that will happen.
type due struct {
	at  time.Duration
	tie uint64
	fn  func()
}

func (e due) before(f due) bool { return e.at < f.at || e.at == f.at && e.tie < f.tie }

// queue is a binary heap of dues.
type queue []due

func (q *queue) push(e due) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *queue) pop() due {
	h := *q
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], due{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		least := i
		for _, down := range [2]int{2*i + 1, 2*i + 2} {
			if down < last && h[down].before(h[least]) {
				least = down
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// notes are the steps that a reader of a trace wants to see. They are formatted only when somebody reads them.
type notes struct {
	ring  []note
	next  int
	print func(line string) // also tell at once, if not nil
}

type note struct {
	at     time.Duration
	format string
	args   []any
}

// traced is the number of notes that a violation shows.
const traced = 80

func (n note) String() string {
	return fmt.Sprintf("%9.3fs  %s", n.at.Seconds(), fmt.Sprintf(n.format, n.args...))
}

// note remembers a step. The arguments must not change any more.
func (w *world) note(format string, args ...any) {
	n := note{w.now, format, args}
	if w.notes.print != nil {
		w.notes.print(n.String())
	}
	if len(w.notes.ring) < traced {
		w.notes.ring = append(w.notes.ring, n)
		return
	}
	w.notes.ring[w.notes.next] = n
	w.notes.next = (w.notes.next + 1) % traced
}

func (n *notes) last() []string {
	var lines []string
	for i := range n.ring {
		lines = append(lines, n.ring[(n.next+i)%len(n.ring)].String())
	}
	return lines
}
