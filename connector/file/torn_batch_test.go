package file

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// A power cut leaves zeros in place of the first page of the last batch, which was a full one: it is cut off, whatever the
// lengths of the records.
func TestFullBatch(t *testing.T) {
	const limit = 8 << 10
	w := operator.Writer{Epoch: 1, Node: "n", Incarnation: 1}
	wrong, over := 0, 0
	for length := 100; length < 300; length++ {
		b := newBatch(limit)
		prev := ""
		for at := uint64(1); ; at++ {
			r := operator.Record{Kind: operator.Delta, Writer: w, Prev: prev, Body: bytes.Repeat([]byte("x"), length)}
			raw := r.Encode(nil)
			if len(b.data) > 0 && len(b.data)+maxHead+len(raw) > b.max { // add would wait
				break
			}
			if err := b.add(0, engine.Mark{Position: at, ID: r.ID}, raw); err != nil {
				t.Fatal(err)
			}
			prev = r.ID
		}
		data, _ := b.take(nil)
		if len(data) > limit {
			over++
		}
		clear(data[:200]) // a page that was never written
		if _, _, err := scan(bytes.NewReader(data), int64(len(data)), 0, limit); err != nil {
			if wrong++; wrong == 1 {
				fmt.Println(err)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of 200 torn batches (%d larger than MaxBatch) are taken for damage", wrong, over)
	}
}
