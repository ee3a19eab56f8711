// Package conntest is the suite that every adapter passes, against its real peer. A test of an adapter makes the peer, and
// calls [TestSink] or [TestSource].
package conntest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// patience bounds what a peer has to do.
const patience = 2 * time.Minute

// Target is what a sink writes to. All methods may be called at any time.
type Target interface {
	// Sink returns a new sink, as a process has that has just started.
	Sink(t *testing.T) connector.Sink
	// Read returns what a reader of the target finds of a shard, in order: the position of each delta, and its text, which
	// is the Body of a [connector.Record], or the [patch.Entry] with it.
	Read(t *testing.T, shard int) []Delivered
}

// Delivered is a delta as a target has it.
type Delivered struct {
	// Position is that of the record.
	Position uint64
	// Text is what was written of it.
	Text string
}

// Records makes so many deltas of a shard as its log has them, after the one that is named, with gaps between their positions.
// The text of each is about size bytes long.
func Records(shard, n, size int, after engine.Mark) []connector.Record {
	list := make([]connector.Record, n)
	for i := range list {
		body := body(shard, after.Position+uint64(i), size)
		sum := sha256.Sum256(append([]byte(after.ID), body...))
		id := "ni:///sha-256;" + base64.RawURLEncoding.EncodeToString(sum[:])
		list[i] = connector.Record{Mark: engine.Mark{Position: after.Position + uint64(1+i%3), ID: id}, Prev: after.ID,
			Time: time.Unix(int64(i), 0).UTC(), Body: body}
		after = list[i].Mark
	}
	return list
}

// maxValue bounds a value in bytes: long ones are slow to read for some peers.
const maxValue = 64 << 10

// body makes a transaction about one subject.
func body(shard int, subject uint64, size int) []byte {
	text := []byte("TX .\n")
	for n := 0; n == 0 || len(text) < size; n++ {
		value := strings.Repeat("v", min(max(size-40, 1), maxValue))
		text = fmt.Appendf(text, "A <urn:shard%d:s%d> <urn:p%d> \"%s\" .\n", shard, subject, n, value)
	}
	return append(text, "TC .\n"...)
}

// Text returns the patch that a delta of a shard is, with its headers.
func Text(shard int, r connector.Record) string {
	return string(patch.Entry{ID: r.ID, Prev: r.Prev, Shard: shard, Time: r.Time, Rows: r.Body}.Append(nil))
}

// TestSink tests a sink; target makes one that is empty.
func TestSink(t *testing.T, target func(t *testing.T) Target) {
	for _, test := range []struct {
		name string
		run  func(*sinkTest)
	}{
		{"in order", (*sinkTest).inOrder},
		{"goes on", (*sinkTest).goesOn},
		{"large", (*sinkTest).large},
		{"shards apart", (*sinkTest).shardsApart},
		{"one writer", (*sinkTest).oneWriter},
		{"seeks", (*sinkTest).seeks},
		{"begins where it is told", (*sinkTest).told},
		{"ends", (*sinkTest).ends},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { noneLeft(t, before) }) // the last of all
			test.run(&sinkTest{T: t, target: target(t)})
		})
	}
}

type sinkTest struct {
	*testing.T
	target Target
}

// within bounds a call.
func (s *sinkTest) within() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

func (s *sinkTest) open(sink connector.Sink, shard int) connector.Writer {
	s.Helper()
	w, err := sink.Open(s.within(), shard)
	if err != nil {
		s.Fatalf("open shard %d: %v", shard, err)
	}
	return w
}

func (s *sinkTest) write(w connector.Writer, records []connector.Record) {
	s.Helper()
	if err := w.Write(s.within(), records); err != nil {
		s.Fatalf("write to %s: %v", w.Target(), err)
	}
	if got, want := w.At(), records[len(records)-1].Mark; got != want {
		s.Fatalf("after a write %s is at %v, want %v", w.Target(), got, want)
	}
}

