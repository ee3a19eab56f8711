package graph

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
)

// Selection says which quads are asked for. Its zero value is all.
type Selection struct {
	// Subject and Predicate are those of the quads; the zero term is any.
	Subject, Predicate rdf.Term
	// Graph is that of the quads, and the zero term the default graph; nil is any.
	Graph *rdf.Term
}

// All reports whether all quads are asked for.
func (s Selection) All() bool { return s.Subject.IsZero() && s.Predicate.IsZero() && s.Graph == nil }

// Has reports whether the quad is asked for.
func (s Selection) Has(q rdf.Quad) bool {
	return (s.Subject.IsZero() || s.Subject == q.S) && (s.Predicate.IsZero() || s.Predicate == q.P) &&
		(s.Graph == nil || *s.Graph == q.G)
}

// pattern returns the pattern of what is asked for; ok is false if a term is in no quad.
func (s Selection) pattern(r store.Reader) (p store.Pattern, ok bool, err error) {
	ok = true
	look := func(t rdf.Term, id *store.ID) {
		if ok && err == nil {
			*id, ok, err = r.Lookup(t)
		}
	}
	if !s.Subject.IsZero() {
		look(s.Subject, &p.S)
	}
	if !s.Predicate.IsZero() {
		look(s.Predicate, &p.P)
	}
	if s.Graph != nil {
		look(*s.Graph, &p.G)
	}
	return p, ok, err
}

// DataOptions choose what [Graph.WriteData] writes, and how.
type DataOptions struct {
	// Select says which quads are written.
	Select Selection
	// Format is that of RDF data in which they are written. Default N-Quads. A format of triples needs a graph in Select, whose
	// name is then left out.
	Format rdfio.Format
	// MaxHeld bounds the quads of JSON-LD, which is held as a whole until the end; beyond it the error is [ErrHeld]. Default
	// [MaxStatements]. Where other documents use the memory that there is for all, it is [event.ErrBusy].
	MaxHeld int
	// Partial: write the others also when it is known from the start that some are missing.
	Partial bool
	// Begin, if set, is called once before anything is written, with the marks of the records at which the logs ended at the
	// call. What is written is that or newer: as long as the logs end there, it is that. Its error ends the reading and is returned.
	Begin func(ends engine.Cursor) error
}

// Errors of a format that can't hold the quads that are asked for; others can. Test with errors.Is.
var (
	// ErrHeld: they are more than a format that is held as a whole may have.
	ErrHeld = errors.New("too much for a form that is held as a whole")
	// ErrForm: the format has no place for one of them, such as JSON-LD for a triple term, or RDF/XML for a predicate that ends in a
	// number.
	ErrForm = errors.New("the form has no place for what is asked for")
)

// otherForm is ErrHeld or ErrForm. Its text is that of the cause alone, which says it.
type otherForm struct{ kind, cause error }

// Error implements error.
func (o *otherForm) Error() string { return o.cause.Error() }

// Unwrap returns what it is.
func (o *otherForm) Unwrap() []error { return []error{o.kind, o.cause} }

