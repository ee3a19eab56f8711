// Package sparql writes to stores that speak the SPARQL 1.1 Protocol ([Sink]): the deltas of each shard as SPARQL Update.
//
// Once in effect, whatever fails: how far a shard is stands in the store, as a literal, and each request is one operation that
// makes the change and takes the literal on, on condition that the literal is the one that the change builds on:
//
//	DELETE { GRAPH <urn:quadrille:positions> { <urn:quadrille:position:main:3> <urn:quadrille:at> "17 …" } … }
//	INSERT { GRAPH <urn:quadrille:positions> { <urn:quadrille:position:main:3> <urn:quadrille:at> "18 …" } … }
//	WHERE  { GRAPH <urn:quadrille:positions> { <urn:quadrille:position:main:3> <urn:quadrille:at> "17 …" } }
//
// No answer is believed: after each batch the literal is read back, and what it says is so. A writer that opens a shard puts a
// literal of its own there, so that whatever the one before has under way, or sends later, has no effect.
//
// That needs a store which runs updates one after the other, such as Fuseki and Blazegraph. One that lets two run at a time, each
// on its snapshot of the data, and doesn't look whether what they have read has changed (Oxigraph on disk), can have a late update
// take effect beside that of the successor. Then both literals are there: the next writer or reading back finds them, and the
// records behind the earlier one are written again, each row as if nothing were known of it, which mends the data.
package sparql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// SinkConfig configures a [Sink].
type SinkConfig struct {
	// Endpoint is the store. Its Query must show what its Update has done, at once.
	Endpoint
	// Name is what positions are named by: all sinks that write to a store must have different ones, and a sink always the
	// same. Required.
	Name string
	// PositionGraph is the IRI of the graph that holds the positions. Default [PositionGraph]; [DefaultGraph]: the default graph.
	PositionGraph string
	// Blank says what stands for blank nodes, which SPARQL Update can't name. Default: patch.Skolemise([BlankPrefix]). It must not
	// be changed while data are in the store.
	Blank patch.BlankPolicy
	// MaxRequest bounds the bytes of rows in a request, unless a single row is larger. Default 1 MiB.
	MaxRequest int
}

const (
	// PositionGraph is the graph of the positions unless told otherwise.
	PositionGraph = "urn:quadrille:positions"
	// DefaultGraph stands for the default graph, which has no name.
	DefaultGraph = "default"
	// BlankPrefix is what the IRIs begin with that stand for blank nodes, unless told otherwise; the label follows.
	BlankPrefix = "urn:quadrille:blank:"
)

// Sink writes the logs of shards to a store. Make it with [NewSink]. It may be used concurrently.
type Sink struct{ cfg SinkConfig }

var _ connector.Seeker = (*Sink)(nil)

// NewSink checks the configuration and returns a sink; it connects to nothing.
func NewSink(cfg SinkConfig) (*Sink, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("SPARQL sink: %w", err)
	}
	cfg.PositionGraph = cmp.Or(cfg.PositionGraph, PositionGraph)
	cfg.MaxRequest = cmp.Or(cfg.MaxRequest, 1<<20)
	if cfg.Blank == nil {
		cfg.Blank = patch.Skolemise(BlankPrefix)
	}
	switch {
	case cfg.Name == "":
		return nil, errors.New("SPARQL sink: positions need a name")
	case cfg.MaxRequest < 0:
		return nil, fmt.Errorf("SPARQL sink: requests of %d bytes: expected more than 0", cfg.MaxRequest)
	case cfg.PositionGraph == DefaultGraph:
		cfg.PositionGraph = ""
		return &Sink{cfg: cfg}, nil
	}
	if err := rdf.CheckIRI(cfg.PositionGraph); err != nil {
		return nil, fmt.Errorf("SPARQL sink: graph of the positions: %w", err)
	}
	return &Sink{cfg: cfg}, nil
}

// Promise is [connector.Once]: the store itself says how far it is.
func (s *Sink) Promise() connector.Promise { return connector.Once }

// Open reads how far the store is, and puts a literal of this writer's there.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	w := &writer{Sink: s, session: s.cfg.connect(), place: placeOf(s.cfg.PositionGraph, s.cfg.Name, shard),
		make: maker{blank: s.cfg.Blank, max: s.cfg.MaxRequest}}
	if err := w.claim(ctx); err != nil {
		w.session.close()
		return nil, err
	}
	return w, nil
}

