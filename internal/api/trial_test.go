package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/patch"
)

const notLocal = `DELETE { ?s <http://e/p> ?o } INSERT { ?o <http://e/of> ?s } WHERE { ?s <http://e/p> ?o . ?o <http://e/q> ?v }`

// TestTrial: what an update would change is given out as the exact patch, also of one that no shard can carry out alone, and nothing is changed;
// the patch, sent as changes, has the effect.
func TestTrial(t *testing.T) {
	base := realNode(t, api.Config{})
	post(t, base, "application/n-triples", "<http://e/a> <http://e/p> <http://e/b> .\n<http://e/b> <http://e/q> \"1\" .\n<http://e/c> <http://e/p> <http://e/d> .\n")
	if answer, body := call(t, "POST", base+"/v1/changes", notLocal, "Content-Type", updateType); answer.StatusCode != 422 || code(t, body) != "not_local" ||
		!strings.Contains(body, "key: graph") || !strings.Contains(body, "POST /v1/delta") {
		t.Fatalf("it is local: %d %s", answer.StatusCode, body)
	}
	_, before := call(t, "GET", base+"/v1/data", "")
	const want = "TX .\nD <http://e/a> <http://e/p> <http://e/b> .\nA <http://e/b> <http://e/of> <http://e/a> .\nTC .\n"
	answer, delta := call(t, "POST", base+"/v1/delta", notLocal, "Content-Type", updateType)
	if answer.StatusCode != 200 || delta != want || answer.Header.Get("Content-Type") != patchType || !strings.HasPrefix(answer.Header.Get(api.CursorHeader), "plant@0:") {
		t.Errorf("%d %v:\n%s", answer.StatusCode, answer.Header, delta)
	}
	answer, binary := call(t, "POST", base+"/v1/delta", notLocal, "Content-Type", updateType, "Accept", patch.BinaryMediaType,
		api.CursorHeader, answer.Header.Get(api.CursorHeader))
	var n patch.Counter
	if err := patch.NewBinaryReader(strings.NewReader(binary)).Run(&n); err != nil || n.Adds != 1 || n.Deletes != 1 || answer.Header.Get("Content-Type") != patch.BinaryMediaType {
		t.Errorf("binary: %v, %+v", err, n)
	}
	if _, after := call(t, "GET", base+"/v1/data", ""); after != before {
		t.Errorf("the data is another one:\n%s", after)
	}
	post(t, base, patchType, delta)
	if _, again := call(t, "POST", base+"/v1/delta", notLocal, "Content-Type", updateType); again != "TX .\nTC .\n" {
		t.Errorf("once it is so there is nothing to change: %s", again)
	}
}

// TestTrialParameters: what a trial may be told besides its text.
func TestTrialParameters(t *testing.T) {
	base := realNode(t, api.Config{})
	post(t, base, "application/n-quads", "<http://e/a> <http://e/p> \"1\" <http://e/g> .\n")
	try := func(query, text string) string {
		t.Helper()
		answer, body := call(t, "POST", base+"/v1/delta"+query, text, "Content-Type", updateType)
		if answer.StatusCode != 200 {
			t.Errorf("%s %s: %d %s", query, text, answer.StatusCode, body)
		}
		return body
	}
	const made = "INSERT DATA { [] <http://e/p> 1 }"
	if one, other := try("?id=x", made), try("?id=x", made); one != other || !strings.Contains(one, "A _:") {
		t.Errorf("with one id: %s and %s", one, other)
	}
	if one, other := try("", made), try("", made); one == other {
		t.Errorf("without id: %s", one)
	}
	const now = "INSERT { <http://e/x> <http://e/at> ?now } WHERE { BIND(NOW() AS ?now) }"
	if body := try("?now=2026-01-31T12:00:00Z", now); !strings.Contains(body, `"2026-01-31T12:00:00`) {
		t.Errorf("now: %s", body)
	}
	const copied = "INSERT { ?s <http://e/copy> ?o } WHERE { ?s <http://e/p> ?o }"
	if body := try("?using-graph-uri=http://e/g&timeout=5", copied); !strings.Contains(body, "A <http://e/a> <http://e/copy>") {
		t.Errorf("using: %s", body)
	}
	if body := try("", "INSERT DATA { <x> <y> <z> }"); !strings.Contains(body, "A <"+base+"/v1/x>") {
		t.Errorf("base: %s", body)
	}
}

// TestTrialProblems: what can't be tried is refused with the code that it has elsewhere.
func TestTrialProblems(t *testing.T) {
	base := realNode(t, api.Config{MaxBody: 1 << 10})
	for _, test := range []struct {
		query, media, text string
		status             int
		want               []string
	}{
		{"", updateType, "INSERT DATA {\n <urn:s> <urn:p> }", 400, []string{`"code":"syntax"`, `"line":2`}},
		{"", updateType, "LOAD <http://e/x>", 422, []string{`"code":"not_local"`, `read it before, and send what is in it"`}},
		{"", updateType, "COPY <urn:none> TO <urn:g>", 422, []string{`"code":"bad_event"`}},
		{"", updateType, strings.Repeat(" ", 2<<10), 413, []string{`"code":"too_large"`}},
		{"", updateType, "\xff", 400, []string{`"code":"body"`}},
		{"", "application/sparql-query", "ASK {}", 415, []string{`"code":"unsupported_media_type"`}},
		{"?now=noon", updateType, "CLEAR ALL", 400, []string{`"code":"bad_parameter"`}},
		{"?timeout=1ns", updateType, "CLEAR ALL", 503, []string{`"code":"timeout"`}},
	} {
		answer, body := call(t, "POST", base+"/v1/delta"+test.query, test.text, "Content-Type", test.media)
		if answer.StatusCode != test.status {
			t.Errorf("%s %.40q: %d %s", test.query, test.text, answer.StatusCode, body)
		}
		for _, want := range test.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s %.40q: expected %s: %s", test.query, test.text, want, body)
			}
		}
	}
	const text = "0123456789abcdef"
	for rights, want := range map[access.Right]int{access.Read: 200, access.Write: 403} {
		token, err := access.NewToken("one", rights, text)
		if err != nil {
			t.Fatal(err)
		}
		guarded := keyedNode(t, graph.Subject, api.Config{Access: api.Access{Tokens: access.NewTokens(token)}})
		r, err := http.NewRequest("POST", guarded+"/v1/delta", strings.NewReader("CLEAR ALL"))
		if err != nil {
			t.Fatal(err)
		}
		if answer, body := send(t, r, "Content-Type", updateType, "Authorization", "Bearer "+text); answer.StatusCode != want {
			t.Errorf("%v: %d %s", rights, answer.StatusCode, body)
		}
	}
}
