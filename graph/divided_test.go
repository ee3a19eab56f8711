package graph_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/expr"
)

// network is what nodes of one process talk by.
func network(t *testing.T) *shipper.InProcess {
	t.Helper()
	n := shipper.NewInProcess(1024)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return n
}

// counted counts what nodes ask each other.
type counted struct {
	request.Transport
	asks atomic.Int64
}

// Ask implements [request.Transport].
func (c *counted) Ask(ctx context.Context, node string, content []byte, fn func([]byte) error) error {
	c.asks.Add(1)
	return c.Transport.Ask(ctx, node, content, fn)
}

// cluster runs nodes n1, n2, … of one pipeline.
func cluster(t *testing.T, nodes, shards int, key graph.Key) (all []*graph.Graph, asks *atomic.Int64) {
	t.Helper()
	logs, over := memory.New(shards), network(t)
	requests := &counted{Transport: over}
	for i := range nodes {
		all = append(all, run(t, graph.Config{Key: key, Config: node.Config{Name: fmt.Sprint("n", i+1), Engine: logs, Transport: over, Requests: requests, FailAfter: patience,
			Logger: slog.New(slog.DiscardHandler)}}))
	}
	settled(t, all)
	return all, &requests.asks
}

// settled waits until the shards of a cluster stay where they are. Until then a node may have all of them, and ask nobody, and a query may
// be told that a shard has gone to another node meanwhile.
func settled(t *testing.T, nodes []*graph.Graph) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for moves := moving(nodes); moves != ""; moves = moving(nodes) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal(moves)
		}
	}
}

// moving says what is still to come until each node has its part of the shards, and each knows of it; "" for nothing.
func moving(nodes []*graph.Graph) string {
	first := nodes[0].Status().Shards
	owned := map[string]int{}
	for _, g := range nodes {
		s := g.Status()
		owned[s.Node] += 0
		for i, of := range s.Shards {
			has := of.State == "owning" && of.Owner == s.Node || of.State == "following" && of.Standby == s.Node
			if of.Owner != first[i].Owner || of.Standby != first[i].Standby || !has && (of.Owner == s.Node || of.Standby == s.Node) {
				return fmt.Sprintf("node %s: %+v, of which n1 says %+v", s.Node, of, first[i])
			}
		}
	}
	for _, of := range first {
		owned[of.Owner]++
	}
	counts := slices.Collect(maps.Values(owned))
	if slices.Max(counts)-slices.Min(counts) > 1 {
		return fmt.Sprintf("the nodes own %v", owned)
	}
	return ""
}

// orders are things that refer to each other: the shards of their subjects are others.
func orders(t *testing.T, g *graph.Graph) {
	t.Helper()
	var doc strings.Builder
	for i := range 40 {
		fmt.Fprintf(&doc, "<urn:order%d> <urn:by> <urn:person%d> .\n<urn:order%d> <urn:of> <urn:thing%d> <urn:g%d> .\n", i, i%10, i, i%7, i%3)
	}
	for i := range 10 {
		fmt.Fprintf(&doc, "<urn:person%d> <urn:name> \"person %d\" .\n<urn:person%d> <urn:knows> <urn:person%d> .\n", i, i, i, (i+3)%10)
	}
	for i := range 7 {
		fmt.Fprintf(&doc, "<urn:thing%d> <urn:price> \"%d.5\"^^<http://www.w3.org/2001/XMLSchema#decimal> .\n", i, i)
	}
	if _, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte(doc.String())}); err != nil {
		t.Fatal(err)
	}
}

