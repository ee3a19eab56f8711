// Package peer runs in tests what connectors talk to: the real thing, which a script of scripts/peers installs and starts.
package peer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/ports"
)

// patience bounds the installing and starting of a peer.
const patience = 10 * time.Minute

// missing is the exit status of a script that lacks something.
const missing = 3

// Peer is a process that runs until the test has ended. It is used by one goroutine.
type Peer struct {
	// Dir holds its data.
	Dir string
	// Ports are those that it listens on, on loopback, in the order of its script.
	Ports []int

	t      testing.TB
	script string
	cmd    *exec.Cmd
	errors lockedBuffer
}

// Start runs scripts/peers/NAME DIR PORT… with so many free ports, and waits until it is ready. Where the peer can't be had the
// test is skipped, and says what is missing; with QUADRILLE_PEERS_REQUIRED=1 it fails.
func Start(t testing.TB, name string, n int) *Peer {
	t.Helper()
	free, err := ports.Free(n)
	if err != nil {
		t.Fatal(err)
	}
	_, here, _, _ := runtime.Caller(0)
	p := &Peer{Dir: t.TempDir(), Ports: free, t: t, script: filepath.Join(filepath.Dir(here), "..", "..", "scripts", "peers", name)}
	t.Cleanup(p.Kill)
	p.Start()
	return p
}

// Address is that of one of its ports.
func (p *Peer) Address(i int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Ports[i])) }

// Start starts it again, after a Kill, with its data and on its ports.
func (p *Peer) Start() {
	p.t.Helper()
	args := []string{p.Dir}
	for _, port := range p.Ports {
		args = append(args, strconv.Itoa(port))
	}
	p.cmd = exec.Command(p.script, args...)
	apart(p.cmd)
	p.cmd.Stderr = &p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		ready <- line == "ready\n"
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case ok := <-ready:
		if !ok {
			p.failed()
		}
	case <-time.After(patience):
		p.t.Fatalf("%s is not ready: %s", p.script, p.errors.String())
	}
}

// failed ends the test of a peer that hasn't become ready.
func (p *Peer) failed() {
	p.t.Helper()
	err := p.cmd.Wait()
	p.cmd = nil
	exit, ok := errors.AsType[*exec.ExitError](err)
	if ok && exit.ExitCode() == missing && os.Getenv("QUADRILLE_PEERS_REQUIRED") != "1" {
		p.t.Skip(p.errors.String())
	}
	p.t.Fatalf("%s: %v: %s", p.script, err, p.errors.String())
}

// Kill ends it at once, with all that it has started (SIGKILL).
func (p *Peer) Kill() {
	if p.cmd == nil {
		return
	}
	killAll(p.cmd)
	_ = p.cmd.Wait() // that it was killed
	p.cmd = nil
}

// lockedBuffer is a buffer that the process writes and the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(text)
}

// String returns what was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
