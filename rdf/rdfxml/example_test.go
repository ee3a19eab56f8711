package rdfxml_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

const plant = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns:sosa="http://www.w3.org/ns/sosa/">
  <sosa:Observation rdf:about="observation/1">
    <sosa:hasSimpleResult rdf:datatype="http://www.w3.org/2001/XMLSchema#decimal">21.5</sosa:hasSimpleResult>
    <sosa:madeBySensor rdf:parseType="Resource">
      <sosa:isHostedBy rdf:resource="line/1"/>
    </sosa:madeBySensor>
  </sosa:Observation>
</rdf:RDF>`

func ExampleParse() {
	var kept []rdf.Quad
	err := rdfxml.Parse([]byte(plant), func(q rdf.Quad) error {
		fmt.Println(q.O.Kind(), q.O)
		kept = append(kept, q.Clone()) // who keeps terms keeps clones
		return nil
	}, rdfxml.Base("http://plant.example/"))
	fmt.Println(len(kept), err)
	// Output:
	// IRI <http://www.w3.org/ns/sosa/Observation>
	// literal "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal>
	// blank node _:anon0
	// IRI <http://plant.example/line/1>
	// 4 <nil>
}

func ExampleWriter() {
	w := rdfxml.NewWriter(os.Stdout, rdfxml.WithPrefixes(rdfxml.Prefix{Name: "ex", IRI: "http://plant.example/"}))
	pump, on := rdf.Trusted("<http://plant.example/pump>"), rdf.Trusted(`"on"`)
	if err := w.Write(rdf.Quad{S: pump, P: rdf.Trusted("<http://plant.example/state>"), O: on}); err != nil {
		fmt.Println(err)
	}
	// The name of an element can't be a number.
	err := w.Write(rdf.Quad{S: pump, P: rdf.Trusted("<http://plant.example/1>"), O: on})
	if !errors.Is(err, rdfxml.ErrForm) || w.Flush() != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <rdf:RDF xmlns:ex="http://plant.example/"
	//     xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
	//   <rdf:Description rdf:about="http://plant.example/pump">
	//     <ex:state>on</ex:state>
	//   </rdf:Description>
	// </rdf:RDF>
}
