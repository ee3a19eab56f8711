package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// logTail bounds how much of the end of a node's log an error shows, in bytes.
const logTail = 3 << 10

// node is one process of the cluster, that can be started again.
type node struct {
	name string
	args []string
	env  []string
	door string // base URL of its HTTP API
	log  string // path of its log
	// engine is the address of its engine, and data that one's folder; "" of a worker.
	engine, data string

	guard *Guard
	run   atomic.Pointer[run] // nil before the first start
}

// run is one start of a node.
type run struct {
	cmd   *exec.Cmd
	asked atomic.Bool // it was asked to end, or killed
	done  chan struct{}
	err   error // of the process, once done is closed
}

// start starts the process. What it says goes to its log, behind what is there.
func (n *node) start(executable string) error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(executable, n.args...)
	cmd.Env, cmd.Dir = n.env, filepath.Dir(n.log)
	cmd.Stdout, cmd.Stderr = log, log
	if err := n.guard.Start(cmd); err != nil {
		return fmt.Errorf("start %s (%s): %w", n.name, cmd, err)
	}
	r := &run{cmd: cmd, done: make(chan struct{})}
	n.run.Store(r)
	go func() {
		defer close(r.done)
		r.err = cmd.Wait()
		n.guard.Gone(cmd)
	}()
	return nil
}

// alive reports whether the process runs.
func (n *node) alive() bool {
	r := n.run.Load()
	if r == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// ended returns an error if the process has ended unasked.
func (n *node) ended() error {
	r := n.run.Load()
	if r == nil || r.asked.Load() || n.alive() {
		return nil
	}
	how := "ended by itself"
	if r.err != nil {
		how = "ended: " + r.err.Error()
	}
	return fmt.Errorf("node %s %s; its log ends\n%s", n.name, how, n.tail())
}

// kill kills the process and returns when it is gone.
func (n *node) kill() error {
	r := n.run.Load()
	r.asked.Store(true)
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill node %s: %w", n.name, err)
	}
	<-r.done
	return nil
}

// stop asks the process to end, and kills it when it doesn't within the bound.
func (n *node) stop(bound time.Duration) error {
	r := n.run.Load()
	if r == nil {
		return nil
	}
	r.asked.Store(true)
	if err := askToEnd(r.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(fmt.Errorf("ask node %s to end: %w", n.name, err), n.kill())
	}
	select {
	case <-r.done:
		return nil
	case <-time.After(bound):
		return n.kill()
	}
}

// tail returns the last lines of the log.
func (n *node) tail() string {
	f, err := os.Open(n.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		if _, err := f.Seek(-logTail, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, logTail))
	if err != nil {
		return err.Error()
	}
	if _, whole, cut := strings.Cut(string(text), "\n"); cut && len(text) == logTail {
		text = []byte(whole) // the first line lacks its begin
	}
	return strings.TrimSpace(string(text))
}
