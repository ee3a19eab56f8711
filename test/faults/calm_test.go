//go:build unix

package faults

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// TestNoElection puts a healthy cluster under full load, with a garbage collector that hardly rests, and with a disk whose
// every fsync takes 50 ms longer. QUADRILLE_CALM says for how long, and then no server may stand for election. Without it
// the test is short, and only shows that elections are seen: a busy machine may hold up a heartbeat for half a second.
func TestNoElection(t *testing.T) {
	lasts, strict := 5*time.Second, false
	if text := os.Getenv("QUADRILLE_CALM"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil || lasts <= 0 {
			t.Fatalf("QUADRILLE_CALM=%s: expected a time, such as 10m: %v", text, err)
		}
		strict = true
	}
	cfg := cluster.Config{Nodes: 3, Shards: 8, Args: []string{"--log-level=debug"}}
	t.Run("collecting", func(t *testing.T) {
		t.Setenv("GOGC", "10") // of the nodes
		underLoad(t, cfg, lasts, strict)
	})
	t.Run("slow fsync", func(t *testing.T) {
		cfg := cfg
		cfg.Executable = slowFsync(t)
		underLoad(t, cfg, lasts, strict)
	})
}

func underLoad(t *testing.T, cfg cluster.Config, lasts time.Duration, strict bool) {
	r := startFor(t, cfg, lasts+testBound())
	before := r.elections()
	if before == 0 {
		t.Error("the logs don't tell of the elections at the start")
	}
	changes := r.load(lasts)
	elections := r.elections() - before
	t.Logf("%d changes in %v, %d elections", changes, lasts, elections)
	if changes == 0 || strict && elections > 0 {
		t.Errorf("under load: %d changes, %d elections", changes, elections)
	}
	r.balanced()
}

// elections counts how often a server stood for election.
func (r *rig) elections() (n int) {
	r.Helper()
	for i := range r.nodes.Size() {
		text, err := os.ReadFile(r.nodes.Log(i))
		r.must(err)
		n += bytes.Count(text, []byte("Switching to candidate"))
	}
	return n
}

// load sends as many changes as the nodes take, for so long, and longer if they take none in that time; it returns their number. The
// data stay small.
func (r *rig) load(lasts time.Duration) int64 {
	r.Helper()
	const senders, size = 12, 500
	end := time.Now().Add(lasts)
	var (
		changes atomic.Int64
		all     sync.WaitGroup
	)
	for i := range senders {
		var adds, deletes bytes.Buffer
		for k := range size {
			fmt.Fprintf(&adds, "A <http://x.example/s%d-%d> <http://x.example/p> \"1\" .\n", i, k)
			fmt.Fprintf(&deletes, "D <http://x.example/s%d-%d> <http://x.example/p> \"1\" .\n", i, k)
		}
		all.Go(func() {
			session := client.NewSession(r.http, r.nodes.Doors(), i, patience)
			for n := 0; time.Now().Before(end) || changes.Load() == 0; n++ {
				body := adds.Bytes()
				if n%2 == 1 {
					body = deletes.Bytes()
				}
				if _, err := session.Submit(r.ctx, client.TypePatch, fmt.Sprintf("load-%d-%d", i, n), body); err != nil {
					r.Errorf("sender %d: %v", i, err)
					return
				}
				changes.Add(size)
			}
		})
	}
	all.Wait()
	return changes.Load()
}

// slowFsync is a program that runs this one with slow fsyncs.
func slowFsync(t *testing.T) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skipf("strace makes fsync slow: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "slow")
	// -D: the process that was started is the node itself, which is killed and stopped as ever.
	text := fmt.Sprintf("#!/bin/sh\nexec %q -D -f --seccomp-bpf -qqq -o /dev/null -e trace=fsync,fdatasync "+
		"-e inject=fsync,fdatasync:delay_exit=50000 %q \"$@\"\n", strace, self)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return script
}
