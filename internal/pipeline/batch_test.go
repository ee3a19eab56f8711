package pipeline

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
)

func recordOf(length int) connector.Record {
	return connector.Record{Mark: engine.Mark{Position: 20, ID: "ni:20"}, Body: []byte(strings.Repeat("x", length))}
}

// adding adds a record of length bytes, and reports what add has returned, if it has.
func adding(b *batch, length int) (returned func() (error, bool)) {
	done := make(chan error, 1)
	go func() { done <- b.add(recordOf(length)) }()
	return func() (error, bool) {
		synctest.Wait()
		select {
		case err := <-done:
			return err, true
		default:
			return nil, false
		}
	}
}

// take takes what waits, and has it written.
func take(b *batch) []connector.Record {
	step, _ := b.next()
	b.did(func(w *core.Writing) { w.Wrote(step.Records[len(step.Records)-1].Position, nil) })
	return step.Records
}

// TestBatchIsBounded: a record for which there is no room waits until the writer has taken the others or has failed.
func TestBatchIsBounded(t *testing.T) {
	const limit = 1000
	for _, fail := range []error{nil, errors.New("input/output error")} {
		synctest.Test(t, func(t *testing.T) {
			b := newBatch(limit, Backoff{})
			for range 2 { // one is being written, one waits
				if _, ok := adding(b, 2*limit)(); !ok {
					t.Fatal("a record that is larger than a batch does not go alone")
				}
			}
			returned := adding(b, 1)
			if err, ok := returned(); ok {
				t.Fatalf("it is taken: %v", err)
			}
			if fail != nil {
				b.did(func(w *core.Writing) { w.Wrote(0, fail) })
			} else if records := take(b); len(records) != 1 || len(records[0].Body) != 2*limit {
				t.Fatalf("%d records", len(records))
			}
			if err, ok := returned(); !ok || !errors.Is(err, fail) {
				t.Errorf("then %v: it returned: %v, %v", fail, ok, err)
			}
		})
	}
}

func TestBatchEnds(t *testing.T) {
	b := newBatch(10, Backoff{})
	if err := b.add(recordOf(1)); err != nil {
		t.Fatal(err)
	}
	b.end()
	if records := take(b); len(records) != 1 {
		t.Errorf("what was added before the end is lost: %v", records)
	}
	if step, more := b.next(); more {
		t.Errorf("after the end: %v", step)
	}
}
