package api_test

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// description is a document of RDF by subject and predicate, whose local name alone counts.
type description map[rdf.Term]map[string][]rdf.Term

func localName(t rdf.Term) string {
	text := t.Value()
	return text[strings.LastIndexAny(text, "#/")+1:]
}

func describeFile(t *testing.T, file string) description {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := description{}
	err = turtle.Parse(text, func(q rdf.Quad) error {
		if q = q.Clone(); d[q.S] == nil {
			d[q.S] = map[string][]rdf.Term{}
		}
		d[q.S][localName(q.P)] = append(d[q.S][localName(q.P)], q.O)
		return nil
	}, turtle.Base("file:///"))
	if err != nil {
		t.Fatal(file, err)
	}
	return d
}

// one is the only object of a predicate, the zero Term if there is none.
func (d description) one(s rdf.Term, p string) rdf.Term {
	if all := d[s][p]; len(all) > 0 {
		return all[0]
	}
	return rdf.Term{}
}

// list are the items of a list.
func (d description) list(head rdf.Term) (items []rdf.Term) {
	for len(d[head]["first"]) > 0 {
		items = append(items, d.one(head, "first"))
		head = d.one(head, "rest")
	}
	return items
}

// header is a request's, or that of an expected answer.
func (d description) header(s rdf.Term) http.Header {
	h := http.Header{}
	for _, item := range d.list(d.one(s, "headers")) {
		h.Add(d.one(item, "fieldName").Value(), d.one(item, "fieldValue").Value())
	}
	return h
}

// body is a text in its encoding.
func (d description) body(s rdf.Term) string {
	content := d.one(s, "body")
	text := d.one(content, "chars").Value()
	if d.one(content, "characterEncoding").Value() != "UTF-16" {
		return text
	}
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b.WriteByte(byte(unit >> 8))
		b.WriteByte(byte(unit))
	}
	return b.String()
}

// protocolRun runs a test of a manifest against a node.
type protocolRun struct {
	t         *testing.T
	d         description
	base      string // of the node
	variables []string
	mistakes  []string
}

func (r *protocolRun) failed(format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Sprintf(format, args...))
}

// request makes one request of the test and looks at its answer.
func (r *protocolRun) request(s rdf.Term) {
	filled := strings.NewReplacer(r.variables...)
	path := filled.Replace(r.d.one(s, "absolutePath").Value())
	switch {
	case strings.HasPrefix(path, "/sparql/"):
		path = "/sparql" + strings.TrimPrefix(path, "/sparql/")
	case strings.HasPrefix(path, "/gsp"):
		path = "/data" + strings.TrimPrefix(path, "/gsp")
	}
	q, err := http.NewRequest(r.d.one(s, "methodName").Value(), r.base+path, strings.NewReader(filled.Replace(r.d.body(s))))
	if err != nil {
		r.t.Fatal(err)
	}
	var header []string
	for name, values := range r.d.header(s) {
		for _, value := range values {
			header = append(header, name, value)
		}
	}
	answer, body := send(r.t, q, append(header, "Host", "www.example")...)
	r.look(r.d.one(s, "resp"), answer, body, fmt.Sprintf("%s %s", q.Method, path))
}

// look compares an answer with what is expected.
func (r *protocolRun) look(want rdf.Term, answer *http.Response, body, what string) {
	statuses := r.d[want]["expectedStatus"]
	if !slices.ContainsFunc(statuses, func(s rdf.Term) bool { return hasStatus(localName(s), answer.StatusCode) }) {
		r.failed("%s: %d, expected %v: %.300s", what, answer.StatusCode, statuses, body)
		return
	}
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if boolean := r.d.one(want, "expectedBoolean"); !boolean.IsZero() {
		if !strings.Contains(strings.ReplaceAll(body, " ", ""), `"boolean":`+boolean.Value()) {
			r.failed("%s: expected %s: %.300s", what, boolean, body)
		}
	}
	_, rows := results.ByMediaType(media)
	switch format := r.d.one(want, "expectedFormat").Value(); {
	case format == "RDF" && media != "text/turtle", (format == "tabular" || format == "boolean") && !rows:
		r.failed("%s: expected %s, found %s", what, format, media)
	}
	if variable := r.d.one(want, "expectedLocation"); !variable.IsZero() {
		r.variables = append(r.variables, variable.Value(), answer.Header.Get("Location"))
	}
	if text := r.d.body(want); text != "" && !isomorphic(r.t, body, text) {
		r.failed("%s: expected\n%s\nfound\n%s", what, text, body)
	}
}

// hasStatus reports whether a status is one of a name, such as StatusCode2xx.
func hasStatus(name string, status int) bool {
	if class, ok := strings.CutPrefix(name, "StatusCode"); ok {
		return class[0] == byte('0'+status/100)
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "") == name
}

