package differential

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// base is the IRI that every reader resolves relative ones with.
const base = "http://example.org/dir/doc?query"

// answer is what a reader makes of a document.
type answer struct {
	quads  []rdf.Quad
	reason string // why the document is refused; empty: it is not
	// wellFormed are those lines of a peer's answer that are quads, where others are none.
	wellFormed []rdf.Quad
}

// noQuads begins the reason where a peer accepts a document, and answers with what is no N-Quads.
const noQuads = "[its quads are none: "

// mostTime is what a peer may take for an answer; then it is ended, and its answer is that.
const mostTime = 2 * time.Minute

// peer is a process that reads documents, one after the other.
type peer struct {
	name    string
	command []string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	failed  bytes.Buffer
}

// peers starts Oxigraph, and the libraries in JavaScript. It skips the test if they are not installed.
func peers(t *testing.T) (oxigraph, javascript *peer) {
	t.Helper()
	dir := peersFolder(t)
	oxigraph = started(t, "Oxigraph", filepath.Join(dir, "python", "bin", "python3"), "peers/oxigraph.py", base)
	return oxigraph, started(t, "JavaScript", "node", "peers/javascript.mjs", base, dir)
}

// stores starts Oxigraph and Jena. It skips the test if they are not installed.
func stores(t *testing.T) []*peer {
	t.Helper()
	dir := peersFolder(t)
	return []*peer{
		started(t, oxigraphName, filepath.Join(dir, "python", "bin", "python3"), "peers/oxigraph.py", base),
		started(t, jenaName, "java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", filepath.Join(dir, "jena", "*"), "peers/Jena.java"),
	}
}

// started starts a peer, which ends with the test.
func started(t *testing.T, name string, command ...string) *peer {
	t.Helper()
	p := &peer{name: name, command: command}
	p.start(t)
	t.Cleanup(func() {
		if err := p.end(); err != nil {
			t.Errorf("%s: %v\n%s", p.name, err, &p.failed)
		}
	})
	return p
}

func peersFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("QUADRILLE_READER_PEERS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "quadrille-readers")
	}
	if _, err := os.Stat(filepath.Join(dir, "installed")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the peers are missing, and CI=true: %v; test/differential/peers/install installs them", err)
		}
		t.Skipf("READERS NOT COMPARED: the peers are missing: %v; test/differential/peers/install installs them", err)
	}
	return dir
}

func (p *peer) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.command[0], p.command[1:]...)
	p.failed.Reset()
	p.cmd.Stderr = &p.failed
	var errIn, errOut error
	p.in, errIn = p.cmd.StdinPipe()
	p.out, errOut = p.cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// end closes the process's input, with which it ends.
func (p *peer) end() error {
	_ = p.in.Close()
	return p.cmd.Wait()
}

// read returns the peer's answer. What is no answer, quads with an IRI that none can be or the end of the process, is a
// refusal with its reason in square brackets.
func (p *peer) read(t *testing.T, f format, document []byte) answer {
	t.Helper()
	late := time.AfterFunc(mostTime, func() { _ = p.cmd.Process.Kill() })
	text, err := p.ask(f, document)
	late.Stop()
	if err != nil { // Oxigraph ends where its JSON-LD reader meets what it takes for impossible
		ended := p.end()
		reason := fmt.Sprintf("[%v, %v: %s]", err, ended, &p.failed)
		p.start(t)
		return answer{reason: reason}
	}
	if text[0] == '-' {
		return answer{reason: string(text[1:])}
	}
	quads, err := readQuads(text[1:])
	if err == nil {
		return answer{quads: quads}
	}
	a := answer{reason: fmt.Sprintf("%s%v: %q]", noQuads, err, text[1:])}
	for line := range bytes.Lines(text[1:]) {
		quads, _ := readQuads(line)
		a.wellFormed = append(a.wellFormed, quads...)
	}
	return a
}

func readQuads(text []byte) ([]rdf.Quad, error) {
	return collect(func(fn func(rdf.Quad) error) error { return nquads.Parse(text, fn) })
}

// ask sends a request and receives what answers it.
func (p *peer) ask(f format, document []byte) ([]byte, error) {
	request := binary.BigEndian.AppendUint32(nil, uint32(len(document)))
	request = append(append(request, f.code()), document...)
	if _, err := p.in.Write(request); err != nil {
		return nil, err
	}
	var length [4]byte
	if _, err := io.ReadFull(p.out, length[:]); err != nil {
		return nil, err
	}
	text := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(p.out, text)
	return text, err
}

// collect returns clones of the quads that a reader gives.
func collect(read func(func(rdf.Quad) error) error) ([]rdf.Quad, error) {
	var quads []rdf.Quad
	err := read(func(q rdf.Quad) error {
		quads = append(quads, q.Clone())
		return nil
	})
	return quads, err
}
