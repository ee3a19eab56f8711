package client_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server that answers as the function says, and returns a client and the server's URL.
func serve(t *testing.T, token string, answer http.HandlerFunc) (*client.Client, string) {
	t.Helper()
	server := httptest.NewServer(asAsked(answer))
	c := client.New(token)
	t.Cleanup(func() {
		c.Close()
		server.Close()
	})
	return c, server.URL
}

// asAsked answers with the media type that is asked for, unless the answer has its own.
func asAsked(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept"); accept != "" {
			w.Header().Set("Content-Type", accept)
		}
		answer(w, r)
	}
}

// says returns an answer with this status, header and body.
func says(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestSubmit(t *testing.T) {
	var got *http.Request
	var body []byte
	c, base := serve(t, "secret", func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		says(200, nil, `{"results":[{"shard":3,"position":9,"adds":2,"deletes":1}],"adds":2,"deletes":1}`)(w, r)
	})
	a, err := c.Submit(t.Context(), base+"/", client.TypePatch, "k1", []byte("TX .\nTC .\n"))
	if err != nil || a.Adds != 2 || a.Deletes != 1 || len(a.Results) != 1 || a.Results[0].Position != 9 {
		t.Errorf("%+v, %v", a, err)
	}
	if got.Method != http.MethodPost || got.URL.Path != "/v1/changes" || string(body) != "TX .\nTC .\n" ||
		got.ContentLength != 10 {
		t.Errorf("%s %s, %d bytes: %q", got.Method, got.URL, got.ContentLength, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/rdf-patch", "Idempotency-Key": "k1", "Authorization": "Bearer secret",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	_, err = c.Submit(t.Context(), base, "application/n-quads", "", nil)
	if err != nil || got.Header["Idempotency-Key"] != nil {
		t.Errorf("without a key: %v, %v", got.Header, err)
	}
}

// TestSubmitParts: each part goes with its own headers, and an answer that leaves one out, or says nothing of it, is none.
func TestSubmitParts(t *testing.T) {
	var body string
	answer := `{"accepted":1,"failed":1,"adds":2,"deletes":0,"outcomes":[{"results":[],"adds":2,"deletes":0},{"problem":{"status":400,"code":"syntax"}}]}`
	c, base := serve(t, "", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		body = r.Header.Get("Idempotency-Key") + strings.ReplaceAll(string(text), params["boundary"], "b")
		says(200, nil, answer)(w, r)
	})
	parts := []client.Part{{MediaType: "m/1", Body: []byte("one\r\n"), Key: "k"}, {MediaType: "m/2"}}
	o, err := c.SubmitParts(t.Context(), base, "all", parts)
	if err != nil || o.Accepted != 1 || o.Failed != 1 || o.Adds != 2 || o.Outcomes[0].Err() != nil || o.Outcomes[0].Adds != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	if e, ok := errors.AsType[*client.Error](o.Outcomes[1].Err()); !ok || e.Status != 400 || e.Code != "syntax" {
		t.Errorf("part 2: %v", o.Outcomes[1].Err())
	}
	const want = "all--b\r\nContent-Type: m/1\r\nIdempotency-Key: k\r\n\r\none\r\n\r\n--b\r\nContent-Type: m/2\r\n\r\n\r\n--b--\r\n"
	if body != want {
		t.Errorf("sent %q, want %q", body, want)
	}
	for _, wrong := range []string{`{"outcomes":[{"results":[]}]}`, `{"outcomes":[{"results":[]},{}]}`, `no JSON`} {
		answer = wrong
		if _, err := c.SubmitParts(t.Context(), base, "", parts); err == nil {
			t.Errorf("%s: taken for an answer", wrong)
		}
	}
	if _, err := c.SubmitParts(t.Context(), base, "", []client.Part{{Key: "a\r\nb: c"}}); err == nil {
		t.Error("a key of two lines is sent")
	}
}

func TestNoTokenNoHeader(t *testing.T) {
	c, base := serve(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Authorization"] != nil || r.URL.Path != "/v1/data" {
			t.Errorf("%s, %v", r.URL, r.Header)
		}
		says(200, nil, "<s:1> <p:1> <o:1> .\n")(w, r)
	})
	data, err := c.Data(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	if text, err := io.ReadAll(data); err != nil || string(text) != "<s:1> <p:1> <o:1> .\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestAnswersThatTellOfAnError: whatever is asked, the error says which node, which status and the node's reason.
func TestAnswersThatTellOfAnError(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   client.Error
		says   string
	}{
		"reason": {503, http.Header{"Retry-After": {"7"}}, `{"code":"no_owner","detail":"shard 3"}`,
			client.Error{Problem: client.Problem{Code: "no_owner", Detail: "shard 3"}, RetryAfter: 7 * time.Second}, "503 no_owner: shard 3"},
		"halted": {503, nil, `{"code":"halted","detail":"shard 3"}`,
			client.Error{Problem: client.Problem{Code: "halted", Detail: "shard 3"}}, "503 halted: shard 3"},
		"place": {400, nil, `{"code":"syntax","detail":"expected a term","line":3,"column":14}`,
			client.Error{Problem: client.Problem{Code: "syntax", Detail: "expected a term", Line: 3, Column: 14}},
			"400 syntax: line 3, column 14: expected a term"},
		"head": {409, nil, `{"code":"prev_not_head","detail":"no","head":"ni:///x"}`,
			client.Error{Problem: client.Problem{Code: "prev_not_head", Detail: "no", Head: "ni:///x"}}, "409 prev_not_head: no"},
		"text": {502, http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:00 GMT"}}, "upstream is gone\n",
			client.Error{Problem: client.Problem{Code: "bad gateway", Detail: "upstream is gone"}}, "502 bad gateway: upstream is gone"},
		"other JSON": {500, nil, `{"oops":1}`, client.Error{Problem: client.Problem{Code: "internal server error", Detail: `{"oops":1}`}},
			`500 internal server error: {"oops":1}`},
		"nothing": {404, nil, "", client.Error{Problem: client.Problem{Code: "not found", Detail: "the answer is not a node's"}},
			"404 not found: the answer is not a node's"},
		"not even a 200": {204, nil, "", client.Error{Problem: client.Problem{Code: "no content", Detail: "the answer is not a node's"}},
			"204 no content: the answer is not a node's"},
		"page": {501, nil, "\n<!DOCTYPE html>\n<p>no", client.Error{Problem: client.Problem{Code: "not implemented",
			Detail: "the answer is not a node's"}}, "501 not implemented: the answer is not a node's"},
		"much": {502, nil, strings.Repeat("é", 200), client.Error{Problem: client.Problem{Code: "bad gateway",
			Detail: strings.Repeat("é", 150) + "…"}}, "502 bad gateway: " + strings.Repeat("é", 150) + "…"},
	} {
		c, base := serve(t, "", says(test.status, test.header, test.body))
		test.want.URL, test.want.Status = base, test.status
		for what, ask := range map[string]func() error{
			"submit": func() error { _, err := c.Submit(t.Context(), base, client.TypePatch, "k", nil); return err },
			"status": func() error { _, err := c.Status(t.Context(), base); return err },
			"ready":  func() error { return c.Ready(t.Context(), base) },
			"data":   func() error { _, err := c.Data(t.Context(), base); return err },
			"changes": func() error {
				return c.Changes(t.Context(), base, nil, client.Reader{Change: func(client.Change, client.Cursor) error { return nil }})
			},
		} {
			err := ask()
			var got *client.Error
			if !errors.As(err, &got) || !reflect.DeepEqual(*got, test.want) || err.Error() != base+": "+test.says {
				t.Errorf("%s, %s: %v; %+v, want %+v", name, what, err, got, test.want)
			}
		}
	}
}

