//go:build unix

package faults

import (
	"errors"
	"fmt"
	"sync"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/graph"
)

// clients is the number of those that count at the same time.
const clients = 64

// counting has clients send a SPARQL Update each, which adds as a number how many numbers there are, through all doors that are alive. It
// returns a function that waits until all are accepted: then there are as many numbers more, each once.
func (r *rig) counting() (wait func()) {
	const text = "INSERT { <http://x.example/counter> <http://x.example/p> ?n } WHERE { { SELECT (COUNT(*) AS ?n) { <http://x.example/counter> <http://x.example/p> ?x } } }"
	r.Helper()
	var doors, numbers []string
	for _, i := range r.nodes.Alive() {
		doors = append(doors, r.nodes.Doors()[i])
	}
	for range clients {
		number := fmt.Sprintf("<http://x.example/counter> <http://x.example/p> \"%d\"^^<http://www.w3.org/2001/XMLSchema#integer> .", r.counted)
		r.doubtful[number], numbers, r.counted = struct{}{}, append(numbers, number), r.counted+1
	}
	var all sync.WaitGroup
	errs, before := make([]error, clients), r.counted
	for i := range clients {
		all.Go(func() {
			_, errs[i] = client.NewSession(r.http, doors, i, patience).Submit(r.ctx, graph.TypeUpdate, fmt.Sprintf("count-%d-%d", before, i), []byte(text))
		})
	}
	return func() {
		r.Helper()
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			r.Fatalf("updates: %v\n%s", err, r.states())
		}
		r.accept(numbers)
	}
}
