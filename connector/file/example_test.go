package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/engine"
)

// Two deltas are written; whoever opens the file later knows how far it is.
func Example() {
	dir, err := os.MkdirTemp("", "sink-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	sink, err := file.New(file.Config{Dir: dir})
	if err != nil {
		panic(err)
	}
	records := conntest.Records(0, 2, 100, engine.Mark{}) // a pipeline has them from a shard's log
	for range 2 {
		w, err := sink.Open(context.Background(), 0)
		if err != nil {
			panic(err)
		}
		fmt.Println(filepath.Base(w.Target()), "has all up to", w.At().Position)
		if w.At().Position == 0 {
			err = w.Write(context.Background(), records)
		}
		fmt.Println(err, w.Close())
	}
	// Output:
	// shard-0000.rdfp has all up to 0
	// <nil> <nil>
	// shard-0000.rdfp has all up to 3
	// <nil> <nil>
}
