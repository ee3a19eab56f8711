package cli

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/internal/tail"
	"github.com/quadrille-stream/quadrille/internal/verify"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

func TestUpdateForm(t *testing.T) {
	change := client.Change{Shard: 2, Position: 9, Patch: `TX .
D <s:1> <p:1> "a\"b\n"@en <g:1> .
D <s:2> <p:1> <o:1> .
A <s:1> <p:1> "5"^^<http://www.w3.org/2001/XMLSchema#integer> .
TC .
TX .
A <s:3> <p:1> <<( <s:1> <p:1> <o:1> )>> .
D <s:1> <p:1> <o:1> .
TC .
`}
	got, err := tail.Update((&blankFlag{}).policy())(nil, change)
	if err != nil {
		t.Fatal(err)
	}
	want := `# shard 2 position 9
DELETE DATA {
  GRAPH <g:1> { <s:1> <p:1> "a\"b\n"@en . }
  <s:2> <p:1> <o:1> .
} ;
INSERT DATA {
  <s:1> <p:1> "5"^^<http://www.w3.org/2001/XMLSchema#integer> .
} ;
DELETE DATA {
  <s:1> <p:1> <o:1> .
} ;
INSERT DATA {
  <s:3> <p:1> <<( <s:1> <p:1> <o:1> )>> .
} ;
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	for _, row := range []string{"_:b <p:1> <o:1>", "<s:1> <p:1> _:b", "<s:1> <p:1> <o:1> _:b",
		"<s:1> <p:1> <<( _:b <p:1> <o:1> )>>", "<s:1> <p:1> <<( <s:1> <p:1> <<( <s:1> <p:1> _:b )>> )>>"} {
		change.Patch = "A " + row + " .\n"
		if _, err := tail.Update((&blankFlag{}).policy())(nil, change); err == nil || !strings.Contains(err.Error(), "--blank skolemise") {
			t.Errorf("%s: %v", row, err)
		}
		got, err := tail.Update(skolem)(nil, change)
		if err != nil || strings.Contains(string(got), "_:b") || !strings.Contains(string(got), "<urn:quadrille:blank:b>") {
			t.Errorf("%s: %v\n%s", row, err, got)
		}
	}
}

func TestStatusMerge(t *testing.T) {
	shard := func(s int, position uint64, state string) client.ShardStatus {
		return client.ShardStatus{Shard: s, Owner: "n1", Standby: "n2", State: state, Position: position}
	}
	first := client.Status{Pipeline: "main", Node: "n2", Epoch: 3,
		Members: []client.MemberStatus{{Name: "n1", Alive: true, Info: "http://127.0.0.1:1"}, {Name: "n2", Alive: true}, {Name: "n3"}},
		Shards:  []client.ShardStatus{shard(0, 7, "following"), {Shard: 1, Owner: "n3"}},
		Engine: client.EngineStatus{Streams: []client.StreamStatus{{StreamHealth: engine.StreamHealth{Name: "S", Leader: "n2",
			Expected: 3, Replicas: []engine.ReplicaHealth{{Server: "n2", State: engine.Current},
				{Server: "n3", State: engine.Behind, Lag: 4}}}}}}}
	owner := client.Status{Node: "n1", Ready: true, Shards: []client.ShardStatus{shard(0, 10, "owning"), {Shard: 1}}}
	o := status.Merge(first, map[string]status.Reply{"n2": {Status: first}, "n1": {Status: owner}, "n3": {Err: errors.New("no way")}})
	var b strings.Builder
	if err := writeOverview(&b, &o); err != nil {
		t.Fatal(err)
	}
	want := `pipeline main, key , 2 shards, epoch 3; 2 of 3 nodes answer

NODE  STATE      OWNED  CHANGES/S  ADDED  DELETED  HEARD     ADDRESS
n1    ready      0      0          0      0        0 ms ago  http://127.0.0.1:1
n2    not ready  0      0          0      0        0 ms ago  -
n3    lost       0      0          -      -        0 ms ago  -

STREAM  COPIES  LEADER  REPLICAS
S       1 of 3  n2      n2 current, n3 behind by 4

SHARD  OWNER  STANDBY  STATE   QUADS  POSITION  LAG
0      n1     n2       owning  0      10        3
1      n3     -                0      0         -

node n3: no way
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestPlurals: a number of things that may be one is written by the one helper for that, wherever commands write to people.
func TestPlurals(t *testing.T) {
	counted := regexp.MustCompile(`%[ds] (answers|bytes|changes|clients|files|letters|logs|messages|nodes|quads|records|requests|rows|shards|statements)($|[^\w/])`)
	bound := regexp.MustCompile(`Errorf|more than`)
	for _, dir := range []string{".", "../demo", "../bench", "../terminal", "../status", "../verify"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if counted.MatchString(line) && !bound.MatchString(line) {
					t.Errorf("%s: terminal.Count or GroupedCount should write %s", file, strings.TrimSpace(line))
				}
			}
		}
	}
}

