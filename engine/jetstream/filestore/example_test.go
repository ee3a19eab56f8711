package filestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// A server has kept one record of the only shard; its files are read without it.
func ExampleStream_Check() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "filestore"))
	defer os.RemoveAll(dir)
	server := must(jetstream.StartServer(ctx, jetstream.ServerConfig{Name: "n1", Dir: dir, NoListen: true}, nil))
	nc := must(server.Connect())
	e := must(jetstream.Open(ctx, nc, jetstream.Config{Pipeline: "plant", Shards: 1}))
	must(e.Shard(0).Append(ctx, 0, []byte("a record")))
	nc.Close()
	server.Shutdown()

	for _, folder := range must(filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*"))) {
		report := must(filestore.Open(folder).Check(ctx))
		if report.Messages > 0 {
			fmt.Println(report.Messages, "message,", len(report.Damages), "damages")
		}
	}
	// Output:
	// 1 message, 0 damages
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
