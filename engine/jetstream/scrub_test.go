package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// bulky is a log of several blocks.
func bulky(ctx context.Context, t testing.TB, e engine.Engine, megabytes int) (entries []engine.Entry) {
	t.Helper()
	log := e.Shard(0)
	var tail uint64
	for i := range 4 * megabytes {
		sum := sha256.Sum256(fmt.Append(nil, i))
		payload := bytes.Repeat(sum[:], 250_000/len(sum))
		tail = added(ctx, t, log, tail, payload)
		entries = append(entries, engine.Entry{Seq: tail, Payload: payload})
	}
	return entries
}

func storeOf(dir string, cfg Config) *filestore.Stream {
	return filestore.Open(filepath.Join(dir, "jetstream", "$G", "streams", streamName(cfg, "0")))
}

// damages are what tests do to a stream that has at least three blocks if it is not small.
var damages = map[string]func(t testing.TB, s *filestore.Stream){
	"one bit in a sealed block": func(t testing.TB, s *filestore.Stream) { flipBit(t, s.BlockPath(numbers(t, s)[0]), 0.5) },
	"one bit in the newest block": func(t testing.TB, s *filestore.Stream) {
		list := numbers(t, s)
		flipBit(t, s.BlockPath(list[len(list)-1]), 0.3)
	},
	"a block removed": func(t testing.TB, s *filestore.Stream) { check(t, os.Remove(s.BlockPath(numbers(t, s)[1]))) },
	"a block truncated": func(t testing.TB, s *filestore.Stream) {
		check(t, os.Truncate(s.BlockPath(numbers(t, s)[1]), 3_000_000))
	},
	"the newest block truncated": func(t testing.TB, s *filestore.Stream) {
		list := numbers(t, s)
		check(t, os.Truncate(s.BlockPath(list[len(list)-1]), 600_000))
	},
	"the configuration altered": func(t testing.TB, s *filestore.Stream) {
		flipBit(t, filepath.Join(s.Dir(), filestore.MetaFile), 0.5)
	},
	"all blocks removed": func(t testing.TB, s *filestore.Stream) {
		check(t, os.RemoveAll(filepath.Join(s.Dir(), filestore.Messages)))
	},
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(t testing.TB, s *filestore.Stream) []uint32 {
	t.Helper()
	list, err := s.Blocks()
	check(t, err)
	if len(list) < 3 {
		t.Fatalf("%d blocks: too few to test with", len(list))
	}
	return list
}

func flipBit(t testing.TB, path string, part float64) {
	t.Helper()
	content, err := os.ReadFile(path)
	check(t, err)
	content[int(part*float64(len(content)))] ^= 8
	check(t, os.WriteFile(path, content, 0o600))
}

// TestDamagedAlone: a server that stands alone sets a damaged stream aside, whole, and goes on with the others.
func TestDamagedAlone(t *testing.T) {
	ctx := limited(t)
	dir, cfg, other := t.TempDir(), fresh(1, 1), fresh(1, 1)
	s := start(t, alone(dir))
	bulky(ctx, t, open(t, s, cfg), 20)
	w := write(ctx, t, open(t, s, other))
	s.Shutdown()
	for what, do := range damages {
		copied := filepath.Join(t.TempDir(), "data")
		check(t, os.CopyFS(copied, os.DirFS(dir)))
		store := storeOf(copied, cfg)
		do(t, store)
		before := digest(t, store.Dir())
		s := start(t, alone(copied))
		found := s.Damages()
		if len(found) == 0 || found[0].Stream != store.Name() || found[0].SetAside == "" || found[0].What == "" {
			t.Fatalf("%s: Damages are %+v", what, found)
		}
		if got := digest(t, filepath.Join(found[0].SetAside, "stream")); got != before {
			t.Errorf("%s: what is set aside is not what was there", what)
		}
		if _, err := os.Stat(store.Dir()); err == nil {
			t.Errorf("%s: the stream is there after the start", what)
		}
		seen := other
		seen.Server = s
		e := open(t, s, seen)
		w.check(ctx, t, e)
		if told := strings.Join(e.Health(ctx).Damages, "\n"); !strings.Contains(told, found[0].Stream) ||
			!strings.Contains(told, found[0].File) || !strings.Contains(told, found[0].SetAside) {
			t.Errorf("%s: the health tells of %q", what, told)
		}
		s.Shutdown()
	}
}

// TestUnfinishedStream: what a server leaves that ends while it creates a stream is no damage.
func TestUnfinishedStream(t *testing.T) {
	ctx := limited(t)
	dir, cfg := t.TempDir(), fresh(1, 1)
	start(t, alone(dir)).Shutdown()
	check(t, os.MkdirAll(filepath.Join(storeOf(dir, cfg).Dir(), filestore.Messages), 0o750))
	check(t, os.WriteFile(storeOf(dir, cfg).BlockPath(1), nil, 0o600))
	s := start(t, alone(dir))
	if found := s.Damages(); len(found) > 0 {
		t.Errorf("Damages are %+v", found)
	}
	write(ctx, t, open(t, s, cfg)).check(ctx, t, open(t, s, cfg))
}

// digest is the sum of all the files in a folder.
func digest(t testing.TB, dir string) string {
	t.Helper()
	sum := sha256.New()
	check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d ", strings.TrimPrefix(path, dir), len(content))
		sum.Write(content)
		return err
	}))
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// everyDamage makes TestDamagedMember try all of damages, which takes minutes.
var everyDamage = flag.Bool("damages", false, "all damages to the members of a cluster")

