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
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/shipper/request"
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

// data are the quads of all shards. On a busy machine the logs may be without a leader for a while, as for add.
func data(t testing.TB, g *quadrille.Graph) string {
	t.Helper()
	ctx := within(t)
	var b bytes.Buffer
	_, err := g.WriteData(ctx, &b, graph.DataOptions{})
	for ctx.Err() == nil && errors.Is(err, engine.ErrNoLeader) {
		b.Reset()
		_, err = g.WriteData(ctx, &b, graph.DataOptions{})
	}
	if err != nil {
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

// TestNodesAskEachOther: what a node answers, others ask over the engine that they share, and itself.
func TestNodesAskEachOther(t *testing.T) {
	logic := func(int) operator.Logic {
		return operator.Fold(func(_ *event.Event, dst []byte) ([]byte, error) { return dst, nil }, func([]byte) error { return nil })
	}
	begin := func(cfg quadrille.Config) *quadrille.Node {
		cfg.Shards, cfg.Answer = 1, func(_ context.Context, in []byte, send func([]byte) error) error {
			return send(fmt.Appendf(nil, "%s, says %s", in, cfg.Name))
		}
		n, err := quadrille.StartNode(within(t), silent(cfg), logic)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
		return n
	}
	one := begin(quadrille.Config{Name: "n1", Dir: t.TempDir(), Port: -1})
	two := begin(quadrille.Config{Name: "n2", NATS: one.EngineURL(), Secret: one.Server().Secret()})
	for _, n := range []*quadrille.Node{one, two} {
		for _, name := range []string{"n1", "n2"} {
			var answer strings.Builder
			err := n.Ask(within(t), name, []byte("yes"), func(part []byte) error {
				answer.Write(part)
				return nil
			})
			if err != nil || answer.String() != "yes, says "+name {
				t.Errorf("%q, %v", answer.String(), err)
			}
		}
	}
	if err := two.Close(); err != nil {
		t.Error(err)
	}
	ctx := within(t)
	ended := func() error { return one.Ask(ctx, "n2", nil, func([]byte) error { return nil }) }
	err := ended()
	for request.CodeOf(err) == request.Lost && ctx.Err() == nil { // the server has not heard yet that nobody listens any more
		err = ended()
	}
	if request.CodeOf(err) != request.NoRoute {
		t.Errorf("asks a node that has ended: %v", err)
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