func (s *sinkTest) close(w connector.Writer) {
	s.Helper()
	if err := w.Close(); err != nil {
		s.Fatal(err)
	}
}

// has compares what the target has of a shard with the records.
func (s *sinkTest) has(promise connector.Promise, shard int, want []connector.Record) {
	s.Helper()
	got := s.target.Read(s.T, shard)
	if promise == connector.AtLeastOnce {
		got = firsts(got)
	}
	if len(got) != len(want) {
		s.Fatalf("shard %d: %d deltas, want %d", shard, len(got), len(want))
	}
	for i, d := range got {
		if d.Position != want[i].Position || d.Text != Text(shard, want[i]) && d.Text != string(want[i].Body) {
			s.Fatalf("shard %d, delta %d: position %d, want %d\n%s\nwant\n%s", shard, i, d.Position, want[i].Position, d.Text, Text(shard, want[i]))
		}
	}
}

// firsts leaves out what came again: a run from an earlier position on.
func firsts(list []Delivered) (kept []Delivered) {
	for _, d := range list {
		if len(kept) == 0 || d.Position > kept[len(kept)-1].Position {
			kept = append(kept, d)
		}
	}
	return kept
}

// inOrder: batches of any length come out as they went in.
func (s *sinkTest) inOrder() {
	sink := s.target.Sink(s.T)
	w := s.open(sink, 3)
	if at := w.At(); at != (engine.Mark{}) {
		s.Fatalf("an empty target is at %v", at)
	}
	records := Records(3, 100, 200, engine.Mark{})
	for rest, n := records, 1; len(rest) > 0; n++ {
		n := min(n, len(rest))
		s.write(w, rest[:n])
		rest = rest[n:]
	}
	s.close(w)
	s.has(sink.Promise(), 3, records)
}

// goesOn: a later process finds how far it is, and nothing is lost or, if that is the promise, doubled.
func (s *sinkTest) goesOn() {
	records := Records(0, 30, 100, engine.Mark{})
	var promise connector.Promise
	for from := 0; from < len(records); from += 10 {
		sink := s.target.Sink(s.T)
		promise = sink.Promise()
		w := s.open(sink, 0)
		next := 0
		for next < from && records[next].Position <= w.At().Position {
			next++
		}
		if want := records[max(from-1, 0)].Mark; from > 0 && w.At() != want && promise == connector.Once {
			s.Fatalf("a later process begins after %v, want %v", w.At(), want)
		}
		s.write(w, records[next:from+10])
		s.close(w)
	}
	s.has(promise, 0, records)
}

// large: a delta of some megabytes.
func (s *sinkTest) large() {
	sink := s.target.Sink(s.T)
	w := s.open(sink, 1)
	records := Records(1, 3, 3<<20, engine.Mark{})
	s.write(w, records)
	s.close(w)
	s.has(sink.Promise(), 1, records)
}

// shardsApart: several shards are written at the same time.
func (s *sinkTest) shardsApart() {
	const shards = 4
	sink := s.target.Sink(s.T)
	var writers [shards]connector.Writer
	var records [shards][]connector.Record
	for shard := range shards {
		writers[shard], records[shard] = s.open(sink, shard), Records(shard, 40, 100, engine.Mark{})
	}
	var all sync.WaitGroup
	var errs [shards]error
	for shard := range shards {
		all.Go(func() {
			for i := range records[shard] {
				errs[shard] = errors.Join(errs[shard], writers[shard].Write(s.Context(), records[shard][i:i+1]))
			}
		})
	}
	all.Wait()
	for shard := range shards {
		if errs[shard] != nil {
			s.Fatal(errs[shard])
		}
		s.close(writers[shard])
		s.has(sink.Promise(), shard, records[shard])
	}
}

