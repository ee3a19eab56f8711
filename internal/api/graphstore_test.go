package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
)

// inGraph is the address of a graph.
func inGraph(base, name string) string { return base + "/data?graph=" + url.QueryEscape(name) }

// TestGraphStore: what each method makes of a graph, whatever the key, with the status that the protocol asks for. Other graphs stay.
func TestGraphStore(t *testing.T) {
	for _, key := range []graph.Key{graph.Subject, graph.Named, graph.Dataset} {
		base := keyedNode(t, key, api.Config{}, some)
		g := inGraph(base, "http://e/new")
		for i, step := range []struct {
			method, address, media, body string
			status                       int
			want                         string // of the graph afterwards, sorted; "-": there is none
		}{
			{"GET", g, "", "", 404, "-"},
			{"HEAD", g, "", "", 404, "-"},
			{"DELETE", g, "", "", 404, "-"},
			{"PUT", g, "text/turtle", "<http://e/a> <http://e/p> 1, 2 . <http://e/b> <http://e/p> 1 .", 201,
				"<http://e/a> <http://e/p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n<http://e/a> <http://e/p> \"2\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n<http://e/b> <http://e/p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n"},
			{"PUT", g, "application/n-quads", "<http://e/a> <http://e/p> \"x\" <http://e/new> .\n<http://e/c> <http://e/p> \"y\" .\n", 200,
				"<http://e/a> <http://e/p> \"x\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"PUT", g, "application/n-quads", "<http://e/a> <http://e/p> \"x\" <http://e/other> .\n", 422,
				"<http://e/a> <http://e/p> \"x\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"PUT", g, "text/turtle", "<http://e/a> <http://e/p>\n .", 400,
				"<http://e/a> <http://e/p> \"x\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"PUT", g, "image/png", "x", 415, "<http://e/a> <http://e/p> \"x\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"POST", g, "application/ld+json", `{"@id": "http://e/a", "http://e/q": "z"}`, 200,
				"<http://e/a> <http://e/p> \"x\" .\n<http://e/a> <http://e/q> \"z\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"POST", g, "application/rdf+xml", `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="a"><q xmlns="http://e/">z</q></r:Description>`, 200,
				"<http://e/a> <http://e/p> \"x\" .\n<http://e/a> <http://e/q> \"z\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"PATCH", g, patchType, "TX .\nD <http://e/a> <http://e/p> \"x\" .\nA <http://e/a> <http://e/p> \"w\" <http://e/new> .\nTC .\n", 200,
				"<http://e/a> <http://e/p> \"w\" .\n<http://e/a> <http://e/q> \"z\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"PATCH", g, patchType, "TX .\nA <http://e/a> <http://e/p> \"x\" <http://e/other> .\nTC .\n", 422,
				"<http://e/a> <http://e/p> \"w\" .\n<http://e/a> <http://e/q> \"z\" .\n<http://e/c> <http://e/p> \"y\" .\n"},
			{"DELETE", g, "", "", 200, "-"},
			{"POST", g, "text/turtle", "<http://e/s> <rel> <> .", 201, "<http://e/s> <http://e/rel> <http://e/new> .\n"},
			{"GET", base + "/data", "", "", 400, "<http://e/s> <http://e/rel> <http://e/new> .\n"},
			{"GET", g + "&default", "", "", 400, "<http://e/s> <http://e/rel> <http://e/new> .\n"},
			{"PUT", g, "application/n-triples", "", 200, "-"},
		} {
			answer, body := call(t, step.method, step.address, step.body, "Content-Type", step.media)
			if answer.StatusCode != step.status {
				t.Errorf("key %s, %d: %s %s: %d %s", key, i, step.method, step.address, answer.StatusCode, body)
			}
			answer, body = call(t, "GET", g, "", "Accept", "application/n-triples")
			if answer.StatusCode == 404 {
				body = "-"
			}
			if sorted(body) != step.want {
				t.Errorf("key %s, %d: %s makes\n%swant\n%s", key, i, step.method, sorted(body), step.want)
			}
		}
		for address, want := range map[string]string{
			inGraph(base, "http://e/g"): "<http://e/a> <http://e/p> \"4\" .\n", base + "/data?default": inDefault + inOther + withQ,
		} {
			if _, body := call(t, "GET", address, "", "Accept", "application/n-triples"); sorted(body) != sorted(want) {
				t.Errorf("key %s: %s is\n%s", key, address, body)
			}
		}
		if answer, body := call(t, "PUT", base+"/data?default", "", "Content-Type", "text/turtle"); answer.StatusCode != 200 {
			t.Errorf("empty: %d %s", answer.StatusCode, body)
		}
		if answer, body := call(t, "GET", base+"/data?default", ""); answer.StatusCode != 200 || body != "" {
			t.Errorf("the default graph is always there: %d %q", answer.StatusCode, body)
		}
		if answer, _ := call(t, "HEAD", base+"/data?default", ""); answer.StatusCode != 200 || answer.Header.Get("ETag") == "" {
			t.Errorf("HEAD: %d", answer.StatusCode)
		}
	}
}

