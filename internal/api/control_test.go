package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/node"
)

const jsonType = "application/json"

// TestOrders: who has the right may change sources and sinks, under the name of the token, and nobody else; a page of others can't.
func TestOrders(t *testing.T) {
	admin, _ := access.NewToken("ops", access.Admin, "admin-0123456789")
	reader, _ := access.NewToken("eyes", access.Read, "reads-0123456789")
	cfg := connected(api.Config{Access: api.Access{Tokens: access.NewTokens(admin, reader)}})
	made := cfg.Control.(*orders)
	url := serve(t, good(), cfg)
	const ops, eyes = "Bearer admin-0123456789", "Bearer reads-0123456789"
	for _, test := range []struct {
		path, body, token, media string
		want                     int
		code                     string
	}{
		{"/v1/sources/x/pause", "", ops, jsonType, 200, ""},
		{"/v1/sinks/x/resume", "{}", ops, jsonType + "; charset=utf-8", 200, ""},
		{"/v1/sources/x/seek", `{"stream":"a/0","offset":7}`, ops, jsonType, 200, ""},
		{"/v1/sinks/x/seek", `{"shard":0,"position":7}`, ops, jsonType, 200, ""},
		{"/v1/sources/x/seek", `{"stream":"a/0","offset":7,"start":true}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/seek", `{"stream":"a/0","offset":0}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/seek", `{"stream":"a/0","offset":2305843009213693953}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/seek", `{"offset":7}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/seek", `{"stream":"a"}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sinks/x/seek", `{"position":7}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sinks/x/seek", `{"shard":4,"start":true}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sinks/x/seek", `{"shard":-1,"start":true}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/pause", "", eyes, jsonType, 403, "forbidden"},
		{"/v1/sources/x/pause", "", "", jsonType, 401, "unauthorized"},
		{"/v1/sources/x/pause", "", ops, "text/plain", 415, "unsupported_media_type"},
		{"/v1/sources/x/pause", "", ops, "", 415, "unsupported_media_type"},
		{"/v1/sources/y/pause", "", ops, jsonType, 404, "not_found"},
		{"/v1/sinks/y/pause", "", ops, jsonType, 404, "not_found"},
		{"/v1/sources/x/halt", "", ops, jsonType, 404, "not_found"},
		{"/v1/sources/x/pause", `{"for":1}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/pause", `{} {}`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/pause", `{`, ops, jsonType, 400, "bad_order"},
		{"/v1/sources/x/pause", strings.Repeat(" ", 64<<10+1), ops, jsonType, 413, "too_large"},
	} {
		answer, body := call(t, "POST", url+test.path, test.body, "Content-Type", test.media, "Authorization", test.token)
		if answer.StatusCode != test.want || test.code != "" && code(t, body) != test.code {
			t.Errorf("%s %.20q: %d %s", test.path, test.body, answer.StatusCode, body)
		}
	}
	if want := []string{"source x ops true", "sink x ops false", "seek x a/0 false", "seek sink x false"}; !slices.Equal(made.list, want) {
		t.Errorf("done is %q, want %q", made.list, want)
	}
	made.err = fmt.Errorf("%w: no", api.ErrCannot)
	if answer, body := call(t, "POST", url+"/v1/sinks/x/seek", `{"start":true}`, "Content-Type", jsonType, "Authorization", ops); code(t, body) != "bad_order" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	made.err = fmt.Errorf("now: %w", event.ErrBusy)
	if answer, body := call(t, "POST", url+"/v1/sources/x/pause", "", "Content-Type", jsonType, "Authorization", ops); code(t, body) != "busy" ||
		answer.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// TestSourcesOfAllNodes: whichever node is asked asks the others, with the token that it was given, and says who doesn't answer.
func TestSourcesOfAllNodes(t *testing.T) {
	position := uint64(7)
	second := serve(t, &scripted{status: node.Status{Node: "n2", Pipeline: "main", Shards: make([]node.ShardStatus, 2)}}, api.Config{
		Access: only(t, "0123456789abcdef"),
		Sources: []func() client.SourceStatus{func() client.SourceStatus {
			return client.SourceStatus{Name: "a", Running: true, Messages: 5, Lag: &client.Lag{Count: 3}}
		}},
		Sinks: []func() client.SinkStatus{func() client.SinkStatus {
			return client.SinkStatus{Name: "out", Shards: []client.SinkShard{{Shard: 1, Position: &position, Lag: &client.Lag{}}}}
		}},
	})
	first := serve(t, &scripted{status: node.Status{Node: "n1", Pipeline: "main", Shards: []node.ShardStatus{{Position: 9, Head: "h9"}, {}},
		Members: []node.MemberStatus{{Name: "n1"}, {Name: "n2", Info: second}, {Name: "n3", Info: "ftp://nowhere"}}}}, api.Config{
		Access: only(t, "0123456789abcdef"),
		Sources: []func() client.SourceStatus{func() client.SourceStatus {
			return client.SourceStatus{Name: "a", Switch: client.Switch{Paused: true, Epoch: 4, By: "ops"}}
		}},
		Sinks: []func() client.SinkStatus{func() client.SinkStatus {
			return client.SinkStatus{Name: "out", Shards: []client.SinkShard{{Shard: 0, Position: &position, Lag: &client.Lag{}}}}
		}},
		Peers: func(token string) *client.Client { return client.New(token) },
	})
	ask := func(path string, to any) {
		t.Helper()
		answer, body := call(t, "GET", first+path, "", "Authorization", "Bearer 0123456789abcdef")
		if err := json.Unmarshal([]byte(body), to); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
	var sources client.Sources
	ask("/v1/sources", &sources)
	if len(sources.Missing) != 1 || sources.Missing[0].Node != "n3" || len(sources.Sources) != 1 {
		t.Fatalf("%+v", sources)
	}
	if s := sources.Sources[0]; s.Node != "n2" || s.Messages != 5 || s.State != client.StatePausing || s.Switch.By != "ops" || s.Lag.Count != 3 {
		t.Errorf("%+v", s)
	}
	var sink client.Sink
	ask("/v1/sinks/out", &sink)
	if len(sink.Shards) != 2 || sink.Shards[0].Node != "n1" || sink.Shards[0].Lag.Count != 2 || sink.Shards[1].Node != "n2" ||
		sink.State != client.StateRunning || sink.Lag.Count != 2 {
		t.Errorf("%+v", sink)
	}
	if answer, body := call(t, "GET", first+"/v1/sources/b", "", "Authorization", "Bearer 0123456789abcdef"); answer.StatusCode != 404 ||
		!strings.Contains(body, "there is a") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// TestLetters: what is asked for comes to the desk as it was meant, with the name of who asks, and each answer has its code.
func TestLetters(t *testing.T) {
	admin, _ := access.NewToken("ops", access.Admin, "admin-0123456789")
	cfg := connected(api.Config{Access: api.Access{Tokens: access.NewTokens(admin)}})
	lies := cfg.Desk.(*papers)
	url := serve(t, good(), cfg)
	ask := func(method, path string, want int, wantCode string) string {
		t.Helper()
		answer, body := call(t, method, url+path, "", "Content-Type", jsonType, "Authorization", "Bearer admin-0123456789")
		if answer.StatusCode != want || wantCode != "" && code(t, body) != wantCode {
			t.Errorf("%s %s: %d %s", method, path, answer.StatusCode, body)
		}
		return body
	}
	ask("GET", "/v1/letters?source=plant&limit=7&from=2:9", 200, "")
	lies.more = &client.Place{Shard: 3, Position: 4}
	if body := ask("GET", "/v1/letters", 200, ""); !strings.Contains(body, `"next":"3:4"`) || !strings.Contains(body, `"id":"0:1"`) {
		t.Error(body)
	}
	if body := ask("GET", "/v1/letters/0:1", 200, ""); !strings.Contains(body, `"body":"Ym9keQ=="`) {
		t.Error(body)
	}
	if body := ask("POST", "/v1/letters/0:1/retry", 200, ""); !strings.Contains(body, `"again":["2:3"]`) {
		t.Error(body)
	}
	ask("POST", "/v1/letters/0:1/drop", 200, "")
	ask("GET", "/v1/letters/0:2", 404, "not_found")
	ask("GET", "/v1/letters/x", 404, "not_found")
	ask("POST", "/v1/letters/control:1/drop", 404, "not_found")
	want := []string{"list plant 7 2:9", "list  100 0:0", "retry 0:1 ops", "drop 0:1 ops"}
	if !slices.Equal(lies.list, want) {
		t.Errorf("asked for %q, want %q", lies.list, want)
	}
	for wantCode, err := range map[string]error{"settled": api.ErrSettled, "not_found": api.ErrNoLetter, "bad_order": api.ErrCannot,
		"not_mapped": &mapping.Error{Mapping: "m", Err: event.ErrBad}, "busy": event.ErrBusy} {
		lies.err = fmt.Errorf("why: %w", err)
		c, _ := client.CodeNamed(wantCode)
		ask("POST", "/v1/letters/0:1/retry", c.Status, wantCode)
	}
	bare := serve(t, good(), api.Config{})
	for _, path := range []string{"/v1/letters", "/v1/letters/0:1"} {
		if answer, body := call(t, "GET", bare+path, ""); answer.StatusCode != 404 {
			t.Errorf("without a desk: %d %s", answer.StatusCode, body)
		}
	}
}
