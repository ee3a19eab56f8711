package api_test

import (
	"bufio"
	"bytes"
	stdcmp "cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted answers as a test tells it to, where the question is what the API makes of the answer.
type scripted struct {
	submit func(context.Context, graph.Submission) ([]graph.Result, error)
	follow func(context.Context, node.FollowOptions, func(node.Record) error) error
	tails  engine.Cursor
	// resolve answers Resolve; without it the cursor is good.
	resolve func(engine.Cursor) (engine.Cursor, error)
	// data answers WriteData; late: what is missing is found when something was written.
	late bool
	// query answers Query; without it every answer is true.
	query   func(graph.Question, graph.Answer) error
	data    func(io.Writer, graph.DataOptions) (engine.Cursor, error)
	ready   error
	status  node.Status
	changes uint64 // taken in at the door
}

func (s *scripted) Submit(ctx context.Context, sub graph.Submission) ([]graph.Result, error) {
	return s.submit(ctx, sub)
}
func (s *scripted) SubmitAll(ctx context.Context, documents []graph.Submission) []graph.Outcome {
	outcomes := make([]graph.Outcome, len(documents))
	for i, d := range documents {
		outcomes[i].Results, outcomes[i].Err = s.submit(ctx, d)
	}
	return outcomes
}
func (s *scripted) Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error {
	return s.follow(ctx, o, fn)
}
func (s *scripted) Resolve(_ context.Context, c engine.Cursor) (engine.Cursor, error) {
	if s.resolve == nil {
		return c, nil
	}
	return s.resolve(c)
}
func (s *scripted) Before(context.Context, uint64) (engine.Cursor, error) { return s.tails, nil }
func (s *scripted) Tails(context.Context) (engine.Cursor, error)          { return s.tails, nil }
func (s *scripted) WriteData(_ context.Context, w io.Writer, o graph.DataOptions) (engine.Cursor, error) {
	if err := o.Begin(s.tails); err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	cursor, err := s.data(out, o)
	if _, missing := errors.AsType[*graph.MissingError](err); err == nil || missing && (o.Partial || s.late) {
		err = errors.Join(err, out.Flush())
	}
	return cursor, err
}
func (s *scripted) Try(context.Context, graph.Trial) (*graph.Delta, error) {
	return &graph.Delta{}, nil
}

func (s *scripted) Query(_ context.Context, q graph.Question, a graph.Answer) error {
	if s.query != nil {
		return s.query(q, a)
	}
	if strings.HasPrefix(q.Text, "SELECT ?s ?p ?o") {
		if err := a.Begin(graph.Head{}); err != nil {
			return err
		}
		return a.Row([]rdf.Term{rdf.Trusted("<urn:s>"), rdf.Trusted("<urn:p>"), rdf.Trusted("<urn:o>")})
	}
	if err := a.Begin(graph.Head{Form: sparql.Ask}); err != nil {
		return err
	}
	return a.Boolean(true)
}
func (s *scripted) UpdateGraph(context.Context, graph.GraphUpdate) ([]graph.Result, graph.GraphState, error) {
	return nil, graph.GraphState{Exists: true}, nil
}
func (s *scripted) NewDataWriter(w io.Writer, f rdfio.Format, opts ...rdfio.WriteOption) (rdfio.DataWriter, func(), error) {
	out, err := rdfio.NewDataWriter(w, f, opts...)
	return out, func() {}, err
}
func (s *scripted) Status() graph.Status { return graph.Status{Status: s.status, Changes: s.changes} }
func (s *scripted) Ready() error         { return s.ready }

// serve starts a real HTTP server of the API.
func serve(t *testing.T, n api.Node, cfg api.Config) string {
	t.Helper()
	cfg.Logger = stdcmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	ln, err := api.Listen(api.ListenConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	server := api.NewServer(ln, api.ServerConfig{Access: cfg.Access, Logger: cfg.Logger})
	server.Use(api.New(n, cfg))
	stop := running(t, server)
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
	})
	return "http://" + ln.Addr().String()
}

