package results_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

func ExampleReader() {
	const document = `{"head": {"vars": ["name"]}, "results": {"bindings": [
		{"name": {"type": "literal", "value": "Alice"}},
		{"name": {"type": "literal", "value": "Bob", "xml:lang": "en"}}]}}`
	r, err := results.NewReader(strings.NewReader(document), results.JSON)
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Vars()[0], row[0])
	}
	// Output:
	// name "Alice"
	// name "Bob"@en
}

func ExampleWriter() {
	w, err := results.NewWriter(os.Stdout, results.TSV)
	if err != nil {
		fmt.Println(err)
		return
	}
	alice, _ := rdf.Literal("Alice")
	err = errors.Join(w.Head([]sparql.Var{"name", "age"}), w.Row([]rdf.Term{alice, {}}), w.Close())
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// ?name	?age
	// "Alice"
}
