package eval_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// An update changes a store in a transaction, and says what has really changed; a query reads what was committed.
func Example() {
	text, err := sparql.ParseUpdate(`
		PREFIX : <http://example.com/>
		INSERT DATA { :pump :state "off" ; :in :hall . :fan :state "off" } ;
		DELETE { ?x :state "off" } INSERT { ?x :state "on" } WHERE { ?x :state "off" ; :in :hall }`)
	if err != nil {
		panic(err)
	}
	update, err := eval.PrepareUpdate(text, eval.Options{})
	if err != nil {
		panic(err)
	}
	s := memory.New()
	tx := s.Begin()
	delta := patch.NewWriter(os.Stdout)
	event := eval.Identity{ID: "orders/7", Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	if err := update.Run(context.Background(), tx, event, delta); err != nil {
		panic(err)
	}
	if err := delta.Flush(); err != nil {
		panic(err)
	}
	if err := tx.Commit(1, nil); err != nil {
		panic(err)
	}

	question, err := sparql.ParseQuery(`SELECT ?x ?state { ?x <http://example.com/state> ?state } ORDER BY ?x`)
	if err != nil {
		panic(err)
	}
	query, err := eval.Prepare(question, eval.Options{})
	if err != nil {
		panic(err)
	}
	view := s.View()
	defer view.Close()
	err = query.Select(context.Background(), view, event, func(row []rdf.Term) error {
		fmt.Println(row[0].Value(), row[1].Value())
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// TX .
	// A <http://example.com/pump> <http://example.com/in> <http://example.com/hall> .
	// A <http://example.com/fan> <http://example.com/state> "off" .
	// A <http://example.com/pump> <http://example.com/state> "on" .
	// TC .
	// http://example.com/fan off
	// http://example.com/pump on
}

// A plan says in which order patterns are evaluated, how many rows were expected of each, and how many there were.
func ExampleQuery_Explain() {
	s := memory.New()
	tx := s.Begin()
	for i := range 100 {
		sensor := rdf.Trusted(fmt.Sprintf("<http://example.com/sensor/%d>", i))
		hall := rdf.Trusted(fmt.Sprintf("<http://example.com/hall/%d>", i%10))
		for _, q := range []rdf.Quad{
			{S: sensor, P: rdf.Trusted("<http://example.com/in>"), O: hall},
			{S: sensor, P: rdf.Trusted("<http://example.com/value>"), O: rdf.Trusted(fmt.Sprintf(`"%d"`, i))},
		} {
			if _, err := tx.Add(q); err != nil {
				panic(err)
			}
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		panic(err)
	}
	question, err := sparql.ParseQuery(`PREFIX : <http://example.com/> SELECT * {
		?x :value ?v . ?x :in <http://example.com/hall/3> FILTER(?v != "13") OPTIONAL { ?x :unit ?unit } }`)
	if err != nil {
		panic(err)
	}
	query, err := eval.Prepare(question, eval.Options{})
	if err != nil {
		panic(err)
	}
	view := s.View()
	defer view.Close()
	plan, err := query.Explain(context.Background(), view, eval.Identity{}, true)
	if err != nil {
		panic(err)
	}
	fmt.Print(plan)
	// Output:
	// Join (expected 3, made 9)
	//   Pattern ?x <http://example.com/in> <http://example.com/hall/3> (expected 10, made 10)
	//   Pattern ?x <http://example.com/value> ?v (expected 10, made 10)
	//   Filter (expected 3, made 9)
	//   Optional (expected 3, made 9)
	//     Pattern ?x <http://example.com/unit> ?unit (expected 0, made 0)
}
