package connectors

import (
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
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
