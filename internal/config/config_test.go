package config_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/config"
)

var rewrite = flag.Bool("rewrite", false, "write the reference page anew")

// write makes a file, and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "q.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) *config.File {
	t.Helper()
	f, err := config.Load(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDocument(t *testing.T) {
	secret := write(t, "from a file\n")
	t.Setenv("MY_TOKEN", "from the environment")
	f := load(t, `
node: {name: n7, leave: true}
pipeline:
  shards: 16
  keep-keys: 90m
engine:
  routes: ["nats://127.0.0.1:1", "nats://127.0.0.1:2"]
  max-store: 20GiB
http: {token: {env: MY_TOKEN}}
log: {level: debug, format: json}
sources:
  - {name: other, type: http, url: [http://a:1, http://b:2], token: {file: `+secret+`}}
sinks:
  - name: files
    type: file
    dir: /var/lib/out
  - {type: file, name: more, dir: x, max-batch: 64KiB}
  - {name: store, type: sparql, query: "http://a/query", password: {env: MY_TOKEN}, blank-nodes: refuse}
`)
	d, err := f.Document()
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Document{
		Node:     config.Node{Name: "n7", Weight: 1, Store: "memory", Index: "asked", Leave: true},
		Pipeline: config.Pipeline{Name: "main", Shards: 16, Key: "subject", KeepKeys: 90 * time.Minute},
		Engine: config.Engine{Data: "quadrille-data", Listen: "127.0.0.1", Election: 500 * time.Millisecond, MaxStore: 20 << 30,
			Routes: []string{"nats://127.0.0.1:1", "nats://127.0.0.1:2"}},
		HTTP: config.HTTP{Address: "127.0.0.1:7375", Token: "from the environment", Metrics: "token", Probes: "open", Console: "on",
			MaxBody: 64 << 20, MaxReaders: 64, MaxDumps: 16, MaxQueries: 16,
			QueryTime: time.Minute, QueryMemory: 128 << 20, QuerySteps: 100_000_000},
		Log: config.Log{Level: -4, Format: "json"},
		Sources: []config.Source{{Name: "other", Type: "http",
			Settings: &config.HTTPSource{URL: []string{"http://a:1", "http://b:2"}, Token: "from a file"}}},
		Sinks: []config.Sink{{Name: "files", Type: "file", Settings: &config.FileSink{Dir: "/var/lib/out", Format: "patch", MaxBatch: 1 << 20, Compress: "none"}},
			{Name: "more", Type: "file", Settings: &config.FileSink{Dir: "x", Format: "patch", MaxBatch: 64 << 10, Compress: "none"}},
			{Name: "store", Type: "sparql", Settings: &config.SPARQLSink{
				SPARQLConnection: config.SPARQLConnection{Query: "http://a/query", Password: "from the environment", Timeout: time.Minute},
				PositionGraph:    "urn:quadrille:positions", BlankNodes: "refuse", BlankPrefix: "urn:quadrille:blank:",
				MaxRequest: 1 << 20}}},
	}
	if place := d.Sinks[1].Place; !strings.HasSuffix(place, "q.yaml:17:5") || d.Sources[0].Place == "" || d.Sinks[0].Place == "" {
		t.Errorf("the place of a sink: %s", place)
	}
	d.Sources[0].Place, d.Sinks[0].Place, d.Sinks[1].Place, d.Sinks[2].Place = "", "", "", ""
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	if text := d.HTTP.Token.String(); strings.Contains(text, "environment") || config.Secret("").String() != "" {
		t.Errorf("the secret is shown: %s", text)
	}
	if texts, list, found := f.Lookup("engine.routes"); len(texts) != 2 || !list || !found {
		t.Errorf("%q, %v, %v", texts, list, found)
	}
	if texts, list, found := f.Lookup("pipeline.shards"); len(texts) != 1 || list || !found {
		t.Errorf("%q, %v, %v", texts, list, found)
	}
	if _, _, found := f.Lookup("node.zone"); found {
		t.Error("a key is found that isn't there")
	}
}

// TestErrors: an error tells the place, what is there, and what to do.
func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"nod:\n  name: x":                                       `:1:1: unknown key "nod"; the nearest is "node"`,
		"name: x":                                               `:1:1: unknown key "name"; it stands in a section, as node: {name: …}`,
		"token: x":                                              `:1:1: unknown key "token"; it stands in a section, as http: {token: …}`,
		"node:\n  nam: x":                                       `:2:3: unknown key "nam"; the nearest is "name"`,
		"node:\n  name: a\n  name: b":                           `:3:3: key "node.name" comes twice`,
		"node: {}\nnode: {}":                                    `:2:1: key "node" comes twice`,
		"node: x":                                               `:1:7: expected key: value`,
		"- node":                                                `:1:1: expected key: value`,
		"node:\n  name: {a: b}":                                 `:2:9: key "node.name": expected a plain value`,
		"pipeline:\n  shards: many":                             `:2:11: key "pipeline.shards": "many": expected a whole number`,
		"pipeline:\n  key: object":                              `:2:8: key "pipeline.key": "object" is none of subject, graph, dataset`,
		"pipeline:\n  keep-keys: 1 day":                         `:2:14: key "pipeline.keep-keys": "1 day": expected a time such as 500ms, 10s or 24h`,
		"node: {leave: perhaps}":                                `:1:15: key "node.leave": "perhaps": expected true or false`,
		"engine:\n  routes: [[a]]":                              `:2:11: key "engine.routes": expected a list of plain values`,
		"engine:\n  max-store: much":                            `:2:14: key "engine.max-store": size "much": expected a number of bytes, such as 65536, 64KiB or 64MiB`,
		"http: {token: {env: NOT_SET_ANYWHERE}}":                `:1:15: key "http.token": the environment variable NOT_SET_ANYWHERE is not set, or empty`,
		"http: {token: {file: /dev/null}}":                      `:1:15: key "http.token": /dev/null is empty`,
		"sources:\n  - {name: once, type: http}":                `:2:12: name "once" is reserved`,
		"http: {token: {vault: x}}":                             `:1:15: key "http.token": "vault": expected env or file`,
		"http: {token: [a]}":                                    `:1:15: key "http.token": expected a text, {env: NAME} or {file: PATH}`,
		"http: {token: {file: /not/there}}":                     `:1:15: key "http.token": open /not/there: no such file or directory`,
		"log: {level: loud}":                                    `:1:14: key "log.level": slog: level string "loud": unknown name`,
		"sinks: x":                                              `:1:8: expected a list of sinks`,
		"sinks: [x]":                                            `:1:9: expected a sink: name, type and its settings`,
		"sinks:\n  - type: file":                                `:2:5: the sink has no name`,
		"sinks:\n  - name: a":                                   `:2:5: the sink has no type`,
		"sinks:\n  - {name: a, type: pulsar}":                   `:2:21: unknown type "pulsar" of a sink; there is file, kafka, mqtt, nats, opcua, sparql, webhook`,
		"sinks:\n  - {name: a/b, type: file}":                   `:2:12: name "a/b": expected 1 to 64 letters, digits, '-' and '_'`,
		"sinks:\n  - {name: a, type: file}":                     `:2:5: key "sinks[file].dir" is missing: Folder of the files.`,
		"sinks:\n  - {name: a, name: b}":                        `:2:15: key "name" comes twice`,
		"sinks:\n  - {name: a, type: file, d: x}":               `:2:27: unknown key "d"; the nearest is "dir"`,
		"sinks:\n  - {name: a, type: opcua, url: u, writes: x}": `:2:44: key "sinks[opcua].writes": expected a list`,
		"sinks:\n  - {name: a, type: opcua, url: u, writes: [{subjekt: x}]}":                  `:2:46: unknown key "subjekt"; the nearest is "subject"`,
		"sinks:\n  - {name: a, type: opcua, url: u, writes: [{subject: 'urn:x'}]}":            `:2:45: key "sinks[opcua].writes.predicate" is missing`,
		"sources:\n  - {name: a, type: pulsar}":                                               `:2:21: unknown type "pulsar" of a source; there is delta, file, http, kafka, mqtt, nats, opcua, poll, sparql, sse`,
		"sinks:\n  - {name: a, type: file, dir: x}\n  - {name: a, type: file, dir: y}":        `:3:12: two sinks are called "a"`,
		"sinks:\n  - name: a\n    type: file\n    dir:\n":                                     `:2:5: key "sinks[file].dir" is missing`,
		"sinks:\n  - {name: &n foo, type: file, dir: x}\n  - {name: *n , type: file, dir: y}": `:3:5: the sink has no name`,
		"http: {address: x}\n---\nhttp: {token: t}\n":                                         `: expected one document`,
		"a: [": `:1: the file is no YAML: did not find`,
	} {
		path := write(t, text)
		_, err := config.Load(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+want) {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := config.Load(write(t, strings.Repeat("#", 1<<20+1))); err == nil || !strings.Contains(err.Error(), "at most 1048576") {
		t.Errorf("a large file: %v", err)
	}
	if _, _, found := load(t, "node:\nhttp: {token: null, hosts: ~}\nengine: {routes: }").Lookup("http.token"); found {
		t.Error("a key without a value has one")
	}
	if f := load(t, "# nothing\n"); f.Sinks != nil {
		t.Errorf("%+v", f)
	}
}

// TestExample: the example can be read, says the defaults, and has each key.
func TestExample(t *testing.T) {
	var example bytes.Buffer
	if err := config.Example(&example); err != nil {
		t.Fatal(err)
	}
	d, err := load(t, example.String()).Document()
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := load(t, "").Document()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults, d); diff != "" {
		t.Error(diff)
	}
	for _, f := range config.Fields() {
		if _, key, _ := strings.Cut(f.Key, "."); !strings.Contains(example.String(), "  "+key+": ") && !strings.Contains(example.String(), "  # "+key+":") {
			t.Errorf("%s is not in the example", f.Key)
		}
	}
	// What stands behind comment signs is good, too, once what is required is said.
	_, items, _ := strings.Cut(example.String(), "\n# sources:")
	text := strings.NewReplacer("\n# ", "\n", "\n#", "\n").Replace("\n# sources:" + items)
	for key, value := range map[string]string{
		"address": "a:1", "brokers": "a:1", "dir": "x", "graphs": "default", "log": "x", "paths": "x",
		"predicate": "x", "query": "http://a", "secret": "x", "servers": "a:1", "subject": "x", "topic": "x",
		"topics": "x", "url": "http://a:1",
	} {
		text = strings.ReplaceAll(text, " "+key+": \n", " "+key+": "+value+"\n")
	}
	if f := load(t, text); len(f.Sources)+len(f.Sinks) != strings.Count(text, "  - name: my-") {
		t.Errorf("%+v of\n%s", f, text)
	}
}

