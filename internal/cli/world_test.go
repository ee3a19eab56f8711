package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/cli"
	"github.com/quadrille-stream/quadrille/internal/suite"
)

// run runs a command and returns what it prints.
func run(t *testing.T, stdin string, args ...string) (status int, out, failed string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = cli.Main(args, strings.NewReader(stdin), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// TestSuitesPass: what the suites of Turtle and TriG call good, check does.
func TestSuitesPass(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "rdf")
	files := 0
	for _, folder := range []string{"rdf11/rdf-turtle", "rdf11/rdf-trig", "rdf11/rdf-n-triples", "rdf11/rdf-n-quads", "rdf12/rdf-turtle/eval",
		"rdf12/rdf-turtle/syntax", "rdf12/rdf-trig/eval", "rdf12/rdf-trig/syntax"} {
		folder = filepath.Join(root, filepath.FromSlash(folder))
		args := []string{"check", "-q"}
		for _, test := range suite.Manifest(t, filepath.Join(folder, "manifest.ttl"), 1) {
			if name := filepath.Join(folder, test.Action); !strings.Contains(test.Type, "Negative") && !slices.Contains(args, name) {
				args = append(args, name)
			}
		}
		files += len(args) - 2
		if status, _, failed := run(t, "", args...); status != 0 {
			t.Errorf("%s: status %d\n%s", folder, status, failed)
		}
	}
	if files < 500 {
		t.Errorf("only %d files", files)
	}
}

// TestFileIRI: relative IRIs are resolved with the IRI of their file, in Turtle and JSON-LD, in each command that reads data.
func TestFileIRI(t *testing.T) {
	dir := t.TempDir()
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	t.Chdir(dir)
	const name = "a b%é?#\xff.ttl"
	iri := "file://" + filepath.ToSlash(dir) + "/a%20b%25é%3F%23%FF.ttl"
	write(t, name, "<> <#p> <../x> .")
	write(t, "d/c.json", `{"@id":"","x:p":{"@id":"#x"}}`)
	write(t, "p.rdfp", "TX .\nTC .\n")
	want := "<" + iri + "> <" + iri + "#p> <file://" + filepath.ToSlash(filepath.Dir(dir)) + "/x> .\n"
	for _, args := range [][]string{{"convert", "--as", "nt", name}, {"apply", "--as", "nt", "--onto", name, "p.rdfp"}} {
		if status, out, failed := run(t, "", args...); status != 0 || out != want {
			t.Errorf("%q: %d, %q, %s, expected %q", args, status, out, failed, want)
		}
	}
	if status, out, failed := run(t, "", "convert", "--as", "nt", "--base", "x:/y/z", name); status != 0 || out != "<x:/y/z> <x:/y/z#p> <x:/x> .\n" {
		t.Errorf("with a base: %d, %q, %s", status, out, failed)
	}
	if status, _, failed := run(t, "", "diff", name, "d/c.json"); status != 0 {
		t.Errorf("diff: %d, %s", status, failed)
	}
	for format, document := range map[string]string{"turtle": "<a> <x:p> 1 .", "trig": "<x:s> <x:p> <a> .", "jsonld": `{"@id":"a","x:p":1}`} {
		if status, _, failed := run(t, document, "check", "--type", format); status != 1 || !strings.Contains(failed, "; --base IRI says") {
			t.Errorf("%s from a pipe: %d, %s", format, status, failed)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestLimits: a bound that is met is named with the flag that raises it, which does; what was written is read.
func TestLimits(t *testing.T) {
	t.Chdir(t.TempDir())
	long := strings.Repeat("14.118878 48.591250,", 100_000)
	write(t, "long.nt", "<x:s> <x:p> \""+long+"\" .\n")
	for _, name := range []string{"long.nq", "long.ttl", "long.trig", "long.jsonld", "long.rdfp", "long.trp"} {
		if status, _, failed := run(t, "", "convert", "long.nt", "-o", name); status != 0 {
			t.Errorf("%s: %s", name, failed)
		}
		if status, _, failed := run(t, "", "check", name); status != 0 {
			t.Errorf("%s: %s", name, failed)
		}
		if strings.HasSuffix(name, "jsonld") {
			continue
		}
		if status, _, failed := run(t, "", "check", "--max-term", "1MiB", name); status != 1 || !strings.Contains(failed, "; --max-term SIZE raises") {
			t.Errorf("%s within 1 MiB: %d, %s", name, status, failed)
		}
	}
	for format, document := range map[string]string{
		"turtle":   "<x:s> <x:p> " + strings.Repeat("[ <x:p> ", 500) + "1" + strings.Repeat("]", 500) + " .",
		"jsonld":   `{"@id":"x:s","x:p":` + strings.Repeat(`{"x:p":`, 500) + "1" + strings.Repeat("}", 501),
		"ntriples": "<x:s> <x:p> " + strings.Repeat("<<( <x:s> <x:p> ", 500) + "<x:o>" + strings.Repeat(" )>>", 500) + " .",
		"patch":    "A <x:s> <x:p> " + strings.Repeat("<< <x:s> <x:p> ", 500) + "<x:o>" + strings.Repeat(" >>", 500) + " .",
	} {
		if status, _, failed := run(t, document, "check", "--type", format); status != 0 {
			t.Errorf("%s, nested: %s", format, failed)
		}
		if status, _, failed := run(t, document, "check", "--type", format, "--max-depth", "400"); status != 1 || !strings.Contains(failed, "; --max-depth N raises") {
			t.Errorf("%s, nested, with a bound: %d, %s", format, status, failed)
		}
	}
	lists := "<x:s> <x:p> " + strings.Repeat("(", 9000) + strings.Repeat(")", 9000) + " ."
	write(t, "lists.ttl", lists)
	write(t, "lists.rdfp", "")
	for _, args := range [][]string{{"convert", "lists.ttl"}, {"apply", "--onto", "lists.ttl", "lists.rdfp"}} {
		args = append(args, "--as", "jsonld", "-o", "lists.jsonld")
		if status, _, failed := run(t, "", args...); status != 1 || !strings.Contains(failed, "deeper than 5000 are over its limit; --max-depth N raises") {
			t.Errorf("%s: lists in JSON-LD: %d, %s", args[0], status, failed)
		}
		for _, args := range [][]string{append(args, "--max-depth", "20000"), {"check", "--max-depth", "20000", "lists.jsonld"}} {
			if status, _, failed := run(t, "", args...); status != 0 {
				t.Errorf("%q: lists in JSON-LD with a bound: %s", args, failed)
			}
		}
	}
}

// TestCompressedInput: what compressed bytes are is seen, also on standard input.
func TestCompressedInput(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.nt", "<x:s> <x:p> \"a\"@en-GB .\n")
	for _, name := range []string{"a.nq.gz", "a.nq.zst"} {
		if status, _, failed := run(t, "", "convert", "a.nt", "-o", name); status != 0 {
			t.Fatal(failed)
		}
		compressed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if status, out, failed := run(t, string(compressed), "convert", "--type", "nq", "--as", "ttl", "-"); status != 0 || out != "<x:s> <x:p> \"a\"@en-GB .\n" {
			t.Errorf("%s: %d, %q, %s", name, status, out, failed)
		}
	}
	if status, _, failed := run(t, "", "convert", "a.nt", "-o", "a.nq.xz"); status != 1 || !strings.Contains(failed, "not written") {
		t.Errorf("a.nq.xz: %d, %s", status, failed)
	}
}

// TestApplyTwice: two runs of apply, the second on what the first has written, are as one.
func TestApplyTwice(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "1.rdfp", "H id <u:1> .\nTX .\nA _:anon0 <x:n> \"2\" .\nA _:anon0 <x:l> _:anon1_ .\nTC .\n")
	write(t, "2.rdfp", "H id <u:2> .\nH prev <u:1> .\nTX .\nD _:anon0 <x:n> \"1\" .\nTC .\nTX .\nA _:anon0 <x:n> \"2\" .\nTA .\n")
	for _, name := range []string{"d.ttl", "d.trig"} {
		write(t, name, "[] <x:n> \"1\" .")
		write(t, "once-"+name, "[] <x:n> \"1\" .")
		for _, args := range [][]string{{"once-" + name, "1.rdfp", "2.rdfp"}, {name, "1.rdfp"}, {name, "2.rdfp"}} {
			if status, _, failed := run(t, "", append([]string{"apply", "--strict", "-o", args[0], "--onto"}, args...)...); status != 0 {
				t.Fatalf("%q: %s", args, failed)
			}
		}
		once, err := os.ReadFile("once-" + name)
		twice, err2 := os.ReadFile(name)
		if err != nil || err2 != nil || !bytes.Equal(once, twice) || strings.Contains(string(once), "anon0_") {
			t.Errorf("%s: once\n%s\ntwice\n%s", name, once, twice)
		}
	}
}

// TestApplyLinks: a patch that is left out is noticed, and rows without effect are told of.
func TestApplyLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "1.rdfp", "H id <u:1> .\nTX .\nA <x:s> <x:p> 1 .\nTC .\n")
	write(t, "3.rdfp", "H id <u:3> .\nH prev <u:2> .\nTX .\nA <x:s> <x:p> 1 .\nD <x:s> <x:p> 2 .\nD <x:s> <x:p> 1 .\nTC .\nTX .\nD <x:s> <x:p> 5 .\nTA .\n")
	status, out, failed := run(t, "", "apply", "1.rdfp", "3.rdfp")
	if status != 1 || out != "" || !strings.Contains(failed, "3.rdfp: not the next patch of the log: expected prev to be <u:1>, found <u:2>") {
		t.Errorf("%d, %q, %s", status, out, failed)
	}
	status, _, failed = run(t, "", "apply", "--json", "3.rdfp")
	if want := "3.rdfp: 1 row had no effect\n"; status != 0 || !strings.HasPrefix(failed, want) || !strings.Contains(failed, `"noEffect":1}`) {
		t.Errorf("%d, %s", status, failed)
	}
	if status, out, failed := run(t, "", "apply", "--strict", "3.rdfp"); status != 1 || out != "" || !strings.Contains(failed, "1 row had no effect, with --strict") {
		t.Errorf("%d, %q, %s", status, out, failed)
	}
}

