package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// TestOfflineUsage shows that what is wrong with a command line is told before anything is read or written.
func TestOfflineUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct{ args, want string }{
		{"convert a.rdfp --as nquads", `a patch is changes, not data; quadrille apply --as nquads a.rdfp makes data of it`},
		{"convert a.rdfp -o out.ttl.gz", `a patch is changes, not data`},
		{"convert a.ru --as patch", `a.ru: SPARQL Update is only written; quadrille delta makes a patch of one`},
		{"convert --type update a.nt --as patch", `--type: SPARQL Update is only written`},
		{"convert a.nt", `what format shall the result have\? Say it with --as`},
		{"convert a.nt -o out.txt", `Say it with --as`},
		{"convert --as nquads a.txt", `a.txt: what format is this\? Expected \.nt, .*or say it with --type`},
		{"convert --as nquads -", `what format is standard input\? Say it with --type`},
		{"convert --as nquads", `what format is standard input`},
		{"convert --as html a.nt", `unknown format "html": expected ntriples, nquads, turtle, trig, rdfxml, jsonld, patch, patch-binary or update`},
		{"convert --type html --as nquads a.nt", `--type: unknown format "html"`},
		{"convert --as nquads --base rel a.ttl", `--base: `},
		{"convert --as patch --rows=-1 a.ttl", `--rows=-1: expected`},
		{"convert --as update --blank maybe a.ttl", `--blank must be one of`},
		{"convert --from nt a.nt", `convert has no --from: the format of what is read is --type`},
		{"convert --to=nt a.nt", `convert has no --to: the format of the result is --as`},
		{"merge --to nt a.rdfp", `merge has no --to: the format of the result is --as`},
		{"apply --data a.ttl a.rdfp", `apply has no --data: the data that patches are applied to are --onto`},
		{"apply --data-from nt a.rdfp", `apply has no --data-from: the format of the data is --onto-type`},
		{"convert --rows x a.nt", `--rows: expected a whole number, found "x"`},
		{"convert --rows", `--rows: a value is missing`},
		{"tail --shard 1,x", `--shard: expected a whole number, found "x"`},
		{"tail --patience soon", `--patience: expected a time, such as 500ms, 60s or 24h, found "soon"`},
		{"tail --follow=x", `--follow: expected true or false, found "x"`},
		{"serve --log-level loud", `--log-level: expected debug, info, warn or error, found "loud"`},
		{"verify --data", `--data: a value is missing`},
		{"convert --fram nt a.nt", `unknown flag --fram`},
		{"help nix", `^quadrille: unexpected argument nix: expected a command: serve, .*, convert, .*, version\n`},
		{"source nix", `unexpected argument nix: expected a command: list, show, pause, resume, seek\n`},
		{"help qurey", `unexpected argument qurey, did you mean "query"\?\n`},
		{"convert --as foo a.nt", `--as: unknown format "foo": expected ntriples, nquads, turtle, trig, rdfxml, jsonld, patch, patch-binary or update\n`},
		{"delta --data a.ttl --as foo", `--as: unknown format "foo": expected patch, patch-binary or update\n`},
		{"tail --as foo", `--as: unknown format "foo": expected patch, nquads or update; --json`},
		{"apply --onto a.ttl --as foo a.rdfp", `--as: unknown format "foo": expected ntriples, nquads, turtle, trig, rdfxml or jsonld\n`},
		{"query --data a.ttl --type foo ASK{}", `--type: unknown format "foo": expected ntriples, nquads, turtle, trig, rdfxml or jsonld\n`},
		{"merge --type foo a.rdfp", `--type: unknown format "foo": expected patch or patch-binary\n`},
		{"invert a.txt", `a.txt: what format is this\? Expected .rdfp or .trp, with`},
		{"convert --as nquads a.nt b.nt", `unexpected argument b.nt`},
		{"check", `what format is standard input`},
		{"check a.nt a.txt", `a.txt: what format is this`},
		{"check --type nquads - -", `standard input \(-\) is named more than once`},
		{"check --log a.nt", `--log: a.nt is no RDF Patch but ntriples`},
		{"check --head urn:1 a.rdfp", `--head: expected --log`},
		{"check --log --head a>b a.rdfp", `--head=a>b: `},
		{"diff a.ttl", `expected "<b>"`},
		{"diff a.ttl a.rdfp", `a.rdfp: expected RDF data \(ntriples, nquads, turtle, trig, rdfxml or jsonld\), found patch`},
		{"diff --type nquads - -", `standard input`},
		{"diff --as turtle a.ttl b.nq", `the result is changes, not data: expected the format patch, patch-binary or update, found turtle`},
		{"diff --max-memory 0 a.ttl b.nq", `--max-memory=0: expected more`},
		{"apply --onto a.ttl", `expected "<patch> ..."`},
		{"apply --onto a.ttl b.nq", `b.nq: expected an RDF Patch \(patch or patch-binary\), found nquads; .*--as patch makes a patch of additions`},
		{"apply --onto a.rdfp a.rdfp", `a.rdfp: expected RDF data`},
		{"apply --onto a.ttl --as patch a.rdfp", `the result is data: expected the format`},
		{"apply --onto - --onto-type turtle --type patch -", `standard input`},
		{"apply --onto-type turtle a.rdfp", `--onto-type: expected --onto`},
		{"invert a.ttl", `a.ttl: expected an RDF Patch`},
		{"invert --as nquads a.rdfp", `the result is changes, not data`},
		{"merge", `expected "<patch> ..."`},
		{"merge a.rdfp a.ttl", `a.ttl: expected an RDF Patch`},
		{"merge --type patch - -", `standard input`},
		{"merge --max-term 2GiB a.rdfp", `--max-term=2GiB: expected at most 1GiB`},
		{"check --max-depth=-1 a.nt", `--max-depth=-1: expected 1 or more`},
		{"check a.nt.tar", `Expected \.nt, .*\.json, .* with \.gz, \.zst or \.bz2`},
		{"query ASK{} --explain", `--explain: expected --data with it`},
		{"query ASK{} --max-steps 10", `--max-memory and --max-steps: expected --data with them`},
		{"query ASK{} --allow-host h", `--allow-host: expected --data with it`},
		{"query ASK{} --type turtle", `--type: expected --data with it`},
		{"query ASK{} --json --as xml", `--json and --as=xml: expected one of them`},
		{"query ASK{} --data a.ttl --url http://127.0.0.1:1", `--data and --url: expected one of them`},
		{"query ASK{} --url nowhere", `--url=nowhere: expected http://HOST:PORT`},
		{"query --data a.ttl", `what is the query\?`},
		{"query --data a.ttl b.ttl ASK{}", `unexpected argument ASK{}: data is named by --data FILE, again for each further file`},
		{"query --data a.ttl -f q.rq b.ttl", `unexpected argument b.ttl: -f names the query's file`},
		{"query --data - --type turtle -f -", `standard input \(-\) is named more than once`},
		{"query --data a.rdfp ASK{}", `a.rdfp: expected RDF data`},
		{"query --data . --data a.ttl ASK{}", `--data=.: a folder is a dataset of its own`},
		{"query --data a.ttl --as turtle ASK{}", `--as=turtle: expected json or xml for a result of true or false`},
		{"query --data a.ttl --as csv ASK{}", `--as=csv: expected json or xml`},
		{"query --data a.ttl --as patch SELECT*{}", `--as=patch: expected table, json, csv, tsv or xml for a result of rows`},
		{"query --data a.ttl --as csv CONSTRUCT{}WHERE{}", `--as=csv: expected ntriples, nquads, turtle, trig, rdfxml or jsonld for a result of triples`},
		{"query --data a.ttl --explain --as csv ASK{}", `--explain: expected neither --as nor --out`},
		{"query --data a.ttl --max-steps 0 ASK{}", `--max-steps=0: expected 1 or more`},
		{"query --data a.ttl --max-memory 0 ASK{}", `--max-memory=0: expected more`},
		{"query --data a.ttl --timeout=-1s ASK{}", `--timeout=-1s: expected 0s or more`},
		{"delta --type turtle u.ru", `--type: expected --data with it`},
		{"delta --data - --type turtle", `standard input \(-\) is named more than once`},
		{"delta --data a.ttl --time noon u.ru", `--time: expected a time such as .*, found "noon"`},
		{"delta --data a.ttl --as turtle u.ru", `the result is changes, not data`},
		{"load a.ttl", `missing flags: --data=DIR`},
		{"load --data d", `expected "<file> ..."`},
		{"load --data d a.rdfp", `a.rdfp: expected RDF data`},
		{"load --data d --type turtle - -", `standard input`},
		{"merge --max-memory 0 a.rdfp", `--max-memory=0: expected more`},
	} {
		var out, failed bytes.Buffer
		status := cli.Main(strings.Fields(test.args), strings.NewReader("no input"), &out, &failed)
		if status != 2 || out.Len() > 0 || !regexp.MustCompile(test.want).MatchString(failed.String()) {
			t.Errorf("%s: status %d\n%s%s\nwant status 2 and %s", test.args, status, &out, &failed, test.want)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v was written, %v", left, err)
	}
}

