package graph_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/shard"
)

// silent is an engine that says nothing of where one shard ends, when it is told so.
type silent struct {
	*memory.Engine
	shard  int
	silent atomic.Bool
}

func (e *silent) Shard(s int) engine.ShardLog { return silentLog{e.Engine.Shard(s), e, s} }

func (e *silent) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	return enginetest.EndsByTails(ctx, e, shards)
}

type silentLog struct {
	engine.ShardLog
	e     *silent
	shard int
}

func (l silentLog) Tail(ctx context.Context) (engine.Entry, error) {
	if l.shard == l.e.shard && l.e.silent.Load() {
		<-ctx.Done()
		return engine.Entry{}, ctx.Err()
	}
	return l.ShardLog.Tail(ctx)
}

// TestWaitingTakesNoPlace: queries that wait for the end of a log don't keep others from being answered.
func TestWaitingTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waits, answered = "urn:a", "urn:b"
		cfg := config(2)
		e := &silent{Engine: memory.New(2), shard: shard.Of(waits, 2)}
		cfg.Engine, cfg.Queries = e, graph.QueryLimits{Concurrent: 1, Wait: time.Second} // less than the engine is waited for
		if shard.Of(answered, 2) == e.shard {
			t.Fatal("both subjects are in one shard")
		}
		g := run(t, cfg)
		query := func(ctx context.Context, subject string) error {
			return g.Query(ctx, graph.Question{Text: `SELECT ?o { <` + subject + `> ?p ?o }`}, &answer{})
		}
		for _, subject := range []string{waits, answered} { // their shards are owned
			if err := query(t.Context(), subject); err != nil {
				t.Fatal(err)
			}
		}
		e.silent.Store(true)
		ctx, giveUp := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() { first <- query(ctx, waits) }()
		synctest.Wait()
		if err := query(t.Context(), answered); err != nil {
			t.Errorf("a query of another shard: %v", err)
		}
		giveUp()
		if err := <-first; err == nil {
			t.Error("the end of a shard is not known, and a query of it is answered")
		}
	})
}
