package quadrille_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator"
)

// A knowledge graph inside a program: a change goes in, its exact delta is told, and all quads come out.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "plant-") // of which a program has one of its own
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	g, err := quadrille.Start(ctx, quadrille.Config{Pipeline: "plant", Shards: 16, Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	results, err := g.Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte(`TX .
A <http://plant.example/pump1> <http://plant.example/state> "on" .
D <http://plant.example/pump1> <http://plant.example/state> "off" .
TC .
`)})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r.Adds, "added,", r.Deletes, "deleted") // "off" was not there
	}
	if _, err := g.WriteData(ctx, os.Stdout, graph.DataOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 added, 0 deleted
	// <http://plant.example/pump1> <http://plant.example/state> "on" .
}

// A logic of one's own, in memory: it counts events per key. Its log holds the counted keys.
func ExampleStartNode() {
	ctx := context.Background()
	counts := map[string]int{} // of the only shard
	n, err := quadrille.StartNode(ctx, quadrille.Config{Shards: 1}, func(int) operator.Logic {
		return operator.Fold(
			func(ev *event.Event, dst []byte) ([]byte, error) { return fmt.Appendln(dst, ev.Key), nil },
			func(body []byte) error {
				for key := range strings.FieldsSeq(string(body)) {
					counts[key]++
				}
				return nil
			})
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{"apples", "pears", "apples"} {
		if _, err := n.Send(ctx, key, coordinator.Payload{}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(n.Close(), counts["apples"], counts["pears"])
	// Output: <nil> 2 1
}