// WriteData writes the quads of all shards that are asked for and returns the cursor from which to follow them. Each shard is as
// its log said at or after the call: whatever was accepted before is in it. It reads this node's copy of a shard, where
// that is as far, and otherwise brings the newest snapshot to the tail, so that it needs no other node; it keeps what it
// has made of it for the next call.
//
// A shard that can't be read doesn't stop the others: the error is then a [MissingError], the cursor is without the
// shard, and a comment at the end says so, except in JSON-LD. When that is known before anything is written, nothing is, unless
// o says so.
func (g *Graph) WriteData(ctx context.Context, w io.Writer, o DataOptions) (engine.Cursor, error) {
	o.Format, o.MaxHeld = cmp.Or(o.Format, rdfio.NQuads), cmp.Or(o.MaxHeld, MaxStatements)
	missing := &MissingError{}
	ends, errs := g.EndMarks(ctx)
	at := engine.Cursor{}
	for s, err := range errs {
		if err == nil {
			at[s] = ends[s]
		} else if !missing.add(s, err) {
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	if len(missing.Shards) > 0 && !o.Partial {
		return nil, missing
	}
	if o.Begin != nil {
		if err := o.Begin(at); err != nil {
			return nil, err
		}
	}
	sent := &sentWriter{w: w}
	buffered := bufio.NewWriterSize(sent, 64<<10)
	cursor, err := g.writeShards(ctx, buffered, at, missing, o)
	if err != nil {
		return nil, err
	}
	if len(missing.Shards) == 0 {
		return cursor, buffered.Flush()
	}
	if !o.Partial && !sent.any {
		return nil, missing
	}
	// Its error stays, and Flush meets it.
	_, _ = buffered.WriteString(rdfio.Comment(o.Format, "incomplete: "+missing.Error()))
	return cursor, errors.Join(missing, buffered.Flush())
}

// sentWriter knows whether anything was written to it.
type sentWriter struct {
	w   io.Writer
	any bool
}

// Write implements [io.Writer].
func (s *sentWriter) Write(p []byte) (int, error) {
	s.any = true
	return s.w.Write(p)
}

// writeShards writes the shards that end at these marks, or later.
func (g *Graph) writeShards(ctx context.Context, w *bufio.Writer, ends engine.Cursor, missing *MissingError,
	o DataOptions) (engine.Cursor, error) {
	var out rdfio.DataWriter = quadLines{w}
	if o.Format != rdfio.NQuads {
		made, release, err := g.newDataWriter(w, o.Format, o.MaxHeld)
		if err != nil {
			return nil, err
		}
		defer release()
		out = made
	}
	triples := o.Format.IsTriples()
	write := func(q rdf.Quad) error {
		if triples && o.Select.Graph != nil {
			q.G = rdf.Term{}
		}
		return out.Write(q)
	}
	cursor := engine.Cursor{}
	for s := range g.Shards() {
		end, ok := ends[s]
		if !ok {
			continue
		}
		at, err := g.eachQuad(ctx, s, end.Position, o.Select, write)
		err = moved(err)
		switch {
		case err == nil:
			cursor[s] = at
		case errors.Is(err, ErrForm), errors.Is(err, ErrHeld): // whatever the shard
			return nil, err
		case !missing.add(s, err):
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	return cursor, out.Flush()
}

// NewDataWriter is [rdfio.NewDataWriter] within the bounds that all writers of the graph share: JSON-LD, which is held as a whole until
// the end, has at most [MaxStatements] statements, beyond which the error of Write is [ErrHeld], and takes memory that others may use
// ([event.ErrBusy]); what it has no place for is [ErrForm], of Flush, and of RDF/XML of Write. The caller calls release at the end.
func (g *Graph) NewDataWriter(w io.Writer, f rdfio.Format, opts ...rdfio.WriteOption) (_ rdfio.DataWriter, release func(), err error) {
	return g.newDataWriter(w, f, MaxStatements, opts...)
}

func (g *Graph) newDataWriter(w io.Writer, f rdfio.Format, most int, opts ...rdfio.WriteOption) (_ rdfio.DataWriter, release func(), err error) {
	release = func() {}
	out, err := rdfio.NewDataWriter(w, f, opts...)
	if err == nil && f == rdfio.RDFXML {
		return formWriter{out}, release, nil
	}
	if err != nil || f != rdfio.JSONLD {
		return out, release, err
	}
	held := &holding{of: &g.held}
	return &heldWriter{DataWriter: out, holding: held, most: most}, held.release, nil
}

// formWriter tells what RDF/XML has no place for as all formats do.
type formWriter struct{ rdfio.DataWriter }

// Write implements [rdfio.DataWriter].
func (f formWriter) Write(q rdf.Quad) error {
	err := f.DataWriter.Write(q)
	if errors.Is(err, rdfxml.ErrForm) {
		return &otherForm{ErrForm, err}
	}
	return err
}

// heldWriter bounds a writer that holds all until the end.
type heldWriter struct {
	rdfio.DataWriter
	holding *holding
	n, most int
}

// heldCost is what a quad takes in memory until JSON-LD is written, in bytes, as measured, without its terms.
const heldCost = 2 << 10

// Write implements [rdfio.DataWriter].
func (h *heldWriter) Write(q rdf.Quad) error {
	if h.n++; h.n > h.most {
		return &otherForm{ErrHeld, fmt.Errorf("more than %d statements, in a form that is held as a whole", h.most)}
	}
	err := h.holding.take(heldCost + len(q.S.String()) + len(q.P.String()) + len(q.O.String()) + len(q.G.String()))
	if errors.Is(err, event.ErrTooLarge) {
		return &otherForm{ErrHeld, err}
	}
	if err != nil {
		return err
	}
	return h.DataWriter.Write(q)
}

// Flush implements [rdfio.DataWriter].
func (h *heldWriter) Flush() error {
	err := h.DataWriter.Flush()
	if _, form := errors.AsType[*jsonld.Error](err); form {
		return &otherForm{ErrForm, err}
	}
	if errors.Is(err, rdf.ErrLimit) {
		return &otherForm{ErrHeld, err}
	}
	return err
}

// quadLines writes N-Quads without a look at the terms: those of a store are well formed.
type quadLines struct{ *bufio.Writer }

// Write implements [rdfio.DataWriter].
func (l quadLines) Write(q rdf.Quad) error {
	_, err := l.Writer.Write(nquads.AppendQuad(l.AvailableBuffer(), q))
	return err
}

// eachQuad calls fn for the quads of a shard that are asked for.
func (g *Graph) eachQuad(ctx context.Context, s int, end uint64, of Selection, fn func(rdf.Quad) error) (engine.Mark, error) {
	v, at, err := g.ViewAt(ctx, s, end)
	if err != nil {
		return at, err
	}
	defer v.Close()
	p, ok, err := of.pattern(v)
	if err != nil || !ok {
		return at, err
	}
	n := 0
	for q, err := range store.Quads(v, p) {
		if n++; err == nil && n%checkQuads == 0 {
			err = ctx.Err()
		}
		if err == nil {
			err = fn(q)
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

// checkQuads is the number of quads between two looks at the context.
const checkQuads = 1024

// View returns the shard's quads at the end of its log as it is at the call or later, so that whatever was accepted before is
// in it, and the mark of the last record in them. The caller closes the view. The node reads its own copy of the shard where
// that is as far, else it makes one. Errors are those of the engine, such as [engine.ErrDamaged].
func (g *Graph) View(ctx context.Context, shard int) (store.View, engine.Mark, error) {
	end, err := g.End(ctx, shard)
	if err != nil {
		return nil, engine.Mark{}, err
	}
	return g.ViewAt(ctx, shard, end)
}

// ViewAt is View for who knows a position of the log at which, or behind which, the quads may be.
func (g *Graph) ViewAt(ctx context.Context, shard int, end uint64) (store.View, engine.Mark, error) {
	v, at, err := g.Node.ViewAt(ctx, shard, end)
	if err != nil {
		return nil, at, err
	}
	quads, err := quadsOf(v)
	return quads, at, err
}

// SearchedViewAt is ViewAt for who looks for the quads of single subjects, or the like. A shard in memory gets an index when that is asked
// for the first time, and keeps it: each look would else be one at all quads. It is waited for until ctx ends.
func (g *Graph) SearchedViewAt(ctx context.Context, shard int, end uint64) (store.View, engine.Mark, error) {
	return g.searched(ctx, shard, end, true)
}

// quadsOf returns a view of a shard as one of quads.
func quadsOf(v operator.View) (store.View, error) {
	quads, ok := v.(store.View)
	if !ok {
		v.Close()
		return nil, errors.New("the logic of this graph shows no quads")
	}
	return quads, nil
}