// TestReference: the page is the one that the declaration makes.
func TestReference(t *testing.T) {
	const page = "../../docs/configuration.md"
	var want bytes.Buffer
	if err := config.Reference(&want); err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want.String() {
		t.Errorf("%v; the page is not what the declaration makes: %s", err, cmp.Diff(want.String(), string(got)))
	}
}

func TestExplain(t *testing.T) {
	var all, some bytes.Buffer
	if any, err := config.Explain(&all, ""); !any || err != nil || strings.Count(all.String(), "\n") < 2*len(config.Fields()) {
		t.Errorf("%v, %v, %s", any, err, all.String())
	}
	any, err := config.Explain(&some, "pipeline.key")
	const want = "pipeline.key (subject or graph or dataset, default subject, --key, QUADRILLE_KEY)\n  What changes are routed by (subject, graph, dataset); it is fixed too.\n"
	if !any || err != nil || some.String() != want {
		t.Errorf("%q", some.String())
	}
	if any, _ := config.Explain(&some, "nothing"); any {
		t.Error("nothing is explained")
	}
}

// TestExplainAll: every key that a file may have is explained, those of items and mappings, too.
func TestExplainAll(t *testing.T) {
	for key, want := range map[string]string{
		"mappings": "mappings[].po[].o[].datatype (template)", "base": "base (IRI)", "prefixes": "prefixes (", "po": "mappings[].po (", "when": "mappings[].when (CEL)",
		"mappings[].s": "It may also be called subject or subjects.", "sources": "sources[].mapping (text)", "sinks": "sinks[].type (type)", "sources[].mapping": "sources[].mapping (",
		"graphs": "sources[sparql].graphs",
	} {
		var out strings.Builder
		if any, err := config.Explain(&out, key); !any || err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %s", key, err, out.String())
		}
	}
	document := reflect.TypeFor[config.Document]()
	for i := range document.NumField() {
		key := document.Field(i).Tag.Get("yaml")
		if any, err := config.Explain(io.Discard, key); key != "" && (!any || err != nil) {
			t.Errorf("%s: %v, %v", key, any, err)
		}
	}
}

