package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// sources returns the files of this module.
func moduleSources(t *testing.T) []source {
	t.Helper()
	sources, err := readModule(root)
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func TestImports(t *testing.T) {
	if err := checkTable(floors); err != nil {
		t.Error(err)
	}
	if err := checkImports(floors, moduleSources(t)); err != nil {
		t.Error(err)
	}
}

// TestTableIsNotStale fails for a row whose package is gone.
func TestTableIsNotStale(t *testing.T) {
	sources := moduleSources(t)
	for _, rules := range floors {
		for _, r := range rules {
			if !slices.ContainsFunc(sources, func(s source) bool { return covers(r.pkg, s.pkg) }) {
				t.Errorf("%s is in the table, but has no Go file", r.pkg)
			}
		}
	}
}

// TestCoreIsPure keeps third-party code and the network out of the floors that the simulation runs.
func TestCoreIsPure(t *testing.T) {
	for _, pkg := range []string{"rdf", "patch", "store", "store/memory", "shard", "event", "operator", "coordinator", "node/core"} {
		own, ok := find(floors, pkg)
		if !ok {
			t.Fatalf("%s is not in the table", pkg)
		}
		for _, m := range own.modules {
			if strings.Contains(m, "nats") {
				t.Errorf("%s may import %s", pkg, m)
			}
		}
	}
	for _, src := range moduleSources(t) {
		if src.test || !slices.Contains([]string{"rdf", "patch", "store", "store/memory", "shard", "event", "operator", "operator/dataset", "node/core"}, src.pkg) {
			continue
		}
		for _, imported := range src.imports {
			network := imported == "net" || strings.HasPrefix(imported, "net/") && imported != "net/url" // which is pure
			if network || imported == "os" {
				t.Errorf("%s imports %s: this package does no input or output", src.name, imported)
			}
		}
	}
}

func TestDocs(t *testing.T) {
	done := map[string]bool{}
	for _, src := range moduleSources(t) {
		if src.test || done[src.pkg] || strings.HasPrefix(src.pkg, "cmd/") {
			continue
		}
		done[src.pkg] = true
		t.Run(src.pkg, func(t *testing.T) {
			if err := checkDocs(root, src.pkg); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPlantedImports shows that each kind of forbidden import is found.
func TestPlantedImports(t *testing.T) {
	table := [][]rule{
		{{pkg: "low"}, {pkg: "low/low"}},
		{{pkg: "mid", imports: []string{"low"}, modules: []string{"example.org/mod"}}, {pkg: ".", imports: []string{"low"}}},
		{{pkg: "tree/..."}, {pkg: "tree/known", imports: []string{"low"}}},
	}
	for _, test := range []struct{ name, file, imports, want string }{
		{"above", "mid/a.go", module + "/low", ""},
		{"standard library", "low/a.go", "net/http", ""},
		{"allowed module", "mid/a.go", "example.org/mod/v2", ""},
		{"allowed module itself", "mid/a.go", "example.org/mod", ""},
		{"test of its floor", "low/a_test.go", module + "/low/low", ""},
		{"module in a test", "low/a_test.go", "example.org/other", ""},
		{"closest rule", "tree/known/a.go", module + "/low", ""},
		{"ignored folder", "low/testdata/a.go", module + "/mid", ""},
		{"the module's root", "a.go", module + "/low", ""},
		{"the module's root, not said", "mid/a.go", module, "mid may import nothing of this module but low"},
		{"the root may not", "a.go", module + "/mid", ". may import nothing of this module but low"},
		{"below", "low/a.go", module + "/mid", "low may import nothing of this module"},
		{"below, other system", "low/a_windows.go", module + "/mid", "low may import nothing of this module"},
		{"beside, not said", "low/a.go", module + "/low/low", "low may import nothing of this module"},
		{"above, not said", "mid/a.go", module + "/low/low", "mid may import nothing of this module but low"},
		{"third party", "low/a.go", "example.org/mod", "low may use the standard library"},
		{"module with a like name", "mid/a.go", "example.org/module", "mid may use the standard library and"},
		{"test of a lower floor", "low/a_test.go", module + "/mid", "the tests of low"},
		{"unknown package", "new/a.go", "fmt", "package new is not in the table"},
		{"general rule", "tree/other/a.go", module + "/low", "tree/... may import nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, test.file, "package p\n\nimport _ \""+test.imports+"\"\n")
			sources, err := readModule(dir)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, checkImports(table, sources), test.want)
		})
	}
}

func TestPlantedTable(t *testing.T) {
	for _, test := range []struct {
		name  string
		table [][]rule
		want  string
	}{
		{"lower", [][]rule{{{pkg: "a", imports: []string{"b"}}}, {{pkg: "b"}}}, "a may import b, which stands lower"},
		{"unknown", [][]rule{{{pkg: "a", imports: []string{"b"}}}}, "which is not in the table"},
		{"twice", [][]rule{{{pkg: "a"}}, {{pkg: "a"}}}, "a is twice in the table"},
		{"good", [][]rule{{{pkg: "a"}, {pkg: "b", imports: []string{"a"}}}, {{pkg: "c", imports: []string{"a"}}}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, checkTable(test.table), test.want) })
	}
}

// TestPlantedDocs shows that each kind of name without a doc comment is found.
func TestPlantedDocs(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"function", "func F() {}", "F has no doc comment"},
		{"method", "// T is.\ntype T int\n\nfunc (t *T) M() {}", "T.M has no doc comment"},
		{"generic method", "// T is.\ntype T[A, B any] struct{}\n\nfunc (t T[A, B]) M() {}", "T.M has no doc comment"},
		{"type", "type T int", "T has no doc comment"},
		{"constant", "const C = 1", "C has no doc comment"},
		{"variable in a group", "var (\n\t// A is.\n\tA = 1\n\tB = 2\n)", "B has no doc comment"},
		{"field", "// T is.\ntype T struct {\n\t// A is.\n\tA int\n\n\tB int\n}", "T.B has no doc comment"},
		{"method of an interface", "// T is.\ntype T interface {\n\tM()\n}", "T.M has no doc comment"},
		{"group", "// Colours.\nconst (\n\tA = 1\n\tB = 2\n)", ""},
		{"fields under one comment", "// T is.\ntype T struct {\n\t// A and B are.\n\tA int\n\tB int\n}", ""},
		{"comment behind", "// T is.\ntype T struct {\n\tA int // is\n}", ""},
		{"not exported", "type t struct{ A int }\n\nfunc (t) M() {}\n\nfunc f() {}", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, "p/a.go", "// Package p is.\npackage p\n\n"+test.text+"\n")
			plant(t, dir, "p/a_test.go", "package p\n\nfunc Undocumented() {}\n")
			expect(t, checkDocs(dir, "p"), test.want)
		})
	}
	dir := t.TempDir()
	plant(t, dir, "p/a.go", "package p\n")
	expect(t, checkDocs(dir, "p"), "package p has no doc comment")
}

