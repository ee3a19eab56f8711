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
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
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
// [ErrMediaType], [ErrKey], [event.ErrTooLarge], [ErrPrevNeedsDataset], *[ConflictError], [event.ErrReused], [event.ErrBad],
// [event.ErrHalted] as soon as an owner says so; the last known of [event.ErrNoOwner], [event.ErrBusy], [engine.ErrNoRoom] and
// [engine.ErrNoLeader] after the bounded wait, or when ctx ends; [event.ErrStopped]; and *[PartialError] around the cause when
// other shards have committed.
func (n *Node) Submit(ctx context.Context, s Submission) ([]ShardResult, error) {
	split, identity, err := n.split(s)
	if err != nil {
		return nil, err
	}
	n.counted.submissions.Add(1)
	n.counted.changesIn.Add(split.Rows)
	events := make([]event.Addressed, len(split.Parts))
	parts := map[int]int{} // by shard: how many came before, so that a key that is used again meets itself in any shard
	for i, part := range split.Parts {
		events[i].Shard = part.Shard
		events[i].MediaType, events[i].Payload = dataset.MediaType, part.Payload
		if s.Key != "" {
			events[i].Producer = event.Producer{Kind: event.Once, Name: fmt.Sprintf("%s/%d", s.Key, parts[part.Shard])}
			events[i].Seq = identity
			parts[part.Shard]++
		}
		if split.HasPrev { // there is one part
			events[i].Prev, events[i].First = split.Prev, split.Prev == ""
		}
	}
	acks, err := n.Send(ctx, events)
	return results(events, acks, err)
}

// CheckKey returns an error that wraps [ErrKey] for an idempotency key that Submit refuses. The empty one is none.
func CheckKey(key string) error {
	switch {
	case len(key) > MaxKey:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrKey, len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: %q is no UTF-8; send text, such as a UUID", ErrKey, key)
	}
	return nil
}

// split divides a document and tells its fingerprint.
func (n *Node) split(s Submission) (split dataset.Split, fingerprint uint64, err error) {
	if err := CheckKey(s.Key); err != nil {
		return split, 0, err
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
		err = fmt.Errorf("%w: %w", event.ErrTooLarge, err)
	}
	if err == nil && split.HasPrev && n.cfg.Key != dataset.Dataset {
		err = fmt.Errorf("%w, this one's is %q", ErrPrevNeedsDataset, n.cfg.Key)
	}
	return split, fingerprint, err
}

// Send routes events to the owners of their shards, in order per shard, and returns the owners' acks, one for each; the
// status of one that can't be sent to any owner is [event.TooLarge].
// An event without a producer gets this process's identity, so that what happens on the way has no second effect.
// After the bounded wait, or when ctx ends, the acks that have not come are zero, and the error is the last known cause:
// [event.ErrBusy], [engine.ErrNoLeader] or else [event.ErrNoOwner]; [event.ErrStopped] when the node stops. [engine.ErrNoRoom]
// isn't waited for: no failover ends it. A node that is cut off, or that the others took for dead, waits for half a second.
// It is for operators of one's own; RDF documents come in through [Node.Submit].
//
// A producer of one's own may have one Send under way at a time, anywhere, and sends the same events again after an
// error before it goes on: a later event that overtook them would make them look like duplicates. It passes
// [event.Producer.Check], and its text has at most [event.MaxText] bytes.
func (n *Node) Send(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	byShard, err := n.byShard(events)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ctx, cancel := n.patience(ctx)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	select {
	case <-n.entered:
	case <-ctx.Done():
		return nil, n.notEntered(ctx)
	}
	answers := make(chan answer, len(events))
	for s, indexes := range byShard {
		l := n.loops[s]
		// An error means that ctx has ended; the events get no ack.
		_ = l.post(ctx, func(now time.Time) { l.submit(ctx, now, events, indexes, answers) })
	}
	acks := make([]event.Ack, len(events))
	for left := len(events); left > 0; {
		select {
		case a := <-answers:
			acks[a.index] = a.ack
			left--
			continue
		case <-ctx.Done():
		case <-look.C:
			if !n.hopeless(events, acks) && (time.Since(began) < apartAfter || n.apart() == nil) {
				continue
			}
		}
		return acks, n.giveUp(ctx, cancel, time.Since(began), events, answers, acks)
	}
	return acks, nil
}

// lookEvery is the time between looks at what owners say of batches that they don't take.
const lookEvery = 250 * time.Millisecond

