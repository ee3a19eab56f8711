package jetstream

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// patience bounds each wait of a test; it is far longer than any takes.
const patience = 3 * time.Minute

// shared are the servers that most tests use, each with a pipeline of its own.
var shared struct {
	dir     string
	one     func() (*Server, error)   // one that stands alone
	cluster func() ([]*Server, error) // three, without fsync

	mu      sync.Mutex
	started []*Server
}

// stopLater is for servers that live as long as the tests.
func stopLater(list ...*Server) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.started = append(shared.started, list...)
}

// TestMain stops what the tests have started, and looks for goroutines that are left.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "quadrille")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared.dir = dir
	shared.one = sync.OnceValues(func() (*Server, error) {
		s, err := StartServer(context.Background(), ServerConfig{Name: "one", Dir: filepath.Join(dir, "one"), Port: -1}, nil)
		if err == nil {
			stopLater(s)
		}
		return s, err
	})
	shared.cluster = sync.OnceValues(func() ([]*Server, error) {
		list, err := startCluster(dir, "shared", true)
		stopLater(list...)
		return list, err
	})
	goleak.VerifyTestMain(stopping{m})
}

// stopping is m, and then the end of the servers: goleak looks after that.
type stopping struct{ m *testing.M }

// Run implements [goleak.TestingM].
func (s stopping) Run() int {
	code := s.m.Run()
	stopAll(shared.started)
	if err := os.RemoveAll(shared.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

func stopAll(list []*Server) {
	var all sync.WaitGroup
	for _, s := range list {
		all.Go(s.Shutdown)
	}
	all.Wait()
}

// startCluster starts three servers. Without fsync they are much faster, and as good where nothing fails.
func startCluster(dir, name string, noSync bool) (list []*Server, err error) {
	configs, err := clusterConfigs(dir, name)
	if err != nil {
		return nil, err
	}
	for _, cfg := range configs {
		cfg.NoSync = noSync
		s, err := StartServer(context.Background(), cfg, nil)
		if err != nil {
			return list, err
		}
		list = append(list, s)
	}
	return list, nil
}

func clusterConfigs(dir, name string) (list []ServerConfig, err error) {
	ports, err := ports.Free(3)
	if err != nil {
		return nil, err
	}
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprint("nats://127.0.0.1:", port))
	}
	for i, port := range ports {
		server := fmt.Sprintf("%s%d", name, i)
		list = append(list, ServerConfig{
			Name: server, Dir: filepath.Join(dir, server), Port: -1, Cluster: name, Election: testElection, ClusterPort: port, Routes: routes, Secret: testSecret,
		})
	}
	return list, nil
}

// testElection is the election time of the clusters, of which several share one process: with the default a machine under many times
// too much load elects without end. All servers of a process have one.
const testElection = 2 * time.Second

// testSecret is that of the clusters.
var testSecret = NewSecret()

var pipelines atomic.Int64

// fresh is the configuration of a pipeline that nobody used before.
func fresh(shards, replicas int) Config {
	return Config{Pipeline: fmt.Sprint("p", pipelines.Add(1)), Shards: shards, Streams: 1, Replicas: replicas}
}

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// connect returns a connection inside the process that is closed when the test ends.
func connect(t testing.TB, s *Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(append([]nats.Option{
		nats.ReconnectWait(20 * time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // tests look at what calls return
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// freely is the login of tests that do to a server what nothing of ours may.
const freely Login = "tests"

func init() { rightsOf[freely] = rights{publish: []string{">"}, listen: []string{">"}} }

// connectFreely is connect without bounds.
func connectFreely(t testing.TB, s *Server) *nats.Conn {
	t.Helper()
	return connect(t, s, s.Secret().Login(freely))
}

// open opens a pipeline on a connection of its own.
func open(t testing.TB, s *Server, cfg Config) engine.Engine {
	t.Helper()
	e, err := Open(limited(t), connect(t, s), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// openOne opens a fresh pipeline on the shared server that stands alone.
func openOne(t testing.TB, shards int) engine.Engine {
	t.Helper()
	return open(t, one(t), fresh(shards, 1))
}

func one(t testing.TB) *Server {
	t.Helper()
	s, err := shared.one()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func three(t testing.TB) []*Server {
	t.Helper()
	list, err := shared.cluster()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// shorten makes a stream that is missing be believed lost soon.
func shorten(t *testing.T) {
	before := missingFor
	missingFor = 50 * time.Millisecond
	t.Cleanup(func() { missingFor = before })
}

// counting is a logger that counts errors.
func counting(n *atomic.Int64) *slog.Logger { return slog.New(countingHandler{slog.DiscardHandler, n}) }

type countingHandler struct {
	slog.Handler
	n *atomic.Int64
}

func (h countingHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (h countingHandler) Handle(context.Context, slog.Record) error {
	h.n.Add(1)
	return nil
}
