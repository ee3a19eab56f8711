package graph_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

func update(key, text string) graph.Submission {
	return graph.Submission{MediaType: graph.TypeUpdate, Body: []byte(text), Key: key}
}

// TestSubmitUpdate: an update is evaluated where the shard is owned, or at all shards; what comes again under its key has no second
// effect, though the state is another one by then; and what can't be evaluated is a dead letter.
func TestSubmitUpdate(t *testing.T) {
	g := run(t, config(4))
	const add = "DELETE { <urn:s> <urn:n> ?n } INSERT { <urn:s> <urn:n> ?m } WHERE { <urn:s> <urn:n> ?n BIND(?n + 1 AS ?m) }"
	for i, step := range []struct {
		key, text     string
		parts         int
		adds, deletes uint64
		duplicate     bool
	}{
		{"", "INSERT DATA { <urn:s> <urn:n> 1 . <urn:t> <urn:n> 1 . <urn:u> <urn:n> 5, 6 }", 3, 4, 0, false},
		{"k1", add, 1, 1, 1, false},
		{"k2", add, 1, 1, 1, false},
		{"k1", add, 1, 1, 1, true},
		{"all", "DELETE { ?s <urn:n> ?n } INSERT { ?s <urn:m> ?n } WHERE { ?s <urn:n> ?n FILTER(?n < 5) }", 4, 2, 2, false},
		{"all", "DELETE { ?s <urn:n> ?n } INSERT { ?s <urn:m> ?n } WHERE { ?s <urn:n> ?n FILTER(?n < 5) }", 4, 2, 2, true},
		{"", "CREATE GRAPH <urn:g>", 0, 0, 0, false},
	} {
		results, err := g.Submit(t.Context(), update(step.key, step.text))
		var adds, deletes uint64
		for _, r := range results {
			adds, deletes = adds+r.Adds, deletes+r.Deletes
			if r.Duplicate != step.duplicate {
				t.Errorf("step %d: %+v", i, r)
			}
		}
		if err != nil || len(results) != step.parts || adds != step.adds || deletes != step.deletes {
			t.Errorf("step %d: %v, %+v", i, err, results)
		}
	}
	if _, err := g.Submit(t.Context(), update("k1", add+" ")); !errors.Is(err, event.ErrReused) {
		t.Errorf("another text under the key: %v", err)
	}
	for _, text := range []string{"ADD <urn:x> TO <urn:y>", "DELETE WHERE { ?s <urn:p> ?o . ?o <urn:p> ?s }"} {
		if _, err := g.Submit(t.Context(), update("", text)); !errors.Is(err, event.ErrNotLocal) {
			t.Errorf("%s: %v", text, err)
		}
	}
	cfg := config(4)
	cfg.Key = graph.Dataset
	whole := run(t, cfg)
	if _, err := whole.Submit(t.Context(), update("", "ADD <urn:none> TO <urn:g>")); !errors.Is(err, event.ErrBad) || !strings.Contains(err.Error(), "no such graph") {
		t.Errorf("a graph that isn't there: %v", err)
	}
}

