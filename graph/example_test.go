package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/store"
)

// A knowledge graph inside a program, on the engine in memory: a change goes in, its exact delta is told, and the quads of the
// shard are looked at.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	g := must(graph.New(graph.Config{Config: node.Config{Name: "n1", Engine: memory.New(1),
		Transport: shipper.NewInProcess(64), Logger: slog.New(slog.DiscardHandler)}}))
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	const changes = `TX .
A <http://plant.example/pump1> <http://plant.example/state> "on" .
D <http://plant.example/pump1> <http://plant.example/state> "off" .
TC .
`
	for _, result := range must(g.Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte(changes)})) {
		fmt.Println(result.Adds, "added,", result.Deletes, "deleted") // "off" was not there
	}
	view, _, err := g.View(ctx, 0)
	if err != nil {
		panic(err)
	}
	defer view.Close()
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(q.S.Value(), q.O.Value())
	}
	off := rdf.Quad{S: must(rdf.IRI("http://plant.example/pump2")), P: must(rdf.IRI("http://plant.example/state")), O: must(rdf.Literal("off"))}
	again := must(g.SubmitQuads(ctx, "message 17", nil, slices.Values([]rdf.Quad{off})))
	fmt.Println(again[0].Adds, "more")
	stop()
	fmt.Println(<-ended)
	// Output:
	// 1 added, 0 deleted
	// http://plant.example/pump1 on
	// 1 more
	// <nil>
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
