package natstransport_test

import (
	"context"
	"fmt"
	"os"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
)

// Two nodes of the pipeline "plant" over a NATS server, which here runs in the same process and opens no port.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dir := must(os.MkdirTemp("", "natstransport"))
	defer os.RemoveAll(dir)
	server := must(jetstream.StartServer(ctx, jetstream.ServerConfig{Name: "n1", Dir: dir, NoListen: true}, nil))
	defer server.Shutdown()
	n1, n2 := must(server.ConnectEvents()), must(server.ConnectEvents())
	defer n1.Close()
	defer n2.Close()

	arrived := make(chan event.Batch, 1)
	here := must(natstransport.New(n2, "plant"))
	err := here.RegisterRoute("n2", shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error {
		arrived <- event.Batch{From: b.From, Shard: b.Shard}
		return nil
	}))
	ended := make(chan error)
	go func() { ended <- here.Run(ctx) }()
	fmt.Println(err, n2.Flush())

	there := must(natstransport.New(n1, "plant"))
	fmt.Println(there.RegisterRoute("n2", nil)) // n2 is elsewhere
	fmt.Println(there.Send(ctx, "n2", event.Batch{From: "n1", Shard: 2, Events: []event.Event{{Payload: []byte("hello")}}}))
	b := <-arrived
	fmt.Println("from", b.From, "for shard", b.Shard)
	stop()
	fmt.Println(<-ended)
	// Output:
	// <nil> <nil>
	// <nil>
	// <nil>
	// from n1 for shard 2
	// <nil>
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
