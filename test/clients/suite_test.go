package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite"
)

// suiteLine is what rdf-test-suite says of a test: whether it is passed, and its name.
var suiteLine = regexp.MustCompile(`(?m)^(✔|✖) .*\(http[^ )]*#([^ )]+)\)`)

// TestSuite runs the W3C's tests of the SPARQL Protocol, the Graph Store Protocol and of Service Description as rdf-test-suite understands
// them. What fails is in testdata/suite.txt, with the reason, and nothing else is.
func TestSuite(t *testing.T) {
	root, err := filepath.Abs(filepath.Join(suite.Root(t), "w3c", "rdf-tests"))
	if err != nil {
		t.Fatal(err)
	}
	// Their updates load graphs and change them in one request, which only one shard can do as one.
	door := startNode(t, "--shards", shards, "--key", "dataset")
	options := `{"protocolEndpoint":"` + door + `/sparql","graphStoreEndpoint":"` + door + `/data","serviceDescriptionEndpoint":"` + door + `/sparql"}`
	known := knownFailures(t)
	own, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	const sparql11 = "https://w3c.github.io/rdf-tests/sparql/sparql11/"
	for _, m := range []manifest{
		{sparql11 + "protocol/manifest.ttl", "https://w3c.github.io/rdf-tests/~" + root, 34, 34},
		{sparql11 + "graph-store-protocol/manifest.ttl", "https://w3c.github.io/rdf-tests/~" + root, 13, 13},
		{"https://suite.example/service-description.ttl", "https://suite.example/~" + own, 3, 3},
	} {
		m.run(t, options, known)
	}
	for name := range known {
		t.Errorf("testdata/suite.txt names %s, which no manifest has", name)
	}
}

// manifest is one of tests, at an address that stands for a folder, as ADDRESS~FOLDER says.
type manifest struct {
	address, folder string
	passed, tests   int
}

// run runs the tests, and takes those out of known that are in it.
func (m manifest) run(t *testing.T, options string, known map[string]string) {
	t.Helper()
	out, err := run(t, "suite", "engine.cjs", m.address, "-e", "-o", "summary", "-d", "30000", "-i", options, "-m", m.folder+"/")
	if err != nil {
		t.Fatalf("%s: %v\n%s", m.address, err, out)
	}
	passed, tests := 0, 0
	for _, line := range suiteLine.FindAllStringSubmatch(out, -1) {
		good, name := line[1] == "✔", line[2]
		tests++
		if good {
			passed++
		}
		if why, listed := known[name]; good == listed {
			t.Errorf("%s: passed %v, and testdata/suite.txt says %q", name, good, why)
		}
		delete(known, name)
	}
	if passed != m.passed || tests != m.tests {
		t.Errorf("%s: %d of %d passed, expected %d of %d\n%s", m.address, passed, tests, m.passed, m.tests, out)
	}
}

// knownFailures are the tests that fail, by name, with the reason.
func knownFailures(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/suite.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, why, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			known[name] = why
		}
	}
	return known
}
