package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/node"
)

// following is what a reader of /v1/changes asks for.
type following struct {
	media    string
	pipeline string
	options  node.FollowOptions
	only     graph.Selection
}

// getChanges gives out the logs.
//
// As text/event-stream each record is an event whose id is the cursor behind it and whose data is a [client.Change]; it is
// live unless told otherwise. With more than 64 shards the ids come in events of their own, without data, whenever the
// writing pauses; a client makes the cursor behind each event itself, of the shard, position and id in it. As
// application/rdf-patch, the default, each record is a patch of its shard's log ([patch.Entry]: headers and one transaction),
// after a comment "# shard S position P"; it ends at the present unless it is told to be live. So are they in binary form, without
// comments, and never live.
//
// With graph, subject or predicate, what falls outside is left out of each record, and a record of which nothing is left isn't
// sent. Then the cursor moves on all the same: it comes with the next heartbeat, in an event without data or in a comment.
//
// A cursor from which nobody can read on is answered with 410 and the code "cursor". A shard that is damaged doesn't stop
// the others: an event "error" with the number as "shard", or a comment, tells that it is missing from there on. An RDF
// Patch that isn't live is then cut off at its end.
//
// Where its token is taken away, or the right to read, a stream ends within a second or two, also one that isn't live: with an event
// "error" of the code "unauthorized" or "forbidden", or cut off, behind a comment.
func (a *API) getChanges(w http.ResponseWriter, r *http.Request, args args) {
	f, p := a.following(r, args)
	if p != nil {
		p.write(w)
		return
	}
	release, p := take(a.readers, "readers of changes are connected")
	if p != nil {
		p.write(w)
		return
	}
	defer release()
	s := newStream(w, a.cfg, f)
	s.admitted = func() *problem { return a.cfg.Access.admit(r, access.Read, false) }
	if r.Method == http.MethodHead {
		return
	}
	s.begin()
	f.options.Failed = s.failed
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		s.pump(ctx)
		cancel() // the client takes nothing any more
	}()
	err := a.node.Follow(ctx, f.options, s.record)
	cancel()
	<-pumped
	if p := s.end(err, r.Context().Err() != nil || a.closing.Err() != nil); p != nil {
		p.write(w)
	}
}

// following reads a request.
func (a *API) following(r *http.Request, args args) (f following, p *problem) {
	offers := []string{typePatch, typeBinaryPatch, typeEvents}
	if f.media, p = acceptable(r.Header.Values("Accept"), offers, "/v1/changes"); p != nil {
		return f, p
	}
	status := a.node.Status()
	f.pipeline, f.only = status.Pipeline, selectionOf(args)
	live, told := arg[bool](args, "live")
	f.options.Live = live || !told && f.media == typeEvents
	if f.options.Live && f.media == typeBinaryPatch {
		return f, newProblem("bad_parameter",
			"live: the binary form has no heartbeats, which show that a stream is open; accept %s or %s", typePatch, typeEvents)
	}
	for _, s := range args["shard"] {
		number, _ := s.(int)
		if number >= len(status.Shards) {
			return f, newProblem("bad_parameter", "shard=%d: the pipeline has shards 0 to %d", number, len(status.Shards)-1)
		}
		if !slices.Contains(f.options.Shards, number) {
			f.options.Shards = append(f.options.Shards, number)
		}
	}
	begin, _ := arg[from](args, "from")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		value, err := parseFrom(last)
		if err != nil {
			return f, newProblem("bad_parameter", "the header Last-Event-ID: expected %s: %v", kindFrom.expects, err)
		}
		begin, _ = value.(from)
	}
	return f, a.setFrom(r.Context(), &f, begin, len(status.Shards))
}

// setFrom has the logs read from there.
func (a *API) setFrom(ctx context.Context, f *following, begin from, shards int) (p *problem) {
	if p := f.check(begin, shards); p != nil {
		return p
	}
	var err error
	if begin.now {
		if f.options.From, err = a.node.Tails(ctx); err != nil {
			return newProblem("tails", "read where the logs end: %v", err).retry("1")
		}
		f.onlyShards()
		return nil
	}
	if begin.last > 0 {
		if f.options.From, err = a.node.Before(ctx, begin.last); err != nil {
			return newProblem("tails", "look for where to begin in the logs: %v", err).retry("1")
		}
		f.onlyShards()
		return nil
	}
	f.options.From = begin.cursor.Cursor
	if f.options.From == nil {
		f.options.From = engine.Cursor{}
	}
	f.onlyShards()
	switch f.options.From, err = a.node.Resolve(ctx, f.options.From); {
	case errors.Is(err, node.ErrCursor):
		return newProblem("cursor", "%v; begin with start or now, or with a cursor that a node of this pipeline has handed out", err)
	case err != nil:
		return newProblem("tails", "look up the cursor in the logs: %v", err).retry("1")
	}
	return nil
}

// check compares a cursor with the pipeline.
func (f *following) check(begin from, shards int) *problem {
	if of := begin.cursor.Pipeline; of != "" && of != f.pipeline {
		return newProblem("cursor", "the cursor is of the pipeline %q, and this is a node of %q; ask a node of %q, or begin with start "+
			"or now", of, f.pipeline, of)
	}
	for _, s := range slices.Sorted(maps.Keys(begin.cursor.Cursor)) {
		if s >= shards {
			return newProblem("bad_parameter", "from: the cursor has shard %d, but the pipeline has shards 0 to %d", s, shards-1)
		}
	}
	return nil
}

// onlyShards takes out of the cursor what is not read.
func (f *following) onlyShards() {
	if shards := f.options.Shards; shards != nil {
		maps.DeleteFunc(f.options.From, func(s int, _ engine.Mark) bool { return !slices.Contains(shards, s) })
	}
}
