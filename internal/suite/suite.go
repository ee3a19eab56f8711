// Package suite finds the conformance suites, and reads the W3C manifests, for the tests of the formats. It is no part of
// the product.
package suite

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Test is one entry of a manifest.
type Test struct {
	// Name is the entry's mf:name, Type the local name of its class, such as "TestNQuadsPositiveSyntax".
	Name, Type string
	// Action and Result are file names; Result is empty if the test has none.
	Action, Result string
}

// Root returns the folder of the suites: $QUADRILLE_SUITES, or ../shared/suites seen from the module's root. Without
// it the test is skipped, and fails where the environment has CI=true.
func Root(t testing.TB) string {
	t.Helper()
	root, err := folder(t)
	if err != nil {
		missing(t, "the test suites", err)
	}
	return root
}

// Folder is a folder of the suites, for one that not every copy of them has: it is skipped, or fails, as Root says.
func Folder(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(Root(t), filepath.FromSlash(name))
	if _, err := os.Stat(dir); err != nil {
		missing(t, name, err)
	}
	return dir
}

func missing(t testing.TB, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: missing, and CI=true: %v; set QUADRILLE_SUITES to the folder of the suites", what, err)
	}
	t.Skipf("CONFORMANCE NOT TESTED: %s: missing: %v; set QUADRILLE_SUITES to the folder of the suites", what, err)
}

// Optional is Root for what goes on without the suites: "" then.
func Optional(t testing.TB) string {
	t.Helper()
	root, err := folder(t)
	if err != nil {
		return ""
	}
	return root
}

// folder returns the folder of the suites, and an error if it is not there.
func folder(t testing.TB) (string, error) {
	t.Helper()
	root := os.Getenv("QUADRILLE_SUITES")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared", "suites")
	}
	_, err := os.Stat(root)
	return root, err
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod in any folder above the test")
		}
		dir = parent
	}
}

var (
	comment = regexp.MustCompile(`(?m)^\s*#.*$`)
	// entry matches a test's subject, class and properties up to the dot that ends them. Values of mf:name and
	// rdfs:comment are strings, which may have dots.
	entry  = regexp.MustCompile(`(?s)\S+\s+(?:rdf:type|a)\s+rdft:(Test\w+)\s*;((?:""".*?"""|"(?:[^"\\]|\\.)*"|<[^>]*>|[^."<])*)\.`)
	name   = regexp.MustCompile(`mf:name\s+"((?:[^"\\]|\\.)*)"`)
	action = regexp.MustCompile(`mf:action\s+<([^>]*)>`)
	result = regexp.MustCompile(`mf:result\s+<([^>]*)>`)
	listed = regexp.MustCompile(`(?s)mf:entries\s*\((.*?)\)`)
)

// Manifest reads the tests of a manifest.ttl. It fails the test if there are fewer than least, if an entry has no
// action, or if not all that mf:entries lists were found.
func Manifest(t testing.TB, file string, least int) []Test {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tests []Test
	text = comment.ReplaceAll(text, nil)
	for _, m := range entry.FindAllSubmatch(text, -1) {
		test := Test{Type: string(m[1]), Name: first(name, m[2]), Action: first(action, m[2]), Result: first(result, m[2])}
		if test.Action == "" {
			t.Fatalf("%s: entry %q has no action", file, test.Name)
		}
		tests = append(tests, test)
	}
	if n := len(strings.Fields(first(listed, text))); n != len(tests) {
		t.Fatalf("%s: %d tests in mf:entries, but %d were found", file, n, len(tests))
	}
	if len(tests) < least {
		t.Fatalf("%s lists %d tests, expected at least %d", file, len(tests), least)
	}
	return tests
}

func first(re *regexp.Regexp, text []byte) string {
	if m := re.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}
