package nats_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/nats"
)

// testStarts: where a stream begins of which nothing was read.
func testStarts(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	subject := nameOf(stream) + ".a"
	s.send(t, subject, "1", "2")
	second, err := stream.GetMsg(conntest.Within(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	conntest.Eventually(t, "time goes on", func() bool { return time.Since(second.Time) > 10*time.Millisecond })
	middle := time.Now()
	s.send(t, subject, "3", "4")
	for start, want := range map[string][]string{
		"":                                   {"1", "2", "3", "4"},
		"first":                              {"1", "2", "3", "4"},
		"2":                                  {"2", "3", "4"},
		middle.Format(time.RFC3339Nano):      {"3", "4"},
		"2001-01-01T00:00:00Z":               {"1", "2", "3", "4"},
		second.Time.Format(time.RFC3339Nano): {"2", "3", "4"},
	} {
		cfg := s.config(stream)
		cfg.Start = start
		r := read(t, cfg, &conntest.Progress{})
		r.Is(want...)
		r.End()
	}
	cfg := s.config(stream)
	cfg.Start = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	r := read(t, cfg, &conntest.Progress{})
	s.send(t, subject, "5")
	r.Is("5")
	r.End()
	cfg.Start, cfg.Consumer = "7", unique("consumer")
	_, err = source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	conntest.GivesUp(t, err, "ends at sequence 5, and is to be read from 7")
}

// testLatest: what comes after the first opening is read, also by a later one, though nothing was committed between.
func testLatest(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	subject := nameOf(stream) + ".a"
	s.send(t, subject, "1", "2")
	cfg := s.config(stream)
	cfg.Start = "latest"
	read(t, cfg, &conntest.Progress{}).End()
	s.send(t, subject, "3")
	r := read(t, cfg, &conntest.Progress{})
	r.Is("3")
	r.End()
	// Killed between the removal of the consumer and the making of the next: what holds its place knows.
	if err := renamed(conntest.Within(t), s, cfg.Stream, cfg.Consumer, cfg.Consumer+"-next"); err != nil {
		t.Fatal(err)
	}
	r = read(t, cfg, &conntest.Progress{})
	r.Is("3")
	r.End()
}

// renamed gives a consumer another name.
func renamed(ctx context.Context, s *server, stream, from, to string) error {
	consumer, err := s.js.Consumer(ctx, stream, from)
	if err != nil {
		return err
	}
	cfg := consumer.CachedInfo().Config
	cfg.Name, cfg.Durable = to, to
	_, err = s.js.CreateConsumer(ctx, stream, cfg)
	return errors.Join(err, s.js.DeleteConsumer(ctx, stream, from))
}

// testGap: what the server has removed before it was read is told: at the opening, while messages come, and while none come.
func testGap(t *testing.T, s *server) {
	for _, skip := range []bool{false, true} {
		stream := s.stream(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = 3 })
		subject := nameOf(stream) + ".a"
		cfg, progress := s.config(stream), &conntest.Progress{}
		cfg.SkipGaps, cfg.MaxMessages = skip, 2
		s.send(t, subject, "1", "2")
		r := read(t, cfg, progress)
		r.commit(progress, r.Is("1", "2"))
		if skip {
			s.send(t, subject, "3", "4", "5", "6", "7")
			r.commit(progress, r.Is("LOST", "5", "6", "7"))
		} else {
			s.send(t, subject, "3", "4", "5", "6", "7")
			conntest.GivesUp(t, r.Fails(), "from sequence 3, and begins at 5")
		}
		r.End()
		s.send(t, subject, "8", "9", "10", "11")
		if !skip {
			_, err := source(t, cfg).Open(conntest.Within(t), progress)
			conntest.GivesUp(t, err, "from sequence 3, and begins at 9")
			continue
		}
		read(t, cfg, progress).End() // killed before it has told
		r = read(t, cfg, progress)
		got := r.Is("LOST", "9", "10", "11")
		if lost := got[0]; lost.Offset != 8 || lost.Stream != got[1].Stream || !strings.Contains(lost.Reason, "from sequence 8, and begins at 9") {
			t.Errorf("%+v", lost)
		}
		r.commit(progress, got)
		if err := stream.Purge(conntest.Within(t), jetstream.WithPurgeSequence(12)); err != nil { // what was read
			t.Fatal(err)
		}
		s.send(t, subject, "12")
		r.Is("12")
		r.End()
		s.send(t, subject, "13", "14")
		if err := stream.Purge(conntest.Within(t)); err != nil { // what was not
			t.Fatal(err)
		}
		r = read(t, cfg, progress)
		r.Is("LOST")
		r.End()
	}
}

// testNoGap: what is of other subjects, was deleted, or was replaced by what is newer is not missing.
func testNoGap(t *testing.T, s *server) {
	stream := s.stream(t, func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 2 })
	name := nameOf(stream)
	cfg := s.config(stream)
	cfg.Subjects = []string{name + ".a.>", name + ".c"}
	s.send(t, name+".b", "x")
	s.send(t, name+".a.1", "1", "2", "3", "4") // 1 and 2 are replaced
	s.send(t, name+".b", "x", "x")
	s.send(t, name+".a.2", "5", "6", "7")                            // 5 is replaced
	if err := stream.DeleteMsg(conntest.Within(t), 10); err != nil { // 6
		t.Fatal(err)
	}
	s.send(t, name+".c", "8")
	r := read(t, cfg, &conntest.Progress{})
	r.Is("3", "4", "6", "8")
	r.End()
}

