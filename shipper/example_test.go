package shipper_test

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// An event goes to another node of the same process. Over a network it is the same, with another transport.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	transport := shipper.NewInProcess(64)
	arrived := make(chan string)
	err := transport.RegisterRoute("n2", shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error {
		for _, ev := range b.Events {
			arrived <- fmt.Sprintf("for shard %d: %s", b.Shard, ev.Payload)
		}
		return nil
	}))
	if err != nil {
		fmt.Println(err)
	}
	ended := make(chan error)
	go func() { ended <- transport.Run(ctx) }()
	n1 := shipper.New("n1", transport, shipper.WithShards(8))
	go func() { ended <- n1.Ship(ctx, "n2", 5, event.Event{Payload: []byte("hello")}) }()
	fmt.Println(<-arrived)
	fmt.Println(<-ended)
	fmt.Println(n1.Ship(ctx, "n3", 5, event.Event{}))
	stop()
	fmt.Println(<-ended)
	// Output:
	// for shard 5: hello
	// <nil>
	// ship to node "n3", shard 5: in-process transport: no route to node: "n3" has no receiver here
	// <nil>
}
