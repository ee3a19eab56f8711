package memory_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// A view holds what was committed when it was taken, whatever comes after it.
func Example() {
	s := memory.New()
	q := rdf.Quad{S: rdf.Trusted("<x:pump1>"), P: rdf.Trusted("<x:state>"), O: rdf.Trusted(`"on"`)}
	tx := s.Begin()
	added, err := tx.Add(q)
	fmt.Println(added, err, tx.Commit(1, nil))
	view := s.View()
	defer view.Close()

	tx = s.Begin()
	deleted, err := tx.Delete(q)
	fmt.Println(deleted, err, tx.Commit(2, nil))
	for q, err := range store.Quads(view, store.Pattern{}) {
		fmt.Println(q.S, q.P, q.O, err)
	}
	fmt.Println(s.Len(), s.Position(), view.Position())
	// Output:
	// true <nil> <nil>
	// true <nil> <nil>
	// <x:pump1> <x:state> "on" <nil>
	// 0 2 1
}
