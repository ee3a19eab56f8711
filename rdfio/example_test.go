package rdfio_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// A document is converted as it is read.
func Example() {
	from, _ := rdfio.ByName("plant.ttl.gz")
	to, err := rdfio.Parse("application/n-quads")
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := rdfio.NewDataWriter(os.Stdout, to)
	if err != nil {
		fmt.Println(err)
		return
	}
	source := rdfio.Source{File: "plant.ttl", Base: "https://plant.example/"}
	err = source.Statements(strings.NewReader("<pump> <state> 'on' ."), from, func(q rdf.Quad) error { return out.Write(q) })
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := out.Flush(); err != nil {
		fmt.Println(err)
	}
	// Output: <https://plant.example/pump> <https://plant.example/state> "on" .
}
