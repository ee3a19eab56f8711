package sparql

import (
	"iter"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/internal/contain"
)

// request is an update, and what the store has when it is done.
type request struct {
	text []byte
	next position
	err  error // it can't be made; no other one follows
}

// requests makes those that write the records, each to follow the one before it.
func (w *writer) requests(records []connector.Record) iter.Seq[request] {
	from, rest := w.now, records
	return func(yield func(request) bool) {
		for len(rest) > 0 {
			n := endpoint.Fit(rest, w.cfg.MaxRequest)
			if !w.group(rest[:n], &from, yield) {
				return
			}
			rest = rest[n:]
		}
	}
}

// group makes one request of records, and says whether it is to go on. Those that do not fit are halved, so that only a single
// record takes several: then a reader of the store sees parts of it.
func (w *writer) group(records []connector.Record, from *position, yield func(request) bool) bool {
	list, err := w.make.changes(records, from.whole())
	if err != nil {
		yield(request{err: err})
		return false
	}
	if half := len(records) / 2; len(list) > 1 && half > 0 {
		return w.group(records[:half], from, yield) && w.group(records[half:], from, yield)
	}
	last := records[len(records)-1].Mark
	for i, c := range list {
		next := position{at: from.at, until: max(from.until, last.Position), writer: from.writer, n: from.n + 1}
		if i == len(list)-1 {
			next.at = last
		}
		text := updateText(w.place, []string{from.String()}, next, c)
		if *from = next; !yield(request{text: text, next: next}) {
			return false
		}
	}
	return true
}

// ahead runs a sequence in a goroutine of its own, which makes a value while the one before is being used. It has ended when the
// loop over the values has.
func ahead[T any](values iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		made, stop := make(chan T), make(chan struct{})
		var making sync.WaitGroup
		defer making.Wait()
		defer close(stop)
		var fault error // of the making, once made is closed
		making.Go(func() {
			defer close(made)
			fault = contain.Do(func() error {
				for value := range values {
					select {
					case made <- value:
					case <-stop:
						return nil
					}
				}
				return nil
			})
		})
		for value := range made {
			if !yield(value) {
				return
			}
		}
		if fault != nil {
			panic(fault) // as it would have without a goroutine
		}
	}
}