// call sends a request and returns the answer with its body.
func call(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r, header...)
}

func send(t *testing.T, r *http.Request, header ...string) (*http.Response, string) {
	t.Helper()
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkDescribed(t, r, answer, string(text))
	return answer, string(text)
}

const patchType = "application/rdf-patch"

func TestPostAnswers(t *testing.T) {
	results := []graph.Result{{Shard: 1, Position: 7, Adds: 2, Head: "ni:x"}, {Shard: 3, Position: 9, Deletes: 1,
		Duplicate: true}}
	var got graph.Submission
	url := serve(t, &scripted{submit: func(_ context.Context, s graph.Submission) ([]graph.Result, error) {
		got = s
		got.Body = bytes.Clone(s.Body)
		return results, nil
	}}, api.Config{})
	answer, body := call(t, "POST", url+"/v1/changes", "TX .\nTC .\n", "Content-Type", patchType+"; charset=UTF-8",
		"Idempotency-Key", "k1")
	if want := (graph.Submission{MediaType: patchType, Body: []byte("TX .\nTC .\n"), Key: "k1"}); !cmp.Equal(got, want) {
		t.Errorf("submitted: %s", cmp.Diff(want, got))
	}
	want := `{"results":[{"shard":1,"position":7,"adds":2,"deletes":0,"head":"ni:x"},` +
		`{"shard":3,"position":9,"adds":0,"deletes":1,"duplicate":true}],"adds":2,"deletes":1}` + "\n"
	if answer.StatusCode != 200 || body != want {
		t.Errorf("answer %d:\n%s\nwant\n%s", answer.StatusCode, body, want)
	}
}

