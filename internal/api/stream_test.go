package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
)

var records = []node.Record{
	{Shard: 1, Position: 4, ID: "ni:a", Time: time.Unix(0, 0).UTC(),
		Body: []byte("TX .\nA <s:1> <p:1> \"x\\nA \" .\nD <s:1> <p:1> \"y\" .\nTC .\n"), Raw: []byte("H id <ni:a> .\nrows a\n")},
	{Shard: 0, Position: 9, ID: "ni:b", Prev: "ni:0", Time: time.Unix(1, 0).UTC(),
		Body: []byte("TX .\nA <s:2> <p:1> <o:1> .\nTC .\n"), Raw: []byte("H id <ni:b> .\nrows b\n")},
}

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
	want := "# shard 1 position 4\nH id <ni:a> .\nrows a\n# shard 0 position 9\nH id <ni:b> .\nrows b\n"
	if body != want || answer.Header.Get("Content-Type") != patchType {
		t.Errorf("%s:\n%s", answer.Header.Get("Content-Type"), cmp.Diff(want, body))
	}
	if cursor := answer.Trailer.Get(api.CursorHeader); cursor != "0:9,1:4" {
		t.Errorf("cursor %q", cursor)
	}
}

func TestChangesAsEvents(t *testing.T) {
	url := serve(t, &scripted{follow: allRecords, tails: node.Positions{0: 8, 1: 3}}, api.Config{})
	answer, body := call(t, "GET", url+"/v1/changes?from=now&live=false", "", "Accept", "text/event-stream")
	want := `retry: 1000
id: 0:8,1:3

id: 0:8,1:4
data: {"shard":1,"position":4,"id":"ni:a","time":"1970-01-01T00:00:00Z","adds":1,"deletes":1,"patch":"TX .\nA \u003cs:1\u003e \u003cp:1\u003e \"x\\nA \" .\nD \u003cs:1\u003e \u003cp:1\u003e \"y\" .\nTC .\n"}

id: 0:9,1:4
data: {"shard":0,"position":9,"id":"ni:b","prev":"ni:0","time":"1970-01-01T00:00:01Z","adds":1,"deletes":0,"patch":"TX .\nA \u003cs:2\u003e \u003cp:1\u003e \u003co:1\u003e .\nTC .\n"}

`
	if body != want || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s:\n%s", answer.Header.Get("Content-Type"), cmp.Diff(want, body))
	}
}

func TestChangesOptions(t *testing.T) {
	var got node.FollowOptions
	n := &scripted{
		follow: func(_ context.Context, o node.FollowOptions, _ func(node.Record) error) error {
			got = o
			return nil
		},
		tails:  node.Positions{0: 5, 1: 6, 2: 7},
		status: node.Status{Shards: make([]node.ShardStatus, 3)},
	}
	url := serve(t, n, api.Config{})
	const events = "text/event-stream"
	tests := []struct {
		query, accept, last string
		want                node.FollowOptions
		code                string
	}{
		{"", "", "", node.FollowOptions{From: node.Positions{}}, ""},
		{"", "text/html, */*;q=0.1", "", node.FollowOptions{From: node.Positions{}}, ""},
		{"?from=start", events, "", node.FollowOptions{From: node.Positions{}, Live: true}, ""},
		{"?from=now&live=true", "", "", node.FollowOptions{From: node.Positions{0: 5, 1: 6, 2: 7}, Live: true}, ""},
		{"?from=0:17,2:1", "", "", node.FollowOptions{From: node.Positions{0: 17, 2: 1}}, ""},
		{"?from=now&shard=1&shard=2", "", "", node.FollowOptions{From: node.Positions{1: 6, 2: 7}, Shards: []int{1, 2}}, ""},
		{"?from=now", events, "0:3", node.FollowOptions{From: node.Positions{0: 3}, Live: true}, ""},
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
		if diff := cmp.Diff(test.want, got); diff != "" {
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
	url := serve(t, n, api.Config{Heartbeat: 5 * time.Millisecond, MaxStreams: 1})
	body, leave := live(t, url)
	for _, r := range records {
		feed <- r
		for _, want := range []string{"# shard ", "H id <" + r.ID, "rows "} {
			if line := nextLine(t, body); !strings.HasPrefix(line, want) {
				t.Errorf("line %q, want %q", line, want)
			}
		}
	}
	if line, err := body.ReadString('\n'); line != "# still here\n" {
		t.Errorf("no heartbeat: %q, %v", line, err)
	}
	answer, text := call(t, "GET", url+"/v1/data", "")
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
	go func() { done <- api.New(n, api.Config{}).Serve(ctx, ln) }()
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
		data: func(w io.Writer) (node.Positions, error) {
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
		`data: {"error":{"code":"follow","message":"shard 1 is damaged"}}`+"\n\n") {
		t.Errorf("events end with %q", body[max(0, len(body)-200):])
	}
	n.data = func(io.Writer) (node.Positions, error) { return nil, node.ErrNoOwner }
	if answer, body := call(t, "GET", url+"/v1/data", ""); answer.StatusCode != 503 || code(t, body) != "data" {
		t.Errorf("data that never began: %d %s", answer.StatusCode, body)
	}
}

func TestData(t *testing.T) {
	n := &scripted{data: func(w io.Writer) (node.Positions, error) {
		_, err := io.WriteString(w, "<s:1> <p:1> <o:1> .\n")
		return node.Positions{0: 3}, err
	}}
	url := serve(t, n, api.Config{})
	answer, body := call(t, "GET", url+"/v1/data", "")
	if body != "<s:1> <p:1> <o:1> .\n" || answer.Header.Get("Content-Type") != "application/n-quads" ||
		answer.Trailer.Get(api.CursorHeader) != "0:3" {
		t.Errorf("%v %v %q", answer.Header, answer.Trailer, body)
	}
}