// apartAfter is how long a node that is apart waits for answers all the same: it may be back in time.
const apartAfter = 2 * lookEvery

// condition is something that holds for the time being. It has one writer.
type condition struct{ since atomic.Pointer[time.Time] }

func (c *condition) set(holds bool) {
	if now := time.Now(); !holds {
		c.since.Store(nil)
	} else if c.since.Load() == nil {
		c.since.Store(&now)
	}
}

// lasts reports whether it holds, and has for a while: a process that was paused, or short of time, is well again at once.
func (c *condition) lasts() bool {
	since := c.since.Load()
	return since != nil && time.Since(*since) >= lookEvery
}

// apart says why what waits here is better sent to another node; nil if it isn't.
func (n *Node) apart() error {
	switch {
	case n.cut.lasts():
		return fmt.Errorf("%w: this node hears none of the others, and the engine doesn't answer it; use another node",
			engine.ErrNoLeader)
	case n.outside.lasts():
		return fmt.Errorf("%w: the others took this node for dead, and it is not back yet; use another node", event.ErrNoOwner)
	}
	return nil
}

// hopeless reports whether the owner of a shard that has not answered has no room.
func (n *Node) hopeless(events []event.Addressed, acks []event.Ack) bool {
	for i := range acks {
		if acks[i].Status == 0 && n.loops[events[i].Shard].view.Load().refusal.Status == event.NoRoom {
			return true
		}
	}
	return false
}

// patience returns a context that ends after the bounded wait, or with the node, which is then its cause.
func (n *Node) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Wait)
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(n.life, func() { end(event.ErrStopped) })
	return ctx, func() {
		stop()
		end(nil)
		cancel()
	}
}

// notEntered says why there is nobody yet who could take events.
func (n *Node) notEntered(ctx context.Context) error {
	switch failed := n.enterFault.Load(); {
	case errors.Is(context.Cause(ctx), event.ErrStopped):
		return event.ErrStopped
	case failed != nil:
		return fmt.Errorf("%w: this node has not entered the pipeline yet: %w", cause(*failed), *failed)
	}
	return fmt.Errorf("%w: this node has not entered the pipeline yet", event.ErrNoOwner)
}

// cause is what an error of the control log means to a sender.
func cause(err error) error {
	for _, known := range []error{engine.ErrNoRoom, engine.ErrNoLeader} {
		if errors.Is(err, known) {
			return known
		}
	}
	return event.ErrNoOwner
}

// byShard checks events and returns, for each shard, the indexes of its own in order.
func (n *Node) byShard(events []event.Addressed) (map[int][]int, error) {
	byShard := make(map[int][]int)
	for i := range events {
		s, producer := events[i].Shard, events[i].Producer
		switch {
		case s < 0 || s >= len(n.loops):
			return nil, fmt.Errorf("%w: %d", shipper.ErrInvalidShard, s)
		case len(producer.Prefix())+len(producer.Name) > event.MaxText:
			return nil, fmt.Errorf("%w: the producer's name has %d bytes, at most %d are allowed with %q before it", event.ErrTooLarge,
				len(producer.Name), event.MaxText, producer.Prefix())
		case !producer.IsZero():
			if err := producer.Check(); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrKey, err)
			}
		}
		byShard[s] = append(byShard[s], i)
	}
	return byShard, nil
}

// giveUp tells the loops that nobody waits any more, and which shard did not answer, and why.
// Before that it ends ctx: a loop that comes to the events later must not take them in.
func (n *Node) giveUp(ctx context.Context, end context.CancelFunc, after time.Duration, events []event.Addressed,
	answers chan answer, acks []event.Ack) error {
	for len(answers) > 0 {
		a := <-answers
		acks[a.index] = a.ack
	}
	var silent []*loop
	for i := range acks {
		if l := n.loops[events[i].Shard]; acks[i].Status == 0 && !slices.Contains(silent, l) {
			silent = append(silent, l)
		}
	}
	var err error
	if len(silent) > 0 { // before the loop forgets what it knows of the batch
		err = n.silence(ctx, after.Round(time.Millisecond), silent[0].shard, silent[0].view.Load())
	}
	end()
	for _, l := range silent {
		l.gaveUp.tell(answers)
	}
	return err
}

