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
	guarded := startGuarded(t)
	run := browser{t: t, orders: map[string]func() error{
		"kill n3":       func() error { return c.Kill(2) },
		"expire token":  func() error { return guarded.setToken("another-token-0123456789") },
		"kill guarded":  func() error { guarded.kill(); return nil },
		"start guarded": guarded.start,
	}}
	run.run(ctx, c.Doors()[0], guarded.door)
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

func (b *browser) run(ctx context.Context, door, guarded string) {
	b.t.Helper()
	pictures := os.Getenv("QUADRILLE_SCREENSHOTS")
	if pictures == "" {
		pictures = b.t.TempDir()
	}
	cmd := exec.CommandContext(ctx, "../../scripts/peers/browser", "browser.cjs", door, guarded, pictures)
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

// guarded is a node that asks for a token.
type guarded struct {
	door, tokens string
	args         []string
	cmd          *exec.Cmd
}

// startGuarded starts the node, which ends with the test.
func startGuarded(t *testing.T) *guarded {
	t.Helper()
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	address := fmt.Sprintf("127.0.0.1:%d", free[0])
	g := &guarded{door: "http://" + address, tokens: filepath.Join(dir, "tokens")}
	g.args = []string{"serve", "--name", "guarded", "--http", address, "--data", filepath.Join(dir, "data"), "--shards", "2", "--tokens", g.tokens}
	if err := errors.Join(g.write("first-token-0123456789"), g.start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.kill)
	return g
}

// start starts the node, and returns when it is ready.
func (g *guarded) start() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	g.cmd = exec.Command(exe, g.args...)
	var log strings.Builder
	g.cmd.Stderr = &log
	out, err := g.cmd.StdoutPipe()
	if err := errors.Join(err, g.cmd.Start()); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "is ready") {
		g.kill() // what it has logged is whole then
		return fmt.Errorf("the node that asks for a token: %q, %w\n%s", line, err, log.String())
	}
	return nil
}

// kill ends the node without a goodbye.
func (g *guarded) kill() {
	_ = g.cmd.Process.Kill() // it may have ended
	_ = g.cmd.Wait()         // killed
}

func (g *guarded) write(token string) error {
	return os.WriteFile(g.tokens, []byte("read console "+token+"\n"), 0o600)
}

// setToken has the node take another token instead. It comes into effect soon after.
func (g *guarded) setToken(token string) error {
	return errors.Join(g.write(token), g.cmd.Process.Signal(syscall.SIGHUP))
}
