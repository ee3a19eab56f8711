package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

// fed is a node that doesn't run, whose only shard looks as if its loop owned it: the test tells what the loop tells.
type fed struct {
	t       *testing.T
	n       *Node
	entries []engine.Entry
	marks   []engine.Mark
	heads   []string // of each, the id of the last delta
	w       operator.Writer
}

func newFed(t *testing.T) *fed {
	e := memory.New(1)
	n, err := New(Config{Name: "n1", Logic: keepAll, Shards: 1, Engine: e, Transport: shipper.NewInProcess(1),
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f := &fed{t: t, n: n, w: operator.Writer{Epoch: 1, Node: "n1", Incarnation: 1}}
	f.append(operator.Claim)
	f.show()
	return f
}

func (f *fed) append(kind operator.Kind) engine.Entry {
	f.t.Helper()
	r := operator.Record{Kind: kind, Writer: f.w}
	var expect uint64
	if n := len(f.marks); n > 0 {
		r.Prev, expect = f.marks[n-1].ID, f.marks[n-1].Position
	}
	payload := r.Encode(nil)
	seq, err := f.n.cfg.Engine.Shard(0).Append(f.t.Context(), expect, payload)
	if err != nil {
		f.t.Fatal(err)
	}
	f.marks = append(f.marks, engine.Mark{Position: seq, ID: r.ID})
	f.heads = append(f.heads, r.ID)
	if kind != operator.Delta {
		f.heads[len(f.heads)-1] = f.before(seq)
	}
	f.entries = append(f.entries, engine.Entry{Seq: seq, Payload: payload})
	return f.entries[len(f.entries)-1]
}

// before returns the id of the last delta before the position.
func (f *fed) before(position uint64) (head string) {
	for i, m := range f.marks {
		if m.Position < position {
			head = f.heads[i]
		}
	}
	return head
}

// show is what the loop shows: that it has come to the last record.
func (f *fed) show() {
	last := f.marks[len(f.marks)-1]
	f.n.loops[0].view.Store(&view{state: operator.Owning, position: last.Position, mark: last, head: f.heads[len(f.heads)-1]})
}

// read starts a reader from the last record.
func (f *fed) read(from engine.Mark) <-chan Record {
	ctx, cancel := context.WithCancel(context.Background())
	got, done := make(chan Record, 10), make(chan error, 1)
	go func() {
		done <- f.n.Follow(ctx, FollowOptions{From: engine.Cursor{0: from}, Live: true}, func(r Record) error {
			got <- r
			return nil
		})
	}()
	f.t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			f.t.Error(err)
		}
	})
	return got
}

func (f *fed) want(got <-chan Record, at engine.Mark) {
	f.t.Helper()
	select {
	case r := <-got:
		if r.Position != at.Position || r.ID != at.ID {
			f.t.Errorf("got the record at %d, want that at %d", r.Position, at.Position)
		}
		if want := f.before(at.Position); r.Prev != want {
			f.t.Errorf("the delta at %d has the prev %q, want %q", at.Position, r.Prev, want)
		}
	case <-time.After(3 * time.Minute):
		f.t.Fatalf("the record at %d never came", at.Position)
	}
}

func (f *fed) watched() {
	f.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); f.n.Following() == 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatal("nobody watches")
		}
	}
}

// TestPublishedBeforeAnybodyWatched: a record of which the loop has told, but which it doesn't show yet, is read from the
// log.
func TestPublishedBeforeAnybodyWatched(t *testing.T) {
	f := newFed(t)
	f.n.feeds.publish(0, f.append(operator.Delta))
	f.want(f.read(f.marks[0]), f.marks[1])
}

// TestMissedRecord: when what is told doesn't follow what was told before, the log is read.
func TestMissedRecord(t *testing.T) {
	f := newFed(t)
	got := f.read(f.marks[0])
	f.watched()
	f.n.feeds.publish(0, f.append(operator.Delta))
	f.want(got, f.marks[1])
	f.append(operator.Delta) // nobody tells
	f.n.feeds.publish(0, f.append(operator.Delta))
	f.want(got, f.marks[2])
	f.want(got, f.marks[3])
	// Both loop and follower may tell, each more or less.
	for _, e := range f.entries {
		f.n.feeds.publish(0, e)
	}
	f.n.feeds.publish(0, f.append(operator.Delta))
	f.want(got, f.marks[4])
}

// TestClaimsBetween: what is told from a claim on names the delta before, whether the loop shows that claim or an earlier record.
func TestClaimsBetween(t *testing.T) {
	f := newFed(t)
	f.append(operator.Delta)
	f.append(operator.DeadLetter)
	for _, second := range []bool{false, true} {
		f.w.Epoch++
		f.append(operator.Claim)
		if second {
			f.show()
		}
		got := f.read(f.marks[len(f.marks)-1])
		f.watched()
		f.n.feeds.publish(0, f.append(operator.Delta))
		f.want(got, f.marks[len(f.marks)-1])
		f.w.Epoch++
		f.n.feeds.publish(0, f.append(operator.Claim))
		f.n.feeds.publish(0, f.append(operator.Delta))
		f.want(got, f.marks[len(f.marks)-1])
	}
}

// TestTailIsComplete: who begins at the last record knows the delta before it without a look at the log.
func TestTailIsComplete(t *testing.T) {
	f := newFed(t)
	f.append(operator.Delta)
	f.append(operator.DeadLetter)
	f.show()
	p := &place{mark: engine.Mark{Position: f.marks[2].Position, ID: engine.ShortID(f.marks[2].ID)}}
	if !f.n.isTail(0, p) || !p.headed || p.mark != f.marks[2] || p.head != f.marks[1].ID {
		t.Errorf("%+v; want the mark %v and the head %s", p, f.marks[2], f.marks[1].ID)
	}
}

// TestLogLostItsTail: a record that was committed and is told of must be in the log.
func TestLogLostItsTail(t *testing.T) {
	f := newFed(t)
	lost := operator.Record{Kind: operator.Delta, Writer: f.w, Prev: "ni:///sha-256;lost"}
	payload := lost.Encode(nil)
	done := make(chan error, 1)
	go func() {
		done <- f.n.Follow(t.Context(), FollowOptions{Live: true}, func(Record) error { return nil })
	}()
	f.watched()
	f.n.feeds.publish(0, engine.Entry{Seq: 99, Payload: payload})
	if err := <-done; !errors.Is(err, engine.ErrDamaged) {
		t.Error(err)
	}
}
