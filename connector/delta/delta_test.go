package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers as a patch log server does by its sources: what is asked, and the shape of each answer, is written down from
// there.
type server struct {
	url string

	mu      sync.Mutex
	id      string
	patches []string
	oldest  int
	late    int  // so many of the newest aren't found yet
	status  int  // of all answers, 0: as it should be
	retry   bool // it says when to come again
	// patchStatus is that of the answers that are patches, 0: as it should be.
	patchStatus int
	asked       int
}

const logID = "4a9e0c5c-17f3-11f1-8d6e-4f6d2b3c9a10"

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{id: logID, oldest: 1}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.status != 0 {
		if s.retry {
			w.Header().Set("Retry-After", "600")
		}
		http.Error(w, "no", s.status)
		return
	}
	if r.Method == http.MethodPost && r.URL.Path == "/$/rpc" {
		s.rpc(w, r)
		return
	}
	var version int
	if n, _ := fmt.Sscanf(r.URL.Path, "/"+s.id+"/%d", &version); r.Method != http.MethodGet || n != 1 ||
		version < s.oldest || version > len(s.patches)-s.late {
		http.Error(w, "Patch not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/rdf-patch")
	if s.patchStatus != 0 {
		w.WriteHeader(s.patchStatus)
	}
	_, _ = io.WriteString(w, s.patches[version-1])
}

