package results

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// TestClosedWriterIsDone: what a writer has written with is used by the next one, so a closed one writes no more.
func TestClosedWriterIsDone(t *testing.T) {
	var closed *Writer
	for i := range 3 {
		var to bytes.Buffer
		w, err := NewWriter(&to, CSV)
		if err != nil {
			t.Fatal(err)
		}
		row := []rdf.Term{rdf.Trusted(fmt.Sprintf(`"%d"`, i))}
		if closed != nil {
			if err := closed.Row(row); !errors.Is(err, ErrOrder) {
				t.Errorf("a row behind Close: %v", err)
			}
			if err := errors.Join(closed.Flush(), closed.Close()); err != nil {
				t.Errorf("again: %v", err)
			}
		}
		if err := errors.Join(w.Head([]sparql.Var{"v"}), w.Row(row), w.Close()); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("v\r\n%d\r\n", i); to.String() != want {
			t.Errorf("%q, want %q", to.String(), want)
		}
		closed = w
	}
}
