package jetstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// net3 is a cluster of three servers whose connections can be cut.
type net3 struct {
	servers []*Server
	links   [3][3]*proxy // from, to
}

func newNet3(t *testing.T) *net3 {
	t.Helper()
	dir := t.TempDir()
	ports, err := ports.Free(3)
	if err != nil {
		t.Fatal(err)
	}
	n := new(net3)
	var configs [3]ServerConfig
	for from := range configs {
		configs[from] = ServerConfig{Name: fmt.Sprint("net", from), Dir: filepath.Join(dir, fmt.Sprint(from)), Port: -1,
			Cluster: "net", Election: testElection, ClusterPort: ports[from], Secret: testSecret}
		for to := range 3 {
			if to != from {
				n.links[from][to] = newProxy(t, fmt.Sprint("nats://127.0.0.1:", ports[to]))
				configs[from].Routes = append(configs[from].Routes, n.links[from][to].url())
			}
		}
	}
	t.Cleanup(func() { stopAll(n.servers) }) // before the proxies: what is registered last runs first
	for _, cfg := range configs {
		n.servers = append(n.servers, startLinked(t, cfg))
	}
	until(t, n.linked)
	return n
}

// linked is nil when each server has a route to each other: two of them may take longer than the third needs to lead both.
func (n *net3) linked() error {
	for _, s := range n.servers {
		routes, err := s.ns.Routez(nil)
		if err != nil {
			return err
		}
		to := map[string]bool{}
		for _, r := range routes.Routes {
			to[r.RemoteName] = true
		}
		if len(to) != len(n.servers)-1 {
			return fmt.Errorf("%s has routes to %v", s.Name(), to)
		}
	}
	return nil
}