// TestLongError: of an error without end only a part is read.
func TestLongError(t *testing.T) {
	c, base := serve(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for block := strings.Repeat("x", 64<<10); r.Context().Err() == nil; {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	})
	var got *client.Error
	if err := c.Ready(t.Context(), base); !errors.As(err, &got) || len(got.Detail) > 400 || !strings.HasSuffix(got.Detail, "x…") {
		t.Errorf("%.100v", err)
	}
}

func TestAnswersThatCantBeRead(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no JSON": says(200, nil, "<html>"),
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"adds":`)
		},
	} {
		c, base := serve(t, "", answer)
		if a, err := c.Submit(t.Context(), base, client.TypePatch, "k", nil); err == nil || !client.Temporary(err) ||
			!strings.Contains(err.Error(), base+": read the answer") {
			t.Errorf("%s: %+v, %v: nobody can say whether it is accepted", name, a, err)
		}
		if s, err := c.Status(t.Context(), base); err == nil || !strings.Contains(err.Error(), base+": read the status") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestTemporary(t *testing.T) {
	c, base := serve(t, "", says(200, nil, ""))
	c.Close()
	nobody := strings.Replace(base, "127.0.0.1", "127.0.0.1:1#", 1)
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&client.Error{Problem: client.Problem{Status: 503}}, true},
		{fmt.Errorf("around: %w", &client.Error{Problem: client.Problem{Status: 429}}), true},
		{&client.Error{Problem: client.Problem{Status: 502}}, true},
		{&client.Error{Problem: client.Problem{Status: 408}}, true},
		{&client.Error{Problem: client.Problem{Status: 504}}, true},
		{&client.Error{Problem: client.Problem{Status: 400}}, false},
		{&client.Error{Problem: client.Problem{Status: 401}}, false},
		{&client.Error{Problem: client.Problem{Status: 409}}, false},
		{&client.Error{Problem: client.Problem{Status: 413}}, false},
		{&client.Error{Problem: client.Problem{Status: 422}}, false},
		{&client.Error{Problem: client.Problem{Status: 500}}, false},
		{context.Canceled, false},
		{context.DeadlineExceeded, true},
		{io.ErrUnexpectedEOF, true},
		{c.Ready(t.Context(), nobody), true},
	} {
		if test.err == nil || client.Temporary(test.err) != test.want {
			t.Errorf("%v: temporary %v", test.err, !test.want)
		}
	}
}

func TestRoots(t *testing.T) {
	server := httptest.NewUnstartedServer(says(200, nil, "ok"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the client that hangs up
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	trusting, wary := client.New("", client.WithRoots(pool)), client.New("", client.WithRoots(x509.NewCertPool()))
	defer trusting.Close()
	defer wary.Close()
	if err := trusting.Ready(t.Context(), server.URL); err != nil {
		t.Error(err)
	}
	var unknown x509.UnknownAuthorityError
	if err := wary.Ready(t.Context(), server.URL); !errors.As(err, &unknown) {
		t.Errorf("a certificate of nobody's: %v", err)
	}
}

const twoChanges = ": hello\n\n" +
	"id: 0:5:aaaaaaaaaaaaaaaa\n\ndata: {\"shard\":1,\"position\":7,\"id\":\"ni:///sha-256;bbbbbbbbbbbbbbbbbbbb\",\"patch\":\"TX .\\n\"}\n\n" +
	"id: 0:5:aaaaaaaaaaaaaaaa,1:7:bbbbbbbbbbbbbbbb\ndata: {\"shard\":2,\"position\":9}\n\n"

func TestChanges(t *testing.T) {
	var got *http.Request
	c, base := serve(t, "", func(w http.ResponseWriter, r *http.Request) {
		got = r
		says(200, nil, twoChanges)(w, r)
	})
	var heard []string
	note := func(change client.Change, cursor client.Cursor) error {
		heard = append(heard, fmt.Sprint(change.Shard, change.Position, change.ID, change.Patch, cursor))
		return nil
	}
	err := c.Changes(t.Context(), base, url.Values{"from": {"now"}, "shard": {"1", "2"}}, client.Reader{Change: note})
	want := []string{
		fmt.Sprint(1, 7, "ni:///sha-256;bbbbbbbbbbbbbbbbbbbb", "TX .\n", "0:5:aaaaaaaaaaaaaaaa,1:7:bbbbbbbbbbbbbbbb"),
		fmt.Sprint(2, 9, "", "", "0:5:aaaaaaaaaaaaaaaa,1:7:bbbbbbbbbbbbbbbb,2:9"),
	}
	if err != nil || fmt.Sprint(heard) != fmt.Sprint(want) {
		t.Errorf("%q, %v; want %q", heard, err, want)
	}
	if got.URL.RawQuery != "from=now&shard=1&shard=2" || got.Header.Get("Accept") != "text/event-stream" {
		t.Errorf("%s, %v", got.URL, got.Header)
	}
	enough := errors.New("enough")
	calls := 0
	err = c.Changes(t.Context(), base, nil, client.Reader{Change: func(client.Change, client.Cursor) error { calls++; return enough }})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestChangesThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		heard  int
		want   string
	}{
		"the node says why": {twoChanges +
			"event: error\ndata: {\"code\":\"damaged\",\"detail\":\"shard 1\"}\n\n", 2, "500 damaged: shard 1"},
		"the node says which status": {"event: error\ndata: {\"code\":\"cursor\",\"status\":410,\"detail\":\"shard 1\"}\n\n", 0, "410 cursor: shard 1"},
		"no JSON":                    {"id: 1:1\ndata: {\n\n", 0, "read changes: unexpected end"},
		"cut":                        {"id: 1:1\ndata: {\"shard\":1}", 0, "read changes: EOF"},
	} {
		c, base := serve(t, "", says(200, nil, test.stream))
		heard := 0
		err := c.Changes(t.Context(), base, nil, client.Reader{Change: func(client.Change, client.Cursor) error { heard++; return nil }})
		if err == nil || heard != test.heard || !strings.HasPrefix(err.Error(), base+": "+test.want) {
			t.Errorf("%s: %d heard, %v", name, heard, err)
		}
	}
}

// TestCauses: the codes of answers are the errors of the node again, and what can't succeed is not tried again.
func TestCauses(t *testing.T) {
	for _, test := range []struct {
		status    int
		code      string
		want      error
		temporary bool
	}{
		{503, "no_owner", event.ErrNoOwner, true},
		{503, "busy", event.ErrBusy, true},
		{503, "no_room", engine.ErrNoRoom, true},
		{503, "no_leader", engine.ErrNoLeader, true},
		{503, "stopped", event.ErrStopped, true},
		{503, "halted", event.ErrHalted, false},
		{413, "too_large", event.ErrTooLarge, false},
		{400, "bad_key", event.ErrKey, false},
		{422, "key_reused", event.ErrReused, false},
		{503, "of a later version", nil, true},
	} {
		c, base := serve(t, "", says(test.status, nil, fmt.Sprintf(`{"code":%q,"detail":"m"}`, test.code)))
		_, err := c.Submit(t.Context(), base, client.TypePatch, "k", nil)
		if test.want != nil && !errors.Is(err, test.want) || client.Temporary(err) != test.temporary {
			t.Errorf("%s: %v, temporary: %v", test.code, err, client.Temporary(err))
		}
	}
}

// TestMoved: an event without data moves the cursor, and a change keeps what it doesn't name.
func TestMoved(t *testing.T) {
	const stream = "retry: 1000\nid: main@0:5:aaaaaaaaaaaaaaaa\n\n" +
		"id: main@0:5:aaaaaaaaaaaaaaaa,1:7:bbbbbbbbbbbbbbbb\ndata: {\"shard\":1,\"position\":7,\"id\":\"ni:///sha-256;bbbbbbbbbbbbbbbbbbbb\"}\n\n" +
		": still here\n\n" +
		"id: main@0:9:cccccccccccccccc,1:7:bbbbbbbbbbbbbbbb\n\n"
	c, base := serve(t, "", says(200, nil, stream))
	var heard []string
	note := func(what string) func(client.Cursor) error {
		return func(cursor client.Cursor) error {
			heard = append(heard, what+" "+cursor.String())
			return nil
		}
	}
	err := c.Changes(t.Context(), base, nil, client.Reader{
		Change: func(_ client.Change, cursor client.Cursor) error { return note("change")(cursor) }, Moved: note("moved"),
	})
	want := []string{"moved main@0:5:aaaaaaaaaaaaaaaa", "change main@0:5:aaaaaaaaaaaaaaaa,1:7:bbbbbbbbbbbbbbbb",
		"moved main@0:9:cccccccccccccccc,1:7:bbbbbbbbbbbbbbbb"}
	if err != nil || !slices.Equal(heard, want) {
		t.Errorf("%q, %v", heard, err)
	}
	c, base = serve(t, "", says(200, nil, "id: nonsense\n\n"))
	if err := c.Changes(t.Context(), base, nil, client.Reader{}); err == nil || !strings.Contains(err.Error(), "SHARD:POSITION") {
		t.Errorf("%v", err)
	}
}

func TestCursorText(t *testing.T) {
	for text, want := range map[string]client.Cursor{
		"main@0:5": {Pipeline: "main", Cursor: engine.Cursor{0: {Position: 5}}},
		"a@b@0:5":  {Pipeline: "a@b", Cursor: engine.Cursor{0: {Position: 5}}},
		"main@":    {Pipeline: "main", Cursor: engine.Cursor{}},
		"0:5":      {Cursor: engine.Cursor{0: {Position: 5}}},
	} {
		got, err := client.ParseCursor(text)
		if err != nil || !reflect.DeepEqual(got, want) || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"@0:5", "main@x", "main"} {
		if got, err := client.ParseCursor(bad); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}

// TestCodes: each code has what a problem needs, once, and those of errors are found by them.
func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range client.Codes() {
		if seen[code.Name] || code.Status < 400 || code.Title == "" || code.Type() != "urn:quadrille:problem:"+code.Name {
			t.Errorf("%+v", code)
		}
		seen[code.Name] = true
		if cause := client.Cause(code.Name); cause != nil {
			if found, ok := client.CodeOf(fmt.Errorf("around: %w", cause)); !ok || found.Name != code.Name {
				t.Errorf("%s: found %+v", code.Name, found)
			}
		}
	}
}

// TestNotANode: an answer that another server has made, whatever its status, is told from a node's, and isn't asked for again.
func TestNotANode(t *testing.T) {
	page := func(status int) http.HandlerFunc {
		return says(status, http.Header{"Content-Type": {"text/html"}}, "<!DOCTYPE html><p>hello")
	}
	for status, temporary := range map[int]bool{200: false, 404: false, 501: false, 502: true} {
		c, base := serve(t, "", page(status))
		_, submitted := c.Submit(t.Context(), base, client.TypePatch, "k", nil)
		_, asked := c.Status(t.Context(), base)
		followed := c.Changes(t.Context(), base, nil, client.Reader{Change: func(client.Change, client.Cursor) error { return nil }})
		if status == 200 && !client.Temporary(submitted) {
			t.Errorf("nobody can say whether it is accepted: %v", submitted)
		}
		for what, err := range map[string]error{"submit": submitted, "status": asked, "changes": followed} {
			if what == "submit" && status == 200 {
				continue
			}
			if !errors.Is(err, client.ErrNotNode) || client.Temporary(err) != temporary || strings.Contains(err.Error(), "<") && status != 200 {
				t.Errorf("%d, %s: %v", status, what, err)
			}
		}
	}
	c, base := serve(t, "", says(404, nil, `{"type":"urn:quadrille:problem:of_tomorrow","code":"of_tomorrow","detail":"x"}`))
	if _, err := c.Status(t.Context(), base); errors.Is(err, client.ErrNotNode) {
		t.Errorf("a code of a later version: %v", err)
	}
}

// TestNobodyThere: the error begins with the address that was asked, and what the system says of it can be told.
func TestNobodyThere(t *testing.T) {
	c := client.New("")
	defer c.Close()
	_, err := c.Status(t.Context(), "http://127.0.0.1:1")
	if !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasPrefix(err.Error(), "http://127.0.0.1:1: dial tcp") {
		t.Error(err)
	}
}
