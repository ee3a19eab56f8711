package store_test

import (
	"bytes"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

func Example() {
	value := func(text string) rdf.Quad {
		return rdf.Quad{S: rdf.Trusted("<urn:sensor>"), P: rdf.Trusted("<urn:value>"), O: rdf.Trusted(text)}
	}
	m := store.NewMemory()
	tx := m.Begin()
	fmt.Println(tx.Add(value(`"20.1"`)), tx.Add(value(`"20.1"`)))
	tx.Commit(1)

	view := m.View() // stays at position 1
	tx = m.Begin()
	fmt.Println(tx.Delete(value(`"20.1"`)), tx.Add(value(`"20.2"`)))
	tx.Commit(2)

	var file bytes.Buffer
	if err := store.WriteSnapshot(&file, view, nil); err != nil {
		fmt.Println(err)
	}
	view.Close()
	old, err := store.ReadSnapshot(&file, nil)
	fmt.Println(old.Position(), m.Position(), err)
	for _, s := range []store.Store{old, m} {
		v := s.View()
		v.Quads(func(q rdf.Quad) bool {
			fmt.Println(q)
			return true
		})
		v.Close()
	}
	// Output:
	// true false
	// true true
	// 1 2 <nil>
	// <urn:sensor> <urn:value> "20.1" .
	// <urn:sensor> <urn:value> "20.2" .
}
