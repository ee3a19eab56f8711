package operator_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// shelf is where a keeper keeps its words, with each commit whose number is a multiple of every.
type shelf struct {
	position       uint64
	words          []string
	part           []byte
	entries        map[string]string
	puts           int
	open           bool
	err            error // of Open
	damage         error // what was found damaged
	stuck          error // of SetAside
	aside          int   // how often what was kept was set aside
	every, commits int
}

// keeper is a [operator.Durable] logic.
type keeper struct {
	*words
	shelf      *shelf
	part       func(func(operator.Entry) error) ([]byte, error)
	restored   []byte // the operator's part of a snapshot
	evaluation error  // of the next Evaluate
}

func (k *keeper) Evaluate(ev *event.Event, e operator.Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	if k.evaluation != nil {
		return dst, 0, 0, k.evaluation
	}
	return k.words.Evaluate(ev, e, dst)
}

func (s *shelf) logic() operator.Logic { return &keeper{words: newWords().(*words), shelf: s} }

func (k *keeper) Open(part func(func(operator.Entry) error) ([]byte, error)) (operator.Kept, error) {
	s := k.shelf
	switch {
	case s.open:
		return operator.Kept{}, errors.New("it is open")
	case s.err != nil:
		return operator.Kept{}, s.err
	}
	s.open, k.part = true, part
	if k.restored != nil {
		s.position, s.words, s.part, s.entries = k.position, k.sorted(), k.restored, nil
	}
	for _, word := range s.words {
		k.set[word] = true
	}
	return operator.Kept{Position: s.position, Part: s.part, Entries: s.all}, nil
}

// all yields the entries that are on the shelf.
func (s *shelf) all(yield func(operator.Entry, error) bool) {
	for _, key := range slices.Sorted(maps.Keys(s.entries)) {
		if !yield(operator.Entry{Key: []byte(key), Value: []byte(s.entries[key])}, nil) {
			return
		}
	}
}

// put takes an entry.
func (s *shelf) put(e operator.Entry) error {
	s.puts++
	if e.Value == nil {
		delete(s.entries, string(e.Key))
		return nil
	}
	s.entries[string(e.Key)] = string(e.Value)
	return nil
}

func (k *keeper) Close() error {
	k.shelf.open = false
	return errors.New("that it fails has no effect")
}

func (k *keeper) Damaged() error { return k.shelf.damage }

func (k *keeper) SetAside() (string, error) {
	*k.shelf = shelf{every: k.shelf.every, aside: k.shelf.aside + 1, stuck: k.shelf.stuck}
	return fmt.Sprint("aside ", k.shelf.aside), k.shelf.stuck
}

func (k *keeper) Forget() (func() error, error) {
	if k.shelf.open {
		return nil, errors.New("it is open")
	}
	*k.shelf = shelf{every: k.shelf.every}
	return func() error { return nil }, nil
}

func (k *keeper) keep(err error) error {
	if k.part == nil { // it is not open
		return err
	}
	s := k.shelf
	if s.damage != nil {
		return fmt.Errorf("%w: %w", operator.ErrState, s.damage)
	}
	if s.commits++; err == nil && s.commits%s.every == 0 {
		s.position, s.words = k.position, k.sorted()
		s.entries = maps.Clone(s.entries)
		if s.entries == nil {
			s.entries = map[string]string{}
		}
		s.part, err = k.part(s.put)
	}
	return err
}

func (k *keeper) Commit(position uint64) error { return k.keep(k.words.Commit(position)) }

func (k *keeper) Apply(position uint64, body []byte) error {
	return k.keep(k.words.Apply(position, body))
}

func (k *keeper) Restore(r io.Reader, extra func(io.Reader) error) error {
	return k.words.Restore(r, func(part io.Reader) (err error) {
		if k.restored, err = io.ReadAll(part); err != nil {
			return err
		}
		return extra(bytes.NewReader(k.restored))
	})
}

// on returns an operator whose logic keeps its state on the shelf.
func (s *shelf) on(t *testing.T, log *shardLog) *harness {
	return newHarness(t, log, func(c *operator.Config) { c.Logic, c.SnapshotEvery = s.logic, 1 })
}

func wordsOf(h *harness) string { return strings.Join(h.Logic().(*keeper).sorted(), " ") }

