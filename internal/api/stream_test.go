package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/patch"
)

// The ids of records, and what a cursor holds of them.
const (
	idA, shortA = "ni:///sha-256;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"
	idB, shortB = "ni:///sha-256;bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbb"
)

var records = []node.Record{
	{Shard: 1, Position: 4, ID: idA, Time: time.Unix(0, 0).UTC(),
		Body: []byte("TX .\nA <s:1> <p:1> \"x\\nA \" .\nD <s:1> <p:1> \"y\" .\nTC .\n")},
	{Shard: 0, Position: 9, ID: idB, Prev: "ni:0", Time: time.Unix(1, 0).UTC(),
		Body: []byte("TX .\nA <s:2> <p:1> <o:1> .\nTC .\n")},
}

var twoShards = node.Status{Shards: make([]node.ShardStatus, 2)}

func allRecords(_ context.Context, _ node.FollowOptions, fn func(node.Record) error) error {
	for _, r := range records {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func TestChangesAsPatch(t *testing.T) {
	url := serve(t, &scripted{follow: allRecords}, api.Config{})
	answer, body := call(t, "GET", url+"/v1/changes", "")
	want := `# shard 1 position 4
H id <` + idA + `> .
H shard "1" .
H time "1970-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
TX .
A <s:1> <p:1> "x\nA " .
D <s:1> <p:1> "y" .
TC .
# shard 0 position 9
H id <` + idB + `> .
H prev <ni:0> .
H shard "0" .
H time "1970-01-01T00:00:01Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
TX .
A <s:2> <p:1> <o:1> .
TC .
`
	if body != want || answer.Header.Get("Content-Type") != patchType {
		t.Errorf("%s:\n%s", answer.Header.Get("Content-Type"), cmp.Diff(want, body))
	}
	if cursor := answer.Trailer.Get(api.CursorHeader); cursor != "0:9:"+shortB+",1:4:"+shortA {
		t.Errorf("cursor %q", cursor)
	}
}

func TestChangesAsEvents(t *testing.T) {
	url := serve(t, &scripted{follow: allRecords, tails: engine.Cursor{0: {Position: 8, ID: idA}, 1: {Position: 3, ID: idB}}, status: twoShards}, api.Config{})
	answer, body := call(t, "GET", url+"/v1/changes?from=now&live=false", "", "Accept", "text/event-stream")
	want := `retry: 1000
id: 0:8:aaaaaaaaaaaaaaaa,1:3:bbbbbbbbbbbbbbbb

id: 0:8:aaaaaaaaaaaaaaaa,1:4:aaaaaaaaaaaaaaaa
data: {"shard":1,"position":4,"id":"ni:///sha-256;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","time":"1970-01-01T00:00:00Z","adds":1,"deletes":1,"patch":"TX .\nA <s:1> <p:1> \"x\\nA \" .\nD <s:1> <p:1> \"y\" .\nTC .\n"}

id: 0:9:bbbbbbbbbbbbbbbb,1:4:aaaaaaaaaaaaaaaa
data: {"shard":0,"position":9,"id":"ni:///sha-256;bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","prev":"ni:0","time":"1970-01-01T00:00:01Z","adds":1,"deletes":0,"patch":"TX .\nA <s:2> <p:1> <o:1> .\nTC .\n"}

`
	if body != want || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s:\n%s", answer.Header.Get("Content-Type"), cmp.Diff(want, body))
	}
}

// at is a cursor that knows no ids.
func at(positions ...uint64) engine.Cursor {
	c := engine.Cursor{}
	for s, p := range positions {
		c[s] = engine.Mark{Position: p}
	}
	return c
}

func TestChangesOptions(t *testing.T) {
	var got node.FollowOptions
	n := &scripted{
		follow: func(_ context.Context, o node.FollowOptions, _ func(node.Record) error) error {
			got = o
			return nil
		},
		tails:  at(5, 6, 7),
		status: node.Status{Shards: make([]node.ShardStatus, 3)},
	}
	url := serve(t, n, api.Config{})
	const events = "text/event-stream"
	tests := []struct {
		query, accept, last string
		want                node.FollowOptions
		code                string
	}{
		{"", "", "", node.FollowOptions{From: engine.Cursor{}}, ""},
		{"", "text/html, */*;q=0.1", "", node.FollowOptions{From: engine.Cursor{}}, ""},
		{"?from=start", events, "", node.FollowOptions{From: engine.Cursor{}, Live: true}, ""},
		{"?from=now&live=true", "", "", node.FollowOptions{From: at(5, 6, 7), Live: true}, ""},
		{"?from=0:17,2:1:" + shortA, "", "", node.FollowOptions{From: engine.Cursor{0: {Position: 17}, 2: {Position: 1, ID: shortA}}}, ""},
		{"?from=now&shard=1&shard=2", "", "", node.FollowOptions{From: engine.Cursor{1: {Position: 6}, 2: {Position: 7}}, Shards: []int{1, 2}}, ""},
		{"?from=now", events, "0:3", node.FollowOptions{From: at(3), Live: true}, ""},
		{"?from=0:3,3:1", "", "", node.FollowOptions{}, "bad_parameter"},
		{"?from=0:3:short", "", "", node.FollowOptions{}, "bad_parameter"},
		{"?from=later", "", "", node.FollowOptions{}, "bad_parameter"},
		{"?shard=3", "", "", node.FollowOptions{}, "bad_parameter"},
		{"?shard=-1", "", "", node.FollowOptions{}, "bad_parameter"},
		{"?live=perhaps", "", "", node.FollowOptions{}, "bad_parameter"},
		{"", "text/turtle", "", node.FollowOptions{}, "not_acceptable"},
	}
	for _, test := range tests {
		got = node.FollowOptions{}
		var header []string
		if test.accept != "" {
			header = append(header, "Accept", test.accept)
		}
		if test.last != "" {
			header = append(header, "Last-Event-ID", test.last)
		}
		_, body := call(t, "GET", url+"/v1/changes"+test.query, "", header...)
		if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(node.FollowOptions{}, "Failed")); diff != "" {
			t.Errorf("%+v: %s", test, diff)
		}
		if test.code != "" && code(t, body) != test.code {
			t.Errorf("%+v: %s", test, body)
		}
	}
}