func TestPostErrors(t *testing.T) {
	syntax := &rdf.SyntaxError{Line: 3, Col: 14, Msg: "expected a term"}
	tests := []struct {
		name   string
		err    error
		status int
		header [2]string
		want   client.Problem
	}{
		{"syntax", fmt.Errorf("read: %w", syntax), 400, [2]string{},
			client.Problem{Code: "syntax", Detail: "expected a term", Line: 3, Column: 14}},
		{"transaction too large", fmt.Errorf("%w: transaction of 65 MiB", event.ErrTooLarge), 413, [2]string{},
			client.Problem{Code: "too_large", Detail: "too large: transaction of 65 MiB"}},
		{"conflict", &graph.ConflictError{Head: "ni:h"}, 409, [2]string{},
			client.Problem{Code: "prev_not_head", Detail: "prev is not the head of the dataset; the head is \"ni:h\"", Head: "ni:h"}},
		{"media type", event.ErrMediaType, 415, [2]string{"Accept-Post",
			strings.Join(append(graph.MediaTypes(), client.TypeParts), ", ")},
			client.Problem{Code: "unsupported_media_type", Detail: "media type is not supported"}},
		{"reused key", event.ErrReused, 422, [2]string{},
			client.Problem{Code: "key_reused", Detail: "idempotency key was used for another body"}},
		{"prev needs dataset", event.ErrPrev, 400, [2]string{},
			client.Problem{Code: "prev_needs_dataset", Detail: "header \"prev\" needs a pipeline with key: dataset"}},
		{"bad event", event.ErrBad, 422, [2]string{},
			client.Problem{Code: "bad_event", Detail: "event can't be evaluated"}},
		{"no owner", event.ErrNoOwner, 503, [2]string{"Retry-After", "1"},
			client.Problem{Code: "no_owner", Detail: "shard has no owner that answers"}},
		{"busy", fmt.Errorf("%w: the owner's queue is full", event.ErrBusy), 503, [2]string{"Retry-After", "1"},
			client.Problem{Code: "busy", Detail: "shard is busy: the owner's queue is full"}},
		{"no room", fmt.Errorf("shard 1: %w", engine.ErrNoRoom), 503, [2]string{"Retry-After", "1"},
			client.Problem{Code: "no_room", Detail: "shard 1: the engine has no room left"}},
		{"no leader", fmt.Errorf("shard 1: %w", engine.ErrNoLeader), 503, [2]string{"Retry-After", "1"},
			client.Problem{Code: "no_leader", Detail: "shard 1: the log has no leader"}},
		{"stopped", event.ErrStopped, 503, [2]string{"Retry-After", "1"},
			client.Problem{Code: "stopped", Detail: "node is stopped"}},
		{"halted", fmt.Errorf("shard 1: %w", event.ErrHalted), 503, [2]string{"Retry-After", ""},
			client.Problem{Code: "halted", Detail: "shard 1: shard is halted"}},
		{"key", event.ErrKey, 400, [2]string{},
			client.Problem{Code: "bad_key", Detail: "idempotency key is not usable"}},
		{"part committed", &graph.PartialError{Done: []graph.Result{{Shard: 2, Position: 5, Adds: 1}},
			Err: event.ErrNoOwner}, 503, [2]string{"Retry-After", "1"},
			client.Problem{Code: "no_owner", Detail: "1 shard committed, then: shard has no owner that answers",
				Results: []client.Result{{Shard: 2, Position: 5, Adds: 1}}}},
		{"other", errors.New("boom"), 500, [2]string{}, client.Problem{Code: "internal", Detail: "boom"}},
	}
	n := &scripted{}
	url := serve(t, n, api.Config{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n.submit = func(context.Context, graph.Submission) ([]graph.Result, error) { return nil, test.err }
			answer, body := call(t, "POST", url+"/v1/changes", "x", "Content-Type", patchType)
			var got client.Problem
			if err := json.Unmarshal([]byte(body), &got); err != nil || got.Title == "" || got.RequestID == "" {
				t.Errorf("%v: %s", err, body)
			}
			test.want.Type, test.want.Status = "urn:quadrille:problem:"+test.want.Code, test.status
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(client.Problem{}, "Title", "RequestID")); diff != "" {
				t.Error(diff)
			}
			if answer.StatusCode != test.status || answer.Header.Get("Content-Type") != client.TypeProblem {
				t.Errorf("answer %d %s, want %d", answer.StatusCode, answer.Header.Get("Content-Type"), test.status)
			}
			if test.header[0] != "" && answer.Header.Get(test.header[0]) != test.header[1] {
				t.Errorf("header %s: %q", test.header[0], answer.Header.Get(test.header[0]))
			}
		})
	}
}

