package eval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// TestLocalUpdate: which updates shards can carry out alone, and why others can't.
func TestLocalUpdate(t *testing.T) {
	for _, test := range []struct {
		key    eval.Key
		update string
		want   string // the keys, "every", or the end of the reason
	}{
		{eval.KeySubject, "INSERT DATA { :a :p 1 . :b :p 2 }", "<http://e/a> <http://e/b>"},
		{eval.KeyGraph, "INSERT DATA { :a :p 1 . GRAPH :g { :b :p 2 } }", " <http://e/g>"},
		{eval.KeyDataset, "MOVE :a TO :b", ""},
		{eval.KeySubject, "DELETE { :a :p ?o } INSERT { :a :q ?o } WHERE { :a :p ?o }", "<http://e/a>"},
		{eval.KeySubject, "DELETE { ?s :p ?o } INSERT { ?s :q ?o } WHERE { ?s :p ?o OPTIONAL { ?s :r ?r } FILTER NOT EXISTS { ?s :x 1 } }", "every"},
		{eval.KeySubject, "DELETE WHERE { ?s :p ?o . ?o :q ?x }", "line 1, column 48: not local to one shard: it has subject ?o where others have ?s"},
		{eval.KeyGraph, "WITH :g DELETE { ?s :p ?o } WHERE { ?s :p ?o . ?o :q ?x }", "<http://e/g>"},
		{eval.KeyGraph, "DELETE { GRAPH ?g { ?s :p ?o } } WHERE { GRAPH ?g { ?s :p ?o . ?o :q ?x } }", "every"},
		{eval.KeyGraph, "INSERT { GRAPH :h { ?s :p ?o } } WHERE { GRAPH ?g { ?s :p ?o } }", "it has graph <http://e/h> where others have ?g"},
		{eval.KeySubject, "INSERT { ?s :p [ :q 1 ] } WHERE { ?s a :T }", "a new blank node is the subject of a quad"},
		{eval.KeySubject, "INSERT { ?s :p ?o } WHERE { ?s :p+ ?o }", "a path of any length"},
		{eval.KeySubject, "INSERT { ?s :q ?o } WHERE { ?o ^:p ?s }", "every"},
		{eval.KeySubject, "INSERT { ?s :q ?o } WHERE { ?s :p/:p ?o }", "it has subject a blank node or a step of a path"},
		{eval.KeySubject, "INSERT { ?s :p 1 } WHERE { VALUES ?s { :a :b } }", "?s is not bound by a pattern"},
		{eval.KeySubject, "INSERT { ?s :n ?n } WHERE { SELECT ?s (COUNT(*) AS ?n) { ?s :p ?o } GROUP BY ?s }", "every"},
		{eval.KeySubject, "INSERT { ?s :n ?n } WHERE { ?s a :T { SELECT (COUNT(*) AS ?n) { ?s :p ?o } } }", "it has subject"},
		{eval.KeySubject, "DELETE { ?s ?p ?o } WHERE { SELECT * { ?s ?p ?o } LIMIT 1 }", "grouping, DISTINCT"},
		{eval.KeySubject, "CLEAR ALL", "every"},
		{eval.KeyGraph, "CLEAR GRAPH :g", "<http://e/g>"},
		{eval.KeySubject, "COPY :a TO :b", "COPY is about two graphs"},
		{eval.KeySubject, "LOAD :d", "LOAD brings"},
		{eval.KeySubject, "CLEAR ALL ; INSERT DATA { :a :p 1 }", "its operations are for the shards"},
		{eval.KeySubject, "INSERT DATA { :a :p 1 } ; DELETE WHERE { :a :q ?o }", "<http://e/a>"},
	} {
		u, err := sparql.ParseUpdate("PREFIX : <http://e/> " + test.update)
		if err != nil {
			t.Fatal(err)
		}
		l, err := eval.LocalUpdate(u, test.key)
		check(t, test.update, test.want, l, err)
	}
}

func check(t *testing.T, text, want string, l eval.Locality, err error) {
	t.Helper()
	got := strings.Trim(fmt.Sprint(l.Keys), "[]")
	if l.Every {
		got = "every"
	}
	if err != nil {
		if !errors.Is(err, eval.ErrNotLocal) || !strings.Contains(err.Error(), want) || want == "" {
			t.Errorf("%s: %v, expected %q", text, err, want)
		}
		return
	}
	if got != want {
		t.Errorf("%s: %q, expected %q", text, got, want)
	}
}

// TestLocalQuery: the same of queries.
func TestLocalQuery(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT * { :a :p ?o }":                                         "<http://e/a>",
		"SELECT ?o { ?s :p ?o }":                                        "every",
		"SELECT DISTINCT ?o { ?s :p ?o }":                               "grouping, DISTINCT",
		"SELECT DISTINCT ?s { ?s :p ?o }":                               "every",
		"SELECT (COUNT(*) AS ?n) { ?s :p ?o }":                          "grouping, DISTINCT",
		"SELECT (COUNT(*) AS ?n) { :a :p ?o }":                          "<http://e/a>",
		"SELECT * { ?s :p ?o } ORDER BY ?o":                             "ORDER BY",
		"ASK { ?s :p 1 }":                                               "every",
		"CONSTRUCT { ?o :q ?s } WHERE { ?s :p ?o }":                     "every",
		"DESCRIBE :a":                                                   "a description goes",
		"SELECT * { GRAPH ?g { } }":                                     "whether there is a graph",
		"SELECT * { ?s :p ?o SERVICE :x { ?s :q ?o } }":                 "SERVICE asks somebody else",
		"SELECT * { VALUES ?x { 1 } }":                                  "",
		"SELECT * { { ?s :p 1 } UNION { ?s :p 2 } MINUS { ?s :x ?y } }": "every",
	} {
		q, err := sparql.ParseQuery("PREFIX : <http://e/> " + query)
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := eval.Prepare(q, eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := prepared.Local(eval.KeySubject)
		check(t, query, want, l, err)
	}
}
