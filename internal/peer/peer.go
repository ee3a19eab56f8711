// Package peer starts the real peers of connectors for tests: the scripts of scripts/peers, which install them.
package peer

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/ports"
)

// unavailable is the exit status of a script that doesn't have what it needs.
const unavailable = 77

// patience bounds the time in which a peer is installed and ready.
const patience = 5 * time.Minute

// Peer is a process of a test's own.
type Peer struct {
	// Dir holds its data and its log; Ports are those on loopback that it listens on, the same after each start.
	Dir   string
	Ports []int

	script string
	args   []string
	cmd    *exec.Cmd
	input  io.Closer // the process ends with it
}

// Start starts a peer on so many ports of its own, and waits until it is ready. It ends with the test. Where the peer can't be had
// the test is skipped, or fails if QUADRILLE_PEERS_REQUIRED is 1.
func Start(t testing.TB, name string, portCount int, args ...string) *Peer {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	list, err := ports.Free(portCount)
	if err != nil {
		t.Fatal(err)
	}
	p := &Peer{Dir: t.TempDir(), Ports: list, script: filepath.Join(filepath.Dir(file), "../../scripts/peers", name), args: args}
	p.Restart(t)
	t.Cleanup(p.Kill)
	return p
}

// Address is that of one of its ports.
func (p *Peer) Address(i int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Ports[i])) }

// Kill ends the process at once (SIGKILL), and returns when it is gone.
func (p *Peer) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()         // killed
	_ = p.input.Close()
	p.cmd = nil
}

// Restart starts it again, on the same ports and data, and waits until it is ready.
func (p *Peer) Restart(t testing.TB) {
	t.Helper()
	p.Kill()
	args := []string{p.Dir}
	for _, port := range p.Ports {
		args = append(args, strconv.Itoa(port))
	}
	cmd := exec.Command(p.script, append(args, p.args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	in, inErr := cmd.StdinPipe()
	if err := errors.Join(err, inErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	p.cmd, p.input = cmd, in
	hangs := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer hangs.Stop()
	if line, err := bufio.NewReader(out).ReadString('\n'); err == nil && line == "ready\n" {
		return
	}
	err, p.cmd = cmd.Wait(), nil
	p.missing(t, err, said.String())
}

// missing ends the test of a peer that did not start.
func (p *Peer) missing(t testing.TB, err error, said string) {
	t.Helper()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if ok && exit.ExitCode() == unavailable && os.Getenv("QUADRILLE_PEERS_REQUIRED") != "1" {
		t.Skipf("%s: %s", filepath.Base(p.script), said)
	}
	log, _ := os.ReadFile(filepath.Join(p.Dir, "log")) // there may be none
	t.Fatalf("%s: %v: %s\n%s", p.script, err, said, log)
}
