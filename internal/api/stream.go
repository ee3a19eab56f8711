package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
)

// CursorHeader is the header, or for what ends by itself the trailer, that holds the cursor from which a reader goes
// on: the text form of [engine.Cursor].
//
// A cursor of more than 2,048 bytes, which clients don't take as a trailer, is a comment at the end of the body instead:
// "# Quadrille-Cursor: CURSOR". (In an event stream the last id is the cursor anyway.)
const CursorHeader = "Quadrille-Cursor"

// maxTrailer bounds the bytes of a trailer.
const maxTrailer = 2048

// MissingHeader is the trailer of /v1/data?partial=true that holds the numbers of the shards that are missing.
const MissingHeader = "Quadrille-Missing"

const (
	typeEvents = "text/event-stream"
	// streamBuffer is how much is written at once while there is more to come.
	streamBuffer = 64 << 10
	// cursorShards is the number of shards up to which each event has its cursor. With more, which would make the cursors
	// longer than the events, it comes only when the writing pauses.
	cursorShards = 64
)

// getChanges gives out the logs. Parameters: from=start|now|CURSOR (default start; the header Last-Event-ID, with which
// a browser resumes, goes before it), shard=N (again for more; default all), live=true|false.
//
// As text/event-stream each record is an event whose id is the cursor behind it and whose data is a [client.Change]; it is
// live unless told otherwise. With more than 64 shards the ids come in events of their own, without data, whenever the
// writing pauses; a client makes the cursor behind each event itself, of the shard, position and id in it. As
// application/rdf-patch, the default, the records are an RDF Patch log, each after a comment "# shard S position P"; it
// ends at the present unless it is told to be live.
//
// A cursor from which nobody can read on is answered with 410 and the code "cursor". A shard that is damaged doesn't stop
// the others: an event "error" with the number as "shard", or a comment, tells that it is missing from there on. An RDF
// Patch that isn't live is then cut off at its end.
func (a *API) getChanges(w http.ResponseWriter, r *http.Request) {
	events, p := wantsEvents(r.Header.Values("Accept"))
	if p != nil {
		p.write(w)
		return
	}
	options, p := a.followOptions(r, events)
	if p != nil {
		p.write(w)
		return
	}
	release, p := a.openStream()
	if p != nil {
		p.write(w)
		return
	}
	defer release()
	s := newStream(w, a.cfg, events, options)
	options.Failed = s.failed
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		s.pump(ctx)
		cancel() // the client takes nothing any more
	}()
	err := a.node.Follow(ctx, options, s.record)
	cancel()
	<-pumped
	s.end(err, r.Context().Err() != nil || a.closing.Err() != nil)
}

// wantsEvents reads what the client accepts: an event stream, or an RDF Patch.
func wantsEvents(accept []string) (bool, *problem) {
	if len(accept) == 0 {
		return false, nil
	}
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case typeEvents:
			return true, nil
		case typePatch, "application/*", "*/*":
			return false, nil
		}
	}
	return false, newProblem(http.StatusNotAcceptable, "not_acceptable", "/v1/changes gives %s and %s",
		typePatch, typeEvents)
}

func (a *API) followOptions(r *http.Request, events bool) (o node.FollowOptions, _ *problem) {
	query := r.URL.Query()
	o.Live = events
	if text := query.Get("live"); text != "" {
		live, err := strconv.ParseBool(text)
		if err != nil {
			return o, newProblem(http.StatusBadRequest, "bad_parameter", "live=%q: expected true or false", text)
		}
		o.Live = live
	}
	shards := len(a.node.Status().Shards)
	for _, text := range query["shard"] {
		s, err := strconv.Atoi(text)
		if err != nil || s < 0 || s >= shards {
			return o, newProblem(http.StatusBadRequest, "bad_parameter",
				"shard=%q: expected a number from 0 to %d", text, shards-1)
		}
		if !slices.Contains(o.Shards, s) {
			o.Shards = append(o.Shards, s)
		}
	}
	from := query.Get("from")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		from = last
	}
	return o, a.setFrom(r.Context(), &o, from)
}

func (a *API) setFrom(ctx context.Context, o *node.FollowOptions, from string) *problem {
	var err error
	switch from {
	case "", "start":
		o.From = engine.Cursor{}
	case "now":
		if o.From, err = a.node.Tails(ctx); err != nil {
			p := newProblem(http.StatusServiceUnavailable, "tails", "read where the logs end: %v", err)
			p.header.Set("Retry-After", "1")
			return p
		}
	default:
		return a.setCursor(ctx, o, from)
	}
	onlyShards(o)
	return nil
}

