package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, node string, shards int, log engine.Log) *coordinator.Coordinator {
	t.Helper()
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: node, Shards: shards}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefuses(t *testing.T) {
	good := coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 1}
	c, err := coordinator.New(good, memory.New(1).Control(), nil)
	if err != nil || c.StreamID() != "stream-coord-c1" || c.LocalNode() != "n1" || c.Shards() != 1 {
		t.Errorf("%v, %v", c, err)
	}
	for want, change := range map[string]func(*coordinator.Config){
		"n_shards must be >= 1":    func(c *coordinator.Config) { c.Shards = 0 },
		"n_shards must be <= 4096": func(c *coordinator.Config) { c.Shards = 4097 },
		`coordinator id "a b"`:     func(c *coordinator.Config) { c.CoordID = "a b" },
		`node name ""`:             func(c *coordinator.Config) { c.LocalNode = "" },
	} {
		cfg := good
		change(&cfg)
		if _, err := coordinator.New(cfg, nil, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestJoinAndLeave(t *testing.T) {
	e := memory.New(1)
	c := open(t, "n1", 4, e.Control())
	if _, err := c.ShardFor("a"); !errors.Is(err, coordinator.ErrNoNodes) {
		t.Errorf("without an assignment: %v", err)
	}
	plan, err := c.Join(t.Context(), "n1")
	if err != nil || len(plan.Moves) != 4 || plan.Moves[2] != (shard.Move{Shard: 2, To: "n1"}) {
		t.Errorf("first join: %+v, %v", plan, err)
	}
	plan, err = c.Join(t.Context(), "n2")
	if err != nil || len(plan.Moves) != 2 || !slices.IsSortedFunc(plan.Moves, func(a, b shard.Move) int { return a.Shard - b.Shard }) {
		t.Errorf("second join: %+v, %v", plan, err)
	}
	for _, m := range plan.Moves {
		if m.From != "n1" || m.To != "n2" || plan.Assignment.Node(m.Shard) != "n2" {
			t.Errorf("move %+v", m)
		}
	}
	if !c.Assignment().Equal(plan.Assignment) {
		t.Error("the plan's assignment is not installed")
	}
	if _, err := c.Join(t.Context(), "n2"); !errors.Is(err, coordinator.ErrNodeExists) {
		t.Errorf("joined twice: %v", err)
	}
	if _, err := c.Leave(t.Context(), "n3"); !errors.Is(err, coordinator.ErrUnknownNode) {
		t.Errorf("a stranger left: %v", err)
	}
	if plan, err = c.Leave(t.Context(), "n1"); err != nil || len(plan.Moves) != 2 {
		t.Errorf("leave: %+v, %v", plan, err)
	}
	plan, err = c.Leave(t.Context(), "n2")
	if err != nil || len(plan.Moves) != 4 || !plan.Assignment.Empty() || plan.Moves[0] != (shard.Move{From: "n2"}) {
		t.Errorf("the last one left: %+v, %v", plan, err)
	}
	want := coordinator.Stats{JoinProposals: 2, LeaveProposals: 2, AssignmentsInstalled: 4, FailedProposals: 2}
	if got := c.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestIdempotentMembership(t *testing.T) {
	e := memory.New(1)
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 4, IdempotentMembership: true},
		e.Control(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Join(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Join(t.Context(), "n1")
	if err != nil || len(again.Moves) != 0 || !again.Assignment.Equal(first.Assignment) {
		t.Errorf("%+v, %v", again, err)
	}
	if got := c.Stats().JoinProposals; got != 1 {
		t.Errorf("%d proposals", got)
	}
}

// TestRecord holds the form of the control record to the byte.
func TestRecord(t *testing.T) {
	s0 := coordinator.NewState(coordinator.Settings{Shards: 3, Hash: "fnv1a64", Key: "subject", Format: 1})
	s1, err := s0.Join(coordinator.Member{Name: "n1", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	s1.Proposal = "P1"
	s2, err := s1.Join(coordinator.Member{Name: "n2", Weight: 1, Zone: "a"})
	if err != nil {
		t.Fatal(err)
	}
	s2.Proposal = "P2"
	first, err := coordinator.AppendRecord(nil, "c1", s0, s1)
	if err != nil {
		t.Fatal(err)
	}
	const s, p = "<oxirs://stream-coord/c1/assignment>", "<http://oxirs.dev/stream-coord#"
	integer := "^^<http://www.w3.org/2001/XMLSchema#integer>"
	want := "TX .\n" +
		"A " + s + " " + p + `assignment> "{\"map\":{\"0\":\"n1\",\"1\":\"n1\",\"2\":\"n1\"}}" .` + "\n" +
		"A " + s + " " + p + `epoch> "1"` + integer + " .\n" +
		"A " + s + " " + p + `settings> "{\"shards\":3,\"hash\":\"fnv1a64\",\"key\":\"subject\",\"format\":1}" .` + "\n" +
		"A " + s + " " + p + `member> "{\"name\":\"n1\",\"incarnation\":1,\"weight\":1}" .` + "\n" +
		"A " + s + " " + p + `shardEpochs> "[1,1,1]" .` + "\n" +
		"A " + s + " " + p + `standbys> "{}" .` + "\n" +
		"A " + s + " " + p + `proposal> "P1" .` + "\n" +
		"TC .\n"
	if string(first) != want {
		t.Errorf("first record:\n%s\nwant:\n%s", first, want)
	}
	second, err := coordinator.AppendRecord(nil, "c1", s1, s2)
	if err != nil {
		t.Fatal(err)
	}
	want = "TX .\n" +
		"D " + s + " " + p + `assignment> "{\"map\":{\"0\":\"n1\",\"1\":\"n1\",\"2\":\"n1\"}}" .` + "\n" +
		"D " + s + " " + p + `epoch> "1"` + integer + " .\n" +
		"D " + s + " " + p + `shardEpochs> "[1,1,1]" .` + "\n" +
		"D " + s + " " + p + `standbys> "{}" .` + "\n" +
		"D " + s + " " + p + `proposal> "P1" .` + "\n" +
		"A " + s + " " + p + `assignment> "{\"map\":{\"0\":\"n1\",\"1\":\"n1\",\"2\":\"n2\"}}" .` + "\n" +
		"A " + s + " " + p + `epoch> "2"` + integer + " .\n" +
		"A " + s + " " + p + `settings> "{\"shards\":3,\"hash\":\"fnv1a64\",\"key\":\"subject\",\"format\":1}" .` + "\n" +
		"A " + s + " " + p + `member> "{\"name\":\"n1\",\"incarnation\":1,\"weight\":1}" .` + "\n" +
		"A " + s + " " + p + `member> "{\"name\":\"n2\",\"incarnation\":2,\"zone\":\"a\",\"weight\":1}" .` + "\n" +
		"A " + s + " " + p + `shardEpochs> "[1,1,2]" .` + "\n" +
		"A " + s + " " + p + `standbys> "{\"n1\":[2],\"n2\":[0,1]}" .` + "\n" +
		"A " + s + " " + p + `proposal> "P2" .` + "\n" +
		"TC .\n"
	if string(second) != want {
		t.Errorf("second record:\n%s\nwant:\n%s", second, want)
	}
	back, err := coordinator.ParseRecord("c1", second)
	if err != nil || back.Epoch != 2 || !back.Assignment.Equal(s2.Assignment) || back.ShardEpoch(2) != 2 ||
		back.Standby(0) != "n2" || !slices.Equal(back.Members, s2.Members) || back.Settings != s2.Settings || back.Proposal != "P2" {
		t.Errorf("read again: %+v, %v", back, err)
	}
	for name, bad := range map[string]string{
		"other coordinator": strings.ReplaceAll(string(second), "/c1/", "/c2/"),
		"cut":               string(second[:len(second)-10]),
		"no epoch":          strings.ReplaceAll(string(second), "#epoch", "#other"),
		"owner unknown":     strings.ReplaceAll(string(second), `{\"name\":\"n2\"`, `{\"name\":\"n9\"`),
	} {
		if _, err := coordinator.ParseRecord("c1", []byte(bad)); !errors.Is(err, engine.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLargestRecordFits: the most shards with the longest names are within the engine's limit.
func TestLargestRecordFits(t *testing.T) {
	c := open(t, "n1", shard.Max, memory.New(1).Control())
	name := strings.Repeat("x", 60)
	for i := range 5 {
		if _, err := c.Join(t.Context(), fmt.Sprintf("%s%03d", name, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInstall(t *testing.T) {
	c := open(t, "n1", 4, memory.New(1).Control())
	plan, err := c.Install(shard.NewAssignment([]string{"n1", "n2", "n1", "n2"}))
	if err != nil || len(plan.Moves) != 4 || c.Stats().JoinProposals != 0 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if plan, err = c.Install(shard.NewAssignment([]string{"n1", "n2", "n1", "n3"})); err != nil || len(plan.Moves) != 1 ||
		plan.Moves[0] != (shard.Move{Shard: 3, From: "n2", To: "n3"}) {
		t.Errorf("%+v, %v", plan, err)
	}
	if m, ok := c.State().Member("n3"); !ok || m != (coordinator.Member{Name: "n3", Incarnation: 2, Weight: 1}) {
		t.Errorf("%+v", m)
	}
	if plan, err = c.Install(plan.Assignment); err != nil || len(plan.Moves) != 0 {
		t.Errorf("the same again: %+v, %v", plan, err)
	}
	if plan, err = c.Join(t.Context(), "n4"); err != nil || len(plan.Moves) != 1 {
		t.Errorf("the next join builds on it: %+v, %v", plan, err)
	}
	if _, err = c.Join(t.Context(), "n3"); !errors.Is(err, coordinator.ErrNodeExists) {
		t.Errorf("n3 came with the assignment: %v", err)
	}
	if _, err = c.Install(shard.NewAssignment(make([]string, 5))); err == nil {
		t.Error("an assignment of other size was installed")
	}
}

func TestSettingsDiffer(t *testing.T) {
	log := memory.New(1).Control()
	if _, err := open(t, "n1", 4, log).Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, "n2", 8, log).Join(t.Context(), "n2")
	if !errors.Is(err, coordinator.ErrSettings) || !strings.Contains(err.Error(), "8 here, and 4") {
		t.Errorf("%v", err)
	}
}

// flaky is a log whose appends are refused for no reason, get lost, or take effect without anybody being told.
type flaky struct {
	engine.Log
	mu     sync.Mutex
	faults []fault
	late   func() // a copy that is still on its way
}

type fault int

const (
	none fault = iota
	lost
	unanswered
	delayed
	refused
)

func (f *flaky) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := none
	if len(f.faults) > 0 {
		next, f.faults = f.faults[0], f.faults[1:]
	}
	late := f.late
	f.late = nil
	if late != nil {
		late()
	}
	switch next {
	case lost:
		return 0, engine.ErrUnknown
	case unanswered:
		_, _ = f.Log.Append(ctx, expect, payload)
		return 0, engine.ErrUnknown
	case delayed:
		copied := slices.Clone(payload)
		f.late = func() { _, _ = f.Log.Append(context.Background(), expect, copied) }
		return 0, engine.ErrUnknown
	case refused:
		return 0, engine.ErrConflict
	}
	return f.Log.Append(ctx, expect, payload)
}

// TestAnyOrderOfAnything lets several coordinators join and leave nodes over a log that fails in every way, and expects
// that each proposal took effect exactly once and that all who follow end with the same.
func TestAnyOrderOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := memory.New(1).Control()
		var proposers []*coordinator.Coordinator
		for i := range 3 {
			faults := rapid.SliceOfN(rapid.Map(rapid.IntRange(int(none), int(refused)), func(i int) fault { return fault(i) }), 0, 6).Draw(t, "faults")
			c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: fmt.Sprintf("p%d", i), Shards: 6},
				&flaky{Log: log, faults: faults}, nil)
			if err != nil {
				t.Fatal(err)
			}
			proposers = append(proposers, c)
		}
		members := map[string]bool{}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			c := rapid.SampledFrom(proposers).Draw(t, "proposer")
			node := rapid.SampledFrom([]string{"n1", "n2", "n3", "n4"}).Draw(t, "node")
			if rapid.Bool().Draw(t, "join") {
				_, err := c.Join(context.Background(), node)
				if errors.Is(err, coordinator.ErrNodeExists) != members[node] || err != nil && !members[node] {
					t.Fatalf("join %s: %v; members %v", node, err, members)
				}
				members[node] = true
			} else {
				_, err := c.Leave(context.Background(), node)
				if errors.Is(err, coordinator.ErrUnknownNode) == members[node] || err != nil && members[node] {
					t.Fatalf("leave %s: %v; members %v", node, err, members)
				}
				delete(members, node)
			}
		}
		tail, err := log.Tail(context.Background())
		if err != nil || tail.Seq == 0 {
			return // nothing was committed
		}
		want, err := coordinator.ParseRecord("c1", tail.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range proposers {
			ctx, cancel := context.WithCancel(context.Background())
			wake, stop := c.Watch()
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			for c.State().Epoch != want.Epoch {
				<-wake
			}
			cancel()
			<-done
			stop()
			if !c.Assignment().Equal(want.Assignment) || len(c.State().Members) != len(members) {
				t.Fatalf("%s has %v, the log %v", c.LocalNode(), c.Assignment(), want.Assignment)
			}
		}
		for i := range want.Members {
			if !members[want.Members[i].Name] {
				t.Fatalf("members %v, want %v", want.Members, members)
			}
		}
	})
}

// TestConcurrentProposals: every proposal that was confirmed is in the log, once.
func TestConcurrentProposals(t *testing.T) {
	log := memory.New(1).Control()
	var all sync.WaitGroup
	for i := range 12 {
		c := open(t, fmt.Sprintf("n%d", i), 24, log)
		all.Go(func() {
			if _, err := c.Join(t.Context(), c.LocalNode()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	records := 0
	_, err := log.Read(t.Context(), 1, func(e engine.Entry) error {
		records++
		s, err := coordinator.ParseRecord("c1", e.Payload)
		if err == nil && (s.Epoch != uint64(records) || len(s.Members) != records) {
			err = fmt.Errorf("record %d: epoch %d, %d members", records, s.Epoch, len(s.Members))
		}
		return err
	})
	if err != nil || records != 12 {
		t.Errorf("%d records, %v", records, err)
	}
}

func TestFailedProposalLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, "n1", 4, &flaky{Log: memory.New(1).Control(), faults: slices.Repeat([]fault{lost}, 1000)})
		before := c.State()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := c.Join(ctx, "n1"); !errors.Is(err, coordinator.ErrOutcomeUnknown) {
			t.Errorf("%v", err)
		}
		if c.State() != before || c.Stats().FailedProposals != 1 {
			t.Error("a failed proposal left a trace")
		}
	})
}

// TestAbsent: who was taken for dead is waited for, until it is back, or has left; of too many, those that went first.
func TestAbsent(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 1})
	for i := range coordinator.MaxAbsent + 3 {
		s = s.Enter(coordinator.Member{Name: fmt.Sprintf("n%03d", i), Weight: 1})
	}
	names := func(s *coordinator.State) (list []string) {
		for _, m := range s.Members {
			list = append(list, m.Name)
		}
		return list
	}
	all := names(s)
	fail := func(s *coordinator.State, name string) *coordinator.State {
		m, _ := s.Member(name)
		next, err := s.Fail(name, m.Incarnation)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	first := fail(fail(s, "n002"), "n001")
	if want := []string{"n001", "n002"}; !slices.Equal(first.Absent, want) || len(s.Absent) > 0 {
		t.Errorf("%v are absent", first.Absent)
	}
	back := first.Enter(coordinator.Member{Name: "n001", Weight: 1})
	if want := []string{"n002"}; !slices.Equal(back.Absent, want) || len(first.Absent) != 2 {
		t.Errorf("%v are absent when one is back", back.Absent)
	}
	m, _ := s.Member("n000")
	if left, err := first.Withdraw("n000", m.Incarnation); err != nil || !slices.Equal(left.Absent, first.Absent) {
		t.Errorf("%v, %v: who leaves is not waited for", left.Absent, err)
	}
	for _, name := range slices.Backward(all[1:]) {
		s = fail(s, name)
	}
	if !slices.Equal(s.Absent, all[len(all)-coordinator.MaxAbsent:]) {
		t.Errorf("%d are absent, the first %s", len(s.Absent), s.Absent[0])
	}
	for _, s := range []*coordinator.State{s, first, back} {
		if read, err := coordinator.ParseRecord("c1", []byte(text(t, s))); err != nil || !slices.Equal(read.Absent, s.Absent) {
			t.Errorf("read again: %d of %d, %v", len(read.Absent), len(s.Absent), err)
		}
	}
}

func TestEnterAndFail(t *testing.T) {
	log := memory.New(1).Control()
	first, second := open(t, "n1", 4, log), open(t, "n1", 4, log)
	for _, c := range []*coordinator.Coordinator{first, second} {
		if _, err := c.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := second.State().Member("n1")
	if m.Incarnation != 2 || second.State().ShardEpoch(0) != 1 {
		t.Errorf("member %+v, shard epoch %d: the name has kept its shards", m, second.State().ShardEpoch(0))
	}
	if own, other := second.Process().Entered(second.State()); own != 2 || other {
		t.Errorf("the second process knows its entry as %d, another's: %v", own, other)
	}
	if own, other := first.Process().Entered(second.State()); own != 0 || !other {
		t.Errorf("the first process takes the second's entry for its own: %d, %v", own, other)
	}
	if plan, err := second.Fail(t.Context(), "n1", 1); err != nil || len(plan.Moves) != 0 {
		t.Errorf("the first process failed, not the second: %+v, %v", plan, err)
	}
	if plan, err := first.Fail(t.Context(), "n1", 2); err != nil || len(plan.Moves) != 0 {
		t.Errorf("a process whose name another bears takes that for dead: %+v, %v", plan, err)
	}
	if plan, err := second.Fail(t.Context(), "n1", 2); err != nil || len(plan.Moves) != 4 {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestRoute(t *testing.T) {
	var got []event.Event
	receiver := shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error {
		got = append(got, b.Events...)
		return nil
	})
	ship := shipper.New("n1", nil, shipper.WithShards(4), shipper.WithReceiver(receiver))
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 4}, memory.New(1).Control(), ship)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := coordinator.JSON(map[string]int{"v": 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Route(t.Context(), "k", payload); !errors.Is(err, coordinator.ErrNoNodes) {
		t.Errorf("nobody is there: %v", err)
	}
	if _, err := c.Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	target, err := c.Route(t.Context(), "k", payload)
	if err != nil || target != (coordinator.Target{Shard: shard.Of("k", 4), Node: "n1", Local: true}) {
		t.Errorf("%+v, %v", target, err)
	}
	var v struct{ V int }
	if len(got) != 1 || coordinator.PayloadOf(&got[0]).Decode(&v) != nil || v.V != 7 {
		t.Errorf("delivered: %+v, %+v", got, v)
	}
	if _, err := c.Install(shard.NewAssignment([]string{"n2", "n2", "n2", "n2"})); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Route(t.Context(), "k", payload); !errors.Is(err, shipper.ErrNoRoute) {
		t.Errorf("there is no way to n2: %v", err)
	}
	if s := c.Stats(); s.Routed != 1 || s.LocallyDelivered != 1 || s.RemotelyShipped != 0 {
		t.Errorf("stats %+v", s)
	}
}

func BenchmarkRoute(b *testing.B) {
	for _, shards := range []int{8, 4096} {
		b.Run(fmt.Sprintf("shards=%d", shards), func(b *testing.B) { benchmarkRoute(b, shards) })
	}
}

// benchmarkRoute routes to two nodes: half of the shards are here, the others behind the in-process transport.
func benchmarkRoute(b *testing.B, shards int) {
	receiver := shipper.ReceiverFunc(func(context.Context, event.Batch) error { return nil })
	transport := shipper.NewInProcess(1024)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- transport.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if err := transport.RegisterRoute("n2", receiver); err != nil {
		b.Fatal(err)
	}
	ship := shipper.New("n1", transport, shipper.WithShards(shards), shipper.WithReceiver(receiver))
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: shards}, memory.New(1).Control(), ship)
	if err != nil {
		b.Fatal(err)
	}
	for _, node := range []string{"n1", "n2"} {
		if _, err := c.Join(ctx, node); err != nil {
			b.Fatal(err)
		}
	}
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprintf("http://example.org/factory/sensor/%d", i)
	}
	payload := coordinator.Payload{MediaType: "application/rdf-patch", Data: []byte("A <http://e/s> <http://e/p> \"1\" .\n")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Route(ctx, keys[i%len(keys)], payload); err != nil {
			b.Fatal(err)
		}
	}
}

// TestKeepMustAgree: what is a duplicate depends on it. A record of before says nothing, which is the default.
func TestKeepMustAgree(t *testing.T) {
	with := func(keep time.Duration) coordinator.Settings {
		return coordinator.Settings{Shards: 3, Hash: "fnv1a64", Key: "subject", Keep: keep, Format: 1}
	}
	for _, ok := range [][2]time.Duration{{time.Hour, time.Hour}, {0, 0}, {coordinator.DefaultKeep, 0}} {
		if err := with(ok[0]).Check(with(ok[1])); err != nil {
			t.Errorf("%v: %v", ok, err)
		}
	}
	for _, bad := range [][2]time.Duration{{time.Hour, 2 * time.Hour}, {time.Hour, 0}, {0, time.Hour}} {
		if err := with(bad[0]).Check(with(bad[1])); !errors.Is(err, coordinator.ErrSettings) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	err := with(time.Hour).Check(with(0))
	if err == nil || !strings.Contains(err.Error(), "keys are kept is 1h0m0s here, and 24h0m0s in the pipeline") {
		t.Errorf("the error must name both values: %v", err)
	}
	if _, err := coordinator.New(coordinator.Config{CoordID: "c", LocalNode: "n1", Shards: 1, Keep: -1},
		memory.New(1).Control(), nil); err == nil {
		t.Error("a negative time was taken")
	}
}
