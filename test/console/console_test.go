package console

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/cli"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

const (
	// browserBound bounds the time of the whole test; it takes far less than a minute when all is installed.
	browserBound = 5 * time.Minute
	// shards is the number of shards that the page must show legibly.
	shards = 256
	// unavailable is the exit status of the script when there is no browser.
	unavailable = 77
)

// TestMain makes this very binary do the work of the nodes that the test starts as processes, as its first argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	flag.Parse()
	os.Exit(m.Run())
}

// TestConsole: each page of the console does what it says in a browser, without an error of the console's and without a request to
// anybody but the node. The script asks for what a browser can't do, a line each.
func TestConsole(t *testing.T) {
	requireBrowser(t)
	ctx, cancel := context.WithTimeout(t.Context(), browserBound)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Config{Nodes: 3, Shards: shards, Sweep: []string{"demo", "--sweep"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	file := tokens(filepath.Join(t.TempDir(), "tokens"))
	if err := file.write("first-token-0123456789"); err != nil {
		t.Fatal(err)
	}
	guarded := startSingle(t, "guarded", "--shards", "1", "--tokens", string(file))
	plain := startSingle(t, "plain", "--shards", "64")
	run := browser{t: t, orders: map[string]func() error{
		"kill n3": func() error { return c.Kill(2) },
		"expire token": func() error {
			return errors.Join(file.write("another-token-0123456789"), guarded.cmd.Process.Signal(syscall.SIGHUP))
		},
		"kill guarded":  func() error { guarded.kill(); return nil },
		"start guarded": guarded.start,
	}}
	run.run(ctx, c.Doors()[0], plain.door, guarded.door)
}

// requireBrowser skips the test where there is no browser, unless there must be.
func requireBrowser(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm", "flock", "chromium"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("QUADRILLE_PEERS_REQUIRED") != "1" {
			t.Skip(err)
		}
	}
}

// browser runs the script.
type browser struct {
	t      *testing.T
	orders map[string]func() error
}

func (b *browser) run(ctx context.Context, doors ...string) {
	b.t.Helper()
	pictures := os.Getenv("QUADRILLE_SCREENSHOTS")
	if pictures == "" {
		pictures = b.t.TempDir()
	}
	cmd := exec.CommandContext(ctx, "../../scripts/peers/browser", append([]string{"browser.cjs", pictures}, doors...)...)
	var said strings.Builder
	cmd.Stderr = &said
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		b.t.Fatal(err)
	}
	b.serve(out, in)
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == unavailable && os.Getenv("QUADRILLE_PEERS_REQUIRED") != "1" {
		b.t.Skip(said.String())
	}
	if err != nil {
		b.t.Errorf("%v\n%s", err, said.String())
	}
}

// serve carries out orders, lines that begin with "!", and logs the others, until the script ends.
func (b *browser) serve(out io.Reader, in io.Writer) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		order, ok := strings.CutPrefix(lines.Text(), "! ")
		if !ok {
			b.t.Log(lines.Text())
			continue
		}
		answer := "done"
		if do := b.orders[order]; do == nil {
			answer = "unknown order"
		} else if err := do(); err != nil {
			answer = err.Error()
		}
		fmt.Fprintln(in, answer) // a script that has ended says why itself
	}
}

// single is a node that stands alone.
type single struct {
	door string
	args []string
	cmd  *exec.Cmd
}

// startSingle starts a node, which ends with the test.
func startSingle(t *testing.T, name string, args ...string) *single {
	t.Helper()
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", free[0])
	n := &single{door: "http://" + address, args: append([]string{"serve", "--name", name, "--http", address, "--data", t.TempDir()}, args...)}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	return n
}

// start starts the node, and returns when it is ready.
func (n *single) start() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	n.cmd = exec.Command(exe, n.args...)
	var log strings.Builder
	n.cmd.Stderr = &log
	out, err := n.cmd.StdoutPipe()
	if err := errors.Join(err, n.cmd.Start()); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "is ready") {
		n.kill() // what it has logged is whole then
		return fmt.Errorf("start %v: %q, %w\n%s", n.args, line, err, log.String())
	}
	return nil
}

// kill ends the node without a goodbye.
func (n *single) kill() {
	_ = n.cmd.Process.Kill() // it may have ended
	_ = n.cmd.Wait()         // killed
}

// tokens is a file of the one token that a node takes.
type tokens string

func (f tokens) write(token string) error {
	return os.WriteFile(string(f), []byte("read,write console "+token+"\n"), 0o600)
}
