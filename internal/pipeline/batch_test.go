package pipeline

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
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

// TestBatchIsBounded: a record that fits to the byte is taken at once, one byte more waits until the writer has taken the
// others or has failed.
func TestBatchIsBounded(t *testing.T) {
	const limit = 1000
	for more, fits := range map[int]bool{0: true, 1: false} {
		for _, fail := range []error{nil, errors.New("input/output error")} {
			synctest.Test(t, func(t *testing.T) {
				b := newBatch(limit)
				if _, ok := adding(b, 2*limit)(); !ok {
					t.Fatal("a record that is larger than a batch does not go alone")
				}
				if records := b.take(); len(records) != 1 || len(records[0].Body) != 2*limit {
					t.Fatalf("%d records", len(records))
				}
				if _, ok := adding(b, 100)(); !ok {
					t.Fatal("the first record waits")
				}
				returned := adding(b, limit-(100+recordSize)-recordSize+more)
				if err, ok := returned(); ok != fits || err != nil {
					t.Fatalf("%d bytes too many: it is taken: %v, %v", more, ok, err)
				}
				if fail != nil {
					b.fail(fail)
				} else {
					b.take()
				}
				if err, ok := returned(); ok == fits || err != nil && !errors.Is(err, fail) || !fits && (err == nil) != (fail == nil) {
					t.Errorf("%d bytes too many, then %v: it returned: %v, %v", more, fail, ok, err)
				}
			})
		}
	}
}

func TestBatchEnds(t *testing.T) {
	b := newBatch(10)
	if err := b.add(recordOf(1)); err != nil {
		t.Fatal(err)
	}
	b.end()
	if records := b.take(); len(records) != 1 {
		t.Errorf("what was added before the end is lost: %v", records)
	}
	if records := b.take(); records != nil {
		t.Errorf("after the end: %v", records)
	}
}
