package patch_test

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

const reading = `H id <uuid:2> .
H prev <uuid:1> .
TX .
D <http://plant.example/o/1> <http://plant.example/value> 21.4 .
A <http://plant.example/o/1> <http://plant.example/value> 21.5 .
TC .
`

// latest keeps the last value that was added. It is a Change because it embeds one, and looks at what it needs.
type latest struct {
	patch.Counter
	value rdf.Term
}

func (l *latest) Add(q rdf.Quad) error {
	l.value = q.O.Clone() // the reader uses its memory again
	return l.Counter.Add(q)
}

func ExampleParse() {
	var l latest
	err := patch.Parse([]byte(reading), &l, patch.RequireTransactions())
	fmt.Println(l.value.Value(), l.Adds, l.Deletes, l.Commits, err)

	err = patch.Parse([]byte("TX .\nA <s> <x:p> 1 .\nTC .\n"), &l, patch.File("a.rdfp"))
	var syntax *patch.SyntaxError
	fmt.Println(errors.As(err, &syntax), err)
	// Output:
	// 21.5 1 1 1 <nil>
	// true a.rdfp:2:3: expected an absolute IRI (with a scheme), found "<s>"
}

// A patch of any length streams from a reader to a writer, and is counted on the way.
func ExampleReader() {
	var n patch.Counter
	w := patch.NewWriter(os.Stdout)
	err := patch.NewReader(strings.NewReader("TX. A _:s<x:p>true .\nTC.")).Run(patch.Tee(&n, w))
	fmt.Println(w.Flush(), err, n.Adds)
	// Output:
	// TX .
	// A _:s <x:p> "true"^^<http://www.w3.org/2001/XMLSchema#boolean> .
	// TC .
	// <nil> <nil> 1
}

// shelf is a set of quads.
type shelf map[rdf.Quad]bool

func (s shelf) Add(q rdf.Quad) (bool, error) {
	was := s[q]
	s[q.Clone()] = true
	return !was, nil
}

func (s shelf) Delete(q rdf.Quad) (bool, error) {
	was := s[q]
	delete(s, q)
	return was, nil
}

// The exact delta of a change: what was not there is not deleted.
func ExampleEffective() {
	w := patch.NewWriter(os.Stdout)
	err := patch.Parse([]byte(reading), patch.Effective(shelf{}, w))
	fmt.Println(w.Flush(), err)
	// Output:
	// H id <uuid:2> .
	// H prev <uuid:1> .
	// TX .
	// A <http://plant.example/o/1> <http://plant.example/value> "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	// TC .
	// <nil> <nil>
}

func ExampleAppendAdd() {
	q := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(`"o"`), G: rdf.Trusted("<x:g>")}
	doc := patch.AppendHeader(nil, patch.HeaderID, rdf.Trusted("<uuid:1>"))
	doc = patch.AppendCommit(patch.AppendAdd(patch.AppendBegin(doc), q))
	fmt.Print(string(doc))
	// Output:
	// H id <uuid:1> .
	// TX .
	// A <x:s> <x:p> "o" <x:g> .
	// TC .
}

// Readings that came one after the other, in either form, as the one change that they make, and that as SPARQL Update.
func ExampleCompose() {
	earlier := patch.NewReader(strings.NewReader(reading))
	later := patch.NewReader(strings.NewReader(`H id <uuid:3> .
H prev <uuid:2> .
TX .
D <http://plant.example/o/1> <http://plant.example/value> 21.5 .
A <http://plant.example/o/1> <http://plant.example/value> 22.0 .
TC .
`))
	text := patch.NewWriter(os.Stdout)
	update := patch.NewUpdateWriter(func(request []byte) error {
		_, err := os.Stdout.Write(request)
		return err
	}, patch.RefuseBlanks)
	if err := patch.Compose(patch.Tee(text, update), &patch.Net{}, earlier, later); err != nil {
		fmt.Println(err)
	}
	if err := errors.Join(text.Flush(), update.Flush()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// H id <uuid:3> .
	// H prev <uuid:1> .
	// TX .
	// D <http://plant.example/o/1> <http://plant.example/value> "21.4"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	// D <http://plant.example/o/1> <http://plant.example/value> "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	// A <http://plant.example/o/1> <http://plant.example/value> "22.0"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	// TC .
	// DELETE DATA {
	//   <http://plant.example/o/1> <http://plant.example/value> "21.4"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	//   <http://plant.example/o/1> <http://plant.example/value> "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	// } ;
	// INSERT DATA {
	//   <http://plant.example/o/1> <http://plant.example/value> "22.0"^^<http://www.w3.org/2001/XMLSchema#decimal> .
	// } ;
}
