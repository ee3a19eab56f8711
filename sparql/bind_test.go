package sparql_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// TestBind: terms come into every place that has the variable, and are terms, whatever is in them; the update stays as it was.
func TestBind(t *testing.T) {
	const text = `DELETE { ?s ?p ?o . GRAPH ?g { ?s <x:q> <<( ?s ?p ?v )>> } } INSERT { ?s ?p ?v } WHERE {
		{ ?s ?p ?o } UNION { ?s (<x:a>|<x:b>)* ?o } OPTIONAL { GRAPH ?g { ?s ?p ?v } } MINUS { ?x ?p ?v } FILTER(?o < ?v && ?v IN (1, ?v) || !(?v = -?v))
		BIND(CONCAT(STR(?s), ?v) AS ?t) FILTER NOT EXISTS { ?s ?p ?v } FILTER(<x:f>(?v))
		{ SELECT ?y (COUNT(?v) AS ?n) { ?y ?p ?v } GROUP BY ?y HAVING(?v > 1) ORDER BY DESC(?v) LIMIT 1 } }; CLEAR DEFAULT`
	u, err := sparql.ParseUpdate(text)
	if err != nil {
		t.Fatal(err)
	}
	before := u.String()
	const evil = `" . } } ; DROP ALL # x`
	value, err := rdf.Literal(evil)
	if err != nil {
		t.Fatal(err)
	}
	terms := map[sparql.Var]rdf.Term{"s": rdf.Trusted("<x:S>"), "p": rdf.Trusted("<x:P>"), "g": rdf.Trusted("<x:G>"), "v": value}
	bound, err := u.Bind(terms)
	if err != nil {
		t.Fatal(err)
	}
	if u.String() != before {
		t.Error("it has changed the update")
	}
	got := bound.String()
	again, err := sparql.ParseUpdate(got)
	if err != nil || again.String() != got || len(again.Operations) != 2 {
		t.Fatalf("%v\n%s", err, got)
	}
	quoted := value.String()
	want := before
	for _, v := range []struct{ name, term string }{{"?s", "<x:S>"}, {"?p", "<x:P>"}, {"?g", "<x:G>"}, {"?v", quoted}} {
		want = strings.ReplaceAll(want, v.name, v.term)
	}
	expected, err := sparql.ParseUpdate(want)
	if err != nil || expected.String() != got {
		t.Errorf("%v\n%s\nexpected\n%s", err, got, want)
	}
}

// TestBindRefuses: what the update gives a value itself, and terms that can't stand in the place.
func TestBindRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"INSERT { <x:s> <x:p> ?v } WHERE { BIND(1 AS ?v) }":                                        "BIND gives it a value",
		"INSERT { <x:s> <x:p> ?v } WHERE { VALUES ?v { 1 } }":                                      "VALUES gives it a value",
		"INSERT { <x:s> <x:p> ?v } WHERE { { SELECT ?v { ?s ?p ?v } } }":                           "SELECT gives it a value",
		"INSERT { <x:s> <x:p> ?n } WHERE { { SELECT (COUNT(*) AS ?n) { ?s ?p ?v } GROUP BY ?v } }": "GROUP BY gives it a value",
		"INSERT { ?v <x:p> 1 } WHERE {}":                                                           "it stands for a subject",
		"INSERT { <x:s> ?v 1 } WHERE {}":                                                           "it stands for a predicate",
		"INSERT { GRAPH ?v { <x:s> <x:p> 1 } } WHERE {}":                                           "it stands for a graph",
		"DELETE WHERE { GRAPH ?v { ?s <x:p> 1 } }":                                                 "it stands for a graph",
		"INSERT { <x:s> <x:p> 1 } WHERE { FILTER(BOUND(?v)) }":                                     "BOUND asks for it",
	} {
		u, err := sparql.ParseUpdate(text)
		if err != nil {
			t.Fatal(text, err)
		}
		_, err = u.Bind(map[sparql.Var]rdf.Term{"v": rdf.Trusted(`"1"`)})
		if !errors.Is(err, sparql.ErrBind) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, expected %s", text, err, why)
		}
	}
	u, _ := sparql.ParseUpdate("INSERT { <x:s> <x:p> ?v } WHERE {}")
	if _, err := u.Bind(map[sparql.Var]rdf.Term{"v": rdf.Trusted("_:b")}); !errors.Is(err, sparql.ErrBind) {
		t.Error(err)
	}
}