// live opens a stream that the test feeds.
func live(t *testing.T, url string) (*bufio.Reader, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/changes?live=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(answer.Body), func() {
		cancel()
		_ = answer.Body.Close()
	}
}

func TestLiveStream(t *testing.T) {
	feed, ended := make(chan node.Record), make(chan struct{})
	n := &scripted{follow: func(ctx context.Context, _ node.FollowOptions, fn func(node.Record) error) error {
		defer close(ended)
		for {
			select {
			case r := <-feed:
				if err := fn(r); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}}
	url := serve(t, n, api.Config{Heartbeat: 5 * time.Millisecond, MaxReaders: 1})
	body, leave := live(t, url)
	for _, r := range records {
		feed <- r
		for line := range strings.Lines(fmt.Sprintf("# shard %d position %d\n%s", r.Shard, r.Position,
			patch.Entry{ID: r.ID, Prev: r.Prev, Shard: r.Shard, Time: r.Time, Rows: r.Body}.Append(nil))) {
			if got := nextLine(t, body); got != line {
				t.Errorf("line %q, want %q", got, line)
			}
		}
	}
	if line, err := body.ReadString('\n'); line != "# still here\n" {
		t.Errorf("no heartbeat: %q, %v", line, err)
	}
	answer, text := call(t, "GET", url+"/v1/changes", "")
	if answer.StatusCode != 503 || code(t, text) != "too_many_streams" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a second stream: %d %s", answer.StatusCode, text)
	}
	leave()
	<-ended // the node is told that the client has gone
}

// nextLine returns the next line that is not a heartbeat.
func nextLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line != "# still here\n" {
			return line
		}
	}
}

