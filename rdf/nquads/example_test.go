package nquads_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

const observation = `<http://plant.example/observation/1> <http://www.w3.org/ns/sosa/hasSimpleResult> "21.5"@EN .
_:sensor <http://www.w3.org/ns/sosa/madeObservation> <http://plant.example/observation/1> <http://plant.example/line/1> .
`

func ExampleParse() {
	var kept []rdf.Quad
	err := nquads.Parse([]byte(observation), func(q rdf.Quad) error {
		fmt.Println(q.O.Kind(), q.O)
		kept = append(kept, q.Clone()) // who keeps terms keeps clones
		return nil
	})
	fmt.Println(len(kept), err)
	// Output:
	// literal "21.5"@en
	// IRI <http://plant.example/observation/1>
	// 2 <nil>
}

func ExampleReader() {
	source := strings.NewReader(observation + "<http://plant.example/observation/1> resultTime \"\" .\n")
	rd := nquads.NewReader(source, nquads.File("plant.nq"), nquads.BlankPrefix("doc7-"))
	var q rdf.Quad
	for {
		err := rd.Next(&q)
		if err == io.EOF {
			return
		}
		var syntax *nquads.SyntaxError
		if errors.As(err, &syntax) {
			fmt.Println(syntax.Line, syntax)
			return
		}
		if err != nil {
			fmt.Println(err) // of the source
			return
		}
		fmt.Println(q.S)
	}
	// Output:
	// <http://plant.example/observation/1>
	// _:doc7-sensor
	// 3 plant.nq:3:38: expected predicate (IRI), found "resultTime"
}

func ExampleWriter() {
	w := nquads.NewWriter(os.Stdout)
	q := rdf.Quad{S: rdf.Trusted("_:b"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(`"o"`), G: rdf.Trusted("<x:g>")}
	fmt.Println(w.Write(q))
	fmt.Println(w.Write(rdf.Quad{S: q.O, P: q.P, O: q.S}))
	fmt.Println(w.Flush())
	// Output:
	// <nil>
	// invalid RDF term: subject "\"o\"": expected an IRI or a blank node, found literal
	// _:b <x:p> "o" <x:g> .
	// <nil>
}

func ExampleParseTerm() {
	term, err := nquads.ParseTerm(`"21.50"^^<http://www.w3.org/2001/XMLSchema#decimal>`)
	fmt.Println(term.Value(), term.Datatype(), err)
	_, err = nquads.ParseTerm("21.50")
	fmt.Println(err)
	// Output:
	// 21.50 http://www.w3.org/2001/XMLSchema#decimal <nil>
	// line 1, column 1: expected a term (IRI, blank node, literal or triple term), found "21.50"
}
