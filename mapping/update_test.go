package mapping_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/sparql"
)

// compiled compiles mappings with the prefix ex.
func compiled(t *testing.T, text string) (*mapping.Set, []*mapping.Mistake) {
	t.Helper()
	var prefixes, mappings yaml.Node
	if err := yaml.Unmarshal([]byte(`{ex: "http://e/"}`), &prefixes); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(text), &mappings); err != nil {
		t.Fatal(err)
	}
	return mapping.Declaration{Prefixes: prefixes.Content[0], Mappings: mappings.Content[0]}.Compile()
}

const starts = `
starts:
  over: $.starts[*]
  when: row.n > 0
  update: |
    DELETE { ?pump ex:starts ?old } INSERT { ?pump ex:starts ?new ; ex:last ?text }
    WHERE { OPTIONAL { ?pump ex:starts ?old } BIND(COALESCE(?old, 0) + ?n AS ?new) }
  bind:
    pump: ex:pump/$(id)~iri
    n: $(n)
    text: {value: $(text), language: en}
`

// TestUpdates: each row makes an update with its values as terms, whatever stands in them.
func TestUpdates(t *testing.T) {
	set, mistakes := compiled(t, starts)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	m, err := set.Get("starts")
	if err != nil || !m.MakesUpdates() {
		t.Fatal(err)
	}
	const evil = `\" } } ; DROP ALL ; INSERT DATA { <x:a> <x:b> \"`
	body, media, err := m.Append([]byte("before "), mapping.Message{Body: []byte(`{"starts": [{"id": "7> <x:y", "n": 2, "text": "` + evil + `"}, {"n": 0}, {"id": 8, "n": 1, "text": "$(id) ?pump"}]}`)})
	if err != nil || media != patch.UpdateMediaType {
		t.Fatal(media, err)
	}
	got, err := sparql.ParseUpdate(strings.TrimPrefix(string(body), "before  ;\n"))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	const each = "DELETE { PUMP ex:starts ?old } INSERT { PUMP ex:starts ?new ; ex:last TEXT } WHERE { OPTIONAL { PUMP ex:starts ?old } BIND(COALESCE(?old, 0) + N AS ?new) }"
	want, err := sparql.ParseUpdate("PREFIX ex: <http://e/> " +
		strings.NewReplacer("PUMP", "<http://e/pump/7%3E%20%3Cx%3Ay>", "TEXT", `"`+evil+`"@en`, "N AS", "2 AS").Replace(each) + ";" +
		strings.NewReplacer("PUMP", "<http://e/pump/8>", "TEXT", `"$(id) ?pump"@en`, "N AS", "1 AS").Replace(each))
	if err != nil {
		t.Fatal(err)
	}
	want.Prologue = sparql.Prologue{}
	if got.String() != want.String() {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
}

// TestUpdatesAreRefused: a message that lacks a value, which would stand for anything, or has several, or one that can't stand there.
func TestUpdatesAreRefused(t *testing.T) {
	set, mistakes := compiled(t, strings.Replace(starts, "ex:pump/$(id)~iri", "$(id)~iri", 1))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	m, _ := set.Get("starts")
	for message, why := range map[string]string{
		`{"starts": [{"n": 2, "text": ""}]}`:                      `mapping "starts", document 1: bind.pump: $(id) is missing, or null`,
		`{"starts": [{"id": "x:a", "n": 2, "text": null}]}`:       "bind.text: $(text) is missing, or null",
		`{"starts": [{"id": "x:a", "n": 2, "text": ["a", "b"]}]}`: "bind.text: it has 2 values, expected one",
		`{"starts": [{"id": "x:a", "n": 2, "text": []}]}`:         "bind.text",
		`{"starts": [{"id": "no iri", "n": 2, "text": ""}]}`:      "bind.pump",
	} {
		body, _, err := m.Append([]byte("before"), mapping.Message{Body: []byte(message)})
		if err == nil || !strings.Contains(err.Error(), why) || string(body) != "before" {
			t.Errorf("%s: %s, %v, expected %s", message, body, err, why)
		}
	}
	if _, err := m.AppendPatch(nil, mapping.Message{Body: []byte("{}")}); err == nil {
		t.Error("updates are a patch")
	}
	if body, _, err := m.Append(nil, mapping.Message{Body: []byte("{}")}); err != nil || len(body) > 0 {
		t.Errorf("%s, %v", body, err)
	}
}

// TestUpdateMistakes: what can never be right is told when the file is read.
func TestUpdateMistakes(t *testing.T) {
	for text, why := range map[string]string{
		"m: {update: 'DELETE WHERE { <x:s> }'}":                                                 "update, line 1, column 22 of its text",
		"m: {update: 'DELETE WHERE { unknown:s ?p ?o }'}":                                       "update, line 1",
		"m: {update: 'DELETE WHERE { <x:s> ?p ?o }', s: ex:a}":                                  "s: an update says itself what it changes",
		"m: {update: 'DELETE WHERE { <x:s> ?p ?o }', bind: {q: $(a)}}":                          "it has no variable ?q",
		"m: {update: 'INSERT { <x:s> <x:p> ?v } WHERE { BIND(1 AS ?v) }', bind: {v: $(a)}}":     "?v: BIND gives it a value",
		"m: {update: 'DELETE WHERE { <x:s> ?p ?o }', bind: {o: {value: $(a), required: true}}}": "bind.o: a variable has one value, always",
		"m: {s: ex:a, po: [[ex:p, $(a)]], bind: {o: $(a)}}":                                     "bind: it gives the variables of an update",
		"m: [{update: 'DELETE WHERE { <x:s> ?p ?o }'}, {s: ex:a, po: [[ex:p, $(a)]]}]":          "some rules make updates, and others quads",
		"m: {format: jsonld, context: {}, update: 'DELETE WHERE { <x:s> ?p ?o }'}":              "update: the format jsonld",
	} {
		_, mistakes := compiled(t, text)
		if len(mistakes) == 0 || !strings.Contains(mistakes[0].Error(), why) {
			t.Errorf("%s: %v, expected %s", text, mistakes, why)
		}
	}
}
