package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 3 * time.Minute

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

func (c *cluster) ready(names ...string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%v are ready", names), func() bool {
		for _, name := range names {
			s := c.nodes[name].Status()
			if !s.Ready || len(s.Members) != len(names) || slices.ContainsFunc(s.Shards, func(s node.ShardStatus) bool {
				return s.Owner == ""
			}) {
				return false
			}
		}
		return true
	})
}

// submit submits a patch, again if the node says that it is apart, as one on a busy machine may think.
func (c *cluster) submit(name, key, patch string) []graph.Result {
	c.t.Helper()
	s := graph.Submission{MediaType: graph.TypePatch, Body: []byte(patch), Key: key}
	r, err := c.nodes[name].Submit(c.t.Context(), s)
	for end := time.Now().Add(patience); errors.Is(err, engine.ErrNoLeader) && time.Now().Before(end); {
		r, err = c.nodes[name].Submit(c.t.Context(), s)
	}
	if err != nil {
		c.t.Fatalf("submit at %s: %v", name, err)
	}
	return r
}

func (c *cluster) data(name string) string {
	c.t.Helper()
	var b bytes.Buffer
	if _, err := c.nodes[name].WriteData(c.t.Context(), &b, graph.DataOptions{}); err != nil {
		c.t.Fatal(err)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func totals(results []graph.Result) (adds, deletes uint64) {
	for _, r := range results {
		adds, deletes = adds+r.Adds, deletes+r.Deletes
	}
	return adds, deletes
}

func TestOneNodeTakesChanges(t *testing.T) {
	c := newCluster(t, 4, nil)
	c.start("n1")
	c.ready("n1")
	adds, deletes := totals(c.submit("n1", "", `TX .
A <http://e/a> <http://e/p> "1" .
A <http://e/b> <http://e/p> "2" <http://e/g> .
A <http://e/a> <http://e/p> "1" .
D <http://e/c> <http://e/p> "not there" .
TC .`))
	if adds != 2 || deletes != 0 {
		t.Errorf("adds %d, deletes %d; only the two real additions count", adds, deletes)
	}
	want := "<http://e/a> <http://e/p> \"1\" .\n<http://e/b> <http://e/p> \"2\" <http://e/g> .\n"
	if got := c.data("n1"); got != want {
		t.Errorf("data:\n%swant:\n%s", got, want)
	}
}

func TestSubmitTwiceWithOneKey(t *testing.T) {
	c := newCluster(t, 4, nil)
	c.start("n1")
	c.ready("n1")
	patch := "A <http://e/a> <http://e/p> \"1\" .\n"
	first := c.submit("n1", "k1", patch)
	c.submit("n1", "", "D <http://e/a> <http://e/p> \"1\" .")
	again := c.submit("n1", "k1", patch)
	if !again[0].Duplicate || again[0].Position != first[0].Position || again[0].Adds != 1 {
		t.Errorf("again = %+v, first = %+v", again, first)
	}
	if got := c.data("n1"); got != "" {
		t.Errorf("the second had an effect: %s", got)
	}
	_, err := c.nodes["n1"].Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Key: "k1",
		Body: []byte("A <http://e/a> <http://e/p> \"2\" .\n")})
	if !errors.Is(err, event.ErrReused) {
		t.Errorf("the same key with another body: %v", err)
	}
}

func TestSubmitRefuses(t *testing.T) {
	c := newCluster(t, 4, func(cfg *graph.Config) { cfg.MaxTransaction = 1000 })
	c.start("n1")
	c.ready("n1")
	submit := func(mediaType, body string) error {
		_, err := c.nodes["n1"].Submit(t.Context(), graph.Submission{MediaType: mediaType, Body: []byte(body)})
		return err
	}
	var syntax *rdf.SyntaxError
	if err := submit(graph.TypePatch, "TX .\nA <http://e/a> <http://e/p> \"1\" .\nA <nowhere> .\nTC .\n"); !errors.As(err, &syntax) || syntax.Line != 3 {
		t.Errorf("bad row: %v", err)
	}
	if err := submit("text/csv", ""); !errors.Is(err, event.ErrMediaType) {
		t.Errorf("media type: %v", err)
	}
	if err := submit(graph.TypePatch, "H prev <urn:x> .\nA <http://e/a> <http://e/p> \"1\" .\n"); !errors.Is(err, event.ErrPrev) {
		t.Errorf("prev: %v", err)
	}
	var big strings.Builder
	for i := range 100 {
		fmt.Fprintf(&big, "A <http://e/a> <http://e/p> \"%d\" .\n", i)
	}
	if err := submit(graph.TypePatch, big.String()); !errors.Is(err, event.ErrTooLarge) {
		t.Errorf("large transaction: %v", err)
	}
	if got := c.data("n1"); got != "" {
		t.Errorf("something of the refused was applied: %s", got)
	}
}

