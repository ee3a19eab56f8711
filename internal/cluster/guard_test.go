//go:build unix

package cluster_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/internal/cli"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// bound is the time that anything may take; nothing is expected to take long.
const bound = 3 * time.Minute

// TestMain makes this very binary do the work of the processes that the tests start, as its first argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "sweep":
			exitWith(cluster.Sweep(os.Stdin, os.Stdout))
		case "wait":
			select {} // until it is killed
		case "nothing":
			os.Exit(0)
		case "parent":
			exitWith(parent())
		case "serve":
			os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		}
	}
	goleak.VerifyTestMain(m)
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parent guards two processes, says their folder and process ids, and waits for ^C. Then it says whether they still
// live, and ends in good order - unless it is killed before.
func parent() error {
	interrupted := make(chan os.Signal, 1)
	if len(os.Args) > 2 {
		signal.Notify(interrupted, os.Interrupt)
	}
	guard, err := cluster.NewGuard("", "sweep")
	if err != nil {
		return err
	}
	words := []string{guard.Dir(), strconv.Itoa(guard.SweeperPID())}
	children := make([]*exec.Cmd, 2)
	for i := range children {
		if children[i], err = waiter(guard); err != nil {
			return err
		}
		words = append(words, strconv.Itoa(children[i].Process.Pid))
	}
	fmt.Println(strings.Join(words, " "))
	<-interrupted
	for _, c := range children {
		fmt.Println(syscall.Kill(c.Process.Pid, 0) == nil)
	}
	waited := waitAll(children...)
	err = guard.Close()
	<-waited
	return err
}

// waitAll waits for the processes, which are killed meanwhile, and then closes the channel.
func waitAll(children ...*exec.Cmd) <-chan struct{} {
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, c := range children {
		all.Go(func() { _ = c.Wait() })
	}
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

// waiter starts a process that waits until it is killed.
func waiter(guard *cluster.Guard) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "wait")
	return cmd, guard.Start(cmd)
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(bound)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, bound)
		}
		<-poll.C
	}
}

// gone reports whether the process has ended. One that has ended and that nobody has waited for yet is gone, too.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) // gone just now, or not on Linux
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("Z"))
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}

// empty checks that nothing is in the folder for temporary files.
func empty(t testing.TB, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}

func TestGuardLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	guard, err := cluster.NewGuard("", "sweep")
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(guard.Dir()) != temp {
		t.Errorf("the folder is %s", guard.Dir())
	}
	var children []*exec.Cmd
	for range 3 {
		c, err := waiter(guard)
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, c)
	}
	if err := os.WriteFile(filepath.Join(guard.Dir(), "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	// One has ended before.
	if err := children[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = children[0].Wait()
	guard.Gone(children[0])
	waited := waitAll(children[1:]...)
	if err := guard.Close(); err != nil {
		t.Error(err)
	}
	<-waited
	if !gone(guard.SweeperPID()) {
		t.Error("the sweeper is left")
	}
	for _, c := range children {
		if !gone(c.Process.Pid) {
			t.Errorf("process %d is left", c.Process.Pid)
		}
	}
	empty(t, temp)
}

// startParent starts a process that guards two others, as leader of a group like that of a shell's job, and returns it
// with what it said.
func startParent(t *testing.T, temp string, args ...string) (cmd *exec.Cmd, out *bufio.Reader, dir string, pids []int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self, append([]string{"parent"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Who is run in the background ignores ^C, and so would the process, but for one that handles it now.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, os.Interrupt)
	err = cmd.Start()
	signal.Stop(handled)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	out = bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 4 {
		t.Fatalf("said %q, %v", line, err)
	}
	for _, word := range words[1:] {
		pid, err := strconv.Atoi(word)
		if err != nil || gone(pid) {
			t.Fatalf("said %q, %v; process %d is gone", line, err, pid)
		}
		pids = append(pids, pid)
	}
	return cmd, out, words[0], pids
}

// TestParentEndsWithoutGoodbye: it is killed, or ^C in a terminal, which its whole group gets, ends it at once.
func TestParentEndsWithoutGoodbye(t *testing.T) {
	for name, end := range map[string]func(pid int) error{
		"killed":      func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) },
		"interrupted": func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			cmd, _, dir, pids := startParent(t, temp)
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := end(cmd.Process.Pid); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			for _, pid := range pids {
				eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return gone(pid) })
			}
			eventually(t, dir+" is gone", func() bool { return absent(dir) })
			empty(t, temp)
		})
	}
}

