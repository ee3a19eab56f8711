package connector_test

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// printer is a sink that prints the deltas. It doesn't know where it was, so a reader may see some again.
type printer struct{}

func (printer) Promise() connector.Promise { return connector.AtLeastOnce }

func (printer) Open(context.Context, int) (connector.Writer, error) { return &page{}, nil }

type page struct{ at engine.Mark }

func (*page) Target() string    { return "standard output" }
func (p *page) At() engine.Mark { return p.at }
func (*page) Close() error      { return nil }

func (p *page) Write(_ context.Context, records []connector.Record) error {
	for _, r := range records {
		fmt.Printf("%d: %s", r.Position, r.Body)
		p.at = r.Mark
	}
	return nil
}

// A sink of one's own.
func ExampleSink() {
	var sink connector.Sink = printer{}
	w, err := sink.Open(context.Background(), 0)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	err = w.Write(context.Background(), []connector.Record{{Mark: engine.Mark{Position: 3}, Body: []byte("TX .\nA <urn:s> <urn:p> <urn:o> .\nTC .\n")}})
	fmt.Println(w.At().Position, err)
	// Output:
	// 3: TX .
	// A <urn:s> <urn:p> <urn:o> .
	// TC .
	// 3 <nil>
}
