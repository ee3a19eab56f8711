package quadrille_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/store/storetest"
)

// asides are what the status says of what was set aside.
func asides(g *quadrille.Graph) (list []string) {
	for _, what := range g.Status().Degraded {
		if strings.Contains(what, "is set aside in") {
			list = append(list, what)
		}
	}
	return list
}

// TestStoreDamaged: a node whose disk has changed what it keeps of its shards, while it was down or while it runs, has all that was
// accepted again, from the log, says what was damaged, and keeps that. The other shards don't notice.
func TestStoreDamaged(t *testing.T) {
	cfg := quadrille.Config{Shards: 2, Dir: t.TempDir(), Store: quadrille.StoreDisk}
	quads := filepath.Join(cfg.Dir, "quads", "main")
	g := start(t, cfg)
	var rows strings.Builder
	for i := range 20_000 { // many blocks, of which no start reads all
		fmt.Fprintf(&rows, "A <urn:s%d> <urn:p> %d .\n", i, i*7919)
	}
	if _, err := g.Submit(within(t), graph.Submission{MediaType: graph.TypePatch, Body: []byte("TX .\n" + rows.String() + "TC .\n")}); err != nil {
		t.Fatal(err)
	}
	want := sorted(data(t, g))
	end(t, g)

	if storetest.Rot(t, filepath.Join(quads, "0")) == 0 {
		t.Fatal("nothing is kept")
	}
	if err := os.Truncate(filepath.Join(quads, "0", newest(t, quads)), 100); err != nil {
		t.Fatal(err)
	}
	g = ready(t, cfg)
	if got := sorted(data(t, g)); got != want {
		t.Errorf("damaged at rest: %d bytes, expected %d", len(got), len(want))
	}
	if list := asides(g); len(list) != 1 || !strings.Contains(list[0], "shard 0") || !strings.Contains(list[0], filepath.Join(quads, "0.damaged")) {
		t.Errorf("the status says %q", g.Status().Degraded)
	}
	end(t, g)

	g = ready(t, cfg)
	if list := asides(g); len(list) > 0 {
		t.Errorf("after a start the status says %q", list)
	}
	storetest.Rot(t, filepath.Join(quads, "1"))
	if _, err := g.WriteData(within(t), io.Discard, graph.DataOptions{}); err == nil {
		t.Error("what is damaged is read without an error")
	}
	for deadline := time.Now().Add(patience); len(asides(g)) == 0 || !g.Status().Ready; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the status says %q, ready: %v", g.Status().Degraded, g.Status().Ready)
		}
	}
	if got := sorted(data(t, g)); got != want || !strings.Contains(asides(g)[0], "shard 1") {
		t.Errorf("damaged while it runs: %d bytes, expected %d; %q", len(got), len(want), asides(g))
	}
	add(t, g, "more")
}

// ready starts a graph, and waits until it can commit to all shards.
func ready(t *testing.T, cfg quadrille.Config) *quadrille.Graph {
	t.Helper()
	g := start(t, cfg)
	if err := g.WaitReady(within(t)); err != nil {
		t.Fatal(err)
	}
	return g
}

// newest is the name of the last of shard 0's tables.
func newest(t *testing.T, quads string) string {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(quads, "0", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	return filepath.Base(tables[len(tables)-1])
}
