package graph_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// boom is a term at which a faulty state panics, and boomAt what it says then.
var boom = rdf.Trusted("<urn:boom>")

const boomAt = "the state is faulty"

// faulty is a logic whose views panic when they are asked for boom.
type faulty struct {
	*dataset.Logic
	open *atomic.Int64 // views that are open
}

// View implements [operator.Viewer].
func (f faulty) View() operator.View {
	f.open.Add(1)
	return &faultyView{f.Store().View(), f.open, sync.Once{}}
}

type faultyView struct {
	store.View
	open *atomic.Int64
	once sync.Once
}

func (v *faultyView) Again() store.View {
	v.open.Add(1)
	return &faultyView{v.View.Again(), v.open, sync.Once{}}
}

func (v *faultyView) Close() {
	v.once.Do(func() { v.open.Add(-1) })
	v.View.Close()
}

func (v *faultyView) Lookup(t rdf.Term) (store.ID, bool, error) {
	if t == boom {
		panic(boomAt)
	}
	return v.View.Lookup(t)
}

// idle waits until nothing is under way at these nodes, and no view is open.
func idle(t *testing.T, nodes []*graph.Graph, open *atomic.Int64) {
	t.Helper()
	busy := func() string {
		for i, g := range nodes {
			if come, running, sessions := g.UnderWay(); come+running+sessions > 0 {
				return fmt.Sprintf("node %d: %d queries, %d run, %d sessions", i, come, running, sessions)
			}
		}
		if n := open.Load(); n > 0 {
			return fmt.Sprint(n, " views are open")
		}
		return ""
	}
	for deadline := time.Now().Add(patience); busy() != ""; {
		if time.Now().After(deadline) {
			t.Fatal(busy())
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

// TestPanicOfAQuery: a fault that a query meets, here or at a node that it asks, ends the query and nothing else. The log has it.
func TestPanicOfAQuery(t *testing.T) {
	var open atomic.Int64
	var log logtext.Text
	for _, of := range []struct{ nodes, shards int }{{1, 1}, {1, 4}, {3, 8}} {
		logs, over := memory.New(of.shards), network(t)
		var nodes []*graph.Graph
		for i := range of.nodes {
			nodes = append(nodes, run(t, graph.Config{Config: node.Config{Name: fmt.Sprint("n", i), Engine: logs, Transport: over, Requests: over, FailAfter: patience,
				Logic:  func(int) operator.Logic { return faulty{dataset.New(), &open} },
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))}}))
		}
		settled(t, nodes)
		orders(t, nodes[0])
		for _, text := range []string{
			`SELECT * { ?o <urn:boom> ?p }`, `ASK { <urn:order1> <urn:boom> ?x }`, `SELECT ?n { ?o <urn:by> ?p . ?p <urn:boom> ?n }`,
			`CONSTRUCT { ?a <urn:x> ?b } { ?a <urn:knows>/<urn:boom> ?b }`, `SELECT * { ?a <urn:boom>+ ?b }`, `DESCRIBE ?p { ?p <urn:boom> ?n }`,
		} {
			for i, g := range nodes {
				if err := g.Query(t.Context(), graph.Question{Text: text}, &answer{}); !errors.Is(err, graph.ErrInternal) || strings.Contains(err.Error(), boomAt) {
					t.Errorf("%d nodes, %d shards: node %d, %s: %v", of.nodes, of.shards, i, text, err)
				}
				if said := log.Take(); !strings.Contains(said, boomAt) || !strings.Contains(said, "faultyView") {
					t.Errorf("%s: the log has %q", text, said)
				}
			}
		}
		for i, g := range nodes {
			if _, err := g.Try(t.Context(), graph.Trial{Text: `DELETE { ?o <urn:by> ?p } WHERE { ?o <urn:by> ?p . ?p <urn:boom> ?n }`}); !errors.Is(err, graph.ErrInternal) {
				t.Errorf("%d nodes, %d shards: node %d, an update that is tried: %v", of.nodes, of.shards, i, err)
			}
			if said := log.Take(); !strings.Contains(said, boomAt) {
				t.Errorf("an update that is tried: the log has %q", said)
			}
		}
		idle(t, nodes, &open)
		if got := asked(t, nodes[0], graph.Question{Text: ofOrders[0]}).lines; len(got) != 40 {
			t.Errorf("afterwards %d rows", len(got))
		}
		idle(t, nodes, &open)
	}
}

// TestPanicOfWhoTakesTheAnswer: while shards are asked, a panic above them ends all that is under way for the query.
func TestPanicOfWhoTakesTheAnswer(t *testing.T) {
	nodes, _ := cluster(t, 3, 8, graph.Subject)
	orders(t, nodes[0])
	for _, text := range []string{`SELECT * { ?o <urn:by> ?p }`, `SELECT ?n { ?o <urn:by> ?p . ?p <urn:name> ?n }`} {
		for i, g := range nodes {
			a := &answer{row: func() error { panic("the client's fault") }}
			if err := g.Query(t.Context(), graph.Question{Text: text}, a); !errors.Is(err, graph.ErrInternal) {
				t.Errorf("node %d: %s: %v", i, text, err)
			}
		}
	}
	idle(t, nodes, new(atomic.Int64))
}

// closing is a logic whose next views are of a shard that goes to another node as soon as it is read.
type closing struct {
	*dataset.Logic
	left *atomic.Int64
}

// View implements [operator.Viewer].
func (c closing) View() operator.View {
	v := c.Store().View()
	if c.left.Add(-1) >= 0 {
		return leaving{v}
	}
	return v
}

// leaving is a view that closes as soon as it is looked at.
type leaving struct{ store.View }

func (l leaving) Again() store.View { return leaving{l.View.Again()} }

func (l leaving) Lookup(t rdf.Term) (store.ID, bool, error) {
	l.Close()
	return l.View.Lookup(t)
}

// TestShardGoesMeanwhile: a query that a shard was to answer alone, which then leaves the node, is begun again where it is.
func TestShardGoesMeanwhile(t *testing.T) {
	var left atomic.Int64
	cfg := config(4)
	cfg.Logic = func(int) operator.Logic { return closing{dataset.New(), &left} }
	g := run(t, cfg)
	people(t, g)
	for _, text := range []string{`SELECT ?n { <urn:p3> <urn:name> ?n }`, `SELECT ?n { ?s <urn:name> ?n }`, `ASK { <urn:p3> <urn:name> ?n }`} {
		want := asked(t, g, graph.Question{Text: text}).lines
		left.Store(1)
		if got := asked(t, g, graph.Question{Text: text}).lines; fmt.Sprint(got) != fmt.Sprint(want) || left.Load() > 0 {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	left.Store(1 << 30) // however often it is begun
	if err := g.Query(t.Context(), graph.Question{Text: `SELECT ?n { <urn:p3> <urn:name> ?n }`}, &answer{}); !errors.Is(err, event.ErrBusy) {
		t.Errorf("%v", err)
	}
}