// TestMessages: errors and the log name settings, not the identifiers of Go that stand for them.
func TestMessages(t *testing.T) {
	seen := map[string]bool{}
	for _, src := range moduleSources(t) {
		pkg := src.pkg
		if seen[pkg] || strings.HasPrefix(pkg, "internal/sim") || strings.HasPrefix(pkg, "internal/mutants") || strings.HasPrefix(pkg, "test/") ||
			strings.HasSuffix(pkg, "test") || pkg == "internal/suite" || pkg == "internal/statetable" || strings.HasPrefix(pkg, "internal/peers") {
			continue // which tests run, and nobody else
		}
		seen[pkg] = true
		if err := checkMessages("../..", pkg); err != nil {
			t.Error(err)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d packages", len(seen))
	}
}

// TestPlantedMessages shows which texts are found.
func TestPlantedMessages(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`var e = errors.New("set MaxWork")`, "names MaxWork"},
		{`var e = fmt.Errorf("raise " + "maxBytes " + "of %d", 1)`, "names maxBytes"},
		{`func f() { log.Warn("no ErrBusy") }`, "names ErrBusy"},
		{`var e = errors.New("JetStream has --max-work")`, ""},
		{`var e = join("set MaxWork")`, ""},
	} {
		dir := t.TempDir()
		plant(t, dir, "p/a.go", "package p\n\n"+test.text+"\n")
		expect(t, checkMessages(dir, "p"), test.want)
	}
}

// plant writes a file below dir.
func plant(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// expect fails unless err has the text want; an empty want is no error.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("got %v, want no error", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want an error with %q", err, want)
	}
}