// startLinked starts a server that tells the others an address where it is not: they reach it only by their routes.
func startLinked(t *testing.T, cfg ServerConfig) *Server {
	t.Helper()
	opts, err := cfg.options()
	if err != nil {
		t.Fatal(err)
	}
	opts.Cluster.Advertise = "127.0.0.1:1"
	if err := setElection(testElection); err != nil {
		t.Fatal(err)
	}
	lock, err := openDir(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{lock: lock, secret: cfg.Secret}
	if s.ns, err = server.NewServer(opts); err != nil {
		t.Fatal(err)
	}
	s.ns.Start()
	if err := s.awaitReady(limited(t), cfg, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// isolate cuts a server off from the others, or no longer.
func (n *net3) isolate(i int, off bool) {
	for other := range 3 {
		if other != i {
			n.links[i][other].refuse(off)
			n.links[other][i].refuse(off)
		}
	}
}

// deafen holds back what the others send to a server, or no longer.
func (n *net3) deafen(i int, deaf bool) {
	for other := range 3 {
		if other != i {
			n.links[i][other].back.hold(deaf)
			n.links[other][i].there.hold(deaf)
		}
	}
}

// TestDeafServerEndsRoutes: a server that hears nobody closes the routes over which the others hear it. It would stand for
// election again and again, each time in a later term, for which the leader of the others steps down.
func TestDeafServerEndsRoutes(t *testing.T) {
	t.Parallel()
	n := newNet3(t)
	a := &appender{log: open(t, n.servers[0], fresh(1, 3)).Shard(0)} // the cluster is complete
	n.deafen(2, true)
	defer n.deafen(2, false)
	const soon = 50 * time.Second // with the server's own pings it takes one to two minutes
	for end := time.Now().Add(soon); n.servers[2].ns.NumRoutes() > 0; {
		if time.Now().After(end) {
			t.Fatalf("after %v the deaf server has %d routes", soon, n.servers[2].ns.NumRoutes())
		}
		time.Sleep(readyPoll)
	}
	if err := a.append(limited(t), []byte("the others go on")); err != nil {
		t.Error(err)
	}
}

// TestSuccession: when a server's connections end, exactly one of the others stands for each group that it led, and nobody
// for a group that another leads.
func TestSuccession(t *testing.T) {
	t.Parallel()
	n, cfg := newNet3(t), fresh(1, 3)
	cfg.Shards, cfg.Streams = 16, 16
	open(t, n.servers[0], cfg)
	now := time.Now()
	var watches []*succession
	for _, s := range n.servers {
		c := successionOf(s, ServerConfig{Cluster: "net", Election: testElection})
		if gone, silent := c.look(now); len(gone)+len(silent) > 0 || len(c.linked) != 2 {
			t.Fatalf("%s misses %v and %v, and has routes to %v", s.Name(), gone, silent, c.linked)
		}
		watches = append(watches, c)
	}
	groups := ledGroups(t, n.servers[0], 16+2) // as they were before the fault
	led := make([][]string, 3)
	for i, s := range n.servers {
		for name, g := range s.raftGroups() {
			if g.ID == groups[name].Leader {
				led[i] = append(led[i], name)
			}
		}
	}
	if count := len(led[0]) + len(led[1]) + len(led[2]); count < 16+2 {
		t.Fatalf("%d groups are known to have a leader: %v", count, led)
	}
	for lost, want := range led {
		var stand []string
		for i, c := range watches {
			if i != lost {
				mine := c.turns(n.servers[lost].Name(), asKnownBy(n.servers[i], groups))
				stand = append(stand, mine...)
			}
		}
		slices.Sort(want)
		if slices.Sort(stand); !slices.Equal(stand, want) {
			t.Errorf("without %d the others stand for %v, but it led %v", lost, stand, want)
		}
	}

	n.isolate(0, true)
	end := time.Now().Add(patience)
	for _, c := range watches[1:] {
		for c.look(now); len(c.since) == 0; c.look(now) {
			if time.Now().After(end) {
				t.Fatal("nobody's routes have ended")
			}
			time.Sleep(readyPoll)
		}
		if c.ended(t.Context()) {
			t.Error("a server that can't be reached is taken for one that has ended")
		}
		if _, missed := c.since[n.servers[0].Name()]; !missed || len(c.since) > 1 {
			t.Errorf("%v have no route", c.since)
		}
	}
}

// TestMissed: a server is missed once, when it has had no route for a while; not one that came back meanwhile.
func TestMissed(t *testing.T) {
	c := &succession{grace: time.Second, known: map[string]bool{}, since: map[string]time.Time{}, quiet: map[string]int{}}
	began := time.Now()
	for _, step := range []struct {
		millis int
		linked string
		want   []string
	}{
		{0, "ab", nil},
		{100, "b", nil}, // a is gone
		{1099, "b", nil},
		{1100, "b", []string{"a"}},
		{5000, "b", nil},
		{6000, "ab", nil}, // and back
		{6100, "a", nil},  // b is gone
		{7000, "ab", nil}, // but soon back
		{9000, "ab", nil},
		{9100, "a", nil}, // gone once more
		{10099, "a", nil},
		{10100, "a", []string{"b"}},
	} {
		now := began.Add(time.Duration(step.millis) * time.Millisecond)
		c.note(counts(step.linked, step.millis), now)
		if got := c.missed(now); !slices.Equal(got, step.want) {
			t.Errorf("after %d ms %v are missed, want %v", step.millis, got, step.want)
		}
	}
}

// counts is how many messages have come from each of the servers that have a route.
func counts(servers string, count int) map[string]int64 {
	linked := map[string]int64{}
	for _, name := range servers {
		linked[string(name)] = int64(count)
	}
	return linked
}

// TestSilent: a server is missed once when nothing comes from it though it has a route, and again after it was heard; one
// that has just come is not. Who is silent is no help for winning an election.
func TestSilent(t *testing.T) {
	c := &succession{known: map[string]bool{}, since: map[string]time.Time{}, quiet: map[string]int{}}
	look := func(linked map[string]int64) []string {
		c.note(linked, time.Time{})
		return c.silent()
	}
	for round := range 2 {
		if got := look(map[string]int64{"a": int64(10 * round), "b": 1}); got != nil {
			t.Fatalf("round %d: %v are silent while all are heard", round, got)
		}
		for n := 1; n <= 2*silentLooks; n++ {
			got, want := look(map[string]int64{"a": int64(10 * round), "b": int64(n + 1)}), []string(nil)
			if n == silentLooks {
				want = []string{"a"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("round %d: after %d looks without a word of a %v are missed, want %v", round, n, got, want)
			}
			if c.heard("a") != (n < silentLooks) || !c.heard("b") {
				t.Errorf("round %d: after %d looks a is heard: %v, b is heard: %v", round, n, c.heard("a"), c.heard("b"))
			}
		}
		if got := look(map[string]int64{"b": 0}); got != nil || c.heard("a") {
			t.Errorf("round %d: %v are silent, and a without a route is heard: %v", round, got, c.heard("a"))
		}
	}
}

// ledGroups are the groups as a server knows them when so many have a leader.
func ledGroups(t *testing.T, s *Server, count int) map[string]server.RaftzGroup {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(readyPoll) {
		groups, led := s.raftGroups(), 0
		for _, g := range groups {
			if g.Leader != "" {
				led++
			}
		}
		if led >= count {
			return groups
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d groups have a leader", led, count)
		}
	}
}

// TestIsolatedServerDoesNotStand: it can't win, and each attempt would make the term higher, for which the leaders of the
// others step down when it is back.
func TestIsolatedServerDoesNotStand(t *testing.T) {
	t.Parallel()
	n, cfg := newNet3(t), fresh(1, 3)
	cfg.Shards, cfg.Streams = 8, 8
	open(t, n.servers[0], cfg)
	c := successionOf(n.servers[0], ServerConfig{Cluster: "net", Election: testElection})
	all := ledGroups(t, n.servers[0], 8+2)
	c.note(nil, time.Now()) // it has no route to anybody
	for _, lost := range []string{n.servers[1].Name(), n.servers[2].Name()} {
		if turns := c.turns(lost, all); len(turns) > 0 {
			t.Errorf("without %s a server that reaches nobody stands for %v", lost, turns)
		}
	}
}

// TestEnded: a process has ended if its port is closed, and that of each other that has no route.
func TestEnded(t *testing.T) {
	live, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	ports, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	closed := []string{fmt.Sprint("127.0.0.1:", ports[0]), fmt.Sprint("127.0.0.1:", ports[1])}
	for _, test := range []struct {
		routes []string
		known  string
		linked string
		want   bool
	}{
		{[]string{live.Addr().String(), closed[0]}, "ab", "a", true},
		{[]string{live.Addr().String(), live.Addr().String()}, "ab", "a", false}, // its port is open: the network fails
		{[]string{live.Addr().String(), closed[0]}, "abc", "a", false},           // which of the two has ended?
		{[]string{closed[0], closed[1]}, "ab", "", true},
		{nil, "ab", "a", false}, // nobody knows where it listens
		// The closed ones were never there: this one, w and z live, though z has no route.
		{[]string{closed[0], closed[1], live.Addr().String(), live.Addr().String(), live.Addr().String()}, "wz", "w", false},
	} {
		c := &succession{routes: test.routes, grace: time.Second, known: map[string]bool{}, linked: counts(test.linked, 1)}
		for _, name := range test.known {
			c.known[string(name)] = true
		}
		if got := c.ended(t.Context()); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// asKnownBy are groups with the leaders that they had, and the peers as a server knows them.
func asKnownBy(s *Server, groups map[string]server.RaftzGroup) map[string]server.RaftzGroup {
	own := s.raftGroups()
	for name, g := range own {
		g.Leader = groups[name].Leader
		own[name] = g
	}
	return own
}

// TestSuccessor: the choice is the same in whatever order the servers are known, and the groups of one that is lost go to
// all others.
func TestSuccessor(t *testing.T) {
	servers := []string{"n1", "n2", "n3", "n4"}
	first := map[string]int{}
	for i := range 1000 {
		group := fmt.Sprint("S-R3F-", i)
		got := successor(group, servers)
		if back := successor(group, []string{"n4", "n3", "n2", "n1"}); back != got {
			t.Fatalf("%s goes to %s or %s", group, got, back)
		}
		first[got]++
	}
	for _, name := range servers {
		if first[name] < 150 || first[name] > 350 {
			t.Errorf("%s stands first for %d of 1000 groups", name, first[name])
		}
	}
}

// TestLeaderCutOff cuts the leader of a stream off from the other servers, but not from its clients. The others go on;
// who asks the deposed leader gets no answer, but no old one either, and what it takes meanwhile never comes to be.
func TestLeaderCutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	n, cfg := newNet3(t), fresh(1, 3)
	var logs [3]engine.Log
	for i, s := range n.servers {
		logs[i] = open(t, s, cfg).Shard(0)
	}
	a := &appender{log: logs[0]}
	for i := range 10 {
		if err := a.append(ctx, fmt.Append(nil, "before ", i)); err != nil {
			t.Fatal(err)
		}
	}
	leader := leaderOf(ctx, t, connect(t, n.servers[0]), cfg, n.servers)
	cutOff, a2 := logs[leader], logs[(leader+1)%3]
	followers := [2]*follower{follow(ctx, cutOff), follow(ctx, a2)}
	followers[0].await(t, 10)
	followers[1].await(t, 10)
	n.isolate(leader, true)

	last := a.accepted[9].Seq
	refused := make(chan error, 1)
	go func() {
		_, err := cutOff.Append(ctx, last, []byte("to the deposed leader"))
		refused <- err
	}()
	a.log = a2
	for i := range 10 {
		if err := a.append(ctx, fmt.Append(nil, "after ", i)); err != nil {
			t.Fatal(err)
		}
	}
	short, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if tail, err := cutOff.Tail(short); err == nil {
		t.Errorf("Tail of who is cut off: %d %q, though %d was accepted", tail.Seq, tail.Payload, a.accepted[19].Seq)
	}
	if err := <-refused; !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("Append by who is cut off: %v, want ErrUnknown", err)
	}
	n.isolate(leader, false)
	if tail, err := cutOff.Tail(ctx); err != nil || tail.Seq != a.accepted[19].Seq {
		t.Errorf("Tail when the cut is healed: %d %q, %v; want %d", tail.Seq, tail.Payload, err, a.accepted[19].Seq)
	}
	for _, f := range followers {
		f.end(t, a.accepted)
	}
	same(t, "read", a.accepted, readAll(ctx, t, cutOff))
}
