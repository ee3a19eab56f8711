package file

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/engine"
)

// adding adds a record of length bytes, and reports what add has returned, if it has.
func adding(b *batch, length int) (returned func() (error, bool)) {
	done := make(chan error, 1)
	go func() { done <- b.add(3, engine.Mark{Position: 20, ID: "ni:20"}, []byte(strings.Repeat("x", length))) }()
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
				if data, last := b.take(nil); len(data) <= 2*limit || last.Position != 20 {
					t.Fatalf("%d bytes, %+v", len(data), last)
				}
				if _, ok := adding(b, 100)(); !ok {
					t.Fatal("the first record waits")
				}
				returned := adding(b, limit-len(b.data)-maxHead+more)
				if err, ok := returned(); ok != fits || err != nil {
					t.Fatalf("%d bytes too many: it is taken: %v, %v", more, ok, err)
				}
				if fail != nil {
					b.fail(fail)
				} else {
					b.take(nil)
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
	if err := b.add(3, engine.Mark{Position: 20}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	b.end()
	if data, last := b.take(nil); len(data) == 0 || last.Position != 20 {
		t.Errorf("what was added before the end is lost: %q, %+v", data, last)
	}
	if data, last := b.take(nil); data != nil || last != (engine.Mark{}) {
		t.Errorf("after the end: %q, %+v", data, last)
	}
}
