package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

// An operator of one's own, on the embedded engine: it counts JSON events per key. Its log holds the counted keys.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	dir := must(os.MkdirTemp("", "shop-"))
	defer os.RemoveAll(dir)
	server := must(jetstream.StartServer(ctx, jetstream.ServerConfig{Name: "n1", Dir: dir, NoListen: true}, nil))
	connection := must(server.Connect())
	logs := must(jetstream.Open(ctx, connection, jetstream.Config{Pipeline: "shop", Shards: 4}))
	counts := [4]map[string]int{{}, {}, {}, {}}
	decide := func(ev *event.Event, dst []byte) ([]byte, error) {
		var sale struct{ Pieces int }
		err := coordinator.PayloadOf(ev).Decode(&sale) // an event that is no JSON goes to the dead letters
		return fmt.Appendln(dst, ev.Key), err
	}
	n := must(node.New(node.Config{Name: "n1", Engine: logs, Transport: shipper.NewInProcess(64),
		Logger: slog.New(slog.DiscardHandler), Logic: func(shard int) operator.Logic {
			return operator.Fold(decide, func(body []byte) error {
				for key := range strings.FieldsSeq(string(body)) {
					counts[shard][key]++
				}
				return nil
			})
		}}))
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	for _, key := range []string{"apples", "pears", "apples"} {
		sale := must(coordinator.JSON(map[string]int{"Pieces": 3}))
		must(n.Send(ctx, key, sale))
	}
	stop() // each event was on disk when Send returned
	fmt.Println(<-ended, counts[shard.Of("apples", 4)]["apples"], counts[shard.Of("pears", 4)]["pears"])
	connection.Close()
	server.Shutdown()
	// Output: <nil> 2 1
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
