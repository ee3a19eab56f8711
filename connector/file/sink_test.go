package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

func TestConfig(t *testing.T) {
	if s, err := New(&script{}, Config{}); err == nil {
		t.Errorf("a sink without a folder: %+v", s)
	}
	s, err := New(&script{}, Config{Dir: "dir"})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Dir: "dir", MaxBatch: 1 << 20, Poll: time.Second, Backoff: 100 * time.Millisecond, MaxBackoff: 10 * time.Second,
		Logger: slog.Default()}
	if s.cfg != want {
		t.Errorf("%+v, documented is %+v", s.cfg, want)
	}
}

// ending is a source of one shard whose log ends at once.
type ending struct{}

func (ending) Owned() []int { return []int{3} }
func (ending) Follow(context.Context, int, engine.Mark, func(engine.Mark, []byte) error) error {
	return nil
}

// torn is a source whose sink has a file with a torn end.
type torn struct{ quiet }

// lines is a writer that may be read meanwhile.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestWhatIsLogged: an error of a shard is, with what it was; that the sink is stopped is no error.
func TestWhatIsLogged(t *testing.T) {
	one, _ := testRecord(10, 1, 1)
	for name, test := range map[string]struct {
		source Source
		ready  func(s *Sink, log *lines) bool
		want   string
	}{
		"stopped": {quiet{[]int{3}}, func(s *Sink, _ *lines) bool { return len(s.Positions()) == 1 }, ""},
		"torn":    {torn{quiet{[]int{3}}}, func(s *Sink, _ *lines) bool { return len(s.Positions()) == 1 }, fmt.Sprint("bytes=1 at=", len(one))},
		"ended":   {ending{}, func(_ *Sink, log *lines) bool { return log.String() != "" }, "the log ended"},
	} {
		log := &lines{}
		s, err := New(test.source, Config{Dir: "dir", Backoff: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		m := newMemory()
		if _, ok := test.source.(torn); ok {
			m.content[testPath] = append(bytes.Clone(one), '#')
		}
		s.disk = m
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		for deadline := time.Now().Add(10 * time.Second); !test.ready(s, log); <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v, %v, log %q", name, s.Positions(), s.Errors(), log)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := log.String(); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: log %q, want %q", name, got, test.want)
		}
	}
}

// busy is a source whose log has no end.
type busy struct{ record []byte }

func (b busy) Owned() []int { return []int{3} }
func (b busy) Follow(ctx context.Context, _ int, after engine.Mark, fn func(engine.Mark, []byte) error) error {
	for at := after.Position + 1; at%100 > 0 || ctx.Err() == nil; at++ { // it looks at ctx now and then
		if err := fn(engine.Mark{Position: at}, b.record); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// TestWriterFails: when what was taken can't be written, the reading ends with that error, also while it waits for room, or
// for the next record.
func TestWriterFails(t *testing.T) {
	record, mark := testRecord(10, 1, 1)
	for name, test := range map[string]struct {
		source Source
		limit  int
	}{
		"waits for room":     {busy{[]byte("x")}, 1},
		"has room":           {busy{[]byte("x")}, 1 << 20},
		"waits for a record": {&script{records: [][]byte{record}, marks: []engine.Mark{mark}, sent: make(chan struct{})}, 1},
	} {
		s, err := New(test.source, Config{Dir: "dir", MaxBatch: test.limit})
		if err != nil {
			t.Fatal(err)
		}
		m := newMemory()
		m.failWrite = errBroken
		s.disk = m
		done := make(chan error, 1)
		go func() { done <- s.write(t.Context(), 3) }()
		select {
		case err := <-done:
			if !errors.Is(err, errBroken) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it goes on reading", name)
		}
	}
}

// TestEndsBeforeItsTurn: a shard that is given away while others' files are checked is not opened.
func TestEndsBeforeItsTurn(t *testing.T) {
	s, err := New(quiet{}, Config{Dir: "dir"})
	if err != nil {
		t.Fatal(err)
	}
	s.disk = newMemory()
	for range maxOpening {
		s.opening <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.write(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// stubborn is a source that fails each time, at first with nothing new.
type stubborn struct{ calls []time.Time }

// calm is the number of the call with which records begin to come.
const calm = 12

func (s *stubborn) Owned() []int { return []int{3} }
func (s *stubborn) Follow(_ context.Context, _ int, after engine.Mark, fn func(engine.Mark, []byte) error) error {
	s.calls = append(s.calls, time.Now())
	if len(s.calls) < calm {
		return errBroken
	}
	record, mark := testRecord(after.Position+1, 1, 1)
	_, raw, _ := bytes.Cut(record, []byte("\n"))
	return errors.Join(errBroken, fn(mark, raw))
}

// TestBackoff: the pause doubles to MaxBackoff while nothing comes, and begins anew when something has.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &stubborn{}
		s, err := New(source, Config{Dir: "dir", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		s.disk = newMemory()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+10*time.Second+time.Millisecond) // within a pause
		defer cancel()
		s.keep(ctx, 3)
		if len(s.Errors()) > 0 || len(s.Positions()) > 0 {
			t.Errorf("the shard is not written any more: %v, %v", s.Errors(), s.Positions())
		}
		pause, capped := s.cfg.Backoff, 0
		for i := 1; i < len(source.calls); i++ {
			if i >= calm {
				pause = s.cfg.Backoff
			}
			if got := source.calls[i].Sub(source.calls[i-1]); got != pause {
				t.Fatalf("pause %d is %v, want %v", i, got, pause)
			}
			if pause == s.cfg.MaxBackoff {
				capped++
			}
			pause = min(2*pause, s.cfg.MaxBackoff)
		}
		if len(source.calls) < calm+5 || capped < 2 {
			t.Errorf("%d calls, %d of them after the longest pause", len(source.calls), capped)
		}
	})
}