func TestStreamEndsWithTheServer(t *testing.T) {
	n := &scripted{follow: func(ctx context.Context, _ node.FollowOptions, _ func(node.Record) error) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	ln, err := api.Listen(api.ListenConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	server := api.NewServer(ln, api.ServerConfig{Logger: slog.Default()})
	server.Use(api.New(n, api.Config{}))
	go func() { done <- server.Run(ctx) }()
	body, leave := live(t, "http://"+ln.Addr().String())
	defer leave()
	cancel()
	if text, err := io.ReadAll(body); err != nil || len(text) > 0 {
		t.Errorf("the stream ended with %q, %v", text, err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestFailedStreams(t *testing.T) {
	n := &scripted{
		follow: func(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error {
			return errors.Join(allRecords(ctx, o, fn), errors.New("shard 1 is damaged"))
		},
		data: func(w io.Writer, _ graph.DataOptions) (engine.Cursor, error) {
			_, err := io.WriteString(w, strings.Repeat("x", 100<<10))
			return nil, errors.Join(err, errors.New("shard 1 is damaged"))
		},
	}
	url := serve(t, n, api.Config{})
	for _, path := range []string{"/v1/changes", "/v1/data"} {
		answer, err := http.Get(url + path)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the answer looks whole", path)
		}
	}
	_, body := call(t, "GET", url+"/v1/changes?live=false", "", "Accept", "text/event-stream")
	if !strings.HasSuffix(body, "event: error\n"+
		`data: {"type":"urn:quadrille:problem:follow","title":"The logs can't be followed","status":500,`+
		`"detail":"shard 1 is damaged","code":"follow"}`+"\n\n") {
		t.Errorf("events end with %q", body[max(0, len(body)-200):])
	}
	n.data = func(io.Writer, graph.DataOptions) (engine.Cursor, error) { return nil, event.ErrNoOwner }
	if answer, body := call(t, "GET", url+"/v1/data", ""); answer.StatusCode != 503 || code(t, body) != "data" {
		t.Errorf("data that never began: %d %s", answer.StatusCode, body)
	}
}

func TestData(t *testing.T) {
	n := &scripted{data: func(w io.Writer, _ graph.DataOptions) (engine.Cursor, error) {
		_, err := io.WriteString(w, "<s:1> <p:1> <o:1> .\n")
		return engine.Cursor{0: {Position: 3, ID: idA}}, err
	}}
	url := serve(t, n, api.Config{})
	answer, body := call(t, "GET", url+"/v1/data", "")
	if body != "<s:1> <p:1> <o:1> .\n" || answer.Header.Get("Content-Type") != "application/n-quads" ||
		answer.Trailer.Get(api.CursorHeader) != "0:3:"+shortA {
		t.Errorf("%v %v %q", answer.Header, answer.Trailer, body)
	}
}

// TestCursorIsOfNoUse: the log is not the one that was read.
func TestCursorIsOfNoUse(t *testing.T) {
	n := &scripted{status: twoShards, resolve: func(engine.Cursor) (engine.Cursor, error) {
		return nil, fmt.Errorf("%w: shard 1, position 4: the log ends at 3", node.ErrCursor)
	}}
	url := serve(t, n, api.Config{})
	for _, accept := range []string{patchType, "text/event-stream"} {
		answer, body := call(t, "GET", url+"/v1/changes?from=1:4:"+shortA, "", "Accept", accept)
		if answer.StatusCode != 410 || code(t, body) != "cursor" || !strings.Contains(body, "the log ends at 3") {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
	}
}

// TestDamagedShard: the other shards go on, and the stream tells which is missing.
func TestDamagedShard(t *testing.T) {
	n := &scripted{status: twoShards, follow: func(_ context.Context, o node.FollowOptions, fn func(node.Record) error) error {
		return errors.Join(fn(records[0]), o.Failed(1, fmt.Errorf("position 5: %w", engine.ErrDamaged)), fn(records[1]))
	}}
	url := serve(t, n, api.Config{})
	_, body := call(t, "GET", url+"/v1/changes?live=false", "", "Accept", "text/event-stream")
	const event = "event: error\n" +
		`data: {"type":"urn:quadrille:problem:damaged","title":"A log is damaged","status":500,"detail":"position 5: log is damaged",` +
		`"code":"damaged","shard":1}` + "\n\nid: "
	if !strings.Contains(body, event) || !strings.Contains(body, idB) {
		t.Errorf("%s\nwant\n%s\nand the other shard's record", body, event)
	}
	answer, err := http.Get(url + "/v1/changes")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil || !strings.Contains(string(text), "# shard 1 is missing from here on: position 5: log is damaged\n# shard 0") {
		t.Errorf("%v; want an answer that is cut off:\n%s", err, text)
	}
}

// TestManyShards: with many shards the cursor comes when the writing pauses.
func TestManyShards(t *testing.T) {
	tails := at(make([]uint64, 100)...)
	url := serve(t, &scripted{follow: allRecords, tails: tails}, api.Config{})
	_, body := call(t, "GET", url+"/v1/changes?from=now&live=false", "", "Accept", "text/event-stream")
	events := strings.SplitAfter(body, "\n\n")
	last := events[len(events)-2]
	if strings.HasPrefix(events[1], "id: ") || !strings.HasPrefix(last, "id: 0:9:"+shortB+",1:4:"+shortA+",2:0,") {
		t.Errorf("%q", events)
	}
}

// TestLongCursor: a cursor that is too long for a trailer is a comment.
func TestLongCursor(t *testing.T) {
	n := &scripted{tails: at(make([]uint64, 1000)...), follow: allRecords,
		data: func(io.Writer, graph.DataOptions) (engine.Cursor, error) { return at(make([]uint64, 1000)...), nil }}
	url := serve(t, n, api.Config{})
	for path, want := range map[string]string{
		"/v1/data": "# Quadrille-Cursor: 0:0,1:0,2:0,", "/v1/changes?from=now": "\n# Quadrille-Cursor: 0:9:" + shortB + ",1:4:",
	} {
		answer, body := call(t, "GET", url+path, "")
		if !strings.Contains(body, want) || !strings.HasSuffix(body, ",999:0\n") || answer.Trailer.Get(api.CursorHeader) != "" {
			t.Errorf("%s: trailer %v, %q", path, answer.Trailer, body)
		}
	}
}

// TestIncompleteData: what is missing is never taken for whole.
func TestIncompleteData(t *testing.T) {
	missing := &graph.MissingError{Shards: []int{1, 3}, Errs: []error{errors.New("shard 1: bad"), errors.New("shard 3: bad")}}
	const rest = "# incomplete\n"
	size := 10
	n := &scripted{data: func(w io.Writer, o graph.DataOptions) (engine.Cursor, error) {
		if _, err := io.WriteString(w, strings.Repeat("x", size)+rest); err != nil {
			return nil, err
		}
		return engine.Cursor{0: {Position: 3, ID: idA}}, missing
	}}
	url := serve(t, n, api.Config{})
	answer, body := call(t, "GET", url+"/v1/data", "")
	if answer.StatusCode != 503 || code(t, body) != "incomplete" || !strings.Contains(body, "[1 3]") ||
		answer.Header.Get("Retry-After") != "" {
		t.Errorf("known from the start: %d %v %s", answer.StatusCode, answer.Header, body)
	}
	for _, size = range []int{10, 100 << 10} {
		answer, body = call(t, "GET", url+"/v1/data?partial=true", "")
		if answer.StatusCode != 200 || !strings.HasSuffix(body, rest) || answer.Trailer.Get(api.MissingHeader) != "1 3" ||
			answer.Trailer.Get(api.CursorHeader) != "0:3:"+shortA {
			t.Errorf("partial: %d %v", answer.StatusCode, answer.Trailer)
		}
	}
	n.late = true
	answer, err := http.Get(url + "/v1/data")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil || !strings.HasSuffix(string(text), rest) {
		t.Errorf("found later: %v, %d bytes; want all that there is, cut off", err, len(text))
	}
	if answer, _ := call(t, "GET", url+"/v1/data?partial=perhaps", ""); answer.StatusCode != 400 {
		t.Errorf("bad parameter: %d", answer.StatusCode)
	}
}

// TestDataThatCantBeHeld: JSON-LD of too many quads is refused before it has begun, and says what to ask for.
func TestDataThatCantBeHeld(t *testing.T) {
	url := serve(t, &scripted{data: func(io.Writer, graph.DataOptions) (engine.Cursor, error) {
		return nil, fmt.Errorf("1000000: %w", graph.ErrHeld)
	}}, api.Config{})
	answer, body := call(t, "GET", url+"/v1/data", "", "Accept", "application/ld+json")
	if answer.StatusCode != 406 || code(t, body) != "not_acceptable" || !strings.Contains(body, "ask for another form, such as application/trig or") || answer.Header.Get("ETag") != "" {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
}

// TestReaderLosesItsToken: where a token is taken away, or its right to read, who reads the changes with it gets no more of them within seconds,
// and is told why; others go on.
func TestReaderLosesItsToken(t *testing.T) {
	const text, other = "0123456789abcdef", "fedcba9876543210"
	synctest.Test(t, func(t *testing.T) {
		token := func(rights access.Right, text string) access.Token {
			token, err := access.NewToken(text, rights, text)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		follow := func(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error {
			for n := range uint64(1 << 20) { // a record a second, live or not
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Second):
				}
				if o.From[0].Position == 0 {
					continue // there is nothing to read
				}
				if err := fn(node.Record{Shard: 0, Position: n + 1, ID: idA, Body: records[1].Body}); err != nil {
					return err
				}
			}
			return nil
		}
		tokens := access.NewTokens()
		client, url := serveInBubble(t, &scripted{follow: follow, status: twoShards, tails: at(1, 1)}, api.Config{Access: api.Access{Tokens: tokens}}, true)
		for name, test := range map[string]struct {
			query, accept, want string
			left                []access.Token
		}{
			"events":       {"?from=now", "text/event-stream", `"code":"unauthorized"`, nil},
			"no right":     {"?from=now", "text/event-stream", `"code":"forbidden"`, []access.Token{token(access.Write, text)}},
			"patch, live":  {"?from=now&live=true", patchType, "# ended: this node needs", nil},
			"patch":        {"?from=now", patchType, "# ended: this node needs", nil},
			"other's":      {"?from=now", "text/event-stream", "", []access.Token{token(access.Read, text)}},
			"of the start": {"", "text/event-stream", `"code":"unauthorized"`, nil},
		} {
			tokens.Replace([]access.Token{token(access.Read, text), token(access.Read, other)})
			ctx, leave := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/changes"+test.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", test.accept)
			r.Header.Set("Authorization", "Bearer "+text)
			answer, err := client.Do(r)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatal(name, answer, err)
			}
			time.Sleep(10 * time.Second) // of the bubble's time
			tokens.Replace(test.left)
			taken := time.Now()
			if test.want == "" {
				time.AfterFunc(time.Minute, leave)
			}
			body, err := io.ReadAll(answer.Body)
			whole := err == nil
			switch {
			case test.want == "" && time.Since(taken) < time.Minute:
				t.Errorf("%s: ended: %v: %.300s", name, err, body)
			case test.want != "" && (!strings.Contains(string(body), test.want) || time.Since(taken) > 2*time.Second):
				t.Errorf("%s: after %v: %v: %.300s", name, time.Since(taken), err, body)
			case test.want != "" && whole != (test.accept != patchType):
				t.Errorf("%s: whole %v, %v", name, whole, err)
			}
			_ = answer.Body.Close()
			leave()
		}
		tokens.Replace([]access.Token{token(access.Read, text)})
		time.AfterFunc(10*time.Second, func() { tokens.Replace(nil) })
		r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/v1/changes", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+text)
		answer, err := client.Do(r)
		if err != nil || answer.StatusCode != http.StatusUnauthorized {
			t.Fatal("nothing was read yet:", answer, err)
		}
		_ = answer.Body.Close()
	})
}
