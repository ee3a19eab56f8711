package enginetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

func (s suite) empty(t *testing.T) {
	ctx, e := s.one(t)
	for _, l := range []engine.Log{e.Control(), e.Shard(0), e.Shard(1)} {
		checkTail(ctx, t, l, engine.Entry{})
		for _, from := range []uint64{0, 1, 7} {
			if list, tail := all(ctx, t, l, from); len(list) != 0 || tail != 0 {
				t.Errorf("Read from %d: %d entries, tail %d", from, len(list), tail)
			}
		}
		refuse(ctx, t, l, 1, []byte("x"))
	}
	if err := e.Shard(0).Trim(ctx, 100); err != nil {
		t.Errorf("Trim: %v", err)
	}
}

func (s suite) append(t *testing.T) {
	ctx, e := s.one(t)
	for _, l := range []engine.Log{e.Control(), e.Shard(0), e.Shard(1)} {
		var want []engine.Entry
		var tail uint64
		for _, payload := range []string{"one", "", "two\r\nlines", "\x00\xff"} {
			tail = add(ctx, t, l, tail, []byte(payload))
			want = append(want, engine.Entry{Seq: tail, Payload: []byte(payload)})
			checkTail(ctx, t, l, want[len(want)-1])
		}
		got, end := all(ctx, t, l, 0)
		checkSame(t, "Read", want, got)
		if end != tail {
			t.Errorf("Read: tail %d, want %d", end, tail)
		}
	}
}

func (s suite) conflict(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	first := add(ctx, t, l, 0, []byte("first"))
	second := add(ctx, t, l, first, []byte("second"))
	for _, expect := range []uint64{0, first, second - 1, second + 1, 1 << 40} {
		if expect == second {
			continue
		}
		refuse(ctx, t, l, expect, []byte("refused"))
	}
	checkTail(ctx, t, l, engine.Entry{Seq: second, Payload: []byte("second")})
	add(ctx, t, l, second, []byte("third"))
}

func (s suite) endedContext(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	seq := add(ctx, t, l, 0, []byte("first"))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := l.Append(ended, seq, []byte("second"))
	checkIs(t, "Append", err, engine.ErrUnknown)
	checkIs(t, "Append", err, context.Canceled)
	_, err = l.Tail(ended)
	checkIs(t, "Tail", err, context.Canceled)
	never := func(engine.Entry) error { return errors.New("fn was called") }
	_, err = l.Read(ended, 0, never)
	checkIs(t, "Read", err, context.Canceled)
	checkIs(t, "Follow", l.Follow(ended, 0, never), context.Canceled)
	checkIs(t, "Listen", e.Heartbeats().Listen(ended, func(engine.Beat) {}), context.Canceled)
}

func (s suite) tooLarge(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	_, err := l.Append(ctx, 0, make([]byte, 9<<20))
	checkIs(t, "Append of 9 MiB", err, engine.ErrTooLarge)
	if errors.Is(err, engine.ErrUnknown) || errors.Is(err, engine.ErrConflict) {
		t.Errorf("Append of 9 MiB: %v is several things at once", err)
	}
	checkTail(ctx, t, l, engine.Entry{})
	add(ctx, t, l, 0, []byte("small"))
}

// big: what is just below a mebibyte is a record as others are.
func (s suite) big(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	followed := startFollowing(ctx, l, 0)
	var want []engine.Entry
	var tail uint64
	for i := range 5 {
		payload := noise(1<<20-4096-i, byte(i))
		tail = add(ctx, t, l, tail, payload)
		want = append(want, engine.Entry{Seq: tail, Payload: payload})
	}
	got, _ := all(ctx, t, l, 0)
	checkSame(t, "Read", want, got)
	checkTail(ctx, t, l, want[len(want)-1])
	checkSame(t, "Follow", want, followed.await(t, len(want)))
}

// noise does not compress.
func noise(n int, seed byte) []byte {
	b := make([]byte, n+8)
	x := uint64(seed) + 88172645463325252
	for i := 0; i < n; i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		binary.LittleEndian.PutUint64(b[i:], x)
	}
	return b[:n:n]
}

