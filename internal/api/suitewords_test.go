package api_test

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/suite"
)

// message is a request, or an answer, as a test has it in its text: the first line, the header, the body.
type message struct {
	first  string
	header http.Header
	body   string
}

// messageOf reads what is further in, below a heading.
func messageOf(text, heading string) (m message) {
	_, text, _ = strings.Cut(text, heading)
	text, _, _ = strings.Cut(text, "\n####")
	m.header = http.Header{}
	var lines []string
	for line := range strings.Lines(text) {
		if line, in := strings.CutPrefix(line, "    "); in || len(lines) > 0 {
			lines = append(lines, line)
		}
	}
	rest := strings.Join(lines, "")
	m.first, rest, _ = strings.Cut(rest, "\n")
	for rest != "" {
		var line string
		if line, rest, _ = strings.Cut(rest, "\n"); strings.TrimSpace(line) == "" {
			break
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			m.header.Add(name, strings.TrimSpace(value))
		}
	}
	m.body = strings.TrimSpace(rest)
	return m
}

// sameStatus reports whether a status is what is expected: one with a body, or without, where the change was made.
func sameStatus(want string, got int) bool {
	code, _, _ := strings.Cut(strings.TrimSpace(want), " ")
	n, err := strconv.Atoi(code)
	return err == nil && (n == got || (n == 200 || n == 204) && (got == 200 || got == 204))
}

// TestW3CWords runs the W3C's earlier tests of the Graph Store Protocol, whose requests and answers stand in their texts, one behind the
// other. Later tests are in their place, see TestW3C; so what contradicts those is in testdata/w3c-words.txt, as is what a node doesn't do.
func TestW3CWords(t *testing.T) {
	d := describeFile(t, filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql", "sparql11", "http-rdf-update", "manifest.ttl"))
	known := expectedFailures(t, "testdata/w3c-words.txt")
	base := keyedNode(t, graph.Dataset, api.Config{Access: api.Access{Hosts: []string{"www.example"}}})
	filled := strings.NewReplacer("$HOST$/$GRAPHSTORE$", "www.example/data", "$GRAPHSTORE$", "/data", "$HOST$", "www.example",
		"$NEWPATH$", "$LOCATION$")
	location, ran := "", 0
	for manifest := range d {
		for _, test := range d.list(d.one(manifest, "entries")) {
			ran++
			r := &protocolRun{t: t, d: d, base: base}
			for _, comment := range d[test]["comment"] {
				if text := comment.Value(); strings.Contains(text, "#### Request") {
					r.words(filled.Replace(text), &location)
				}
			}
			name := localName(test)
			switch why, listed := known[name]; {
			case len(r.mistakes) > 0 && !listed:
				t.Errorf("%s: %s", name, strings.Join(r.mistakes, "\n"))
			case len(r.mistakes) == 0 && listed:
				t.Errorf("%s is passed, and testdata/w3c-words.txt says: %s", name, why)
			}
			delete(known, name)
		}
	}
	if ran != 18 || len(known) > 0 {
		t.Errorf("%d tests ran, expected 18; the list names others: %v", ran, known)
	}
}

// words makes the request of a test, and looks at its answer.
func (r *protocolRun) words(text string, location *string) {
	request, want := messageOf(text, "#### Request"), messageOf(text, "#### Response")
	line := strings.Fields(strings.ReplaceAll(request.first, "$LOCATION$", *location))
	if len(line) < 2 {
		r.failed("no request: %q", request.first)
		return
	}
	q, err := http.NewRequest(line[0], r.base+strings.TrimPrefix(line[1], "http://www.example"), strings.NewReader(request.body))
	if err != nil {
		r.failed("%v", err)
		return
	}
	var header []string
	for name := range request.header {
		if name != "Content-Length" {
			header = append(header, name, request.header.Get(name))
		}
	}
	answer, body := send(r.t, q, append(header, "Host", "www.example")...)
	if !sameStatus(want.first, answer.StatusCode) {
		r.failed("%s: %d, expected %s: %.200s", request.first, answer.StatusCode, want.first, body)
		return
	}
	if place := answer.Header.Get("Location"); place != "" {
		*location = place
	}
	if want.body != "" && strings.HasPrefix(want.header.Get("Content-Type"), "text/turtle") && q.Method == http.MethodGet && !isomorphic(r.t, body, want.body) {
		r.failed("%s: expected\n%s\nfound\n%s", request.first, want.body, body)
	}
}
