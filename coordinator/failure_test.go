package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

// broken is a log whose tail, appends or reads fail, in this order of the fields.
type broken struct {
	engine.Log
	tail, append, read error
}

func (b *broken) Tail(ctx context.Context) (engine.Entry, error) {
	if b.tail != nil {
		return engine.Entry{}, b.tail
	}
	return b.Log.Tail(ctx)
}

func (b *broken) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if b.append != nil {
		return 0, b.append
	}
	return b.Log.Append(ctx, expect, payload)
}

func (b *broken) Read(ctx context.Context, from uint64, fn func(engine.Entry) error) (uint64, error) {
	if b.read != nil {
		return 0, b.read
	}
	return b.Log.Read(ctx, from, fn)
}

// TestProposalsThatFailLeaveNoTrace: whatever the proposal and whatever the failure, the state that is installed is the
// same one, nobody who watches is told, and the failure is counted.
func TestProposalsThatFailLeaveNoTrace(t *testing.T) {
	down := errors.New("the engine is down")
	proposals := map[string]proposal{"join": join, "enter": enter, "leave": leave, "fail": fail}
	for _, test := range []struct {
		name  string
		log   broken
		ended bool // the context, before the call
		want  error
	}{
		{name: "the tail can't be read", log: broken{tail: down}, want: down},
		{name: "the append fails", log: broken{append: down}, want: down},
		{name: "the record is too large", log: broken{append: engine.ErrTooLarge}, want: engine.ErrTooLarge},
		{name: "the outcome stays unknown", log: broken{append: engine.ErrUnknown}, want: coordinator.ErrOutcomeUnknown},
		{name: "refused again and again", log: broken{append: engine.ErrConflict}, want: context.DeadlineExceeded},
		{name: "the context has ended", ended: true, want: context.Canceled},
	} {
		for name, propose := range proposals {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { leavesNoTrace(t, test.log, name, propose, test.ended, test.want) })
			})
		}
	}
}