func TestCheckEnv(t *testing.T) {
	known := []string{"QUADRILLE_SHARDS", "QUADRILLE_HTTP"}
	if err := config.CheckEnv([]string{"HOME=/", "QUADRILLE_HTTP=x"}, known); err != nil {
		t.Error(err)
	}
	err := config.CheckEnv([]string{"QUADRILLE_SHARD=8"}, known)
	if err == nil || err.Error() != "unknown environment variable QUADRILLE_SHARD; the nearest is QUADRILLE_SHARDS" {
		t.Error(err)
	}
}

// TestAlikeEnv: a variable of another command is told of only where one of this command's is likely meant.
func TestAlikeEnv(t *testing.T) {
	own := []string{"QUADRILLE_SHARDS", "QUADRILLE_NATS", "QUADRILLE_HTTP"}
	for _, test := range []struct {
		environ []string
		want    map[string]string
	}{
		{[]string{"QUADRILLE_SHARD=4", "SHARD=4", "QUADRILLE_HTTP=x"}, map[string]string{"QUADRILLE_SHARD": "QUADRILLE_SHARDS"}},
		{[]string{"QUADRILLE_SHARD=4", "QUADRILLE_SHARDS=8"}, map[string]string{}},
		{[]string{"QUADRILLE_AS=json", "QUADRILLE_URL=u"}, map[string]string{}},
	} {
		if diff := cmp.Diff(test.want, config.AlikeEnv(test.environ, own)); diff != "" {
			t.Errorf("%v: %s", test.environ, diff)
		}
	}
}