func (s *server) rpc(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Operation, OpID string
		Arg             map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.OpID == "" || request.Arg == nil {
		http.Error(w, "Bad JSON request", http.StatusBadRequest)
		return
	}
	description := map[string]any{"id": "id:" + s.id, "name": "plant", "uri": "delta:plant"}
	switch {
	case request.Operation == "describe_datasource" && request.Arg["name"] == "plant":
	case request.Operation == "describe_log" && request.Arg["datasource"] == s.id:
		description["min_version"], description["max_version"], description["latest"] = s.oldest, len(s.patches), ""
		if len(s.patches) == 0 {
			description["min_version"] = 0
		} else {
			description["latest"] = "id:" + patchID(len(s.patches))
		}
	case strings.HasPrefix(request.Operation, "describe_"):
		description = map[string]any{}
	default:
		http.Error(w, "Unknown operation: "+request.Operation, http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(description)
}

func patchID(version int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", version) }

// add appends a patch with a row, as Jena writes it, and returns what is to arrive.
func (s *server) add(row string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.patches) + 1
	text := fmt.Sprintf("H id <uuid:%s> .\n", patchID(n))
	if n > 1 {
		text += fmt.Sprintf("H prev <uuid:%s> .\n", patchID(n-1))
	}
	s.patches = append(s.patches, text+"TX .\n"+row+" .\nTC .\n")
	return "TX .\n" + row + " .\nTC .\n"
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *server) source(t *testing.T, change func(*Config)) *Source {
	t.Helper()
	cfg := Config{Config: endpoint.Config{URL: s.url}, Log: "plant", Every: 5 * time.Millisecond}
	change(&cfg)
	source, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func (s *server) Source(t *testing.T) connector.Source {
	t.Helper()
	return s.source(t, func(*Config) {})
}

func (s *server) Send(t *testing.T, n int) (bodies []string) {
	t.Helper()
	for i := range n {
		bodies = append(bodies, s.add(fmt.Sprintf("A <urn:s> <urn:p> \"%d\"", i)))
	}
	return bodies
}

func TestSource(t *testing.T) {
	conntest.TestSource(t, func(t *testing.T) conntest.Peer { return newServer(t) })
}

// TestMessage: what becomes of a patch; headers of the log don't guard it here, and one that can't be read is a dead letter.
func TestMessage(t *testing.T) {
	s := newServer(t)
	want := s.add("A _:b <urn:p> \"1\" <urn:g>")
	s.set(func(s *server) {
		s.patches = append(s.patches, "H id <uuid:"+patchID(2)+"> .\nTX .\nA <urn:s> .\nTC .\n")
	})
	last := s.add("A <urn:s> <urn:p> <urn:o>")
	r := conntest.Open(t, s.Source(t), &conntest.Progress{})
	list, err := r.Read(conntest.Within(t))
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if m := list[0]; string(m.Body) != want || m.Stream != logID || m.Offset != 1 || m.MediaType != "application/rdf-patch" ||
		!maps.Equal(maps.Collect(m.Vars), map[string]string{"log": "plant", "id": "uuid:" + patchID(1)}) {
		t.Errorf("%+v", m)
	}
	if m := list[1]; m.Offset != 2 || !strings.Contains(m.Reason, "line 3") || !strings.HasPrefix(string(m.Body), "H id") {
		t.Errorf("%+v", m)
	}
	if m := list[2]; string(m.Body) != last || m.Offset != 3 {
		t.Errorf("%+v", m)
	}
}

// TestNotFoundYet: a patch that the log says it has, and that isn't there, is waited for.
func TestNotFoundYet(t *testing.T) {
	s := newServer(t)
	want := s.Send(t, 3)
	s.set(func(s *server) { s.late = 1 })
	r := conntest.Open(t, s.Source(t), &conntest.Progress{})
	list, err := r.Read(conntest.Within(t))
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	s.set(func(s *server) { s.late = 0 })
	if list, err = r.Read(conntest.Within(t)); err != nil || len(list) != 1 || string(list[0].Body) != want[2] {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestBounds: patches are read within the bound, and one that is larger alone; what is larger than a patch may be stops the
// source.
func TestBounds(t *testing.T) {
	s := newServer(t)
	s.Send(t, 5)
	size := len("TX .\nA <urn:s> <urn:p> \"0\" .\nTC .\n")
	for limit, want := range map[int]int{1: 1, size: 1, size + 1: 2, 10 * size: 5} {
		r := conntest.Open(t, s.source(t, func(c *Config) { c.MaxBatch = limit }), &conntest.Progress{})
		if list, err := r.Read(conntest.Within(t)); err != nil || len(list) != want {
			t.Errorf("%d bytes: %d patches, %v", limit, len(list), err)
		}
	}
	r := conntest.Open(t, s.source(t, func(c *Config) { c.MaxPatch = 10 }), &conntest.Progress{})
	if _, err := r.Read(conntest.Within(t)); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "more than 10 bytes") {
		t.Errorf("%v", err)
	}
}

// TestOtherLog: a log that isn't the one that was read, or lacks what is to be read, stops the source; one that was made anew
// is read from its start.
func TestOtherLog(t *testing.T) {
	var progress conntest.Progress
	progress.Commit(connector.Message{Stream: logID, Offset: 3})
	for name, test := range map[string]struct {
		change func(*server)
		want   string
	}{
		"no log":   {func(s *server) { s.id = "" }, "has no log plant"},
		"shorter":  {func(s *server) { s.patches = s.patches[:2] }, "ends with version 2, and 3 was read"},
		"trimmed":  {func(s *server) { s.oldest = 5 }, "begins with version 5, and the next to read is 4"},
		"no entry": {func(s *server) { s.status = http.StatusUnauthorized }, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.Send(t, 6)
			s.set(test.change)
			source := s.Source(t)
			if name == "no log" {
				source = s.source(t, func(c *Config) { c.Log = "other" })
				test.want = "has no log other"
			}
			if _, err := source.Open(conntest.Within(t), &progress); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
	s := newServer(t)
	s.Send(t, 4)
	s.set(func(s *server) { s.id = "5a9e0c5c-17f3-11f1-8d6e-4f6d2b3c9a10" })
	if list, err := conntest.Open(t, s.Source(t), &progress).Read(conntest.Within(t)); err != nil || len(list) != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestChain: a patch that doesn't build on the one before it is not taken.
func TestChain(t *testing.T) {
	s := newServer(t)
	s.Send(t, 3)
	s.set(func(s *server) { s.patches[2] = strings.Replace(s.patches[2], patchID(2), patchID(1), 1) })
	r := conntest.Open(t, s.Source(t), &conntest.Progress{})
	if list, err := r.Read(conntest.Within(t)); err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, err := r.Read(conntest.Within(t)); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "builds on") {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestChangesWhileRead: a log that loses while it is read what was read of it, or is to be read, isn't waited for in silence, as
// it isn't when it is opened.
func TestChangesWhileRead(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*server)
		want   string
		giveUp bool
	}{
		"shorter":        {func(s *server) { s.patches = s.patches[:2] }, "ends with version 2, and 3 was read", true},
		"trimmed":        {func(s *server) { s.patches, s.oldest = append(s.patches, s.patches...), 5 }, "begins with version 5", true},
		"a gap":          {func(s *server) { s.patches, s.late = append(s.patches, s.patches...), 3 }, "isn't found", false},
		"nothing said":   {func(s *server) { s.patches, s.patchStatus = append(s.patches, ""), http.StatusNoContent }, "204", true},
		"not there yet":  {func(s *server) { s.patches, s.patchStatus = append(s.patches, ""), http.StatusAccepted }, "202", true},
		"not all of it":  {func(s *server) { s.patches, s.patchStatus = append(s.patches, ""), http.StatusPartialContent }, "206", true},
		"nothing is new": {func(s *server) { s.patches, s.patchStatus = append(s.patches, ""), http.StatusNotModified }, "304", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.Send(t, 3)
			r := conntest.Open(t, s.Source(t), &conntest.Progress{})
			if list, err := r.Read(conntest.Within(t)); err != nil || len(list) != 3 {
				t.Fatalf("%+v, %v", list, err)
			}
			s.set(test.change)
			if list, err := r.Read(conntest.Within(t)); err == nil || errors.Is(err, connector.ErrGiveUp) != test.giveUp ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v", list, err)
			}
		})
	}
}

// TestNoPatch: what has no id, such as an empty answer, is no patch that changes nothing.
func TestNoPatch(t *testing.T) {
	s := newServer(t)
	s.set(func(s *server) { s.patches = []string{""} })
	list, err := conntest.Open(t, s.Source(t), &conntest.Progress{}).Read(conntest.Within(t))
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Reason, "no id") {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestLetAlone: a server that is busy is left alone for as long as it says, and may come back.
func TestLetAlone(t *testing.T) {
	s := newServer(t)
	source := s.source(t, func(*Config) {})
	r := conntest.Open(t, source, &conntest.Progress{})
	s.set(func(s *server) { s.status, s.retry = http.StatusServiceUnavailable, true })
	if _, err := r.Read(conntest.Within(t)); err == nil || errors.Is(err, connector.ErrGiveUp) || source.pause.Left() < 9*time.Minute {
		t.Errorf("%v, %v are left", err, source.pause.Left())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	asked := s.asked
	if _, err := source.Open(ended, &conntest.Progress{}); !errors.Is(err, context.Canceled) || s.asked != asked {
		t.Errorf("%v", err)
	}
	source.pause.For(0)
	s.set(func(s *server) { s.status = 0 })
	s.Send(t, 1)
	if list, err := conntest.Open(t, source, &conntest.Progress{}).Read(conntest.Within(t)); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Config: endpoint.Config{URL: "http://a/base"}, Log: "plant"}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.cfg; c.URL != "http://a/base/" || c.Every != time.Second || c.MaxPatch != 64<<20 || c.MaxBatch != 4<<20 {
		t.Errorf("the defaults are %+v", c)
	}
	for _, spoil := range []func(*Config){func(c *Config) { c.URL = "" }, func(c *Config) { c.URL += "?q" }, func(c *Config) { c.Log = "" },
		func(c *Config) { c.Log = "a/b" }, func(c *Config) { c.Every = -1 }, func(c *Config) { c.MaxPatch = -1 }, func(c *Config) { c.MaxBatch = -1 }} {
		bad := good
		spoil(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestExtents: which versions the log has is told, also of one that begins later, and of one that has nothing yet.
func TestExtents(t *testing.T) {
	s := newServer(t)
	r := conntest.Open(t, s.Source(t), &conntest.Progress{}).(connector.Lagger)
	is := func(first, end uint64) {
		t.Helper()
		got, err := r.Extents(t.Context())
		if err != nil || len(got) != 1 || got[0] != (connector.Extent{Stream: logID, First: first, End: end}) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	is(1, 1)
	for range 3 {
		s.add("A <urn:s> <urn:p> <urn:o> .\n")
	}
	is(1, 4)
	s.mu.Lock()
	s.oldest = 2
	s.mu.Unlock()
	is(2, 4)
	s.mu.Lock()
	s.status = http.StatusServiceUnavailable
	s.mu.Unlock()
	if got, err := r.Extents(t.Context()); err == nil {
		t.Errorf("%+v of a server that doesn't answer", got)
	}
}
