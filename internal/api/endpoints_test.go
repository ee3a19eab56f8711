package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
)

// openAPI is what the test needs of the document.
type openAPI struct {
	OpenAPI    string `json:"openapi"`
	Paths      map[string]map[string]operation
	Components struct {
		Schemas struct {
			Problem struct {
				Properties struct{ Code struct{ Enum []string } }
			}
		}
	}
}

type operation struct {
	Summary    string
	Parameters []struct {
		Name, In, Description string
		Schema                struct{ Type string }
	}
	RequestBody *struct{ Content map[string]any } `json:"requestBody"`
	Responses   map[string]response
	Security    []map[string][]string
}

type response struct {
	Description string
	Content     map[string]any
}

// described is the document of an API that nobody asks.
var described = sync.OnceValues(func() (d openAPI, err error) {
	w := httptest.NewRecorder()
	api.New(good(), api.Config{Delta: true, Console: true}).ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/v1/openapi.json", nil))
	return d, json.Unmarshal(w.Body.Bytes(), &d)
})

// checkDescribed holds each answer that a test gets to the document: it has the status and, for a problem, the code.
func checkDescribed(t *testing.T, r *http.Request, answer *http.Response, body string) {
	t.Helper()
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	o, ok := d.Paths[patternOf(r.URL.Path)][strings.ToLower(r.Method)]
	if !ok {
		return
	}
	response, ok := o.Responses[fmt.Sprint(answer.StatusCode)]
	if !ok {
		t.Errorf("%s %s: the document has no answer %d: %s", r.Method, r.URL, answer.StatusCode, body)
	}
	if answer.Header.Get("Content-Type") == client.TypeProblem && !strings.Contains(response.Description, code(t, body)+": ") {
		t.Errorf("%s %s: the document has no code %s: %s", r.Method, r.URL, code(t, body), response.Description)
	}
}

// patternOf is a path as the document has it.
func patternOf(path string) string {
	if strings.HasPrefix(path, "/delta/") && !strings.HasPrefix(path, "/delta/$/") {
		return "/delta/{log}/{patch}"
	}
	if strings.HasPrefix(path, "/console/") {
		return "/console/{file}"
	}
	if strings.HasPrefix(path, "/data/") {
		return "/data/{graph}"
	}
	parts := strings.Split(path, "/")
	if len(parts) > 3 && (parts[2] == "sources" || parts[2] == "sinks" || parts[2] == "letters") {
		parts[3] = "{name}"
	}
	return strings.Join(parts, "/")
}

// pathOf is a path of the document with a name that there is.
func pathOf(pattern string) string {
	if strings.Contains(pattern, "letters") {
		return strings.ReplaceAll(pattern, "{name}", "0:1")
	}
	if pattern == "/data" {
		return pattern + "?default" // without which there is no graph
	}
	return strings.NewReplacer("{name}", "x", "{file}", "app.js", "{graph}", "a/graph").Replace(pattern)
}

// contentType is a media type that the operation takes; "" if it has no body.
func (o *operation) contentType() string {
	types := slices.Sorted(maps.Keys(contentOf(o)))
	switch {
	case len(types) == 0:
		return patchType
	case slices.Contains(types, "application/sparql-query"):
		return "application/sparql-query"
	}
	return types[0]
}

func contentOf(o *operation) map[string]any {
	if o.RequestBody == nil || o.RequestBody.Content[patchType] != nil {
		return nil
	}
	return o.RequestBody.Content
}

// orders notes what a test has changed.
type orders struct {
	list []string
	err  error
}

func (o *orders) turn(kind, name, by string, paused bool) (client.Switch, error) {
	o.list = append(o.list, fmt.Sprint(kind, " ", name, " ", by, " ", paused))
	return client.Switch{Paused: paused, By: by}, o.err
}

func (o *orders) TurnSource(_ context.Context, name, by string, paused bool) (client.Switch, error) {
	return o.turn("source", name, by, paused)
}

func (o *orders) TurnSink(_ context.Context, name, by string, paused bool) (client.Switch, error) {
	return o.turn("sink", name, by, paused)
}

func (o *orders) SeekSource(_ context.Context, name string, to client.SourceSeek) error {
	o.list = append(o.list, fmt.Sprint("seek ", name, " ", to.Stream, " ", to.Start))
	return o.err
}