func TestPostRefusesAtTheDoor(t *testing.T) {
	reached := false
	n := &scripted{submit: func(context.Context, graph.Submission) ([]graph.Result, error) {
		reached = true
		return nil, nil
	}}
	url := serve(t, n, api.Config{MaxBody: 1000, MaxBodies: 1001})
	big := strings.Repeat("x", 1001)
	tests := []struct {
		name   string
		body   io.Reader
		header []string
		status int
		code   string
	}{
		{"declared too large", strings.NewReader(big), []string{"Content-Type", patchType}, 413, "too_large"},
		{"chunked too large", io.MultiReader(strings.NewReader(big)), []string{"Content-Type", patchType}, 413, "too_large"},
		{"unzipped too large", zipped(big), []string{"Content-Type", patchType, "Content-Encoding", "gzip"}, 413, "too_large"},
		{"no gzip", strings.NewReader("x"), []string{"Content-Type", patchType, "Content-Encoding", "gzip"}, 400, "body"},
		{"other encoding", strings.NewReader("x"), []string{"Content-Type", patchType, "Content-Encoding", "br"}, 415,
			"unsupported_encoding"},
		{"no type", strings.NewReader("x"), nil, 415, "unsupported_media_type"},
		{"text", strings.NewReader("x"), []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type"},
		{"latin-1", strings.NewReader("x"), []string{"Content-Type", patchType + "; charset=iso-8859-1"}, 415,
			"unsupported_media_type"},
		{"long key", strings.NewReader("x"), []string{"Content-Type", patchType, "Idempotency-Key",
			strings.Repeat("k", 257)}, 400, "bad_key"},
		{"key of other bytes", strings.NewReader("x"), []string{"Content-Type", patchType, "Idempotency-Key", "k\xff"}, 400,
			"bad_key"},
		{"empty key", strings.NewReader("x"), []string{"Content-Type", patchType, "Idempotency-Key", ""}, 400, "bad_key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/changes", test.body)
			if err != nil {
				t.Fatal(err)
			}
			answer, body := send(t, r, test.header...)
			if answer.StatusCode != test.status || code(t, body) != test.code {
				t.Errorf("answer %d %s, want %d %s", answer.StatusCode, body, test.status, test.code)
			}
		})
	}
	twice, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/changes", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	twice.Header["Idempotency-Key"] = []string{"k", "k"}
	if answer, body := send(t, twice, "Content-Type", patchType); answer.StatusCode != 400 || code(t, body) != "bad_key" {
		t.Errorf("two keys: %d %s", answer.StatusCode, body)
	}
	if reached {
		t.Error("a refused document reached the node")
	}
	if answer, body := call(t, "POST", url+"/v1/changes", big[:1000], "Content-Type", patchType); answer.StatusCode != 200 {
		t.Errorf("a body of the limit itself: %d %s", answer.StatusCode, body)
	}
}

func zipped(text string) *bytes.Buffer {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return &b
}

func code(t *testing.T, body string) string {
	t.Helper()
	var p client.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return p.Code
}

func TestPostBodies(t *testing.T) {
	n := &scripted{submit: func(_ context.Context, s graph.Submission) ([]graph.Result, error) {
		return []graph.Result{{Adds: uint64(len(s.Body)), Head: string(s.Body[len(s.Body)-1:])}}, nil
	}}
	url := serve(t, n, api.Config{MaxBody: 1 << 20})
	for _, size := range []int{1, 511, 512, 64 << 10, 64<<10 + 1, 1 << 20} {
		text := strings.Repeat("x", size-1) + "y"
		for name, body := range map[string]io.Reader{"plain": strings.NewReader(text),
			"chunked": io.MultiReader(strings.NewReader(text)), "gzip": zipped(text)} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/changes", body)
			if err != nil {
				t.Fatal(err)
			}
			header := []string{"Content-Type", patchType}
			if name == "gzip" {
				header = append(header, "Content-Encoding", "gzip")
			}
			_, answer := send(t, r, header...)
			if want := fmt.Sprintf(`"adds":%d,"deletes":0,"head":"y"}`, size); !strings.Contains(answer, want) {
				t.Errorf("%s of %d bytes: %s", name, size, answer)
			}
		}
	}
}

func TestBodiesAreBoundedTogether(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{})
	n := &scripted{submit: func(context.Context, graph.Submission) ([]graph.Result, error) {
		held <- struct{}{}
		<-hold
		return nil, nil
	}}
	url := serve(t, n, api.Config{MaxBody: 1000, MaxBodies: 1500})
	first := make(chan int)
	go func() {
		r, _ := http.NewRequest("POST", url+"/v1/changes", strings.NewReader(strings.Repeat("x", 1000)))
		r.Header.Set("Content-Type", patchType)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			first <- 0
			return
		}
		_ = answer.Body.Close()
		first <- answer.StatusCode
	}()
	<-held
	answer, body := call(t, "POST", url+"/v1/changes", strings.Repeat("x", 1000), "Content-Type", patchType)
	if answer.StatusCode != 503 || code(t, body) != "busy" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("the second: %d %s", answer.StatusCode, body)
	}
	close(hold)
	if status := <-first; status != 200 {
		t.Errorf("the first: %d", status)
	}
	go func() { <-held }()
	if answer, body := call(t, "POST", url+"/v1/changes", strings.Repeat("x", 1000), "Content-Type", patchType); answer.StatusCode != 200 {
		t.Errorf("after the first has ended: %d %s", answer.StatusCode, body)
	}
}