// TestDamagedMember: a member of a cluster whose store is damaged gets what it lacks from the others, whoever starts first
// and whoever led; nothing is lost, and its store is whole again.
func TestDamagedMember(t *testing.T) {
	for _, size := range []int{6, 30} { // the smaller has no Raft snapshot after a kill
		if size == 6 && !*everyDamage {
			continue
		}
		t.Run(fmt.Sprint(size, "MB"), func(t *testing.T) {
			ctx := context.Background()
			dir := t.TempDir()
			list, err := startCluster(dir, "d", true)
			t.Cleanup(func() { stopAll(list) })
			check(t, err)
			configs := configsOf(list, dir)
			cfg := fresh(1, 3)
			entries := bulky(ctx, t, open(t, list[0], cfg), size)
			everywhere(limited(t), t, configs, cfg, entries)
			leader := leaderOf(limited(t), t, connect(t, list[0]), cfg, list)
			killed := copyLive(t, dir)
			stopAll(list)
			for what, do := range damages {
				if size == 6 && what != "all blocks removed" && what != "the configuration altered" {
					continue
				}
				for i, from := range []string{dir, killed} {
					if !*everyDamage && !slices.Contains(usualDamages, fmt.Sprint(size, what, i)) {
						continue
					}
					victim := leader
					if len(what)%2 == 0 {
						victim = (leader + 1) % 3
					}
					name := fmt.Sprintf("%s, %s, leader: %t", what, []string{"stopped", "killed"}[i], victim == leader)
					t.Run(name, func(t *testing.T) { damageMember(t, from, configs, cfg, victim, entries, do) })
				}
			}
		})
	}
}

// TestStateAheadOfBlocks: a member that was stopped has lost the end of its newest block, and a state file that still knows
// of it. It must not take what is missing for deleted, lead the stream, and say that it ends there. Servers do that only if
// they fsync.
func TestStateAheadOfBlocks(t *testing.T) {
	dir := t.TempDir()
	list, err := startCluster(dir, "d", false)
	t.Cleanup(func() { stopAll(list) })
	check(t, err)
	configs, cfg := configsOf(list, dir), fresh(1, 3)
	for i := range configs {
		configs[i].NoSync = false
	}
	entries := bulky(limited(t), t, open(t, list[0], cfg), 3)
	everywhere(limited(t), t, configs, cfg, entries)
	stopAll(list)
	for victim := range list {
		t.Run("the newest block truncated", func(t *testing.T) {
			damageMember(t, dir, configs, cfg, victim, entries, func(t testing.TB, s *filestore.Stream) {
				list, err := s.Blocks()
				check(t, err)
				check(t, os.Truncate(s.BlockPath(list[len(list)-1]), 600_000))
			})
		})
	}
}

// usualDamages are those that are tried without -damages: size, damage, and 1 after a kill.
var usualDamages = []string{"30one bit in a sealed block0", "30a block removed1"}

// TestAllMembersDamaged: what was not fsynced in the stores when the power went, behind the last Raft snapshot, can be
// damaged on every member, and is in the Raft logs all the same.
func TestAllMembersDamaged(t *testing.T) {
	ctx := limited(t)
	dir := t.TempDir()
	list, err := startCluster(dir, "d", true)
	t.Cleanup(func() { stopAll(list) })
	check(t, err)
	configs, cfg := configsOf(list, dir), fresh(1, 3)
	entries := bulky(ctx, t, open(t, list[0], cfg), 6)
	everywhere(ctx, t, configs, cfg, entries)
	killed := copyLive(t, dir)
	stopAll(list)
	ports, err := ports.Free(3)
	check(t, err)
	servers := make([]*Server, 3)
	t.Cleanup(func() { stopAll(slices.DeleteFunc(servers, func(s *Server) bool { return s == nil })) })
	for i, c := range configs {
		c.Dir, c.ClusterPort, c.NoSync = filepath.Join(killed, c.Name), ports[i], true
		for _, port := range ports {
			c.Routes = append(c.Routes, fmt.Sprint("nats://127.0.0.1:", port))
		}
		flipBit(t, storeOf(c.Dir, cfg).BlockPath(1), 0.2+0.2*float64(i))
		servers[i], err = StartServer(context.Background(), c, nil)
		check(t, err)
		if len(servers[i].Damages()) == 0 {
			t.Errorf("member %d: the damage is not found", i)
		}
	}
	same(t, "shard log", entries, readAll(ctx, t, open(t, servers[1], cfg).Shard(0)))
}

