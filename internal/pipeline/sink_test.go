package pipeline_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/patch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logs is a source in memory.
type logs struct {
	mu      sync.Mutex
	owned   []int
	changed chan struct{}         // closed when owned changes
	records map[int][]node.Record // position = 10 × (index + 1)
	grown   chan struct{}
	fail    error // of the next Follow, after its first record
}

func newLogs(owned ...int) *logs {
	return &logs{owned: owned, records: map[int][]node.Record{}, grown: make(chan struct{}), changed: make(chan struct{})}
}

func (l *logs) Ownership() ([]int, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owned, l.changed
}

func (l *logs) add(shard int, rows string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := node.Record{Shard: shard, Position: uint64(len(l.records[shard])+1) * 10, Time: time.Unix(1, 0), Body: []byte(rows)}
	if before := l.records[shard]; len(before) > 0 {
		r.Prev = before[len(before)-1].ID
	}
	r.ID = fmt.Sprintf("ni:%x", sha256.Sum256([]byte(r.Prev+rows)))
	l.records[shard] = append(l.records[shard], r)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *logs) own(shards ...int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owned = shards
	close(l.changed)
	l.changed = make(chan struct{})
}

// at is the mark of a record.
func at(r node.Record) engine.Mark { return engine.Mark{Position: r.Position, ID: r.ID} }

