package api_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/api"
)

// TestPostUpdate: what becomes of an update over HTTP: committed, a mistake with its place, one that no shard can do alone, a dead letter.
func TestPostUpdate(t *testing.T) {
	base := realNode(t, api.Config{})
	for i, step := range []struct {
		text   string
		status int
		says   string
	}{
		{"INSERT DATA { <http://e/1> <http://e/n> 1 . <http://e/2> <http://e/n> 1 }", 200, `"adds":2,"deletes":0`},
		{"DELETE { <http://e/1> <http://e/n> ?n } INSERT { <http://e/1> <http://e/n> ?m } WHERE { <http://e/1> <http://e/n> ?n BIND(?n + 1 AS ?m) }", 200, `"adds":1,"deletes":1`},
		{"DELETE WHERE { <http://e/1> }", 400, `"code":"syntax"`},
		{"DELETE\nWHERE { <http://e/1> }", 400, `"line":2,"column":22`},
		{"DELETE WHERE { <http://e/1> ?p ?o .\n <http://e/2> ?q ?o }", 422, `"code":"not_local"`},
		{"DELETE WHERE { <http://e/1> ?p ?o .\n <http://e/2> ?q ?o }", 422, `"line":2,"column":2`},
		{"LOAD <http://e/>", 422, `"code":"not_local"`},
		{"DELETE WHERE { <http://e/1> ?p ?o }", 200, `"adds":0,"deletes":1`},
	} {
		answer, body := call(t, "POST", base+"/v1/changes", step.text, "Content-Type", "application/sparql-update")
		if answer.StatusCode != step.status || !strings.Contains(body, step.says) {
			t.Errorf("step %d: %d %s, expected %s", i, answer.StatusCode, body, step.says)
		}
	}
}