// Seek takes the position there, as a writer of its own. What the store had is in it still, so the rows up to where it was are
// written each, as if nothing were known of it. The changes that are skipped are missing; verify finds and mends that.
func (s *Sink) Seek(ctx context.Context, shard int, to engine.Mark) error {
	opened, err := s.Open(ctx, shard)
	if err != nil {
		return err
	}
	w := opened.(*writer)
	next := position{at: to, until: max(w.now.until, w.now.at.Position, to.Position), writer: w.now.writer, n: w.now.n + 1}
	return errors.Join(w.exchange(ctx, []string{w.now.String()}, next), w.Close())
}

// writer writes one shard. It is used by one goroutine.
type writer struct {
	*Sink
	session *session
	place   place
	make    maker
	now     position // what the store has, as far as it is known
}

// Target is the address that takes updates, with the shard's subject.
func (w *writer) Target() string { return w.session.Update + " " + w.place.subject }

// At is the record up to which the store has all.
func (w *writer) At() engine.Mark { return w.now.at }

// Close ends the connection.
func (w *writer) Close() error {
	w.session.close()
	return nil
}

// claim makes this writer the only one whose updates have an effect.
func (w *writer) claim(ctx context.Context) error {
	literals, err := w.session.column(ctx, w.place.query(), "at")
	if err != nil {
		return fmt.Errorf("read the position: %w", err)
	}
	found := make([]position, len(literals))
	for i, text := range literals {
		if found[i], err = parsePosition(text); err != nil {
			return err
		}
	}
	next := claim(found, newWriter())
	if err := w.exchange(ctx, literals, next); err != nil {
		return fmt.Errorf("claim the position: %w", err)
	}
	return nil
}

// Write writes the net effect of the records, in as few requests as hold it, each of whole records if they fit into one. A request
// is sent as soon as the one before is answered, and made while that is under way: it has no effect unless that one had its own.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	before, failed := []string{w.now.String()}, error(nil)
	var sent []position
	for r := range ahead(w.requests(records)) {
		if failed = r.err; failed == nil {
			failed = w.session.update(ctx, r.text)
		}
		if !errors.Is(failed, connector.ErrGiveUp) { // or it was not made, or refused
			sent = append(sent, r.next)
		}
		if failed != nil {
			break
		}
	}
	err := w.settle(ctx, before, sent, failed)
	if err == nil && w.now.at != records[len(records)-1].Mark { // that failed which was done, and the rest was not sent
		return fmt.Errorf("%w: %w", connector.ErrRetry, failed)
	}
	return err
}

// exchange makes a change that takes the position on from whatever is there.
func (w *writer) exchange(ctx context.Context, before []string, next position) error {
	failed := w.session.update(ctx, updateText(w.place, before, next, &change{}))
	if errors.Is(failed, connector.ErrGiveUp) { // it was refused
		return failed
	}
	return w.settle(ctx, before, []position{next}, failed)
}

// settle reads back how far the store is, whatever the answers were. Of what was sent, each update builds on the one before and
// the first on the literals of before, so some of the first have had their effect, and no other.
func (w *writer) settle(ctx context.Context, before []string, sent []position, failed error) error {
	refused := errors.Is(failed, connector.ErrGiveUp)
	if refused && len(sent) == 0 {
		return failed
	}
	literals, err := w.session.column(ctx, w.place.query(), "at")
	if err != nil {
		return errors.Join(failed, fmt.Errorf("read the position back: %w", err))
	}
	done := slices.IndexFunc(sent, func(p position) bool { return sameLiterals(literals, []string{p.String()}) })
	if done >= 0 {
		w.now = sent[done]
	}
	switch {
	case refused:
		return failed
	case done >= 0 && done == len(sent)-1:
		return nil
	case done >= 0 || sameLiterals(literals, before):
		return fmt.Errorf("%w: %w", connector.ErrRetry, cmp.Or(failed, errNoEffect))
	}
	return fmt.Errorf("%w: the position is %q", errTaken, literals)
}

var (
	// errNoEffect: the answer was a success.
	errNoEffect = errors.New("the store says that the update was done, and doesn't show its effect; do query and update go to the same data?")
	// errTaken: the writer is not the shard's any more, or an update of the one before has come late.
	errTaken = errors.New("another writer has written this shard")
)