func (l *logs) Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error {
	shard := o.Shards[0]
	after := o.From[shard]
	begin := int(after.Position / 10)
	l.mu.Lock()
	known := l.records[shard]
	l.mu.Unlock()
	if begin > len(known) || begin > 0 && at(known[begin-1]) != after {
		return fmt.Errorf("the log has no record %+v", after)
	}
	for next := begin; ; {
		l.mu.Lock()
		records, grown := l.records[shard], l.grown
		fail := l.fail
		if len(records) > next {
			l.fail = nil
		}
		l.mu.Unlock()
		for ; next < len(records); next++ {
			if err := fn(records[next]); err != nil {
				return err
			}
			if fail != nil {
				return fail
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// want is the text that the shard's file must have.
func (l *logs) want(shard int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, r := range l.records[shard] {
		text := patch.Entry{ID: r.ID, Prev: r.Prev, Shard: shard, Time: r.Time, Rows: r.Body}.Append(nil)
		head := fmt.Sprintf("# shard %d position %d length %d", shard, r.Position, len(text))
		sum := sha256.Sum256(append([]byte(head), text...))
		fmt.Fprintf(&b, "%s sum %s\n%s", head, base64.RawURLEncoding.EncodeToString(sum[:]), text)
	}
	return b.String()
}

// run starts a sink into files and returns what stops it.
func run(t *testing.T, source pipeline.Deltas, cfg file.Config) (*pipeline.Sink, func()) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	to, err := file.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return runTo(t, source, to, cfg.MaxBatch)
}

func runTo(t *testing.T, source pipeline.Deltas, to connector.Sink, batch int) (*pipeline.Sink, func()) {
	t.Helper()
	s := pipeline.NewSink(source, to, pipeline.SinkConfig{Name: "test", MaxBatch: batch, Logger: slog.New(slog.DiscardHandler),
		Backoff: pipeline.Backoff{Min: time.Millisecond, Max: time.Second}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func read(t *testing.T, dir string, shard int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file.Name(shard)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const rows = "TX .\nA <s:1> <p:1> <o:1> .\nTC .\n"

func TestWritesAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	l := newLogs(0, 3)
	for range 5 {
		l.add(0, rows)
		l.add(3, rows+rows)
		l.add(1, rows) // not owned
	}
	s, stop := run(t, l, file.Config{Dir: dir, MaxBatch: 100})
	until(t, "both are written", func() bool { p := s.Positions(); return p[0] == 50 && p[3] == 50 })
	l.add(0, rows)
	until(t, "what came later is written", func() bool { return s.Positions()[0] == 60 })
	stop()
	l.add(0, rows)
	s, stop = run(t, l, file.Config{Dir: dir})
	until(t, "it went on", func() bool { p := s.Positions(); return p[0] == 70 && p[3] == 50 })
	stop()
	for _, shard := range []int{0, 3} {
		if got := read(t, dir, shard); got != l.want(shard) {
			t.Errorf("shard %d:\n%s\nwant\n%s", shard, got, l.want(shard))
		}
	}
	if _, err := os.Stat(filepath.Join(dir, file.Name(1))); err == nil {
		t.Error("a shard that is not owned was written")
	}
}

func TestCutRecordIsWrittenAgain(t *testing.T) {
	l := newLogs(2)
	for i := range 4 {
		l.add(2, strings.Repeat(rows, i+1))
	}
	whole := l.want(2)
	// Wherever a crash has cut the file, and whatever stands there instead, the next start repairs it.
	for cut := 0; cut <= len(whole); cut += 31 {
		for _, tail := range []string{"", strings.Repeat("\x00", len(whole)-cut), "x\n"} {
			dir := t.TempDir()
			path := filepath.Join(dir, file.Name(2))
			if err := os.WriteFile(path, []byte(whole[:cut]+tail), 0o644); err != nil {
				t.Fatal(err)
			}
			s, stop := run(t, l, file.Config{Dir: dir})
			until(t, "it is whole", func() bool { return s.Positions()[2] == 40 })
			stop()
			if got := read(t, dir, 2); got != whole {
				t.Fatalf("cut at %d, then %q:\n%s\nwant\n%s", cut, tail, got, whole)
			}
		}
	}
}

func TestFollowsTheAssignment(t *testing.T) {
	dir := t.TempDir()
	l := newLogs(0)
	l.add(0, rows)
	first, _ := run(t, l, file.Config{Dir: dir})
	until(t, "the first writes", func() bool { return first.Positions()[0] == 10 })
	// Another node with the same folder becomes owner before the first has let go.
	other := newLogs(0)
	other.add(0, rows) // the same
	second, stop := run(t, other, file.Config{Dir: dir})
	until(t, "the second meets the lock", func() bool { return second.Failures()[0].Err != nil })
	l.own()
	until(t, "the second has the file", func() bool { return second.Positions()[0] == 10 && second.Failures()[0].Err == nil })
	other.add(0, rows)
	until(t, "the second writes", func() bool { return second.Positions()[0] == 20 })
	stop()
	if got, want := read(t, dir, 0), other.want(0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	until(t, "the first has let go", func() bool { return len(first.Positions()) == 0 })
	l.mu.Lock()
	l.records[0] = other.records[0]
	l.mu.Unlock()
	l.own(0)
	until(t, "the first writes again", func() bool { return first.Positions()[0] == 20 })
}

func TestErrorsStopNobodyElse(t *testing.T) {
	dir := t.TempDir()
	l := newLogs(0, 1)
	l.add(1, rows)
	// Shard 0 can't be opened: its file is a folder.
	path := filepath.Join(dir, file.Name(0))
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	l.add(0, rows)
	s, _ := run(t, l, file.Config{Dir: dir})
	until(t, "shard 1 is written and shard 0 has failed", func() bool {
		return s.Positions()[1] == 10 && s.Failures()[0].Err != nil
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until(t, "shard 0 is written", func() bool { return s.Positions()[0] == 10 && s.Failures()[0].Err == nil })
	// A reader that fails is begun again, from where the file is.
	l.mu.Lock()
	l.fail = errors.New("no answer")
	l.mu.Unlock()
	for range 3 {
		l.add(1, rows)
	}
	until(t, "shard 1 went on", func() bool { return s.Positions()[1] == 40 })
	if got := read(t, dir, 1); got != l.want(1) {
		t.Errorf("got\n%s\nwant\n%s", got, l.want(1))
	}
}

func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	text := "# shard 7 position 10 length 5\nH x.\n"
	if err := os.WriteFile(filepath.Join(dir, file.Name(0)), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	l := newLogs(0)
	l.add(0, rows)
	s, stop := run(t, l, file.Config{Dir: dir})
	until(t, "it is refused", func() bool { return s.Failures()[0].Err != nil })
	stop()
	if got := read(t, dir, 0); got != text {
		t.Errorf("another shard's file was changed to %q", got)
	}
}

// TestLogThatIsBehind: a file that goes on after the log, or ends with another record, is not written on.
func TestLogThatIsBehind(t *testing.T) {
	for name, rest := range map[string]string{"ends before": "", "another record": rows + rows} {
		dir := t.TempDir()
		l := newLogs(0)
		l.add(0, rows)
		l.add(0, rows)
		s, stop := run(t, l, file.Config{Dir: dir})
		until(t, "it is written", func() bool { return s.Positions()[0] == 20 })
		stop()
		before := read(t, dir, 0)
		lost := newLogs(0)
		lost.add(0, rows)
		if rest != "" {
			lost.add(0, rest)
		}
		s, stop = run(t, lost, file.Config{Dir: dir})
		until(t, "it is refused", func() bool { return s.Failures()[0].Err != nil })
		if err := s.Failures()[0].Err.Error(); !strings.Contains(err, file.Name(0)) || !strings.Contains(err, "position 20") {
			t.Errorf("%s: the error names neither file nor position: %s", name, err)
		}
		stop()
		if got := read(t, dir, 0); got != before {
			t.Errorf("%s: the file was changed to\n%s", name, got)
		}
	}
}

// flaky is a sink in memory that fails as it is told to.
type flaky struct {
	mu      sync.Mutex
	have    []connector.Record
	fail    []error // of the next writes, each after the first record
	refuse  error   // of all writes, before the first
	opened  int
	writing int // writers that are open
	most    int
}

func (f *flaky) Promise() connector.Promise { return connector.Once }

func (f *flaky) Open(context.Context, int) (connector.Writer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened++
	f.writing++
	f.most = max(f.most, f.writing)
	return f, nil
}

func (f *flaky) Target() string { return "memory" }

func (f *flaky) At() (at engine.Mark) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.have) > 0 {
		at = f.have[len(f.have)-1].Mark
	}
	return at
}

func (f *flaky) Write(_ context.Context, records []connector.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse
	}
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail, f.have = f.fail[1:], append(f.have, records[0])
		return err
	}
	f.have = append(f.have, records...)
	return nil
}

func (f *flaky) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing--
	return nil
}

// TestErrorsOfAWriter: after ErrRetry the same connection goes on with what it lacks, after another error a new one does;
// nothing is lost or doubled.
func TestErrorsOfAWriter(t *testing.T) {
	l := newLogs(0)
	for range 20 {
		l.add(0, rows)
	}
	to := &flaky{fail: []error{fmt.Errorf("full: %w", connector.ErrRetry), connector.ErrRetry, errors.New("cut off"), connector.ErrRetry}}
	s, stop := runTo(t, l, to, 0)
	until(t, "all is written", func() bool { return s.Positions()[0] == 200 && s.Failures()[0].Err == nil })
	stop()
	for i, r := range to.have {
		if want := uint64(i+1) * 10; r.Position != want {
			t.Fatalf("record %d has position %d, want %d", i, r.Position, want)
		}
	}
	if len(to.have) != 20 || to.opened != 2 || to.writing != 0 {
		t.Errorf("%d records, opened %d times, %d are open", len(to.have), to.opened, to.writing)
	}
}

// endless is a log without an end, which looks at its context now and then.
type endless struct{ *logs }

func (e endless) Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error {
	for at := o.From[0].Position + 1; at%100 > 0 || ctx.Err() == nil; at++ {
		if err := fn(node.Record{Position: at, Body: []byte("x")}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// TestWriterFails: when what was taken can't be written, the reading ends with that error, also while it waits for room, or
// for the next record; and that is logged. That the sink is stopped is no error.
func TestWriterFails(t *testing.T) {
	broken := errors.New("input/output error")
	one := newLogs(0)
	one.add(0, rows)
	for name, test := range map[string]struct {
		source pipeline.Deltas
		limit  int
	}{"waits for room": {endless{newLogs(0)}, 1}, "has room": {endless{newLogs(0)}, 1 << 20}, "waits for a record": {one, 1}} {
		s, stop := runTo(t, test.source, &flaky{refuse: broken}, test.limit)
		until(t, name+": it has failed", func() bool { return errors.Is(s.Failures()[0].Err, broken) })
		stop()
	}
	var log bytes.Buffer
	to := &flaky{}
	s := pipeline.NewSink(one, to, pipeline.SinkConfig{Name: "test", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	until(t, "it is written", func() bool { return s.Positions()[0] == 10 })
	cancel()
	if err := <-done; err != nil || log.Len() > 0 {
		t.Errorf("%v, log %q", err, log.String())
	}
}

// TestOneWriterAtATime: a shard that goes and comes back quickly has one writer at a time.
func TestOneWriterAtATime(t *testing.T) {
	l := newLogs(0)
	to := &flaky{}
	s, stop := runTo(t, l, to, 0)
	for i := range 50 {
		l.add(0, rows)
		l.own()
		l.own(0)
		if i%10 == 0 {
			until(t, "it is written", func() bool { return s.Positions()[0] == uint64(i+1)*10 })
		}
	}
	until(t, "all is written", func() bool { return s.Positions()[0] == 500 })
	stop()
	if to.most != 1 || len(to.have) != 50 {
		t.Errorf("%d writers at a time, %d records", to.most, len(to.have))
	}
}

func TestBackoff(t *testing.T) {
	b := pipeline.Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	cut := errors.New("cut off")
	for i, millis := range []int{100, 200, 400, 800, 1000, 1000} {
		want := time.Duration(millis) * time.Millisecond
		if got := b.After(cut); got < want/2 || got >= want*3/2 {
			t.Errorf("pause %d: %v, want about %v", i, got, want)
		}
	}
	b.Reset()
	if got := b.After(cut); got >= 150*time.Millisecond {
		t.Errorf("after it went on: %v", got)
	}
	if got := b.After(fmt.Errorf("password: %w", connector.ErrGiveUp)); got < 500*time.Millisecond {
		t.Errorf("when somebody must see to it: %v", got)
	}
	var all pipeline.Backoff
	if got := all.After(cut); got < 50*time.Millisecond || got >= 150*time.Millisecond {
		t.Errorf("the default: %v", got)
	}
	for all.After(cut) < 5*time.Second { // until it has grown
	}
	shortest, longest := time.Hour, time.Duration(0)
	for range 1000 {
		got := all.After(cut)
		shortest, longest = min(shortest, got), max(longest, got)
	}
	if shortest < 5*time.Second || shortest > 6*time.Second || longest < 14*time.Second || longest > 15*time.Second {
		t.Errorf("the longest by default: from %v to %v, want from 5 s to 15 s", shortest, longest)
	}
}
