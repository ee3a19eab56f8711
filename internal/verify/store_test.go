package verify_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/internal/peer"
	"github.com/quadrille-stream/quadrille/internal/verify"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// comparison is a store, and a node whose shards hold what the test says.
type comparison struct {
	verify.StoreCheck
	say   func(look int) string
	looks atomic.Int64
}

// update changes the store.
func update(t *testing.T, url, text string) {
	t.Helper()
	answer, err := http.Post(url+"/update", "application/sparql-update", strings.NewReader(text)) //nolint:noctx // the test's deadline bounds it
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode/100 != 2 {
		t.Fatal(answer.Status)
	}
}

const inShards = `<urn:a> <urn:p> "1" .
<urn:b> <urn:p> _:x <urn:g> .
<urn:c> <urn:p> "c" <urn:g> .
<urn:d> <urn:p> "d" <urn:h> .
`

func newComparison(t *testing.T, p *peer.Peer, insert string) *comparison {
	t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d", p.Ports[0])
	store, err := sparql.NewStore(sparql.Endpoint{Query: url + "/query", Update: url + "/update"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	update(t, url, "DROP ALL ; INSERT DATA { GRAPH <urn:quadrille:positions> { <urn:x> <urn:quadrille:at> \"1\" } } ; INSERT DATA { "+insert+" }")
	c := &comparison{say: func(int) string { return inShards }}
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, c.say(int(c.looks.Add(1))))
	}))
	t.Cleanup(node.Close)
	cl := client.New("")
	t.Cleanup(cl.Close)
	c.StoreCheck = verify.StoreCheck{Client: cl, Nodes: []string{"http://127.0.0.1:1", node.URL}, Store: store,
		Blank: patch.Skolemise("urn:quadrille:blank:"), Pause: time.Millisecond}
	return c
}

// check compares, and holds what is found to what must be.
func (c *comparison) check(t *testing.T, want *verify.StoreReport) {
	t.Helper()
	got, err := verify.CheckStore(t.Context(), c.StoreCheck)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if good := len(want.Missing)+len(want.Surplus)+want.More == 0; good != (got.Err() == nil) {
		t.Errorf("good %v, %v", good, got.Err())
	}
}

const (
	sameInStore  = `<urn:a> <urn:p> "1" . GRAPH <urn:g> { <urn:b> <urn:p> <urn:quadrille:blank:x> . <urn:c> <urn:p> "c" } GRAPH <urn:h> { <urn:d> <urn:p> "d" }`
	otherInStore = `<urn:a> <urn:p> "1" . GRAPH <urn:g> { <urn:b> <urn:p> <urn:quadrille:blank:x> . <urn:c> <urn:p> "other" } GRAPH <urn:i> { <urn:e> <urn:p> "e" }`
)

// TestCheckStore: what differs is named, in the graphs that are asked for, and mended if that is asked for.
func TestCheckStore(t *testing.T) {
	p := peer.Start(t, "oxigraph", 1, "memory")
	t.Run("same", func(t *testing.T) {
		c := newComparison(t, p, sameInStore)
		c.check(t, &verify.StoreReport{})
		if n := c.looks.Load(); n != 1 {
			t.Errorf("%d looks at what is the same", n)
		}
	})
	missing := []string{"<urn:c> <urn:p> \"c\" <urn:g> .\n", "<urn:d> <urn:p> \"d\" <urn:h> .\n"}
	surplus := []string{"<urn:c> <urn:p> \"other\" <urn:g> .\n", "<urn:e> <urn:p> \"e\" <urn:i> .\n"}
	t.Run("other", func(t *testing.T) {
		c := newComparison(t, p, otherInStore)
		c.check(t, &verify.StoreReport{Missing: missing, Surplus: surplus})
		g, _ := sparql.GraphNamed("urn:g")
		c.Graphs = []rdf.Term{g}
		c.check(t, &verify.StoreReport{Missing: missing[:1], Surplus: surplus[:1]})
		c.Graphs = []rdf.Term{{}}
		c.check(t, &verify.StoreReport{})
	})
	t.Run("mend", func(t *testing.T) {
		c := newComparison(t, p, otherInStore)
		c.Mend = true
		c.check(t, &verify.StoreReport{Mended: 4})
		c.Mend = false
		c.check(t, &verify.StoreReport{})
	})
	t.Run("on its way", func(t *testing.T) {
		c := newComparison(t, p, sameInStore)
		c.say = func(look int) string { // each look reads twice where something differs
			if look <= 2 {
				return inShards + "<urn:new> <urn:p> \"soon\" .\n"
			}
			return inShards
		}
		c.check(t, &verify.StoreReport{})
	})
	t.Run("cannot be mended", func(t *testing.T) { // the store keeps the number, not its digits
		c := newComparison(t, p, `<urn:a> <urn:p> 1`)
		c.say = func(int) string { return "<urn:a> <urn:p> \"01\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n" }
		c.Mend = true
		c.check(t, &verify.StoreReport{Mended: 2, Missing: []string{"<urn:a> <urn:p> \"01\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n"},
			Surplus: []string{"<urn:a> <urn:p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n"}})
	})
	t.Run("many", func(t *testing.T) {
		const n = 10_500
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, "<urn:s%d> <urn:p> \"v\" .\n", i)
		}
		c := newComparison(t, p, "")
		c.say = func(int) string { return all.String() }
		got, err := verify.CheckStore(t.Context(), c.StoreCheck)
		if err != nil || len(got.Missing) != 10_000 || got.More != n-10_000 || got.Err() == nil {
			t.Errorf("%d and %d more, %v", len(got.Missing), got.More, err)
		}
		c.Mend = true
		c.check(t, &verify.StoreReport{Mended: n})
	})
	t.Run("not whole", func(t *testing.T) {
		c := newComparison(t, p, sameInStore)
		c.say = func(int) string { return inShards + "<urn:a> <ur" }
		if got, err := verify.CheckStore(t.Context(), c.StoreCheck); err == nil {
			t.Errorf("%+v", got)
		}
	})
}
