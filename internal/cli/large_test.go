//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// TestLargeTransactions: on real processes, three nodes with a replicated engine and a worker, a transaction of many
// messages is accepted at every door, and the door's shard takes small ones at once after it.
func TestLargeTransactions(t *testing.T) {
	t.Parallel()
	executable, err := exec.LookPath("quadrille") // this test binary, see TestMain
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	nodes, err := cluster.Start(ctx, cluster.Config{Executable: executable, Sweep: []string{"demo", "--sweep"}, Nodes: 4, Shards: 4,
		ReadyWithin: faultBound})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := nodes.Settled(ctx); err != nil {
		t.Fatal(err)
	}
	http := client.New("")
	defer http.Close()
	submit := func(door int, key string, rows, valueSize int) {
		t.Helper()
		var b bytes.Buffer
		b.WriteString("TX .\n")
		for i := range rows {
			fmt.Fprintf(&b, "A <http://e/one> <http://e/p> \"%s %d %s\" .\n", key, i, strings.Repeat("v", valueSize))
		}
		b.WriteString("TC .\n")
		session := client.NewSession(http, nodes.Doors()[door:door+1], 0, 2*faultBound)
		a, err := session.Submit(ctx, graph.TypePatch, key, b.Bytes())
		if err != nil || a.Adds != uint64(rows) {
			t.Errorf("%d bytes at %s: %d of %d rows added, %v\n%s", b.Len(), nodes.Name(door), a.Adds, rows, err, nodes.Logs())
		}
	}
	for door := range nodes.Size() {
		submit(door, fmt.Sprint("large-", door), 6000, 1000)
		submit(door, fmt.Sprint("small-", door), 1, 1)
	}
	submit(nodes.Size()-1, "near the bound", nearTheBound, 1500)
	for door := range nodes.Size() {
		submit(door, fmt.Sprint("later-", door), 1, 1)
	}
}
