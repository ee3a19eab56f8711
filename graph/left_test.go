package graph_test

import (
	"sync/atomic"
	"testing"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// leaving is a logic whose views are closed when they are read, as those of a shard that goes elsewhere, as long as the test says so.
type leaving struct {
	*dataset.Logic
	leaves *atomic.Int64 // so many views more
}

func (l *leaving) View() operator.View {
	view := l.Logic.View()
	if l.leaves.Add(-1) < 0 {
		return view
	}
	return &left{view.(store.View)}
}

// left is a view that is closed meanwhile.
type left struct{ store.View }

func (*left) Lookup(rdf.Term) (store.ID, bool, error) { return store.Any, false, store.ErrClosed }
func (l *left) Again() store.View                     { return l }

// TestShardLeavesMeanwhile: a query whose shards are here, and go elsewhere while it is being planned, is begun again.
func TestShardLeavesMeanwhile(t *testing.T) {
	var leaves atomic.Int64
	cfg := config(4)
	cfg.Logic = func(int) operator.Logic { return &leaving{dataset.New(), &leaves} }
	g := run(t, cfg)
	people(t, g)
	const text = `SELECT ?n { ?s <urn:name> ?n }`
	leaves.Store(1)
	if a := asked(t, g, graph.Question{Text: text}); len(a.lines) != 8 {
		t.Errorf("%q", a.lines)
	}
	if n := leaves.Load(); n >= 0 {
		t.Errorf("no view was read: %d", n)
	}
}
