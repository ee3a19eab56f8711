package turtle_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

const observation = `@prefix sosa: <http://www.w3.org/ns/sosa/> .
@base <http://plant.example/> .

<observation/1> a sosa:Observation ;
    sosa:hasSimpleResult 21.5 ;
    sosa:madeBySensor [ sosa:isHostedBy <line/1> ] .
`

func ExampleParse() {
	var kept []rdf.Quad
	err := turtle.Parse([]byte(observation), func(q rdf.Quad) error {
		fmt.Println(q.O.Kind(), q.O)
		kept = append(kept, q.Clone()) // who keeps terms keeps clones
		return nil
	})
	fmt.Println(len(kept), err)
	// Output:
	// IRI <http://www.w3.org/ns/sosa/Observation>
	// literal "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal>
	// blank node _:anon0
	// IRI <http://plant.example/line/1>
	// 4 <nil>
}

func ExampleReader() {
	source := strings.NewReader("<g> { [] <p> 'o' . }\n<s> <p> ex:o .\n")
	rd := turtle.NewReader(source, turtle.TriG(), turtle.File("plant.trig"), turtle.Base("http://plant.example/"),
		turtle.BlankPrefix("doc7-"))
	var q rdf.Quad
	for {
		err := rd.Next(&q)
		if err == io.EOF {
			return
		}
		var syntax *turtle.SyntaxError
		if errors.As(err, &syntax) {
			fmt.Println(syntax.Line, syntax)
			return
		}
		if err != nil {
			fmt.Println(err) // of the source
			return
		}
		fmt.Println(q)
	}
	// Output:
	// _:doc7-anon0 <http://plant.example/p> "o" <http://plant.example/g> .
	// 2 plant.trig:2:9: expected a prefix that has been declared, found "ex:"
}

func ExampleWriter() {
	rd := turtle.NewReader(strings.NewReader(observation))
	w := turtle.NewWriter(os.Stdout, turtle.WithPrefixes(
		turtle.Prefix{Name: "sosa", IRI: "http://www.w3.org/ns/sosa/"},
		turtle.Prefix{Name: "obs", IRI: "http://plant.example/observation/"},
	))
	var q rdf.Quad
	for {
		err := rd.Next(&q)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.Write(q)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(w.Flush())
	// Output:
	// @prefix sosa: <http://www.w3.org/ns/sosa/> .
	// @prefix obs: <http://plant.example/observation/> .
	// obs:1 a sosa:Observation ;
	//     sosa:hasSimpleResult 21.5 ;
	//     sosa:madeBySensor _:anon0 .
	// _:anon0 sosa:isHostedBy <http://plant.example/line/1> .
	// <nil>
}
