package jetstream

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

func start(t *testing.T, cfg ServerConfig) *Server {
	t.Helper()
	s, err := StartServer(limited(t), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func alone(dir string) ServerConfig { return ServerConfig{Name: "alone", Dir: dir, NoListen: true} }

// written are the logs and the blob that write leaves.
type written struct {
	control, shard []engine.Entry
	blob           string
}

func write(ctx context.Context, t *testing.T, e engine.Engine) (w written) {
	t.Helper()
	c, s := &appender{log: e.Control()}, &appender{log: e.Shard(0)}
	for i := range 50 {
		for _, a := range []*appender{c, s} {
			if err := a.append(ctx, []byte(strings.Repeat("x", i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	w = written{c.accepted, s.accepted, strings.Repeat("blob", 200_000)}
	if err := e.Blobs().Put(ctx, "blob", strings.NewReader(w.blob)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w written) check(ctx context.Context, t *testing.T, e engine.Engine) {
	t.Helper()
	same(t, "control log", w.control, readAll(ctx, t, e.Control()))
	same(t, "shard log", w.shard, readAll(ctx, t, e.Shard(0)))
	checkBlob(ctx, t, e, "blob", w.blob)
	tail := w.shard[len(w.shard)-1].Seq
	added(ctx, t, e.Shard(0), tail, []byte("more"))
}

// TestOwnServerIsWaitedFor: who connects inside the process waits for as long as for the server's start.
func TestOwnServerIsWaitedFor(t *testing.T) {
	if got := connect(t, one(t)).Opts.Timeout; got != DefaultStartTimeout {
		t.Errorf("it waits for %v", got)
	}
}

// TestClusterURL: who lets a server take any free port learns from it what to give to the others.
func TestClusterURL(t *testing.T) {
	if got := start(t, alone(t.TempDir())).ClusterURL(); got != "" {
		t.Errorf("a server that stands alone has the address %q for others", got)
	}
	member := start(t, ServerConfig{Name: "m1", Dir: t.TempDir(), Port: -1, Secret: testSecret, Cluster: "c", Election: testElection, ClusterPort: -1,
		Routes: []string{"nats://127.0.0.1:9"}}) // nobody is there
	u, err := url.Parse(member.ClusterURL())
	if err != nil || u.Scheme != "nats" || u.Hostname() != "127.0.0.1" || u.Port() == "" || u.Port() == "0" {
		t.Errorf("%q, %v", member.ClusterURL(), err)
	}
}

// TestRestart: a server that is stopped and started on the same folder has everything.
func TestRestart(t *testing.T) {
	ctx := limited(t)
	dir, cfg := t.TempDir(), fresh(1, 1)
	s := start(t, alone(dir))
	w := write(ctx, t, open(t, s, cfg))
	s.Shutdown()
	w.check(ctx, t, open(t, start(t, alone(dir)), cfg))
}

// TestCrash: what was accepted is in the files. A copy of them, made while the server runs, is what a server that was
// killed leaves.
func TestCrash(t *testing.T) {
	ctx := limited(t)
	dir, cfg := t.TempDir(), fresh(1, 1)
	s := start(t, alone(dir))
	w := write(ctx, t, open(t, s, cfg))
	w.check(ctx, t, open(t, start(t, alone(copyLive(t, dir))), cfg))
}

// TestDataFolder: a folder that is in use, or holds the data of another kind of server, is refused.
func TestDataFolder(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(foreign, "jetstream"), 0o750); err != nil {
		t.Fatal(err)
	}
	members, err := clusterConfigs(t.TempDir(), "c")
	if err != nil {
		t.Fatal(err)
	}
	clustered := members[0]
	s := start(t, alone(dir))
	refused := func(what, want string, cfg ServerConfig) {
		t.Helper()
		s, err := StartServer(limited(t), cfg, nil)
		if err == nil {
			s.Shutdown()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("StartServer %s: %v, want %q", what, err, want)
		}
	}
	refused("on a folder in use", "is in use by another process: stop it first, or choose another folder", alone(dir))
	s.Shutdown()
	start(t, clustered).Shutdown()
	other := alone(dir)
	other.Name = "other"
	refused("under another name", `holds the data of stand-alone server "alone" and can't be used by stand-alone server "other"`, other)
	refused("alone on the data of a member", `server "c0" of cluster "c" and can't be used by stand-alone server "alone"`,
		alone(clustered.Dir))
	moved := clustered
	moved.Dir = dir
	refused("as a member on the data of one alone", `stand-alone server "alone" and can't be used by server "c0" of cluster "c"`, moved)
	refused("on data of which nobody knows", "nobody knows whose they are", alone(foreign))
	refused("without a name", "Name and Dir are required", ServerConfig{Dir: dir})
	refused("member without a port", "NoListen", ServerConfig{Name: "a", Dir: dir, Cluster: "c", NoListen: true})
	refused("with routes alone", "need the name of the Cluster", ServerConfig{Name: "a", Dir: dir, Routes: []string{"nats://h:1"}})
	bad := clustered
	bad.Routes = []string{"nonsense"}
	refused("with a bad route", `route "nonsense" is not of the form`, bad)
	start(t, alone(dir)).Shutdown() // the refusals have left nothing behind
}
