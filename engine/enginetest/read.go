package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// from returns the entries at from and after it.
func from(list []engine.Entry, seq uint64) []engine.Entry {
	i := slices.IndexFunc(list, func(e engine.Entry) bool { return e.Seq >= seq })
	if i < 0 {
		return nil
	}
	return list[i:]
}

func (s suite) read(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	want := fill(ctx, t, l, 20)
	add(ctx, t, e.Shard(1), 0, []byte("another log"))
	last := want[len(want)-1].Seq
	for seq := range last + 3 {
		got, tail := all(ctx, t, l, seq)
		checkSame(t, fmt.Sprint("Read from ", seq), from(want, seq), got)
		if tail != last {
			t.Errorf("Read from %d: tail %d, want %d", seq, tail, last)
		}
	}
}

// readMany reads more than fits in one batch of any engine, while somebody appends: all that was there is read, in
// order, and the tail is of the time of the call.
func (s suite) readMany(t *testing.T) {
	ctx := limited(t)
	e := s.open(t, 1, 1)[0]
	l := e.Shard(0)
	const n = 50
	payload := noise(100<<10, 1)
	var tail uint64
	var want []engine.Entry
	for range n {
		tail = add(ctx, t, l, tail, payload)
		want = append(want, engine.Entry{Seq: tail, Payload: payload})
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for seq := tail; ; {
			select {
			case <-stop:
				return
			default:
			}
			seq = add(ctx, t, l, seq, []byte("later"))
		}
	})
	for range 3 {
		got, end := all(ctx, t, l, 0)
		if len(got) < n || end != got[len(got)-1].Seq {
			t.Errorf("Read: %d entries to %d, want %d at least", len(got), end, n)
			break
		}
		checkSame(t, "Read", want, got[:n])
	}
	close(stop)
	wg.Wait()
}

var errEnough = errors.New("enough")

func (s suite) readStops(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	want := fill(ctx, t, l, 10)
	for stop := range want {
		calls := 0
		_, err := l.Read(ctx, 0, func(engine.Entry) error {
			if calls++; calls == stop+1 {
				return errEnough
			}
			return nil
		})
		if err != errEnough || calls != stop+1 {
			t.Errorf("Read: %v after %d calls, want fn's error after %d", err, calls, stop+1)
		}
	}
	ending, cancel := context.WithCancel(ctx)
	calls := 0
	_, err := l.Read(ending, 0, func(engine.Entry) error {
		calls++
		cancel()
		return nil
	})
	checkIs(t, "Read whose context ends", err, context.Canceled)
	if calls != 1 {
		t.Errorf("Read goes on for %d calls after its context ended", calls-1)
	}
}

// following is a Follow in the background.
type following struct {
	mu    sync.Mutex
	list  []engine.Entry
	grown chan struct{}
	err   error
	done  chan struct{}
	stop  context.CancelFunc
}

func startFollowing(ctx context.Context, l engine.Log, from uint64) *following {
	f := &following{grown: make(chan struct{}, 1), done: make(chan struct{})}
	ctx, f.stop = context.WithCancel(ctx)
	go func() {
		defer close(f.done)
		f.err = l.Follow(ctx, from, func(e engine.Entry) error {
			f.mu.Lock()
			f.list = append(f.list, e)
			f.mu.Unlock()
			select {
			case f.grown <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	return f
}

// await returns all when there are at least n, and ends the following.
func (f *following) await(t testing.TB, n int) []engine.Entry {
	t.Helper()
	deadline := time.After(timeout)
	for {
		f.mu.Lock()
		have := len(f.list)
		f.mu.Unlock()
		if have >= n {
			break
		}
		select {
		case <-f.grown:
		case <-f.done:
			t.Fatalf("Follow: %v after %d entries, want %d", f.err, have, n)
		case <-deadline:
			t.Fatalf("Follow: %d entries after %v, want %d", have, timeout, n)
		}
	}
	f.stop()
	<-f.done
	checkIs(t, "Follow whose context ended", f.err, context.Canceled)
	return f.list
}

// follow: from any position, on any engine, before and while records are appended.
func (s suite) follow(t *testing.T) {
	ctx := limited(t)
	list := s.open(t, 2, 2)
	l := list[0].Shard(0)
	early := startFollowing(ctx, list[1].Shard(0), 0)
	want := fill(ctx, t, l, 30)
	middle, end := want[14].Seq, want[len(want)-1].Seq
	starts := []uint64{0, 1, want[0].Seq + 1, middle, middle + 1, end, end + 1}
	var followers []*following
	for i, seq := range starts {
		followers = append(followers, startFollowing(ctx, list[i%2].Shard(0), seq))
	}
	ahead := end + 5 // some of the next are not asked for
	followers, starts = append(followers, startFollowing(ctx, l, ahead)), append(starts, ahead)
	other := list[1].Shard(1)
	for i := range 200 {
		payload := fmt.Appendf(nil, "more %d", i)
		end = add(ctx, t, l, end, payload)
		want = append(want, engine.Entry{Seq: end, Payload: payload})
		if i%10 == 0 {
			push(ctx, t, other, []byte("elsewhere"))
		}
	}
	checkSame(t, "Follow before the first", want, early.await(t, len(want)))
	for i, f := range followers {
		expected := from(want, starts[i])
		checkSame(t, fmt.Sprint("Follow from ", starts[i]), expected, f.await(t, len(expected)))
	}
}

func (s suite) followStops(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	fill(ctx, t, l, 5)
	calls := 0
	err := l.Follow(ctx, 0, func(engine.Entry) error {
		if calls++; calls == 3 {
			return errEnough
		}
		return nil
	})
	if err != errEnough || calls != 3 {
		t.Errorf("Follow: %v after %d calls, want fn's error after 3", err, calls)
	}
	ending, cancel := context.WithCancel(ctx)
	calls = 0
	err = l.Follow(ending, 0, func(engine.Entry) error {
		calls++
		cancel()
		return nil
	})
	checkIs(t, "Follow whose context ends", err, context.Canceled)
	if calls != 1 {
		t.Errorf("Follow goes on for %d calls after its context ended", calls-1)
	}
}

// followSlowly: a follower that is slower than those who append loses nothing, however much there is.
func (s suite) followSlowly(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	gate := make(chan struct{})
	var got []engine.Entry
	const n = 30
	done := make(chan error, 1)
	go func() {
		done <- l.Follow(ctx, 0, func(e engine.Entry) error {
			<-gate
			if got = append(got, e); len(got) == n {
				return errEnough
			}
			return nil
		})
	}()
	var want []engine.Entry
	var tail uint64
	for i := range n {
		if i == n-5 {
			close(gate)
		}
		payload := noise(200<<10, byte(i))
		tail = add(ctx, t, l, tail, payload)
		want = append(want, engine.Entry{Seq: tail, Payload: payload})
	}
	if err := <-done; err != errEnough {
		t.Fatalf("Follow: %v", err)
	}
	checkSame(t, "Follow", want, got)
}