func TestOptimisticPatches(t *testing.T) {
	c := newCluster(t, 4, func(cfg *graph.Config) { cfg.Key = dataset.Dataset })
	c.start("n1")
	c.ready("n1")
	head := c.submit("n1", "", `A <http://e/a> <http://e/p> "1" .`)[0].Head
	next := c.submit("n1", "", fmt.Sprintf("H prev <%s> .\nTX .\nA <http://e/a> <http://e/p> \"2\" .\nTC .\n", head))[0].Head
	_, err := c.nodes["n1"].Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch,
		Body: fmt.Appendf(nil, "H prev <%s> .\nTX .\nA <http://e/a> <http://e/p> \"3\" .\nTC .\n", head)})
	var conflict *graph.ConflictError
	if !errors.As(err, &conflict) || conflict.Head != next || next == head {
		t.Errorf("stale prev: %v; head %s, then %s", err, head, next)
	}
}

func TestQuadsAreScoped(t *testing.T) {
	c := newCluster(t, 4, nil)
	c.start("n1")
	c.ready("n1")
	submit := func(key string) uint64 {
		r, err := c.nodes["n1"].Submit(t.Context(), graph.Submission{MediaType: "application/n-triples", Key: key,
			Body: []byte("_:x <http://e/p> _:y .\n_:y <http://e/p> \"1\" .\n")})
		if err != nil {
			t.Fatal(err)
		}
		adds, _ := totals(r)
		return adds
	}
	for _, key := range []string{"k1", "k2", ""} {
		if got := submit(key); got != 2 {
			t.Errorf("document with key %q: %d additions; its blank nodes are its own", key, got)
		}
	}
	if submit("k1"); strings.Count(c.data("n1"), "\n") != 6 {
		t.Errorf("a retry made other blank nodes:\n%s", c.data("n1"))
	}
}

// TestLabelsAreTheDocuments: a key that is used again when its time is over doesn't make the blank nodes of another document
// the same; those of the same document are.
func TestLabelsAreTheDocuments(t *testing.T) {
	c := newCluster(t, 1, func(cfg *graph.Config) { cfg.Keep = 24 * time.Microsecond })
	c.start("n1")
	c.ready("n1")
	submit := func(text string) uint64 {
		for i := range 30 { // the clock of a shard moves with its records, by a 24th of the keep time at most
			c.submit("n1", "", fmt.Sprintf("A <http://e/s> <http://e/q> \"%d\" .", i))
		}
		r, err := c.nodes["n1"].Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Key: "k", Body: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		if r[0].Duplicate {
			t.Fatal("the key is not forgotten: this test shows nothing")
		}
		adds, _ := totals(r)
		return adds
	}
	one, two := "_:x <http://e/p> \"1\" .\n", "_:x <http://e/p> \"2\" .\n"
	if first, second, again := submit(one), submit(two), submit(one); first != 1 || second != 1 || again != 0 {
		t.Errorf("%d, %d, again %d additions", first, second, again)
	}
	subjects := map[string]bool{}
	for line := range strings.Lines(c.data("n1")) {
		if subject, _, _ := strings.Cut(line, " <http://e/p>"); strings.HasPrefix(line, "_:") {
			subjects[subject] = true
		}
	}
	if len(subjects) != 2 {
		t.Errorf("subjects %v: two documents have two blank nodes", subjects)
	}
}

