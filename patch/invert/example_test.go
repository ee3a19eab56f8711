package invert_test

import (
	"fmt"
	"io"
	"os"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/invert"
)

func Example() {
	var v invert.Inverter
	defer v.Close()
	err := patch.Parse([]byte(`H id <uuid:2> .
TX .
D <http://plant.example/o/1> <http://plant.example/value> "21.4" .
A <http://plant.example/o/1> <http://plant.example/value> "21.5" .
TC .
`), &v)
	if err != nil {
		fmt.Println(err)
	}
	inverse, err := v.Reader()
	if err != nil {
		fmt.Println(err)
	}
	_, err = io.Copy(os.Stdout, inverse)
	fmt.Println(err)
	// Output:
	// TX .
	// D <http://plant.example/o/1> <http://plant.example/value> "21.5" .
	// A <http://plant.example/o/1> <http://plant.example/value> "21.4" .
	// TC .
	// <nil>
}
