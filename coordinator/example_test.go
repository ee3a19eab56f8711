package coordinator_test

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// Two nodes share the shards of a pipeline. Here they live in one process, over the engine for tests; on an engine that
// is replicated they are programs of their own, and nothing else changes.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	log := memory.New(8).Control()
	transport := shipper.NewInProcess(64)
	work := make(chan string, 1)
	nodes := map[string]*coordinator.Coordinator{}
	for _, name := range []string{"n1", "n2"} {
		receiver := shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error {
			for i := range b.Events {
				var reading struct{ Celsius float64 }
				if err := coordinator.PayloadOf(&b.Events[i]).Decode(&reading); err != nil {
					return err
				}
				work <- fmt.Sprintf("%s: %s is at %.1f °C", name, b.Events[i].Key, reading.Celsius)
			}
			return nil
		})
		if err := transport.RegisterRoute(name, receiver); err != nil {
			panic(err)
		}
		ship := shipper.New(name, transport, shipper.WithShards(8), shipper.WithReceiver(receiver))
		nodes[name] = must(coordinator.New(coordinator.Config{CoordID: "plant", LocalNode: name, Shards: 8}, log, ship))
	}
	ended := make(chan error, 2)
	go func() { ended <- transport.Run(ctx) }()
	// Whoever proposes has the new assignment when the proposal is committed; the others follow the log.
	plan := must(nodes["n1"].Join(ctx, "n1"))
	fmt.Println("n1 joins:", len(plan.Moves), "moves")
	plan = must(nodes["n2"].Join(ctx, "n2"))
	fmt.Println("n2 joins:", len(plan.Moves), "moves")
	wake, unwatch := nodes["n1"].Watch()
	go func() { ended <- nodes["n1"].Run(ctx) }()
	<-wake
	unwatch()
	fmt.Println("they agree:", nodes["n1"].Assignment().Equal(plan.Assignment))
	for _, key := range []string{"press/1", "press/5"} {
		payload := must(coordinator.JSON(map[string]float64{"Celsius": 21.5}))
		target := must(nodes["n1"].Route(ctx, key, payload))
		fmt.Println("shard", target.Shard, "at", <-work)
	}
	stats := nodes["n1"].Stats()
	fmt.Println(stats.LocallyDelivered, "here,", stats.RemotelyShipped, "shipped")
	stop()
	<-ended
	<-ended
	// Output:
	// n1 joins: 8 moves
	// n2 joins: 4 moves
	// they agree: true
	// shard 0 at n1: press/1 is at 21.5 °C
	// shard 4 at n2: press/5 is at 21.5 °C
	// 1 here, 1 shipped
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