// TestOfflineHelp shows that each command has an example and tells of formats and the exit status.
func TestOfflineHelp(t *testing.T) {
	for _, command := range []string{"check", "convert", "diff", "apply", "invert", "merge", "query", "delta", "load"} {
		var out, failed bytes.Buffer
		if status := cli.Main([]string{command, "--help"}, nil, &out, &failed); status != 0 || failed.Len() > 0 {
			t.Fatalf("%s: status %d\n%s", command, status, &failed)
		}
		for _, want := range []string{"    quadrille " + command + " ", "patch-binary .trp", "FILE:LINE:COL", "2 usage"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", command, want, &out)
			}
		}
	}
}

// TestResultFile shows what becomes of the file that a result goes to.
func TestResultFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "data.nq")
	link := filepath.Join(dir, "link.nq")
	const old, line = "old\n", "<s:1> <p:1> <o:1> .\n"
	write := func(text string) int {
		var out, failed bytes.Buffer
		return cli.Main([]string{"convert", "--type", "nquads", "-o", link}, strings.NewReader(text), &out, &failed)
	}
	expect := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
			t.Fatalf("%v, %v", left, err)
		}
	}
	if err := os.WriteFile(name, []byte(old), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("data.nq", link); err != nil {
		t.Fatal(err)
	}
	if status := write(line + "<s:2>"); status != 1 {
		t.Fatalf("status %d", status)
	}
	expect(old)
	if status := write(line); status != 0 {
		t.Fatalf("status %d", status)
	}
	expect(line)
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info, err)
	}
}
