package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/shipper"
)

// Media types that Submit reads.
const (
	TypePatch    = dataset.MediaType
	TypeNQuads   = "application/n-quads"
	TypeNTriples = "application/n-triples"
)

// MaxKey bounds an idempotency key, in bytes.
const MaxKey = 256

// doorStats counts what this node's door and jobs did.
type doorStats struct {
	submissions, changesIn, appendNanos, proposedFailed atomic.Uint64
}

// Submit takes a document of changes in: it is checked whole, divided by shard, and answered when every part is
// committed. Results are in order of shard. Errors: a *nquads.SyntaxError of the document (nothing of it is applied),
// [ErrMediaType], [ErrTooLarge], [ErrPrevNeedsDataset], *[ConflictError], [ErrReused], [ErrBad], [ErrNoOwner], and
// *[PartialError] around the latter when other shards have committed. When ctx ends, the outcome of what is under way
// is open.
func (n *Node) Submit(ctx context.Context, s Submission) ([]ShardResult, error) {
	split, identity, err := n.split(s)
	if err != nil {
		return nil, err
	}
	n.counted.submissions.Add(1)
	n.counted.changesIn.Add(split.Rows)
	events := make([]shipper.Event, len(split.Parts))
	parts := map[int]int{} // by shard: how many came before, so that a key that is used again meets itself in any shard
	for i, part := range split.Parts {
		events[i] = shipper.Event{Shard: part.Shard, MediaType: dataset.MediaType, Payload: part.Payload}
		if s.Key != "" {
			events[i].Producer = fmt.Sprintf("%s%s/%d", shipper.OncePrefix, s.Key, parts[part.Shard])
			events[i].Seq = identity
			parts[part.Shard]++
		}
		if i == 0 {
			events[i].Prev = split.Prev
		}
	}
	acks, err := n.Send(ctx, events)
	return results(events, acks, err)
}

// split divides a document and tells its fingerprint.
func (n *Node) split(s Submission) (split dataset.Split, fingerprint uint64, err error) {
	if len(s.Key) > MaxKey {
		return split, 0, fmt.Errorf("%w: idempotency key of %d bytes, at most %d", ErrTooLarge, len(s.Key), MaxKey)
	}
	hash := sha256.New()
	hash.Write([]byte(s.MediaType + "\n"))
	hash.Write(s.Body)
	fingerprint = max(binary.BigEndian.Uint64(hash.Sum(nil)), 1)
	splitter := dataset.Splitter{Key: n.cfg.Key, Shards: n.cfg.Shards, MaxTransaction: n.cfg.MaxTransaction}
	mediaType, _, _ := mime.ParseMediaType(s.MediaType)
	switch mediaType {
	case TypePatch:
		split, err = splitter.Patch(s.Body)
	case TypeNQuads, TypeNTriples:
		// A retry makes the same labels; the document that uses a key again when its time is over makes others.
		scope := fmt.Sprintf("%s %016x", s.Key, fingerprint)
		if s.Key == "" {
			scope = rand.Text()
		}
		var opts []nquads.Option
		if mediaType == TypeNTriples {
			opts = append(opts, nquads.Triples())
		}
		split, err = splitter.Quads(s.Body, scope, opts...)
	default:
		err = fmt.Errorf("%w: %q; send %s, %s or %s", ErrMediaType, s.MediaType, TypePatch, TypeNQuads, TypeNTriples)
	}
	var large *dataset.TransactionTooLargeError
	if errors.As(err, &large) {
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if err == nil && split.Prev != "" && n.cfg.Key != dataset.Dataset {
		err = fmt.Errorf("%w, this one's is %q", ErrPrevNeedsDataset, n.cfg.Key)
	}
	return split, fingerprint, err
}

// Send routes events to the owners of their shards, in order per shard, and returns the owners' acks, one for each.
// An event without a producer gets this process's identity, so that what happens on the way has no second effect.
// After the bounded wait, or when ctx ends, the error is [ErrNoOwner] and the acks that have not come are zero.
// It is for operators of one's own; RDF documents come in through [Node.Submit].
//
// A producer of one's own may have one Send under way at a time, anywhere, and sends the same events again after an
// error before it goes on: a later event that overtook them would make them look like duplicates. Its name has at most
// [shipper.MaxWireText] bytes.
func (n *Node) Send(ctx context.Context, events []shipper.Event) ([]shipper.Ack, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Wait)
	defer cancel()
	select {
	case <-n.entered:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: this node has not entered the pipeline yet", ErrNoOwner)
	}
	byShard := make(map[int][]int)
	for i := range events {
		s := events[i].Shard
		if s < 0 || s >= len(n.loops) {
			return nil, fmt.Errorf("%w: %d", shipper.ErrInvalidShard, s)
		}
		if n := len(events[i].Producer); n > shipper.MaxWireText {
			return nil, fmt.Errorf("%w: the producer's name has %d bytes, at most %d", ErrTooLarge, n, shipper.MaxWireText)
		}
		byShard[s] = append(byShard[s], i)
	}
	answers := make(chan answer, len(events))
	for s, indexes := range byShard {
		l := n.loops[s]
		// An error means that ctx has ended; the events get no ack.
		_ = l.post(ctx, func(now time.Time) { l.submit(now, events, indexes, answers) })
	}
	acks := make([]shipper.Ack, len(events))
	for range events {
		select {
		case a := <-answers:
			acks[a.index] = a.ack
		case <-ctx.Done():
			return acks, n.giveUp(events, answers, acks)
		}
	}
	return acks, nil
}

