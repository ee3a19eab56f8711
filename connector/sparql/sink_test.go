package sparql_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/patch"
)

func TestFuseki(t *testing.T) { testStore(t, fuseki(t, "tdb2")) }

func TestFusekiInMemory(t *testing.T) {
	s := fuseki(t, "memory")
	conntest.TestSink(t, s.target)
	t.Run("faults", func(t *testing.T) { testFaults(t, s, false) })
}

func TestOxigraph(t *testing.T) { testStore(t, oxigraph(t, "disk")) }

// TestBlazegraph: its default graph is all graphs when it is asked, so of quads in named graphs nothing is tested.
func TestBlazegraph(t *testing.T) {
	conntest.TestSink(t, blazegraph(t).target)
}

// testStore is what must hold for a store that keeps its data over a kill.
func testStore(t *testing.T, s *store) {
	conntest.TestSink(t, s.target)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *store)
	}{
		{"faults and kills", func(t *testing.T, s *store) { testFaults(t, s, true) }},
		{"late update", testLate},
		{"update beside another", testBeside},
		{"two writers", testTwoWriters},
		{"parts", testParts},
		{"several requests", testSeveral},
		{"default graph", testDefaultGraph},
		{"blank nodes refused", testRefuse},
		{"TLS", testTLS},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.do(t, "DROP ALL")
			test.run(t, s)
		})
	}
}

// keep writes a log as the pipeline does, over all errors, until the store has all of it.
func keep(ctx context.Context, t testing.TB, sink connector.Sink, l *shardLog, random *rand.Rand) {
	t.Helper()
	for ctx.Err() == nil {
		w, err := sink.Open(ctx, l.shard)
		if err != nil {
			continue
		}
		for rest := l.after(t, w.At()); err == nil || errors.Is(err, connector.ErrRetry); rest = l.after(t, w.At()) {
			if len(rest) == 0 || ctx.Err() != nil {
				_ = w.Close()
				return
			}
			err = w.Write(ctx, rest[:1+random.IntN(min(len(rest), 8))])
		}
		_ = w.Close()
	}
}

// same compares what the store has with what it is to have.
func same(t testing.TB, s *store, logs ...*shardLog) {
	t.Helper()
	if diff := cmp.Diff(want(logs...), s.quads(t)); diff != "" {
		t.Errorf("the store (+) differs from the logs (-):\n%s", diff)
	}
}

// testFaults: whatever becomes of requests and of the store, it has at the end what the logs say.
func testFaults(t *testing.T, s *store, kill bool) {
	s.do(t, "DROP ALL")
	random := rand.New(rand.NewPCG(1, 2))
	g := newGateway(t, s)
	logs := []*shardLog{newLog(0, 1), newLog(1, 1)}
	for round := range 4 {
		for _, l := range logs {
			l.grow(15, 6)
		}
		g.randomly(random, 3)
		var all sync.WaitGroup
		for _, l := range logs {
			own := rand.New(rand.NewPCG(uint64(round), uint64(l.shard)))
			requests := func(cfg *sparql.SinkConfig) { cfg.MaxRequest = []int{1 << 20, 600}[l.shard] }
			all.Go(func() { keep(t.Context(), t, s.sink(t, g.through, requests), l, own) })
		}
		if kill && round%2 == 1 {
			s.peer.Restart(t)
		}
		all.Wait()
		same(t, s, logs...)
	}
}

// testLate: an update that arrives when the shard has another writer has no effect, be it before that one has written or after.
func testLate(t *testing.T, s *store) {
	g := newGateway(t, s)
	l := newLog(0, 2)
	l.grow(40, 6)
	for _, written := range []int{0, 10} {
		s.do(t, "DROP ALL")
		old, err := s.sink(t, g.through).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if written > 0 {
			if err := old.Write(t.Context(), l.records[:written]); err != nil {
				t.Fatal(err)
			}
		}
		held := g.hold()
		if err := old.Write(t.Context(), l.records[written:20]); !errors.Is(err, connector.ErrRetry) {
			t.Fatalf("an update was lost: %v", err)
		}
		late := (<-held).String()
		w, err := s.sink(t).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		unmoved(t, s, late)
		keep(t.Context(), t, s.sink(t), l, rand.New(rand.NewPCG(3, 3)))
		unmoved(t, s, late)
		same(t, s, l)
		g.release()
	}
}

// goesOn opens the sink, writes the rest, and looks whether the store has what the log says.
func goesOn(t *testing.T, s *store, l *shardLog) {
	t.Helper()
	w, err := s.sink(t).Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), l.after(t, w.At())); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	same(t, s, l)
}