// TestFailover streams changes of sensors through all nodes, stops one without a goodbye and lets a new process take its
// name, and compares what all nodes then say with what was sent.
func TestFailover(t *testing.T) {
	c := newCluster(t, 8, nil)
	c.failAfter = time.Second
	c.start("n1")
	c.start("n2")
	c.start("n3")
	c.ready("n1", "n2", "n3")
	const sensors, steps = 24, 60
	var all sync.WaitGroup
	half := make(chan struct{}, sensors)
	for s := range sensors {
		all.Go(func() {
			for i := range steps {
				c.step(s, i)
				if i == steps/2 {
					half <- struct{}{}
				}
			}
		})
	}
	for range sensors {
		<-half
	}
	c.kill("n2")
	c.start("n4")
	all.Wait()
	c.ready("n1", "n3", "n4")
	var want []string
	for s := range sensors {
		want = append(want, fmt.Sprintf("<http://e/s%d> <http://e/value> \"%d\" .\n", s, steps-1))
	}
	slices.Sort(want)
	for _, name := range []string{"n1", "n3", "n4"} {
		if got := c.data(name); got != strings.Join(want, "") {
			t.Errorf("data at %s:\n%s", name, got)
		}
	}
	c.checkLogs(sensors * (2*steps - 1))
}

// owned counts the shards that a node owns in effect.
func (c *cluster) owned(name string) (n int) {
	for _, s := range c.nodes[name].Status().Shards {
		if s.Owner == name && s.State == "owning" {
			n++
		}
	}
	return n
}