// TestInterruptReachesTheParentAlone: ^C leaves it to the parent to end the others in good order.
func TestInterruptReachesTheParentAlone(t *testing.T) {
	temp := t.TempDir()
	cmd, out, _, pids := startParent(t, temp, "handles ^C")
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(out)
	if waited := cmd.Wait(); waited != nil || err != nil || string(said) != "true\ntrue\n" {
		t.Errorf("said %q (%v), %v: the others live when the parent hears of ^C", said, err, waited)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	empty(t, temp)
}

func TestGuardCantStart(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	if _, err := cluster.NewGuard(filepath.Join(temp, "none"), "sweep"); err == nil ||
		!strings.Contains(err.Error(), "start the process that clears up") {
		t.Errorf("no such program: %v", err)
	}
	if _, err := cluster.NewGuard("", "nothing"); err == nil || !strings.Contains(err.Error(), "made no folder") {
		t.Errorf("a program that says nothing: %v", err)
	}
	empty(t, temp)
}

// TestNothingStartsWithoutASweeper: when the one is gone that would clear up, no process is left that it doesn't know.
func TestNothingStartsWithoutASweeper(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	guard, err := cluster.NewGuard("", "sweep")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(guard.SweeperPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Its pipe is broken when the last of its threads is gone.
	var c *exec.Cmd
	eventually(t, "nothing starts any more", func() bool {
		if c, err = waiter(guard); err == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
		return err != nil
	})
	if !strings.Contains(err.Error(), "the process that clears up is gone") {
		t.Errorf("%v", err)
	}
	if c.ProcessState == nil || !gone(c.Process.Pid) {
		t.Error("the process is left")
	}
	if err := guard.Close(); err == nil || !strings.Contains(err.Error(), guard.Dir()) {
		t.Errorf("%v: who must clear up now has to know where", err)
	}
}

// sweep runs Sweep in this process, tells it these lines, and returns its folder and its error.
func sweep(t *testing.T, lines string) (dir string, err error) {
	t.Helper()
	in, tell := io.Pipe()
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- cluster.Sweep(in, said) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	dir = strings.TrimSuffix(line, "\n")
	if absent(dir) {
		t.Errorf("folder %q is not there", dir)
	}
	_, _ = io.WriteString(tell, lines) // Sweep may have heard enough
	_ = tell.Close()
	_ = in.Close()
	return dir, <-ended
}

// TestSweepSparesStrangers: a process id can be another's by now. Whoever is not in the sweeper's group isn't one of
// its processes.
func TestSweepSparesStrangers(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	mine, stranger, ended := exec.Command(self, "wait"), exec.Command(self, "wait"), exec.Command(self, "nothing")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, c := range []*exec.Cmd{mine, stranger, ended} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	_ = ended.Wait()
	mineEnded := waitAll(mine)
	dir, err := sweep(t, fmt.Sprintf("+%d\n+%d\n+%d\n", mine.Process.Pid, stranger.Process.Pid, ended.Process.Pid))
	if err != nil || !absent(dir) {
		t.Errorf("%v; %s is left: %v", err, dir, !absent(dir))
	}
	<-mineEnded
	if gone(stranger.Process.Pid) {
		t.Error("a process of another group was killed")
	}
	if err := stranger.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = stranger.Wait()
	empty(t, temp)
}

// TestSweepKillsAllAtOnce: a process that nobody waits for stays in the system's table, and must not spare the others.
func TestSweepKillsAllAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	children, lines := make([]*exec.Cmd, 3), ""
	for i := range children {
		children[i] = exec.Command(self, "wait")
		if err := children[i].Start(); err != nil {
			t.Fatal(err)
		}
		lines += fmt.Sprintf("+%d\n", children[i].Process.Pid)
	}
	var swept sync.WaitGroup
	swept.Go(func() {
		if _, err := sweep(t, lines); err != nil {
			t.Error(err)
		}
	})
	for _, c := range children {
		eventually(t, "it is killed, though nobody has waited for any", func() bool { return gone(c.Process.Pid) })
	}
	<-waitAll(children...)
	swept.Wait()
}

func TestSweepOfNonsense(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for _, lines := range []string{"nonsense\n", "+\n", "\n", "+99999999999999999999\n"} {
		if dir, err := sweep(t, lines); err == nil || !absent(dir) {
			t.Errorf("%q: %v; %s is left: %v", lines, err, dir, !absent(dir))
		}
	}
	empty(t, temp)
}

func TestEnvironment(t *testing.T) {
	t.Setenv("QUADRILLE_SHARDS", "3")
	t.Setenv("QUADRILLES", "4")
	env := strings.Join(cluster.Environment(), "\n") + "\n"
	if strings.Contains(env, "QUADRILLE_SHARDS") || !strings.Contains(env, "QUADRILLES=4\n") ||
		!strings.Contains(env, "PATH=") {
		t.Errorf("environment:\n%s", env)
	}
}