// TestDurable: the log is read from where the kept state stands, be it kept with each commit or now and then. What came
// before is known as if all had been read, and whether the shard owned or followed.
func TestDurable(t *testing.T) {
	events := []event.Event{eventOf("p", 1, "a"), eventOf("once/k", 7, "b"), eventOf("q", 1, "c"), eventOf("q", 2, "bad"),
		eventOf("p", 2, "-a"), eventOf("q", 3, "d")}
	for every, kept := range map[int]int{1: 6, 2: 5, 3: 3} { // the entry of the log that was last when the state was kept
		t.Run(fmt.Sprint("every ", every), func(t *testing.T) {
			first := &shelf{every: every}
			h := first.on(t, &shardLog{})
			h.assign(operator.Owner, 1, 1)
			for i, ev := range events {
				h.deliver(uint64(i+1), ev)
			}
			followed := &shelf{every: every}
			followed.on(t, h.log).assign(operator.Standby, 1, 2)
			for _, s := range []*shelf{first, followed} {
				s.open = false // the process is gone
				if want := h.log.entries[kept].Seq; s.position != want {
					t.Errorf("kept at %d, expected %d", s.position, want)
				}
				checkKept(t, s, &shardLog{entries: slices.Clone(h.log.entries)}, h.acks, events)
			}
		})
	}
}

// checkKept starts anew with what is on the shelf, and sends all events again.
func checkKept(t *testing.T, s *shelf, log *shardLog, acks []event.Ack, events []event.Event) {
	t.Helper()
	position := s.position
	next := s.on(t, log)
	next.Assign(next.now, operator.Assignment{Control: 2, Role: operator.Owner, Epoch: 2, Incarnation: 3})
	effects := next.Effects()
	read, ok := effects[len(effects)-1].(operator.Read)
	if !ok || read.From != position || position == 0 {
		t.Fatalf("%+v, kept at %d", effects, position)
	}
	next.effect(read)
	next.run()
	if next.State() != operator.Owning || next.restores != 0 || wordsOf(next) != "b c d" {
		t.Fatalf("%v: %v, %d snapshots asked for, words %q", next.State(), next.Err(), next.restores, wordsOf(next))
	}
	next.deliver(1, events...)
	next.deliver(2, eventOf("once/k", 8, "x"), eventOf("p", 3, "e"))
	want := []event.Status{duplicate, duplicate, duplicate, bad, duplicate, duplicate, reused, committed}
	if got := next.statuses(); !slices.Equal(got, want) || next.acks[3].Position != acks[3].Position ||
		next.acks[3].Reason != "it is bad" || wordsOf(next) != "b c d e" {
		t.Errorf("%v, %+v, words %q", got, next.acks[3], wordsOf(next))
	}
}

// TestDurableOpens: a shard that is dropped is closed, and opened when it comes back.
func TestDurableOpens(t *testing.T) {
	s := &shelf{every: 1}
	h := s.on(t, &shardLog{})
	if s.open {
		t.Error("open without a role")
	}
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	h.assign(operator.NoRole, 2, 1)
	if s.open || h.State() != operator.None {
		t.Errorf("open %v, %v", s.open, h.State())
	}
	h.assign(operator.Standby, 3, 1)
	if !s.open || wordsOf(h) != "a" || h.restores != 1 {
		t.Errorf("open %v, words %q, %d snapshots asked for", s.open, wordsOf(h), h.restores)
	}
}

// TestDurableApart: a state that serves readers beside the owner's opens nothing, and is what the log says.
func TestDurableApart(t *testing.T) {
	s := &shelf{every: 1}
	owner := s.on(t, &shardLog{})
	owner.assign(operator.Owner, 1, 1)
	owner.deliver(1, eventOf("p", 1, "a"))
	reader := newHarness(t, owner.log, func(c *operator.Config) { c.Logic, c.Apart = s.logic, true })
	reader.assign(operator.Standby, 1, 2)
	if reader.Err() != nil || wordsOf(reader) != "a" {
		t.Errorf("%v, words %q", reader.Err(), wordsOf(reader))
	}
	reader.Close()
	if !s.open {
		t.Error("the reader has closed the owner's")
	}
}

// TestDurableFails: a state that can't be opened, or is not what was kept, halts the shard.
func TestDurableFails(t *testing.T) {
	log := &shardLog{}
	whole := &shelf{every: 1}
	h := whole.on(t, log)
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	for name, change := range map[string]func(*shelf){
		"no disk":    func(s *shelf) { s.err = errDisk },
		"newer part": func(s *shelf) { s.part = append([]byte{99}, s.part[1:]...) },
		"stuck": func(s *shelf) {
			s.err, s.stuck = operator.ErrStateDamaged, errDisk
		},
	} {
		s := *whole
		s.open = false
		change(&s)
		next := s.on(t, log)
		next.assign(operator.Standby, 2, 2)
		if err := next.Err(); next.State() != operator.Halted || !errors.Is(err, operator.ErrState) ||
			!strings.HasPrefix(err.Error(), "shard 7: open") || next.restores != 0 {
			t.Errorf("%s: %v, %v", name, next.State(), err)
		}
	}
}

