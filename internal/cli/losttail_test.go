package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// single is a node as a process, with an engine of its own, that is killed and started again.
type single struct {
	*testing.T
	ctx  context.Context
	http *client.Client
	dir  string
	door string
	args []string // of "quadrille serve", besides those that each has
	cmd  *exec.Cmd
	log  bytes.Buffer
}

func newSingle(t *testing.T) *single {
	t.Helper()
	ports, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	s := &single{T: t, ctx: ctx, http: client.New(""), dir: filepath.Join(t.TempDir(), "data"),
		door: fmt.Sprintf("http://127.0.0.1:%d", ports[0])}
	t.Cleanup(s.http.Close)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the node's log:\n%s", &s.log)
		}
	})
	return s
}

// start starts the node, and waits until its status is as it must be.
func (s *single) start(what string, holds func(client.Status) bool) {
	s.Helper()
	executable, err := exec.LookPath("quadrille") // this test binary, see TestMain
	if err != nil {
		s.Fatal(err)
	}
	s.cmd = exec.Command(executable, append([]string{"serve", "--name", "n1", "--shards", "2", "--data", s.dir, "--http",
		strings.TrimPrefix(s.door, "http://")}, s.args...)...)
	s.cmd.Stderr, s.cmd.Env = &s.log, cluster.Environment()
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.ctx, bound)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := s.http.Status(ctx, s.door)
		if err == nil && holds(status) {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			s.Fatalf("%s: not in time; status %+v, %v", what, status, err)
		}
	}
}

// kill is SIGKILL.
func (s *single) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *single) data() []string {
	s.Helper()
	body, err := s.http.Data(s.ctx, s.door)
	if err != nil {
		s.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		s.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	slices.Sort(lines)
	return lines
}

// TestLostTailOfRealLog: the newest block of a log is damaged while the node is down. Damage in its middle is found before the
// engine opens it, which is then without the stream; of a block that is cut the engine takes what is left. The shard halts and says so, nothing is answered that lacks what was accepted, the other shard goes
// on; and with the block put back everything is there.
func TestLostTailOfRealLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage func([]byte) []byte
		why    string
	}{
		"flip": {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "quadrille_main_0 is not there"},
		"cut":  {func(b []byte) []byte { return b[:len(b)*9/10] }, "is known to be at position"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lostTail(newSingle(t), test.damage, test.why)
		})
	}
}

func lostTail(s *single, damage func([]byte) []byte, why string) {
	ready := func(st client.Status) bool { return st.Ready }
	s.start("it is ready", ready)
	for i := range 60 {
		row := fmt.Sprintf("TX .\nA <urn:s%d> <urn:p> \"%s\" .\nTC .\n", i, strings.Repeat("v", 200))
		if _, err := s.http.Submit(s.ctx, s.door, client.TypePatch, fmt.Sprint("k", i), []byte(row)); err != nil {
			s.Fatal(err)
		}
	}
	before := s.data()
	s.kill()
	stream := filepath.Join(s.dir, "jetstream", "$G", "streams", "quadrille_main_0")
	saved := s.TempDir()
	if err := os.CopyFS(saved, os.DirFS(stream)); err != nil {
		s.Fatal(err)
	}
	blocks, err := filepath.Glob(filepath.Join(stream, "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		s.Fatal(blocks, err)
	}
	block, err := os.ReadFile(blocks[0])
	if err == nil {
		err = os.WriteFile(blocks[0], damage(block), 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.start("one shard is halted, the other owned", func(st client.Status) bool {
		return len(st.Shards) == 2 && st.Shards[0].State == "halted" && st.Shards[1].State == "owning" &&
			strings.Contains(st.Shards[0].Error, engine.ErrDamaged.Error()) && strings.Contains(st.Shards[0].Error, why)
	})
	s.refuses()
	s.kill()
	if err := errors.Join(os.RemoveAll(stream), os.CopyFS(stream, os.DirFS(saved))); err != nil {
		s.Fatal(err)
	}
	s.start("it is ready again", ready)
	if after := s.data(); !slices.Equal(before, after) {
		s.Errorf("%d lines before, %d after", len(before), len(after))
	}
}

// refuses checks that nothing is answered as if all were there.
func (s *single) refuses() {
	s.Helper()
	_, dataErr := s.http.Data(s.ctx, s.door)
	for what, err := range map[string]error{"readyz": s.http.Ready(s.ctx, s.door), "data": dataErr} {
		var answer *client.Error
		if !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable {
			s.Errorf("%s: %v", what, err)
		}
	}
	if dataErr == nil || !strings.Contains(dataErr.Error(), engine.ErrDamaged.Error()) {
		s.Errorf("data: %v", dataErr)
	}
}