// testExtent: the lag ends with what is read of a stream, whatever else is in it.
func testExtent(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	name := nameOf(stream)
	for _, test := range []struct {
		subjects []string
		end      uint64
	}{{nil, 4}, {[]string{name + ".a"}, 3}, {[]string{name + ".none"}, 1}, {[]string{name + ".a", name + ".b"}, 4}} {
		cfg := s.config(stream)
		cfg.Subjects = test.subjects
		r := read(t, cfg, &conntest.Progress{})
		if test.subjects == nil {
			s.send(t, name+".a", "1", "2")
			s.send(t, name+".b", "3")
		}
		got, err := r.Reader.(connector.Lagger).Extents(conntest.Within(t))
		if err != nil || len(got) != 1 || got[0].First != 1 || got[0].End != test.end || !strings.HasPrefix(got[0].Stream, name+"/") {
			t.Errorf("%q: %+v, %v; want the end %d", test.subjects, got, err, test.end)
		}
		r.End()
	}
}

// testExtentWhileRead: the lag is asked for while messages are read, between which are others: so the reader asks, too.
func testExtentWhileRead(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	name := nameOf(stream)
	cfg := s.config(stream)
	cfg.Subjects = []string{name + ".a"}
	r := read(t, cfg, &conntest.Progress{})
	ctx, cancel := context.WithCancel(conntest.Within(t))
	defer cancel()
	asked, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for ctx.Err() == nil {
			if _, err := r.Reader.(connector.Lagger).Extents(ctx); err != nil && ctx.Err() == nil {
				failed <- err
				return
			}
			select {
			case asked <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	for i := range 20 {
		<-asked // and it is asked again, beside this
		s.send(t, name+".b", "other")
		text := fmt.Sprint(i)
		s.send(t, name+".a", text)
		r.Is(text)
	}
	cancel()
	if err := <-failed; err != nil {
		t.Error(err)
	}
	r.End()
}

// testSought: who has sought reads again what the consumer knows to be committed, from where it is told, or from where it began when it
// ran first. What has been removed meanwhile is no gap.
func testSought(t *testing.T, s *server) {
	stream := s.stream(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = 4 })
	subject := nameOf(stream) + ".a"
	cfg, progress := s.config(stream), &conntest.Progress{}
	cfg.Start = "latest"
	s.send(t, subject, "1")
	r := read(t, cfg, progress)
	s.send(t, subject, "2", "3", "4")
	got := r.Is("2", "3", "4")
	r.commit(progress, got)
	r.End()
	read(t, cfg, progress).End() // notes that all is committed
	back := &conntest.Progress{}
	back.Commit(got[0])
	r = read(t, cfg, back)
	r.Is("3", "4")
	r.End()
	r = read(t, cfg, &conntest.Progress{})
	r.Is("2", "3", "4")
	r.End()
	read(t, cfg, progress).End()
	if err := stream.Purge(conntest.Within(t), jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	r = read(t, cfg, back)
	r.Is("4")
	r.End()
}

// testQuiet: a stream whose other subjects go on, and lose what is old, has no gap for who reads one that is quiet.
func testQuiet(t *testing.T, s *server) {
	stream := s.stream(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 })
	name := nameOf(stream)
	cfg, progress := s.config(stream), &conntest.Progress{}
	cfg.Subjects = []string{name + ".quiet"}
	cfg.NoteEvery(time.Nanosecond)
	s.send(t, name+".quiet", "1")
	r := read(t, cfg, progress)
	r.commit(progress, r.Is("1"))
	for range 4 {
		for range 300 {
			if _, err := s.js.PublishAsync(name+".busy", nil); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-s.js.PublishAsyncComplete():
		case <-conntest.Within(t).Done():
			t.Fatal("nothing is published")
		}
		state, err := stream.Info(conntest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		r.looksUntil("it is noted that all was seen", func() bool {
			consumer, err := stream.Consumer(conntest.Within(t), cfg.Consumer)
			return err == nil && consumer.CachedInfo().Config.Metadata["quadrille.from"] == fmt.Sprint(state.State.LastSeq+1)
		})
	}
	s.send(t, name+".quiet", "2")
	r.Is("2")
	s.send(t, name+".busy", "")
	looks := 0
	r.looksUntil("it had time for a look, which must not note what isn't committed", func() bool {
		looks++
		return looks > 1
	})
	r.End()
	r = read(t, cfg, progress) // the next one knows what was seen, though nothing of it is committed
	r.Is("2")
	r.End()
}

// looksUntil reads, though nothing comes but looks at the stream, until something holds.
func (r *reading) looksUntil(what string, holds func() bool) {
	r.Helper()
	conntest.Eventually(r, what, func() bool {
		ctx, cancel := context.WithTimeout(r.Context(), 3*shortPull)
		defer cancel()
		if messages, err := r.Read(ctx); err == nil || !errors.Is(err, context.DeadlineExceeded) {
			r.Fatalf("%v, %v", messages, err)
		}
		return holds()
	})
}

// testPurged: what is removed while nothing is asked for is missed when the consumer has nothing more.
func testPurged(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg, progress := s.config(stream), &conntest.Progress{}
	cfg.SkipGaps, cfg.MaxMessages = true, 1
	s.send(t, cfg.Stream+".a", "1")
	r := read(t, cfg, progress)
	r.Is("1")
	s.send(t, cfg.Stream+".a", "2", "3")
	if err := stream.Purge(conntest.Within(t)); err != nil {
		t.Fatal(err)
	}
	if lost := r.Is("LOST")[0]; lost.Offset != 3 {
		t.Errorf("%+v", lost)
	}
	s.send(t, cfg.Stream+".a", "4")
	r.Is("4")
	r.End()
}

// testMadeAnew: a stream that was deleted and made anew is another one.
func testMadeAnew(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	name := nameOf(stream)
	s.send(t, name+".a", "1", "2", "3")
	cfg, progress := s.config(stream), &conntest.Progress{}
	r := read(t, cfg, progress)
	before := r.Is("1", "2", "3")
	r.commit(progress, before)
	if err := s.js.DeleteStream(conntest.Within(t), name); err != nil {
		t.Fatal(err)
	}
	if err := r.Fails(); errors.Is(err, connector.ErrGiveUp) {
		t.Log(err) // it may be gone, or there again
	}
	r.End()
	_, err := source(t, cfg).Open(conntest.Within(t), progress)
	conntest.GivesUp(t, err, "stream not found")
	if _, err := s.js.CreateStream(conntest.Within(t), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}}); err != nil {
		t.Fatal(err)
	}
	s.send(t, name+".a", "4")
	r = read(t, cfg, progress)
	if m := r.Is("4")[0]; m.Stream == before[0].Stream || m.Offset != 1 {
		t.Errorf("%q at %d is another stream than %q", m.Stream, m.Offset, before[0].Stream)
	}
	r.End()
}

