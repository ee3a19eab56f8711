package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

// TestSignature has the example of Standard Webhooks.
func TestSignature(t *testing.T) {
	keys, err := keysOf([]string{oldSecret, newSecret})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	sign(h, keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	both := strings.Split(h.Get("webhook-signature"), " ")
	if h.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" || h.Get("webhook-timestamp") != "1614265330" || len(both) != 2 ||
		both[0] != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" || both[1] == both[0] || !strings.HasPrefix(both[1], "v1,") {
		t.Errorf("%v", h)
	}
	short := secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, minSecret-1))
	long := secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, maxSecret+1))
	for _, bad := range [][]string{nil, {""}, {short}, {long}, {strings.TrimPrefix(oldSecret, secretPrefix)}, {"whsec_!" + oldSecret[7:]}, {oldSecret, "x"}} {
		if _, err := keysOf(bad); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// received is a request that came in.
type received struct {
	id, mediaType, authorization string
	body                         []byte
}

// receiver takes what is posted, if its signature is good.
type receiver struct {
	t    *testing.T
	url  string
	keys [][]byte

	mu       sync.Mutex
	got      []received
	answer   func(n int) (status int, header http.Header) // to the nth request, of those that are good; nil: all are taken
	asked    int
	tears    bool // it takes a request and cuts the connection before it answers
	requests Request
	empty    bool
	format   Format
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	keys, err := keysOf([]string{oldSecret})
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, keys: keys}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	want := http.Header{}
	var seconds int64
	_, _ = fmt.Sscan(req.Header.Get("webhook-timestamp"), &seconds)
	sign(want, r.keys, req.Header.Get("webhook-id"), time.Unix(seconds, 0), body)
	if !slices.Contains(strings.Split(req.Header.Get("webhook-signature"), " "), want.Get("webhook-signature")) ||
		time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute || req.Method != http.MethodPost {
		r.t.Errorf("%s %v is not signed", req.Method, req.Header)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.answer != nil {
		if status, header := r.answer(r.asked); status != 0 {
			for name := range header {
				w.Header().Set(name, header.Get(name))
			}
			http.Error(w, "no", status)
			return
		}
	}
	r.got = append(r.got, received{req.Header.Get("webhook-id"), req.Header.Get("Content-Type"), req.Header.Get("Authorization"), body})
	if r.tears {
		panic(http.ErrAbortHandler)
	}
}

func (r *receiver) config() Config {
	return Config{Config: endpoint.Config{URL: r.url}, Secrets: []string{newSecret, oldSecret}, Request: r.requests, Format: r.format, Empty: r.empty}
}

func (r *receiver) Sink(t *testing.T) connector.Sink {
	t.Helper()
	s, err := New(r.config())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *receiver) Read(_ *testing.T, shard int) (list []conntest.Delivered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, got := range r.got {
		var of int
		var position uint64
		if _, _ = fmt.Sscanf(got.id, "%d:%d:", &of, &position); of == shard {
			list = append(list, conntest.Delivered{Position: position, Text: string(got.body)})
		}
	}
	return list
}

func TestSink(t *testing.T) {
	conntest.TestSink(t, func(t *testing.T) conntest.Target { return newReceiver(t) })
}

func open(t *testing.T, s connector.Sink) connector.Writer {
	t.Helper()
	w, err := s.Open(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// TestForms: what is posted of two deltas in each form, and by which name.
func TestForms(t *testing.T) {
	records := conntest.Records(3, 2, 10, engine.Mark{})
	records[0].Body = []byte("TX .\nA <urn:a> <urn:p> \"1\" .\nD <urn:b> <urn:p> \"2\" .\nA <urn:a> <urn:p> \"3\" .\nTC .\n")
	records[1].Body = []byte("TX .\nTC .\n")
	ids := []string{fmt.Sprintf("3:%d:%s", records[0].Position, records[0].ID), fmt.Sprintf("3:%d:%s", records[1].Position, records[1].ID)}
	batch := fmt.Sprintf("3:%d-%d:%s", records[0].Position, records[1].Position, records[1].ID)
	texts := []string{conntest.Text(3, records[0]), conntest.Text(3, records[1])}
	ofA, ofB := "TX .\nA <urn:a> <urn:p> \"1\" .\nA <urn:a> <urn:p> \"3\" .\nTC .\n", "TX .\nD <urn:b> <urn:p> \"2\" .\nTC .\n"
	for _, test := range []struct {
		request    Request
		format     Format
		mediaType  string
		ids, texts []string
	}{
		{"", "", patch.MediaType, ids, texts},
		{Subject, Text, patch.MediaType, []string{ids[0] + ":0", ids[0] + ":1"}, []string{ofA, ofB}},
		{Batch, Text, patch.MediaType, []string{batch}, []string{texts[0] + texts[1]}},
		{Delta, Binary, patch.BinaryMediaType, ids, texts},
		{Batch, Binary, patch.BinaryMediaType, []string{batch}, []string{texts[0] + texts[1]}},
		{Delta, JSON, "application/json", ids, []string{string(records[0].Body) + " 2 1  false", string(records[1].Body) + " 0 0  false"}},
		{Subject, JSON, "application/json", []string{ids[0] + ":0", ids[0] + ":1"}, []string{ofA + " 2 0 urn:a true", ofB + " 0 1 urn:b true"}},
		{Batch, JSON, "application/json", []string{batch}, []string{string(records[0].Body) + " 2 1  false" + string(records[1].Body) + " 0 0  false"}},
	} {
		r := newReceiver(t)
		r.requests, r.format, r.empty = test.request, test.format, true
		if err := open(t, r.Sink(t)).Write(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		var gotIDs, gotTexts []string
		for _, got := range r.got {
			if got.mediaType != test.mediaType {
				t.Errorf("%s %s: %q", test.request, test.format, got.mediaType)
			}
			gotIDs, gotTexts = append(gotIDs, got.id), append(gotTexts, plain(t, got, records))
		}
		if !slices.Equal(gotIDs, test.ids) || !slices.Equal(gotTexts, test.texts) {
			t.Errorf("%s %s:\n%q\n%q\nwant\n%q\n%q", test.request, test.format, gotIDs, gotTexts, test.ids, test.texts)
		}
	}
}

// TestWithoutRows: a delta without rows is not posted, by itself or among others, and is done.
func TestWithoutRows(t *testing.T) {
	records := conntest.Records(3, 3, 10, engine.Mark{})
	records[1].Body, records[2].Body = []byte("TX .\nTC .\n"), []byte("TX .\nTC .\n")
	for _, request := range []Request{Delta, Subject, Batch} {
		r := newReceiver(t)
		r.requests = request
		w := open(t, r.Sink(t))
		if err := errors.Join(w.Write(t.Context(), records), w.Write(t.Context(), records[2:])); err != nil {
			t.Fatal(err)
		}
		if len(r.got) != 1 || w.At() != records[2].Mark {
			t.Errorf("%s: %d requests, at %v, want 1, and %v", request, len(r.got), w.At(), records[2].Mark)
		}
		if request != Subject && string(r.got[0].body) != conntest.Text(3, records[0]) {
			t.Errorf("%s: %s", request, r.got[0].body)
		}
	}
}

// plain is what was posted as text; of JSON the patch of each change, its numbers and its subject.
func plain(t *testing.T, got received, records []connector.Record) string {
	t.Helper()
	var text bytes.Buffer
	switch got.mediaType {
	case patch.BinaryMediaType:
		w := patch.NewWriter(&text)
		if err := errors.Join(patch.ParseBinary(got.body, w), w.Flush()); err != nil {
			t.Fatal(err)
		}
	case "application/json":
		body := got.body
		if body[0] != '[' {
			body = []byte("[" + string(body) + "]")
		}
		var list []change
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		for i, c := range list {
			if r := records[i]; len(list) == 2 && (c.ID != r.ID || c.Prev != r.Prev || c.Position != r.Position || c.Shard != 3 || !c.Time.Equal(r.Time)) {
				t.Errorf("%+v", c)
			}
			fmt.Fprintf(&text, "%s %d %d %s %v", c.Patch, c.Adds, c.Deletes, c.Subject, c.Filtered)
		}
	default:
		return string(got.body)
	}
	return text.String()
}

// TestBatchIsBounded: deltas go together as long as they fit; one that is larger goes alone.
func TestBatchIsBounded(t *testing.T) {
	r := newReceiver(t)
	records := conntest.Records(3, 5, 100, engine.Mark{})
	size := len(records[0].Body)
	records[3].Body = conntest.Records(3, 1, 500, engine.Mark{})[0].Body
	cfg := r.config()
	cfg.Request, cfg.MaxRequest = Batch, 2*size
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t, s).Write(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	var counts []int
	for _, got := range r.got {
		counts = append(counts, strings.Count(string(got.body), "TX .\n"))
	}
	if !slices.Equal(counts, []int{2, 1, 1, 1}) {
		t.Errorf("%v", counts)
	}
}

// TestRefused: an answer that isn't success stops the shard where it is, and says what comes of it; what was taken before isn't
// sent again.
func TestRefused(t *testing.T) {
	for status, want := range map[int]error{410: connector.ErrGiveUp, 401: connector.ErrGiveUp, 302: connector.ErrGiveUp, 304: connector.ErrGiveUp,
		429: connector.ErrRetry, 503: connector.ErrRetry, 500: connector.ErrRetry} {
		r := newReceiver(t)
		r.answer = func(n int) (int, http.Header) {
			if n == 3 {
				return status, http.Header{"Location": {"/"}}
			}
			return 0, nil
		}
		records := conntest.Records(3, 4, 100, engine.Mark{})
		w := open(t, r.Sink(t))
		if err := w.Write(t.Context(), records); !errors.Is(err, want) || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: %v", status, err)
		}
		if w.At() != records[1].Mark || len(r.got) != 2 {
			t.Errorf("%d: it is at %v, and %d were taken", status, w.At(), len(r.got))
		}
		if err := w.Write(t.Context(), records[2:]); err != nil || len(r.got) != 4 {
			t.Errorf("%d: %v, %d were taken", status, err, len(r.got))
		}
	}
}

// TestLetAlone: a receiver that says when to come again isn't asked before.
func TestLetAlone(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(int) (int, http.Header) {
		return http.StatusServiceUnavailable, http.Header{"Retry-After": {"600"}}
	}
	s := r.Sink(t)
	w, records := open(t, s), conntest.Records(3, 1, 100, engine.Mark{})
	if err := w.Write(t.Context(), records); !errors.Is(err, connector.ErrRetry) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.Write(ctx, records); !errors.Is(err, context.DeadlineExceeded) || r.asked != 1 {
		t.Errorf("%v, asked %d times", err, r.asked)
	}
}

// TestTakenUnheard: what was taken and not answered comes again under the same name, so that the receiver knows it.
func TestTakenUnheard(t *testing.T) {
	r := newReceiver(t)
	r.tears = true
	w, records := open(t, r.Sink(t)), conntest.Records(3, 2, 100, engine.Mark{})
	if err := w.Write(t.Context(), records); err == nil || errors.Is(err, connector.ErrGiveUp) {
		t.Errorf("%v", err)
	}
	r.mu.Lock()
	r.tears = false
	r.mu.Unlock()
	if err := w.Write(t.Context(), records); err != nil {
		t.Error(err)
	}
	last := len(r.got) - 1
	if last < 2 || r.got[0].id != r.got[last-1].id || !bytes.Equal(r.got[0].body, r.got[last-1].body) || r.got[last].id == r.got[0].id {
		t.Errorf("%q", r.got)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Config: endpoint.Config{URL: "http://a"}, Secrets: []string{oldSecret}}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.cfg; c.Request != Delta || c.Format != Text || c.MaxRequest != 1<<20 {
		t.Errorf("the defaults are %+v", c)
	}
	for _, spoil := range []func(*Config){func(c *Config) { c.URL = "" }, func(c *Config) { c.Secrets = nil },
		func(c *Config) { c.MaxRequest = -1 }} {
		bad := good
		spoil(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