// unmoved runs an update that must have no effect on the position.
func unmoved(t *testing.T, s *store, update string) {
	t.Helper()
	before := s.positions(t, 0)
	s.do(t, update)
	if after := s.positions(t, 0); !cmp.Equal(before, after) || len(after) != 1 {
		t.Errorf("the late update has changed the position: %q, it was %q", after, before)
	}
}

// testBeside: a store that lets updates run beside each other may do one though the shard has another writer by the time that it
// is done. That is what it does without its guard. The successor notices, and what it was is mended.
func testBeside(t *testing.T, s *store) {
	g := newGateway(t, s)
	l := newLog(0, 11)
	l.grow(40, 6)
	for _, reached := range []int{10, 15, 20, 30} { // where the successor is by then
		s.do(t, "DROP ALL")
		g.then(nil)
		old, err := s.sink(t, g.through).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if err := old.Write(t.Context(), l.records[:10]); err != nil {
			t.Fatal(err)
		}
		held := g.hold()
		_ = old.Write(t.Context(), l.records[10:20])
		update, _, _ := strings.Cut((<-held).String(), "WHERE {")
		w, err := s.sink(t).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if reached > 10 {
			if err := w.Write(t.Context(), l.records[10:reached]); err != nil {
				t.Fatal(err)
			}
		}
		s.do(t, update+"WHERE {}")
		if err := w.Write(t.Context(), l.records[reached:35]); err == nil || errors.Is(err, connector.ErrRetry) {
			t.Errorf("the successor at %d doesn't notice: %v", reached, err)
		}
		goesOn(t, s, l)
		if at := s.positions(t, 0); len(at) != 1 {
			t.Errorf("the positions are %q", at)
		}
		g.release()
	}
}

// testTwoWriters: of writers at the same time, as a node that doesn't know yet that it is deposed makes them, whichever has an
// effect, the store has at the end what the log says, also where it lets two updates run beside each other. An update under way that
// nobody waits for any more is done before that is looked at: one that took effect later the next writer would find.
func testTwoWriters(t *testing.T, s *store) {
	l := newLog(0, 4)
	for round := range uint64(8) {
		l.grow(8, 6)
		g := newGateway(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for writer := range uint64(3) {
			requests := func(cfg *sparql.SinkConfig) { cfg.MaxRequest = []int{1 << 20, 300, 600}[writer] }
			all.Go(func() {
				keep(ctx, t, s.sink(t, g.through, requests), l, rand.New(rand.NewPCG(round, writer)))
				cancel() // who is first ends the others
			})
		}
		all.Wait()
		cancel()
		g.Close()
		keep(t.Context(), t, s.sink(t), l, rand.New(rand.NewPCG(round, 9)))
		same(t, s, l)
		if at := s.positions(t, 0); len(at) != 1 {
			t.Errorf("the positions are %q", at)
		}
	}
}

// testParts: a record that takes several requests, of which any but the first is lost, is whole at the end.
func testParts(t *testing.T, s *store) {
	g := newGateway(t, s)
	l := newLog(0, 5)
	small := func(cfg *sparql.SinkConfig) { g.through(cfg); cfg.MaxRequest = 2000 }
	l.grow(3, 200)
	for stop := 1; stop < 6; stop++ {
		l.grow(1, 200)
		updates := 0
		g.then(func(update bool) fault {
			if update {
				updates++
			}
			if updates > stop {
				return lost
			}
			return none
		})
		w, err := s.sink(t, small).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Write(t.Context(), l.after(t, w.At())) // as far as it comes
		_ = w.Close()
		// The rest, with what undoes it: it must be known that parts are there.
		l.append(undo(l.records[len(l.records)-1].Body))
		for quad := range changesOf(l.records[len(l.records)-1].Body) {
			if l.has[quad] = !l.has[quad]; !l.has[quad] {
				delete(l.has, quad)
			}
		}
		g.then(nil)
		goesOn(t, s, l)
	}
}

// undo is the body that undoes another one.
func undo(body []byte) string {
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(body), "TX .\n"), "TC .\n"), "\n")
	var undone strings.Builder
	undone.WriteString("TX .\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := lines[i]; line != "" {
			undone.WriteString(map[byte]string{'A': "D", 'D': "A"}[line[0]] + line[1:] + "\n")
		}
	}
	return undone.String() + "TC .\n"
}