// TestPutIsExact: a statement that stays is no change.
func TestPutIsExact(t *testing.T) {
	base := realNode(t, api.Config{})
	g := inGraph(base, "http://e/g")
	put := func(body string) string {
		t.Helper()
		answer, text := call(t, "PUT", g, body, "Content-Type", "application/n-triples")
		if answer.StatusCode/100 != 2 {
			t.Fatalf("%d %s", answer.StatusCode, text)
		}
		return text
	}
	put(inDefault + inOther)
	if got := put(inDefault + withQ); !strings.Contains(got, `"adds":1,"deletes":1}`) {
		t.Errorf("one goes and one comes: %s", got)
	}
	if got := put(inDefault + withQ); !strings.Contains(got, `"adds":0,"deletes":0}`) {
		t.Errorf("all stay: %s", got)
	}
}

// TestGraphByItsAddress: a graph may be named by the address of the request, and a document without a name gets one.
func TestGraphByItsAddress(t *testing.T) {
	base := realNode(t, api.Config{})
	address := base + "/data/people/1%2F2.ttl"
	answer, body := call(t, "PUT", address, "<> <urn:p> 1 .", "Content-Type", "text/turtle")
	if answer.StatusCode != 201 {
		t.Fatalf("%d %s", answer.StatusCode, body)
	}
	for _, same := range []string{address, inGraph(base, address)} {
		if answer, body := call(t, "GET", same, "", "Accept", "application/n-triples"); answer.StatusCode != 200 || !strings.HasPrefix(body, "<"+address+"> <urn:p>") {
			t.Errorf("%s: %d %s", same, answer.StatusCode, body)
		}
	}
	answer, body = call(t, "POST", base+"/data", "<> <urn:p> 1 .", "Content-Type", "text/turtle")
	place := answer.Header.Get("Location")
	if answer.StatusCode != 201 || !strings.HasPrefix(place, base+"/data/") {
		t.Fatalf("%d at %q: %s", answer.StatusCode, place, body)
	}
	if answer, body := call(t, "GET", place, "", "Accept", "application/n-triples"); answer.StatusCode != 200 || !strings.HasPrefix(body, "<"+place+">") {
		t.Errorf("%s: %d %s", place, answer.StatusCode, body)
	}
}

// TestGraphConditions: a change on a condition is made of the very state that the condition saw, or not at all.
func TestGraphConditions(t *testing.T) {
	for _, key := range []graph.Key{graph.Subject, graph.Named, graph.Dataset} {
		base := keyedNode(t, key, api.Config{})
		g := inGraph(base, "http://e/g")
		change := func(want int, method, body string, header ...string) {
			t.Helper()
			media := "application/n-triples"
			if method == "PATCH" {
				media = patchType
			}
			answer, text := call(t, method, g, body, append(header, "Content-Type", media)...)
			if answer.StatusCode != want || want == 412 && code(t, text) != "precondition_failed" {
				t.Errorf("key %s: %s %v: %d %s", key, method, header, answer.StatusCode, text)
			}
		}
		tag := func(media string) string {
			t.Helper()
			answer, _ := call(t, "GET", g, "", "Accept", media)
			if tag := answer.Header.Get("ETag"); strings.HasPrefix(tag, `"`) {
				return tag
			}
			t.Fatalf("no strong tag: %v", answer.Header)
			return ""
		}
		change(412, "PUT", inDefault, "If-Match", "*")
		change(201, "PUT", inDefault, "If-None-Match", "*")
		change(412, "PUT", inOther, "If-None-Match", "*")
		old := tag("text/turtle")
		if answer, body := call(t, "GET", g, "", "Accept", "text/turtle", "If-None-Match", old); answer.StatusCode != 304 || body != "" {
			t.Errorf("known: %d %s", answer.StatusCode, body)
		}
		if other := tag("application/n-triples"); other == old || strings.Split(other, ".")[0] != strings.Split(old, ".")[0] {
			t.Errorf("tags %s and %s of two forms", old, other)
		}
		change(200, "PUT", inOther, "If-Match", `"another", `+old)
		change(412, "PUT", withQ, "If-Match", old)
		change(412, "POST", withQ, "If-Match", old)
		change(412, "PATCH", "TX .\nTC .\n", "If-Match", old)
		change(412, "DELETE", "", "If-Match", old)
		change(200, "POST", withQ, "If-Match", tag("text/turtle"))
		change(200, "PATCH", "TX .\nA <http://e/z> <http://e/p> \"1\" .\nTC .\n", "If-Match", tag("text/turtle"))
		large := strings.Repeat("x", 200<<10) // each a part of its own, if nothing were to build on them
		change(200, "PATCH", fmt.Sprintf("TX .\nA <http://e/z> <http://e/p> %q .\nTC .\nTX .\nA <http://e/z> <http://e/q> %q .\nTC .\n", large, large),
			"If-Match", tag("text/turtle"))
		change(200, "DELETE", "", "If-Match", tag("text/turtle"))
		change(412, "DELETE", "", "If-Match", "*")
		change(404, "DELETE", "")
	}
}

