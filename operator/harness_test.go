package operator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// words is a logic whose state is a set of words. An event "a -b" adds a and deletes b; one with "bad" in it is bad,
// for one with "vast" there is no room, and for one
// with "broken" the state fails.
type words struct {
	set, tried map[string]bool // tried is nil when nothing is being evaluated
	position   uint64
	evaluated  int                 // calls
	with       operator.Evaluation // of the last call
	fail       error               // what Commit returns
}

func newWords() operator.Logic { return &words{set: map[string]bool{}} }

func (l *words) Evaluate(ev *event.Event, e operator.Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	l.evaluated++
	l.with = e
	tried := maps.Clone(l.tried)
	if tried == nil {
		tried = maps.Clone(l.set)
	}
	var adds, deletes uint64
	before := dst
	for word := range strings.FieldsSeq(string(ev.Payload)) {
		name, out := strings.CutPrefix(word, "-")
		switch {
		case word == "vast":
			return dst, adds, deletes, fmt.Errorf("%w: no room for it", operator.ErrFull)
		case word == "broken":
			return dst, adds, deletes, fmt.Errorf("%w: it is broken", operator.ErrState)
		case word == "bad":
			return before, 0, 0, errors.New("it is bad")
		case tried[name] != out:
			continue
		case out:
			deletes++
		default:
			adds++
		}
		tried[name] = !out
		dst = append(append(dst, word...), '\n')
	}
	l.tried = tried
	return dst, adds, deletes, nil
}

func (l *words) Commit(position uint64) error {
	if l.fail != nil {
		return l.fail
	}
	if l.tried != nil {
		l.set = l.tried
	}
	l.tried, l.position = nil, position
	return nil
}

func (l *words) Rollback() { l.tried = nil }

func (l *words) Apply(position uint64, body []byte) error {
	ev := event.Event{Payload: body}
	again, _, _, err := l.Evaluate(&ev, operator.Evaluation{}, nil)
	if err == nil && string(again) != string(body) {
		err = fmt.Errorf("%q is not exact", body)
	}
	if err != nil {
		l.Rollback()
		return err
	}
	return l.Commit(position)
}

type wordsSnapshot struct {
	Position uint64
	Words    []string
	Extra    []byte
}

func (l *words) Snapshot(extra func(io.Writer) error) func(io.Writer) error {
	s := wordsSnapshot{Position: l.position, Words: l.sorted()}
	return func(w io.Writer) error {
		var more bytes.Buffer
		if err := extra(&more); err != nil {
			return err
		}
		s.Extra = more.Bytes()
		return json.NewEncoder(w).Encode(s)
	}
}

func (l *words) Restore(r io.Reader, extra func(io.Reader) error) error {
	var s wordsSnapshot
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return err
	}
	l.position = s.Position
	for _, word := range s.Words {
		l.set[word] = true
	}
	return extra(bytes.NewReader(s.Extra))
}

func (l *words) sorted() []string {
	var list []string
	for word, in := range l.set {
		if in {
			list = append(list, word)
		}
	}
	slices.Sort(list)
	return list
}

// shardLog is a log with compare-and-set, whose positions have gaps.
type shardLog struct {
	entries []engine.Entry
}

func (l *shardLog) tail() uint64 {
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].Seq
}

func (l *shardLog) append(expect uint64, payload []byte) (uint64, error) {
	if l.tail() != expect {
		return 0, fmt.Errorf("%w: %d", engine.ErrConflict, l.tail())
	}
	l.entries = append(l.entries, engine.Entry{Seq: l.tail() + 3, Payload: slices.Clone(payload)})
	return l.tail(), nil
}

