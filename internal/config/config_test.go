package config_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
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
`)
	d, err := f.Document()
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Document{
		Node:     config.Node{Name: "n7", Weight: 1, Leave: true},
		Pipeline: config.Pipeline{Name: "main", Shards: 16, Key: "subject", KeepKeys: 90 * time.Minute},
		Engine: config.Engine{Data: "quadrille-data", Listen: "127.0.0.1", Election: 500 * time.Millisecond, MaxStore: 20 << 30,
			Routes: []string{"nats://127.0.0.1:1", "nats://127.0.0.1:2"}},
		HTTP: config.HTTP{Address: "127.0.0.1:7375", Token: "from the environment", Metrics: "token", Probes: "open", MaxBody: 64 << 20},
		Log:  config.Log{Level: -4, Format: "json"},
		Sources: []config.Source{{Name: "other", Type: "http",
			Settings: &config.HTTPSource{URL: []string{"http://a:1", "http://b:2"}, Token: "from a file"}}},
		Sinks: []config.Sink{{Name: "files", Type: "file", Settings: &config.FileSink{Dir: "/var/lib/out", MaxBatch: 1 << 20}},
			{Name: "more", Type: "file", Settings: &config.FileSink{Dir: "x", MaxBatch: 64 << 10}}},
	}
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
		"nod:\n  name: x":                         `:1:1: unknown key "nod"; the nearest is "node"`,
		"name: x":                                 `:1:1: unknown key "name"; it stands in a section, as node: {name: …}`,
		"token: x":                                `:1:1: unknown key "token"; it stands in a section, as http: {token: …}`,
		"node:\n  nam: x":                         `:2:3: unknown key "nam"; the nearest is "name"`,
		"node:\n  name: a\n  name: b":             `:3:3: key "name" comes twice`,
		"node: {}\nnode: {}":                      `:2:1: key "node" comes twice`,
		"node: x":                                 `:1:7: expected key: value`,
		"- node":                                  `:1:1: expected key: value`,
		"node:\n  name: {a: b}":                   `:2:9: key "name": expected a plain value`,
		"pipeline:\n  shards: many":               `:2:11: key "shards": "many": expected a whole number`,
		"pipeline:\n  key: object":                `:2:8: key "key": "object" is none of subject, graph, dataset`,
		"pipeline:\n  keep-keys: 1 day":           `:2:14: key "keep-keys": "1 day": expected a time such as 500ms, 10s or 24h`,
		"node: {leave: perhaps}":                  `:1:15: key "leave": "perhaps": expected true or false`,
		"engine:\n  routes: [[a]]":                `:2:11: key "routes": expected a list of plain values`,
		"engine:\n  max-store: much":              `:2:14: key "max-store": size "much": expected a number of bytes, such as 65536, 64KiB or 64MiB`,
		"http: {token: {env: NOT_SET_ANYWHERE}}":  `:1:15: key "token": the environment variable NOT_SET_ANYWHERE is not set, or empty`,
		"http: {token: {file: /dev/null}}":        `:1:15: key "token": /dev/null is empty`,
		"sources:\n  - {name: once, type: http}":  `:2:12: name "once" is reserved`,
		"http: {token: {vault: x}}":               `:1:15: key "token": "vault": expected env or file`,
		"http: {token: [a]}":                      `:1:15: key "token": expected a text, {env: NAME} or {file: PATH}`,
		"http: {token: {file: /not/there}}":       `:1:15: key "token": open /not/there: no such file or directory`,
		"log: {level: loud}":                      `:1:14: key "level": slog: level string "loud": unknown name`,
		"sinks: x":                                `:1:8: expected a list of sinks`,
		"sinks: [x]":                              `:1:9: expected a sink: name, type and its settings`,
		"sinks:\n  - type: file":                  `:2:5: the sink has no name`,
		"sinks:\n  - name: a":                     `:2:5: the sink has no type`,
		"sinks:\n  - {name: a, type: kafka}":      `:2:21: unknown type "kafka" of a sink; there is file`,
		"sources:\n  - {name: a, type: file}":     `:2:21: unknown type "file" of a source; there is http`,
		"sinks:\n  - {name: a/b, type: file}":     `:2:12: name "a/b": expected 1 to 64 letters, digits, '-' and '_'`,
		"sinks:\n  - {name: a, type: file}":       `:2:5: key "dir" is missing: Folder of the files.`,
		"sinks:\n  - {name: a, name: b}":          `:2:15: key "name" comes twice`,
		"sinks:\n  - {name: a, type: file, d: x}": `:2:27: unknown key "d"; the nearest is "dir"`,
		"sinks:\n  - {name: a, type: file, dir: x}\n  - {name: a, type: file, dir: y}":        `:3:12: two sinks are called "a"`,
		"sinks:\n  - name: a\n    type: file\n    dir:\n":                                     `:2:5: key "dir" is missing`,
		"sinks:\n  - {name: &n foo, type: file, dir: x}\n  - {name: *n , type: file, dir: y}": `:3:5: the sink has no name`,
		"http: {address: x}\n---\nhttp: {token: t}\n":                                         `: expected one document`,
		"a: [": `: yaml: line 1:`,
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
	text := strings.NewReplacer("\n# ", "\n", "\n#", "\n", "url: \n", "url: http://a:1\n", "dir: \n", "dir: x\n").Replace("\n# sources:" + items)
	if f := load(t, text); len(f.Sources) != 1 || len(f.Sinks) != 1 {
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

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"pipeline: {shards: 0}":           "--shards=0: expected 1 to 4096",
		"node: {weight: 0}":               "--weight=0: expected 1 or more",
		"pipeline: {keep-keys: 0s}":       "--keep-keys=0s: expected more than 0",
		"http: {token: a}":                "--token: it has 1 characters, expected 16 or more",
		"http: {tls-cert: a}":             "--tls-cert and --tls-key: TLS needs both",
		"http: {max-body: 0}":             "--max-body=0: expected 1 or more",
		"engine: {cluster: c}":            "--name: a member of a cluster needs a name",
		"engine: {port: 70000}":           "--port=70000",
		"engine: {nats: x, port: 1}":      "--nats means another engine",
		"engine: {nats-ca: x}":            "--nats-creds, --nats-events-creds, --nats-user, --nats-password and --nats-ca need --nats",
		"engine: {secret: short}":         "--secret: the engine's secret has 5 characters, expected 32 or more",
		"engine: {nats: x, nats-user: u}": "--nats-user and --nats-password go together",
		"engine: {nats: x, nats-user: u, nats-password: p, nats-events-creds: f}": "--nats-user and --nats-creds: expected one",
		"engine: {nats: x, nats-ca: f, secret: 0123456789abcdef0123456789abcdef}": "--secret is of embedded engines",
		"engine: {cluster-port: 1}":                          "--routes and --cluster-port need --cluster",
		"engine: {election: 1ms}":                            "--election=1ms: expected 200ms to 10s, or 0",
		"engine: {replicas: 6}":                              "--replicas=6: expected 1 to 5",
		"engine: {streams: -1}":                              "--streams=-1: expected 1 or more",
		"node: {name: n}\nengine: {cluster: c, routes: [x]}": "--routes=x: expected nats://HOST:CLUSTERPORT",
	} {
		d, err := load(t, text).Document()
		if err != nil {
			t.Fatal(err)
		}
		err = d.Check()
		var usage config.UsageError
		if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.As(err, &usage) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	d, err := load(t, "").Document()
	if err != nil || d.Check() != nil || d.Node.Name == "" {
		t.Errorf("the defaults: %+v, %v", d, err)
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