// setCursor reads and checks a cursor.
func (a *API) setCursor(ctx context.Context, o *node.FollowOptions, text string) *problem {
	cursor, err := engine.ParseCursor(text)
	if err != nil {
		return newProblem(http.StatusBadRequest, "bad_parameter", "from: expected start, now or a cursor: %v", err)
	}
	shards := len(a.node.Status().Shards)
	for s := range cursor {
		if s >= shards {
			return newProblem(http.StatusBadRequest, "bad_parameter",
				"from: the cursor has shard %d, but the pipeline has shards 0 to %d", s, shards-1)
		}
	}
	o.From = cursor
	onlyShards(o)
	if o.From, err = a.node.Resolve(ctx, o.From); err == nil {
		return nil
	}
	if errors.Is(err, node.ErrCursor) {
		return newProblem(http.StatusGone, "cursor", "%v", err)
	}
	p := newProblem(http.StatusServiceUnavailable, "tails", "look up the cursor in the logs: %v", err)
	p.header.Set("Retry-After", "1")
	return p
}

// onlyShards takes out of the cursor what is not read.
func onlyShards(o *node.FollowOptions) {
	if o.Shards != nil {
		maps.DeleteFunc(o.From, func(s int, _ engine.Mark) bool { return !slices.Contains(o.Shards, s) })
	}
}

// stream writes records to one client. Records come from one goroutine, pump runs in another.
type stream struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	timeout  time.Duration // to take what was written
	interval time.Duration // of heartbeats
	events   bool
	live     bool
	written  chan struct{} // holds a value when there is something to flush

	mu     sync.Mutex // guards what follows, and w
	out    *bufio.Writer
	cursor engine.Cursor
	idOwed bool // records were written since the last id
	lost   bool // a shard is missing
	err    error
}

func newStream(w http.ResponseWriter, cfg Config, events bool, o node.FollowOptions) *stream {
	s := &stream{
		w:        w,
		rc:       http.NewResponseController(w),
		timeout:  cfg.WriteTimeout,
		interval: cfg.Heartbeat,
		events:   events,
		live:     o.Live,
		written:  make(chan struct{}, 1),
		out:      bufio.NewWriterSize(w, streamBuffer),
		cursor:   maps.Clone(o.From),
	}
	header := w.Header()
	header.Set("Content-Type", typePatch)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no") // a proxy must not hold records back
	if events {
		header.Set("Content-Type", typeEvents)
	}
	header.Set("Trailer", CursorHeader)
	s.mu.Lock()
	defer s.mu.Unlock()
	if events {
		// An event without data sets the client's last id and is not dispatched: a client that loses the connection
		// before the first record resumes from where it began. Before that, tell it to come back soon.
		fmt.Fprintf(s.out, "retry: 1000\nid: %s\n\n", s.cursor)
	}
	s.flush()
	return s
}

// record writes one record.
func (s *stream) record(rec node.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.extend()
	s.cursor[rec.Shard] = engine.Mark{Position: rec.Position, ID: rec.ID}
	var err error
	if s.events {
		err = s.event(rec)
	} else {
		fmt.Fprintf(s.out, "# shard %d position %d\n", rec.Shard, rec.Position)
		_, err = s.out.Write(rec.Raw)
	}
	if err != nil {
		s.err = fmt.Errorf("write to the client: %w", err)
		return s.err
	}
	select {
	case s.written <- struct{}{}:
	default:
	}
	return nil
}

func (s *stream) event(rec node.Record) error {
	change := client.Change{Shard: rec.Shard, Position: rec.Position, ID: rec.ID, Prev: rec.Prev, Time: rec.Time,
		Patch: string(rec.Body)}
	change.Adds, change.Deletes = countRows(rec.Body)
	data, err := marshal(change)
	if err != nil {
		return err
	}
	if len(s.cursor) > cursorShards {
		s.idOwed = true
		_, err = fmt.Fprintf(s.out, "data: %s\n\n", data)
		return err
	}
	_, err = fmt.Fprintf(s.out, "id: %s\ndata: %s\n\n", s.cursor, data)
	return err
}

// failed tells that a shard can't be read any further; the others go on.
func (s *stream) failed(shard int, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	s.extend()
	if !s.events {
		fmt.Fprintf(s.out, "# shard %d is missing from here on: %s\n", shard, oneLine(err))
		return s.err
	}
	p := followProblem(err)
	p.Error.Shard = &shard
	s.errorEvent(p)
	return s.err
}

// followProblem is what an event "error" holds.
func followProblem(err error) *problem {
	switch {
	case errors.Is(err, node.ErrCursor):
		return newProblem(http.StatusGone, "cursor", "%v", err)
	case errors.Is(err, engine.ErrDamaged):
		return newProblem(http.StatusInternalServerError, "damaged", "%v", err)
	}
	return newProblem(http.StatusInternalServerError, "follow", "%v", err)
}

func (s *stream) errorEvent(p *problem) {
	data, _ := marshal(p) // of strings and numbers: it can't fail
	fmt.Fprintf(s.out, "event: error\ndata: %s\n\n", data)
	select {
	case s.written <- struct{}{}:
	default:
	}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// countRows counts the rows of a record's body, of which there is one a line.
func countRows(body []byte) (adds, deletes int) {
	for line := range bytes.Lines(body) {
		switch {
		case bytes.HasPrefix(line, []byte("A ")):
			adds++
		case bytes.HasPrefix(line, []byte("D ")):
			deletes++
		}
	}
	return adds, deletes
}

// extend gives the client its time to take what is written from now on.
func (s *stream) extend() { _ = s.rc.SetWriteDeadline(time.Now().Add(s.timeout)) }

func (s *stream) flush() {
	s.extend()
	if s.idOwed {
		s.idOwed = false
		fmt.Fprintf(s.out, "id: %s\n\n", s.cursor)
	}
	err := s.out.Flush()
	if err == nil {
		err = s.rc.Flush()
	}
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("write to the client: %w", err)
	}
}

