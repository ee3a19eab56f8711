package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/patch"
)

// TestPostParts: each part is committed for itself, in order, once for each key, and says what became of it.
func TestPostParts(t *testing.T) {
	base := realNode(t, api.Config{})
	c := client.New("")
	defer c.Close()
	const count = "DELETE { <http://e/1> <http://e/n> ?n } INSERT { <http://e/1> <http://e/n> ?m } WHERE { OPTIONAL { <http://e/1> <http://e/n> ?n } BIND(COALESCE(?n, 0) + 1 AS ?m) }"
	update := func(text, key string) client.Part {
		return client.Part{MediaType: patch.UpdateMediaType, Body: []byte(text), Key: key}
	}
	parts := []client.Part{
		update(count, ""),
		update("DELETE\nWHERE { <http://e/1> }", ""),
		update(count, "own"),
		update("DELETE WHERE { <http://e/1> ?p ?o . <http://e/2> ?q ?o }", ""),
		{MediaType: client.TypePatch, Body: []byte("TX .\nD <http://e/1> <http://e/n> \"2\"^^<http://www.w3.org/2001/XMLSchema#integer> .\nTC .\n")},
		update(count, "own"),
		{MediaType: "text/plain"},
		update("ADD <http://e/none> TO <http://e/g>", ""),
		{MediaType: "application/n-triples"},
	}
	for try, want := range []string{
		"+1-0 syntax +1-1 not_local +0-1 again unsupported_media_type not_local +0-0 ",
		"again syntax again not_local again again unsupported_media_type not_local +0-0 ",
	} {
		answer, err := c.SubmitParts(t.Context(), base, "request", parts)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(answer); got != want {
			t.Errorf("try %d: %s\nwant %s", try, got, want)
		}
		if answer.Accepted != 5 || answer.Failed != 4 {
			t.Errorf("try %d: %d accepted, %d failed", try, answer.Accepted, answer.Failed)
		}
		if p := answer.Outcomes[1].Problem; p.Line != 2 || p.Column != 22 {
			t.Errorf("try %d: the mistake is at %d:%d", try, p.Line, p.Column)
		}
	}
	for _, test := range []struct{ media, body, code string }{
		{"multipart/mixed; boundary=b", "--b\r\nContent-Type: application/n-triples\r\n\r\n", `"code":"body"`},
		{"multipart/mixed", "--b--", `"code":"body"`},
		{"multipart/form-data; boundary=b", "--b--", `"code":"unsupported_media_type"`},
		{"multipart/mixed; boundary=b", "--b--", `"outcomes":[]`},
	} {
		if _, body := call(t, "POST", base+"/v1/changes", test.body, "Content-Type", test.media); !strings.Contains(body, test.code) {
			t.Errorf("%s: %s, want %s", test.media, body, test.code)
		}
	}
}

// outcomes are what became of parts, in a word each.
func outcomes(answer client.Outcomes) (text string) {
	for _, o := range answer.Outcomes {
		switch {
		case o.Problem != nil:
			text += o.Problem.Code + " "
		case len(o.Results) > 0 && o.Results[0].Duplicate:
			text += "again "
		default:
			text += fmt.Sprintf("+%d-%d ", o.Adds, o.Deletes)
		}
	}
	return text
}
