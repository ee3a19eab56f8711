package graph

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"iter"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
)

// MaxKey bounds an idempotency key, in bytes.
const MaxKey = 256

// Submission is a document of changes.
type Submission struct {
	// MediaType is that of RDF Patch, as text or binary, of SPARQL Update, or of RDF data, whose statements are additions; see
	// [MediaTypes] and [TypeReplace].
	MediaType string
	// Body is the document. Submit doesn't keep it.
	Body []byte
	// Key is the sender's idempotency key, UTF-8 of at most [MaxKey] bytes. Empty: the door makes an identity, so that retries inside
	// the cluster have no second effect, but a second Submit has.
	Key string
}

// Result says what became of the part of a submission that fell in one shard.
type Result struct {
	// Shard is the shard's number.
	Shard int
	// Position is the log position of the (last) record that holds the changes; 0 if it is no longer known.
	Position uint64
	// Adds and Deletes count the real changes.
	Adds    uint64
	Deletes uint64
	// Head is the id of the newest record of the shard when the changes were committed.
	Head string
	// Duplicate: the changes had been committed before, under the same key.
	Duplicate bool
}

// Submit takes a document of changes in: it is checked whole, divided by shard, and answered when every part is
// committed. Results are in order of shard. Errors: a *nquads.SyntaxError of the document (nothing of it is applied),
// [event.ErrMediaType], [event.ErrKey], [event.ErrTooLarge], [event.ErrPrev], *[NotLocalError], *[ConflictError], [event.ErrReused], [event.ErrBad],
// [event.ErrHalted] as soon as an owner says so; the last known of [event.ErrNoOwner], [event.ErrBusy], [engine.ErrNoRoom] and
// [engine.ErrNoLeader] after the bounded wait, or when ctx ends; [event.ErrStopped]; and *[PartialError] around the cause when
// other shards have committed.
func (g *Graph) Submit(ctx context.Context, s Submission) ([]Result, error) {
	split, identity, err := g.split(s)
	if err != nil {
		return nil, err
	}
	return g.commit(ctx, split, s.Key, identity)
}

// SubmitQuads takes changes in that a program has as quads: those to delete, then those to add, in one transaction per shard.
// Either may be nil. Blank nodes keep their labels: they are the pipeline's, not a document's. The key is that of a
// [Submission], for the same quads in the same order. A quad that is none is [rdf.ErrInvalid], named by its number, and nothing is
// sent. The other errors are those of [Graph.Submit].
func (g *Graph) SubmitQuads(ctx context.Context, key string, deletes, adds iter.Seq[rdf.Quad]) ([]Result, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	split, err := g.splitter.Change(deletes, adds)
	if err != nil {
		return nil, tooLarge(err)
	}
	content := sha256.New()
	for _, part := range split.Parts {
		content.Write(part.Payload)
	}
	return g.commit(ctx, split, key, fingerprint(content))
}

// commit sends the parts of a document to their shards.
func (g *Graph) commit(ctx context.Context, split dataset.Split, key string, identity uint64) ([]Result, error) {
	return g.commitOn(ctx, split, key, identity, nil)
}

// commitOn is commit for what builds on these deltas, by shard, if there are any: each of the shards is asked whether that is so, also one
// that nothing of the document falls in. Each has one part at most then.
func (g *Graph) commitOn(ctx context.Context, split dataset.Split, key string, identity uint64, heads map[int]string) ([]Result, error) {
	g.submissions.Add(1)
	g.changes.Add(split.Rows)
	split.Need(slices.Sorted(maps.Keys(heads)))
	events := split.Events()
	for i := range events {
		if head, guarded := heads[events[i].Shard]; guarded && !split.HasPrev {
			events[i].Prev, events[i].First = head, head == ""
		}
	}
	identify(events, key, identity)
	acks, err := g.SendBatch(ctx, events)
	return results(events, acks, err)
}

// identify gives the events of a document its key's identity, if it has a key.
func identify(events []event.Addressed, key string, identity uint64) {
	if key == "" {
		return
	}
	parts := map[int]int{} // by shard: how many came before, so that a key that is used again meets itself in any shard
	for i := range events {
		shard := events[i].Shard
		events[i].Producer = event.Producer{Kind: event.Once, Name: key + "/" + strconv.Itoa(parts[shard])}
		events[i].Seq = identity
		parts[shard]++
	}
}

// Outcome is what became of one of several documents.
type Outcome struct {
	// Results and Err are as [Graph.Submit] returns them.
	Results []Result
	Err     error
}

