package jetstream

import (
	"fmt"
	"io"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestReadFew: who needs few entries is sent few, and what is read is the same.
func TestReadFew(t *testing.T) {
	s, err := shared.one()
	check(t, err)
	nc, ctx := connect(t, s), limited(t)
	e, err := Open(ctx, nc, fresh(1, 1))
	check(t, err)
	log := e.Shard(0)
	last := uint64(0)
	for i := range 300 {
		last = added(ctx, t, log, last, fmt.Append(nil, i))
	}
	const most = 100 // of 200: on a busy machine an answer is late, and asked for again
	for _, few := range []int{1, 20} {
		before := nc.Stats().InMsgs
		got := 0
		_, err := log.Read(engine.WithFew(ctx, few), 100, func(engine.Entry) error {
			if got++; got == few {
				return io.EOF
			}
			return nil
		})
		if came := nc.Stats().InMsgs - before; err != io.EOF || got != few || came > most {
			t.Errorf("%d entries: %d read, %d messages came, want %d at most; %v", few, got, came, most, err)
		}
	}
	got := 0
	if _, err := log.Read(engine.WithFew(ctx, 7), 0, func(engine.Entry) error { got++; return nil }); got != 300 || err != nil {
		t.Errorf("all: %d, %v", got, err)
	}
}
