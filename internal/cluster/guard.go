package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// sweepWait bounds how long the sweeper waits for killed processes to be gone.
	sweepWait = 10 * time.Second
	sweepPoll = 5 * time.Millisecond
)

// Guard owns a temporary folder and processes, none of which outlive this process, however it ends. A second process,
// the sweeper, sees to it: it makes the folder, is told of every process, and when its standard input ends - because
// the Guard was closed, or because this process is gone - kills what still lives and removes the folder.
//
// The sweeper and the processes are in a process group of their own, so that ^C in a terminal reaches this process
// alone, which then ends them in good order. Start may be called concurrently; Close is called once, last.
type Guard struct {
	dir     string
	sweeper *exec.Cmd
	mu      sync.Mutex // of tell
	tell    io.WriteCloser
	starts  chan startRequest
	ended   chan struct{} // the starting goroutine has ended
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan<- error
}

// NewGuard starts the sweeper: the executable, "" for this very one, with arguments that make it call [Sweep] with its
// standard streams.
func NewGuard(executable string, args ...string) (*Guard, error) {
	if executable == "" {
		var err error
		if executable, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program's file, to start processes from it: %w", err)
		}
	}
	g := &Guard{starts: make(chan startRequest), ended: make(chan struct{})}
	g.sweeper = exec.Command(executable, args...)
	g.sweeper.Env = Environment()
	ownGroup(g.sweeper)
	out, err := g.sweeper.StdoutPipe()
	if err == nil {
		g.tell, err = g.sweeper.StdinPipe()
	}
	if err == nil {
		err = g.sweeper.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the process that clears up (%s): %w", g.sweeper, err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if g.dir = strings.TrimSuffix(line, "\n"); err != nil || g.dir == "" {
		return nil, errors.Join(fmt.Errorf("the process that clears up (%s) made no folder in %s", g.sweeper, os.TempDir()),
			g.tell.Close(), g.sweeper.Wait())
	}
	go g.starter()
	return g, nil
}

// Dir is the folder.
func (g *Guard) Dir() string { return g.dir }

// starter starts the processes. It keeps its thread for as long as the Guard is open: where the system can kill a child
// with its parent, it means the parent's thread that made the child.
func (g *Guard) starter() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(g.ended)
	for r := range g.starts {
		r.done <- r.cmd.Start()
	}
}

// Start starts the command; the caller waits for it, and then calls Gone.
func (g *Guard) Start(cmd *exec.Cmd) error {
	joinGroup(cmd, g.sweeper.Process.Pid)
	done := make(chan error, 1)
	g.starts <- startRequest{cmd, done}
	if err := <-done; err != nil {
		return err
	}
	if err := g.send('+', cmd.Process.Pid); err != nil {
		err = fmt.Errorf("the process that clears up is gone: %w", err)
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return nil
}

// Gone tells that the process was waited for.
func (g *Guard) Gone(cmd *exec.Cmd) { _ = g.send('-', cmd.Process.Pid) }

func (g *Guard) send(sign byte, pid int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, err := fmt.Fprintf(g.tell, "%c%d\n", sign, pid)
	return err
}

// Close kills what still lives, and removes the folder. No Start may be under way.
func (g *Guard) Close() error {
	close(g.starts)
	<-g.ended
	err := g.tell.Close()
	if waited := g.sweeper.Wait(); waited != nil {
		err = errors.Join(err, fmt.Errorf("remove %s: %w", g.dir, waited))
	}
	return err
}

// Sweep is the work of the sweeper: it makes a folder, writes its path as a line to out, reads from in which processes
// there are, and when in ends kills those that are left and removes the folder.
func Sweep(in io.Reader, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "quadrille-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := fmt.Fprintln(out, dir); err != nil {
		return err
	}
	alive := map[int]bool{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text := lines.Text()
		pid, err := strconv.Atoi(strings.TrimLeft(text, "+-"))
		if err != nil {
			return fmt.Errorf("process id %q: %w", text, err)
		}
		if text[0] == '+' {
			alive[pid] = true
		} else {
			delete(alive, pid)
		}
	}
	return killAll(alive)
}

// killAll kills the processes and returns when they are gone, so that they make no more files. One that can't be waited
// for must not keep the others alive.
func killAll(alive map[int]bool) error {
	for deadline := time.Now().Add(sweepWait); ; time.Sleep(sweepPoll) {
		for pid := range alive {
			if !killGrouped(pid) {
				delete(alive, pid)
			}
		}
		switch {
		case len(alive) == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("processes %v still live %v after they were killed", slices.Sorted(maps.Keys(alive)), sweepWait)
		}
	}
}

// Environment is this process's environment without the variables that would change the flags of a node.
func Environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "QUADRILLE_") {
			env = append(env, e)
		}
	}
	return env
}