func (o *orders) SeekSink(_ context.Context, name string, to client.SinkSeek) error {
	o.list = append(o.list, fmt.Sprint("seek sink ", name, " ", to.Start))
	return o.err
}

// papers is a desk on which one letter lies, 0:1.
type papers struct {
	orders
	more *client.Place
}

func (p *papers) List(_ context.Context, f client.LetterFilter, after client.Place) ([]client.Letter, *client.Place, error) {
	p.list = append(p.list, fmt.Sprint("list ", f.Source, " ", f.Limit, " ", after))
	return []client.Letter{{ID: "0:1", Open: true}}, p.more, p.err
}

func (p *papers) Show(_ context.Context, at client.Place) (client.Letter, error) {
	if at != (client.Place{Position: 1}) {
		return client.Letter{}, api.ErrNoLetter
	}
	return client.Letter{ID: at.String(), Body: []byte("body")}, p.err
}

func (p *papers) Retry(_ context.Context, at client.Place, by string) ([]client.Place, error) {
	p.list = append(p.list, fmt.Sprint("retry ", at, " ", by))
	return []client.Place{{Shard: 2, Position: 3}}, p.err
}

func (p *papers) Drop(_ context.Context, at client.Place, by string) error {
	p.list = append(p.list, fmt.Sprint("drop ", at, " ", by))
	return p.err
}

// bodyOf is one that the path takes, where an empty one isn't enough.
func bodyOf(path, media string) string {
	switch {
	case media == "application/x-www-form-urlencoded":
		return "query=ASK%7B%7D"
	case media == "multipart/form-data":
		return "--b\r\nContent-Type: text/turtle\r\n\r\n<urn:s> <urn:p> 1 .\r\n--b--\r\n"
	case strings.HasSuffix(path, "/seek"):
		return `{"start":true}`
	case path == "/sparql" && media != "application/sparql-update":
		return "ASK {}"
	case media == client.TypeParts:
		return "--b--"
	}
	return ""
}

// connected is a configuration with a source and a sink that are called x.
func connected(cfg api.Config) api.Config {
	cfg.Console = true
	cfg.Control, cfg.Desk = &orders{}, &papers{}
	cfg.Sources = []func() client.SourceStatus{func() client.SourceStatus { return client.SourceStatus{Name: "x"} }}
	cfg.Sinks = []func() client.SinkStatus{func() client.SinkStatus { return client.SinkStatus{Name: "x"} }}
	return cfg
}

// good answers whatever it is asked.
func good() *scripted {
	return &scripted{
		submit: func(context.Context, graph.Submission) ([]graph.Result, error) { return nil, nil },
		follow: func(context.Context, node.FollowOptions, func(node.Record) error) error { return nil },
		data:   func(io.Writer, graph.DataOptions) (engine.Cursor, error) { return engine.Cursor{}, nil },
		status: node.Status{Pipeline: "main", Shards: make([]node.ShardStatus, 4)},
	}
}

func describe(t *testing.T, url string) (d openAPI) {
	t.Helper()
	answer, body := call(t, "GET", url+"/v1/openapi.json", "")
	if err := json.Unmarshal([]byte(body), &d); err != nil || answer.StatusCode != 200 || d.OpenAPI != "3.1.0" {
		t.Fatalf("%d %v: %s", answer.StatusCode, err, body)
	}
	return d
}

