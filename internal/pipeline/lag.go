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
	// Stream is its name, "" of messages that have none, and Next the offset behind the last message that is committed.
	Stream string
	Next   uint64
	// Known: the peer was asked, and has offsets from First on and up to End, which is yet to come; Lag is how much of that is not
	// committed, in messages, of which some may be none, or, if Bytes, in bytes.
	Known      bool
	First, End uint64
	Lag        uint64
	Bytes      bool
	// Behind is how old the last message is that is committed, by its own time, while there is a lag; where it has none, how long it is
	// known that a message waits that isn't committed.
	Behind time.Duration
}

// streamAt is what is known of a stream.
type streamAt struct {
	next  uint64
	last  time.Time // of the last message
	known bool
	connector.Extent
	seen []sighting // in order; but for the newest, those that aren't committed
}

// sighting is when a stream was first seen to go so far.
type sighting struct {
	end uint64
	at  time.Time
}

// maxSightings bounds those that are kept of a stream. Where they are more every second one is forgotten, but not the oldest.
const maxSightings = 60

// saw takes in how far the peer is.
func (of *streamAt) saw(e connector.Extent, now time.Time) {
	of.known, of.Extent = e.End > 0, e
	if n := len(of.seen); n == 0 || e.End > of.seen[n-1].end {
		of.seen = append(of.seen, sighting{e.End, now})
		of.prune()
	}
	if len(of.seen) > maxSightings {
		kept := of.seen[:0]
		for i := 0; i < len(of.seen); i += 2 {
			kept = append(kept, of.seen[i])
		}
		of.seen = kept
	}
}

// committed takes in up to where it is.
func (of *streamAt) committed(next uint64) {
	of.next = max(of.next, next)
	of.prune()
}

// prune forgets what is committed. The newest stays: it says what was seen.
func (of *streamAt) prune() {
	for len(of.seen) > 1 && of.seen[0].end <= of.next {
		of.seen = of.seen[1:]
	}
}

// lag is how much isn't committed, and behind how long it waits.
func (of *streamAt) lag(now time.Time) (count uint64, behind time.Duration) {
	begin := max(of.next, of.First)
	if !of.known || of.End <= begin {
		return 0, 0
	}
	per := max(of.Per, 1)
	if count = of.End/per - begin/per; count == 0 {
		return 0, 0
	}
	since := of.last
	if since.IsZero() {
		since = of.seen[0].at
	}
	return count, max(now.Sub(since), 0)
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
	s.stream(stream).committed(next)
}

// took takes in that messages are committed.
func (s *Source) took(messages []connector.Message) {
	s.rate.add(time.Now(), len(messages))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range messages {
		m := &messages[i]
		of := s.stream(m.Stream)
		if of.last = m.Time; m.Stream != "" {
			of.committed(m.Offset + 1)
		} else {
			of.committed(max(of.next, 1) + 1)
		}
	}
}

// measure asks the reader from time to time how far its peer is, if it can tell.
func (s *Source) measure(ctx context.Context, r connector.Reader) {
	lagger, ok := r.(connector.Lagger)
	for ok && clock.Sleep(ctx, s.cfg.LagEvery) == nil {
		extents, err := guarded(s.guard, func() ([]connector.Extent, error) { return lagger.Extents(ctx) })
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, connector.ErrRetry) {
				s.cfg.Logger.Debug("how far the peer is can't be told", "err", err)
			}
			continue
		}
		s.saw(extents)
	}
}

// saw takes in how far the peer is, in all streams.
func (s *Source) saw(extents []connector.Extent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.streams {
		of.known = false
	}
	now := time.Now()
	for _, e := range extents {
		s.stream(e.Stream).saw(e, now)
	}
}

// streamsNow are the streams as they are; the caller holds s.mu.
func (s *Source) streamsNow() (list []StreamStatus) {
	now := time.Now()
	for name, of := range s.streams {
		if name == "" && !of.known { // nothing is known but a count
			continue
		}
		st := StreamStatus{Stream: name, Next: of.next, Known: of.known, First: of.First, End: of.End, Bytes: of.Bytes}
		st.Lag, st.Behind = of.lag(now)
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b StreamStatus) int {
		return cmp.Or(cmp.Compare(b.Lag, a.Lag), cmp.Compare(a.Stream, b.Stream))
	})
	return list
}
