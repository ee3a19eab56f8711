package jetstream

import (
	"context"
	"errors"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestTwoMomentsAreNotAWhile: that servers twice, far apart, didn't know a stream doesn't prove that it is lost, when in
// between they had no answer.
func TestTwoMomentsAreNotAWhile(t *testing.T) {
	shorten(t)
	ctx := limited(t)
	s := newStream(connect(t, one(t)), fresh(1, 1), "0") // not created
	ended, end := context.WithCancel(ctx)
	end()
	for range 3 {
		if h := s.health(ctx, 1); !errors.Is(h.Err, engine.ErrNoLeader) || errors.Is(h.Err, engine.ErrDamaged) {
			t.Fatalf("%v", h.Err)
		}
		_ = s.health(ended, 1)
		<-time.After(2 * missingFor)
	}
	if s.gone() != nil {
		t.Error("the stream is lost for good")
	}
}

// TestVanishedAndBack: a stream that the servers didn't know for a while, and that is there again with all that it had, is
// no longer lost; an empty one in its place is.
func TestVanishedAndBack(t *testing.T) {
	shorten(t)
	ctx := limited(t)
	cfg, err := fresh(1, 1).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	nc := connectFreely(t, one(t))
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	fill(ctx, t, open(t, one(t), cfg).Shard(0), 5)
	s := newStream(nc, cfg, "0")
	until(t, func() error { return s.health(ctx, 1).Err })
	if err := js.DeleteStream(ctx, s.name); err != nil {
		t.Fatal(err)
	}
	for s.gone() == nil && ctx.Err() == nil {
		_ = s.health(ctx, 1)
	}
	if err := createStream(ctx, js, logStream(cfg, "0")); err != nil {
		t.Fatal(err)
	}
	h := s.health(ctx, 1)
	for errors.Is(h.Err, engine.ErrNoLeader) && ctx.Err() == nil { // the machine is busy: it hasn't answered in time
		h = s.health(ctx, 1)
	}
	if !errors.Is(h.Err, engine.ErrDamaged) {
		t.Errorf("an empty stream is taken for the one that was lost: %v", h.Err)
	}
	fill(ctx, t, newStream(nc, cfg, "0").log("0"), 5)
	until(t, func() error { return s.health(ctx, 1).Err })
	if err := s.gone(); err != nil {
		t.Errorf("it is as it was: %v", err)
	}
}