// values are good and bad ones for each parameter.
var values = map[string]struct{ good, bad []string }{
	"from":      {[]string{"start", "now", "last:5", "0:0", "main@0:0"}, []string{"", "later", "last:", "last:0", "last:-1", "0", "0:x", "@0:0", "9:1"}},
	"shard":     {[]string{"0", "3"}, []string{"", "4", "-1", "x", "1.0"}},
	"live":      {[]string{"false"}, []string{"", "perhaps", "1", "TRUE"}},
	"partial":   {[]string{"true", "false"}, []string{"", "perhaps", "t"}},
	"graph":     {[]string{"default", "http://e/g", "%3Chttp://e/g%3E", "_:b"}, []string{"", "g", "a%20b:c", "_:", "http://e/%3E"}},
	"subject":   {[]string{"http://e/s", "_:b"}, []string{"", "s", "default", "%22x%22"}},
	"predicate": {[]string{"http://e/p"}, []string{"", "p", "_:b"}},
	"at":        {[]string{"0:1", "control:1,0:2"}, []string{"", "0", "x:1"}},
	"source":    {[]string{"x"}, []string{""}},
	"limit":     {[]string{"1", "1000"}, []string{"", "0", "1001", "-1", "x"}},
	"default":   {[]string{""}, []string{"x"}},
	"query":     {[]string{"ASK%20%7B%7D"}, []string{""}},
	"timeout":   {[]string{"3", "0.5", "100ms"}, []string{"", "0", "-1s", "soon"}},

	"default-graph-uri":     {[]string{"http://e/g"}, []string{"", "g"}},
	"named-graph-uri":       {[]string{"http://e/g"}, []string{"", "g"}},
	"using-graph-uri":       {[]string{"http://e/g"}, []string{"", "g"}},
	"using-named-graph-uri": {[]string{"http://e/g"}, []string{"", "g"}},

	"now": {[]string{"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5%2B01:00"}, []string{"", "noon", "2026-01-31"}},
	"id":  {[]string{"a%20text"}, []string{""}},

	"mapping": {[]string{"value"}, []string{"", "other"}},
}

// TestOpenAPI holds the document to the handlers: each route answers, each parameter is taken and looked at, what isn't there is
// refused, and each status is one that the document has.
func TestOpenAPI(t *testing.T) {
	url := serve(t, good(), connected(api.Config{Mappings: mappings(t), Verifier: &verifier{at: func(places []client.Place) ([]string, error) {
		return make([]string, len(places)), nil
	}, verify: func(context.Context) (*client.Report, error) { return &client.Report{}, nil }}}))
	d := describe(t, url)
	for pattern, methods := range d.Paths {
		path := pathOf(pattern)
		for method, o := range methods {
			path := path
			ask := func(query string, want int) {
				t.Helper()
				if strings.Contains(path, "?") {
					query = strings.Replace(query, "?", "&", 1)
				}
				media := o.contentType()
				if strings.Contains(query, "mapping=") {
					media = "application/json"
				}
				answer, body := call(t, strings.ToUpper(method), url+path+query, bodyOf(path, media), "Content-Type", media)
				status := fmt.Sprint(answer.StatusCode)
				response, told := o.Responses[status]
				media, _, _ = strings.Cut(answer.Header.Get("Content-Type"), ";")
				if _, ok := response.Content[media]; answer.StatusCode != want || !told || !ok {
					t.Errorf("%s %s%s: %s %s, want %d; described are %v\n%s", method, path, query, status, media, want, response, body)
				}
				if want == 400 && code(t, body) != "bad_parameter" {
					t.Errorf("%s %s%s: %s", method, path, query, body)
				}
			}
			ask("", 200)
			unknown := 400
			if pattern == "/sparql" { // whose clients have parameters for other servers
				unknown = 200
			}
			ask("?nothing=1", unknown)
			ask("?%zz", 400)
			for _, p := range o.Parameters {
				if p.In != "query" {
					continue
				}
				v, ok := values[p.Name]
				if pattern == "/data" {
					path = pattern // without the graph that it has otherwise
				}
				if pattern == "/data" && p.Name == "graph" {
					v = values["predicate"]
				}
				if path == "/v1/letters" && p.Name == "from" {
					v = values["at"]
					v.good, v.bad = []string{"0:1"}, append([]string{"0:1,0:2", "control:1"}, v.bad...)
				}
				if !ok {
					t.Errorf("%s %s: no values for %s", method, path, p.Name)
				}
				for _, text := range v.good {
					ask("?"+p.Name+"="+text, 200)
				}
				for _, text := range v.bad {
					ask("?"+p.Name+"="+text, 400)
				}
				twice := 400
				if p.Schema.Type == "array" {
					twice = 200
				}
				ask("?"+p.Name+"="+v.good[0]+"&"+p.Name+"="+v.good[0], twice)
			}
		}
	}
	if enum := d.Components.Schemas.Problem.Properties.Code.Enum; len(enum) != len(client.Codes()) {
		t.Errorf("codes %v", enum)
	}
}

