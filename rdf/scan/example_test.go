package scan_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// A format of one's own, whose lines are a number and a term.
func Example() {
	in, s := scan.NewBytes([]byte("1 <urn:a>\n2 \"b\"@EN\n3 urn:c\n"), 0, 0), scan.New(scan.Patch, 0, 0)
	window, _, err := in.Next(0)
	if err != nil {
		fmt.Println(err)
	}
	s.Continue(window)
	for s.Lines() {
		s.Begin(1)
		number, term := s.Term("number"), s.Term("term")
		if s.Err() != nil {
			break
		}
		fmt.Println(number.Value(), number.Datatype() == rdf.XSDInteger, term)
		s.End()
	}
	fmt.Println(s.Err())
	// Output:
	// 1 true <urn:a>
	// 2 true "b"@en
	// line 3, column 3: expected term, found prefixed name "urn:…" (prefixes are not expanded: write the IRI in full)
}
