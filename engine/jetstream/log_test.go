package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestPublished: what the server answers, and what it means.
func TestPublished(t *testing.T) {
	for answer, want := range map[string]error{
		`{"stream":"s","seq":7}`: nil,
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"s","seq":0}`:  engine.ErrConflict,
		`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"s","seq":0}`:     engine.ErrConflict,
		`{"error":{"code":503,"err_code":10163,"description":"temporarily unavailable"},"stream":"s","seq":0}`: engine.ErrConflict,
		`{"error":{"code":400,"err_code":10054,"description":"message size exceeds"},"stream":"s","seq":0}`:    engine.ErrTooLarge,
		`{"error":{"code":503,"err_code":10023,"description":"insufficient resources"},"stream":"s","seq":0}`:  engine.ErrUnknown,
		`{"error":{"code":503,"err_code":10077,"description":"store failed"},"stream":"s","seq":0}`:            engine.ErrUnknown,
		`{"stream":"s"}`: engine.ErrUnknown,
		`-ERR`:           engine.ErrUnknown,
		``:               engine.ErrUnknown,
	} {
		seq, err := published([]byte(answer))
		if !errors.Is(err, want) || (err == nil) != (seq == 7) {
			t.Errorf("%s: %d, %v; want %v", answer, seq, err, want)
		}
		for _, other := range []error{engine.ErrConflict, engine.ErrUnknown, engine.ErrTooLarge} {
			if other != want && errors.Is(err, other) {
				t.Errorf("%s: %v is also %v", answer, err, other)
			}
		}
	}
}

// TestLargestRecord: what the limit allows goes all ways, one byte more is refused before it is sent.
func TestLargestRecord(t *testing.T) {
	ctx := limited(t)
	l := openOne(t, 1).Shard(0)
	limit := int(connect(t, one(t)).MaxPayload()) - headroom
	_, err := l.Append(ctx, 0, make([]byte, limit+1))
	if !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("Append of one byte too many: %v, want ErrTooLarge", err)
	}
	var want []engine.Entry
	var tail uint64
	for range 9 { // more than one batch
		tail = added(ctx, t, l, tail, make([]byte, limit))
		want = append(want, engine.Entry{Seq: tail, Payload: make([]byte, limit)})
	}
	same(t, "read", want, readAll(ctx, t, l))
	follow(ctx, l).end(t, want)
}

// TestFollowHearsNothing: a follower that nothing reaches of what is republished is late, but has everything.
func TestFollowHearsNothing(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	l := openOne(t, 1).Shard(0).(*log)
	deaf := *l
	deaf.feed = "nowhere"
	f := follow(ctx, &deaf)
	a := &appender{log: l}
	for i := range 3 {
		if err := a.append(ctx, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		f.await(t, i+1)
	}
	f.end(t, a.accepted)
}

// TestForeignMessage: what somebody else wrote into a log is found, not delivered.
func TestForeignMessage(t *testing.T) {
	ctx := limited(t)
	l := openOne(t, 1).Shard(0).(*log)
	added(ctx, t, l, 0, []byte("ours"))
	f := follow(ctx, l)
	f.await(t, 1)
	if _, err := l.nc.Request(l.subject, []byte("theirs"), patience); err != nil {
		t.Fatal(err)
	}
	if err := <-f.done; !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("Follow: %v, want %v", err, engine.ErrDamaged)
	}
	if _, err := l.Tail(ctx); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("Tail: %v, want %v", err, engine.ErrDamaged)
	}
	n := 0
	_, err := l.Read(ctx, 0, func(engine.Entry) error { n++; return nil })
	if !errors.Is(err, engine.ErrDamaged) || n > 1 {
		t.Errorf("Read: %v after %d entries, want %v", err, n, engine.ErrDamaged)
	}
}

// TestMissingEntry: an entry that was deleted from the middle of a log is found to be missing.
func TestMissingEntry(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	nc := connectFreely(t, one(t))
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	cfg := fresh(1, 1)
	sc := logStream(cfg, "0")
	sc.DenyDelete = false
	stream, err := js.CreateStream(ctx, sc)
	if err != nil {
		t.Fatal(err)
	}
	l := newStream(nc, cfg, "0").log("0")
	a := &appender{log: l}
	for i := range 5 {
		if err := a.append(ctx, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.DeleteMsg(ctx, a.accepted[2].Seq); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[uint64]error{0: engine.ErrDamaged, a.accepted[2].Seq: engine.ErrDamaged, a.accepted[3].Seq: nil} {
		if _, err := l.Read(ctx, from, func(engine.Entry) error { return nil }); !errors.Is(err, want) {
			t.Errorf("Read from %d: %v, want %v", from, err, want)
		}
	}
	err = l.Follow(ctx, 0, func(engine.Entry) error { return nil })
	if !errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), fmt.Sprint("after ", a.accepted[1].Seq)) {
		t.Errorf("Follow: %v, want %v", err, engine.ErrDamaged)
	}
}

// message is an entry as the server gives it out.
func message(seq, prev uint64) *nats.Msg {
	return &nats.Msg{Header: nats.Header{headerSequence: {fmt.Sprint(seq)}, headerExpected: {fmt.Sprint(prev)}}}
}

// TestChain: what a reader takes, and what it doesn't.
func TestChain(t *testing.T) {
	type step struct {
		seq, prev uint64
		want      error
	}
	for name, test := range map[string]struct {
		from  uint64
		steps []step
	}{
		"whole":            {0, []step{{3, 0, nil}, {5, 3, nil}, {6, 5, nil}}},
		"again":            {0, []step{{3, 0, nil}, {3, 0, nil}, {5, 3, nil}, {3, 0, nil}, {6, 5, nil}}},
		"from the middle":  {4, []step{{3, 0, nil}, {5, 3, nil}, {6, 5, nil}}},
		"from a gap":       {4, []step{{6, 3, nil}, {7, 6, nil}}},
		"gap":              {0, []step{{3, 0, nil}, {6, 5, errGap}, {5, 3, nil}, {6, 5, nil}}},
		"gap at the start": {3, []step{{6, 3, errGap}}},
		"fork":             {0, []step{{3, 0, nil}, {5, 3, nil}, {6, 3, engine.ErrDamaged}}},
		"names itself":     {0, []step{{3, 3, engine.ErrDamaged}}},
		"names a later":    {0, []step{{3, 4, engine.ErrDamaged}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got, want []uint64
			r := &reader{log: &log{known: &known{}}, last: max(test.from, 1) - 1, upTo: 100, fn: func(e engine.Entry) error {
				got = append(got, e.Seq)
				return nil
			}}
			for _, s := range test.steps {
				if s.want == nil && s.seq >= test.from && (len(want) == 0 || s.seq > want[len(want)-1]) {
					want = append(want, s.seq)
				}
				if err := r.take(context.Background(), message(s.seq, s.prev)); !errors.Is(err, s.want) {
					t.Errorf("take %d after %d: %v, want %v", s.seq, s.prev, err, s.want)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("taken %v, want %v", got, want)
			}
		})
	}
}
