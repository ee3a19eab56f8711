package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
)

// TestWaits: how long a message is known to wait, of a peer whose messages have no time; and what a lag is counted in.
func TestWaits(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	of := &streamAt{}
	is := func(when int, count uint64, seconds int) {
		t.Helper()
		if n, behind := of.lag(at(when)); n != count || behind != time.Duration(seconds)*time.Second {
			t.Errorf("at %d s: %d, %v; want %d, %d s", when, n, behind, count, seconds)
		}
	}
	is(0, 0, 0)
	of.saw(connector.Extent{First: 1, End: 3}, at(0))
	is(5, 2, 5)
	of.saw(connector.Extent{First: 1, End: 3}, at(5)) // the same is no news
	of.saw(connector.Extent{First: 1, End: 9}, at(10))
	is(12, 8, 12)
	of.committed(2)
	is(12, 7, 12)
	of.committed(3) // what is behind was seen later
	is(12, 6, 2)
	of.committed(9)
	is(12, 0, 0)
	of.saw(connector.Extent{First: 1, End: 10}, at(20))
	is(21, 1, 1)
	of.last = at(1) // a time of its own is better
	is(21, 1, 20)
	of = &streamAt{}
	of.committed(1<<20 + 77)
	of.saw(connector.Extent{End: 1 << 20, Per: 1 << 20, Bytes: true}, at(0))
	is(1, 0, 0)
	of.saw(connector.Extent{End: 5 << 20, Per: 1 << 20, Bytes: true}, at(2))
	is(3, 4, 1)
}

// knows is a door that knows how far one stream is.
type knows struct {
	Door
	stream event.Producer
}

func (knows) Shards() int { return 1 }

func (k knows) Sequence(_ context.Context, _ int, p event.Producer) (uint64, error) {
	if p == k.stream {
		return 7, nil
	}
	return 0, nil
}

// TestAskedFor: a stream that is only asked for isn't shown as one that there is.
func TestAskedFor(t *testing.T) {
	s := NewSource(knows{stream: core.Producer(event.Resume, "s", "there", 0)}, nil, SourceConfig{Name: "s"})
	for stream, want := range map[string]uint64{"there": 7, "nowhere": 0} {
		if next, found, err := (progress{s}).Next(t.Context(), stream); next != want || found != (want > 0) || err != nil {
			t.Errorf("%s: %d, %v, %v", stream, next, found, err)
		}
	}
	if list := s.Status().Streams; len(list) != 1 || list[0].Stream != "there" || list[0].Next != 7 {
		t.Errorf("%+v", list)
	}
}

// TestSightingsAreBounded: of many sightings the oldest stays, and there are never more than the bound.
func TestSightingsAreBounded(t *testing.T) {
	of := &streamAt{}
	begin := time.Unix(1_000_000, 0)
	for i := range 1000 {
		now := begin.Add(time.Duration(i) * time.Second)
		of.saw(connector.Extent{End: uint64(i) + 2}, now)
		if n, behind := of.lag(now); len(of.seen) > maxSightings || n != uint64(i)+2 || behind != now.Sub(begin) {
			t.Fatalf("after %d: %d are kept, %d wait for %v", i, len(of.seen), n, behind)
		}
	}
}