// giveUp tells the loops that nobody waits any more, and which shard did not answer.
func (n *Node) giveUp(events []shipper.Event, answers chan answer, acks []shipper.Ack) error {
	for len(answers) > 0 {
		a := <-answers
		acks[a.index] = a.ack
	}
	for i := range acks {
		if acks[i].Status == 0 {
			n.cancel(n.loops[events[i].Shard], answers)
		}
	}
	for i := range acks {
		if acks[i].Status == 0 {
			s := events[i].Shard
			return fmt.Errorf("%w: shard %d, owner %q, after %v", ErrNoOwner, s, n.loops[s].view.Load().owner, n.cfg.Wait)
		}
	}
	return nil
}

// cancel forgets what waits for answers in the loop. A loop that is too far behind is not told: its events stay under
// way, and their answers have room.
func (n *Node) cancel(l *loop, answers chan answer) {
	forget := func(time.Time) {
		for token, w := range l.waiting {
			if w.to == answers {
				delete(l.waiting, token)
				l.out.Cancel(token)
			}
		}
	}
	select {
	case l.in <- forget:
	default:
	}
}

// answer is the ack of the event at an index of a Send.
type answer struct {
	index int
	ack   shipper.Ack
}

// waiter is who waits for the ack of one event.
type waiter struct {
	index int
	to    chan<- answer // has room for all answers
}

// submit puts the events of one Send into the outbox, in order.
func (l *loop) submit(now time.Time, events []shipper.Event, indexes []int, answers chan<- answer) {
	mine := make([]shipper.Event, len(indexes))
	for i, index := range indexes {
		mine[i] = events[index]
		if mine[i].Producer == "" {
			l.doorSeq++
			mine[i].Producer, mine[i].Seq = l.n.door, l.doorSeq
		}
	}
	first := l.token + 1
	if !l.out.Submit(now, first, mine...) {
		for _, index := range indexes {
			answers <- answer{index: index, ack: shipper.Ack{Status: shipper.Busy, Reason: "the door's queue is full"}}
		}
		return
	}
	l.token += uint64(len(indexes))
	for i, index := range indexes {
		l.waiting[first+uint64(i)] = waiter{index: index, to: answers}
	}
}

// results makes of the acks of a submission one result per shard.
func results(events []shipper.Event, acks []shipper.Ack, err error) ([]ShardResult, error) {
	byShard := map[int]*ShardResult{}
	var failed error
	fail := func(shard int, why error) {
		if failed == nil {
			failed = fmt.Errorf("shard %d: %w", shard, why)
		}
	}
	for i, a := range acks {
		shard := events[i].Shard
		switch a.Status {
		case shipper.Committed, shipper.Duplicate:
			r := byShard[shard]
			if r == nil {
				r = &ShardResult{Shard: shard, Duplicate: true}
				byShard[shard] = r
			}
			r.add(a)
		case shipper.Conflict:
			return nil, &ConflictError{Head: a.Head}
		case shipper.Reused:
			fail(shard, ErrReused)
		case shipper.Bad:
			if a.Position == 0 {
				fail(shard, fmt.Errorf("%w: %s", ErrTooLarge, a.Reason))
				continue
			}
			fail(shard, fmt.Errorf("%w: %s (dead letter at position %d)", ErrBad, a.Reason, a.Position))
		case shipper.Busy:
			fail(shard, fmt.Errorf("%w: %s", ErrNoOwner, a.Reason))
		}
	}
	list := make([]ShardResult, 0, len(byShard))
	for _, r := range byShard {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b ShardResult) int { return cmp.Compare(a.Shard, b.Shard) })
	failed = errors.Join(failed, err)
	if failed != nil && len(list) > 0 {
		return nil, &PartialError{Done: list, Err: failed}
	}
	return list, failed
}

func (r *ShardResult) add(a shipper.Ack) {
	r.Position = max(r.Position, a.Position)
	r.Adds += a.Adds
	r.Deletes += a.Deletes
	if a.Status == shipper.Committed {
		r.Duplicate = false
	}
	if a.Head != "" {
		r.Head = a.Head
	}
}
