//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// demoBound is the time that a demo may take.
const demoBound = 5 * time.Minute

// demo is a demo as a process, in a folder for temporary files that is its own.
type demo struct {
	*testing.T
	temp string
	cmd  *exec.Cmd
	out  bytes.Buffer
	said *bufio.Reader // standard error
	rest []byte        // of it, once the process has ended
}

func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	executable, err := exec.LookPath("quadrille") // this test binary, see TestMain
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{T: t, temp: t.TempDir()}
	ctx, cancel := context.WithTimeout(context.Background(), demoBound)
	t.Cleanup(cancel)
	d.cmd = exec.CommandContext(ctx, executable, append([]string{"demo"}, args...)...)
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.temp)
	d.cmd.Stdout = &d.out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell starts a job
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.said = bufio.NewReader(stderr)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// end waits until the process has ended, and returns its exit status, -1 if a signal ended it.
func (d *demo) end() int {
	d.Helper()
	var err error
	if d.rest, err = io.ReadAll(d.said); err != nil {
		d.Error(err)
	}
	_ = d.cmd.Wait() // the status says it
	return d.cmd.ProcessState.ExitCode()
}

// left lists the processes that have the demo's folder for temporary files in their environment, and what is in it.
func (d *demo) left() (list []string) {
	d.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		d.Fatal(err)
	}
	for _, name := range environments {
		// One that has ended meanwhile can't be read, and one that nobody has waited for has none.
		if env, err := os.ReadFile(name); err == nil && bytes.Contains(env, []byte("TMPDIR="+d.temp+"\x00")) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
			list = append(list, filepath.Dir(name)+" "+string(bytes.ReplaceAll(command, []byte{0}, []byte(" "))))
		}
	}
	files, err := os.ReadDir(d.temp)
	if err != nil {
		d.Fatal(err)
	}
	for _, f := range files {
		list = append(list, f.Name())
	}
	return list
}

func TestDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t, "--changes", "4000", "--json")
	if status := d.end(); status != 0 {
		t.Fatalf("exit status %d:\n%s", status, d.rest)
	}
	if left := d.left(); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
	form := regexp.MustCompile(`^\{"accepted":4000,"lost":0,"duplicated":0,"moves":[0-9]+,"pause_ms":[0-9]+,` +
		`"changes_per_second":[0-9]+,`)
	var result struct {
		Moves  int   `json:"moves"`
		Pause  int64 `json:"pause_ms"`
		Rate   int   `json:"changes_per_second"`
		Killed string
		Good   bool
	}
	if err := json.Unmarshal(d.out.Bytes(), &result); err != nil || !form.Match(d.out.Bytes()) {
		t.Fatalf("%v: %s", err, &d.out)
	}
	if result.Moves == 0 || result.Pause == 0 || result.Rate == 0 || result.Killed != "n3" || !result.Good {
		t.Errorf("%s", &d.out)
	}
}

// TestDemoEndsInTheMiddle: ^C, which a terminal sends to all processes of the job, ends it in good order; SIGKILL
// without goodbye. Nothing is left of either.
func TestDemoEndsInTheMiddle(t *testing.T) {
	for _, test := range []struct {
		name   string
		end    func(pid int) error
		status int
		says   string
	}{
		{"interrupted", func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) }, 1, "quadrille: interrupted\n"},
		{"terminal gone", func(pid int) error { return syscall.Kill(-pid, syscall.SIGHUP) }, 1, "quadrille: interrupted\n"},
		{"killed", func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }, -1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, "--nodes", "2", "--changes", "10000000")
			d.streaming()
			if err := test.end(d.cmd.Process.Pid); err != nil {
				t.Error(err)
			}
			if status := d.end(); status != test.status || string(d.rest) != test.says {
				t.Errorf("exit status %d, said %q", status, d.rest)
			}
			if test.status >= 0 {
				if left := d.left(); len(left) > 0 {
					t.Errorf("left:\n%s", strings.Join(left, "\n"))
				}
			}
			d.until("nothing is left", func() bool { return len(d.left()) == 0 })
		})
	}
}

// streaming waits until the demo's first node has accepted changes.
func (d *demo) streaming() {
	d.Helper()
	for line := ""; !strings.Contains(line, "nodes ready after"); {
		var err error
		if line, err = d.said.ReadString('\n'); err != nil {
			d.Fatalf("said %q, %v", line, err)
		}
	}
	logs, err := filepath.Glob(filepath.Join(d.temp, "quadrille-*", "n1", "log"))
	if err != nil || len(logs) != 1 {
		d.Fatalf("logs %v, %v", logs, err)
	}
	var ready [][]byte
	d.until("the first node says where it is", func() bool {
		text, err := os.ReadFile(logs[0])
		ready = regexp.MustCompile(`node n1 is ready at (http://[0-9.:]+), `).FindSubmatch(text)
		return err == nil && ready != nil
	})
	http := client.New("")
	defer http.Close()
	d.until("changes are accepted", func() bool {
		status, err := http.Status(context.Background(), string(ready[1]))
		return err == nil && status.Stats.Adds > 0
	})
	if running := d.left(); len(running) < 5 {
		d.Errorf("want the demo, two nodes, the process that clears up, and a folder: %s", fmt.Sprint(running))
	}
}

// until waits until the condition holds.
func (d *demo) until(what string, holds func() bool) {
	d.Helper()
	deadline := time.After(demoBound)
	poll := time.NewTicker(faultPoll)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			d.Fatalf("%s: not within %v; there are:\n%s", what, demoBound, strings.Join(d.left(), "\n"))
		}
	}
}
