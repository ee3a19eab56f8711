package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
)

// target is a sink in memory that takes one record each time, and does what it is told.
type target struct {
	t      *testing.T
	opens  []error // of the next attempts to connect
	writes []error // of the next attempts to write, which take the records all the same

	mu     sync.Mutex
	opened []time.Time
	wrote  []time.Time
	at     engine.Mark
}

func (k *target) Promise() connector.Promise { return connector.Once }

func (k *target) Open(context.Context, int) (connector.Writer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opened = append(k.opened, time.Now())
	if len(k.opens) > 0 {
		err := k.opens[0]
		k.opens = k.opens[1:]
		return nil, err
	}
	return k, nil
}

func (k *target) Target() string { return "memory" }

func (k *target) At() engine.Mark {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

func (k *target) Write(_ context.Context, records []connector.Record) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrote = append(k.wrote, time.Now())
	if len(records) == 0 {
		k.t.Error("no records are written")
		return nil
	}
	k.at = records[len(records)-1].Mark
	if len(k.writes) > 0 {
		err, k.writes = k.writes[0], k.writes[1:]
	}
	return err
}

func (k *target) Close() error { return nil }

// sinking starts a sink, and returns what stops it. It is called within a bubble.
func sinking(t *testing.T, from pipeline.Deltas, to connector.Sink, log io.Writer, pauses pipeline.Backoff) (*pipeline.Sink, func()) {
	t.Helper()
	s := pipeline.NewSink(from, to, pipeline.SinkConfig{Name: "snk", Logger: slog.New(slog.NewTextHandler(log, nil)), Backoff: pauses})
	stop := running(t, s.Run)
	synctest.Wait()
	return s, stop
}

// TestPausesOfASink: they grow while nothing is written, and are short again after something was, both of a connection and of
// those that follow each other.
func TestPausesOfASink(t *testing.T) {
	pauses := pipeline.Backoff{Min: time.Second, Max: time.Hour}
	cut := errors.New("cut off")
	var cuts, retries []error
	for range 8 {
		cuts, retries = append(cuts, cut), append(retries, connector.ErrRetry)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLogs(0)
		l.add(0, rows)
		to := &target{t: t, opens: cuts, writes: []error{nil, cut}}
		sinking(t, l, to, io.Discard, pauses)
		time.Sleep(time.Hour)
		synctest.Wait()
		pausesGrow(t, to.opened)
		l.add(0, rows)
		synctest.Wait()
		failed := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(to.opened) != 10 {
			t.Fatalf("%d connections", len(to.opened))
		}
		isShort(t, to.opened[9].Sub(failed))
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLogs(0)
		to := &refusing{target: target{t: t}, errs: append(retries, nil, connector.ErrRetry)}
		s, _ := sinking(t, l, to, io.Discard, pauses)
		l.add(0, rows)
		synctest.Wait()
		if err := s.Failures()[0].Err; !errors.Is(err, connector.ErrRetry) {
			t.Errorf("while it is tried again it shows %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := s.Failures()[0].Err; err != nil {
			t.Errorf("after it was written it shows %v", err)
		}
		pausesGrow(t, to.tried)
		l.add(0, rows)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(to.opened) != 1 || len(to.tried) != 11 || s.Positions()[0] != 20 {
			t.Fatalf("%d connections, %d attempts, %v", len(to.opened), len(to.tried), s.Positions())
		}
		isShort(t, to.tried[10].Sub(to.tried[9]))
	})
}

// refusing takes nothing while it fails.
type refusing struct {
	target
	errs  []error
	tried []time.Time
}

func (k *refusing) Open(ctx context.Context, shard int) (connector.Writer, error) {
	_, err := k.target.Open(ctx, shard)
	return k, err
}

func (k *refusing) Write(ctx context.Context, records []connector.Record) error {
	k.tried = append(k.tried, time.Now())
	if len(k.errs) > 0 {
		err := k.errs[0]
		if k.errs = k.errs[1:]; err != nil {
			return err
		}
	}
	return k.target.Write(ctx, records)
}

// TestRetryOfNothing: a writer that has taken all before it failed is not asked to write nothing.
func TestRetryOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogs(0)
		l.add(0, rows)
		to := &target{t: t, writes: []error{connector.ErrRetry}}
		s, _ := sinking(t, l, to, io.Discard, pipeline.Backoff{Min: time.Second, Max: time.Second})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(to.wrote) != 1 || s.Positions()[0] != 10 {
			t.Errorf("it has written %d times, up to %v", len(to.wrote), s.Positions())
		}
	})
}

// TestStoppedWhileItPauses: a sink shows and logs why it is tried again; once it is stopped it opens nothing more, and shows
// nothing any more.
func TestStoppedWhileItPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		cut := errors.New("cut off")
		to := &target{t: t, opens: []error{cut}}
		s, stop := sinking(t, newLogs(0), to, &log, rare)
		if err := s.Failures()[0].Err; !errors.Is(err, cut) {
			t.Errorf("it shows %v", err)
		}
		stop()
		if len(to.opened) != 1 || len(s.Failures()) != 0 || len(s.Positions()) != 0 {
			t.Errorf("%d connections, %v, %v", len(to.opened), s.Failures(), s.Positions())
		}
		if !strings.Contains(log.String(), "sink=snk") || !strings.Contains(log.String(), "cut off") {
			t.Errorf("the log has %q", log.String())
		}
	})
}

// TestStoppedWhileFull: a sink that pauses while its reader waits for room ends when it is stopped.
func TestStoppedWhileFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogs(0)
		for range 4 {
			l.add(0, rows)
		}
		to := &refusing{target: target{t: t}, errs: []error{connector.ErrRetry}}
		s := pipeline.NewSink(l, to, pipeline.SinkConfig{Name: "snk", MaxBatch: 1, Logger: slog.New(slog.DiscardHandler), Backoff: rare})
		stop := running(t, s.Run)
		synctest.Wait()
		if len(to.tried) != 1 {
			t.Errorf("%d attempts", len(to.tried))
		}
		stop()
	})
}

// ending is a log that ends.
type ending struct{ *logs }

func (ending) Follow(context.Context, node.FollowOptions, func(node.Record) error) error { return nil }

// TestLogThatEnds: a live log has no end, so that is an error, which says so.
func TestLogThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := sinking(t, ending{newLogs(0)}, &target{t: t}, io.Discard, rare)
		if err := s.Failures()[0].Err; err == nil || !strings.Contains(err.Error(), "the log ended") {
			t.Errorf("it shows %v", err)
		}
	})
}
