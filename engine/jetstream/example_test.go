package jetstream_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

// A server inside the process, without a port, and the logs of a pipeline in it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "plant-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, err := jetstream.StartServer(ctx, jetstream.ServerConfig{Name: "n1", Dir: dir, NoListen: true}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	connection, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	logs, err := jetstream.Open(ctx, connection, jetstream.Config{Pipeline: "plant", Shards: 16})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(logs.Limits().Pipeline, logs.Limits().Shards)
	// Output: plant 16
}
