package apply_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/apply"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// Patches change a store, one transaction after the other; what is aborted has no effect.
func Example() {
	quads := memory.New()
	a := apply.To(quads)
	err := patch.Parse([]byte(`TX .
A <http://plant.example/pump1> <http://plant.example/state> "on" .
TC .
TX .
D <http://plant.example/pump1> <http://plant.example/state> "on" .
TA .
`), a)
	n := a.Counts()
	fmt.Println(err, quads.Len(), n.Adds, n.Deletes, n.Aborted)
	// Output: <nil> 1 1 0 1
}
