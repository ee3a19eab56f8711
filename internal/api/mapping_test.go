package api_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/mapping"
)

// mappings are two: value, of JSON, and row, of CSV.
func mappings(t *testing.T) *mapping.Set {
	t.Helper()
	var declared yaml.Node
	if err := yaml.Unmarshal([]byte(`
value: {mode: replace, s: "http://e/$(id)", po: [["http://e/p", $(v)]]}
row: {format: csv, s: "http://e/$(id)", po: [["http://e/p", $(v)]]}
count:
  update: "DELETE { ?s <http://e/n> ?o } INSERT { ?s <http://e/n> ?m } WHERE { OPTIONAL { ?s <http://e/n> ?o } BIND(COALESCE(?o, 0) + ?v AS ?m) }"
  bind: {s: "http://e/$(id)~iri", v: $(v)}
far: {update: "DELETE WHERE { ?s ?p ?v . ?v ?q ?x }", bind: {s: "http://e/$(id)~iri"}}
`), &declared); err != nil {
		t.Fatal(err)
	}
	set, mistakes := mapping.Declaration{Mappings: declared.Content[0]}.Compile()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return set
}

// TestMappedIsBounded: what a mapping makes counts among the bytes of documents that are under way.
func TestMappedIsBounded(t *testing.T) {
	base := realNode(t, api.Config{Mappings: mappings(t), MaxBody: 64 << 10, MaxBodies: 80 << 10})
	document := strings.Repeat("{\"id\": 1, \"v\": 1}\n", 700)
	for range 2 {
		answer, body := call(t, "POST", base+"/v1/changes?mapping=value", document, "Content-Type", "application/json")
		if answer.StatusCode != 503 || !strings.Contains(body, `"code":"busy"`) {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
	}
	if _, body := call(t, "POST", base+"/v1/changes?mapping=value", document[:36], "Content-Type", "application/json"); !strings.Contains(body, `"adds":1`) {
		t.Error(body)
	}
}

// TestMapped: a document goes through the mapping that is asked for, and what replaces does, once for each key.
func TestMapped(t *testing.T) {
	base := realNode(t, api.Config{Mappings: mappings(t)})
	for i, step := range []struct{ mapping, media, key, document, says, data string }{
		{"value", "application/json", "", `{"id": 1, "v": 1}`, `"adds":1,"deletes":0`, "1"},
		{"value", "application/json; charset=utf-8", "k", `{"id": 1, "v": 2}`, `"adds":1,"deletes":1`, "2"},
		{"value", "application/x-ndjson", "", "{\"id\": 1, \"v\": 2}\n{\"id\": 1, \"v\": 3}\n", `"adds":1,"deletes":1`, "3"},
		{"value", "application/json", "k", `{"id": 1, "v": 2}`, `"duplicate":true`, "3"},
		{"row", "text/csv", "", "id,v\n1,x\n", `"adds":1,"deletes":0`, "3 x"},
		{"value", "application/json", "", `{"id": 1, "v": null}`, `"adds":0,"deletes":2`, ""},
		{"value", "application/json", "", `{"v": 1}`, `"code":"not_mapped"`, ""},
		{"value", "application/json", "", `{"id": 1, "v": 1} x`, `"code":"not_mapped"`, ""},
		{"value", "text/csv", "", "id,v\n", `"code":"unsupported_media_type"`, ""},
		{"other", "text/csv", "", "id,v\n", "there is no mapping \\\"other\\\"; there is count, far, row, value", ""},
		{"count", "application/json", "n", `{"id": 1, "v": 2}`, `"adds":1,"deletes":0`, "2"},
		{"count", "application/json", "n", `{"id": 1, "v": 2}`, `"duplicate":true`, "2"},
		{"count", "application/x-ndjson", "", "{\"id\": 1, \"v\": 3}\n{\"id\": 2, \"v\": 1}\n{\"id\": 1, \"v\": 4}", `"adds":2,"deletes":1`, "9 1"},
		{"count", "application/json", "", `{"id": 1}`, `"code":"not_mapped"`, "9 1"},
		{"far", "application/json", "", `{"id": 1}`, `"code":"not_local"`, "9 1"},
	} {
		headers := []string{"Content-Type", step.media}
		if step.key != "" {
			headers = append(headers, "Idempotency-Key", step.key)
		}
		if _, body := call(t, "POST", base+"/v1/changes?mapping="+step.mapping, step.document, headers...); !strings.Contains(body, step.says) {
			t.Errorf("step %d: %s, expected %s", i, body, step.says)
		}
		_, data := call(t, "GET", base+"/v1/data", "")
		var values []string
		for line := range strings.Lines(data) {
			_, value, _ := strings.Cut(line, `"`)
			value, _, _ = strings.Cut(value, `"`)
			values = append(values, value)
		}
		if got := strings.Join(values, " "); got != step.data {
			t.Errorf("step %d: %s, expected %s", i, got, step.data)
		}
	}
}