// submitting notes what is submitted.
func submitting(got *string) func(context.Context, graph.Submission) ([]graph.Result, error) {
	return func(_ context.Context, s graph.Submission) ([]graph.Result, error) {
		*got = string(s.Body)
		return []graph.Result{{}}, nil
	}
}

// TestGraphIsPatchedByUpdate: what the update leaves open is the graph's, and it is about no other.
func TestGraphIsPatchedByUpdate(t *testing.T) {
	n := good()
	var got string
	n.submit = submitting(&got)
	base := serve(t, n, api.Config{})
	for text, want := range map[string]string{
		"INSERT DATA { <urn:s> <urn:p> 1 }":                              "GRAPH <http://e/g>",
		"DELETE { ?s ?p 1 } WHERE { ?s ?p 1 }":                           "WITH <http://e/g>",
		"CLEAR GRAPH <http://e/g>":                                       "CLEAR GRAPH <http://e/g>",
		"INSERT DATA { GRAPH <http://e/h> { <urn:s> <urn:p> 1 } }":       "",
		"WITH <http://e/h> DELETE { ?s ?p 1 } WHERE { ?s ?p 1 }":         "",
		"DELETE { GRAPH ?g { ?s ?p 1 } } WHERE { GRAPH ?g { ?s ?p 1 } }": "",
		"CLEAR DEFAULT":                             "",
		"MOVE <http://e/g> TO <http://e/h>":         "",
		"LOAD <http://e/f> INTO GRAPH <http://e/g>": "",
	} {
		got = ""
		answer, body := call(t, "PATCH", inGraph(base, "http://e/g"), text, "Content-Type", updateType)
		switch {
		case want == "" && (answer.StatusCode != 422 || got != ""):
			t.Errorf("%s: %d %s; sent %q", text, answer.StatusCode, body, got)
		case want != "" && (answer.StatusCode != 200 || !strings.Contains(got, want)):
			t.Errorf("%s: %d %s; sent %q", text, answer.StatusCode, body, got)
		}
	}
	if answer, body := call(t, "PATCH", inGraph(base, "http://e/g"), "CLEAR GRAPH <http://e/g>", "Content-Type", updateType, "If-Match", "*"); answer.StatusCode != 400 {
		t.Errorf("on a condition: %d %s", answer.StatusCode, body)
	}
}

// TestPutOfManyAtOnce: of those who replace a graph at the same time each is whole, in every shard, and of those who do it on
// the same condition one succeeds where the graph is in one shard.
func TestPutOfManyAtOnce(t *testing.T) {
	base := keyedNode(t, graph.Named, api.Config{})
	g := inGraph(base, "http://e/g")
	statuses := make(chan int)
	const writers = 8
	for i := range writers {
		go func() {
			r, err := http.NewRequest("PUT", g, strings.NewReader(fmt.Sprintf("<http://e/a> <http://e/p> \"%d\" .\n<http://e/b> <http://e/p> \"%d\" .\n", i, i)))
			if err != nil {
				t.Error(err)
			}
			answer, _ := send(t, r, "Content-Type", "application/n-triples", "If-None-Match", "*")
			statuses <- answer.StatusCode
		}()
	}
	made := 0
	for range writers {
		if status := <-statuses; status == 201 {
			made++
		} else if status != 412 {
			t.Errorf("status %d", status)
		}
	}
	_, body := call(t, "GET", g, "", "Accept", "application/n-triples")
	lines := strings.Fields(body)
	if made != 1 || len(lines) != 8 || lines[2] != lines[6] {
		t.Errorf("%d have made it: %s", made, body)
	}
}
