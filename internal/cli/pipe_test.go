package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// peakEnv names the file that [measured] writes to.
const peakEnv = "QUADRILLE_TEST_PEAK"

// measured is the command, which at its end writes the most memory that it has had (resident, in kB). It has to do so
// itself: what the system tells a parent (ru_maxrss) is not less than what the parent had when it started the process.
func measured() int {
	status := cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	peak, err := peakMemory()
	if err == nil {
		err = os.WriteFile(os.Getenv(peakEnv), strconv.AppendInt(nil, peak, 10), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	return status
}

// TestPipes runs the sessions of testdata/pipes, in which long inputs go through the offline commands. Beside the
// commands of testscript they have:
//
//	piped MB KIND ROWS COMMAND ARG…
//	                          runs a command, with that many rows of ntriples, turtle or patch at its standard input,
//	                          and fails if it needs more memory; prints the number of lines that come out
func TestPipes(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/pipes",
		Cmds:                map[string]func(ts *testscript.TestScript, neg bool, args []string){"piped": piped},
		Setup:               func(e *testscript.Env) error { e.Vars = append(e.Vars, raceOptions); return nil },
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// pipeBound is the time after which a command of a session has hung.
const pipeBound = 5 * time.Minute

// raceFactor is by how much the race detector raises the memory of a program, and more; it makes it slow too, so that
// there are fewer rows.
const (
	raceFactor = 3
	raceRows   = 10
)

func piped(ts *testscript.TestScript, _ bool, args []string) {
	ceiling, err := strconv.Atoi(args[0])
	ts.Check(err)
	rows, err := strconv.Atoi(args[2])
	ts.Check(err)
	if raceEnabled {
		ceiling, rows = ceiling*raceFactor, rows/raceRows
	}
	cmd := command(ts, args[3:]...)
	peakFile := ts.MkAbs("peak")
	cmd.Env = append(cmd.Env, peakEnv+"="+peakFile)
	in, err := cmd.StdinPipe()
	ts.Check(err)
	var out lineCounter
	var failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failed
	ts.Check(cmd.Start())
	ctx, cancel := context.WithTimeout(context.Background(), pipeBound)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	written := writeRows(in, args[1], rows)
	if err := cmd.Wait(); err != nil || written != nil {
		ts.Fatalf("%v: %v, %v\n%s", args[3:], err, written, &failed)
	}
	peak, err := strconv.Atoi(ts.ReadFile(peakFile))
	ts.Check(err)
	ts.Logf("%v: at most %d kB", args[3:], peak)
	if peak > ceiling*1000 {
		ts.Fatalf("%v needed %d kB of memory, want at most %d MB", args[3:], peak, ceiling)
	}
	lines := out.lines
	if raceEnabled {
		lines *= raceRows // about
	}
	fmt.Fprintf(ts.Stdout(), "%d lines\n%s", lines, out.head)
}

// lineCounter counts lines and keeps the first ones.
type lineCounter struct {
	lines int
	head  []byte
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.lines += bytes.Count(p, []byte{'\n'})
	if room := 1000 - len(c.head); room > 0 {
		c.head = append(c.head, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// writeRows writes rows of some kind and closes w.
func writeRows(w io.WriteCloser, kind string, rows int) error {
	b := bufio.NewWriterSize(w, 64<<10)
	row := map[string]string{
		"ntriples": "<http://example.org/sensor/%d> <http://example.org/ns#value> \"%d\" .\n",
		"turtle":   "ex:sensor%d ex:value %d .\n",
		"patch":    "A <http://example.org/sensor/%d> <http://example.org/ns#value> \"%d\" .\n",
	}[kind]
	begin := map[string]string{"turtle": "@prefix ex: <http://example.org/> .\n", "patch": "TX .\n"}
	fmt.Fprint(b, begin[kind])
	for i := range rows {
		fmt.Fprintf(b, row, i, i%1000)
	}
	if kind == "patch" {
		fmt.Fprint(b, "TC .\n")
	}
	if err := b.Flush(); err != nil {
		_ = w.Close()
		return err
	}
	return w.Close()
}

// TestInterrupted: a signal ends a command that waits for more of its input, and nothing is left of the result.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), pipeBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, "quadrille", "convert", "--type", "ntriples", "-o", filepath.Join(dir, "out.nq"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var failed bytes.Buffer
	cmd.Stderr = &failed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than the pipe holds: when it is written, the command has begun to read.
	row := "<http://example.org/s> <http://example.org/p> <http://example.org/o> .\n"
	_, wrote := io.WriteString(in, strings.Repeat(row, 1<<21/len(row)))
	interrupted := cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if wrote != nil || interrupted != nil {
		t.Fatalf("%v, %v", wrote, interrupted)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 || failed.String() != "quadrille: interrupted\n" {
		t.Errorf("status %d\n%s", code, &failed)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v was left, %v", left, err)
	}
}