// TestFieldsAreFlags: what the configuration says of flags and environment is what the parser has.
func TestFieldsAreFlags(t *testing.T) {
	parser, err := newParser(&commands{}, &streams{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := parser.Parse([]string{"serve", "--name", "n"})
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string][]string{}
	for _, f := range ctx.Selected().Flags {
		flags[f.Name] = f.Envs
	}
	for _, f := range config.Fields() {
		if diff := cmp.Diff([]string{f.Env}, flags[f.Flag]); diff != "" {
			t.Errorf("%s, --%s: %s", f.Key, f.Flag, diff)
		}
		delete(flags, f.Flag)
	}
	for _, other := range []string{"help", "config", "sink-dir"} {
		delete(flags, other)
	}
	if len(flags) > 0 {
		t.Errorf("flags without a setting: %v", flags)
	}
}

// TestDemoHelp: the help says what each figure of the result is that is not in the table.
func TestDemoHelp(t *testing.T) {
	help := new(demoCommand).Help()
	for _, field := range []string{"unasked", "inexact", "retries", "missing_quads", "extra_quads"} {
		if !strings.Contains(help, field) {
			t.Errorf("%s is not in the help", field)
		}
	}
}

// TestVerdict: verify says that all is good, and doesn't say so of what is damaged or wasn't read.
func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		nodes verify.Nodes
		good  bool
	}{
		{verify.Nodes{Nodes: []verify.NodeReport{{Node: "n1", Report: &client.Report{}}}}, true},
		{verify.Nodes{Nodes: []verify.NodeReport{{Node: "n1", Error: "no answer"}}}, false},
		{verify.Nodes{Nodes: []verify.NodeReport{{Node: "n1", Report: &client.Report{More: 1}}}}, false},
	} {
		var b bytes.Buffer
		if err := writeNodes(&b, &test.nodes); err != nil || strings.Contains(b.String(), "good: nothing is damaged in 0 logs of 1 node\n") != test.good {
			t.Errorf("%v: %s", err, b.String())
		}
	}
}

// TestFlagsAgree: a flag means the same in every command that has it, takes the same values, and is set by the same variable or
// by none.
func TestFlagsAgree(t *testing.T) {
	parser, err := newParser(&commands{}, &streams{})
	if err != nil {
		t.Fatal(err)
	}
	type flag struct{ kind, placeholder, short string }
	first, where, variables := map[string]flag{}, map[string]string{}, map[string]string{}
	asking := 0
	for _, leaf := range parser.Model.Leaves(false) {
		names := map[string]bool{}
		for _, f := range leaf.Flags {
			names[f.Name] = true
			kind := f.Target.Type()
			for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer { // more of it, or none
				kind = kind.Elem()
			}
			// A folder takes the place of a file where both may be.
			got := flag{kind.Kind().String(), strings.Replace(strings.TrimSuffix(f.PlaceHolder, "N"), "DIR", "FILE", 1), string(f.Short)}
			variables[f.Name] = strings.Join(f.Envs, " ")
			if other, ok := first[f.Name]; ok && other != got {
				t.Errorf("--%s: %s has %+v, %s has %+v", f.Name, where[f.Name], other, leaf.Path(), got)
			}
			first[f.Name], where[f.Name] = got, leaf.Path()
		}
		if names["url"] {
			asking++
			for _, also := range []string{"patience", "json", "token", "tls-ca"} {
				if !names[also] {
					t.Errorf("%s asks a node and has no --%s", leaf.Path(), also)
				}
			}
		}
	}
	for name, f := range map[string]string{"url": "QUADRILLE_URL", "patience": "QUADRILLE_PATIENCE", "json": "", "type": "", "as": ""} {
		if variables[name] != f {
			t.Errorf("--%s is set by %q", name, variables[name])
		}
	}
	if asking != 21 {
		t.Errorf("%d commands ask nodes", asking)
	}
}

