package pipeline

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/internal/clock"
)

// StreamStatus is how far a stream of a source is.
type StreamStatus struct {
	// Stream is its name, and Next the offset behind the last message that is committed.
	Stream string
	Next   uint64
	// Known: the peer was asked, and has offsets from First on and up to End, which is yet to come; Lag is how many of them are not
	// committed. Some may be no messages.
	Known      bool
	First, End uint64
	Lag        uint64
	// Behind is how old the last message is that is committed, by its own time, while there is a lag; 0: that isn't known.
	Behind time.Duration
}

// streamAt is what is known of a stream.
type streamAt struct {
	next  uint64
	last  time.Time // of the last message
	known bool
	connector.Extent
}

// stream returns what is known of a stream; the caller holds s.mu.
func (s *Source) stream(name string) *streamAt {
	if s.streams == nil {
		s.streams = map[string]*streamAt{}
	}
	if s.streams[name] == nil {
		s.streams[name] = &streamAt{}
	}
	return s.streams[name]
}

// forgetStreams begins a connection.
func (s *Source) forgetStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams, s.gens = nil, nil
}

// begins takes in from where a stream is read.
func (s *Source) begins(stream string, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.stream(stream)
	of.next = max(of.next, next)
}

// took takes in that messages are committed.
func (s *Source) took(messages []connector.Message) {
	s.rate.add(time.Now(), len(messages))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range messages {
		if m := &messages[i]; m.Stream != "" {
			of := s.stream(m.Stream)
			of.next, of.last = max(of.next, m.Offset+1), m.Time
		}
	}
}

// measure asks the reader from time to time how far its peer is, if it can tell.
func (s *Source) measure(ctx context.Context, r connector.Reader) {
	lagger, ok := r.(connector.Lagger)
	for ok && clock.Sleep(ctx, s.cfg.LagEvery) == nil {
		extents, err := lagger.Extents(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, connector.ErrRetry) {
				s.cfg.Logger.Debug("how far the peer is can't be told", "err", err)
			}
			continue
		}
		s.mu.Lock()
		for _, e := range extents {
			of := s.stream(e.Stream)
			of.known, of.Extent = e.End > 0, e
		}
		s.mu.Unlock()
	}
}

// streamsNow are the streams as they are; the caller holds s.mu.
func (s *Source) streamsNow() (list []StreamStatus) {
	for name, of := range s.streams {
		st := StreamStatus{Stream: name, Next: of.next, Known: of.known, First: of.First, End: of.End}
		if begin := max(of.next, of.First); of.known && of.End > begin {
			st.Lag = of.End - begin
		}
		if st.Lag > 0 && !of.last.IsZero() {
			st.Behind = max(time.Since(of.last), 0)
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b StreamStatus) int {
		return cmp.Or(cmp.Compare(b.Lag, a.Lag), cmp.Compare(a.Stream, b.Stream))
	})
	return list
}
