package enginetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

func (s suite) trim(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	other := fill(ctx, t, e.Shard(1), 3)
	want := fill(ctx, t, l, 20)
	last := want[len(want)-1]
	first := 0
	for _, before := range []int{0, 1, 5, 5, 3, 18} {
		if err := l.Trim(ctx, want[before].Seq); err != nil {
			t.Fatalf("Trim: %v", err)
		}
		first = max(first, before)
		s.checkTrimmed(t, l, want, first)
	}
	if err := l.Trim(ctx, last.Seq+1000); err != nil {
		t.Fatalf("Trim beyond the tail: %v", err)
	}
	s.checkTrimmed(t, l, want, len(want)-1)
	checkTail(ctx, t, l, last)
	refuse(ctx, t, l, 0, []byte("as if it were empty"))
	next := add(ctx, t, l, last.Seq, []byte("next"))
	got, _ := all(ctx, t, l, last.Seq+1)
	checkSame(t, "Read after Trim", []engine.Entry{{Seq: next, Payload: []byte("next")}}, got)
	got, _ = all(ctx, t, e.Shard(1), 0)
	checkSame(t, "another log", other, got)
}

// checkTrimmed checks that the log begins with list[first].
func (s suite) checkTrimmed(t *testing.T, l engine.ShardLog, list []engine.Entry, first int) {
	t.Helper()
	ctx := limited(t)
	begin := uint64(0)
	if first > 0 {
		begin = list[first-1].Seq + 1
	}
	got, _ := all(ctx, t, l, begin)
	checkSame(t, fmt.Sprint("Read from ", begin), list[first:], got)
	checkSame(t, fmt.Sprint("Follow from ", begin), list[first:], startFollowing(ctx, l, begin).await(t, len(list)-first))
	never := func(engine.Entry) error { return errors.New("fn was called") }
	for i := range first {
		_, err := l.Read(ctx, list[i].Seq, never)
		checkIs(t, fmt.Sprint("Read from ", list[i].Seq), err, engine.ErrTrimmed)
	}
	if first > 0 {
		_, err := l.Read(ctx, 0, never)
		checkIs(t, "Read from 0", err, engine.ErrTrimmed)
		checkIs(t, "Follow from 0", l.Follow(ctx, 0, never), engine.ErrTrimmed)
		checkIs(t, "Follow", l.Follow(ctx, list[first-1].Seq, never), engine.ErrTrimmed)
	}
}

// trimWhileReading: who reads while the log is trimmed gets what is asked for, or ErrTrimmed, but never a gap.
func (s suite) trimWhileReading(t *testing.T) {
	ctx, e := s.one(t)
	l := e.Shard(0)
	payload := noise(100<<10, 1)
	var want []engine.Entry
	var tail uint64
	for range 50 {
		tail = add(ctx, t, l, tail, payload)
		want = append(want, engine.Entry{Seq: tail, Payload: payload})
	}
	var got []engine.Entry
	_, err := l.Read(ctx, 0, func(e engine.Entry) error {
		if len(got) == 0 {
			if err := l.Trim(ctx, want[45].Seq); err != nil {
				return err
			}
		}
		got = append(got, e)
		return nil
	})
	if err != nil {
		checkIs(t, "Read", err, engine.ErrTrimmed)
		want = want[:len(got)]
	}
	checkSame(t, "Read", want, got)
}