// ownership: who appends may use the bytes again at once; what a receiver keeps stays as it is.
func (s suite) ownership(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	followed := startFollowing(ctx, l, 0)
	buf := make([]byte, 100)
	var want []engine.Entry
	var tail uint64
	for i := range 50 {
		for k := range buf {
			buf[k] = byte(i)
		}
		tail = add(ctx, t, l, tail, buf)
		want = append(want, engine.Entry{Seq: tail, Payload: bytes.Clone(buf)})
	}
	clear(buf)
	got, _ := all(ctx, t, l, 0)
	all(ctx, t, l, 0)
	checkSame(t, "Read", want, got)
	checkSame(t, "Follow", want, followed.await(t, len(want)))
}

// logs: positions of each log grow, with gaps, whatever is appended to the others.
func (s suite) logs(t *testing.T) {
	ctx, e := s.one(t)
	logs := []engine.Log{e.Control(), e.Shard(0), e.Shard(1)}
	tails := make([]uint64, len(logs))
	want := make([][]engine.Entry, len(logs))
	for i := range 60 {
		k := i * i % 7 % len(logs)
		payload := fmt.Appendf(nil, "log %d record %d", k, i)
		tails[k] = add(ctx, t, logs[k], tails[k], payload)
		want[k] = append(want[k], engine.Entry{Seq: tails[k], Payload: payload})
	}
	for k, l := range logs {
		got, _ := all(ctx, t, l, 0)
		checkSame(t, fmt.Sprint("log ", k), want[k], got)
	}
}

// contention: many append to one log through several engines. For each tail exactly one wins; whoever looks after an
// append was confirmed sees it.
func (s suite) contention(t *testing.T) {
	const engines, writers, each = 3, 4, 12
	ctx := limited(t)
	list := s.open(t, engines, 1)
	var confirmed atomic.Uint64 // the highest position
	var mu sync.Mutex
	after := map[uint64]engine.Entry{} // by the tail that was expected
	var wg sync.WaitGroup
	for i, e := range list {
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					payload := fmt.Appendf(nil, "engine %d writer %d record %d", i, w, n)
					expect, seq, err := win(ctx, e.Shard(0), payload, &confirmed)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if other, twice := after[expect]; twice {
						t.Errorf("both %q and %q were accepted after %d", payload, other.Payload, expect)
					}
					after[expect] = engine.Entry{Seq: seq, Payload: payload}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	var want []engine.Entry
	for tail := uint64(0); len(want) < engines*writers*each; {
		e, ok := after[tail]
		if !ok {
			t.Fatalf("nobody appended after %d, though %d records are to follow", tail, engines*writers*each-len(want))
		}
		want, tail = append(want, e), e.Seq
	}
	for i, e := range list {
		got, _ := all(ctx, t, e.Shard(0), 0)
		checkSame(t, fmt.Sprint("engine ", i), want, got)
	}
}

// win appends until it is accepted.
func win(ctx context.Context, l engine.Log, payload []byte, confirmed *atomic.Uint64) (expect, seq uint64, err error) {
	for {
		floor := confirmed.Load()
		tail, err := l.Tail(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("tail: %w", err)
		}
		if tail.Seq < floor {
			return 0, 0, fmt.Errorf("tail: %d, though %d was confirmed before", tail.Seq, floor)
		}
		seq, err := l.Append(ctx, tail.Seq, payload)
		if errors.Is(err, engine.ErrUnknown) {
			seq, err = settle(ctx, l, tail.Seq, payload)
		}
		switch {
		case err == nil:
			for c := confirmed.Load(); c < seq && !confirmed.CompareAndSwap(c, seq); c = confirmed.Load() {
			}
			return tail.Seq, seq, nil
		case !errors.Is(err, engine.ErrConflict):
			return 0, 0, fmt.Errorf("append: %w", err)
		}
	}
}

// settle is what comes of an append that was not answered, as on a busy machine: what stands behind the position tells whether it took.
func settle(ctx context.Context, l engine.Log, expect uint64, payload []byte) (seq uint64, err error) {
	for err = engine.ErrUnknown; errors.Is(err, engine.ErrUnknown) && ctx.Err() == nil; {
		seq, err = l.Append(ctx, expect, payload) // once it is refused, the first attempt can't take any more
	}
	if !errors.Is(err, engine.ErrConflict) {
		return seq, err
	}
	var next engine.Entry
	_, failed := l.Read(ctx, expect+1, func(e engine.Entry) error {
		next = e
		return errEnough
	})
	switch {
	case !errors.Is(failed, errEnough):
		return 0, fmt.Errorf("read from %d: %w", expect+1, failed)
	case bytes.Equal(next.Payload, payload):
		return next.Seq, nil
	}
	return 0, err
}
