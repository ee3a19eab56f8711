package value_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

func Example() {
	price := value.Of(rdf.Trusted(`"19.90"^^<http://www.w3.org/2001/XMLSchema#decimal>`))
	sum, err := value.Mul(price, value.Int(3))
	fmt.Println(sum.Term(), err)
	_, err = value.Add(price, value.Str("1"))
	fmt.Println(err)
	// Output:
	// "59.7"^^<http://www.w3.org/2001/XMLSchema#decimal> <nil>
	// type error
}
