package http_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector/http"
)

// A source that follows the pipeline of another site, whichever of its nodes answers. What runs it is a node: package
// internal/pipeline, from the section "sources" of its configuration.
func Example() {
	source, err := http.New(http.Config{
		URL:    []string{"https://a.plant.example:7375", "https://b.plant.example:7375"},
		Client: client.New("token"),
	})
	fmt.Println(source != nil, err)
	_, err = http.New(http.Config{})
	fmt.Println(err != nil)
	// Output:
	// true <nil>
	// true
}
