package conntest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
)

// Peer is where a source's messages come from. All methods may be called at any time.
type Peer interface {
	// Source returns a new source, as a process has that has just started. It begins a stream that it knows nothing of at
	// its start.
	Source(t *testing.T) connector.Source
	// Send sends so many messages, in order, all in the same stream, and returns the bodies that are to arrive.
	Send(t *testing.T, n int) []string
}

// TestSource tests a source whose messages have identities; peer makes one without messages.
func TestSource(t *testing.T, peer func(t *testing.T) Peer) {
	for _, test := range []struct {
		name string
		run  func(*sourceTest)
	}{
		{"in order", (*sourceTest).inOrder},
		{"goes on after what is committed", (*sourceTest).goesOn},
		{"comes again with the same identity", (*sourceTest).again},
		{"waits", (*sourceTest).waits},
		{"ends", (*sourceTest).ends},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { noneLeft(t, before) }) // the last of all
			test.run(&sourceTest{T: t, peer: peer(t), progress: &Progress{}})
		})
	}
}

// Progress is what is committed of a source's streams: one of a test's own. It may be used concurrently. Its zero value knows
// nothing.
type Progress struct {
	mu   sync.Mutex
	next map[string]uint64
}

// Next implements [connector.Progress].
func (p *Progress) Next(_ context.Context, stream string) (uint64, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, found := p.next[stream]
	return next, found, nil
}

// Commit notes that a message is committed.
func (p *Progress) Commit(m connector.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = map[string]uint64{}
	}
	p.next[m.Stream] = m.Offset + 1
}

// All returns a copy of what is committed, by stream: the next offset.
func (p *Progress) All() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.next)
}

// TestSourceWithoutIdentity tests a source whose messages have none: what is not acknowledged comes again, and that alone tells
// where a later process begins. peer makes one without messages.
func TestSourceWithoutIdentity(t *testing.T, peer func(t *testing.T) Peer) {
	for _, test := range []struct {
		name string
		run  func(*sourceTest)
	}{
		{"in order", (*sourceTest).inOrder},
		{"goes on after what is acknowledged", (*sourceTest).goesOnUnacked},
		{"comes again in order", (*sourceTest).againUnacked},
		{"waits", (*sourceTest).waits},
		{"ends", (*sourceTest).ends},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { noneLeft(t, before) }) // the last of all
			test.run(&sourceTest{T: t, peer: peer(t), progress: &Progress{}, anonymous: true})
		})
	}
}

type sourceTest struct {
	*testing.T
	peer      Peer
	progress  *Progress
	anonymous bool // messages have no identity
}

func (s *sourceTest) within() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

func (s *sourceTest) open() connector.Reader {
	s.Helper()
	r, err := s.peer.Source(s.T).Open(s.within(), s.progress)
	if err != nil {
		s.Fatalf("open: %v", err)
	}
	return r
}

func (s *sourceTest) close(r connector.Reader) {
	s.Helper()
	if err := r.Close(); err != nil {
		s.Fatal(err)
	}
}

// read reads so many messages.
func (s *sourceTest) read(r connector.Reader, n int) (got []connector.Message) {
	s.Helper()
	for ctx := s.within(); len(got) < n; {
		messages, err := r.Read(ctx)
		if err != nil {
			s.Fatalf("read, after %d of %d messages: %v", len(got), n, err)
		}
		if len(messages) == 0 {
			s.Fatal("read nothing, and no error")
		}
		got = append(got, messages...)
	}
	return got
}

