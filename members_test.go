package quadrille_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/ports"
	"github.com/quadrille-stream/quadrille/node"
)

// TestSuperseded: a second process with the node's name takes its place, and the first one ends by itself.
func TestSuperseded(t *testing.T) {
	one := start(t, quadrille.Config{Dir: t.TempDir(), Port: -1})
	cfg := quadrille.Config{Name: "a", NATS: one.EngineURL(), Secret: one.Server().Secret()}
	first := start(t, cfg)
	second := start(t, cfg)
	select {
	case <-first.Done():
	case <-within(t).Done():
		t.Fatal("the first one goes on")
	}
	if !errors.Is(first.Err(), node.ErrSuperseded) || !errors.Is(first.Run(within(t)), node.ErrSuperseded) {
		t.Errorf("%v", first.Err())
	}
	if second.Err() != nil {
		t.Error(second.Err())
	}
	end(t, second)
}

// TestNameMustBeFree: a node that is to be the only one with its name isn't started while another runs, which goes on, and is when
// that has ended, though it is a member still.
func TestNameMustBeFree(t *testing.T) {
	one := start(t, quadrille.Config{Dir: t.TempDir(), Port: -1})
	cfg := quadrille.Config{Name: "a", NATS: one.EngineURL(), Secret: one.Server().Secret(), NameMustBeFree: true, Info: "http://here"}
	first := start(t, cfg)
	back := quadrille.SetListenFor(time.Minute) // until two heartbeats have come, however busy the machine is
	defer back()
	if _, err := quadrille.Start(within(t), silent(cfg)); !errors.Is(err, jetstream.ErrNameTaken) || !strings.Contains(err.Error(), "http://here") {
		t.Errorf("%v", err)
	}
	if first.Err() != nil {
		t.Error(first.Err())
	}
	add(t, first, "s")
	end(t, first)
	back()
	third := start(t, cfg)
	add(t, third, "t")
}

// TestSupersededHandsNothingOver: a node that has ended by itself has nothing to hand over, and doesn't say that the others have
// not taken it.
func TestSupersededHandsNothingOver(t *testing.T) {
	one := start(t, quadrille.Config{Dir: t.TempDir(), Port: -1})
	for range 6 {
		var log bytes.Buffer
		cfg := quadrille.Config{Name: "a", NATS: one.EngineURL(), Secret: one.Server().Secret(),
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
		first, err := quadrille.Start(within(t), cfg)
		if err != nil {
			t.Fatal(err)
		}
		second := start(t, cfg)
		<-first.Done()
		if err := first.Close(); !errors.Is(err, node.ErrSuperseded) {
			t.Errorf("%v", err)
		}
		if strings.Contains(log.String(), "have not taken") {
			t.Errorf("the log says %s", log.String())
		}
		end(t, second)
	}
}

// TestOthersEngine: a node on an engine that others run works with the node beside the engine, and hands over its shards at its
// end; a folder of its own keeps its marks.
func TestOthersEngine(t *testing.T) {
	one := start(t, quadrille.Config{Dir: t.TempDir(), Port: -1, Shards: 4})
	dir := filepath.Join(t.TempDir(), "marks")
	two := start(t, quadrille.Config{Name: "n2", NATS: one.EngineURL(), Secret: one.Server().Secret(), Shards: 4, Dir: dir})
	for i := range 10 {
		add(t, two, fmt.Sprint("s", i))
	}
	if sorted(data(t, one)) != sorted(data(t, two)) || two.Marks() == nil || two.Server() != nil || two.EngineURL() == "" {
		t.Errorf("one\n%s\ntwo\n%s", data(t, one), data(t, two))
	}
	if err := errors.Join(two.Leave(within(t)), two.HandOver(within(t))); err != nil { // Close hands over what a node has not left
		t.Error(err)
	}
	end(t, two)
	ctx := within(t)
	for elsewhere := func(s node.ShardStatus) bool { return s.Owner != "n1" }; slices.ContainsFunc(one.Status().Shards, elsewhere); {
		if time.Sleep(time.Millisecond); ctx.Err() != nil {
			t.Fatalf("n1 doesn't own all: %+v", one.Status().Shards)
		}
	}
	_, err := quadrille.Start(within(t), silent(quadrille.Config{Name: "n3", NATS: one.EngineURL(), Secret: one.Server().Secret(), Shards: 5}))
	if err == nil || !strings.Contains(err.Error(), "number of shards is 4, and 5 here") {
		t.Errorf("another number of shards: %v", err)
	}
}

// testElection is the election time of clusters within the tests' process: with the default a machine under many times too much load
// elects without end.
const testElection = 2 * time.Second

// members starts three members of a cluster, and returns how a further one is started.
func members(t *testing.T) (graphs [3]*quadrille.Graph, further quadrille.Config) {
	t.Helper()
	free, err := ports.Free(len(graphs) + 1)
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for _, port := range free[:len(graphs)] {
		routes = append(routes, fmt.Sprint("nats://127.0.0.1:", port))
	}
	secret := jetstream.NewSecret()
	config := func(i int) quadrille.Config {
		return silent(quadrille.Config{Name: fmt.Sprint("n", i), Election: testElection, Shards: 3, Dir: t.TempDir(), Routes: routes, ClusterPort: free[i], Secret: secret})
	}
	var starting sync.WaitGroup
	var errs [len(graphs)]error
	for i := range graphs {
		cfg := config(i)
		starting.Go(func() { graphs[i], errs[i] = quadrille.Start(within(t), cfg) })
	}
	starting.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, g := range graphs {
			_ = g.Close() // unless the test has
		}
	})
	return graphs, config(len(graphs))
}

// TestLeaverCountsNoMore: a fourth member keeps no log. When it has left, two of the others are enough again for what all servers
// decide together, such as where a new pipeline's logs are.
func TestLeaverCountsNoMore(t *testing.T) {
	graphs, further := members(t)
	fourth := start(t, further)
	if err := fourth.Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	end(t, fourth)
	end(t, graphs[2])
	other := start(t, quadrille.Config{Name: "w", Pipeline: "other", Shards: 1, Replicas: 1, NATS: graphs[0].EngineURL(), Secret: further.Secret})
	add(t, other, "s")
	end(t, other)
	var ending sync.WaitGroup
	for _, g := range graphs[:2] {
		ending.Go(func() { _ = g.Close() })
	}
	ending.Wait()
}

// TestCluster: three nodes with the same routes are one pipeline with three copies of its logs.
func TestCluster(t *testing.T) {
	graphs, _ := members(t)
	for i, g := range graphs {
		add(t, g, fmt.Sprint("s", i))
	}
	var ending sync.WaitGroup
	for _, g := range graphs {
		if got := data(t, g); strings.Count(got, "\n") != 3 {
			t.Errorf("data: %q", got)
		}
		for _, s := range g.Status().Engine.Streams {
			if s.Expected != 3 {
				t.Errorf("stream %s: %d copies", s.Name, s.Expected)
			}
		}
	}
	for _, g := range graphs {
		ending.Go(func() { _ = g.Close() }) // all at once: nobody is left to take over
	}
	ending.Wait()
}