// pump sends on what was written, as soon as the writing pauses or the buffer is full, and heartbeats to a live client,
// until ctx ends or the client takes no more.
func (s *stream) pump(ctx context.Context) {
	beat := time.NewTicker(s.interval)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.written:
			beat.Reset(s.interval)
			if !s.locked(s.flush) {
				return
			}
		case <-beat.C:
			if s.live && !s.locked(s.heartbeat) {
				return
			}
		}
	}
}

func (s *stream) heartbeat() {
	comment := "# still here\n"
	if s.events {
		comment = ": still here\n\n"
	}
	_, _ = s.out.WriteString(comment) // its error stays, and flush meets it
	s.flush()
}

// locked calls fn and reports whether the client still takes what is written.
func (s *stream) locked(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	return s.err == nil
}

// end writes what is left. gone says that the end was asked for, by the client or by the server's shutdown. A failed
// stream of RDF Patch is cut off, so that nobody takes it for a whole one.
func (s *stream) end(err error, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		panic(http.ErrAbortHandler)
	case gone, err == nil && (s.events || !s.lost):
	case s.events:
		s.errorEvent(followProblem(err))
	default:
		s.flush()
		panic(http.ErrAbortHandler)
	}
	cursor := s.cursor.String()
	if len(cursor) <= maxTrailer {
		s.w.Header().Set(CursorHeader, cursor)
	} else if !s.events {
		fmt.Fprintf(s.out, "# %s: %s\n", CursorHeader, cursor)
	}
	s.flush()
}

// getData gives out the quads of all shards, with the cursor from which to follow them as a trailer.
//
// When it is known before the first byte that shards can't be read, the answer is 503 with the code "incomplete", which
// names them; with partial=true it is the other shards' quads. When that shows later, the others follow all the same,
// then a comment that names the shards; without partial=true the connection is then cut off, so that nobody takes a part
// for the whole, and with it the numbers stand in the trailer Quadrille-Missing.
func (a *API) getData(w http.ResponseWriter, r *http.Request) {
	var o graph.DataOptions
	if text := r.URL.Query().Get("partial"); text != "" {
		var err error
		if o.Partial, err = strconv.ParseBool(text); err != nil {
			newProblem(http.StatusBadRequest, "bad_parameter", "partial=%q: expected true or false", text).write(w)
			return
		}
	}
	release, p := a.openStream()
	if p != nil {
		p.write(w)
		return
	}
	defer release()
	w.Header().Set("Content-Type", typeNQuads)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Trailer", CursorHeader+", "+MissingHeader)
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	a.writeData(ctx, w, o)
}

func (a *API) writeData(ctx context.Context, w http.ResponseWriter, o graph.DataOptions) {
	out := &lazyWriter{w: w, rc: http.NewResponseController(w), timeout: a.cfg.WriteTimeout}
	buffered := bufio.NewWriterSize(out, streamBuffer)
	cursor, err := a.node.WriteData(ctx, buffered, o)
	missing, partial := errors.AsType[*graph.MissingError](err)
	text := cursor.String()
	if len(text) > maxTrailer && (err == nil || partial && o.Partial) {
		fmt.Fprintf(buffered, "# %s: %s\n", CursorHeader, text) // its error stays, and Flush meets it
	}
	if err == nil || partial && (o.Partial || out.begun) {
		err = errors.Join(err, buffered.Flush())
	}
	switch {
	case err == nil:
	case partial && o.Partial && ctx.Err() == nil:
		w.Header().Set(MissingHeader, strings.Trim(fmt.Sprint(missing.Shards), "[]"))
	case !out.begun:
		w.Header().Del("Trailer")
		a.dataProblem(err, partial).write(w)
		return
	default:
		a.cfg.Logger.Warn("data cut off", "error", err)
		_ = out.rc.Flush() // what was written tells which shards are missing
		panic(http.ErrAbortHandler)
	}
	if len(text) <= maxTrailer {
		w.Header().Set(CursorHeader, text)
	}
}

func (a *API) dataProblem(err error, partial bool) *problem {
	a.cfg.Logger.Error("data", "error", err)
	if partial {
		return newProblem(http.StatusServiceUnavailable, "incomplete", "%s; ?partial=true gives the others", oneLine(err))
	}
	p := newProblem(http.StatusServiceUnavailable, "data", "read the quads of all shards: %v", err)
	p.header.Set("Retry-After", "1")
	return p
}

// lazyWriter writes to a client that has its time for each write, and remembers whether anything was written.
type lazyWriter struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	begun   bool
}

func (l *lazyWriter) Write(b []byte) (int, error) {
	l.begun = true
	_ = l.rc.SetWriteDeadline(time.Now().Add(l.timeout))
	return l.w.Write(b)
}