// TestCheck: what no setting says alone is told with the place in the file, or with the flag.
func TestCheck(t *testing.T) {
	for text, want := range map[string][2]string{ // as of a file, as of flags
		"pipeline: {shards: 0}":                 {":1:20: pipeline.shards: 0: expected 1 to 4096", "--shards: 0: expected 1 to 4096"},
		"pipeline: {name: a b/c}":               {`:1:18: pipeline.name: "a b/c": expected 1 to 64 letters`, `--pipeline: "a b/c": expected`},
		"node: {name: a b}":                     {`:1:14: node.name: node name "a b": expected 1 to`, "--name: "},
		"node: {weight: 0}":                     {":1:16: node.weight: 0: expected 1 or more", "--weight: 0: expected 1 or more"},
		"pipeline: {keep-keys: 0s}":             {":1:23: pipeline.keep-keys: 0s: expected more than 0", "--keep-keys: 0s: expected"},
		"http: {max-body: 0}":                   {":1:18: http.max-body: 0: expected 1 or more", "--max-body: 0: expected 1 or more"},
		"http: {max-readers: 0}":                {":1:21: http.max-readers: 0: expected 1 or more", "--max-readers: 0: expected"},
		"http: {max-queries: 0}":                {":1:21: http.max-queries: 0: expected 1 or more", "--max-queries: 0: expected"},
		"http: {query-time: 0s}":                {":1:20: http.query-time: 0s: expected more than 0", "--query-time: 0s: expected"},
		"http: {query-memory: 0}":               {":1:22: http.query-memory: 0: expected 1 or more", "--query-memory: 0"},
		"http: {queries-memory: 1MiB}":          {":1:24: http.queries-memory: 1048576: expected what one query may hold (http.query-memory), 134217728, or more", "--queries-memory: 1048576: expected what one"},
		"http: {query-steps: 0}":                {":1:21: http.query-steps: 0: expected 1 or more", "--query-steps: 0: expected"},
		"http: {origins: [\"*\"]}":              {":1:17: http.origins: \"*\": expected the origin of pages", "--origins: \"*\": expected"},
		"http: {max-dumps: 0}":                  {":1:19: http.max-dumps: 0: expected 1 or more", "--max-dumps: 0: expected"},
		"node: {name: n}\nengine: {cluster: c}": {":2:19: engine.cluster needs engine.routes, the addresses", "--cluster needs --routes, the addresses"},
		"node: {name: n}\nengine: {cluster: a b, routes: [nats://127.0.0.1:1]}":   {`:2:19: engine.cluster: "a b": expected a name without`, `--cluster: "a b"`},
		"node: {name: n}\nengine: {nats: 'http://u:p@a:1'}":                       {`:2:16: engine.nats: http://a:1: expected nats://HOST:PORT`, `--nats: http://a:1: expected`},
		"engine: {cluster: c, routes: [nats://127.0.0.1:1]}":                      {":1:19: node.name is missing: a member of", "--name is missing: a member of a cluster needs a name"},
		"engine: {port: 70000}":                                                   {":1:16: engine.port: 70000: expected -1 to 65535", "--port: 70000"},
		"engine: {nats: x, port: 1}":                                              {":1:16: engine.nats means another engine; engine.port", "--nats means another engine; --port"},
		"engine: {cluster-port: 1}":                                               {":1:24: engine.routes and engine.cluster-port need engine.cluster", "--routes and --cluster-port need --cluster"},
		"engine: {election: 1ms}":                                                 {":1:20: engine.election: 1ms: expected 200ms to 10s, or 0", "--election: 1ms: expected"},
		"engine: {replicas: 3}":                                                   {":1:20: engine.replicas: 3: a node that stands alone keeps one copy; for more make it a member of a cluster (engine.cluster, ", "--replicas: 3: a node that stands alone keeps one copy; for more make it a member of a cluster (--cluster, --routes)"},
		"engine: {nats: x, replicas: 6}":                                          {":1:29: engine.replicas: 6: expected 0 to 5", "--replicas: 6: expected 0 to 5"},
		"engine: {streams: -1}":                                                   {":1:19: engine.streams: -1: expected 0 or more", "--streams: -1: expected 0 or more"},
		"engine: {streams: 9}":                                                    {":1:19: engine.streams: 9: expected at most the number of shards, 8", "--streams: 9"},
		"node: {name: n}\nengine: {cluster: c, routes: [x]}":                      {":2:30: engine.routes: x: expected nats://HOST:CLUSTERPORT", "--routes: x: expected"},
		"engine: {nats-ca: x}":                                                    {":1:19: engine.nats-creds, engine.nats-events-creds, engine.nats-user, engine.nats-password and engine.nats-ca need engine.nats", "--nats-creds, --nats-events-creds, --nats-user, --nats-password and --nats-ca need --nats"},
		"engine: {secret: short}":                                                 {":1:18: engine.secret: the engine's secret has 5 characters, expected 32 or more", "--secret: the engine's secret has 5"},
		"engine: {nats: x, nats-user: u}":                                         {":1:30: engine.nats-user and engine.nats-password belong together", "--nats-user and --nats-password belong together"},
		"engine: {nats: x, nats-events-creds: f}":                                 {":1:38: engine.nats-events-creds needs engine.nats-creds", "--nats-events-creds needs --nats-creds"},
		"engine: {nats: x, nats-user: u, nats-password: p, nats-events-creds: f}": {":1:30: engine.nats-user and engine.nats-creds: expected one of them", "--nats-user and --nats-creds: expected one"},
		"engine: {nats: x, nats-ca: f, secret: 0123456789abcdef0123456789abcdef}": {":1:39: engine.secret is of embedded engines; engine.nats-creds", "--secret is of embedded engines; --nats-creds"},
		"http: {token: a}":                                                        {":1:15: http.token: it has 1 characters, expected 16 or more", "--token: it has 1 characters"},
	} {
		path := write(t, text)
		f, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.Document()
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Check(f.Place).Err(); err == nil || !strings.HasPrefix(err.Error(), path+want[0]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want[0])
		}
		if err := d.Check(new(config.File).Place).Err(); err == nil || !strings.HasPrefix(err.Error(), want[1]) {
			t.Errorf("%s: %v, want %s", text, err, want[1])
		}
	}
	d, err := load(t, "").Document()
	if err != nil || d.Check(new(config.File).Place).Err() != nil || d.Node.Name == "" {
		t.Errorf("the defaults: %+v, %v", d, err)
	}
}

