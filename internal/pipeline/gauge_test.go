package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
)

// TestRate: a rate is that of the last ten whole seconds.
func TestRate(t *testing.T) {
	var r rate
	at := func(second int) time.Time { return time.Unix(1000+int64(second), 5e8) }
	r.add(at(0), 30)
	r.add(at(0), 20)
	r.add(at(3), 10)
	for second, want := range map[int]float64{0: 0, 1: 5, 3: 5, 4: 6, 10: 6, 11: 1, 13: 1, 14: 0, 100: 0} {
		if got := r.perSecond(at(second)); got != want {
			t.Errorf("after %d s: %v, want %v", second, got, want)
		}
	}
	r.add(at(11), 7) // the place of second 0
	if got := r.perSecond(at(12)); got != 1.7 {
		t.Errorf("%v", got)
	}
}

// TestTries: errors are counted until something succeeds, and the newest stays.
func TestTries(t *testing.T) {
	s := NewSink(nil, nil, SinkConfig{})
	first, second := errors.New("first"), errors.New("second")
	s.note(0, func(of *SinkShard) { of.opening(first) })
	s.failed(0, first)
	s.failed(0, second)
	if got := s.Shards()[0]; got.Retries != 2 || got.LastError != second || got.LastAt.IsZero() {
		t.Errorf("%+v", got)
	}
	s.note(0, func(of *SinkShard) { of.opening(nil) })
	if got := s.Shards()[0]; got.Retries != 0 || got.LastError != second {
		t.Errorf("after it was opened: %+v", got)
	}
	s.failed(0, first) // to write
	s.note(0, func(of *SinkShard) { of.opening(nil) })
	if got := s.Shards()[0]; got.Retries != 1 {
		t.Errorf("opened again, but nothing was written: %+v", got)
	}
	s.wrote(0, 3, newBatch(1, Backoff{}))
	if got := s.Shards()[0]; got.Retries != 0 {
		t.Errorf("after it was written: %+v", got)
	}
}

// TestOldestBehindABatch: when a batch was written, the oldest that waits is the first behind it.
func TestOldestBehindABatch(t *testing.T) {
	s := NewSink(nil, nil, SinkConfig{})
	at := func(position uint64) connector.Record {
		return connector.Record{Mark: engine.Mark{Position: position, ID: "id"}, Time: time.Unix(int64(position), 0)}
	}
	s.waits(0, 10, time.Unix(10, 0))
	s.waits(0, 20, time.Unix(20, 0))
	if got := s.Shards()[0].Oldest; got.Unix() != 10 {
		t.Errorf("of two that wait: %v", got)
	}
	behind := newBatch(1<<10, Backoff{})
	if err := behind.add(at(20)); err != nil {
		t.Fatal(err)
	}
	s.reached(0, at(10).Mark)
	s.wrote(0, 1, behind)
	if got := s.Shards()[0].Oldest; got.Unix() != 20 {
		t.Errorf("after the first was written: %v", got)
	}
	behind.did(func(w *core.Writing) { w.Wrote(20, nil) })
	s.reached(0, at(20).Mark)
	s.wrote(0, 1, behind)
	if got := s.Shards()[0].Oldest; !got.IsZero() {
		t.Errorf("after all were written: %v", got)
	}
	s.waits(0, 15, time.Unix(15, 0))
	if got := s.Shards()[0].Oldest; !got.IsZero() {
		t.Errorf("what is written already waits: %v", got)
	}
}