// SubmitAll takes several documents in, each for itself as [Graph.Submit] does, and returns what became of each. In a shard their changes come in
// the order of the documents. They are on their way together, so that the owner of a shard commits many of them at once; one that is refused
// stops no other. When ctx ends, those that are left have its error.
func (g *Graph) SubmitAll(ctx context.Context, documents []Submission) []Outcome {
	outcomes, ends := make([]Outcome, len(documents)), make([]int, len(documents))
	events := make([]event.Addressed, 0, len(documents))
	for i := range documents {
		var split dataset.Split
		var identity uint64
		if outcomes[i].Err = ctx.Err(); outcomes[i].Err == nil {
			split, identity, outcomes[i].Err = g.split(documents[i])
		}
		if outcomes[i].Err == nil {
			g.submissions.Add(1)
			g.changes.Add(split.Rows)
			own := split.Events()
			identify(own, documents[i].Key, identity)
			events = append(events, own...)
		}
		ends[i] = len(events)
	}
	acks, err := g.SendBatch(ctx, events)
	if acks == nil {
		acks = make([]event.Ack, len(events))
	}
	begin := 0
	for i, end := range ends {
		if outcomes[i].Err == nil {
			outcomes[i].Results, outcomes[i].Err = results(events[begin:end], acks[begin:end], unanswered(acks[begin:end], err))
		}
		begin = end
	}
	return outcomes
}

// unanswered is why some of the acks have not come; nil if all have.
func unanswered(acks []event.Ack, why error) error {
	if why != nil && slices.ContainsFunc(acks, func(a event.Ack) bool { return a.Status == 0 }) {
		return why
	}
	return nil
}

// CheckKey returns an error that wraps [event.ErrKey] for an idempotency key that Submit refuses. The empty one is none.
func CheckKey(key string) error {
	switch {
	case len(key) > MaxKey:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", event.ErrKey, len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: %q is no UTF-8; send text, such as a UUID", event.ErrKey, key)
	}
	return nil
}

// split divides a document and tells its identity.
func (g *Graph) split(s Submission) (split dataset.Split, identity uint64, err error) {
	if err := CheckKey(s.Key); err != nil {
		return split, 0, err
	}
	content := sha256.New()
	content.Write([]byte(s.MediaType + "\n"))
	content.Write(s.Body)
	identity = fingerprint(content)
	split, err = g.divide(g.splitter, s, func() string {
		if s.Key == "" {
			return rand.Text()
		}
		// A retry makes the same labels; the document that uses a key again when its time is over makes others.
		return fmt.Sprintf("%s %016x", s.Key, identity)
	})
	return split, identity, err
}

// Divide makes of a document the events of a producer of one's own, for [node.Node.SendBatch]: one for each shard that the
// document has changes for, all with the same sequence. The document's Key is not used. The producer's events are sent in
// the order of their sequences. Errors: those of [Graph.Submit] before anything is sent; [event.ErrBusy], while others read documents
// in JSON-LD, leaves the document to be divided again.
func (g *Graph) Divide(s Submission, from event.Producer, seq uint64) ([]event.Addressed, error) {
	split, err := g.divide(g.splitter.Whole(), s, func() string { return fmt.Sprintf("%s %d", from, seq) })
	if err != nil {
		return nil, err
	}
	g.submissions.Add(1)
	g.changes.Add(split.Rows)
	return split.Of(from, seq), nil
}

// fingerprint is the identity of an event whose content was written to the hash; never 0. It is the same in all versions: a
// request is repeated while nodes are upgraded, too.
func fingerprint(content hash.Hash) uint64 { return max(binary.BigEndian.Uint64(content.Sum(nil)), 1) }

// results makes of the acks of a submission one result per shard.
func results(events []event.Addressed, acks []event.Ack, err error) ([]Result, error) {
	byShard := map[int]*Result{}
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
				r = &Result{Shard: shard, Duplicate: true}
				byShard[shard] = r
			}
			r.add(a)
		case event.Conflict:
			if failed == nil {
				failed = &ConflictError{Head: a.Head}
			}
		default:
			if why := node.AckError(a); why != nil {
				fail(shard, why)
			}
		}
	}
	list := make([]Result, 0, len(byShard))
	for _, r := range byShard {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Result) int { return cmp.Compare(a.Shard, b.Shard) })
	failed = errors.Join(failed, err)
	if failed != nil && len(list) > 0 {
		return nil, &PartialError{Done: list, Err: failed}
	}
	return list, failed
}

func (r *Result) add(a event.Ack) {
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
