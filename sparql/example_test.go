package sparql_test

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// What a query asks for, and the query as it is written.
func ExampleParseQuery() {
	q, err := sparql.ParseQuery(`prefix foaf: <http://xmlns.com/foaf/0.1/>
		select ?name { ?p a foaf:Person; foaf:name ?name filter(lang(?name) = "en") } limit 10`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q.Form == sparql.Select, q.Project[0].Var, *q.Limit)
	fmt.Print(q)
	// Output:
	// true name 10
	// PREFIX foaf: <http://xmlns.com/foaf/0.1/>
	//
	// SELECT ?name
	// WHERE {
	//   ?p a foaf:Person ;
	//     foaf:name ?name .
	//   FILTER (LANG(?name) = "en")
	// }
	// LIMIT 10
}

// The quads of an update. Relative IRIs are resolved with the base.
func ExampleParseUpdate() {
	u, err := sparql.ParseUpdate(`INSERT DATA { <m1> <#temperature> 21.5 }`, sparql.Base("http://e.example/plant"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, q := range u.Operations[0].(*sparql.InsertData).Quads {
		fmt.Println(q.S.Term, q.P.Term, q.O.Term)
	}
	// Output:
	// <http://e.example/m1> <http://e.example/plant#temperature> "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal>
}

// An error says where it is, what was expected, and what helps.
func ExampleParseQuery_errors() {
	for _, text := range []string{"SELECT WHERE { ?s ?p ?o }", "ASK { ?x foaf:name ?name }", "ASK {\n  OPTONAL { ?s ?p ?o }\n}"} {
		_, err := sparql.ParseQuery(text, sparql.File("people.rq"))
		fmt.Println(err)
	}
	_, err := sparql.ParseQuery("ASK { ?s ?p <o> }")
	fmt.Println(errors.Is(err, rdf.ErrNoBase))
	// Output:
	// people.rq:1:8: expected a variable, an expression in brackets, or "*" behind SELECT, found "WHERE"
	// people.rq:1:10: expected a prefix that has been declared, found "foaf:"; PREFIX foaf: <http://xmlns.com/foaf/0.1/> declares it
	// people.rq:2:3: expected triples, a pattern or "}", found "OPTONAL" (perhaps OPTIONAL)
	// true
}
