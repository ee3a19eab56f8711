package sim

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

const (
	// appendTimeout is how long a process waits for the answer of the engine.
	appendTimeout = 2 * time.Second
	// latest is how much later than its sender gave up an append may still arrive.
	latest = 12 * time.Second
)

// simEngine is the engine of package engine in virtual time: replicated logs that keep their contract whatever happens,
// and blobs. The replicas themselves are not simulated: without a majority the logs stall.
type simEngine struct {
	w        *world
	control  *simLog
	shards   []*simLog
	position uint64 // of all logs
	blobs    [][]blob
}

// blob is a snapshot of a shard.
type blob struct {
	position uint64
	data     []byte
}

func newEngine(w *world) *simEngine {
	e := &simEngine{w: w, control: &simLog{w: w, shard: -1}, blobs: make([][]blob, w.cfg.Shards)}
	for s := range w.cfg.Shards {
		e.shards = append(e.shards, &simLog{w: w, shard: s})
	}
	return e
}

// logs are all logs, the control log first.
func (e *simEngine) logs() []*simLog { return append([]*simLog{e.control}, e.shards...) }

// put keeps a snapshot, and takes the older ones but one away.
func (e *simEngine) put(shard int, b blob) {
	list := append(e.blobs[shard], b)
	slices.SortStableFunc(list, func(a, b blob) int { return int(b.position) - int(a.position) })
	e.blobs[shard] = list[:min(2, len(list))]
}

// simLog is one log.
type simLog struct {
	w         *world
	shard     int // -1 for the control log
	entries   []engine.Entry
	down      bool // it has no majority
	full      bool // its disks have no room for another entry
	held      []func()
	followers []*reader
	fates     []fate // of the next appends, from a scenario
}

func (l *simLog) String() string {
	if l.shard < 0 {
		return "control"
	}
	return fmt.Sprintf("shard %d", l.shard)
}

func (l *simLog) tail() uint64 {
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].Seq
}

// setDown takes the log its majority, or gives it back: then what has waited arrives.
func (l *simLog) setDown(down bool) {
	if l.down = down; down {
		return
	}
	held := l.held
	l.held = nil
	for _, fn := range held {
		l.w.after(l.w.between(0, 20*time.Millisecond), fn)
	}
	l.grown()
}

// arrive makes fn happen at the log, when it has a majority.
func (l *simLog) arrive(d time.Duration, fn func()) {
	l.w.after(d, func() {
		if l.down {
			l.held = append(l.held, func() { l.arrive(0, fn) })
			return
		}
		fn()
	})
}

// fsync is how long a request takes to be answered.
func (l *simLog) fsync() time.Duration {
	return l.w.between(200*time.Microsecond, 5*time.Millisecond) + l.w.chaos.Slow
}

// fate is what happens to one append on its way.
type fate struct {
	lost, answerLost, refused bool
	late                      time.Duration
}

// fate is what the scenario says for the next append, or what chance says.
func (l *simLog) fate() fate {
	if len(l.fates) > 0 {
		f := l.fates[0]
		l.fates = l.fates[1:]
		return f
	}
	w, c := l.w, &l.w.chaos
	f := fate{lost: w.chance(c.LoseRequest), answerLost: w.chance(c.LoseAnswer), refused: w.chance(c.Refuse)}
	if w.chance(c.LateRequest) {
		f.late = w.between(0, appendTimeout+latest)
	}
	return f
}

// append is [engine.Log.Append]. The answer comes once: the log's, or ErrUnknown after the time-out.
func (l *simLog) append(p *proc, expect uint64, payload []byte, done func(uint64, error)) {
	answered, f := false, l.fate()
	answer := func(seq uint64, err error) {
		if !answered {
			answered = true
			done(seq, err)
		}
	}
	reply := func(seq uint64, err error) {
		if f.answerLost {
			return
		}
		p.after(l.fsync(), func() {
			if !p.deaf {
				answer(seq, err)
			}
		})
	}
	p.after(appendTimeout, func() { answer(0, engine.ErrUnknown) })
	d := l.fsync() + f.late
	switch {
	case f.lost:
	case f.refused: // somebody's append is under way, or so the engine believes
		l.arrive(d, func() { reply(0, engine.ErrConflict) })
	default:
		l.depart(p, func() { l.arrive(d, func() { reply(l.decide(p, expect, payload)) }) })
	}
}

// depart makes fn happen as soon as what the process sends gets through; it may as well be lost with the connection.
func (l *simLog) depart(p *proc, fn func()) {
	if !p.mute {
		fn()
		return
	}
	if l.w.chance(0.5) {
		p.unsent = append(p.unsent, fn)
	}
}

// errNoRoom is what an append returns for which there is no room. It took no effect, but who gets it can't know that.
var errNoRoom = fmt.Errorf("%w: %w", engine.ErrUnknown, engine.ErrNoRoom)

