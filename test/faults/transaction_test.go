//go:build unix

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// inGraph puts the quads of a request in one graph, so that they have one shard.
func (r *rig) inGraph(graph string, count, length int) []string {
	quads := r.request(count, length)
	for i, q := range quads {
		quads[i] = strings.TrimSuffix(q, ".") + "<" + graph + "> ."
	}
	return quads
}

// once sends a request through one door, and it must be accepted within the bound.
func (r *rig) once(door int, key string, quads []string, bound time.Duration) {
	r.Helper()
	r.doubt(quads)
	ctx, cancel := context.WithTimeout(r.ctx, bound)
	defer cancel()
	body := additions(quads)
	session := client.NewSession(r.http, r.nodes.Doors()[door:door+1], 0, bound)
	if _, err := session.Submit(ctx, client.TypePatch, key, body); err != nil {
		r.Fatalf("request %s, of %d bytes, through the door of %s: %v\n%s", key, len(body), r.nodes.Name(door), err, r.states())
	}
	r.accept(quads)
}

// TestLargeTransactions sends transactions of 2 to 60 MiB for one shard through each door, that of its owner and those
// of others, and tiny ones after each: none jams the way to the shard.
func TestLargeTransactions(t *testing.T) {
	const graph = "http://x.example/g"
	r := start(t, cluster.Config{Nodes: 3, Shards: 3, Args: []string{"--key", "graph"}})
	for _, size := range []int{2, 20, 60} {
		for door := range r.nodes.Size() {
			if size == 60 && !long() && door != r.other(graph) {
				continue // one that is not the owner's is the hardest
			}
			key := fmt.Sprintf("%d MiB at %s", size, r.nodes.Name(door))
			r.once(door, key, r.inGraph(graph, size<<20/(literal+80), literal), patience)
			for k := range r.nodes.Size() {
				r.once(k, fmt.Sprintf("tiny at %s after %s", r.nodes.Name(k), key), r.inGraph(graph, 1, 100), patience)
			}
		}
	}
	r.good()
}

// other is the number of a node that doesn't own the shard with the graph.
func (r *rig) other(graph string) int {
	r.Helper()
	// The owner of the only shard that has anything.
	s, err := r.status(0)
	r.must(err)
	for _, sh := range s.Shards {
		if sh.Position > 0 && sh.Quads > 0 {
			return (r.owner(sh.Shard) + 1) % r.nodes.Size()
		}
	}
	return 0
}

// TestPublish publishes files of a few MB with default settings through each door, where all of a file has one shard.
func TestPublish(t *testing.T) {
	for _, key := range []string{"graph", "dataset"} {
		t.Run(key, func(t *testing.T) {
			r := start(t, cluster.Config{Nodes: 3, Shards: 3, Args: []string{"--key", key}})
			executable, err := os.Executable()
			r.must(err)
			for door := range r.nodes.Size() {
				quads := r.inGraph("http://x.example/g", 30_000, 100)
				file := filepath.Join(t.TempDir(), "data.nq")
				r.must(os.WriteFile(file, []byte(strings.Join(quads, "\n")+"\n"), 0o600))
				cmd := exec.CommandContext(r.ctx, executable, "publish", "--url", r.nodes.Doors()[door], "--patience", patience.String(), file)
				cmd.Env = cluster.Environment()
				if text, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("publish through the door of %s: %v: %s\n%s", r.nodes.Name(door), err, text, r.states())
				}
				r.accept(quads)
				for k := range r.nodes.Size() {
					r.once(k, fmt.Sprintf("tiny %d-%d", door, k), r.inGraph("http://x.example/g", 1, 100), patience)
				}
			}
			r.good()
		})
	}
}