// TestPlannedMoves: while changes come in, a node joins and takes its half of the shards, and leaves again.
func TestPlannedMoves(t *testing.T) {
	c := newCluster(t, 8, calm)
	c.start("n1")
	c.ready("n1")
	const sensors, steps = 16, 60
	var all sync.WaitGroup
	begun := make(chan struct{}, sensors)
	for s := range sensors {
		all.Go(func() {
			for i := range steps {
				c.step(s, i)
				if i == 5 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range sensors {
		<-begun
	}
	c.start("n2")
	eventually(t, "n2 owns its half", func() bool { return c.owned("n2") == 4 && c.owned("n1") == 4 })
	var shards []node.ShardStatus
	eventually(t, "n1 knows of it", func() bool {
		shards = c.nodes["n1"].Status().Shards
		return !slices.ContainsFunc(shards, func(s node.ShardStatus) bool { return s.Owner == "n2" && s.State == "owning" })
	})
	for _, s := range shards {
		if s.Owner == "n2" && (s.Standby != "n1" || s.State != "following") {
			t.Errorf("shard %d: standby %q, n1 is %s; who has given it up has its state", s.Shard, s.Standby, s.State)
		}
	}
	if err := c.nodes["n2"].Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.nodes["n2"].Ready(); err == nil || !strings.Contains(err.Error(), "left") {
		t.Errorf("n2 has left, and is ready: %v", err)
	}
	c.kill("n2")
	c.ready("n1")
	all.Wait()
	if n := c.owned("n1"); n != 8 {
		t.Errorf("n1 owns %d shards of 8", n)
	}
	c.checkLogs(sensors * (2*steps - 1))
}

// step replaces a sensor's value, at whatever node answers, until it is accepted.
func (c *cluster) step(sensor, i int) {
	patch := fmt.Sprintf("A <http://e/s%d> <http://e/value> \"%d\" .\n", sensor, i)
	if i > 0 {
		patch = fmt.Sprintf("D <http://e/s%d> <http://e/value> \"%d\" .\n", sensor, i-1) + patch
	}
	s := graph.Submission{MediaType: graph.TypePatch, Body: []byte("TX .\n" + patch + "TC .\n"), Key: fmt.Sprintf("%d-%d", sensor, i)}
	for {
		n := c.any()
		ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
		_, err := n.Submit(ctx, s)
		cancel()
		if err == nil || c.t.Context().Err() != nil {
			return
		}
	}
}

func (c *cluster) any() *graph.Graph {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live[rand.IntN(len(c.live))]
}

// checkLogs reads all logs and expects that many changes, each once.
func (c *cluster) checkLogs(want int) {
	c.t.Helper()
	seen := map[string]int{}
	err := c.any().Follow(c.t.Context(), node.FollowOptions{}, func(r node.Record) error {
		for line := range strings.Lines(string(r.Body)) {
			if line[0] == 'A' || line[0] == 'D' {
				seen[line]++
			}
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	for line, n := range seen {
		if n != 1 {
			c.t.Errorf("%d times in the logs: %s", n, line)
		}
	}
	if len(seen) != want {
		c.t.Errorf("%d changes in the logs, want %d", len(seen), want)
	}
}

func TestSettingsThatDiffer(t *testing.T) {
	c := newCluster(t, 4, nil)
	c.start("n1")
	c.ready("n1")
	cfg := c.config("n2")
	cfg.Key = dataset.Graph
	n, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = n.Run(t.Context())
	if !errors.Is(err, coordinator.ErrSettings) || !strings.Contains(err.Error(), "graph here, and subject") {
		t.Errorf("the error must name both values: %v", err)
	}
}

func TestLaterProcessTakesTheName(t *testing.T) {
	c := newCluster(t, 4, nil)
	c.start("n1")
	c.ready("n1")
	c.submit("n1", "", `A <http://e/a> <http://e/p> "1" .`)
	second, err := graph.New(c.config("n1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- second.Run(ctx) }()
	if err := <-c.ended["n1"]; !errors.Is(err, node.ErrSuperseded) {
		t.Errorf("the earlier process ended with %v", err)
	}
	eventually(t, "the later process owns all", func() bool { return second.Ready() == nil })
	r, err := second.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch,
		Body: []byte(`A <http://e/a> <http://e/p> "1" .`)})
	if adds, _ := totals(r); err != nil || adds != 0 {
		t.Errorf("the later process lost what the earlier accepted: %+v, %v", r, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSnapshotsAreUsed(t *testing.T) {
	change := func(cfg *graph.Config) { cfg.SnapshotEvery = 2000 }
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		for i := range 50 {
			c.submit("n1", "", fmt.Sprintf("A <http://e/s%d> <http://e/p> \"%d\" .", i, i))
		}
		want := c.data("n1")
		c.kill("n1")
		c.start("n2")
		eventually(t, "n2 owns the shard", func() bool {
			s := c.nodes["n2"].Status()
			return s.Ready && len(s.Shards) == 1 && s.Shards[0].Owner == "n2"
		})
		if got := c.data("n2"); got != want {
			t.Errorf("after the restore:\n%swant:\n%s", got, want)
		}
		// Who is killed between a snapshot and the removal of an old one leaves that to the next.
		more := 0
		eventually(t, "no more than two snapshots are kept", func() bool {
			more++
			c.submit("n2", "", fmt.Sprintf("A <http://e/more> <http://e/p> \"%d\" .", more))
			infos, err := c.store.Blobs().List(t.Context(), "shard/")
			return err == nil && len(infos) > 0 && len(infos) <= 2
		})
	})
}

func TestStreamSink(t *testing.T) {
	c := newCluster(t, 4, calm)
	c.start("n1")
	c.start("n2")
	c.ready("n1", "n2")
	sink := c.nodes["n1"].StreamSink()
	quad := func(i int) rdf.Quad {
		var q rdf.Quad
		if err := nquads.NewBytes(fmt.Appendf(nil, "<http://e/s%d> <http://e/p> \"%d\" .\n", i, i)).Next(&q); err != nil {
			t.Fatal(err)
		}
		return q.Clone()
	}
	var batch []graph.Message
	for i := range 20 {
		batch = append(batch, graph.Message{StreamID: "s", Offset: uint64(i), Quads: []rdf.Quad{quad(i), quad(i + 100)}})
	}
	for range 2 {
		if p, err := sink.WriteBatch(t.Context(), batch); err != nil || p != graph.Continue {
			t.Fatalf("%v, %v", p, err)
		}
	}
	if n := strings.Count(c.data("n2"), "\n"); n != 40 {
		t.Errorf("%d quads, want 40", n)
	}
	c.checkLogs(40)
	if _, err := sink.WriteBatch(t.Context(), []graph.Message{{Offset: 1}}); !errors.Is(err, graph.ErrNotAccepted) {
		t.Errorf("message without a stream: %v", err)
	}
}

var discard = slog.New(slog.DiscardHandler)