// oneWriter: when a shard has another owner, the one before it can't go on, or is waited for.
func (s *sinkTest) oneWriter() {
	records := Records(2, 20, 100, engine.Mark{})
	before := s.target.Sink(s.T)
	old := s.open(before, 2)
	s.write(old, records[:10])
	later := s.target.Sink(s.T)
	w, err := later.Open(s.within(), 2)
	if err != nil { // until the one before has let go
		s.close(old)
		w = s.open(later, 2)
	} else {
		if err := old.Write(s.within(), records[10:11]); err == nil && later.Promise() == connector.Once {
			s.Error("who had the shard before still writes")
		}
		_ = old.Close()
	}
	next := 0
	for next < len(records) && records[next].Position <= w.At().Position {
		next++
	}
	s.write(w, records[next:])
	s.close(w)
	s.has(later.Promise(), 2, records)
}

// seeks: a sink that can be told another place begins there, and who wrote the shard before can't go on.
func (s *sinkTest) seeks() {
	sink, ok := s.target.Sink(s.T).(connector.Seeker)
	if !ok {
		return
	}
	records := Records(1, 10, 100, engine.Mark{})
	old := s.open(sink, 1)
	s.write(old, records[:8])
	for _, to := range []engine.Mark{records[3].Mark, records[3].Mark, {}, records[9].Mark} {
		if err := sink.Seek(s.within(), 1, to); err != nil { // until the one before has let go
			s.close(old)
			if err := sink.Seek(s.within(), 1, to); err != nil {
				s.Fatalf("seek to %v: %v", to, err)
			}
		} else {
			if err := old.Write(s.within(), records[8:]); err == nil {
				s.Error("who had the shard before a seek still writes")
			}
			_ = old.Close()
		}
		old = s.open(sink, 1)
		if at := old.At(); at != to {
			s.Fatalf("after a seek to %v it is at %v", to, at)
		}
	}
	s.close(old)
	s.again(sink, records)
}

// again: what a seek goes back over is written again, and all that follows is there.
func (s *sinkTest) again(sink connector.Seeker, records []connector.Record) {
	s.Helper()
	for range 2 { // soon one after the other
		if err := sink.Seek(s.within(), 1, records[3].Mark); err != nil {
			s.Fatal(err)
		}
		w := s.open(sink, 1)
		s.write(w, records[4:7])
		s.close(w)
	}
	w := s.open(s.target.Sink(s.T), 1)
	if at := w.At(); at != records[6].Mark {
		s.Errorf("it is at %v, want %v", at, records[6].Mark)
	}
	s.write(w, records[7:])
	s.close(w)
	got := s.target.Read(s.T, 1)
	for i, want := range records[4:] {
		if n := len(got) - 6 + i; n < 0 || got[n].Position != want.Position {
			s.Fatalf("%v are there, want %v and what follows at the end", got, want.Position)
		}
	}
}

// told: a sink whose target can't tell how far it is begins where it is told, and without being told at the log's start.
func (s *sinkTest) told() {
	sink, ok := s.target.Sink(s.T).(connector.Placeless)
	if !ok {
		return
	}
	records := Records(1, 10, 100, engine.Mark{})
	for _, begin := range []int{6, 2} {
		w, err := sink.OpenAt(s.within(), 1, records[begin-1].Mark)
		if err != nil {
			s.Fatal(err)
		}
		if at := w.At(); at != records[begin-1].Mark {
			s.Fatalf("it is at %v, and was told %v", at, records[begin-1].Mark)
		}
		s.write(w, records[begin:])
		s.close(w)
	}
	w := s.open(s.target.Sink(s.T), 1)
	if at := w.At(); at != (engine.Mark{}) {
		s.Errorf("it was told nothing, and is at %v", at)
	}
	s.close(w)
	got := s.target.Read(s.T, 1)
	if len(got) != 12 || got[0].Position != records[6].Position || got[4].Position != records[2].Position {
		s.Errorf("%v were written", got)
	}
}

// ends: opening with a context that has ended doesn't hang, and leaves nothing.
func (s *sinkTest) ends() {
	ended, cancel := context.WithCancel(s.Context())
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if w, err := s.target.Sink(s.T).Open(ended, 0); err == nil {
			_ = w.Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		s.Error("a context that has ended doesn't end the opening")
	}
}