// TestWrongValues: what is wrong with the value of a flag is said after the flag's name, in no words of the language that this is
// written in.
func TestWrongValues(t *testing.T) {
	parser, err := newParser(&commands{}, &streams{})
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, leaf := range parser.Model.Leaves(false) {
		command := strings.Fields(leaf.Path())
		for _, f := range leaf.Flags {
			kind := f.Target.Type()
			if kind.Kind() == reflect.Pointer {
				kind = kind.Elem()
			}
			if f.Name == "help" || f.Name == "config" || kind.Kind() == reflect.Map || kind.Kind() == reflect.String && f.Enum == "" {
				continue // whose values are looked at later
			}
			if kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.String && f.Enum == "" {
				continue
			}
			tried++
			_, err := parser.Parse(append(slices.Clone(command), "--"+f.Name+"=%nonsense"))
			if err == nil {
				t.Errorf("%s --%s=%%nonsense is taken", command, f.Name)
				continue
			}
			text := explained(err).Error()
			if !strings.HasPrefix(text, "--"+f.Name) || !strings.Contains(text, "%nonsense") || regexp.MustCompile(`bit | time:|slog|strconv|EOL|bool|string|parse`).MatchString(text) {
				t.Errorf("%s: %s", command, text)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d flags", tried)
	}
}

// TestContextsAreShared: all inputs of a command have one loader and one cache of contexts.
func TestContextsAreShared(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, jsonld.IndexFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := dataFlags{Contexts: dir}
	first, err := flags.source("a.jsonld")
	second, err2 := flags.source("b.jsonld")
	if err != nil || err2 != nil || first.Cache == nil || first.Cache != second.Cache || first.Contexts != second.Contexts {
		t.Errorf("%+v, %v\n%+v, %v", first, err, second, err2)
	}
}

// TestVariablesOfTests: what the project's own tests and scripts have in the environment is no mistake of a user.
func TestVariablesOfTests(t *testing.T) {
	variable := regexp.MustCompile(`QUADRILLE_[A-Z_]+`)
	files := []string{"../../Makefile", "../../.ci/run"}
	for _, dir := range []string{"../../scripts/peers", "../../test", "../peer", "../suite"} {
		if err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range variable.FindAllString(string(text), -1) {
			t.Setenv(name, "1")
		}
	}
	parser, err := newParser(&commands{}, &streams{})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkEnv(parser.Model); err != nil {
		t.Error(err)
	}
}

// TestAdviceIsForClients: what a node says of its own way to others is left as it is.
func TestAdviceIsForClients(t *testing.T) {
	err := fmt.Errorf("connect: %w", x509.UnknownAuthorityError{})
	if got := advised(err).Error(); !strings.Contains(got, "--tls-ca") {
		t.Error(got)
	}
	if got := advised(prefixed{err}).Error(); got != err.Error() {
		t.Error(got)
	}
}

// TestAdviceForStores: what is met on the way to the store of verify has advice about the store's flags, and about no others.
func TestAdviceForStores(t *testing.T) {
	status := func(code int) error { return &endpoint.StatusError{URL: "http://s/ds", Status: code} }
	for _, test := range []struct {
		err  error
		want string
	}{
		{status(http.StatusUnauthorized), "--store-user"},
		{status(http.StatusNotFound), "--against is"},
		{status(http.StatusMethodNotAllowed), "--store-update"},
		{status(http.StatusServiceUnavailable), ""},
		{sparql.ErrNoEndpoint, "--against is"},
		{&net.DNSError{}, "host of the store"},
		{x509.UnknownAuthorityError{}, "--store-ca"},
		{http.ErrSchemeMismatch, "http://HOST:PORT/"},
		{syscall.ECONNREFUSED, "no store runs there"},
	} {
		err := fmt.Errorf("read: %w", &verify.StoreError{Err: fmt.Errorf("ask: %w", test.err)})
		advice := adviceFor(err)
		if !strings.Contains(advice, test.want) || test.want == "" && advice != "" || strings.Contains(advice, "--url") || strings.Contains(advice, "--tls-ca") {
			t.Errorf("%v: %q", test.err, advice)
		}
	}
}