// decide is the compare-and-set.
func (l *simLog) decide(p *proc, expect uint64, payload []byte) (uint64, error) {
	w := l.w
	if l.full {
		return 0, errNoRoom
	}
	if l.tail() != expect && !(w.cfg.Unfenced && l.shard >= 0) {
		if p.dead {
			w.note("%v: an append of %s behind %d arrives late, and is refused", l, p, expect)
		}
		if payload = l.usurp(payload); payload == nil {
			return 0, engine.ErrConflict
		}
	}
	w.engine.position += 1 + uint64(w.rng.IntN(3)) // positions have gaps
	e := engine.Entry{Seq: w.engine.position, Payload: bytes.Clone(payload)}
	l.entries = append(l.entries, e)
	w.mix(e.Seq)
	for _, b := range payload[:min(len(payload), 64)] {
		w.mix(uint64(b))
	}
	w.check.appended(l, p, e)
	l.grown()
	return e.Seq, nil
}

// usurp makes of a refused record one that fits the tail, as an owner would who doesn't look at the claims of others;
// nil where there is no such bug.
func (l *simLog) usurp(payload []byte) []byte {
	if !l.w.cfg.IgnoreClaims || l.shard < 0 {
		return nil
	}
	r, err := operator.Decode(payload)
	tail, err2 := operator.Decode(l.entries[len(l.entries)-1].Payload)
	if err != nil || err2 != nil || r.Writer == tail.Writer {
		return nil
	}
	r.Prev = tail.ID
	return r.Encode(nil)
}

// reader is a read or follow under way.
type reader struct {
	p       *proc
	log     *simLog
	from    uint64 // the next entry has at least this position
	to      uint64 // 0: follow
	stopped bool
	pumping bool
	entries func([]engine.Entry)
	done    func(error)
}

// stop is what the end of a context does: one last chunk may be on its way.
func (r *reader) stop() {
	if r != nil {
		r.stopped = true
	}
}

// read is [engine.Log.Read] of what is there, in chunks.
func (l *simLog) read(p *proc, from uint64, entries func([]engine.Entry), done func(error)) *reader {
	r := &reader{p: p, log: l, from: from, entries: entries, done: done}
	began := false
	p.after(appendTimeout, func() {
		if !began && !r.stopped {
			r.stopped = true
			done(errNoAnswer)
		}
	})
	if p.mute {
		return r
	}
	l.arrive(l.fsync(), func() {
		began = true
		if r.to = l.tail(); r.to == 0 {
			r.end(nil)
			return
		}
		r.pump()
	})
	return r
}

// errNoAnswer is what a read returns that the engine does not answer.
var errNoAnswer = fmt.Errorf("no answer from the engine")

// follow is [engine.Log.Follow].
func (l *simLog) follow(p *proc, from uint64, entries func([]engine.Entry), done func(error)) *reader {
	r := &reader{p: p, log: l, from: from, entries: entries, done: done}
	l.followers = slices.DeleteFunc(l.followers, func(r *reader) bool { return r.stopped || r.p.dead })
	l.followers = append(l.followers, r)
	r.pump()
	return r
}

// grown tells the followers of a log.
func (l *simLog) grown() {
	for _, r := range l.followers {
		r.pump()
	}
}

// end tells the process that the reading has ended.
func (r *reader) end(err error) {
	r.p.after(r.log.fsync(), func() {
		if !r.stopped {
			r.stopped = true
			r.done(err)
		}
	})
}

// pump delivers the next chunk, if there is any and none is under way.
func (r *reader) pump() {
	if r.pumping || r.stopped || r.log.down && r.to == 0 {
		return
	}
	chunk := r.next()
	if len(chunk) == 0 {
		if r.to > 0 {
			r.end(nil)
		}
		return
	}
	if r.log.w.chance(r.log.w.chaos.FailRead) {
		r.end(errNoAnswer)
		return
	}
	r.pumping = true
	r.p.after(r.log.fsync(), func() { r.deliver(chunk) })
}

func (r *reader) deliver(chunk []engine.Entry) {
	w := r.log.w
	r.pumping = false
	switch {
	case r.stopped && !w.chance(0.3):
		return
	case r.p.deaf && r.to > 0:
		r.end(errNoAnswer)
		return
	case r.p.deaf: // a follower goes on where it was, once it hears again
		r.pumping = true
		r.p.after(250*time.Millisecond, func() { r.deliver(chunk) })
		return
	}
	r.from = chunk[len(chunk)-1].Seq + 1
	r.entries(chunk)
	r.pump()
}

// next is what comes next, at most 8 entries at once, as they are now.
func (r *reader) next() []engine.Entry {
	all := r.log.entries
	i, _ := slices.BinarySearchFunc(all, r.from, func(e engine.Entry, seq uint64) int { return int(e.Seq) - int(seq) })
	n := 1 + r.log.w.rng.IntN(8)
	if r.to == 0 {
		n = 1
	}
	j := i
	for j < len(all) && j-i < n && (r.to == 0 || all[j].Seq <= r.to) {
		j++
	}
	return all[i:j:j]
}

// flip damages one bit of an entry, for all who read it from now on.
func (l *simLog) flip(i, bit int) {
	e := &l.entries[i]
	e.Payload = bytes.Clone(e.Payload)
	bit %= 8 * len(e.Payload)
	e.Payload[bit/8] ^= 1 << (bit % 8)
}