// testInterest: a stream that keeps what its consumers are to get loses nothing while the consumer is made anew.
func testInterest(t *testing.T, s *server) {
	stream := s.stream(t, func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy })
	cfg, progress := s.config(stream), &conntest.Progress{}
	r := read(t, cfg, progress)
	s.send(t, cfg.Stream+".a", "1", "2", "3", "4")
	r.commit(progress, r.Is("1", "2"))
	r.End()
	for range 3 {
		r = read(t, cfg, progress)
		r.Is("3", "4")
		r.End()
	}
	r = read(t, cfg, progress)
	r.commit(progress, r.Is("3", "4"))
	r.End()
	conntest.Eventually(t, "the stream keeps nothing", func() bool {
		info, err := stream.Info(conntest.Within(t))
		return err == nil && info.State.Msgs == 0
	})
	r = read(t, cfg, progress)
	s.send(t, cfg.Stream+".a", "5")
	r.Is("5")
	r.End()
}

// testLimited: a stream that keeps what isn't acknowledged is given limits while it is read, and removes what was not read.
func testLimited(t *testing.T, s *server) {
	stream := s.stream(t, func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy })
	cfg, progress := s.config(stream), &conntest.Progress{}
	cfg.MaxMessages = 1 // nothing is asked for that was not read
	r := read(t, cfg, progress)
	defer r.End()
	s.send(t, cfg.Stream+".a", "1")
	r.commit(progress, r.Is("1"))
	limited := stream.CachedInfo().Config
	limited.MaxMsgs = 2
	if _, err := s.js.UpdateStream(conntest.Within(t), limited); err != nil {
		t.Fatal(err)
	}
	s.send(t, cfg.Stream+".a", "2", "3", "4", "5")
	conntest.GivesUp(t, r.Fails(), "from sequence 2, and begins at 4")
}

