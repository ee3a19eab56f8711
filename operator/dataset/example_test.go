package dataset_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// What goes into the log is what an event really changes.
func Example() {
	l := dataset.New()
	for position, patch := range []string{
		"TX .\nA <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"1\" .\nTC .\n",
		"TX .\nD <urn:s> <urn:p> \"1\" .\nD <urn:s> <urn:p> \"0\" .\nA <urn:s> <urn:p> \"2\" .\nTC .\n",
	} {
		ev := &event.Event{MediaType: dataset.MediaType, Payload: []byte(patch)}
		delta, adds, deletes, err := l.Evaluate(ev, operator.Evaluation{}, nil)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d added, %d deleted:\n%s", adds, deletes, delta)
		if err := l.Commit(uint64(position + 1)); err != nil {
			panic(err)
		}
	}
	// Output:
	// 1 added, 0 deleted:
	// TX .
	// A <urn:s> <urn:p> "1" .
	// TC .
	// 1 added, 1 deleted:
	// TX .
	// D <urn:s> <urn:p> "1" .
	// A <urn:s> <urn:p> "2" .
	// TC .
}