func configsOf(list []*Server, dir string) (configs []ServerConfig) {
	for _, s := range list {
		configs = append(configs, ServerConfig{Name: s.Name(), Dir: filepath.Join(dir, s.Name()), Port: -1, Secret: testSecret, Cluster: "d", Election: testElection,
			NoSync: true})
	}
	return configs
}

// damageMember starts a copy of the cluster in which one member's store is damaged, and that member first.
func damageMember(t *testing.T, from string, configs []ServerConfig, cfg Config, victim int, entries []engine.Entry,
	do func(testing.TB, *filestore.Stream)) {
	dir := filepath.Join(t.TempDir(), "data")
	check(t, os.CopyFS(dir, os.DirFS(from)))
	ports, err := ports.Free(3)
	check(t, err)
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprint("nats://127.0.0.1:", port))
	}
	store := storeOf(filepath.Join(dir, configs[victim].Name), cfg)
	do(t, store)
	servers := make([]*Server, 3)
	t.Cleanup(func() { stopAll(slices.DeleteFunc(servers, func(s *Server) bool { return s == nil })) })
	for _, i := range []int{victim, (victim + 1) % 3, (victim + 2) % 3} {
		c := configs[i]
		c.Dir, c.ClusterPort, c.Routes = filepath.Join(dir, c.Name), ports[i], routes
		servers[i], err = StartServer(context.Background(), c, nil)
		check(t, err)
		// A store that ends early is what a kill leaves; the server mends it.
		unknown := strings.Contains(t.Name(), "the_newest_block_truncated")
		if n := len(servers[i].Damages()); (n > 0) != (i == victim && !unknown) {
			t.Errorf("member %d: Damages are %+v", i, servers[i].Damages())
		}
	}
	ctx := limited(t)
	e := open(t, servers[(victim+1)%3], cfg)
	same(t, "shard log", entries, readAll(ctx, t, e.Shard(0)))
	more := engine.Entry{Seq: added(ctx, t, e.Shard(0), entries[len(entries)-1].Seq, []byte("more")), Payload: []byte("more")}
	whole(ctx, t, store.Dir(), append(entries[:len(entries):len(entries)], more))
	// With another one away, the damaged one counts.
	servers[(victim+1)%3].Shutdown()
	got := readAll(ctx, t, open(t, servers[victim], cfg).Shard(0))
	same(t, "shard log of two", entries, got[:min(len(got), len(entries))])
}

// everywhere waits until the stores of all members hold all the entries: what most have is accepted, and the others may have nothing yet.
func everywhere(ctx context.Context, t *testing.T, configs []ServerConfig, cfg Config, entries []engine.Entry) {
	t.Helper()
	for _, c := range configs {
		whole(ctx, t, storeOf(c.Dir, cfg).Dir(), entries)
	}
}

// whole waits until a store, while the server runs, holds all the entries and is good.
func whole(ctx context.Context, t *testing.T, dir string, entries []engine.Entry) {
	t.Helper()
	for {
		var got []engine.Entry
		s := filestore.Open(dir)
		report, err := s.Check(ctx)
		if err == nil {
			err = s.Read(ctx, func(m *filestore.Message) error {
				if strings.HasSuffix(m.Subject, ".log.0") {
					got = append(got, engine.Entry{Seq: m.Seq, Payload: bytes.Clone(m.Data)})
				}
				return nil
			})
		}
		if err == nil && len(report.Damages) == 0 && len(got) >= len(entries) {
			same(t, "the member's own store", entries, got[:len(entries)])
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the store is not whole again: %v, %v, %d of %d entries", err, report, len(got), len(entries))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// copyLive copies a folder that servers write to, which may rename files meanwhile.
func copyLive(t *testing.T, dir string) string {
	t.Helper()
	for {
		to := t.TempDir()
		err := os.CopyFS(to, os.DirFS(dir))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
