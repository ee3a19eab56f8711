package operator_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// limited makes the log refuse what is larger, and counts what it was asked for.
func (h *harness) limited(limit int) *int {
	tries := new(int)
	h.append = func(a operator.Append) (uint64, error, bool) {
		if *tries++; len(a.Payload) > limit {
			return 0, fmt.Errorf("append: %w: %d bytes", engine.ErrTooLarge, len(a.Payload)), true
		}
		seq, err := h.log.append(a.Expect, a.Payload)
		return seq, err, true
	}
	return tries
}

// TestTooLarge: a record that the engine refuses for its size is made smaller.
func TestTooLarge(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	tries := h.limited(700)
	var words []string
	for i := range 300 {
		words = append(words, fmt.Sprintf("w%d", i))
	}
	h.deliver(1, eventOf("p", 1, strings.Join(words, " ")), eventOf("p", 2, "x"))
	slices.Sort(words)
	if got := h.statuses(); h.words() != strings.Join(append(words, "x"), " ") ||
		!slices.Equal(got, []event.Status{committed, committed}) || h.Waiting() {
		t.Errorf("%v with %.40s, acks %v", h.State(), h.words(), got)
	}
	h.deliver(2, eventOf("p", 3, "y bad"), eventOf("q", 4, strings.Repeat("z", 900)))
	before := *tries
	h.deliver(3, eventOf("p", 5, strings.Join(words, " -")))
	if _, err := h.Trouble(); err != nil || h.acks[2].Status != bad || h.acks[3].Status != committed ||
		*tries-before > 7 {
		t.Errorf("%v, acks %+v, %d tries for what has its size by now", err, h.acks[2:], *tries-before)
	}
	h.log.text(t) // well-formed
}

// TestTooLargeAtAll: what can't be made smaller is answered, once, and the next goes on.
func TestTooLargeAtAll(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	tries := h.limited(900)
	long := strings.Repeat("n", 1000)
	h.deliver(1, eventOf(long, 1, "a"))
	h.deliver(2, eventOf("p", 1, "b"))
	h.want("(claim)[b]", "b", event.TooLarge, committed)
	if a := h.acks[0]; a.Position != 0 || !strings.Contains(a.Reason, "doesn't accept") || *tries > 3 || h.Waiting() {
		t.Errorf("%+v after %d tries", a, *tries)
	}
	h.deliver(3, eventOf(long, 1, "a")) // nothing of it is remembered, nor is it known as a dead letter
	if a := h.acks[2]; a.Status != event.TooLarge || a.Position != 0 {
		t.Errorf("again: %+v", a)
	}
	h.deliver(5, eventOf("p", 2, "c"), eventOf(long, 2, "d"), eventOf("p", 3, "e"), eventOf("p", 4, "f")) // the others do alone
	if got := h.statuses()[3:]; !slices.Equal(got, []event.Status{committed, event.TooLarge, committed, committed}) {
		t.Errorf("%v", got)
	}
	h.append = nil
	h.deliver(6, eventOf(long, 1, "a"))
	if a := h.acks[7]; a.Status != committed {
		t.Errorf("where there is more room: %+v", a)
	}
}

// TestTooLargeLastPart: some parts are in the log already, and the last can't be: the next owner ends the chain.
func TestTooLargeLastPart(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, func(c *operator.Config) { c.MaxRecord = 300 })
	h.limited(800)
	h.deliver(1, eventOf(strings.Repeat("n", 1000), 1, strings.Repeat("a ", 10)+strings.Repeat("b", 400)))
	if !errors.Is(h.Err(), engine.ErrTooLarge) || h.State() != operator.Halted || h.acks[0].Status != event.Halted {
		t.Errorf("%v, %v, %+v", h.State(), h.Err(), h.acks)
	}
	next := newHarness(t, log, nil)
	next.assign(operator.Owner, 2, 2)
	next.deliver(1, eventOf("p", 1, "c"))
	next.want("(claim)(claim)[c]", "c", committed)
}