// ofOrders are queries that need quads of several subjects together.
var ofOrders = []string{
	`SELECT ?o ?n { ?o <urn:by> ?p . ?p <urn:name> ?n }`,
	`SELECT ?n (COUNT(*) AS ?c) (SUM(?price) AS ?sum) { ?o <urn:by> ?p . ?p <urn:name> ?n . GRAPH ?g { ?o <urn:of> ?t } ?t <urn:price> ?price } GROUP BY ?n`,
	`SELECT ?p ?x { ?p <urn:name> "person 3" . ?p <urn:knows>+ ?x }`,
	`SELECT ?t ?o { ?t <urn:price> ?price OPTIONAL { GRAPH <urn:g1> { ?o <urn:of> ?t } } FILTER(?price > 2) }`,
	`SELECT ?p { ?p <urn:name> ?n MINUS { ?o <urn:by> ?p . ?o <urn:by> <urn:person1> } } ORDER BY DESC(?n) LIMIT 4`,
	`SELECT ?p { ?p <urn:name> ?n FILTER NOT EXISTS { ?q <urn:knows> ?p . ?q <urn:name> "person 0" } }`,
	`SELECT DISTINCT ?g { GRAPH ?g { ?o <urn:of> ?t } }`,
	`SELECT (COUNT(DISTINCT ?t) AS ?n) (MAX(?price) AS ?most) (AVG(?price) AS ?mean) { ?t <urn:price> ?price . GRAPH ?g { ?o <urn:of> ?t } }`,
	`CONSTRUCT { ?n <urn:bought> ?price } { ?o <urn:by> ?p . ?p <urn:name> ?name . GRAPH ?g { ?o <urn:of> ?t } ?t <urn:price> ?price BIND(IRI(CONCAT("urn:", STR(?price))) AS ?n) }`,
	`DESCRIBE ?p { ?p <urn:name> "person 5" }`,
	`ASK { ?a <urn:knows> ?b . ?b <urn:knows> ?c . ?c <urn:name> "person 9" }`,
	`SELECT * { <urn:order7> <urn:by> ?p . ?p ?q ?v }`,
	`SELECT ?o ?x { ?o <urn:by> ?p BIND(STRLEN(STR(?o)) AS ?x) { SELECT ?p { ?p <urn:knows> ?k } ORDER BY ?k LIMIT 3 } }`,
}

// TestManyShardsAreOne: whatever the number of shards and of nodes, whoever is asked gives what one shard gives.
func TestManyShardsAreOne(t *testing.T) {
	single, _ := cluster(t, 1, 1, graph.Subject)
	one := single[0]
	orders(t, one)
	var want [][]string
	for _, text := range ofOrders {
		want = append(want, asked(t, one, graph.Question{Text: text}).lines)
		if len(want[len(want)-1]) == 0 {
			t.Errorf("%s: nothing is asked for", text)
		}
	}
	for _, of := range []struct {
		nodes, shards int
		key           graph.Key
	}{{1, 8, graph.Subject}, {4, 8, graph.Subject}, {4, 64, graph.Subject}, {4, 5, graph.Named}, {3, 4, graph.Dataset}} {
		nodes, asks := cluster(t, of.nodes, of.shards, of.key)
		orders(t, nodes[0])
		for i, g := range nodes {
			for k, text := range ofOrders {
				a := asked(t, g, graph.Question{Text: text})
				if !slices.Equal(a.lines, want[k]) {
					t.Errorf("%d shards by %s, node %d of %d: %s:\n%s", of.shards, of.key, i+1, of.nodes, text, cmp.Diff(want[k], a.lines))
				}
			}
		}
		if n := asks.Load(); n == 0 != (of.nodes == 1) {
			t.Errorf("%d nodes ask each other %d times", of.nodes, n)
		}
	}
}

