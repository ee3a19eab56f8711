package poll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a server that has a document.
type site struct {
	url string

	mu       sync.Mutex
	body     string
	header   http.Header // besides
	status   int         // 0: 200, or 304 for who has it
	torn     bool        // it breaks off in the middle
	asked    int
	known    int // requests that were answered with 304
	requests []http.Header
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{header: http.Header{"Content-Type": {"application/rdf-patch; charset=utf-8"}}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL + "/document"
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.requests = append(s.requests, r.Header)
	maps.Copy(w.Header(), s.header)
	etag, modified := s.header.Get("ETag"), s.header.Get("Last-Modified")
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
	case etag != "" && r.Header.Get("If-None-Match") == etag, etag == "" && modified != "" && r.Header.Get("If-Modified-Since") == modified:
		s.known++
		w.WriteHeader(http.StatusNotModified)
	case s.torn:
		w.Header().Set("Content-Length", fmt.Sprint(len(s.body)))
		_, _ = io.WriteString(w, s.body[:len(s.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	default:
		_, _ = io.WriteString(w, s.body)
	}
}

// set changes what it has.
func (s *site) set(change func(s *site)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// count returns how often it was asked, and how often nothing was new.
func (s *site) count() (asked, known int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.known
}

const every = 10 * time.Millisecond

func newSource(t *testing.T, s *site, state *State) *Source {
	t.Helper()
	source, err := New(Config{Config: endpoint.Config{URL: s.url}, Every: every, State: state})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

const patience = 30 * time.Second

// read returns the next document, and has the note behind it committed.
func read(t *testing.T, r connector.Reader, progress *conntest.Progress) connector.Message {
	t.Helper()
	list, err := r.Read(conntest.Within(t))
	if err != nil || len(list) != 2 || list[0].Stream != "" || list[1].Stream != Seen || string(list[1].Body) != "TX .\nTC .\n" {
		t.Fatalf("%+v, %v", list, err)
	}
	if progress != nil {
		progress.Commit(list[1])
	}
	return list[0]
}

// nothing waits until the site was asked some times more, and sees that no document comes of it.
func nothing(t *testing.T, s *site, r connector.Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begin, _ := s.count()
	go func() {
		defer cancel()
		for now := begin; now < begin+5 && ctx.Err() == nil; now, _ = s.count() {
			time.Sleep(every)
		}
	}()
	if list, err := r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%+v, %v", list, err)
	}
}

// TestVersions: each version of the document comes once, however the server tells that there is none, also after a restart.
func TestVersions(t *testing.T) {
	for name, validators := range map[string]func(n int) (header, value string){
		"ETag": func(n int) (string, string) { return "ETag", fmt.Sprintf(`W/"%d"`, n) },
		"Last-Modified": func(n int) (string, string) {
			return "Last-Modified", time.Unix(int64(n), 0).UTC().Format(http.TimeFormat)
		},
		"nothing": func(int) (string, string) { return "X-None", "" },
	} {
		t.Run(name, func(t *testing.T) {
			s, progress := newSite(t), &conntest.Progress{}
			version := func(n int) string {
				body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", n)
				s.set(func(s *site) {
					header, value := validators(n)
					s.header.Set(header, value)
					s.body = "H prev <urn:another-log> .\n" + body // which doesn't guard it here
				})
				return body
			}
			want := version(1)
			source := newSource(t, s, nil)
			r := conntest.Open(t, source, progress)
			got := read(t, r, progress)
			if string(got.Body) != want || got.MediaType != patch.MediaType {
				t.Errorf("%q of %q", got.Body, got.MediaType)
			}
			vars := maps.Collect(got.Vars)
			if header, value := validators(1); vars["url"] != s.url || vars[strings.ToLower(header)] != value {
				t.Errorf("the variables are %v", vars)
			}
			nothing(t, s, r)
			if _, known := s.count(); known > 0 != (name != "nothing") {
				t.Errorf("%d requests are answered that nothing has changed", known)
			}
			want = version(2)
			if got := read(t, r, progress); string(got.Body) != want {
				t.Errorf("%q", got.Body)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			r = conntest.Open(t, newSource(t, s, nil), progress) // as after a restart
			nothing(t, s, r)
			for _, n := range []int{3, 2} { // one that was there before is another one than the one before it
				want = version(n)
				if got := read(t, r, progress); string(got.Body) != want {
					t.Errorf("%q", got.Body)
				}
			}
		})
	}
}

// TestSameSecond: a document that was changed in the second in which it was read may be changed once more in it, and its
// Last-Modified stay: so that isn't believed.
func TestSameSecond(t *testing.T) {
	s := newSite(t)
	now := time.Now().UTC().Format(http.TimeFormat)
	s.header.Set("Date", now)
	s.header.Set("Last-Modified", now)
	s.body = "TX .\nTC .\n"
	r := conntest.Open(t, newSource(t, s, nil), &conntest.Progress{})
	read(t, r, nil)
	s.set(func(s *site) { s.body = "TX .\n\nTC .\n" })
	if got := read(t, r, nil); string(got.Body) != s.body {
		t.Errorf("%q", got.Body)
	}
}

// TestNotNoted: what was handed over and not committed comes again.
func TestNotNoted(t *testing.T) {
	s := newSite(t)
	s.set(func(s *site) { s.body = "TX .\nTC .\n" })
	for range 2 {
		r := conntest.Open(t, newSource(t, s, nil), &conntest.Progress{})
		read(t, r, nil)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLetAlone: a server that says when to come again is not asked before; then it is.
func TestLetAlone(t *testing.T) {
	s := newSite(t)
	s.set(func(s *site) { s.status, s.header = http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}} })
	source := newSource(t, s, nil)
	if _, err := source.Open(conntest.Within(t), &conntest.Progress{}); err == nil || errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "429") {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Open(ended, &conntest.Progress{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if asked, _ := s.count(); asked != 1 || source.pause.Left() < 59*time.Minute || source.pause.Left() > time.Hour {
		t.Errorf("asked %d times; to be asked in %v", asked, source.pause.Left())
	}
	source.pause.For(0)
	s.set(func(s *site) { s.status = 0 })
	read(t, conntest.Open(t, source, &conntest.Progress{}), nil)
}

// TestNoDocument: what is no answer, or not whole, is an error while the source is being opened, and while it reads.
func TestNoDocument(t *testing.T) {
	for name, test := range map[string]struct {
		spoil  func(*site)
		want   string
		giveUp bool
	}{
		"not there":     {func(s *site) { s.status = http.StatusNotFound }, "404", true},
		"out of order":  {func(s *site) { s.status = http.StatusBadGateway }, "502", false},
		"torn":          {func(s *site) { s.torn = true }, "unexpected EOF", false},
		"too large":     {func(s *site) { s.body = strings.Repeat("x", 101) }, "more than 100 bytes", true},
		"no validators": {func(s *site) { s.status = http.StatusNotModified }, "304", true},
		"not yet":       {func(s *site) { s.status = http.StatusAccepted }, "202", true},
		"no content":    {func(s *site) { s.status = http.StatusNoContent }, "204", true},
		"a part":        {func(s *site) { s.status = http.StatusPartialContent }, "206", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.set(func(s *site) { s.body = strings.Repeat("x", 100) })
			source, err := New(Config{Config: endpoint.Config{URL: s.url}, Every: every, MaxBody: 100})
			if err != nil {
				t.Fatal(err)
			}
			r := conntest.Open(t, source, &conntest.Progress{})
			read(t, r, nil)
			s.set(test.spoil)
			for _, ask := range []func() error{
				func() error { _, err := r.Read(conntest.Within(t)); return err },
				func() error { _, err := source.Open(conntest.Within(t), &conntest.Progress{}); return err },
			} {
				if err := ask(); err == nil || errors.Is(err, connector.ErrGiveUp) != test.giveUp || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// TestClose: closing ends a reading under way.
func TestClose(t *testing.T) {
	s := newSite(t)
	source, err := New(Config{Config: endpoint.Config{URL: s.url}})
	if err != nil {
		t.Fatal(err)
	}
	if c := source.cfg; c.Every != time.Minute || c.MaxBody != 64<<20 || c.Accept != "*/*" {
		t.Errorf("the defaults are %+v", c)
	}
	r := conntest.Open(t, source, &conntest.Progress{})
	read(t, r, nil)
	done := make(chan error, 1)
	go func() {
		_, err := r.Read(conntest.Within(t))
		done <- err
	}()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ending.ErrClosed) {
		t.Errorf("%v", err)
	}
	for _, cfg := range []Config{{}, {Config: endpoint.Config{URL: s.url}, Every: -1}, {Config: endpoint.Config{URL: s.url}, MaxBody: -1}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// graphs are the quads of a pipeline.
type graphs struct {
	patch.Counter
	mu  sync.Mutex
	has map[rdf.Quad]bool
}

func (g *graphs) each(_ context.Context, fn func(rdf.Quad) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for q := range g.has {
		if err := fn(q); err != nil {
			return err
		}
	}
	return nil
}

func (g *graphs) Add(q rdf.Quad) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.has[rdf.Quad{S: q.S.Clone(), P: q.P.Clone(), O: q.O.Clone(), G: q.G.Clone()}] = true
	return nil
}

func (g *graphs) Delete(q rdf.Quad) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.has, q)
	return nil
}

func (g *graphs) lines() string {
	var all []string
	_ = g.each(context.Background(), func(q rdf.Quad) error {
		all = append(all, string(nquads.AppendQuad(nil, q)))
		return nil
	})
	slices.Sort(all)
	return strings.Join(all, "")
}

// becomes commits what the reader has until the quads are these.
func (g *graphs) becomes(t *testing.T, r connector.Reader, want string) {
	t.Helper()
	for g.lines() != want {
		list, err := r.Read(conntest.Within(t))
		if err != nil {
			t.Fatalf("%v; there is\n%s", err, g.lines())
		}
		for _, m := range list {
			if err := patch.Parse(m.Body, g); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Ack(t.Context(), list); err != nil {
			t.Error(err)
		}
	}
}

// TestState: a graph becomes what the document says, and what the document doesn't have goes out of it; other graphs stay. A
// document that is no state takes nothing out.
func TestState(t *testing.T) {
	s := newSite(t)
	has := &graphs{has: map[rdf.Quad]bool{}}
	if err := patch.Parse([]byte("A <urn:s> <urn:p> \"old\" <urn:g> .\nA <urn:s> <urn:p> \"other\" .\n"), has); err != nil {
		t.Fatal(err)
	}
	state := &State{Graph: rdf.Trusted("<urn:g>"), Have: has.each, Refuse: true, Read: func(m connector.Message, fn func(rdf.Quad) error) error {
		return nquads.Parse(m.Body, fn)
	}}
	const other = "<urn:s> <urn:p> \"other\" .\n"
	version := func(n int, body string) {
		s.set(func(s *site) {
			s.header.Set("ETag", fmt.Sprint(`"`, n, `"`))
			s.body = body
		})
	}
	version(1, "<urn:s> <urn:p> \"1\" .\n<urn:s> <urn:p> \"2\" <urn:g> .\n")
	source := newSource(t, s, state)
	r := conntest.Open(t, source, &conntest.Progress{})
	has.becomes(t, r, "<urn:s> <urn:p> \"1\" <urn:g> .\n<urn:s> <urn:p> \"2\" <urn:g> .\n"+other)
	nothing(t, s, r)
	version(2, "<urn:s> <urn:p> \"2\" .\n")
	has.becomes(t, r, "<urn:s> <urn:p> \"2\" <urn:g> .\n"+other)
	for n, bad := range []string{"<urn:s> <urn:p> .\n", "<urn:s> <urn:p> \"1\" <urn:other> .\n", "<urn:s> <urn:p> _:b .\n"} {
		version(10+n, bad)
		if _, err := r.Read(conntest.Within(t)); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), s.url) {
			t.Errorf("%q: %v", bad, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		version(20+n, "<urn:s> <urn:p> \"2\" .\n")
		r = conntest.Open(t, source, &conntest.Progress{})
	}
	nothing(t, s, r)
	version(30, "")
	has.becomes(t, r, other)
}

// TestExtents: a document that was handed over and isn't committed is one that lacks, also after a restart.
func TestExtents(t *testing.T) {
	s := newSite(t)
	s.body = "A <urn:a> <urn:p> <urn:o> .\n"
	progress := &conntest.Progress{}
	var reader connector.Reader
	lacks := func(want uint64) {
		t.Helper()
		got, err := reader.(connector.Lagger).Extents(t.Context())
		next, _, _ := progress.Next(t.Context(), Seen)
		if err != nil || len(got) != 1 || got[0].Stream != Seen || got[0].End/got[0].Per-next/got[0].Per != want {
			t.Errorf("%+v, %v, and committed is %d; want %d", got, err, next, want)
		}
	}
	for _, body := range []string{s.body, "A <urn:b> <urn:p> <urn:o> .\n"} {
		s.set(func(s *site) { s.body = body })
		reader = conntest.Open(t, newSource(t, s, nil), progress)
		lacks(0)
		messages, err := reader.Read(conntest.Within(t))
		if err != nil || len(messages) != 2 {
			t.Fatalf("%+v, %v", messages, err)
		}
		lacks(1)
		progress.Commit(messages[1])
		lacks(0)
	}
}
