package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// side is a set of quads, by their objects. What it commits is what a pipeline has.
type side struct {
	patch.Counter
	mu  sync.Mutex
	has map[string]bool
}

func sideOf(objects ...string) *side {
	s := &side{has: map[string]bool{}}
	for _, o := range objects {
		s.has[o] = true
	}
	return s
}

func (s *side) each(_ context.Context, fn func(rdf.Quad) error) error {
	s.mu.Lock()
	all := maps.Clone(s.has)
	s.mu.Unlock()
	for o := range all {
		if err := fn(rdf.Quad{S: rdf.Trusted("<urn:s>"), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted(o)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *side) Add(q rdf.Quad) error    { s.set(q.O.Clone().String(), true); return nil }
func (s *side) Delete(q rdf.Quad) error { s.set(q.O.String(), false); return nil }

// set puts a quad in, or takes it out.
func (s *side) set(object string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has[object] = true; !in {
		delete(s.has, object)
	}
}

// commit takes the next message in, and acks it.
func (s *side) commit(t *testing.T, r connector.Reader, progress *conntest.Progress) {
	t.Helper()
	list, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if err := patch.Parse(m.Body, s); err != nil {
			t.Fatal(err)
		}
		if m.Stream != "" {
			progress.Commit(m)
		}
	}
	if err := r.Ack(t.Context(), list); err != nil {
		t.Error(err)
	}
}

func (s *side) is(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := slices.Sorted(maps.Keys(s.has)); !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}

// TestOnce: the graphs are copied, that is noted, and it is the end, for the next reader, too.
func TestOnce(t *testing.T) {
	for _, keep := range []bool{false, true} {
		have, there, progress, closed := sideOf(`"a"`, `"b"`), sideOf(`"b"`, `"c"`), &conntest.Progress{}, 0
		open := func() connector.Reader {
			r, err := Open(t.Context(), progress, Config{Have: have.each, There: there.each, Keep: keep, Close: func() { closed++ }})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := open()
		have.commit(t, r, progress) // what differs
		have.commit(t, r, progress) // that it is all
		if keep {
			have.is(t, `"a"`, `"b"`, `"c"`)
		} else {
			have.is(t, `"b"`, `"c"`)
		}
		for range 2 {
			if _, err := r.Read(t.Context()); err != io.EOF {
				t.Errorf("%v", err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			there.set(`"later"`, true)
			r = open()
		}
		if err := r.Close(); err != nil || closed != 3 {
			t.Errorf("%v, closed %d times", err, closed)
		}
	}
}

// TestAgain: it looks again at the pause, and reads only when something may have changed; what is refused again and again isn't
// sent without one.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		have, there := sideOf(), sideOf(`"a"`)
		var looks atomic.Int64
		var changed, fails atomic.Bool
		failed := errors.New("no answer")
		r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: have.each, There: there.each, Every: time.Minute,
			Look: func(context.Context) (bool, error) {
				looks.Add(1)
				if fails.Load() {
					return false, failed
				}
				return changed.Load(), nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		have.commit(t, r, nil)
		have.is(t, `"a"`)
		time.Sleep(10*time.Minute + time.Second)
		if n := looks.Load(); n != 10 {
			t.Errorf("it has looked %d times in ten minutes", n)
		}
		there.set(`"b"`, true)
		time.Sleep(5 * time.Minute) // it isn't told that anything has changed
		have.is(t, `"a"`)
		changed.Store(true)
		have.commit(t, r, nil)
		have.is(t, `"a"`, `"b"`)
		begin, refused := time.Now(), sideOf()
		there.set(`"never"`, true)
		for range 6 {
			refused.commit(t, r, nil) // but not in what the pipeline has
		}
		if took := time.Since(begin); took < 3*time.Minute || took > 6*time.Minute {
			t.Errorf("what is refused is sent six times in %v", took)
		}
		there.set(`"never"`, false)
		fails.Store(true)
		if _, err := r.Read(t.Context()); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestWoken: a pause ends early when it is told that something has changed.
func TestWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		have, there, wake := sideOf(), sideOf(`"a"`), make(chan struct{}, 1)
		r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: have.each, There: there.each, Every: time.Hour, Wake: wake})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		have.commit(t, r, nil)
		synctest.Wait()
		there.set(`"b"`, true)
		wake <- struct{}{}
		have.commit(t, r, nil)
		have.is(t, `"a"`, `"b"`)
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %v", took)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestEnds: closing ends a reading under way, and what waits to be committed.
func TestEnds(t *testing.T) {
	have, there := sideOf(), sideOf()
	for i := range 10_000 {
		there.has[fmt.Sprintf("%q", fmt.Sprint("a long value, so that there are several messages: ", i))] = true
	}
	r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: have.each, There: there.each})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if list, err := r.Read(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%d messages, %v", len(list), err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(t.Context()); !errors.Is(err, ending.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// forgetful is a progress that can't be read.
type forgetful struct{ connector.Progress }

func (forgetful) Next(context.Context, string) (uint64, bool, error) { return 0, false, errForgotten }

var errForgotten = errors.New("forgotten")

// TestProgressUnknown: who doesn't know what was copied begins nothing.
func TestProgressUnknown(t *testing.T) {
	if r, err := Open(t.Context(), forgetful{}, Config{Have: sideOf().each, There: sideOf().each}); !errors.Is(err, errForgotten) {
		t.Errorf("%v, %v", r, err)
	}
}

// TestExtents: how much differs is known once both sides were read whole, and what was committed isn't counted again.
func TestExtents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		have, there := sideOf(), sideOf(`"a"`)
		r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: have.each, There: there.each, Every: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		is := func(want ...connector.Extent) {
			t.Helper()
			synctest.Wait()
			if got, err := r.(connector.Lagger).Extents(t.Context()); err != nil || !slices.Equal(got, want) {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		is() // there is a message, and there may be more
		have.commit(t, r, nil)
		is(connector.Extent{First: 1, End: 2})
		there.set(`"b"`, true)
		time.Sleep(2 * time.Minute)
		is(connector.Extent{First: 1, End: 3})
		have.commit(t, r, nil)
		is(connector.Extent{First: 1, End: 3})
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestReadOnceWhileTheSame: once nothing differs, nothing is read while a look says that nothing has changed.
func TestReadOnceWhileTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		have, there := sideOf(`"a"`), sideOf(`"a"`)
		var looks, readings atomic.Int32
		r, err := Open(t.Context(), &conntest.Progress{}, Config{Every: time.Second,
			Have: func(ctx context.Context, fn func(rdf.Quad) error) error {
				readings.Add(1)
				return have.each(ctx, fn)
			},
			There: there.each,
			Look: func(context.Context) (bool, error) {
				looks.Add(1)
				return false, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if looks.Load() < 50 || readings.Load() != 1 {
			t.Errorf("%d looks, %d readings", looks.Load(), readings.Load())
		}
	})
}

// TestEndIsAcked: the end comes when the message that says that all was copied is committed, and not before.
func TestEndIsAcked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: sideOf().each, There: sideOf().each})
		if err != nil {
			t.Fatal(err)
		}
		list, err := r.Read(t.Context())
		if err != nil || len(list) != 1 || list[0].Stream != copied {
			t.Fatalf("%+v, %v", list, err)
		}
		var ended atomic.Bool
		done := make(chan error)
		go func() {
			_, err := r.Read(t.Context())
			ended.Store(true)
			done <- err
		}()
		synctest.Wait()
		if ended.Load() {
			t.Error("the end came before the message was committed")
		}
		if err := r.Ack(t.Context(), list); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAtOnceEachTime: behind what was sent it is looked again at once, however often something was sent before.
func TestAtOnceEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		have, there := sideOf(), sideOf()
		r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: have.each, There: there.each, Every: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			there.set(fmt.Sprintf(`"%d"`, i), true)
			list, err := r.Read(t.Context()) // after the pause
			if err != nil || patch.Parse(list[0].Body, have) != nil {
				t.Fatalf("%v, %v", list, err)
			}
			there.set(fmt.Sprintf(`"%d at once"`, i), true)
			begin := time.Now()
			if err := r.Ack(t.Context(), list); err != nil {
				t.Error(err)
			}
			have.commit(t, r, nil)
			synctest.Wait()
			if took := time.Since(begin); took > 0 {
				t.Errorf("round %d: it was looked again after %v", i, took)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestManyMessages: what differs by more than a message may hold comes in several, each row in one of them.
func TestManyMessages(t *testing.T) {
	const n = 10_000
	have, there := sideOf(), sideOf()
	for i := range n {
		there.has[fmt.Sprintf(`"%060d"`, i)] = true
	}
	r, err := Open(t.Context(), &conntest.Progress{}, Config{Have: have.each, There: there.each})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("read without a context: %v", err)
	}
	messages, rows := 0, 0
	for rows < n {
		list, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		adds, _ := patch.CountRows(list[0].Body)
		messages, rows = messages+1, rows+adds
	}
	if rows != n || messages < 3 {
		t.Errorf("%d rows in %d messages, want %d in several", rows, messages, n)
	}
}