// silence is the error of a shard that has not answered: what its owner said last, if it said anything, or why nobody
// else can become its owner.
func (n *Node) silence(ctx context.Context, after time.Duration, shard int, v *view) error {
	if errors.Is(context.Cause(ctx), event.ErrStopped) {
		return fmt.Errorf("%w: shard %d had not answered", event.ErrStopped, shard)
	}
	if why := n.apart(); why != nil {
		return fmt.Errorf("shard %d, owner %q, after %v: %w", shard, v.owner, after, why)
	}
	if why := refusalError(v.refusal); why != nil {
		return fmt.Errorf("shard %d: %w, after %v: the owner %s answers: %s", shard, why, after, v.refusedBy,
			v.refusal.Reason)
	}
	if failed := n.proposalFault.Load(); failed != nil {
		return fmt.Errorf("shard %d: %w, owner %q, after %v, and the control log doesn't work: %w", shard, cause(*failed),
			v.owner, after, *failed)
	}
	return fmt.Errorf("%w: shard %d, owner %q, after %v", event.ErrNoOwner, shard, v.owner, after)
}

// refusalError is the cause that an owner's answer names; nil if it names none.
func refusalError(a event.Ack) error {
	switch a.Status {
	case event.Busy:
		return event.ErrBusy
	case event.Halted:
		return event.ErrHalted
	case event.NoRoom:
		return engine.ErrNoRoom
	case event.NoLeader:
		return engine.ErrNoLeader
	case event.TooLarge:
		return event.ErrTooLarge
	}
	return nil
}

// gaveUp holds the callers that wait for a loop no more, until the loop has taken note: it is told without waiting,
// however far behind it is. Each of them has events in the loop, or an input in its inbox, so there are no more of them
// than of those.
type gaveUp struct {
	mu   sync.Mutex
	list []chan<- answer
	wake chan struct{} // capacity 1
}

func (g *gaveUp) tell(answers chan<- answer) {
	g.mu.Lock()
	g.list = append(g.list, answers)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default: // it is awake already, and takes all
	}
}

func (g *gaveUp) take() map[chan<- answer]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make(map[chan<- answer]bool, len(g.list))
	for _, answers := range g.list {
		all[answers] = true
	}
	g.list = nil
	return all
}

// forget cancels what nobody waits for any more.
func (l *loop) forget() {
	gone := l.gaveUp.take()
	l.replica.Forget(func(w waiter) bool { return gone[w.to] })
	if l.replica.Outbox.Len() == 0 {
		l.stopShipping()
	}
}

// answer is the ack of the event at an index of a Send.
type answer struct {
	index int
	ack   event.Ack
}

// waiter is who waits for the ack of one event.
type waiter struct {
	index int
	to    chan<- answer // has room for all answers
}

// submit puts the events of one Send into the outbox, in order; not those of a caller that has given up: the loop may
// have taken note of that before it came to this.
func (l *loop) submit(ctx context.Context, now time.Time, events []event.Addressed, indexes []int, answers chan<- answer) {
	select {
	case <-l.gaveUp.wake: // the room of who gave up before this came is free
		l.forget()
	default:
	}
	if ctx.Err() != nil { // after that: who gives up ends this first, and then tells
		return
	}
	mine, who := make([]event.Event, len(indexes)), make([]waiter, len(indexes))
	for i, index := range indexes {
		mine[i], who[i] = events[index].Event, waiter{index: index, to: answers}
	}
	l.replica.Identify(mine)
	if !l.replica.Submit(now, mine, who) {
		for _, index := range indexes {
			answers <- answer{index: index, ack: event.Ack{Status: event.Busy, Reason: "the door's queue is full"}}
		}
	}
}

// results makes of the acks of a submission one result per shard.
func results(events []event.Addressed, acks []event.Ack, err error) ([]ShardResult, error) {
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
		case event.Committed, event.Duplicate:
			r := byShard[shard]
			if r == nil {
				r = &ShardResult{Shard: shard, Duplicate: true}
				byShard[shard] = r
			}
			r.add(a)
		case event.Conflict:
			return nil, &ConflictError{Head: a.Head}
		case event.Reused:
			fail(shard, event.ErrReused)
		case event.Bad:
			fail(shard, fmt.Errorf("%w: %s (dead letter at position %d)", event.ErrBad, a.Reason, a.Position))
		default:
			if why := refusalError(a); why != nil {
				fail(shard, fmt.Errorf("%w: %s", why, a.Reason))
			}
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

func (r *ShardResult) add(a event.Ack) {
	r.Position = max(r.Position, a.Position)
	r.Adds += a.Adds
	r.Deletes += a.Deletes
	if a.Status == event.Committed {
		r.Duplicate = false
	}
	if a.Head != "" {
		r.Head = a.Head
	}
}