// TestAllMistakes: one run tells all, up to a bound.
func TestAllMistakes(t *testing.T) {
	path := write(t, "node: {nam: x, leave: perhaps}\npipeline: {key: object}\nsinks:\n  - {name: a/b, type: pulsar}\n  - {name: a, type: file, max-batch: x}\n")
	_, err := config.Load(path)
	want := `
:1:8: unknown key "nam"; the nearest is "name"
:1:23: key "node.leave": "perhaps": expected true or false
:2:17: key "pipeline.key": "object" is none of subject, graph, dataset
:4:12: name "a/b": expected 1 to 64 letters, digits, '-' and '_'
:4:23: unknown type "pulsar" of a sink; there is file, kafka, mqtt, nats, opcua, sparql, webhook
:5:38: key "sinks[file].max-batch": size "x": expected a number of bytes, such as 65536, 64KiB or 64MiB
:5:5: key "sinks[file].dir" is missing: Folder of the files.`
	if err == nil || "\n"+strings.ReplaceAll(err.Error(), path, "") != want {
		t.Errorf("got\n%v", err)
	}
	_, err = config.Load(write(t, strings.Repeat("x: 1\n", 25)))
	if err == nil || strings.Count(err.Error(), "unknown key") != 20 || !strings.HasSuffix(err.Error(), "\nand 5 more") {
		t.Errorf("%v", err)
	}
	f := load(t, "pipeline: {shards: 0}\nnode: {weight: 0}\nhttp: {max-body: 0}")
	d, err := f.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(f.Place).Err(); err == nil || strings.Count(err.Error(), "expected") != 3 {
		t.Errorf("%v", err)
	}
}