// changesOf are the quads that a body changes, those that it changes once in all.
func changesOf(body []byte) map[string]bool {
	odd := map[string]bool{}
	for line := range strings.Lines(string(body)) {
		if quad, ok := strings.CutSuffix(line[2:], " .\n"); ok && (line[0] == 'A' || line[0] == 'D') {
			if odd[quad] = !odd[quad]; !odd[quad] {
				delete(odd, quad)
			}
		}
	}
	return odd
}

// testSeveral: whatever becomes of one request of a batch that takes several, the writer knows how far the store is, and the rest
// follows.
func testSeveral(t *testing.T, s *store) {
	g := newGateway(t, s)
	l := newLog(0, 12)
	l.grow(40, 6)
	small := func(cfg *sparql.SinkConfig) { g.through(cfg); cfg.MaxRequest = 600 }
	for what, want := range map[fault]error{lost: connector.ErrRetry, cut: connector.ErrRetry, busy: connector.ErrRetry,
		done: connector.ErrRetry, lie: connector.ErrRetry, refused: connector.ErrGiveUp} {
		s.do(t, "DROP ALL")
		g.then(nil)
		w, err := s.sink(t, small).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		updates := 0
		g.then(func(update bool) fault {
			if !update {
				return none
			}
			if updates++; updates == 3 {
				return what
			}
			return none
		})
		if err := w.Write(t.Context(), l.records); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", what, err, want)
		}
		if more := updates > 3; more != (what == lie) { // an answer that is believed for a while
			t.Errorf("%d: %d updates were sent", what, updates)
		}
		has := fmt.Sprintf("%d %s ", w.At().Position, w.At().ID)
		if at := s.positions(t, 0); len(at) != 1 || !strings.HasPrefix(at[0], has) || w.At().Position == 0 {
			t.Errorf("%d: the writer is at %q, the store at %q", what, has, at)
		}
		if err := w.Write(t.Context(), l.after(t, w.At())); err != nil {
			t.Error(err)
		}
		_ = w.Close()
		same(t, s, l)
	}
}

// testDefaultGraph: positions in the default graph.
func testDefaultGraph(t *testing.T, s *store) {
	l := newLog(0, 7)
	for range 3 {
		l.grow(10, 5)
		sink := s.sink(t, func(cfg *sparql.SinkConfig) { cfg.PositionGraph = sparql.DefaultGraph })
		keep(t.Context(), t, sink, l, rand.New(rand.NewPCG(8, 8)))
	}
	same(t, s, l)
	if n := len(s.ask(t, "SELECT * { ?s <urn:quadrille:at> ?o }")); n != 1 {
		t.Errorf("%d positions", n)
	}
}

// testRefuse: what the policy refuses stops the shard, and nothing of the request is done.
func testRefuse(t *testing.T, s *store) {
	w, err := s.sink(t, func(cfg *sparql.SinkConfig) { cfg.Blank = patch.RefuseBlanks }).Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	l := newLog(0, 9)
	l.append("TX .\nA <urn:s> <urn:p> <urn:o> .\nA <urn:s> <urn:p> _:b .\nTC .\n")
	if err := w.Write(t.Context(), l.records); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "_:b") {
		t.Errorf("%v", err)
	}
	same(t, s)
}

// testTLS: a certificate that nobody trusts is not spoken to, one that is trusted is.
func testTLS(t *testing.T, s *store) {
	g := newGateway(t, s)
	over := httptest.NewTLSServer(g)
	defer over.Close()
	over.Config.ErrorLog = nil
	secure := func(cfg *sparql.SinkConfig) { cfg.Query, cfg.Update = over.URL+"/query", over.URL+"/update" }
	if _, err := s.sink(t, secure).Open(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the certificate is trusted: %v", err)
	}
	roots := over.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:forcetypeassert // httptest's
	l := newLog(0, 10)
	l.grow(5, 5)
	keep(t.Context(), t, s.sink(t, secure, func(cfg *sparql.SinkConfig) { cfg.Roots = roots }), l, rand.New(rand.NewPCG(1, 1)))
	same(t, s, l)
	over.Client().CloseIdleConnections()
}

// TestPassword: a wrong password needs somebody to see to it, the right one is let in.
func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(file, []byte("rill: quad\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := fuseki(t, "memory", "--passwd="+file, "--auth=basic")
	for password, want := range map[string]error{"quad": nil, "wrong": connector.ErrGiveUp, "": connector.ErrGiveUp} {
		w, err := s.sink(t, func(cfg *sparql.SinkConfig) {
			cfg.User, cfg.Password = "rill", password
		}).Open(t.Context(), 0)
		if !errors.Is(err, want) {
			t.Errorf("password %q: %v", password, err)
		}
		if err == nil {
			_ = w.Close()
		}
	}
}
