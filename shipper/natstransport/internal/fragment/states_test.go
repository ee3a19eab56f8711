package fragment

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// checked is an assembler whose state must be well after each input: the one that the tests use.
type checked struct {
	*Assembler
	t interface {
		Helper()
		Fatal(args ...any)
	}
}

func (c checked) Add(now time.Time, f *Part) ([]byte, error) {
	defer c.check()
	return c.Assembler.Add(now, f)
}

func (c checked) Expire(now time.Time) {
	defer c.check()
	c.Assembler.Expire(now)
}

func (c checked) check() {
	c.t.Helper()
	if err := c.Assembler.check(); err != nil {
		c.t.Fatal(err)
	}
}

// check returns what can't be: sums that are not those of the frames, more than the bounds, or a frame that is not what its
// parts make.
func (a *Assembler) check() error {
	bytes, senders := 0, map[uint64]int{}
	for from, p := range a.frames {
		have := 0
		for _, part := range p.parts {
			have += len(part)
		}
		need := int(p.total) + Overhead
		bytes, senders[from.sender] = bytes+need, senders[from.sender]+need
		if uint64(have) != p.have || p.have > p.total || uint64(len(p.parts)) != p.next || p.next == 0 || p.next >= p.count {
			return fmt.Errorf("frame %d: %d parts of %d, next is %d, with %d bytes of %d, counted as %d", p.frame, len(p.parts), p.count,
				p.next, have, p.total, p.have)
		}
	}
	if bytes != a.bytes || bytes > a.maxBytes || len(senders) != len(a.senders) {
		return fmt.Errorf("%d bytes of %d senders, counted as %d of %d, at most %d", bytes, len(senders), a.bytes, len(a.senders), a.maxBytes)
	}
	for sender, n := range senders {
		if a.senders[sender] != n || n > a.maxSender {
			return fmt.Errorf("%d bytes of one sender, counted as %d, at most %d", n, a.senders[sender], a.maxSender)
		}
	}
	return nil
}

// TestCheckFinds: each of the invariants is found broken.
func TestCheckFinds(t *testing.T) {
	for name, change := range map[string]func(*Assembler, *partial){
		"bytes":       func(a *Assembler, _ *partial) { a.bytes++ },
		"bound":       func(a *Assembler, _ *partial) { a.maxBytes = 1 },
		"sender":      func(a *Assembler, _ *partial) { a.senders[1]++ },
		"senders":     func(a *Assembler, _ *partial) { a.senders[2] = 0 },
		"its bound":   func(a *Assembler, _ *partial) { a.maxSender = 1 },
		"have":        func(_ *Assembler, p *partial) { p.have++ },
		"total":       func(_ *Assembler, p *partial) { p.parts[0] = content(1, 2000); p.have = 2000 },
		"next":        func(_ *Assembler, p *partial) { p.next++ },
		"is complete": func(_ *Assembler, p *partial) { p.count = 1 },
		"no part":     func(_ *Assembler, p *partial) { p.next, p.have, p.parts = 0, 0, nil },
	} {
		a := NewAssembler(0, time.Second)
		put(t, checked{a, t}, cut(1, 1, 3, content(1, 1000), 256)[0])
		if change(a, a.frames[origin{1, 3}]); a.check() == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

// TestStates goes through the table in the comment of Assembler.
func TestStates(t *testing.T) {
	frame := content(1, 1000) // of four parts
	parts, next := cut(1, 5, 3, frame, 256), cut(1, 6, 3, frame, 256)
	make := func(name string, n int) statetable.State[*Assembler] {
		return statetable.State[*Assembler]{Name: name, Make: func(t *testing.T) *Assembler {
			a := NewAssembler(0, time.Second)
			put(t, checked{a, t}, parts[:n]...)
			return a
		}}
	}
	give := func(name string, fn func(*Assembler) ([]byte, error)) statetable.Input[*Assembler] {
		return statetable.Input[*Assembler]{Name: name, Give: func(a *Assembler) string {
			before := a.frames[origin{1, 3}]
			whole, err := fn(a)
			if err := a.check(); err != nil {
				return err.Error()
			}
			switch after := a.frames[origin{1, 3}]; {
			case errors.Is(err, ErrFull):
				return "full"
			case errors.Is(err, ErrIncomplete):
				return "none incomplete"
			case errors.Is(err, ErrPart):
				return "none malformed"
			case whole != nil:
				return "none whole"
			case before != nil && after == nil:
				return "none lost"
			case after != nil && before != nil && after != before:
				return "newer lost"
			case after != nil && (before == nil || after.seen.After(start)):
				return map[uint64]string{1: "first", 2: "more", 3: "more"}[after.next]
			}
			return "."
		}}
	}
	add := func(name string, f Part) statetable.Input[*Assembler] {
		return give(name, func(a *Assembler) ([]byte, error) { return a.Add(start.Add(time.Millisecond), &f) })
	}
	other := parts[3]
	other.Checksum++
	older := parts[3]
	older.Frame--
	statetable.Prove(t, "fragment.go", "Assembler", []statetable.State[*Assembler]{make("none", 0), make("first", 1), make("more", 3)},
		[]statetable.Input[*Assembler]{
			add("its first part", parts[0]), add("its second part", parts[1]), add("its last part", parts[3]),
			add("one that says another checksum", other),
			add("the last of an older frame", older), add("the first of a newer frame", next[0]), add("the second of a newer frame", next[1]),
			give("the first, no room", func(a *Assembler) ([]byte, error) {
				a.maxBytes = max(a.bytes, 1)
				return a.Add(start.Add(time.Millisecond), &parts[0])
			}),
			give("Expire, early", func(a *Assembler) ([]byte, error) { a.Expire(start.Add(time.Second - 1)); return nil, nil }),
			give("Expire", func(a *Assembler) ([]byte, error) { a.Expire(start.Add(time.Second)); return nil, nil }),
		})
}