// TestNodeIsLostMeanwhile: while nodes come and go each answer is whole, or an error that says that it isn't.
func TestNodeIsLostMeanwhile(t *testing.T) {
	const shards = 8
	logs, over := memory.New(shards), network(t)
	config := func(name string) graph.Config {
		return graph.Config{Config: node.Config{Name: name, Engine: logs, Transport: over, Requests: over, Logger: slog.New(slog.DiscardHandler)}}
	}
	asking := run(t, config("n1"))
	for _, name := range []string{"n2", "n3"} {
		run(t, config(name))
	}
	orders(t, asking)
	text := ofOrders[1]
	want := asked(t, asking, graph.Question{Text: text}).lines
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var a answer
				err := asking.Query(t.Context(), graph.Question{Text: text}, &a)
				slices.Sort(a.lines)
				switch {
				case err != nil && !errors.Is(err, event.ErrBusy):
					t.Error(err)
				case err == nil && !slices.Equal(a.lines, want):
					t.Errorf("%q", a.lines)
				}
			}
		})
	}
	for i := range 4 {
		g, err := graph.New(config(fmt.Sprint("guest", i)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- g.Run(ctx) }()
		if err := g.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	all.Wait()
}

// losing loses the first session that it is asked for while the second is still being opened.
type losing struct {
	request.Transport
	asks     atomic.Int64
	slowly   chan struct{} // closed when the second is asked for
	canceled atomic.Bool   // that was given up
}

// Ask implements [request.Transport].
func (l *losing) Ask(ctx context.Context, node string, content []byte, fn func([]byte) error) error {
	switch l.asks.Add(1) {
	case 1:
		lost := &request.Error{Code: request.Lost, Node: node, Text: "the test has it end"}
		return l.Transport.Ask(ctx, node, content, func(part []byte) error {
			if err := fn(part); err != nil {
				return err
			}
			<-l.slowly
			return lost
		})
	case 2:
		close(l.slowly)
		<-ctx.Done()
		l.canceled.Store(true)
		return ctx.Err()
	}
	return l.Transport.Ask(ctx, node, content, fn)
}

// TestNodeIsLostWhileOthersAreOpened: the query is begun again, and nobody is told that it was canceled.
func TestNodeIsLostWhileOthersAreOpened(t *testing.T) {
	const shards = 16
	logs, over := memory.New(shards), network(t)
	l := &losing{Transport: over, slowly: make(chan struct{})}
	config := func(name string, requests request.Transport) graph.Config {
		return graph.Config{Config: node.Config{Name: name, Engine: logs, Transport: over, Requests: requests, Logger: slog.New(slog.DiscardHandler)}}
	}
	asking := run(t, config("n1", l))
	nodes := []*graph.Graph{asking}
	for i := range 4 {
		nodes = append(nodes, run(t, config(fmt.Sprint("n", i+2), over)))
	}
	orders(t, asking)
	settled(t, nodes)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var a answer
	if err := asking.Query(ctx, graph.Question{Text: ofOrders[0]}, &a); err != nil || len(a.lines) != 40 || !l.canceled.Load() {
		t.Errorf("%d rows, %v, given up %v", len(a.lines), err, l.canceled.Load())
	}
}

// refusing refuses all that is asked.
type refusing struct {
	request.Transport
	err *request.Error
}

// Ask implements [request.Transport].
func (r refusing) Ask(context.Context, string, []byte, func([]byte) error) error { return r.err }

// TestOthersRefuse: shards whose nodes are not there are copied; those whose nodes have too much to do are not, which would be more to do.
func TestOthersRefuse(t *testing.T) {
	logs, over := memory.New(16), network(t)
	for i := range 3 {
		run(t, graph.Config{Config: node.Config{Name: fmt.Sprint("n", i), Engine: logs, Transport: over, Requests: over, Logger: slog.New(slog.DiscardHandler)}})
	}
	for _, test := range []struct {
		refusal request.Error
		want    error
	}{
		{request.Error{Code: request.NoRoute}, nil},
		{request.Error{Code: request.Lost}, nil},
		{request.Error{Code: request.Busy}, event.ErrBusy},
		{request.Error{Code: request.Failed, Kind: "busy"}, event.ErrBusy},
		{request.Error{Code: request.Stopped}, event.ErrStopped},
	} {
		asking := run(t, graph.Config{Config: node.Config{Name: fmt.Sprint("asking-", int(test.refusal.Code), test.refusal.Kind), Engine: logs, Transport: over,
			Requests: refusing{over, &test.refusal}, Logger: slog.New(slog.DiscardHandler)}})
		var a answer
		if err := asking.Query(t.Context(), graph.Question{Text: ofOrders[0]}, &a); !errors.Is(err, test.want) {
			t.Errorf("%+v: %v, want %v", test.refusal, err, test.want)
		}
	}
}

// TestNoMoreSessions: at the limit a session is refused before its shards are looked for, and there is room when one ends.
func TestNoMoreSessions(t *testing.T) {
	logs, over := memory.New(1), network(t)
	config := node.Config{Name: "n1", Engine: logs, Transport: over, Requests: over, Logger: slog.New(slog.DiscardHandler)}
	g := run(t, graph.Config{Config: config, Queries: graph.QueryLimits{Concurrent: 1}})
	ctx, end := context.WithCancel(t.Context())
	opened, ended := make(chan struct{}), make(chan error)
	const most = 8
	for range most {
		go func() {
			ended <- g.Ask(ctx, "n1", []byte("\x01"+`{"Shards":[0],"Positions":[0]}`), func([]byte) error { opened <- struct{}{}; return nil })
		}()
	}
	for range most {
		<-opened
	}
	// It would be told that there is no such shard.
	err := g.Ask(t.Context(), "n1", []byte("\x01"+`{"Shards":[9],"Positions":[0]}`), func([]byte) error { return nil })
	if request.KindOf(err) != "busy" {
		t.Error(err)
	}
	end()
	for range most {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	enough := errors.New("enough")
	if err := g.Ask(t.Context(), "n1", []byte("\x01"+`{"Shards":[0],"Positions":[0]}`), func([]byte) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestFragmentsOfStrangers: what is no request of a node of this version is refused, and names no session of others.
func TestFragmentsOfStrangers(t *testing.T) {
	g, _ := cluster(t, 2, 4, graph.Subject)
	for _, content := range []string{"", "\x00", "\x01", "\x01{", `{"Shards":[0]}`, "\x01" + `{"Shards":[9],"Positions":[0]}`, "\x02", "\x02" + strings.Repeat("A", 26),
		"\x02" + strings.Repeat("A", 26) + "\x00", "\x02" + strings.Repeat("A", 26) + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x03"} {
		err := g[0].Ask(t.Context(), "n2", []byte(content), func(part []byte) error { return fmt.Errorf("%q", part) })
		if err == nil {
			t.Errorf("%q is answered", content)
		}
	}
	if a := asked(t, g[1], graph.Question{Text: "ASK { <urn:x> ?p ?o }"}); !slices.Equal(a.lines, []string{"false"}) {
		t.Error(a.lines)
	}
}

// TestOverLimitsOfParts: what is too much for a part of a query, or for what carries it to another node, or can't be computed there, is the
// query's fault.
func TestOverLimitsOfParts(t *testing.T) {
	nodes, _ := cluster(t, 3, 8, graph.Subject)
	orders(t, nodes[0])
	double := `?p <urn:name> ?n0`
	for i := range 25 {
		double += fmt.Sprintf(` BIND(CONCAT(?n%d, ?n%d) AS ?n%d)`, i, i, i+1)
	}
	long := `SELECT * { ?o <urn:by> ?p . ?p <urn:name> ?n VALUES ?n {` + strings.Repeat(`"person 1" `, request.MaxRequest/10) + `} }`
	for _, text := range []string{`SELECT ?n25 { ` + double + ` }`, long} {
		for i, g := range nodes {
			if err := g.Query(t.Context(), graph.Question{Text: text}, &answer{}); !errors.Is(err, eval.ErrBudget) && !errors.Is(err, expr.ErrLimit) {
				t.Errorf("node %d: %.60s: %.300v", i, text, err)
			}
		}
	}
	cast := `SELECT * { ?o <urn:by> ?p . ?p <urn:name> ?n FILTER(<http://www.w3.org/2001/XMLSchema#integer>(?n, 2)) }`
	for i, g := range nodes {
		if err := g.Query(t.Context(), graph.Question{Text: cast}, &answer{}); !errors.Is(err, expr.ErrCompile) {
			t.Errorf("node %d: %v", i, err)
		}
	}
}