// TestOpenAPIDescribesRefusals: what is taken, given and guarded is what the document says.
func TestOpenAPIDescribesRefusals(t *testing.T) {
	open, guarded := serve(t, good(), connected(api.Config{})), serve(t, good(), connected(api.Config{Access: only(t, "0123456789abcdef")}))
	for pattern, methods := range describe(t, open).Paths {
		path := pathOf(pattern)
		for method, o := range methods {
			method := strings.ToUpper(method)
			want := 401
			if len(o.Security) == 0 {
				want = 200
			}
			if answer, body := call(t, method, guarded+path, "", "Content-Type", patchType); answer.StatusCode != want {
				t.Errorf("%s %s without a token: %d %s", method, path, answer.StatusCode, body)
			}
			if answer, _ := call(t, method, open+path, bodyOf(path, ""), "Content-Type", o.contentType(), "Accept", "image/png"); answer.StatusCode != 406 {
				t.Errorf("%s %s as a picture: %d", method, path, answer.StatusCode)
			}
			if o.RequestBody == nil {
				continue
			}
			for media := range o.RequestBody.Content {
				contentType := media
				if strings.HasPrefix(media, "multipart/") {
					contentType += "; boundary=b"
				}
				if answer, body := call(t, method, open+path, bodyOf(path, media), "Content-Type", contentType); answer.StatusCode != 200 {
					t.Errorf("%s %s of %s: %d %s", method, path, media, answer.StatusCode, body)
				}
			}
			if answer, _ := call(t, method, open+path, "", "Content-Type", "image/png"); answer.StatusCode != 415 {
				t.Errorf("%s %s of a picture: %d", method, path, answer.StatusCode)
			}
		}
	}
}

// TestMethods: OPTIONS tells which there are, HEAD is GET without a body.
func TestMethods(t *testing.T) {
	url := serve(t, good(), connected(api.Config{Verifier: &verifier{verify: func(context.Context) (*client.Report, error) { return &client.Report{}, nil }}}))
	for pattern, methods := range describe(t, url).Paths {
		path := pathOf(pattern)
		answer, _ := call(t, "OPTIONS", url+path, "")
		allowed := strings.Split(answer.Header.Get("Allow"), ", ")
		if answer.StatusCode != 204 || !slices.Contains(allowed, "OPTIONS") {
			t.Errorf("%s: %d %v", path, answer.StatusCode, answer.Header)
		}
		for method := range methods {
			if !slices.Contains(allowed, strings.ToUpper(method)) {
				t.Errorf("%s: %s is not in %v", path, method, allowed)
			}
		}
		if slices.Contains(allowed, "HEAD") {
			got, _ := call(t, "GET", url+path, "")
			head, body := call(t, "HEAD", url+path, "")
			if head.StatusCode != got.StatusCode || body != "" || head.Header.Get("Content-Type") != got.Header.Get("Content-Type") {
				t.Errorf("%s: HEAD %d %v, GET %d %v", path, head.StatusCode, head.Header, got.StatusCode, got.Header)
			}
		}
		if answer, _ := call(t, "TRACE", url+path, ""); answer.StatusCode != 405 || answer.Header.Get("Allow") == "" {
			t.Errorf("%s: TRACE %d", path, answer.StatusCode)
		}
	}
}

func TestRequestID(t *testing.T) {
	url := serve(t, good(), api.Config{})
	for _, test := range []struct{ sent, want string }{{"abc-1", "abc-1"}, {"", ""}, {strings.Repeat("x", 129), ""}, {"a b", ""}, {"é", ""}} {
		for _, path := range []string{"/v1/status", "/v1/nothing", "/v1/data?x=1"} {
			answer, body := call(t, "GET", url+path, "", "X-Request-Id", test.sent)
			got := answer.Header.Get("X-Request-Id")
			if test.want != "" && got != test.want || got == "" || test.want == "" && got == test.sent {
				t.Errorf("%s, %q: %q", path, test.sent, got)
			}
			if answer.StatusCode != http.StatusOK && !strings.Contains(body, `"request_id":"`+got+`"`) {
				t.Errorf("%s: %s", path, body)
			}
		}
	}
}