// TestCheckAll: with --all every bad line is told of, up to a bound, and the good ones are counted.
func TestCheckAll(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.nt", "<x:s> <x:p> 1 .\n<x:s> <x:p> \"1\" .\noops\n<x:s> <x:p> <x:o> .\n<x:s> <x:p> <<( <x:a> <x:b> .\n<x:s> <x:p> <x:q>")
	write(t, "a.rdfp", "TX .\nA <x:s> <x:p> 1 .\nX <x:s> .\nA <x:s> <x:p> .\nA <x:s> <x:p> 2 .\nTX .\nTC .\n")
	status, out, failed := run(t, "", "check", "--all", "--json", "a.nt", "a.rdfp")
	for _, place := range []string{"a.nt:1:13: ", "a.nt:3:1: ", "a.nt:5:", "a.nt:6:18: ", "a.rdfp:3:1: ", "a.rdfp:4:15: ", "a.rdfp:6:1: "} {
		if strings.Count(failed, place) != 1 {
			t.Errorf("%s is not told once: %s", place, failed)
		}
	}
	if status != 1 || strings.Count(failed, "\n") != 7 || !strings.Contains(out, `"statements":2,"error":{"line":1,`) ||
		!strings.Contains(out, `"more":[{"line":3,`) || !strings.Contains(out, `"adds":2,`) {
		t.Errorf("%d\n%s\n%s", status, out, failed)
	}
	write(t, "a.ttl", "<s> <x:p> 1 ;\n oops .\n<s> <x:p> 'a. b' ] .\n<s> <x:p> 2 .\n")
	status, out, failed = run(t, "", "check", "--all", "--json", "a.ttl")
	if status != 1 || strings.Count(failed, "\n") != 2 || !strings.HasPrefix(failed, "a.ttl:2:2: ") || !strings.Contains(failed, "\na.ttl:3:18: ") ||
		!strings.Contains(out, `"statements":3,`) {
		t.Errorf("%d\n%s\n%s", status, out, failed)
	}
	for _, name := range []string{"a.nt", "a.ttl"} {
		if _, _, failed := run(t, "", "check", name); strings.Count(failed, "\n") != 1 {
			t.Errorf("%s without --all: %s", name, failed)
		}
	}
	write(t, "many.nq", strings.Repeat("oops\n", 1000))
	if _, _, failed := run(t, "", "check", "--all", "many.nq"); strings.Count(failed, "\n") != 101 || !strings.Contains(failed, "more mistakes are not told") {
		t.Errorf("%d mistakes", strings.Count(failed, "\n"))
	}
}
