package event_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/event"
)

// Two producers with the same name are not the same if their kinds differ.
func ExampleProducer() {
	key := event.Producer{Kind: event.Once, Name: "order-17"}
	source := event.Producer{Name: "order-17"}
	fmt.Println(key, source, key == source, event.ParseProducer("once/order-17") == key)
	// Output: once/order-17 order-17 false true
}
