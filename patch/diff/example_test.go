package diff_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/diff"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

func ExampleWrite() {
	before := nquads.NewReader(strings.NewReader(`<http://plant.example/o/1> <http://plant.example/value> "21.4" _:line .
_:line <http://plant.example/name> "north" .
`))
	after := nquads.NewReader(strings.NewReader(`_:l1 <http://plant.example/name> "north" .
<http://plant.example/o/1> <http://plant.example/value> "21.5" _:l1 .
`))
	w := patch.NewWriter(os.Stdout)
	summary, err := diff.Write(w, diff.NQuads(before), diff.NQuads(after))
	if err != nil {
		fmt.Println(err)
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", summary)
	// Output:
	// TX .
	// D <http://plant.example/o/1> <http://plant.example/value> "21.4" _:line .
	// A <http://plant.example/o/1> <http://plant.example/value> "21.5" _:line .
	// TC .
	// {Deletes:1 Adds:1}
}
