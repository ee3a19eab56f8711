package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// script is what python runs.
//
//go:embed oxigraph.py
var script []byte

// took is what a task took.
type took struct {
	CPU  time.Duration `json:"cpu"`
	Wall time.Duration `json:"wall"`
	// Bytes is the length of the result, Quads what the store holds after loading.
	Bytes int `json:"bytes"`
	Quads int `json:"quads"`
}

// request is what a peer is asked to do.
type request struct {
	Task  string   `json:"task"`
	File  string   `json:"file,omitempty"`
	Text  string   `json:"text,omitempty"`
	Times int      `json:"times,omitempty"`
	Texts []string `json:"texts,omitempty"`
}

// peer is Oxigraph in a process of its own.
type peer struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// python finds the interpreter that has pyoxigraph, which test/differential/peers/install has installed.
func python() (string, error) {
	folder := os.Getenv("QUADRILLE_READER_PEERS")
	if cache, err := os.UserCacheDir(); folder == "" && err == nil {
		folder = filepath.Join(cache, "quadrille-readers")
	}
	path := filepath.Join(folder, "python", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("pyoxigraph: it is not installed; test/differential/peers/install does that")
	}
	return path, nil
}

// startPeer starts Oxigraph. The script is written into dir.
func startPeer(dir string) (*peer, error) {
	path, err := python()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "oxigraph.py")
	if err := os.WriteFile(name, script, 0o600); err != nil {
		return nil, err
	}
	p := &peer{cmd: exec.Command(path, name)}
	p.cmd.Stderr = &p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *peer) close() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// do lets the peer do something.
func (p *peer) do(r request) (t took, result []byte, err error) {
	line, err := json.Marshal(r)
	if err != nil {
		return t, nil, err
	}
	if _, err = p.in.Write(append(line, '\n')); err == nil {
		line, err = p.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &t)
	}
	if err == nil {
		result = make([]byte, t.Bytes)
		_, err = io.ReadFull(p.out, result)
	}
	if err != nil {
		return t, nil, fmt.Errorf("pyoxigraph: %s %s: %w\n%s", r.Task, r.Text, err, &p.stderr)
	}
	return t, result, nil
}
