package jetstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/quadrille-stream/quadrille/engine"
)

// known is what this process knows of where a log ends. Where nobody else can append to the log (Server.isSole), that is the end, without a
// question to the server, unless the outcome of an append is open:
//
//   - An append that was confirmed was the last entry then. What comes behind it comes by another append of this process.
//   - One that is under way may have taken already. Nobody has been told, so the end is as good without it as with it; who has read the
//     entry, which a reader may before the append is confirmed, has made it known.
//   - One that has ended with an unknown outcome may take at any time, as long as the log ends where it was to be appended. Once there is an
//     entry behind that, it can't any more.
//   - What is refused as a conflict was not known, so nothing is until the server was asked.
//
// Entries are never removed from the end of a log.
type known struct {
	mu      sync.Mutex
	end     uint64 // there is an entry, or 0
	through uint64 // there is none behind it up to this position of the stream
	last    bool   // it was the last one, but for what this process appends
	open    uint64 // an append whose outcome is open can't take in a log that ends here or later
}

// saw takes in that there is an entry.
func (k *known) saw(seq uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.raise(seq, seq)
}

func (k *known) raise(end, through uint64) {
	k.end, k.through = max(k.end, end), max(k.through, through)
}

// appended takes in how an append behind expect has ended, before anybody else hears of it.
func (k *known) appended(expect, seq uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.raise(seq, seq)
		k.last = true
	case errors.Is(err, engine.ErrTooLarge):
	case errors.Is(err, engine.ErrUnknown):
		k.open = max(k.open, expect+1)
	default:
		k.last = false
	}
}

// asked takes in what a server has said of the log, as far as it has the stream, since it was known to go to before at least.
func (k *known) asked(before, end, through uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.raise(end, max(end, through))
	k.last = end >= before
}

// soFar is a position at which there is an entry, or 0, and one of the stream up to which there is no other behind it.
func (k *known) soFar() (end, through uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.end, k.through
}

// sole returns the end of the log where nobody else appends to it, if it is known.
func (k *known) sole() (end uint64, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.end, k.last && k.open <= k.end
}

// Ends asks only for those that are not known, one request for all that are in a stream.
func (p *pipeline) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	ends, errs := make([]uint64, len(shards)), make([]error, len(shards))
	open := map[*stream][]int{} // indexes of shards
	for i, s := range shards {
		var ok bool
		if ends[i], ok, errs[i] = p.shards[s].knownEnd(ctx); !ok && errs[i] == nil {
			open[p.shards[s].stream] = append(open[p.shards[s].stream], i)
		}
	}
	var all sync.WaitGroup
	for s, indexes := range open {
		all.Go(func() { p.askEnds(ctx, s, shards, indexes, ends, errs) })
	}
	all.Wait()
	return ends, errs
}

// knownEnd returns the end of the log if that needs no question.
func (l *log) knownEnd(ctx context.Context) (uint64, bool, error) {
	if err := errors.Join(ctx.Err(), l.gone()); err != nil {
		return 0, false, fmt.Errorf("end of %s: %w", l.subject, err)
	}
	if !l.server.isSole() {
		return 0, false, nil
	}
	end, ok := l.known.sole()
	return end, ok, nil
}

// askEnds sets the ends of those shards that are at indexes, all of which are in a stream.
func (p *pipeline) askEnds(ctx context.Context, s *stream, shards, indexes []int, ends []uint64, errs []error) {
	logs := make([]*log, len(indexes))
	for i, at := range indexes {
		logs[i] = p.shards[shards[at]]
	}
	found, err := s.ends.Get(ctx, logs...)
	for i, at := range indexes {
		if ends[at] = found[logs[i]]; err != nil {
			errs[at] = fmt.Errorf("end of %s: %w", logs[i].subject, err)
		}
	}
}

// endsAtOnce bounds the logs of one request: the server sends so many records at most, where each has one that is not known.
const endsAtOnce = 32

// readEnds asks for the ends of logs, as of now.
func (s *stream) readEnds(ctx context.Context, logs []*log) (map[*log]uint64, error) {
	ends := make(map[*log]uint64, len(logs))
	for some := range slices.Chunk(logs, endsAtOnce) {
		if err := s.someEnds(ctx, some, ends); err != nil {
			return nil, err
		}
	}
	if s.barrier == nil {
		return ends, nil
	}
	return ends, s.confirmEnds(ctx, ends)
}

// someEnds asks a replica, for what is behind that part of the stream of which all is known: so that no record is sent again and again of a
// log to which nothing is appended.
func (s *stream) someEnds(ctx context.Context, logs []*log, ends map[*log]uint64) error {
	before, from := make([]uint64, len(logs)), uint64(math.MaxUint64)
	bySubject, subjects := make(map[string]*log, len(logs)), make([]string, len(logs))
	for i, l := range logs {
		end, through := l.known.soFar()
		before[i], from = end, min(from, through+1)
		subjects[i], bySubject[l.subject] = l.subject, l
	}
	found, err := s.last(ctx, from, subjects...)
	if err != nil {
		return err
	}
	for i, l := range logs {
		if ends[l] = before[i]; found.nothing {
			ends[l] = 0
		}
	}
	for _, m := range found.messages {
		l := bySubject[m.Header.Get(headerSubject)]
		if l == nil {
			return fmt.Errorf("%w: it has a message of %q, which was not asked for", errPartly, m.Header.Get(headerSubject))
		}
		if ends[l], err = positionOf(m); err != nil {
			return err
		}
	}
	for i, l := range logs {
		l.known.asked(before[i], ends[l], found.through)
	}
	return nil
}

// leadersAtOnce bounds the questions to the leader of a stream that are under way for one caller.
const leadersAtOnce = 8

// confirmEnds asks the leader whether it has more of the logs: the end of a log can't be proved by the log, and a damaged replica may have
// lost it.
func (s *stream) confirmEnds(ctx context.Context, ends map[*log]uint64) error {
	logs := slices.Collect(maps.Keys(ends))
	found, errs := make([]uint64, len(logs)), make([]error, len(logs))
	var all sync.WaitGroup
	places := make(chan struct{}, leadersAtOnce)
	for i, l := range logs {
		places <- struct{}{}
		all.Go(func() {
			found[i], errs[i] = l.leadersEnd(ctx, ends[l])
			<-places
		})
	}
	all.Wait()
	for i, l := range logs {
		ends[l] = found[i]
	}
	return errors.Join(errs...)
}

// leadersEnd is the end of a log as the leader has it, which a replica has said to be at end: that, or later.
func (l *log) leadersEnd(ctx context.Context, end uint64) (uint64, error) {
	last, err := l.leaders(ctx, &getRequest{Seq: end + 1, Next: l.subject})
	if err == nil && last != nil {
		last, err = l.leaders(ctx, &getRequest{Last: l.subject})
	}
	if err != nil || last == nil {
		return end, err
	}
	if end, err = positionOf(last); err == nil {
		l.known.saw(end)
	}
	return end, err
}