// TestClaimTooLarge: nothing can be done about that.
func TestClaimTooLarge(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.limited(10)
	h.assign(operator.Owner, 1, 1)
	if !errors.Is(h.Err(), engine.ErrTooLarge) || h.State() != operator.Halted {
		t.Errorf("%v, %v", h.State(), h.Err())
	}
}

// TestHeaderRoom: no record's headers take more, whatever the names and the reason are.
func TestHeaderRoom(t *testing.T) {
	node, name := strings.Repeat("\x01", 100), strings.Repeat("\xff", event.MaxText)
	reason := strings.Repeat("\x01", 5000)
	const limit = 250 << 10
	h := newHarness(t, &shardLog{}, func(c *operator.Config) {
		c.Node, c.MaxRecord = node, limit-operator.HeaderRoom(node)
		c.Logic = func() operator.Logic {
			return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) {
				if string(ev.Payload) == "bad" {
					return dst, errors.New(reason)
				}
				return append(dst, ev.Payload...), nil
			}, func([]byte) error { return nil })
		}
	})
	largest, tooLarge := 0, 0
	h.append = func(a operator.Append) (uint64, error, bool) {
		if largest = max(largest, len(a.Payload)); len(a.Payload) > limit {
			tooLarge++
		}
		seq, err := h.log.append(a.Expect, a.Payload)
		return seq, err, true
	}
	h.assign(operator.Owner, 1<<63, 1<<63)
	var events []event.Event
	for i := range 8000 {
		events = append(events, eventOf(fmt.Sprintf("%s%d", strings.Repeat("/", 100), i), 1<<63, "0123456789"))
	}
	h.deliver(1, events...)
	h.deliver(2, eventOf(name, 1<<63, strings.Repeat("x", 300<<10)), eventOf("p", 1, ""))
	h.deliver(3, eventOf(name[1:], 1<<63, "bad"), eventOf("p", 2, "x"))
	if tooLarge > 0 || len(h.acks) != 8004 || h.acks[8002].Status != bad {
		t.Errorf("%d records are too large, the largest %d bytes; %d acks", tooLarge, largest, len(h.acks))
	}
	if largest < limit*8/10 {
		t.Errorf("the largest has %d bytes: this test shows nothing", largest)
	}
}

// TestNoRoom: the append goes on by itself when there is room, ever more slowly until then, and senders are told why.
func TestNoRoom(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	var tries []time.Time
	full := fmt.Errorf("append: %w: %w", engine.ErrUnknown, engine.ErrNoRoom)
	h.append = func(operator.Append) (uint64, error, bool) {
		tries = append(tries, h.now)
		return 0, full, true
	}
	h.deliver(1, eventOf("p", 1, "a"))
	since, err := h.Trouble()
	if !errors.Is(err, engine.ErrNoRoom) || !since.Equal(start) {
		t.Errorf("%v since %v", err, since)
	}
	for range 600 {
		h.tick(10 * time.Millisecond)
	}
	if n := len(tries); n < 8 || n > 12 || tries[n-1].Sub(tries[n-2]) != time.Second || len(h.acks) > 0 {
		t.Errorf("%d tries in 6 s, acks %v", n, h.acks)
	}
	if again, _ := h.Trouble(); !again.Equal(since) {
		t.Errorf("it began at %v, later at %v", since, again)
	}
	for range 3 {
		h.deliver(1, eventOf("p", 1, "a"))
		h.Deliver(h.now, event.Batch{From: "r", Shard: 7, ID: 1, Events: []event.Event{eventOf("r", 1, "b")}})
		h.run()
	}
	if got := h.statuses(); !slices.Equal(got, []event.Status{event.NoRoom, event.NoRoom}) ||
		!strings.Contains(h.acks[1].Reason, engine.ErrNoRoom.Error()) {
		t.Errorf("acks %+v: once for each of the two", h.acks)
	}
	h.append = nil
	h.tick(time.Second)
	h.want("(claim)[a][b]", "a b", event.NoRoom, event.NoRoom, committed, committed)
	if _, err := h.Trouble(); err != nil || h.Waiting() {
		t.Errorf("%v", err)
	}
	h.append = func(operator.Append) (uint64, error, bool) { return 0, full, true }
	h.deliver(2, eventOf("p", 2, "c"))
	h.append = nil
	h.tick(100 * time.Millisecond) // the time between attempts is the first again
	h.want("(claim)[a][b][c]", "a b c", event.NoRoom, event.NoRoom, committed, committed, committed)
}