// TestExplainPart: who doesn't know where a setting stands finds it by a part of its name, unless a name begins so.
func TestExplainPart(t *testing.T) {
	for key, want := range map[string]string{"paths": "sources[file].paths ", "webhook": "sinks[webhook].url ", "node": "node.name ", "pat": ""} {
		var out strings.Builder
		any, err := config.Explain(&out, key)
		if err != nil || any != (want != "") || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %v, %s", key, any, err, out.String())
		}
		if key == "node" && strings.Contains(out.String(), "[") {
			t.Errorf("%s: %s", key, out.String())
		}
	}
}

func TestNearestKey(t *testing.T) {
	for key, want := range map[string]string{"sinks.dir": "sinks[file].dir", "sources.url": "sources[delta].url", "engines.data": "engine.data",
		"sinks[file].max-bath": "sinks[file].max-batch"} {
		if got := config.NearestKey(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]config.Size{"0": 0, "7": 7, "7B": 7, "64KiB": 64 << 10, "3 MiB": 3 << 20, "2GiB": 2 << 30,
		"5kB": 5000, "5MB": 5e6, "5GB": 5e9} {
		var got config.Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		var again config.Size
		if err := again.UnmarshalText([]byte(want.String())); err != nil || again != want {
			t.Errorf("%s as %q: %d, %v", text, want, again, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5MiB", "MiB", "9999999999GiB", "1mib", "99999999999999999999"} {
		var got config.Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

// TestConnectors: each type says what it is and promises, and what must be set.
func TestConnectors(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range config.Connectors() {
		seen[c.String()] = true
		if c.What == "" || c.Promise == "" || len(c.Settings) == 0 {
			t.Errorf("%s says nothing of itself: %+v", c, c.About)
		}
	}
	for _, want := range []string{"kafka, in", "kafka, out", "file, out", "http, in", "sparql, in", "sparql, out"} {
		if !seen[want] {
			t.Errorf("no %s in %v", want, seen)
		}
	}
}
