package engine_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
)

// What was read of each shard is kept as text, with the ids by which the logs are known to be the same ones.
func ExampleCursor() {
	read := engine.Cursor{0: {Position: 17, ID: "ni:///sha-256;Kd0vPpXQ9yUq1T3sAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, 2: {Position: 4}}
	fmt.Println(read)
	again, err := engine.ParseCursor("0:17,2:4")
	fmt.Println(again[2].Position, err)
	_, err = engine.ParseCursor("0:seventeen")
	fmt.Println(err != nil)
	// Output:
	// 0:17:Kd0vPpXQ9yUq1T3s,2:4
	// 4 <nil>
	// true
}
