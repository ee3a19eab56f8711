package quadrille_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/ports"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 3 * time.Minute

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// silent is a configuration that logs nothing.
func silent(cfg quadrille.Config) quadrille.Config {
	cfg.Logger = slog.New(slog.DiscardHandler)
	return cfg
}

// start starts a graph, which is closed when the test ends.
func start(t testing.TB, cfg quadrille.Config) *quadrille.Graph {
	t.Helper()
	g, err := quadrille.Start(within(t), silent(cfg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func end(t testing.TB, g *quadrille.Graph) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// add commits one quad. On a busy machine the logs may be without a leader for a while, or the node apart from the others: what it
// says of itself is that another may do, and here is no other.
func add(t testing.TB, g *quadrille.Graph, subject string) {
	t.Helper()
	ctx := within(t)
	err := submit(ctx, g, subject)
	for ctx.Err() == nil && (errors.Is(err, engine.ErrNoLeader) || errors.Is(err, event.ErrNoOwner)) {
		err = submit(ctx, g, subject)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func submit(ctx context.Context, g *quadrille.Graph, subject string) error {
	body := fmt.Appendf(nil, "TX .\nA <urn:%s> <urn:p> \"1\" .\nTC .\n", subject)
	_, err := g.Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: body})
	return err
}

// data are the quads of all shards.
func data(t testing.TB, g *quadrille.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := g.WriteData(within(t), &b, graph.DataOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRestart: what was written to a folder is there after a start on the same one, and nothing is taken after the end.
func TestRestart(t *testing.T) {
	for name, cfg := range map[string]quadrille.Config{
		"memory": {}, "index": {Index: true}, "disk": {Store: quadrille.StoreDisk},
	} {
		t.Run(name, func(t *testing.T) { restart(t, cfg) })
	}
}

func restart(t *testing.T, cfg quadrille.Config) {
	cfg.Pipeline, cfg.Shards, cfg.Dir = "plant", 4, t.TempDir()
	g := start(t, cfg)
	for i := range 10 {
		add(t, g, fmt.Sprint("s", i))
	}
	before := data(t, g)
	if strings.Count(before, "\n") != 10 || g.Shards() != 4 || g.Status().Pipeline != "plant" {
		t.Errorf("%d shards of %q, data:\n%s", g.Shards(), g.Status().Pipeline, before)
	}
	end(t, g)
	if err := submit(within(t), g, "late"); !errors.Is(err, event.ErrStopped) {
		t.Errorf("after the end: %v", err)
	}
	if err := errors.Join(g.Close(), g.Err(), g.Run(within(t))); err != nil {
		t.Errorf("again: %v", err)
	}
	<-g.Done()

	g = start(t, cfg)
	if after := data(t, g); sorted(after) != sorted(before) {
		t.Errorf("after a restart:\n%s\nbefore:\n%s", after, before)
	}
	add(t, g, "more")
}

// TestStoreChanges: a node finds all that was committed, wherever the quads were while it ran before. What is kept on the disk may be
// behind, and what was left of a shard that was only read is removed.
func TestStoreChanges(t *testing.T) {
	cfg := quadrille.Config{Shards: 2, Dir: t.TempDir()}
	left := filepath.Join(cfg.Dir, "quads", "main", "1.restored-7")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, store := range []quadrille.Store{quadrille.StoreDisk, quadrille.StoreMemory, quadrille.StoreDisk, quadrille.StoreDisk} {
		cfg.Store = store
		g := start(t, cfg)
		add(t, g, fmt.Sprint("s", i))
		if all := data(t, g); strings.Count(all, "\n") != i+1 {
			t.Errorf("run %d, in %s:\n%s", i, store, all)
		}
		end(t, g)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "quads", "main", "0")); err != nil {
		t.Error(err)
	}
	hold, err := ondisk.Take(filepath.Join(cfg.Dir, "quads", "main"))
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	for want, cfg := range map[string]quadrille.Config{
		"of its own": cfg, // the folder is another one's
		"set Dir":    {Store: quadrille.StoreDisk},
		`"memory"`:   {Store: "elsewhere"},
	} {
		if _, err := quadrille.Start(within(t), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func sorted(lines string) string {
	list := strings.Split(lines, "\n")
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// TestOtherSettings: a folder whose pipeline was created with other settings is a clear error, and stays usable.
func TestOtherSettings(t *testing.T) {
	dir := t.TempDir()
	cfg := quadrille.Config{Shards: 4, Dir: dir}
	g := start(t, cfg)
	add(t, g, "s")
	end(t, g)
	for want, change := range map[string]func(*quadrille.Config){
		"number of shards is 4, and 16 here": func(c *quadrille.Config) { c.Shards = 16 },
		"key":                                func(c *quadrille.Config) { c.Key = graph.Named },
		"2h":                                 func(c *quadrille.Config) { c.Keep = 2 * time.Hour },
		"\"n1\"":                             func(c *quadrille.Config) { c.Name = "other" },
		"of cluster": func(c *quadrille.Config) {
			c.Name, c.Cluster, c.ClusterPort, c.Secret, c.Election = "n1", "plant", -1, jetstream.NewSecret(), testElection
		},
	} {
		other := cfg
		change(&other)
		if g, err := quadrille.Start(within(t), silent(other)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
			if err == nil {
				end(t, g)
			}
		}
	}
	g = start(t, cfg)
	if got := data(t, g); strings.Count(got, "\n") != 1 {
		t.Errorf("data: %q", got)
	}
	if _, err := quadrille.Start(within(t), silent(cfg)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second node on the folder: %v", err)
	}
}

// TestMemory: without a folder there is a node all the same, which opens no port and begins empty each time.
func TestMemory(t *testing.T) {
	for range 2 {
		g := start(t, quadrille.Config{})
		if got := data(t, g); got != "" || g.Shards() != quadrille.DefaultShards {
			t.Errorf("%d shards, data: %q", g.Shards(), got)
		}
		add(t, g, "s")
		if g.EngineURL() != "" || g.Server() != nil || g.Marks() != nil {
			t.Error("it runs more than it needs")
		}
		end(t, g)
	}
}

// TestNoPort: an engine that is alone can't be reached from outside of the process, unless a port is asked for.
func TestNoPort(t *testing.T) {
	g := start(t, quadrille.Config{Dir: t.TempDir()})
	if g.EngineURL() != "" {
		t.Errorf("the engine is at %s", g.EngineURL())
	}
	end(t, g)
	g = start(t, quadrille.Config{Dir: t.TempDir(), Port: -1})
	at, ok := strings.CutPrefix(g.EngineURL(), "nats://127.0.0.1:")
	if !ok {
		t.Fatalf("the engine is at %q", g.EngineURL())
	}
	conn, err := new(net.Dialer).DialContext(within(t), "tcp", "127.0.0.1:"+at)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// TestRun: Run ends the node with its context; a node that ends by itself says why.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(within(t))
	g := start(t, quadrille.Config{Dir: t.TempDir(), Port: -1})
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := submit(within(t), g, "late"); !errors.Is(err, event.ErrStopped) {
		t.Errorf("after the end: %v", err)
	}
}

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

// TestStopDuringStart: a start that waits for others ends with its context, and leaves nothing behind.
func TestStopDuringStart(t *testing.T) {
	free, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	silence, err := net.Listen("tcp", "127.0.0.1:0") // which takes connections, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer silence.Close()
	for _, c := range []struct {
		name    string
		cfg     quadrille.Config
		waiting func(ctx context.Context) // returns when the start has begun to wait
	}{
		{"no majority", quadrille.Config{Name: "n1", Election: testElection, Dir: t.TempDir(), ClusterPort: free[0], Secret: jetstream.NewSecret(),
			Routes: []string{fmt.Sprint("nats://127.0.0.1:", free[0]), fmt.Sprint("nats://127.0.0.1:", free[1])}},
			func(ctx context.Context) { awaitPort(ctx, free[0]) }},
		{"no answer", quadrille.Config{Name: "n1", NATS: "nats://" + silence.Addr().String()},
			func(context.Context) {
				if conn, err := silence.Accept(); err == nil {
					t.Cleanup(func() { _ = conn.Close() })
				}
			}},
	} {
		ctx, cancel := context.WithCancel(within(t))
		go func() {
			c.waiting(ctx)
			cancel()
		}()
		if _, err := quadrille.Start(ctx, silent(c.cfg)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// awaitPort returns when the port takes connections.
func awaitPort(ctx context.Context, port int) {
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			_ = conn.Close()
			return
		}
	}
}

// TestStopBeforeStart: with a context that has ended there is an error, or a node that was faster and works.
func TestStopBeforeStart(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, cfg := range map[string]quadrille.Config{"folder": {Dir: t.TempDir()}, "memory": {}} {
		g, err := quadrille.Start(ended, silent(cfg))
		switch {
		case err == nil:
			add(t, g, "s")
			end(t, g)
		case !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConfig: what doesn't go together is said before anything is started.
func TestConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "never made")
	for want, cfg := range map[string]quadrille.Config{
		"-1 shards":                             {Shards: -1, Dir: dir},
		"of an embedded one":                    {NATS: "nats://127.0.0.1:1", Port: 1, Name: "n"},
		"need NATS":                             {NATSCreds: "file", Dir: dir},
		"of embedded engines":                   {NATS: "nats://127.0.0.1:1", Name: "n", Secret: jetstream.NewSecret(), NATSCA: "file"},
		"go together":                           {NATS: "nats://127.0.0.1:1", Name: "n", NATSUser: "u"},
		"one of them":                           {NATS: "nats://127.0.0.1:1", Name: "n", NATSUser: "u", NATSPassword: "p", NATSCreds: "file"},
		"needs NATSCreds":                       {NATS: "nats://127.0.0.1:1", Name: "n", NATSEventsCreds: "file"},
		"has 5 characters, expected 32 or more": {Dir: dir, Port: -1, Secret: "short"},
		"credentials for the engine: open":      {NATS: "nats://127.0.0.1:1", Name: "n", NATSCreds: dir},
		"needs Routes":                          {ClusterPort: 1, Dir: dir},
		"set Dir":                               {Routes: []string{"nats://127.0.0.1:1"}, Name: "n"},
		"needs a Name":                          {Routes: []string{"nats://127.0.0.1:1"}, Dir: dir},
		"expected nats://":                      {Routes: []string{"127.0.0.1"}, Dir: dir, Name: "n"},
		"key \"x\"":                             {Key: "x"},
	} {
		if _, err := quadrille.Start(within(t), silent(cfg)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

// TestStartNode: a logic of one's own runs as well; its log is replayed at the next start.
func TestStartNode(t *testing.T) {
	cfg := silent(quadrille.Config{Pipeline: "shop", Shards: 2, Key: "customer", Dir: t.TempDir()})
	for round := range 2 {
		var mu sync.Mutex
		seen := map[string]int{}
		logic := func(int) operator.Logic {
			return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return fmt.Appendln(dst, ev.Key), nil },
				func(body []byte) error {
					mu.Lock()
					defer mu.Unlock()
					for key := range strings.FieldsSeq(string(body)) {
						seen[key]++
					}
					return nil
				})
		}
		n, err := quadrille.StartNode(within(t), cfg, logic)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := n.Send(within(t), "apples", coordinator.Payload{}); err != nil {
				t.Fatal(err)
			}
		}
		if n.Status().Key != "customer" {
			t.Errorf("key %q", n.Status().Key)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if seen["apples"] != 2*(round+1) {
			t.Errorf("round %d: %v", round, seen)
		}
	}
	if _, err := quadrille.StartNode(within(t), cfg, nil); err == nil || !strings.Contains(err.Error(), "logic") {
		t.Errorf("without a logic: %v", err)
	}
}

// TestReadme: the library section of the README shows the example, line by line.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(readme), "## As a library\n\n```go\n")
	shown, _, closed := strings.Cut(shown, "```")
	shown = strings.TrimSuffix(shown, "}\n")
	if !ok || !closed || len(shown) < 500 || !strings.Contains(string(source), shown) {
		t.Errorf("the README shows\n%s", shown)
	}
}

// TestMethods: what a node and a graph get from both of their parts is not ambiguous.
func TestMethods(t *testing.T) {
	runtime := reflect.TypeFor[*quadrille.Runtime]()
	for _, of := range []reflect.Type{reflect.TypeFor[*quadrille.Node](), reflect.TypeFor[*quadrille.Graph]()} {
		for i := range runtime.NumMethod() {
			if _, ok := of.MethodByName(runtime.Method(i).Name); !ok {
				t.Errorf("%v has no method %s", of, runtime.Method(i).Name)
			}
		}
	}
}

// TestNothingIsLeftRunning: after a Start that its context has ended, at whichever moment, no store of the engine runs on.
func TestNothingIsLeftRunning(t *testing.T) {
	stores := func() int {
		buf := make([]byte, 4<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), "flushStreamStateLoop(")
	}
	failed := 0
	for i := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*4*time.Millisecond)
		g, err := quadrille.Start(ctx, silent(quadrille.Config{Shards: 2, Dir: t.TempDir()}))
		cancel()
		if err == nil {
			end(t, g)
		} else {
			failed++
		}
		for deadline := time.Now().Add(patience); stores() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after %d ms, %d stores still run; Start: %v", 4*i, stores(), err)
			}
		}
	}
	if failed == 0 {
		t.Error("no Start was ended: the machine is faster than this test")
	}
}
