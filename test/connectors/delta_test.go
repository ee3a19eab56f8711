package connectors

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// TestExampleDelta: a node that shows its shard as a patch log, and another that follows it as it follows any server of such logs.
func TestExampleDelta(t *testing.T) {
	node := runExample(t, "delta", func(*config.Document) {})
	post(t, node+"/v1/changes", "application/rdf-patch", "TX .\nA <urn:pump> <urn:speed> \"17\" .\nA _:b <urn:in> <urn:hall> .\nTC .\n")
	follower := run(t, "sources: [{name: plant, type: delta, every: 100ms, log: main, url: \""+node+"/delta/\"}]\n")
	post(t, node+"/v1/changes", "application/rdf-patch", "TX .\nD <urn:pump> <urn:speed> \"17\" .\nA <urn:pump> <urn:speed> \"18\" .\nTC .\n")
	eventually(t, "what the other has", func() bool {
		return sameLines(data(t, follower), "_:b <urn:in> <urn:hall> .\n<urn:pump> <urn:speed> \"18\" .\n")
	})
}

// TestDeltaReadByJena: what Jena's own reader makes of each patch, one after the other, as RDF Delta's client does, is what the node
// has: two blank nodes stay two.
func TestDeltaReadByJena(t *testing.T) {
	p := peer.Start(t, "fuseki", 1, "memory")
	store := fmt.Sprintf("http://127.0.0.1:%d/ds", p.Ports[0])
	node := runExample(t, "delta", func(*config.Document) {})
	post(t, node+"/v1/changes", "application/rdf-patch", "TX .\nA _:a <urn:p> _:ba .\nA _:b <urn:p> _:aa <urn:g> .\nA <urn:s> <urn:p> \"é\\n\"@en .\nTC .\n")
	post(t, node+"/v1/changes", "application/rdf-patch", "TX .\nD _:b <urn:p> _:aa <urn:g> .\nA _:b <urn:q> _:a .\nA <urn:s> <urn:p> 1.50 .\nTC .\n")
	for version := range 2 {
		patch := get(t, fmt.Sprintf("%s/delta/main/%d", node, version+1))
		post(t, store+"/patch", "application/rdf-patch", patch)
	}
	ask := func(query string) bool {
		return strings.Contains(post(t, store, "application/x-www-form-urlencoded", url.Values{"query": {query}}.Encode()), "true")
	}
	for query, want := range map[string]bool{
		`ASK { ?a <urn:p> ?ba . ?b <urn:q> ?a . <urn:s> <urn:p> "é\n"@en, 1.50 FILTER (isBlank(?a) && isBlank(?b) && ?a != ?b && ?a != ?ba && ?b != ?ba) }`: true,
		`ASK { GRAPH ?g { ?s ?p ?o } }`:                                    false,
		`ASK { { SELECT (COUNT(*) AS ?n) { ?s ?p ?o } } FILTER (?n = 4) }`: true,
	} {
		if ask(query) != want {
			t.Errorf("%s is %v", query, !want)
		}
	}
}