// are compares messages with what was sent.
func (s *sourceTest) are(got []connector.Message, want []string) {
	s.Helper()
	if len(got) != len(want) {
		s.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i, m := range got {
		if string(m.Body) != want[i] || m.MediaType == "" || (m.Stream == "") != s.anonymous {
			s.Fatalf("message %d: %q of %q, of stream %q at %d, want %q", i, m.Body, m.MediaType, m.Stream, m.Offset, want[i])
		}
		if i > 0 && !s.anonymous && (m.Stream != got[0].Stream || m.Offset <= got[i-1].Offset) {
			s.Fatalf("message %d is at %q/%d, the one before at %q/%d", i, m.Stream, m.Offset, got[i-1].Stream, got[i-1].Offset)
		}
	}
}

func (s *sourceTest) inOrder() {
	var r connector.Reader
	if s.anonymous { // the peer keeps only what comes from now on
		r = s.open()
	}
	want := s.peer.Send(s.T, 20)
	if r == nil {
		r = s.open()
	}
	got := s.read(r, 20)
	want = append(want, s.peer.Send(s.T, 5)...)
	got = append(got, s.read(r, 5)...)
	s.are(got, want)
	if err := r.Ack(s.within(), got); err != nil {
		s.Error(err)
	}
	s.close(r)
}

// goesOn: a later process begins after what is committed, also where that was not acked any more.
func (s *sourceTest) goesOn() {
	want := s.peer.Send(s.T, 10)
	r := s.open()
	first := s.read(r, 10)
	if err := r.Ack(s.within(), first[:5]); err != nil {
		s.Error(err)
	}
	for _, m := range first[:7] {
		s.progress.Commit(m)
	}
	s.close(r)
	want = append(want, s.peer.Send(s.T, 3)...)
	r = s.open()
	s.are(s.read(r, 6), want[7:])
	s.close(r)
}

// again: what was not committed comes again, and can be told to be the same.
func (s *sourceTest) again() {
	s.peer.Send(s.T, 10)
	r := s.open()
	first := s.read(r, 10)
	s.close(r)
	r = s.open()
	second := s.read(r, 10)
	s.close(r)
	for i := range first {
		if a, b := first[i], second[i]; a.Stream != b.Stream || a.Offset != b.Offset || string(a.Body) != string(b.Body) {
			s.Fatalf("message %d was %s, and is %s", i, named(a), named(b))
		}
	}
}

// goesOnUnacked: a later process begins after what was acknowledged.
func (s *sourceTest) goesOnUnacked() {
	r := s.open() // from now on the peer keeps what comes
	want := s.peer.Send(s.T, 10)
	first := s.read(r, 10)
	if err := r.Ack(s.within(), first[:5]); err != nil {
		s.Error(err)
	}
	if err := r.Ack(s.within(), first[5:7]); err != nil {
		s.Error(err)
	}
	s.close(r)
	want = append(want, s.peer.Send(s.T, 3)...)
	r = s.open()
	s.are(s.read(r, 6), want[7:])
	s.close(r)
}

// againUnacked: what was not acknowledged comes again, in order, before what is new.
func (s *sourceTest) againUnacked() {
	r := s.open()
	want := s.peer.Send(s.T, 10)
	s.are(s.read(r, 10), want)
	s.close(r)
	want = append(want, s.peer.Send(s.T, 5)...)
	for range 2 {
		r = s.open()
		s.are(s.read(r, 15), want)
		s.close(r)
	}
}

func named(m connector.Message) string { return fmt.Sprintf("%q at %q/%d", m.Body, m.Stream, m.Offset) }

// waits: a reading that was given up loses nothing.
func (s *sourceTest) waits() {
	r := s.open()
	ctx, cancel := context.WithCancel(s.Context())
	read := make(chan error, 1)
	var early []connector.Message
	go func() {
		var err error
		early, err = r.Read(ctx)
		read <- err
	}()
	cancel()
	if err := <-read; err == nil || !errors.Is(err, context.Canceled) {
		s.Errorf("%d messages, %v, though nothing was sent", len(early), err)
	}
	want := s.peer.Send(s.T, 3)
	s.are(s.read(r, 3), want)
	s.close(r)
}

// ends: closing ends a reading under way.
func (s *sourceTest) ends() {
	r := s.open()
	read := make(chan error, 1)
	go func() {
		_, err := r.Read(s.within())
		read <- err
	}()
	s.close(r)
	if err := <-read; err == nil {
		s.Error("a reader that is closed has read something")
	}
}