// TestTroubleIsToldOnce a second to who asks again, at once where its cause is known, and later where it may pass.
func TestTroubleIsToldOnce(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.append = func(operator.Append) (uint64, error, bool) {
		return 0, fmt.Errorf("%w: %w", engine.ErrUnknown, engine.ErrNoLeader), true
	}
	h.assign(operator.Owner, 1, 1)
	for range 19 {
		h.deliver(1, eventOf("p", 1, "a"))
		h.tick(50 * time.Millisecond)
	}
	if _, err := h.Trouble(); !errors.Is(err, engine.ErrNoLeader) || h.Stats().Unknown != 20 {
		t.Errorf("%v, %d tries", err, h.Stats().Unknown)
	}
	h.append = nil
	h.tick(50 * time.Millisecond)
	h.want("(claim)[a]", "a", event.NoLeader, committed)

	h = owner(t, &shardLog{}, nil)
	h.append = func(operator.Append) (uint64, error, bool) { return 0, engine.ErrUnknown, true }
	for range 19 {
		h.deliver(1, eventOf("p", 1, "a"))
		h.tick(50 * time.Millisecond)
	}
	h.append = nil
	h.tick(50 * time.Millisecond)
	h.want("(claim)[a]", "a", committed)
}

// TestEngineSaysDamage: that of an append, of a read and of a follow halts the shard, with the reason.
func TestEngineSaysDamage(t *testing.T) {
	damage := fmt.Errorf("block 7: %w: it has a gap", engine.ErrDamaged)
	for name, fail := range map[string]func(h *harness){
		"append": func(h *harness) {
			h.append = func(operator.Append) (uint64, error, bool) { return 0, damage, true }
			h.assign(operator.Owner, 1, 1)
		},
		"read": func(h *harness) {
			h.Assign(h.now, operator.Assignment{Control: 1, Role: operator.Owner, Epoch: 1, Incarnation: 1})
			h.Restored(h.now, h.Effects()[1].(operator.Restore).Gen, nil)
			h.ReadDone(h.now, lastRead(h), damage)
		},
		"follow": func(h *harness) {
			h.assign(operator.Standby, 1, 1)
			h.ReadDone(h.now, h.follow.Gen, damage)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, &shardLog{}, nil)
			fail(h)
			h.run()
			if err := h.Err(); h.State() != operator.Halted || !errors.Is(err, engine.ErrDamaged) ||
				!strings.HasPrefix(err.Error(), "shard 7: ") || h.Waiting() {
				t.Errorf("%v: %v", h.State(), err)
			}
		})
	}
}

// lastRead is the generation of the read that was asked for last.
func lastRead(h *harness) (gen uint64) {
	for _, e := range h.Effects() {
		if e, ok := e.(operator.Read); ok {
			gen = e.Gen
		}
	}
	return gen
}

// TestStrangeErrors: an append's error that no contract names leaves the outcome open, but not for ever.
func TestStrangeErrors(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	tries := 0
	h.append = func(operator.Append) (uint64, error, bool) {
		tries++
		return 0, errors.New("I'm a teapot"), true
	}
	h.deliver(1, eventOf("p", 1, "a"))
	for range 1000 {
		h.tick(time.Second)
	}
	if h.State() != operator.Halted || tries != 120 || !strings.Contains(h.Err().Error(), "I'm a teapot") {
		t.Errorf("%v after %d tries: %v", h.State(), tries, h.Err())
	}
}