// TestUpdatesOfOneSubject: updates that come at the same time don't lose each other, whichever subjects they are about.
func TestUpdatesOfOneSubject(t *testing.T) {
	const clients, each, counters = 64, 20, 4
	g := run(t, config(4))
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for i := range each {
				text := fmt.Sprintf("DELETE { <urn:c%[1]d> <urn:n> ?n } INSERT { <urn:c%[1]d> <urn:n> ?m } WHERE { OPTIONAL { <urn:c%[1]d> <urn:n> ?n } "+
					"BIND(COALESCE(?n, 0) + 1 AS ?m) }", (c+i)%counters)
				if _, err := g.Submit(t.Context(), update("", text)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	found := 0
	for s := range 4 {
		view, _, err := g.View(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for q, err := range store.Quads(view, store.Pattern{}) {
			if found++; err != nil || q.O.Value() != fmt.Sprint(clients*each/counters) {
				t.Errorf("%v, %v", q, err)
			}
		}
		view.Close()
	}
	if found != counters {
		t.Errorf("%d counters", found)
	}
}

// withStates has the states of a graph in memory, and tells whether one of them has an index.
func withStates(cfg *graph.Config) (indexed func() bool) {
	var mu sync.Mutex
	var made []*dataset.Logic
	cfg.Logic = func(int) operator.Logic {
		mu.Lock()
		defer mu.Unlock()
		made = append(made, dataset.New())
		return made[len(made)-1]
	}
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(made, func(l *dataset.Logic) bool { return l.Store().(*memory.Store).Indexed() })
	}
}

// TestSearchedViewAt: a view for who looks for subjects is of a shard that has an index, and one for who reads all needs none.
func TestSearchedViewAt(t *testing.T) {
	cfg := config(1)
	indexed := withStates(&cfg)
	g := run(t, cfg)
	if _, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte("<urn:s> <urn:p> <urn:o> .\n")}); err != nil {
		t.Fatal(err)
	}
	v, at, err := g.View(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	if indexed() {
		t.Error("an index was made for who reads all")
	}
	if v, at, err = g.SearchedViewAt(t.Context(), 0, at.Position); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if !indexed() || v.Position() < at.Position || v.Len() != 1 {
		t.Errorf("indexed %v, at %d of %v, %d quads", indexed(), v.Position(), at, v.Len())
	}
}

// TestUpdateHasAnIndexMade: a shard that is asked by something else than its subjects gets an index, beside its work; one that isn't, none.
func TestUpdateHasAnIndexMade(t *testing.T) {
	cfg := config(1)
	indexed := withStates(&cfg)
	g := run(t, cfg)
	var data strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&data, "<urn:s%d> <urn:p> <urn:o%d> .\n", i, i/2)
	}
	for _, s := range []graph.Submission{
		{MediaType: "application/n-quads", Body: []byte(data.String())},
		update("", "DELETE { <urn:s7> <urn:p> ?o } INSERT { <urn:s7> <urn:q> ?o } WHERE { <urn:s7> <urn:p> ?o }"),
	} {
		if _, err := g.Submit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if indexed() {
		t.Error("nobody has asked for more than subjects")
	}
	for range 2 {
		results, err := g.Submit(t.Context(), update("", "DELETE { ?s <urn:p> <urn:o8> } INSERT { ?s <urn:q> <urn:o8> } WHERE { ?s <urn:p> <urn:o8> }"))
		if err != nil || len(results) != 1 {
			t.Fatal(results, err)
		}
	}
	deadline := time.Now().Add(patience)
	for !indexed() {
		if time.Now().After(deadline) {
			t.Fatal("there is no index")
		}
		runtime.Gosched()
	}
}

// TestDivideUpdate: a source's update has the source's identity in each shard.
func TestDivideUpdate(t *testing.T) {
	g := run(t, config(4))
	from := event.Producer{Name: "src/s"}
	events, err := g.Divide(update("", "DELETE WHERE { ?s <urn:p> ?o }"), from, 7)
	if err != nil || len(events) != 4 {
		t.Fatal(events, err)
	}
	for i, ev := range events {
		if ev.Shard != i || ev.Producer != from || ev.Seq != 7 || ev.MediaType != graph.TypeUpdate {
			t.Errorf("%+v", ev)
		}
	}
	_, err = g.Divide(update("", "DELETE WHERE {\n ?s <urn:p> ?o . ?o ?p <urn:x> }"), from, 8)
	var local *graph.NotLocalError
	if !errors.As(err, &local) || local.Pos.Line != 2 {
		t.Error(err)
	}
}

// TestSubmitAll: documents are committed in their order, each under its own key, and one that is refused leaves the others as they are.
func TestSubmitAll(t *testing.T) {
	g := run(t, config(4))
	const add = "DELETE { <urn:s> <urn:n> ?n } INSERT { <urn:s> <urn:n> ?m } WHERE { OPTIONAL { <urn:s> <urn:n> ?n } BIND(COALESCE(?n, 0) + 1 AS ?m) }"
	documents := []graph.Submission{
		update("k1", add), update("", "DELETE"), update("k2", add), update("k1", add), update("k1", add+" "),
		update("", "INSERT { <urn:t> <urn:of> ?n } WHERE { <urn:s> <urn:n> ?n }"), update("", "DELETE { <urn:s> <urn:n> 2 } WHERE {}"),
		update("", "INSERT DATA { <urn:s> <urn:p> 1 . <urn:t> <urn:p> 1 . <urn:u> <urn:p> 1 }"),
	}
	show := func(outcomes []graph.Outcome) (text string) {
		for _, o := range outcomes {
			var adds, deletes uint64
			duplicate := false
			for _, r := range o.Results {
				adds, deletes, duplicate = adds+r.Adds, deletes+r.Deletes, duplicate || r.Duplicate
			}
			switch {
			case errors.Is(o.Err, event.ErrReused):
				text += "reused "
			case o.Err != nil:
				text += "refused "
			case duplicate:
				text += "again "
			default:
				text += fmt.Sprintf("%d+%d-%d ", len(o.Results), adds, deletes)
			}
		}
		return text
	}
	if got, want := show(g.SubmitAll(t.Context(), documents)), "1+1-0 refused 1+1-1 again reused refused 1+0-1 3+3-0 "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i, o := range g.SubmitAll(ended, documents) {
		if !errors.Is(o.Err, context.Canceled) {
			t.Errorf("document %d, of a caller that has gone: %+v", i, o)
		}
	}
	if outcomes := g.SubmitAll(t.Context(), nil); len(outcomes) != 0 {
		t.Errorf("of no document: %+v", outcomes)
	}
}
