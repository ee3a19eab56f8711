package file

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// A power cut leaves zeros in place of the first page of the last batch, which was a full one: it is cut off, whatever the
// lengths of the records.
func TestFullBatch(t *testing.T) {
	const limit = 8 << 10
	wrong, over := 0, 0
	for length := 100; length < 300; length++ {
		w := &writer{max: limit}
		var records []connector.Record
		size, prev := 0, ""
		for at := uint64(1); ; at++ {
			body := []byte("TX .\nA <s:1> <p:1> \"" + strings.Repeat("x", length) + "\" .\nTC .\n")
			r := connector.Record{Mark: engine.Mark{Position: at, ID: fmt.Sprint("ni:", at)}, Prev: prev, Body: body}
			records = append(records, r)
			if prev, size = r.ID, size+len(body); size > limit { // more than one batch holds
				break
			}
		}
		data, taken := w.fill(nil, records)
		if taken == len(records) {
			t.Fatalf("%d records of %d bytes are one batch", taken, length)
		}
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

// TestFill: a batch holds what fits to the byte, and a record that is larger goes alone.
func TestFill(t *testing.T) {
	record := func(length int) connector.Record { return connector.Record{Body: make([]byte, length)} }
	w := &writer{max: 1000}
	batch, _ := w.fill(nil, []connector.Record{record(300)})
	fits := 1000 - len(batch) - maxHead - len(w.headers)
	for _, test := range []struct {
		lengths []int
		want    int
	}{
		{[]int{2000, 1}, 1},
		{[]int{1, 2000}, 1},
		{[]int{1, 1, 1}, 3},
		{[]int{300, fits}, 2},
		{[]int{300, fits + 1}, 1},
	} {
		var records []connector.Record
		for _, n := range test.lengths {
			records = append(records, record(n))
		}
		if _, taken := w.fill(nil, records); taken != test.want {
			t.Errorf("%d of %v are taken, want %d", taken, test.lengths, test.want)
		}
	}
}