// TestNothingLeftToTry: a follow that failed is not tried again where the shard is dropped, or followed anew, meanwhile.
func TestNothingLeftToTry(t *testing.T) {
	for _, a := range []operator.Assignment{
		{Control: 2, Role: operator.NoRole, Epoch: 1, Incarnation: 1},
		{Control: 2, Role: operator.Standby, Epoch: 1, Incarnation: 2},
	} {
		h := newHarness(t, &shardLog{}, nil)
		h.assign(operator.Standby, 1, 1)
		if h.ReadDone(h.now, h.follow.Gen, engine.ErrNoLeader); !h.Waiting() {
			t.Fatal("a follow that failed is not tried again")
		}
		h.Assign(h.now, a)
		h.run()
		gen := h.gen
		if waits := h.Waiting(); waits {
			t.Errorf("in role %d something is left to try", a.Role)
		}
		if h.tick(time.Minute); h.gen != gen {
			t.Errorf("in role %d it was tried again", a.Role)
		}
	}
}

// TestTrouble: a sender that asks again hears why its batch waits; it stays in the queue all the same.
func TestTrouble(t *testing.T) {
	for cause, want := range map[error]event.Status{engine.ErrNoRoom: event.NoRoom, engine.ErrNoLeader: event.NoLeader} {
		h := owner(t, &shardLog{}, nil)
		h.append = func(operator.Append) (uint64, error, bool) {
			return 0, fmt.Errorf("append: %w: %w", engine.ErrUnknown, cause), true
		}
		ev := eventOf("p", 1, "a")
		h.deliver(1, ev)
		if len(h.acks) > 0 {
			t.Errorf("it was asked once: %+v", h.acks)
		}
		h.deliver(1, ev)
		h.tick(2 * time.Second)
		h.deliver(1, ev)
		h.want("(claim)", "", want, want)
		if got := h.acks[0].Reason; !strings.Contains(got, cause.Error()) {
			t.Errorf("reason %q", got)
		}
		h.append = nil
		h.tick(time.Minute) // the attempt under way
		h.tick(time.Minute)
		h.want("(claim)[a]", "a", want, want, committed)
		h.hold()
		h.deliver(2, eventOf("p", 2, "b"))
		h.deliver(2, eventOf("p", 2, "b"))
		if h.release(); len(h.acks) != 4 {
			t.Errorf("the trouble is over: %v", h.statuses())
		}
	}
}

// TestTroubleWhileClaiming: a log that can't be read is said, until it can.
func TestTroubleWhileClaiming(t *testing.T) {
	h := newHarness(t, &shardLog{}, nil)
	h.Assign(h.now, operator.Assignment{Control: 1, Role: operator.Owner, Epoch: 1, Incarnation: 1})
	var read operator.Read
	for effects := h.Effects(); len(effects) > 0; effects = h.Effects() {
		for _, e := range effects {
			switch e := e.(type) {
			case operator.Restore:
				h.Restored(h.now, e.Gen, nil)
			case operator.Read:
				read = e
			}
		}
	}
	h.ReadDone(h.now, read.Gen, fmt.Errorf("read: %w", engine.ErrNoLeader))
	ev := eventOf("p", 1, "a")
	h.deliver(1, ev)
	h.deliver(1, ev)
	h.want("", "", event.NoLeader)
	h.hold()
	h.tick(50 * time.Millisecond)
	h.deliver(1, ev)
	if len(h.pending) != 1 {
		t.Fatalf("%v, %d appends", h.State(), len(h.pending))
	}
	h.want("", "", event.NoLeader)
	h.release()
	h.want("(claim)[a]", "a", event.NoLeader, committed)
}
