package clients

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// curl is the requests of docs/http.md, as a shell makes them.
func curl(t *testing.T, door string) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	sparql, graph := door+"/sparql", door+"/data?graph=http://curl.example/graph"
	var rows strings.Builder
	for i := range large {
		fmt.Fprintf(&rows, "<http://curl.example/s%d> <http://curl.example/n> %d .\n", i, i)
	}
	for _, step := range []struct {
		name, status, want, input string
		args                      []string
	}{
		{"update", "200 application/json", `"adds":2`, "",
			[]string{sparql, "-H", "Content-Type: application/sparql-update", "--data-binary",
				`INSERT DATA { <http://curl.example/ü> <http://curl.example/p> "Grüße 東京 👋"@de-AT, [] }`}},
		{"update by a form", "200 application/json", `"adds":1`, "",
			[]string{sparql, "--data-urlencode", `update=INSERT DATA { <http://curl.example/ü> <http://curl.example/q> 1 }`}},
		{"select", "200 application/sparql-results+json", `"xml:lang":"de-at","value":"Grüße 東京 👋"`, "",
			[]string{"-G", sparql, "--data-urlencode", `query=SELECT ?o { <http://curl.example/ü> <http://curl.example/p> ?o }`}},
		{"select by POST", "200 text/csv; charset=utf-8", "o\r\n1\r\n", "",
			[]string{sparql, "-H", "Accept: text/csv", "-H", "Content-Type: application/sparql-query", "--data-binary",
				`SELECT ?o { <http://curl.example/ü> <http://curl.example/q> ?o }`}},
		{"ask", "200 application/sparql-results+json", `"boolean":true`, "",
			[]string{"-G", sparql, "--data-urlencode", `query=ASK { <http://curl.example/ü> <http://curl.example/p> ?b FILTER(ISBLANK(?b)) }`}},
		{"construct", "200 application/n-triples", "<http://curl.example/x> <http://curl.example/q> \"1\"^^", "",
			[]string{"-G", sparql, "-H", "Accept: application/n-triples", "--data-urlencode",
				`query=CONSTRUCT { <http://curl.example/x> <http://curl.example/q> ?o } WHERE { <http://curl.example/ü> <http://curl.example/q> ?o }`}},
		{"empty", "200 text/csv; charset=utf-8", "s\r\n", "",
			[]string{"-G", sparql, "-H", "Accept: text/csv", "--data-urlencode", `query=SELECT ?s { ?s <http://none.example/> ?o }`}},
		{"syntax", "400 application/problem+json", `"code":"syntax"`, "", []string{"-G", sparql, "--data-urlencode", `query=SELECT ?s { ?s ?p }`}},
		{"graph put", "201 application/json", `"adds":20000`, rows.String(),
			[]string{"-X", "PUT", "-H", "Content-Type: text/turtle", "--data-binary", "@-", graph}},
		{"graph get", "200 application/n-triples", "<http://curl.example/s19999>", "", []string{"-H", "Accept: application/n-triples", graph}},
		{"graph post of a form", "200 application/json", `"adds":1`, "<http://curl.example/s0> <http://curl.example/n> 0, -1 .",
			[]string{"-F", "a=@-;filename=a.ttl", "-F", `b=PREFIX c: <http://curl.example/> c:s1 c:n 1 .;type=text/turtle`, graph}},
		{"graph delete", "200 application/json", `"deletes":20001`, "", []string{"-X", "DELETE", graph}},
		{"graph gone", "404 application/problem+json", `"code":"not_found"`, "", []string{graph}},
	} {
		cmd := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "-m", "30", "-w", "\n%{http_code} %{content_type}"}, step.args...)...)
		cmd.Stdin = strings.NewReader(step.input)
		out, err := cmd.CombinedOutput()
		text := string(out)
		at := strings.LastIndexByte(text, '\n')
		if err != nil || text[at+1:] != step.status || !strings.Contains(text[:max(at, 0)], step.want) {
			t.Errorf("%s: %v: expected %s with %s, found %.500s … %s", step.name, err, step.status, step.want, text, text[at+1:])
		}
	}
}