func TestRoutes(t *testing.T) {
	n := &scripted{ready: errors.New("shard 3 is not claimed"), status: node.Status{Pipeline: "main", Node: "n1"}}
	url := serve(t, n, api.Config{})
	tests := []struct {
		method, path string
		status       int
		allow, has   string
	}{
		{"GET", "/healthz", 200, "", `{"status":"ok"}`},
		{"HEAD", "/healthz", 200, "", ""},
		{"GET", "/readyz", 503, "", `"detail":"shard 3 is not claimed","code":"not_ready"`},
		{"GET", "/v1/status", 200, "", `{"pipeline":"main","node":"n1"`},
		{"PUT", "/v1/changes", 405, "GET, HEAD, OPTIONS, POST", "method_not_allowed"},
		{"POST", "/v1/data", 405, "GET, HEAD, OPTIONS", "method_not_allowed"},
		{"GET", "/v1/nothing", 404, "", "not_found"},
		{"GET", "/", 404, "", "/v1/changes"},
	}
	for _, test := range tests {
		answer, body := call(t, test.method, url+test.path, "")
		if answer.StatusCode != test.status || answer.Header.Get("Allow") != test.allow || !strings.Contains(body, test.has) {
			t.Errorf("%s %s: %d, Allow %q\n%s", test.method, test.path, answer.StatusCode, answer.Header.Get("Allow"), body)
		}
	}
	n.ready = nil
	if answer, _ := call(t, "GET", url+"/readyz", ""); answer.StatusCode != 200 {
		t.Errorf("ready: %d", answer.StatusCode)
	}
}

func TestAdmission(t *testing.T) {
	n := &scripted{}
	open := serve(t, n, api.Config{Access: api.Access{Hosts: []string{"node.example"}}})
	guarded := serve(t, n, api.Config{Access: only(t, "secret of the test")})
	two := only(t, "secret of the test")
	two.Hosts = []string{"node.example"}
	both := serve(t, n, api.Config{Access: two})
	tests := []struct {
		url, path, host, authorization string
		status                         int
	}{
		{open, "/v1/status", "", "", 200},
		{open, "/v1/status", "localhost:7375", "", 200},
		{open, "/v1/status", "LOCALHOST.", "", 200},
		{open, "/v1/status", "[::1]:7375", "", 200},
		{open, "/v1/status", "127.0.0.1", "", 200},
		{open, "/v1/status", "127.9.9.9:80", "", 200},
		{open, "/v1/status", "::1", "", 200},
		{open, "/v1/status", "10.0.0.1:7375", "", 421},
		{open, "/v1/status", "[2001:db8::1]:7375", "", 421},
		{open, "/v1/status", "0.0.0.0", "", 421},
		{open, "/v1/status", "node.example:80", "", 200},
		{open, "/v1/status", "evil.example", "", 421},
		{open, "/v1/status", "127.0.0.1.evil.example", "", 421},
		{open, "/healthz", "evil.example", "", 421},
		{guarded, "/v1/status", "", "", 401},
		{guarded, "/metrics", "", "", 401},
		{guarded, "/v1/status", "", "Bearer wrong", 401},
		{guarded, "/v1/status", "", "Basic secret", 401},
		{guarded, "/v1/status", "", "Bearer secret of the test", 200},
		{guarded, "/v1/status", "any.example", "bearer secret of the test", 200},
		{guarded, "/healthz", "", "", 200},
		{guarded, "/readyz", "", "", 200},
		{both, "/v1/status", "evil.example", "Bearer secret of the test", 421},
		{both, "/v1/status", "node.example", "Bearer secret of the test", 200},
	}
	for _, test := range tests {
		var header []string
		if test.host != "" {
			header = append(header, "Host", test.host)
		}
		if test.authorization != "" {
			header = append(header, "Authorization", test.authorization)
		}
		answer, body := call(t, "GET", test.url+test.path, "", header...)
		if answer.StatusCode != test.status {
			t.Errorf("%+v: %d %s", test, answer.StatusCode, body)
		}
		if test.status == 401 && answer.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%+v: no WWW-Authenticate", test)
		}
	}
}