// add puts a record in as some other process would, behind what is there.
func (l *shardLog) add(t *testing.T, r operator.Record) uint64 {
	t.Helper()
	if n := len(l.entries); n > 0 {
		last, err := operator.Decode(l.entries[n-1].Payload)
		if err != nil {
			t.Fatal(err)
		}
		r.Prev = last.ID
	}
	at, err := l.append(l.tail(), r.Encode(nil))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// records are the whole records of the log, which must be well-formed.
func (l *shardLog) records(t *testing.T) []*operator.Record {
	t.Helper()
	chain := operator.Chain{Shard: 7}
	var list []*operator.Record
	for _, e := range l.entries {
		r, err := chain.Push(e.Seq, e.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if r != nil {
			list = append(list, r)
		}
	}
	return list
}

// text is the log in short: the kinds of the records, and the bodies of the deltas.
func (l *shardLog) text(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, r := range l.records(t) {
		switch r.Kind {
		case operator.Delta:
			fmt.Fprintf(&b, "[%s]", strings.Join(strings.Fields(string(r.Body)), " "))
		default:
			fmt.Fprintf(&b, "(%s)", r.Kind)
		}
	}
	return b.String()
}

// harness drives one operator. What it asks for is done at once; only appends wait where a test says so.
type harness struct {
	*operator.Operator
	cfg      operator.Config
	t        *testing.T
	log      *shardLog
	now      time.Time
	snapshot io.Reader // for the next Restore

	append    func(a operator.Append) (seq uint64, err error, answered bool) // nil: the log's
	pending   []operator.Append
	acks      []event.Ack // all that were sent
	batches   []event.Batch
	snapshots []operator.TakeSnapshot
	others    []operator.Effect // notices
	asides    []operator.SetAside
	follow    operator.Follow
	following bool
	restores  int
	seen      int // entries that were delivered to the follow under way
	gen       uint64
	replay    *replay
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func newHarness(t *testing.T, log *shardLog, change func(*operator.Config)) *harness {
	cfg := operator.Config{Shard: 7, Node: "n1", Logic: newWords}
	if change != nil {
		change(&cfg)
	}
	return &harness{Operator: operator.New(cfg), cfg: cfg, t: t, log: log, now: start}
}

// owner returns an operator that owns the shard at epoch 1.
func owner(t *testing.T, log *shardLog, change func(*operator.Config)) *harness {
	t.Helper()
	h := newHarness(t, log, change)
	h.assign(operator.Owner, 1, 1)
	if h.State() != operator.Owning {
		t.Fatalf("state is %v", h.State())
	}
	return h
}

func (h *harness) assign(role operator.Role, epoch, incarnation uint64) {
	h.Assign(h.now, operator.Assignment{Control: epoch, Role: role, Epoch: epoch, Incarnation: incarnation})
	h.run()
}

// The inputs of the operator: after each, its state must be well.

func (h *harness) Assign(now time.Time, a operator.Assignment) {
	h.Operator.Assign(now, a)
	h.check()
}

func (h *harness) Restored(now time.Time, gen uint64, r *operator.Restored) {
	h.Operator.Restored(now, gen, r)
	h.check()
}

func (h *harness) Entries(now time.Time, gen uint64, entries []engine.Entry) {
	h.Operator.Entries(now, gen, entries)
	h.check()
}

func (h *harness) ReadDone(now time.Time, gen uint64, err error) {
	h.Operator.ReadDone(now, gen, err)
	h.check()
}

func (h *harness) Appended(now time.Time, gen, seq uint64, err error) {
	h.Operator.Appended(now, gen, seq, err)
	h.check()
}

func (h *harness) Deliver(now time.Time, b event.Batch) {
	h.Operator.Deliver(now, b)
	h.check()
}

func (h *harness) Marked(now time.Time, m engine.Mark) {
	h.Operator.Marked(now, m)
	h.check()
}

func (h *harness) Tick(now time.Time) {
	h.Operator.Tick(now)
	h.check()
}

// check holds after every input.
func (h *harness) check() {
	h.t.Helper()
	if err := h.Operator.Check(); err != nil {
		h.t.Fatal(err)
	}
	h.checkLog()
}

// replay is what the log makes of words and producers, up to a position.
type replay struct {
	chain  *operator.Chain
	read   int // entries
	words  *words
	seqs   map[event.Producer]uint64
	broken bool // the log is damaged
}

func newReplay() *replay {
	return &replay{chain: &operator.Chain{Shard: 7}, words: newWords().(*words), seqs: map[event.Producer]uint64{}}
}

// to reads on to a position, and reports whether the log makes anything of it.
func (r *replay) to(position uint64, entries []engine.Entry) bool {
	for ; !r.broken && r.read < len(entries) && entries[r.read].Seq <= position; r.read++ {
		e := entries[r.read]
		rec, err := r.chain.Push(e.Seq, e.Payload)
		if err == nil && rec != nil && rec.Kind == operator.Delta {
			err = r.words.Apply(e.Seq, rec.Body)
		}
		if r.broken = err != nil; rec != nil {
			for _, at := range rec.Positions {
				r.seqs[at.Producer] = at.Seq
			}
		}
	}
	return !r.broken
}

// checkLog compares words and producers with what the log makes of them, where the log is still the one that was read.
func (h *harness) checkLog() {
	h.t.Helper()
	at := h.Mark()
	if h.State() == operator.Halted || h.replay != nil && h.replay.chain.Whole == at.Position {
		return
	}
	if h.replay == nil || at.Position < h.replay.chain.Seq {
		h.replay = newReplay()
	}
	r := h.replay
	if !r.to(at.Position, h.log.entries) || at != (engine.Mark{Position: r.chain.Whole, ID: r.chain.WholeID}) {
		return
	}
	if l, ok := h.Logic().(*words); ok && !slices.Equal(l.sorted(), r.words.sorted()) {
		h.t.Fatalf("the state is %q, the log says %q", l.sorted(), r.words.sorted())
	}
	for p, seq := range r.seqs {
		if got := h.Producer(p).Seq; got != seq && (got != 0 || !p.Passing() && p.Kind != event.Settled) {
			h.t.Fatalf("%s is known to %d, the log has it to %d", p, got, seq)
		}
	}
}

// run does the effects until there are none.
func (h *harness) run() {
	for effects := h.Effects(); len(effects) > 0; effects = h.Effects() {
		for _, e := range effects {
			h.effect(e)
		}
	}
}

func (h *harness) effect(e operator.Effect) {
	h.generation(e)
	switch e := e.(type) {
	case operator.Restore:
		h.restores++
		h.Restored(h.now, e.Gen, h.restored())
	case operator.Read:
		h.following = false
		h.Entries(h.now, e.Gen, h.from(e.From))
		h.ReadDone(h.now, e.Gen, nil)
	case operator.Follow:
		h.follow, h.following, h.seen = e, true, 0
		h.deliverFollow()
	case operator.StopReading:
		h.following = false
	case operator.Append:
		h.fenced(e)
		h.appended(e)
	case operator.Ack:
		h.committed(e)
		h.batches = append(h.batches, e.Batch)
		h.acks = append(h.acks, e.Batch.Acks...)
	case operator.TakeSnapshot:
		h.snapshots = append(h.snapshots, e)
	case operator.Superseded:
		h.others = append(h.others, e)
	case operator.SetAside:
		h.asides = append(h.asides, e)
	}
}

// fenced checks that a record that is appended is of this node and shard, and uses what is kept for claims only for one.
func (h *harness) fenced(a operator.Append) {
	r, err := operator.Decode(a.Payload)
	if err != nil {
		h.t.Fatal(err)
	}
	if a.Claim != (r.Kind == operator.Claim) || r.Shard != h.cfg.Shard || r.Writer.Node != h.cfg.Node {
		h.t.Fatalf("claim: %v, %+v", a.Claim, r)
	}
}

// committed checks that what is acked is in the log.
func (h *harness) committed(a operator.Ack) {
	for _, ack := range a.Batch.Acks {
		there := slices.ContainsFunc(h.log.entries, func(e engine.Entry) bool { return e.Seq == ack.Position })
		if ack.Status == event.Committed && ack.Position > 0 && !there {
			h.t.Fatalf("acked at %d, where the log has nothing", ack.Position)
		}
	}
}

// generation checks that what is answered later has a generation of its own, which is greater than those before it.
func (h *harness) generation(e operator.Effect) {
	gen := uint64(0)
	switch e := e.(type) {
	case operator.Restore:
		gen = e.Gen
	case operator.Read:
		gen = e.Gen
	case operator.Follow:
		gen = e.Gen
	case operator.Append:
		gen = e.Gen
	default:
		return
	}
	if h.State() == operator.Halted {
		h.t.Errorf("a shard that is halted asks for %T", e)
	}
	if gen <= h.gen {
		h.t.Errorf("%T of generation %d comes after %d", e, gen, h.gen)
	}
	h.gen = gen
}

// restored reads the snapshot that there is, if it can be read.
func (h *harness) restored() *operator.Restored {
	if h.snapshot == nil {
		return nil
	}
	r, err := operator.ReadSnapshot(h.cfg, h.snapshot)
	h.snapshot = nil
	if err != nil {
		h.t.Logf("snapshot: %v", err)
		return nil
	}
	return r
}

func (h *harness) from(seq uint64) []engine.Entry {
	i := slices.IndexFunc(h.log.entries, func(e engine.Entry) bool { return e.Seq >= seq })
	if i < 0 {
		return nil
	}
	return h.log.entries[i:]
}

func (h *harness) deliverFollow() {
	entries := h.from(h.follow.From)
	h.Entries(h.now, h.follow.Gen, entries[min(h.seen, len(entries)):])
	h.seen = len(entries)
	h.run()
}

func (h *harness) appended(a operator.Append) {
	if h.append == nil {
		seq, err := h.log.append(a.Expect, a.Payload)
		h.Appended(h.now, a.Gen, seq, err)
		return
	}
	if seq, err, answered := h.append(a); answered {
		h.Appended(h.now, a.Gen, seq, err)
	} else {
		h.pending = append(h.pending, a)
	}
}

// hold makes appends wait.
func (h *harness) hold() {
	h.append = func(operator.Append) (uint64, error, bool) { return 0, nil, false }
}

// release lets the oldest append that waits reach the log, and those that follow.
func (h *harness) release() {
	h.append = nil
	a := h.pending[0]
	h.pending = h.pending[1:]
	h.appended(a)
	h.run()
}

// deliver hands in a batch of the sender s, whose IDs count by themselves.
func (h *harness) deliver(id uint64, events ...event.Event) {
	h.Deliver(h.now, event.Batch{From: "s", Shard: 7, ID: id, Events: events})
	h.run()
}

// tick lets time pass.
func (h *harness) tick(d time.Duration) {
	h.now = h.now.Add(d)
	h.Tick(h.now)
	h.run()
}

func (h *harness) words() string { return strings.Join(h.Logic().(*words).sorted(), " ") }

// statuses are those of all acks sent so far.
func (h *harness) statuses() []event.Status {
	var list []event.Status
	for _, a := range h.acks {
		list = append(list, a.Status)
	}
	return list
}

func (h *harness) want(log, state string, statuses ...event.Status) {
	h.t.Helper()
	if got := h.log.text(h.t); got != log {
		h.t.Errorf("log %s, want %s", got, log)
	}
	if got := h.words(); got != state {
		h.t.Errorf("state %q, want %q", got, state)
	}
	if got := h.statuses(); !slices.Equal(got, statuses) {
		h.t.Errorf("acks %v, want %v", got, statuses)
	}
}

func eventOf(producer string, seq uint64, payload string) event.Event {
	return event.Event{Producer: event.ParseProducer(producer), Seq: seq, Payload: []byte(payload)}
}

func claim(epoch uint64, node string, incarnation uint64) operator.Record {
	return operator.Record{Kind: operator.Claim, Shard: 7, Time: start,
		Writer: operator.Writer{Epoch: epoch, Node: node, Incarnation: incarnation}}
}
