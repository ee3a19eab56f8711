package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/delta"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
)

// deltaNode is a node that shows its shards as patch logs.
type deltaNode struct {
	graph *graph.Graph
	url   string
	sent  int
}

// startDelta starts a node on an engine, and returns what ends it.
func startDelta(t *testing.T, e engine.Engine, shards int, cfg api.Config) (_ *deltaNode, stop func()) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	g, err := graph.New(graph.Config{Config: node.Config{Name: "n1", Pipeline: "plant", Shards: shards, Engine: e, Transport: shipper.NewInProcess(64), Logger: quiet}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	if err := g.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.Delta = true
	return &deltaNode{graph: g, url: serve(t, g, cfg)}, stop
}

// Source follows the log of the shard that the peer's subject is in.
func (n *deltaNode) Source(t *testing.T) connector.Source {
	t.Helper()
	s, err := delta.New(delta.Config{Config: endpoint.Config{URL: n.url + "/delta"}, Log: "plant", Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *deltaNode) Send(t *testing.T, count int) (bodies []string) {
	t.Helper()
	for range count {
		n.sent++
		body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", n.sent)
		n.submit(t, body)
		bodies = append(bodies, body)
	}
	return bodies
}

func (n *deltaNode) submit(t *testing.T, body string) {
	t.Helper()
	if _, err := n.graph.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

// rpc asks as RDF Delta's clients do.
func (n *deltaNode) rpc(t *testing.T, operation string, arg map[string]string) (answer map[string]any) {
	t.Helper()
	question, err := json.Marshal(map[string]any{"operation": operation, "opid": "1", "arg": arg})
	if err != nil {
		t.Fatal(err)
	}
	got, body := call(t, "POST", n.url+"/delta/$/rpc", string(question), "Content-Type", "application/json", "Accept", "application/json")
	if err := json.Unmarshal([]byte(body), &answer); err != nil || got.StatusCode != 200 {
		t.Fatalf("%s: %d %s", operation, got.StatusCode, body)
	}
	return answer
}

// patch returns a patch.
func (n *deltaNode) patch(t *testing.T, log string, version any) string {
	t.Helper()
	got, body := call(t, "GET", fmt.Sprintf("%s/delta/%s/%v", n.url, log, version), "")
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != patchType {
		t.Fatalf("%s %v: %d %s", log, version, got.StatusCode, body)
	}
	return body
}

// TestDeltaFollowed: our source follows our patch log, as it follows any.
func TestDeltaFollowed(t *testing.T) {
	conntest.TestSource(t, func(t *testing.T) conntest.Peer {
		n, _ := startDelta(t, memory.New(1), 1, api.Config{})
		return n
	})
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TestDeltaProtocol: what is asked and answered is what RDF Delta's sources have, and versions have no gap, whatever else stands in
// the log: claims of a node that was started again, parts of a transaction that is too long for a record.
func TestDeltaProtocol(t *testing.T) {
	e := memory.New(1)
	n, stop := startDelta(t, e, 1, api.Config{})
	of := n.rpc(t, "describe_datasource", map[string]string{"name": "plant"})
	id, _ := of["id"].(string)
	id = strings.TrimPrefix(id, "id:")
	if diff := cmp.Diff(map[string]any{"id": "id:" + id, "name": "plant", "uri": "delta:plant"}, of); diff != "" || !uuid.MatchString(id) {
		t.Error(diff, id)
	}
	empty := map[string]any{"id": "id:" + id, "name": "plant", "uri": "delta:plant", "min_version": 0.0, "max_version": 0.0, "latest": ""}
	if diff := cmp.Diff(empty, n.rpc(t, "describe_log", map[string]string{"datasource": id})); diff != "" {
		t.Error(diff)
	}
	n.submit(t, "TX .\nA _:a <urn:p> _:b _:g .\nA <urn:s> <urn:p> <<( <urn:s> <urn:p> _:c )>> .\nTC .\n")
	stop()
	n, _ = startDelta(t, e, 1, api.Config{})
	n.submit(t, "TX .\nD _:a <urn:p> _:b _:g .\nTC .\n")
	n.submit(t, "TX .\nA <urn:large> <urn:p> \""+strings.Repeat("x", 900_000)+"\" .\nA <urn:large> <urn:p> \""+strings.Repeat("y", 900_000)+"\" .\nTC .\n")
	n.submit(t, "TX .\nA <urn:s> <urn:p> \"last\" .\nTC .\n")
	info := n.rpc(t, "describe_log", map[string]string{"datasource": id})
	latest, _ := info["latest"].(string)
	latest = strings.TrimPrefix(latest, "id:")
	if info["min_version"] != 1.0 || info["max_version"] != 4.0 || !uuid.MatchString(latest) {
		t.Fatalf("%v", info)
	}
	header := regexp.MustCompile(`^H id <uuid:([-0-9a-f]+)> \.\n(?:H prev <uuid:([-0-9a-f]+)> \.\n)?TX \.\n`)
	before := ""
	for version, want := range []string{"A <_:a> <urn:p> <_:b> <_:g> .\nA <urn:s> <urn:p> <<( <urn:s> <urn:p> <_:c> )>> .\n",
		"D <_:a> <urn:p> <_:b> <_:g> .\n", "yyy\" .\n", "A <urn:s> <urn:p> \"last\" .\n"} {
		text := n.patch(t, id, version+1)
		head := header.FindStringSubmatch(text)
		if head == nil || !uuid.MatchString(head[1]) || head[2] != before || !strings.HasSuffix(text, want+"TC .\n") {
			t.Errorf("version %d after %q:\n%.300s", version+1, before, text)
			continue
		}
		before = head[1]
		if n.patch(t, "plant", before) != text || n.patch(t, "plant", version+1) != text {
			t.Errorf("version %d is another one by its id, or in the log by its name", version+1)
		}
	}
	if before != latest {
		t.Errorf("the newest is %q, and the log says %q", before, latest)
	}
	if got := n.rpc(t, "list_datasource", nil); !cmp.Equal(got, map[string]any{"array": []any{id}}) {
		t.Error(got)
	}
	if got := n.rpc(t, "list_descriptions", nil); !cmp.Equal(got, map[string]any{"array": []any{of}}) {
		t.Error(got)
	}
	if got := n.rpc(t, "list_log_info", nil); !cmp.Equal(got, map[string]any{"array": []any{info}}) {
		t.Error(got)
	}
	for _, arg := range []map[string]string{{"datasource": id}, {"uri": "delta:plant"}} {
		if got := n.rpc(t, "describe_datasource", arg); !cmp.Equal(got, of) {
			t.Error(arg, got)
		}
	}
	for _, operation := range []string{"describe_datasource", "describe_log"} {
		if got := n.rpc(t, operation, map[string]string{"datasource": "00000000-0000-0000-0000-000000000000"}); len(got) != 0 {
			t.Error(operation, got)
		}
	}
	if got := n.rpc(t, "ping", nil); got["value"] == "" || len(got) != 1 {
		t.Error(got)
	}
	if got, body := call(t, "GET", n.url+"/delta/$/ping", ""); got.StatusCode != 200 || !strings.Contains(body, "value") {
		t.Error(got.StatusCode, body)
	}
}

// TestDeltaOfSeveralShards: each has a log of its own, and what is in one is in no other.
func TestDeltaOfSeveralShards(t *testing.T) {
	n, _ := startDelta(t, memory.New(3), 3, api.Config{})
	for i := range 30 {
		n.submit(t, fmt.Sprintf("TX .\nA <urn:s%d> <urn:p> \"x\" .\nTC .\n", i))
	}
	var names, all []string
	total := 0
	for _, of := range n.rpc(t, "list_log_info", nil)["array"].([]any) { //nolint:forcetypeassert // a list
		info := of.(map[string]any) //nolint:forcetypeassert // an object
		names = append(names, fmt.Sprint(info["name"]))
		newest := int(info["max_version"].(float64)) //nolint:forcetypeassert // a number
		total += newest
		for version := range newest {
			for line := range strings.Lines(n.patch(t, fmt.Sprint(info["name"]), version+1)) {
				if strings.HasPrefix(line, "A ") {
					all = append(all, line)
				}
			}
		}
	}
	slices.Sort(all)
	if !slices.Equal(names, []string{"plant-0", "plant-1", "plant-2"}) || total != 30 || len(slices.Compact(all)) != 30 {
		t.Errorf("%v, %d patches, %d rows", names, total, len(all))
	}
}

// TestDeltaVersions: any version is found, whichever was read before, beyond the places that are kept.
func TestDeltaVersions(t *testing.T) {
	const count = 600
	var asked int
	n := &scripted{status: node.Status{Pipeline: "plant", Shards: make([]node.ShardStatus, 1)}}
	n.follow = func(_ context.Context, o node.FollowOptions, fn func(node.Record) error) error {
		at := o.From[0].Position
		for p := at + 3 - at%3; p <= 3*count; p += 3 { // with gaps
			asked++
			r := node.Record{Position: p, ID: fmt.Sprint("urn:", p), Prev: fmt.Sprint("urn:", p-3), Body: fmt.Appendf(nil, "TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", p/3)}
			if err := fn(r); err != nil {
				return err
			}
		}
		return nil
	}
	d := &deltaNode{url: serve(t, n, api.Config{Delta: true})}
	has := func(version int) {
		t.Helper()
		if text := d.patch(t, "plant", version); !strings.Contains(text, fmt.Sprintf("\"%d\" .", version)) {
			t.Errorf("version %d is %s", version, text)
		}
	}
	for _, version := range []int{600, 1, 255, 256, 257, 258, 511, 512, 513, 599, 2, 600} {
		has(version)
	}
	asked = 0
	for version := 101; version <= 200; version++ {
		has(version)
	}
	if asked > 100+256 {
		t.Errorf("%d records were read for 100 versions one after the other", asked)
	}
	for _, none := range []string{"plant/601", "plant/0", "plant/-1", "plant/x", "plant/9223372036854775808", "other/1", "plant/00000000-0000-8000-8000-000000000001"} {
		if got, body := call(t, "GET", d.url+"/delta/"+none, ""); got.StatusCode != 404 || code(t, body) != "not_found" {
			t.Errorf("%s: %d %s", none, got.StatusCode, body)
		}
	}
}

// TestDeltaIsOnlyRead: nothing can be changed, what is no question is told so, and without the setting there is nothing.
func TestDeltaIsOnlyRead(t *testing.T) {
	url := serve(t, good(), api.Config{Delta: true})
	for _, operation := range []string{"create_datasource", "remove_datasource", "lock", "lock-refresh", "unlock", ""} {
		if got, body := call(t, "POST", url+"/delta/$/rpc", `{"operation":"`+operation+`","arg":{}}`); got.StatusCode != 400 || !strings.Contains(body, "nothing else") {
			t.Errorf("%s: %d %s", operation, got.StatusCode, body)
		}
	}
	for _, bad := range []string{"", "{", "[]", `{"operation":"ping","arg":{"name":"` + strings.Repeat("x", 70_000) + `"}}`} {
		if got, body := call(t, "POST", url+"/delta/$/rpc", bad); got.StatusCode != 400 || code(t, body) != "syntax" {
			t.Errorf("%.20s: %d %s", bad, got.StatusCode, body)
		}
	}
	if got, _ := call(t, "POST", url+"/delta/main-0/1", ""); got.StatusCode != 405 {
		t.Errorf("a patch can be posted: %d", got.StatusCode)
	}
	off := serve(t, good(), api.Config{})
	for _, path := range []string{"/delta/$/ping", "/delta/$/rpc", "/delta/main-0/1"} {
		got, err := http.Get(off + path) //nolint:noctx // the test's deadline bounds it
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Body.Close(); err != nil || got.StatusCode != 404 {
			t.Errorf("%s is there, and is off: %d, %v", path, got.StatusCode, err)
		}
	}
}

// TestDeltaReadersAreBounded: a patch is held whole, so not more are given out at a time than there may be readers.
func TestDeltaReadersAreBounded(t *testing.T) {
	n, reading, goOn := good(), make(chan struct{}), make(chan struct{})
	n.follow = func(context.Context, node.FollowOptions, func(node.Record) error) error {
		close(reading)
		<-goOn
		return nil
	}
	url := serve(t, n, api.Config{Delta: true, MaxReaders: 1})
	first := make(chan int)
	go func() {
		answer, _ := call(t, "GET", url+"/delta/main-0/1", "")
		first <- answer.StatusCode
	}()
	<-reading
	if got, body := call(t, "GET", url+"/delta/main-1/1", ""); got.StatusCode != 503 || code(t, body) != "too_many_streams" {
		t.Errorf("%d %s", got.StatusCode, body)
	}
	close(goOn)
	if got := <-first; got != 404 {
		t.Errorf("%d", got)
	}
}

// TestDeltaLogFails: what can't be read is told with the code that readers of changes get.
func TestDeltaLogFails(t *testing.T) {
	n := good()
	n.follow = func(context.Context, node.FollowOptions, func(node.Record) error) error { return engine.ErrNoLeader }
	url := serve(t, n, api.Config{Delta: true})
	for _, ask := range []func() (*http.Response, string){
		func() (*http.Response, string) { return call(t, "GET", url+"/delta/main-0/1", "") },
		func() (*http.Response, string) {
			return call(t, "POST", url+"/delta/$/rpc", `{"operation":"list_log_info","arg":{}}`)
		},
		func() (*http.Response, string) {
			return call(t, "POST", url+"/delta/$/rpc", `{"operation":"describe_log","arg":{"datasource":"main-1"}}`)
		},
	} {
		if got, body := ask(); got.StatusCode != 503 || code(t, body) != "tails" || got.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s", got.StatusCode, body)
		}
	}
}

// TestDeltaPassword: the token may be a password here, since Jena knows no bearer; elsewhere it may not.
func TestDeltaPassword(t *testing.T) {
	token, err := access.NewToken("fuseki", access.Read, "the token of fuseki")
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, good(), api.Config{Delta: true, Access: api.Access{Tokens: access.NewTokens(token)}})
	for password, want := range map[string]int{"the token of fuseki": 200, "another": 401} {
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+password))
		got, body := call(t, "GET", url+"/delta/$/ping", "", "Authorization", basic)
		if got.StatusCode != want || want == 401 && !slices.Contains(got.Header.Values("WWW-Authenticate"), `Basic realm="quadrille"`) {
			t.Errorf("%q: %d %s", password, got.StatusCode, body)
		}
		if got, _ := call(t, "GET", url+"/v1/status", "", "Authorization", basic); got.StatusCode != 401 || len(got.Header.Values("WWW-Authenticate")) != 1 {
			t.Errorf("%q is taken elsewhere: %d", password, got.StatusCode)
		}
	}
}