// TestDurableFromSnapshot: a snapshot is used where nothing is kept, and where the log was trimmed behind what is.
func TestDurableFromSnapshot(t *testing.T) {
	old, newest := &shelf{every: 1}, &shelf{every: 1}
	h := newest.on(t, &shardLog{})
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	*old = *newest
	old.open = false
	h.deliver(2, eventOf("p", 2, "b"))
	h.deliver(3, eventOf("p", 3, "c"))
	var snapshot bytes.Buffer
	if err := h.snapshots[2].Write(&snapshot); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*shelf{"empty": {every: 1}, "trimmed": old} {
		next := s.on(t, &shardLog{entries: h.log.entries[2:]})
		next.snapshot = bytes.NewReader(snapshot.Bytes())
		if name == "empty" {
			next.assign(operator.Standby, 2, 2)
		} else {
			next.Assign(next.now, operator.Assignment{Control: 2, Role: operator.Standby, Epoch: 2, Incarnation: 2})
			effects := next.Effects()
			follow := effects[len(effects)-1].(operator.Follow)
			next.ReadDone(next.now, follow.Gen, fmt.Errorf("read: %w", engine.ErrTrimmed))
			next.run()
		}
		if next.State() != operator.Following || wordsOf(next) != "a b c" || next.restores != 1 ||
			next.Stats().SnapshotsUsed != 1 || !s.open || s.position != h.Position() {
			t.Errorf("%s: %v: %v, words %q, %d snapshots asked for, kept at %d", name, next.State(), next.Err(), wordsOf(next),
				next.restores, s.position)
		}
	}
}

// TestDurableFromLaterSnapshot: behind the last delta of a snapshot, if there is one, may be records that the logic doesn't see. It is as
// good as any other, also when the process that has restored it ends before the next delta.
func TestDurableFromLaterSnapshot(t *testing.T) {
	for name, events := range map[string][]event.Event{
		"a dead letter behind a delta": {eventOf("p", 1, "a"), eventOf("p", 2, "bad")},
		"dead letters alone":           {eventOf("p", 1, "bad"), eventOf("p", 2, "bad")},
	} {
		h := owner(t, &shardLog{}, every)
		h.deliver(1, events...)
		s := &shelf{every: 1}
		for run := range 2 {
			next := s.on(t, h.log)
			next.snapshot = bytes.NewReader(snapshotOf(t, h))
			next.assign(operator.Standby, 2, 2)
			if next.State() != operator.Following || wordsOf(next) != h.words() || next.Position() != h.Position() || next.restores != 1-run {
				t.Errorf("%s: %v: %v, words %q at %d, expected %q at %d, %d snapshots asked for", name, next.State(), next.Err(),
					wordsOf(next), next.Position(), h.words(), h.Position(), next.restores)
			}
			next.Close()
		}
	}
}

// TestDurableOtherSnapshot: a logic that doesn't open what it has restored halts its shard.
func TestDurableOtherSnapshot(t *testing.T) {
	h := owner(t, &shardLog{}, every)
	h.deliver(1, eventOf("p", 1, "a"))
	s := &shelf{every: 1}
	next := newHarness(t, h.log, func(c *operator.Config) {
		c.Logic = func() operator.Logic { return forgetful{s.logic().(*keeper)} }
	})
	next.snapshot = bytes.NewReader(snapshotOf(t, h))
	next.assign(operator.Standby, 2, 2)
	if next.State() != operator.Halted || !errors.Is(next.Err(), operator.ErrState) {
		t.Errorf("%v: %v", next.State(), next.Err())
	}
}

// forgetful opens an empty state.
type forgetful struct{ *keeper }

func (f forgetful) Open(func(func(operator.Entry) error) ([]byte, error)) (operator.Kept, error) {
	return operator.Kept{}, nil
}

// TestDurableForgets: what is kept of a shard can be forgotten while the operator has no role in it, and then it is restored.
func TestDurableForgets(t *testing.T) {
	s := &shelf{every: 1}
	h := s.on(t, &shardLog{})
	forget := func() bool {
		t.Helper()
		remove, err := h.Forget()
		if err != nil {
			t.Fatal(err)
		}
		return remove != nil
	}
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	if forget() || s.position == 0 {
		t.Error("the owner's state is forgotten")
	}
	h.assign(operator.NoRole, 2, 1)
	if !forget() || s.position != 0 {
		t.Errorf("kept at %d", s.position)
	}
	h.assign(operator.Standby, 3, 1)
	if wordsOf(h) != "a" || h.restores != 2 || s.position == 0 || forget() {
		t.Errorf("words %q, %d snapshots asked for, kept at %d", wordsOf(h), h.restores, s.position)
	}
}