func TestMetrics(t *testing.T) {
	n := &scripted{changes: 99, status: node.Status{
		Node: "n1", Epoch: 4, Ready: true,
		Members: []node.MemberStatus{{Name: "n1", Alive: true}, {Name: "n2"}},
		Shards: []node.ShardStatus{{Shard: 0, Owner: "n1", State: "owning", Position: 12, Size: 34},
			{Shard: 1, Owner: "n2", State: "none"}},
		Stats: node.Stats{AppendNanos: uint64(1500 * time.Millisecond)},
	}}
	url := serve(t, n, api.Config{Sources: []func() client.SourceStatus{func() client.SourceStatus {
		return client.SourceStatus{Name: "plant", Running: true, Failing: &client.Failure{Error: "broken"}, Messages: 17, Rejected: 3}
	}}})
	call(t, "DELETE", url+"/v1/data", "")
	answer, body := call(t, "GET", url+"/metrics", "")
	for _, want := range []string{
		"# HELP quadrille_submitted_changes_total Rows of",
		"\nquadrille_submitted_changes_total 99\n",
		"\nquadrille_append_seconds_total 1.5\n",
		"\nquadrille_ready 1\n",
		"\nquadrille_degraded 1\n",
		"\nquadrille_control_epoch 4\n",
		"\nquadrille_members 2\n",
		"\nquadrille_members_alive 1\n",
		"\nquadrille_owned_shards 1\n",
		"\nquadrille_shard_quads{shard=\"0\"} 34\n",
		"\nquadrille_shard_position{shard=\"0\"} 12\n",
		"\nquadrille_shard_state{shard=\"0\",state=\"owning\"} 1\n",
		"\nquadrille_http_requests_total{code=\"405\",method=\"DELETE\",path=\"/v1/data\"} 1\n",
		"\nquadrille_source_running{source=\"plant\"} 1\n",
		"\nquadrille_source_failing{source=\"plant\"} 1\n",
		"\nquadrille_source_messages_total{source=\"plant\"} 17\n",
		"\nquadrille_source_rejected_total{source=\"plant\"} 3\n",
		"\ngo_goroutines ",
		"\nprocess_open_fds ",
	} {
		if !strings.Contains("\n"+body, want) {
			t.Errorf("no %q", want)
		}
	}
	if answer.StatusCode != 200 || strings.Contains(body, `shard="1"`) {
		t.Errorf("status %d, or a shard that is elsewhere is shown", answer.StatusCode)
	}
}

func TestListen(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "[::]:0", "node.example:0"} {
		if ln, err := api.Listen(api.ListenConfig{Addr: addr, Protected: true}); !errors.Is(err, api.ErrNotLoopback) {
			t.Errorf("%s: %v, %v", addr, ln, err)
		}
	}
	if _, err := api.ReadCertificate("a", ""); err == nil {
		t.Error("a certificate without a key was taken")
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		ln, err := api.Listen(api.ListenConfig{Addr: addr})
		if err != nil {
			t.Fatal(err)
		}
		_ = ln.Close()
	}
}

func TestHandlerWithoutServer(t *testing.T) {
	// An embedder may mount the handler in a server of its own, or under test: deadlines are then not supported.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://localhost/v1/status", nil)
	api.New(&scripted{}, api.Config{}).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
