package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/api"
)

// part is one of a form.
type part struct{ header, body string }

// form writes a form as browsers do.
func form(parts ...part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--xyz\r\n%s\r\n\r\n%s\r\n", p.header, p.body)
	}
	return b.String() + "--xyz--\r\n"
}

// file is a part that has a file of that name, and a type if there is one.
func file(name, media, body string) part {
	header := fmt.Sprintf(`Content-Disposition: form-data; name="f"; filename=%q`, name)
	if media != "" {
		header += "\r\nContent-Type: " + media
	}
	return part{header, body}
}

const partsType = "multipart/form-data; boundary=xyz"

// TestForm: all documents of a form are added to a graph in one change, each read as its own media type says, or the name of its file.
func TestForm(t *testing.T) {
	base := realNode(t, api.Config{})
	g := inGraph(base, "http://e/g")
	body := form(
		file("a.ttl", "application/octet-stream", `<a> <http://e/p> "turtle", [] . _:x <http://e/q> "first" .`),
		file("b.nt", "", `<http://e/a> <http://e/p> "triples" .`),
		file("c.JSON", "application/json", `{"@id": "http://e/a", "http://e/p": "json"}`),
		file("misnamed.nt", "text/turtle; charset=UTF-8", `<a> <http://e/p> "as it says" . _:x <http://e/q> "second" .`),
		part{`Content-Type: application/n-quads`, `<http://e/a> <http://e/p> "quads" <http://e/g> .`},
		file("", "application/octet-stream", ""), // nobody has chosen it
		file("empty.ttl", "text/turtle", ""),
	)
	post := func(want int) {
		t.Helper()
		if answer, text := call(t, "POST", g, body, "Content-Type", partsType, "Idempotency-Key", "k", "Accept", "application/json"); answer.StatusCode != want {
			t.Fatalf("%d %s", answer.StatusCode, text)
		}
	}
	post(201)
	_, once := call(t, "GET", g, "", "Accept", "application/n-triples")
	for _, want := range []string{"turtle", "triples", "json", "as it says", "quads"} {
		if !strings.Contains(once, `<http://e/a> <http://e/p> "`+want+`" .`) {
			t.Errorf("%s is missing in\n%s", want, once)
		}
	}
	nodes := map[string]bool{}
	for line := range strings.Lines(once) {
		if subject, _, _ := strings.Cut(line, " "); strings.HasPrefix(subject, "_:") {
			nodes[subject] = true
		}
	}
	if len(nodes) != 2 || strings.Count(once, "\n") != 8 {
		t.Errorf("each document has blank nodes of its own: %v in\n%s", nodes, once)
	}
	post(200)
	if _, again := call(t, "GET", g, "", "Accept", "application/n-triples"); sorted(again) != sorted(once) {
		t.Errorf("sent again under its key:\n%s\nwas\n%s", again, once)
	}
}

// TestFormIsWholeOrNot: of a form that has a mistake nothing is added, and the mistake is told by part.
func TestFormIsWholeOrNot(t *testing.T) {
	base := realNode(t, api.Config{MaxBody: 16 << 10, MaxBodies: 128 << 10})
	g := inGraph(base, "http://e/g")
	good := file("a.ttl", "", `<http://e/a> <http://e/p> 1 .`)
	for name, test := range map[string]struct {
		media, body string
		status      int
		want        string
	}{
		"no boundary":               {"multipart/form-data", form(good), 400, "no boundary"},
		"no documents":              {partsType, form(file("", "", "")), 400, "no documents"},
		"no parts":                  {partsType, "--xyz--\r\n", 400, "no documents"},
		"cut off":                   {partsType, strings.TrimSuffix(form(good), "--xyz--\r\n"), 400, "part 1 a.ttl"},
		"cut off behind a boundary": {partsType, strings.TrimSuffix(form(good), "--\r\n") + "\r\n", 400, "malformed"},
		"no form":                   {partsType, "<http://e/a> <http://e/p> 1 .", 400, "malformed"},
		"a picture":                 {partsType, form(good, file("b.png", "image/png", "x")), 415, "part 2 b.png"},
		"a field":                   {partsType, form(good, part{`Content-Disposition: form-data; name="graph"`, "http://e/h"}), 415, "part 2 graph"},
		"compressed":                {partsType, form(file("b.ttl.gz", "application/gzip", "x")), 415, "Content-Encoding: gzip"},
		"charset":                   {partsType, form(file("b.ttl", "text/turtle; charset=latin1", "x")), 415, "latin1"},
		"base64":                    {partsType, form(part{"Content-Type: text/turtle\r\nContent-Transfer-Encoding: base64", "eA=="}), 415, "base64"},
		"a patch":                   {partsType, form(good, file("b.rdfp", patchType, "TX .\nTC .\n")), 415, "part 2 b.rdfp"},
		"a mistake":                 {partsType, form(good, file("b.ttl", "", "<http://e/a> <http://e/p>\n .")), 400, "part 2 b.ttl"},
		"another graph":             {partsType, form(good, file("b.nq", "", "<http://e/a> <http://e/p> \"1\" <http://e/h> .")), 422, "part 2 b.nq"},
		"too many":                  {"multipart/form-data; boundary=y", strings.Repeat("--y\r\n\r\n\r\n", 1001) + "--y--\r\n", 413, "more than"},
	} {
		for range 8 { // with what one of them leaves behind, the budget would be used up
			answer, body := call(t, "POST", g, test.body, "Content-Type", test.media)
			if answer.StatusCode != test.status || !strings.Contains(body, test.want) {
				t.Errorf("%s: %d %s", name, answer.StatusCode, body)
			}
			if name == "a mistake" && !strings.Contains(body, `"line":2`) {
				t.Errorf("%s: no line: %s", name, body)
			}
		}
	}
	if answer, body := call(t, "GET", g, ""); answer.StatusCode != 404 {
		t.Errorf("something was added: %s", body)
	}
	if answer, body := call(t, "PUT", g, form(good), "Content-Type", partsType); answer.StatusCode != 415 {
		t.Errorf("PUT takes one document: %d %s", answer.StatusCode, body)
	}
	if answer, body := call(t, "POST", g, form(good), "Content-Type", partsType); answer.StatusCode != 201 {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}