// leavesNoTrace is called within a bubble, in whose time nothing ends but what is tried again and again.
func leavesNoTrace(t *testing.T, log broken, name string, propose proposal, ended bool, want error) {
	log.Log = memory.New(1).Control()
	tail, appends := log.tail, log.append
	log.tail, log.append = nil, nil
	c := open(t, "n1", 4, &log)
	for _, node := range []string{"n1", "n2"} {
		if _, err := c.Join(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	log.tail, log.append = tail, appends
	before, stats := c.State(), c.Stats()
	wake, stop := c.Watch()
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if ended {
		cancel()
	}
	node := map[string]string{"join": "n3", "leave": "n2", "fail": "n2"}[name]
	plan, err := propose(ctx, c, node)
	if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "coordinator c1: ") {
		t.Errorf("%v, want %v", err, want)
	}
	if c.State() != before || len(plan.Moves) > 0 || plan.Assignment.Shards() > 0 || len(wake) > 0 {
		t.Errorf("a failed proposal left a trace: plan %+v, state %+v", plan, c.State())
	}
	after := c.Stats()
	if after.FailedProposals != stats.FailedProposals+1 || after.AssignmentsInstalled != stats.AssignmentsInstalled {
		t.Errorf("stats %+v, before %+v", after, stats)
	}
	if last, err := log.Log.Tail(t.Context()); err != nil || last.Seq == 0 || parsed(t, last).Epoch != 2 {
		t.Errorf("the log's tail is %+v, %v", last, err)
	}
}

func parsed(t testing.TB, e engine.Entry) *coordinator.State {
	t.Helper()
	s, err := coordinator.ParseRecord("c1", e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestUnknownOutcomeComesByTheLog: the proposer was told that the outcome is unknown; the record arrives afterwards and
// takes effect as everybody's does.
func TestUnknownOutcomeComesByTheLog(t *testing.T) {
	log := memory.New(1).Control()
	var late func()
	ctx, crashed := context.WithCancel(t.Context())
	c := open(t, "n1", 4, &crashing{Log: log, crash: func(expect uint64, payload []byte) {
		late = func() {
			if _, err := log.Append(t.Context(), expect, payload); err != nil {
				t.Error(err)
			}
		}
		crashed()
	}})
	if _, err := c.Join(ctx, "n1"); !errors.Is(err, coordinator.ErrOutcomeUnknown) || c.State().Epoch != 0 {
		t.Fatalf("%v, state %+v", err, c.State())
	}
	late()
	if c.State().Epoch != 0 || !c.Assignment().Empty() {
		t.Error("installed without having read it")
	}
	runUntil(t, c, 1)
	if c.Assignment().Node(0) != "n1" || c.Stats().AssignmentsInstalled != 1 || c.Stats().FailedProposals != 1 {
		t.Errorf("state %+v, stats %+v", c.State(), c.Stats())
	}
}

// runUntil lets the coordinator follow the log until it has installed that epoch.
func runUntil(t *testing.T, c *coordinator.Coordinator, epoch uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wake, stop := c.Watch()
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for c.State().Epoch < epoch {
		select {
		case <-wake:
		case err := <-ended:
			t.Fatalf("Run has ended at epoch %d: %v", c.State().Epoch, err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// TestOutcomeCantBeLookedUp: the append was perhaps carried out, and nobody can say whose record is there now.
func TestOutcomeCantBeLookedUp(t *testing.T) {
	gone := errors.New("the log can't be read")
	inner := memory.New(1).Control()
	if _, err := open(t, "n1", 4, inner).Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	c := open(t, "n2", 4, &broken{Log: &flaky{Log: inner, faults: []fault{unanswered}}, read: gone})
	_, err := c.Join(t.Context(), "n2")
	if !errors.Is(err, coordinator.ErrOutcomeUnknown) || !errors.Is(err, gone) || c.State().Epoch != 1 {
		t.Errorf("%v; epoch %d: what is not confirmed is not installed", err, c.State().Epoch)
	}
	if _, err := c.Join(t.Context(), "n2"); !errors.Is(err, coordinator.ErrNodeExists) || c.State().Epoch != 2 {
		t.Errorf("the next look at the log brings it: %v, epoch %d", err, c.State().Epoch)
	}
}

func TestRunStops(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(engine.Log) error
		want  error
	}{
		"other settings": {func(log engine.Log) error {
			_, err := open(t, "n9", 8, log).Join(t.Context(), "n9")
			return err
		}, coordinator.ErrSettings},
		"damage": {func(log engine.Log) error {
			_, err := log.Append(t.Context(), 0, []byte("TX .\nno patch\nTC .\n"))
			return err
		}, engine.ErrDamaged},
	} {
		log := memory.New(1).Control()
		if err := test.spoil(log); err != nil {
			t.Fatal(err)
		}
		c := open(t, "n1", 4, log)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := c.Run(ctx); !errors.Is(err, test.want) || c.State().Epoch != 0 {
			t.Errorf("%s: %v, epoch %d", name, err, c.State().Epoch)
		}
		if _, err := c.Join(ctx, "n1"); !errors.Is(err, test.want) || c.State().Epoch != 0 {
			t.Errorf("%s: a proposal: %v, epoch %d", name, err, c.State().Epoch)
		}
		cancel()
	}
}

// TestRunOutlivesTheEngine: a log that can't be read for a while is read again.
func TestRunOutlivesTheEngine(t *testing.T) {
	inner := memory.New(1).Control()
	if _, err := open(t, "n1", 4, inner).Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	runUntil(t, open(t, "n2", 4, &hiccups{Log: inner, left: 2}), 1)
}

// TestRunEnds: also while the log can't be read.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, "n1", 4, &hiccups{Log: memory.New(1).Control(), left: 1_000_000})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Millisecond)
		defer cancel()
		if err := c.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// hiccups is a log whose tail can't be read the first times.
type hiccups struct {
	engine.Log
	left int
}

func (h *hiccups) Tail(ctx context.Context) (engine.Entry, error) {
	if h.left > 0 {
		h.left--
		return engine.Entry{}, errors.New("no leader")
	}
	return h.Log.Tail(ctx)
}

func TestInstallTellsWhoWatches(t *testing.T) {
	c := open(t, "n1", 4, memory.New(1).Control())
	wake, stop := c.Watch()
	if _, err := c.Install(shard.NewAssignment([]string{"n1", "n2"})); err != nil { // two shards belong to nobody
		t.Fatal(err)
	}
	if len(wake) != 1 || c.Stats().AssignmentsInstalled != 1 || c.State().Epoch != 1 || c.State().ShardEpoch(1) != 1 {
		t.Errorf("%d wakes, stats %+v, state %+v", len(wake), c.Stats(), c.State())
	}
	before := c.State()
	for _, bad := range [][]string{{"n1", "a b"}, {"n1", "n2", "n1", "n2", "n1"}} {
		if _, err := c.Install(shard.NewAssignment(bad)); err == nil || !strings.HasPrefix(err.Error(), "install: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := c.Install(before.Assignment); err != nil || c.State() != before || c.Stats().AssignmentsInstalled != 1 {
		t.Errorf("the same again, and what is refused, change nothing: %v, %+v", err, c.Stats())
	}
	<-wake
	stop()
	if _, err := c.Install(shard.NewAssignment([]string{"n2", "n2"})); err != nil || len(wake) != 0 {
		t.Errorf("told after the watch has ended: %v", err)
	}
	if _, ok := c.State().Member("n1"); ok || c.State().ShardEpoch(0) != 2 || c.State().ShardEpoch(1) != 1 {
		t.Errorf("state %+v", c.State())
	}
}

// TestRouteFails: nothing that fails is counted as routed, and each error says where the event was to go.
func TestRouteFails(t *testing.T) {
	transport := shipper.NewInProcess(16)
	full := errors.New("the receiver is full")
	ship := shipper.New("n1", transport, shipper.WithShards(4), shipper.WithReceiver(
		shipper.ReceiverFunc(func(context.Context, event.Batch) error { return full })))
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 4}, memory.New(1).Control(), ship)
	if err != nil {
		t.Fatal(err)
	}
	owned := func(node string) {
		if _, err := c.Install(shard.NewAssignment([]string{node, node, node, node})); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want error, target coordinator.Target) {
		t.Helper()
		target.Shard = shard.Of("k", 4)
		got, err := c.Route(t.Context(), "k", coordinator.Payload{})
		if !errors.Is(err, want) || got != target {
			t.Errorf("%+v, %v; want %+v, %v", got, err, target, want)
		}
		if looked, err := c.ShardFor("k"); looked != target || (err != nil) != (target.Node == "") {
			t.Errorf("ShardFor: %+v, %v; want %+v", looked, err, target)
		}
	}
	check(coordinator.ErrNoNodes, coordinator.Target{})
	owned("n2")
	check(shipper.ErrNoRoute, coordinator.Target{Node: "n2"})
	owned("n1")
	check(full, coordinator.Target{Node: "n1", Local: true})
	check(shipper.ErrSend, coordinator.Target{Node: "n1", Local: true})
	if s := c.Stats(); s.Routed != 0 || s.LocallyDelivered != 0 || s.RemotelyShipped != 0 {
		t.Errorf("stats %+v", s)
	}
	taker := shipper.ReceiverFunc(func(context.Context, event.Batch) error { return nil })
	if err := transport.RegisterRoute("n2", taker); err != nil {
		t.Fatal(err)
	}
	owned("n2")
	for range 3 {
		check(nil, coordinator.Target{Node: "n2"})
	}
	if s := c.Stats(); s.Routed != 3 || s.LocallyDelivered != 0 || s.RemotelyShipped != 3 {
		t.Errorf("stats %+v", s)
	}
}

func TestPayload(t *testing.T) {
	if _, err := coordinator.JSON(make(chan int)); err == nil {
		t.Error("a channel is no JSON")
	}
	var v int
	for _, test := range []struct {
		p  coordinator.Payload
		ok bool
	}{
		{coordinator.Payload{MediaType: "application/json", Data: []byte("7")}, true},
		{coordinator.Payload{MediaType: "Application/JSON; charset=utf-8", Data: []byte("7")}, true},
		{coordinator.Payload{MediaType: "text/plain", Data: []byte("7")}, false},
		{coordinator.Payload{Data: []byte("7")}, false},
		{coordinator.Payload{MediaType: "application/json", Data: []byte("{")}, false},
	} {
		v = 0
		if err := test.p.Decode(&v); (err == nil) != test.ok || (v == 7) != test.ok {
			t.Errorf("%s %s: %v, %d", test.p.MediaType, test.p.Data, err, v)
		}
	}
}

// TestRecordInTheLog: what Join commits is the record that TestRecord holds to the byte, with a proposal id of its own.
func TestRecordInTheLog(t *testing.T) {
	log := memory.New(1).Control()
	cfg := coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 2, Key: "subject", Zone: "z", Weight: 3}
	c, err := coordinator.New(cfg, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, node := range []string{"n1", "n2"} {
		if _, err := c.Join(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.State().Proposal)
	}
	tail, err := log.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const s, p = "<oxirs://stream-coord/c1/assignment>", "<http://oxirs.dev/stream-coord#"
	integer := "^^<http://www.w3.org/2001/XMLSchema#integer>"
	want := "TX .\n" +
		"D " + s + " " + p + `epoch> "1"` + integer + " .\n" +
		"D " + s + " " + p + `standbys> "{}" .` + "\n" +
		"D " + s + " " + p + `proposal> "` + ids[0] + `" .` + "\n" +
		"A " + s + " " + p + `assignment> "{\"map\":{\"0\":\"n1\",\"1\":\"n1\"}}" .` + "\n" +
		"A " + s + " " + p + `epoch> "2"` + integer + " .\n" +
		"A " + s + " " + p + `settings> "{\"shards\":2,\"hash\":\"fnv1a64\",\"key\":\"subject\",\"keep_ns\":86400000000000,\"format\":6}" .` + "\n" +
		"A " + s + " " + p + `member> "{\"name\":\"n1\",\"incarnation\":1,\"zone\":\"z\",\"weight\":3,\"format\":6}" .` + "\n" +
		"A " + s + " " + p + `member> "{\"name\":\"n2\",\"incarnation\":2,\"weight\":1,\"format\":6}" .` + "\n" +
		"A " + s + " " + p + `shardEpochs> "[1,1]" .` + "\n" +
		"A " + s + " " + p + `standbys> "{\"n2\":[0,1]}" .` + "\n" +
		"A " + s + " " + p + `proposal> "` + ids[1] + `" .` + "\n" +
		"TC .\n"
	if string(tail.Payload) != want || ids[0] == ids[1] || len(ids[0]) < 26 {
		t.Errorf("committed:\n%s\nwant:\n%s", tail.Payload, want)
	}
}

func TestNodeNames(t *testing.T) {
	c := open(t, "n1", 4, memory.New(1).Control())
	for _, bad := range []string{"", "a b", "a/b", "ä", strings.Repeat("x", 64)} {
		_, err := c.Join(t.Context(), bad)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("node name %q", bad)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if s := c.Stats(); s != (coordinator.Stats{}) {
		t.Errorf("stats %+v", s)
	}
	if _, err := c.Join(t.Context(), "A-z.0_9:x@y"+strings.Repeat("x", 52)); err != nil {
		t.Error(err)
	}
}

// stale is a control log that once tells a tail of before, as a replica does that is behind.
type stale struct {
	engine.Log
	tail    *engine.Entry
	appends int
}

func (s *stale) Tail(ctx context.Context) (engine.Entry, error) {
	if tail := s.tail; tail != nil {
		s.tail = nil
		return *tail, nil
	}
	return s.Log.Tail(ctx)
}

func (s *stale) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	s.appends++
	return s.Log.Append(ctx, expect, payload)
}

// ignoring is a control log that doesn't look at the context.
type ignoring struct{ stale }

func (l *ignoring) Tail(ctx context.Context) (engine.Entry, error) {
	return l.stale.Tail(context.WithoutCancel(ctx))
}

func (l *ignoring) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	return l.stale.Append(context.WithoutCancel(ctx), expect, payload)
}

// TestEndedContext: nothing is proposed for who has gone.
func TestEndedContext(t *testing.T) {
	log := &ignoring{stale{Log: memory.New(1).Control()}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, "n1", 4, log).Join(ctx, "n1"); !errors.Is(err, context.Canceled) || log.appends != 0 {
		t.Errorf("%v, %d appends", err, log.appends)
	}
}

// TestStaleTail: who has installed a later state than the tail that is read builds on that.
func TestStaleTail(t *testing.T) {
	log := &stale{Log: memory.New(1).Control()}
	c := open(t, "n1", 4, log)
	if _, err := c.Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	before, err := log.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), "n2"); err != nil {
		t.Fatal(err)
	}
	// Who has installed nothing is refused, and tries again: that is one proposal.
	log.tail = &before
	other := open(t, "n2", 4, log)
	if _, err := other.Enter(t.Context()); err != nil || log.appends != 4 || other.Stats().JoinProposals != 1 {
		t.Errorf("%v, %d appends, %+v", err, log.appends, other.Stats())
	}
	if before, err = log.Tail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Leave(t.Context(), "n2"); err != nil {
		t.Fatal(err)
	}
	log.tail, log.appends = &before, 0
	if _, err := c.Join(t.Context(), "n3"); err != nil || log.appends != 1 || len(c.State().Members) != 2 {
		t.Errorf("%v, %d appends, %+v", err, log.appends, c.State().Members)
	}
}
