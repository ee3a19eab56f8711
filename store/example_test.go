package store_test

import (
	"bytes"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// must is for what can't fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func Example() {
	value := func(text string) rdf.Quad {
		return rdf.Quad{S: rdf.Trusted("<urn:sensor>"), P: rdf.Trusted("<urn:value>"), O: rdf.Trusted(text)}
	}
	m := memory.New()
	tx := m.Begin()
	fmt.Println(must(tx.Add(value(`"20.1"`))), must(tx.Add(value(`"20.1"`))))
	tx.Commit(1, nil)

	view := m.View() // stays at position 1
	tx = m.Begin()
	fmt.Println(must(tx.Delete(value(`"20.1"`))), must(tx.Add(value(`"20.2"`))))
	tx.Commit(2, nil)

	var file bytes.Buffer
	if err := store.WriteSnapshot(&file, view, nil); err != nil {
		fmt.Println(err)
	}
	view.Close()
	old, err := memory.ReadSnapshot(&file, nil)
	fmt.Println(old.Position(), m.Position(), err)
	for _, s := range []store.Store{old, m} {
		v := s.View()
		for q, err := range store.Quads(v, store.Pattern{}) {
			fmt.Println(q, err)
		}
		v.Close()
	}
	// Output:
	// true false
	// true true
	// 1 2 <nil>
	// <urn:sensor> <urn:value> "20.1" . <nil>
	// <urn:sensor> <urn:value> "20.2" . <nil>
}

// A pattern is made of ids; what no quad can have isn't asked for.
func ExampleReader() {
	term := func(text string) rdf.Term { return rdf.Trusted(text) }
	m := memory.New()
	tx := m.Begin()
	for _, graph := range []rdf.Term{{}, term("<urn:line>")} {
		must(tx.Add(rdf.Quad{S: term("<urn:sensor>"), P: term("<urn:value>"), O: term(`"20.1"`), G: graph}))
	}
	sensor, known, err := tx.Lookup(term("<urn:sensor>"))
	fmt.Println(known, err)
	fmt.Println(must(tx.Count(store.Pattern{S: sensor})), must(tx.Count(store.Pattern{S: sensor, G: store.DefaultGraph})))
	for q, err := range tx.Match(store.Pattern{S: sensor, G: store.DefaultGraph}) {
		fmt.Println(must(tx.Term(q.O)), err)
	}
	_, known, err = tx.Lookup(term("<urn:other>"))
	fmt.Println(known, err)
	tx.Rollback()
	// Output:
	// true <nil>
	// 2 1
	// "20.1" <nil>
	// false <nil>
}
