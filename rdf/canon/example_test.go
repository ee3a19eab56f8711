package canon_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

func dataset(document string) (quads []rdf.Quad) {
	if err := nquads.Parse([]byte(document), func(q rdf.Quad) error {
		quads = append(quads, q.Clone())
		return nil
	}); err != nil {
		fmt.Println(err)
	}
	return quads
}

func ExampleCanonicalize() {
	d, err := canon.Canonicalize(dataset(`
_:sensor <http://www.w3.org/ns/sosa/isHostedBy> _:line .
_:line <http://www.w3.org/2000/01/rdf-schema#label> "Line 1" .
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(d.AppendNQuads(nil)))
	fmt.Println(d.Labels["line"], d.Labels["sensor"])
	// Output:
	// _:c14n0 <http://www.w3.org/2000/01/rdf-schema#label> "Line 1" .
	// _:c14n1 <http://www.w3.org/ns/sosa/isHostedBy> _:c14n0 .
	// c14n0 c14n1
}

func ExampleIsomorphic() {
	a := dataset("_:a <x:knows> _:b .\n_:b <x:knows> _:a .\n")
	b := dataset("_:p <x:knows> _:q .\n_:q <x:knows> _:p .\n")
	c := dataset("_:p <x:knows> _:q .\n_:q <x:knows> _:q .\n")
	fmt.Println(canon.Isomorphic(a, b))
	fmt.Println(canon.Isomorphic(a, c))
	// Output:
	// true <nil>
	// false <nil>
}
