//go:build unix

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// verify has a node that runs say how all of them are, and returns the exit status and what was printed.
func (r *rig) verify(door int) (status int, text string) {
	r.Helper()
	executable, err := os.Executable()
	r.must(err)
	cmd := exec.CommandContext(r.ctx, executable, "verify", "--url", r.nodes.Doors()[door])
	cmd.Env = cluster.Environment()
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// verifies waits for the outcome of verify: a node that was held up for long may be no member for a moment, and is not verified then.
// Damage is told of at no time when there is none.
func (r *rig) verifies(status int, tells ...string) {
	r.Helper()
	r.until("quadrille verify", recovery, func() error {
		got, text := r.verify(0)
		if status == 0 && strings.Contains(text, tellsDamage) {
			r.Fatalf("false alarm:\n%s", text)
		}
		if got != status {
			return fmt.Errorf("it ended with status %d, expected %d:\n%s", got, status, text)
		}
		for _, want := range tells {
			if !strings.Contains(text, want) {
				return fmt.Errorf("it doesn't tell of %q:\n%s", want, text)
			}
		}
		return nil
	})
}

// tellsDamage is what verify says when it has found damage.
const tellsDamage = "the data are damaged"

// TestVerifyRunning: a healthy cluster is found whole at any time while changes stream in and blocks are begun and sealed; a
// node that is stopped is named, and one bit in a file under a running node is found with its place.
func TestVerifyRunning(t *testing.T) {
	r := start(t, cluster.Config{Nodes: 3, Shards: 2})
	r.trickle(3)
	r.verifies(0, "node n1: its own replica", "node n3: its own replica")
	r.verifiesAlways()

	r.must(r.nodes.Kill(2))
	r.verifies(1, "node n3: not verified")
	r.must(r.nodes.Restart(2))
	r.balanced()
	r.verifies(0)

	block := r.blocks(1, "quadrille_main_0")[1]
	r.flip(block, 0.5)
	r.verifies(1, block+":", "node n2: ", "the record doesn't match its checksum")
	r.flip(block, 0.5)
	r.verifies(0)
	r.good()
}

// TestVerifyRunningAlone is the same for one node, of whose files nothing may lag behind its log.
func TestVerifyRunningAlone(t *testing.T) {
	r := start(t, cluster.Config{Nodes: 1, Shards: 2})
	r.verifiesAlways()
	block := r.blocks(0, "quadrille_main_0")[1]
	r.flip(block, 0.5)
	r.verifies(1, block+":", "the record doesn't match its checksum")
	r.flip(block, 0.5)
	r.good()
}

// verifiesAlways has the nodes verified again and again while several blocks of a log are filled.
func (r *rig) verifiesAlways() {
	r.Helper()
	full, looks := make(chan struct{}), make(chan int, 1)
	go func() {
		for n := 0; ; n++ {
			if status, text := r.verify(n % r.nodes.Size()); strings.Contains(text, tellsDamage) {
				r.Errorf("false alarm, status %d:\n%s", status, text)
			} else if status != 0 {
				r.Logf("status %d:\n%s", status, text)
			}
			select {
			case <-full:
				looks <- n + 1
				return
			default:
			}
		}
	}()
	stop := sync.OnceFunc(func() {
		close(full)
		r.Logf("verified %d times meanwhile", <-looks)
	})
	defer stop() // also where the blocks can't be filled
	r.fillBlocks("quadrille_main_0", func() { r.fill(rows * literal); r.trickle(20) })
	stop()
	r.verifies(0)
}

// TestVerifyKilled: what all nodes had accepted when they were killed while changes streamed in is known to be there, though
// the engine had not yet written all of it to the streams' files: their Raft logs have it.
func TestVerifyKilled(t *testing.T) {
	r := start(t, cluster.Config{Nodes: 3, Shards: 2})
	for round := range rounds(3, 10) {
		streaming := make(chan struct{})
		writing, killed := context.WithCancel(r.ctx)
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				session := client.NewSession(r.http, r.nodes.Doors()[w%3:w%3+1], 0, patience)
				for n := 0; ; n++ {
					body := additions([]string{fmt.Sprintf(`<http://x.example/s%d-%d-%d> <http://x.example/p> "%d" .`, round, w, n, n)})
					if _, err := session.Submit(writing, client.TypePatch, fmt.Sprintf("killed-%d-%d-%d", round, w, n), body); err != nil {
						return // it is killed
					}
					if w == 0 && n == 50 {
						close(streaming)
					}
				}
			})
		}
		select {
		case <-streaming:
		case <-time.After(recovery):
			t.Error("nothing is accepted")
		}
		r.killAll()
		killed()
		writers.Wait()
		if text := r.verifiesFolders(false); strings.Contains(text, "the rest is in the Raft log") {
			t.Log("some of it is in the Raft logs alone")
		}
		r.restartAll()
		r.balanced()
		r.verifies(0)
	}
}
