package opcua_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/opcua"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a real one.
type server struct {
	*peer.Peer
	name  string
	path  string // behind its address
	index int    // of the namespace of its nodes
}

// startNode, startPython and startMilo start one of each make, and end it with the test.
func startNode(t testing.TB, args ...string) *server {
	t.Helper()
	return &server{peer.Start(t, "opcua-node", 1, args...), "node", "/UA/Q", 1}
}

func startPython(t testing.TB) *server {
	t.Helper()
	return &server{peer.Start(t, "opcua-python", 1), "python", "/q", 2}
}

func startMilo(t testing.TB) *server {
	t.Helper()
	return &server{peer.Start(t, "opcua-milo", 1), "milo", "/q", 2}
}

// node is the id of one of the server's.
func (s *server) node(name string) string { return fmt.Sprintf("ns=%d;s=%s", s.index, name) }

// browse is the path of an object or of what is in it.
func (s *server) browse(names ...string) string {
	path := "/Objects"
	for _, name := range names {
		path += fmt.Sprintf("/%d:%s", s.index, name)
	}
	return path
}

// patience is for servers on a machine that is busy: what waits for so long is found out by other means.
const patience = time.Minute

// plain is a connection without security.
func (s *server) plain(t testing.TB) opcua.Connection {
	return opcua.Connection{URL: "opc.tcp://" + s.Address(0) + s.path, Policy: "None", PKI: t.TempDir(), Timeout: patience}
}

// within bounds what is asked of the server.
func source(t testing.TB, cfg opcua.SourceConfig) connector.Source {
	t.Helper()
	s, err := opcua.NewSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// document is what a message holds.
type document struct {
	Node, Namespace, Path, Name, Unit, UnitCode, Type, Status, JSON string
	Value                                                           json.RawMessage
	Code                                                            uint32
	SourceTime, ServerTime                                          *time.Time
	Overflow                                                        bool
	Gap                                                             *struct{ From, To *time.Time }
}

// number is the value of a document that is one; 0, if it isn't.
func (d document) number() (n float64) {
	_ = json.Unmarshal(d.Value, &n)
	return n
}

// reading is a reader with what it has read and nobody has looked at.
type reading struct {
	testing.TB
	connector.Reader
	waiting []document
}

// extents is how many values have come.
func (r *reading) extents() []connector.Extent {
	r.Helper()
	list, err := r.Reader.(connector.Lagger).Extents(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return list
}

func open(t testing.TB, s connector.Source) *reading {
	t.Helper()
	r, err := s.Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	return &reading{TB: t, Reader: r}
}

// next returns the next document, or the reader's error.
func (r *reading) next(ctx context.Context) (document, error) {
	r.Helper()
	for len(r.waiting) == 0 {
		messages, err := r.Read(ctx)
		if err != nil {
			return document{}, err
		}
		for _, m := range messages {
			r.waiting = append(r.waiting, r.parse(m))
		}
	}
	d := r.waiting[0]
	r.waiting = r.waiting[1:]
	return d, nil
}

// parse reads a message; what it says besides must be what it says.
func (r *reading) parse(m connector.Message) (d document) {
	r.Helper()
	if err := json.Unmarshal(m.Body, &d); err != nil || m.MediaType != "application/json" || m.Stream != "" || m.Reason != "" {
		r.Fatalf("%s %q: %v", m.MediaType, m.Body, err)
	}
	if vars := maps.Collect(m.Vars); vars["node"] != d.Node || vars["path"] != d.Path || vars["server"] == "" {
		r.Fatalf("%v of %s", vars, m.Body)
	}
	return d
}

// until reads until a document is as it should be.
func (r *reading) until(what string, is func(document) bool) document {
	r.Helper()
	ctx := conntest.Within(r)
	for {
		d, err := r.next(ctx)
		if err != nil {
			r.Fatalf("%s: %v", what, err)
		}
		if is(d) {
			return d
		}
	}
}

// fails reads until the reader fails, and returns what came before and why.
func (r *reading) fails() (list []document, why error) {
	r.Helper()
	for ctx := conntest.Within(r); ; {
		d, err := r.next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				r.Fatal("the reader doesn't notice that its session is of no use")
			}
			return list, err
		}
		list = append(list, d)
	}
}

func (r *reading) close() {
	r.Helper()
	if err := r.Close(); err != nil {
		r.Error(err)
	}
}

// trustServer moves the certificate of a server that was refused to those that are trusted, as the error says.
func trustServer(t testing.TB, err error) {
	t.Helper()
	said := regexp.MustCompile(`move (\S+) to (\S+)$`).FindStringSubmatch(err.Error())
	if !errors.Is(err, connector.ErrGiveUp) || said == nil {
		t.Fatalf("%v: it doesn't say what to do", err)
	}
	if err := os.MkdirAll(filepath.Dir(said[2]), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(said[1], said[2]); err != nil {
		t.Fatal(err)
	}
}