func isomorphic(t *testing.T, a, b string) bool {
	t.Helper()
	var of [2][]rdf.Quad
	for i, text := range []string{a, b} {
		if err := turtle.Parse([]byte(text), func(q rdf.Quad) error { of[i] = append(of[i], q.Clone()); return nil }); err != nil {
			t.Errorf("%v: %s", err, text)
			return false
		}
	}
	same, err := canon.Isomorphic(of[0], of[1])
	if err != nil {
		t.Fatal(err)
	}
	return same
}

// setUp empties the node and loads the graphs of a test.
func (r *protocolRun) setUp(test rdf.Term, dir string) {
	_, all := call(r.t, "GET", r.base+"/v1/data", "")
	var patch strings.Builder
	for line := range strings.Lines(all) {
		patch.WriteString("D " + line)
	}
	post(r.t, r.base, patchType, patch.String())
	for _, data := range r.d[test]["graphData"] {
		text, err := os.ReadFile(filepath.Join(dir, localName(r.d.one(data, "graph"))))
		if err != nil {
			r.t.Fatal(err)
		}
		name := url.QueryEscape(r.d.one(data, "label").Value())
		if answer, body := call(r.t, "PUT", r.base+"/data?graph="+name, string(text), "Content-Type", "application/n-triples"); answer.StatusCode/100 != 2 {
			r.t.Fatalf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
}

// expectedFailures are the tests that fail, by name, with the reason; the list is exact.
func expectedFailures(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, why, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			list[name] = why
		}
	}
	return list
}

// TestW3C runs the W3C's tests of the SPARQL Protocol and of the Graph Store Protocol, as their manifests describe them, against a node that
// listens. What fails is in testdata/w3c.txt, with the reason, and nothing else is.
func TestW3C(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql", "sparql11")
	known := expectedFailures(t, "testdata/w3c.txt")
	base := keyedNode(t, graph.Dataset, api.Config{Access: api.Access{Hosts: []string{"www.example"}}})
	for _, manifest := range []struct {
		file  string
		tests int
	}{{"protocol/manifest.ttl", 34}, {"graph-store-protocol/manifest-direct.ttl", 5}, {"graph-store-protocol/manifest-indirect.ttl", 9}} {
		file := filepath.Join(root, manifest.file)
		d := describeFile(t, file)
		ran := 0
		for test, properties := range d {
			if len(properties["action"]) == 0 {
				continue
			}
			ran++
			r := &protocolRun{t: t, d: d, base: base}
			r.setUp(test, filepath.Dir(file))
			for _, request := range d.list(d.one(d.one(test, "action"), "requests")) {
				r.request(request)
			}
			name := localName(test)
			switch why, listed := known[name]; {
			case len(r.mistakes) > 0 && !listed:
				t.Errorf("%s: %s", name, strings.Join(r.mistakes, "\n"))
			case len(r.mistakes) == 0 && listed:
				t.Errorf("%s is passed, and testdata/w3c.txt says: %s", name, why)
			}
			delete(known, name)
		}
		if ran != manifest.tests {
			t.Errorf("%s: %d tests ran, expected %d", manifest.file, ran, manifest.tests)
		}
	}
	for name := range known {
		t.Errorf("testdata/w3c.txt names %s, which no manifest has", name)
	}
}

// TestServiceDescription: what the W3C's three tests of SPARQL 1.1 Service Description ask for in words: the endpoint gives RDF, which says
// that it is the endpoint of a service, and uses the vocabulary as its schema says.
func TestServiceDescription(t *testing.T) {
	base := realNode(t, api.Config{})
	answer, body := call(t, "GET", base+"/sparql", "")
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/turtle; charset=utf-8" {
		t.Fatalf("%d %v: %s", answer.StatusCode, answer.Header, body)
	}
	const sd = "http://www.w3.org/ns/sparql-service-description#"
	ranges := map[string]string{ // properties of a service, and of what they name
		"endpoint": "", "supportedLanguage": "", "resultFormat": "", "defaultDataset": "Dataset", "defaultGraph": "Graph",
	}
	types := map[rdf.Term]string{}
	var statements []rdf.Quad
	err := turtle.Parse([]byte(body), func(q rdf.Quad) error {
		q = q.Clone()
		statements = append(statements, q)
		if localName(q.P) == "type" {
			types[q.S] = strings.TrimPrefix(q.O.Value(), sd)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := false
	for _, q := range statements {
		name, ours := strings.CutPrefix(q.P.Value(), sd)
		if !ours {
			continue
		}
		want, there := ranges[name]
		if !there || want != "" && types[q.O] != want {
			t.Errorf("%s: expected a %s", q, want)
		}
		endpoint = endpoint || name == "endpoint" && types[q.S] == "Service" && q.O.Value() == base+"/sparql"
	}
	if !endpoint {
		t.Errorf("no endpoint %s/sparql: %s", base, body)
	}
}