// testAcks: what is acknowledged follows what is committed, for those who look at the consumer.
func testAcks(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg, progress := s.config(stream), &conntest.Progress{}
	s.send(t, cfg.Stream+".a", "1", "2", "3", "4", "5")
	r := read(t, cfg, progress)
	got := r.Is("1", "2", "3", "4", "5")
	r.commit(progress, got[:3])
	consumer, err := s.js.Consumer(conntest.Within(t), cfg.Stream, cfg.Consumer)
	if err != nil {
		t.Fatal(err)
	}
	conntest.Eventually(t, "three are acknowledged", func() bool {
		info, err := consumer.Info(conntest.Within(t))
		return err == nil && info.AckFloor.Stream == 3 && info.NumAckPending == 2
	})
	r.End()
}

// testKinds: what a message is, and what else is said of it.
func testKinds(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	cfg.MediaType = "text/turtle"
	m := natsgo.NewMsg(cfg.Stream + ".plant.7")
	m.Data, m.Header = []byte("x"), natsgo.Header{"Content-Type": {"application/n-quads"}, "Unit": {"a", "b"}, "Nats-Msg-Id": {"m1"}, "Status": {"404"}}
	if _, err := s.js.PublishMsg(conntest.Within(t), m); err != nil {
		t.Fatal(err)
	}
	s.send(t, cfg.Stream+".b", "")
	r := read(t, cfg, &conntest.Progress{})
	got := r.Is("x", "")
	want := map[string]string{"subject": cfg.Stream + ".plant.7", "sequence": "1", "header.Content-Type": "application/n-quads",
		"header.Unit": "b", "header.Nats-Msg-Id": "m1", "header.Status": "404"}
	if vars := maps.Collect(got[0].Vars); !maps.Equal(vars, want) || got[0].MediaType != "application/n-quads" || time.Since(got[0].Time) > time.Hour {
		t.Errorf("%v, %+v", vars, got[0])
	}
	if vars := maps.Collect(got[1].Vars); len(vars) != 2 || got[1].MediaType != "text/turtle" {
		t.Errorf("%v, %+v", vars, got[1])
	}
	for range got[0].Vars { // one alone
		break
	}
	r.End()
}

// testFilters: the order of the stream is kept over subjects.
func testFilters(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	cfg.Subjects = []string{cfg.Stream + ".*.a", cfg.Stream + ".x.b"}
	cfg.MaxMessages = 3
	var want []string
	for i := range 20 {
		for _, subject := range []string{".x.a", ".y.a", ".x.b", ".y.b"} {
			text := fmt.Sprint(i, subject)
			s.send(t, cfg.Stream+subject, text)
			if subject != ".y.b" {
				want = append(want, text)
			}
		}
	}
	r := read(t, cfg, &conntest.Progress{})
	r.Is(want...)
	r.End()
	cfg.Subjects = []string{"elsewhere"}
	r = read(t, cfg, &conntest.Progress{}) // of which there may be messages once
	r.End()
}

// testLargeMessage: a message that is larger than what is asked for at one time comes alone, and those around it as ever.
func testLargeMessage(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	cfg.MaxFetch = 10_000
	want := []string{"1", strings.Repeat("x", 6<<20), strings.Repeat("y", 9_000), strings.Repeat("z", 9_000), "2"}
	s.send(t, cfg.Stream+".a", want...)
	r := read(t, cfg, &conntest.Progress{})
	r.Is(want...)
	r.End()
}

// testWorkQueue: a work queue keeps what isn't committed; what was committed and not acknowledged does not come twice.
func testWorkQueue(t *testing.T, s *server) {
	stream := s.stream(t, func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy })
	cfg, progress := s.config(stream), &conntest.Progress{}
	s.send(t, cfg.Stream+".a", "1", "2", "3", "4")
	r := read(t, cfg, progress)
	got := r.Is("1", "2", "3", "4")
	progress.Commit(got[0])
	progress.Commit(got[1])
	r.End()
	r = read(t, cfg, progress)
	r.commit(progress, r.Is("3", "4"))
	conntest.Eventually(t, "the queue is empty", func() bool {
		info, err := stream.Info(conntest.Within(t))
		return err == nil && info.State.Msgs == 0
	})
	r.End()
	cfg.Start = "latest"
	_, err := source(t, cfg).Open(conntest.Within(t), progress)
	conntest.GivesUp(t, err, "is a work queue")
}

// TestOverlap: subjects with and without wildcards.
func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a.>", "a.b.c", true}, {"a.>", "a", false}, {">", "x.y", true}, {"a.*.c", "a.b.*", true},
		{"a.*", "a.b.c", false}, {"plant.>", "changes.>", false}, {"*.b", "a.>", true}, {"a.b", "a.b.c", false},
	} {
		if nats.Overlap(test.a, test.b) != test.want || nats.Overlap(test.b, test.a) != test.want {
			t.Errorf("%s and %s: want %t", test.a, test.b, test.want)
		}
	}
}
