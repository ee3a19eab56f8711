// Package enginetest holds the suite that every implementation of package engine passes.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/engine"
)

// timeout bounds each test of the suite: it is far longer than any takes.
const timeout = 3 * time.Minute

// Open returns n engines on one empty store, with that many shards: what one of them appends the others see. They work
// until the test ends. For an engine that lives in one process they may be one and the same.
type Open func(t testing.TB, n, shards int) []engine.Engine

// Run runs the suite.
func Run(t *testing.T, open Open) {
	s := suite{open}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Empty", s.empty},
		{"Append", s.append},
		{"Conflict", s.conflict},
		{"EndedContext", s.endedContext},
		{"TooLarge", s.tooLarge},
		{"Big", s.big},
		{"Ownership", s.ownership},
		{"Logs", s.logs},
		{"Ends", s.ends},
		{"EndsGrow", s.endsGrow},
		{"Contention", s.contention},
		{"Read", s.read},
		{"ReadMany", s.readMany},
		{"ReadStops", s.readStops},
		{"Follow", s.follow},
		{"FollowStops", s.followStops},
		{"FollowSlowly", s.followSlowly},
		{"Trim", s.trim},
		{"TrimWhileReading", s.trimWhileReading},
		{"Model", s.model},
		{"Heartbeats", s.heartbeats},
		{"Blobs", s.blobs},
		{"BlobReplaced", s.blobReplaced},
		{"BlobFails", s.blobFails},
		{"BlobLarge", s.blobLarge},
		{"BlobList", s.blobList},
		{"BlobsConcurrent", s.blobsConcurrent},
	} {
		t.Run(test.name, test.run)
	}
}

type suite struct{ open Open }

// one returns an engine with two shards on an empty store, and a context that ends with the test or before.
func (s suite) one(t *testing.T) (context.Context, engine.Engine) {
	return limited(t), s.open(t, 1, 2)[0]
}

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// reporter is what [testing.T] and [rapid.T] have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// push appends after the tail, and returns the position.
func push(ctx context.Context, t reporter, l engine.Log, payload []byte) uint64 {
	t.Helper()
	tail, err := l.Tail(ctx)
	if err != nil {
		t.Fatalf("Tail: %v", err)
	}
	return add(ctx, t, l, tail.Seq, payload)
}

// add appends after expect, and returns the position.
func add(ctx context.Context, t reporter, l engine.Log, expect uint64, payload []byte) uint64 {
	t.Helper()
	seq, err := l.Append(ctx, expect, payload)
	for unknown := false; errors.Is(err, engine.ErrUnknown) || unknown && errors.Is(err, engine.ErrConflict); unknown = true {
		tail, failed := l.Tail(ctx) // the machine is busy: the tail decides
		switch {
		case failed != nil:
			err = failed
		case tail.Seq == expect:
			seq, err = l.Append(ctx, expect, payload)
		case bytes.Equal(tail.Payload, payload):
			seq, err = tail.Seq, nil
		default:
			t.Fatalf("Append after %d: %v, and then the tail is %d", expect, err, tail.Seq)
		}
	}
	if err != nil {
		t.Fatalf("Append after %d: %v", expect, err)
	}
	if seq <= expect {
		t.Fatalf("Append after %d: position %d", expect, seq)
	}
	return seq
}

// refuse appends after what is not the tail, which must be refused.
func refuse(ctx context.Context, t reporter, l engine.Log, expect uint64, payload []byte) {
	t.Helper()
	_, err := l.Append(ctx, expect, payload)
	for errors.Is(err, engine.ErrUnknown) && ctx.Err() == nil { // the machine is busy: there was no answer
		_, err = l.Append(ctx, expect, payload)
	}
	checkIs(t, fmt.Sprint("Append after ", expect), err, engine.ErrConflict)
}

// fill appends n records to an empty log.
func fill(ctx context.Context, t reporter, l engine.Log, n int) []engine.Entry {
	t.Helper()
	var list []engine.Entry
	var tail uint64
	for i := range n {
		payload := fmt.Appendf(nil, "record %d", i)
		tail = add(ctx, t, l, tail, payload)
		list = append(list, engine.Entry{Seq: tail, Payload: payload})
	}
	return list
}

// all reads a log.
func all(ctx context.Context, t reporter, l engine.Log, from uint64) (list []engine.Entry, tail uint64) {
	t.Helper()
	tail, err := l.Read(ctx, from, func(e engine.Entry) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		t.Fatalf("Read from %d: %v", from, err)
	}
	return list, tail
}

func checkSame(t reporter, what string, want, got []engine.Entry) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d entries, want %d", what, len(got), len(want))
	}
	for i := range want {
		if want[i].Seq != got[i].Seq || !bytes.Equal(want[i].Payload, got[i].Payload) {
			t.Fatalf("%s: entry %d (-want +got):\n%s", what, i, cmp.Diff(want[i], got[i]))
		}
	}
}

func checkIs(t reporter, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func checkTail(ctx context.Context, t reporter, l engine.Log, want engine.Entry) {
	t.Helper()
	tail, err := l.Tail(ctx)
	if err != nil || tail.Seq != want.Seq || !bytes.Equal(tail.Payload, want.Payload) {
		t.Errorf("Tail: %d %.40q, %v; want %d %.40q", tail.Seq, tail.Payload, err, want.Seq, want.Payload)
	}
}

// checkEnds compares the ends of shards' logs, all asked for at once.
func checkEnds(ctx context.Context, t reporter, e engine.Engine, want map[int]uint64) {
	t.Helper()
	shards := slices.Collect(maps.Keys(want))
	ends, errs := e.Ends(ctx, shards)
	for i, s := range shards {
		if errs[i] != nil || ends[i] != want[s] {
			t.Errorf("end of shard %d: %d, %v; want %d", s, ends[i], errs[i], want[s])
		}
	}
}
