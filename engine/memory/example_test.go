package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
)

// Of two who append after the same entry one wins.
func Example() {
	ctx := context.Background()
	log := memory.New(1).Shard(0)
	first, err := log.Append(ctx, 0, []byte("first"))
	fmt.Println(first, err)
	_, err = log.Append(ctx, 0, []byte("second"))
	fmt.Println(errors.Is(err, engine.ErrConflict))
	tail, err := log.Read(ctx, 0, func(e engine.Entry) error {
		fmt.Println(e.Seq, string(e.Payload))
		return nil
	})
	fmt.Println(tail, err)
	// Output:
	// 1 <nil>
	// true
	// 1 first
	// 1 <nil>
}
