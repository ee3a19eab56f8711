//go:build unix

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// checkGone checks that no process of the cluster is left, and nothing in the folder for temporary files.
func checkGone(t *testing.T, temp string, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	empty(t, temp)
}

// TestCluster runs a node with an engine and a worker: what was accepted outlives kills. Nothing is left at the end.
func TestCluster(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("QUADRILLE_SHARDS", "3") // the nodes must not see it
	ctx, cancel := context.WithTimeout(t.Context(), 2*bound)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Config{Sweep: []string{"sweep"}, Nodes: 2, Shards: 4, ReadyWithin: bound})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	defer func() {
		if !stopped {
			_ = c.Stop()
		}
	}()
	if c.Size() != 2 || c.Name(1) != "n2" || !c.IsServer(0) || c.IsServer(1) || !slices.Equal(c.Alive(), []int{0, 1}) {
		t.Errorf("%d nodes, alive: %v", c.Size(), c.Alive())
	}
	http := client.New("")
	defer http.Close()
	status, err := http.Status(ctx, c.Doors()[1])
	if err != nil || len(status.Members) != 2 || status.Members[1].Owned != 2 || len(status.Shards) != 4 {
		t.Fatalf("ready, with the status %+v, %v", status, err)
	}
	session := client.NewSession(http, c.Doors(), 0, bound)
	submit := func(key string, adds uint64) {
		t.Helper()
		body := fmt.Appendf(nil, "TX .\nA <s:%s> <p:1> \"x\" .\nTC .\n", key)
		if a, err := session.Submit(ctx, client.TypePatch, key, body); err != nil || a.Adds != adds {
			t.Fatalf("%s: %+v, %v; want %d added", key, a, err, adds)
		}
	}
	submit("k1", 1)
	if err := c.Kill(1); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Alive(), []int{0}) || c.Err() != nil {
		t.Errorf("alive: %v; %v: what was killed has not ended by itself", c.Alive(), c.Err())
	}
	submit("k2", 1)
	if err := errors.Join(c.Restart(1), c.Settled(ctx)); err != nil {
		t.Fatal(err)
	}
	submit("k3", 1)
	if err := errors.Join(c.Kill(0), c.Restart(0), c.Settled(ctx)); err != nil {
		t.Fatal(err)
	}
	submit("k3", 1) // as it was answered before
	if logs := c.Logs(); !strings.Contains(logs, "--- log of n1 ---") || !strings.Contains(logs, "node n2 is ready") {
		t.Errorf("logs:\n%s", logs)
	}
	pids := c.PIDs()
	stopped = true
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if len(pids) != 3 || len(c.Alive()) != 0 {
		t.Errorf("processes %v, alive %v", pids, c.Alive())
	}
	checkGone(t, temp, pids)
}

// TestStopKillsWhatDoesNotEnd: a node that is paused hears nobody who asks it to end.
func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	c, err := cluster.Start(t.Context(), cluster.Config{Sweep: []string{"sweep"}, Nodes: 1, Shards: 1, ReadyWithin: bound,
		StopWithin: 1})
	if err != nil {
		t.Fatal(err)
	}
	pids := c.PIDs()
	if err := syscall.Kill(pids[1], syscall.SIGSTOP); err != nil {
		t.Error(err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	checkGone(t, temp, pids)
}

// TestNodeEndsByItself: whoever waits for the cluster hears why, with the end of the node's log.
func TestNodeEndsByItself(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Config{Sweep: []string{"sweep"}, Nodes: 1, Shards: 1, ReadyWithin: bound})
	if err != nil {
		t.Fatal(err)
	}
	pids := c.PIDs()
	if err := syscall.Kill(pids[1], syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	eventually(t, "it is noticed", func() bool { return c.Err() != nil })
	for _, err := range []error{c.Err(), c.Settled(ctx)} {
		if err == nil || !strings.Contains(err.Error(), "node n1 ended: signal: killed") ||
			!strings.Contains(err.Error(), "msg=entered node=n1") {
			t.Errorf("%v", err)
		}
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	checkGone(t, temp, pids)
}

// TestStartFails: the configuration is wrong, a node can't start, or the caller has had enough. Nothing is left.
func TestStartFails(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		cfg  cluster.Config
		want string
	}{
		"no nodes":       {t.Context(), cluster.Config{Nodes: 0, Shards: 1}, "0 nodes: expected 1 to 16"},
		"too many nodes": {t.Context(), cluster.Config{Nodes: 17, Shards: 1}, "17 nodes: expected 1 to 16"},
		"bad flag":       {t.Context(), cluster.Config{Nodes: 1, Shards: 5000}, "--shards: 5000: expected 1 to 4096"},
		"no program":     {t.Context(), cluster.Config{Nodes: 1, Shards: 1, Executable: "/nowhere"}, "/nowhere"},
		"too late": {t.Context(), cluster.Config{Nodes: 1, Shards: 1, ReadyWithin: 1},
			"1 nodes were not ready within 1ns"},
		"interrupted": {ended, cluster.Config{Nodes: 1, Shards: 1}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			test.cfg.Sweep = []string{"sweep"}
			_, err := cluster.Start(test.ctx, test.cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
			empty(t, temp)
			if left := served(t, temp); len(left) > 0 {
				t.Errorf("processes are left: %s", left)
			}
		})
	}
}

// served lists the processes whose arguments name the folder.
func served(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, dir) && !strings.Contains(line, fmt.Sprintf("%d ", os.Getpid())) {
			list = append(list, line)
		}
	}
	return list
}
