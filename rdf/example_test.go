package rdf_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

func Example() {
	sensor, err := rdf.IRI("http://plant.example/sensor/1")
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := rdf.TypedLiteral("21.5", rdf.XSDDecimal)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sensor, sensor.Key())
	fmt.Println(value, value.Value())
	_, err = rdf.IRI("sensor 1")
	fmt.Println(err)
	// Output:
	// <http://plant.example/sensor/1> http://plant.example/sensor/1
	// "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal> 21.5
	// invalid RDF term: IRI "sensor 1": expected an absolute IRI, which begins with a scheme and a colon
}
