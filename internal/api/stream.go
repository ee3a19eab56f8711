package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/patch"
)

// CursorHeader is the header, or for what ends by itself the trailer, that holds the cursor from which a reader goes
// on: the text form of [client.Cursor].
//
// A cursor of more than 2,048 bytes, which clients don't take as a trailer, is a comment at the end of the body instead:
// "# Quadrille-Cursor: CURSOR". (In an event stream the last id is the cursor anyway.)
const CursorHeader = "Quadrille-Cursor"

// maxTrailer bounds the bytes of a trailer.
const maxTrailer = 2048

const (
	typeEvents = "text/event-stream"
	// streamBuffer is how much is written at once while there is more to come.
	streamBuffer = 64 << 10
	// admitPeriod is the time from one look at whether the client may still read to the next.
	admitPeriod = time.Second
	// cursorShards is the number of shards up to which each event has its cursor. With more, which would make the cursors
	// longer than the events, it comes only when the writing pauses.
	cursorShards = 64
)

// stream writes records to one client. Records come from one goroutine, pump runs in another.
type stream struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	timeout  time.Duration // to take what was written
	interval time.Duration // of heartbeats
	media    string
	live     bool
	only     graph.Selection
	written  chan struct{}   // holds a value when there is something to flush
	admitted func() *problem // why the client may no longer have what it reads; nil: it may

	mu     sync.Mutex // guards what follows, and w
	out    *bufio.Writer
	binary *patch.BinaryWriter // to out, if that is the form
	cursor client.Cursor
	idOwed bool     // the cursor has moved since the client was told
	lost   bool     // a shard is missing
	begun  bool     // the client has the status, or will have
	ended  *problem // what admitted said
	err    error
}

func newStream(w http.ResponseWriter, cfg Config, f following) *stream {
	s := &stream{
		w:        w,
		rc:       http.NewResponseController(w),
		timeout:  cfg.WriteTimeout,
		interval: cfg.Heartbeat,
		media:    f.media,
		live:     f.options.Live,
		only:     f.only,
		written:  make(chan struct{}, 1),
		out:      bufio.NewWriterSize(w, streamBuffer),
		cursor:   client.Cursor{Pipeline: f.pipeline, Cursor: maps.Clone(f.options.From)},
	}
	noStore(w, f.media)
	w.Header().Add("Vary", "Accept")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not hold records back
	w.Header().Set("Trailer", CursorHeader)
	if s.media == typeBinaryPatch {
		s.binary = patch.NewBinaryWriter(s.out)
	}
	return s
}

func (s *stream) events() bool { return s.media == typeEvents }

// begin tells the client where it begins. Of what isn't live the status waits for what there is to read: it may be that nothing can be.
func (s *stream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events() {
		// An event without data sets the client's last id and is not dispatched: a client that loses the connection
		// before the first record resumes from where it began. Before that, tell it to come back soon.
		fmt.Fprintf(s.out, "retry: 1000\nid: %s\n\n", s.cursor)
	}
	if s.live {
		s.flush()
	}
}

// record writes one record.
func (s *stream) record(rec node.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.cursor.Cursor[rec.Shard] = engine.Mark{Position: rec.Position, ID: rec.ID}
	change, text, err := s.chosen(rec)
	if err == nil && text == nil {
		s.idOwed = true // the next heartbeat tells
		return nil
	}
	s.extend()
	if s.begun = true; err == nil {
		err = s.write(change, text)
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

// chosen returns what is asked for of a record, and its text as RDF Patch, nil if that is nothing.
func (s *stream) chosen(rec node.Record) (change client.Change, text []byte, err error) {
	change = client.Change{Shard: rec.Shard, Position: rec.Position, ID: rec.ID, Prev: rec.Prev, Time: rec.Time}
	if s.only.All() {
		if s.events() {
			change.Patch = string(rec.Body)
			change.Adds, change.Deletes = patch.CountRows(rec.Body)
			return change, rec.Body, nil
		}
		return change, patch.Entry{ID: rec.ID, Prev: rec.Prev, Shard: rec.Shard, Time: rec.Time, Rows: rec.Body}.Append(nil), nil
	}
	part, err := selectRows(rec.Body, s.only)
	change.Patch, change.Adds, change.Deletes, change.Filtered = string(part.text), part.adds, part.deletes, true
	return change, part.text, err
}

func (s *stream) write(change client.Change, text []byte) error {
	switch {
	case s.events():
		return s.event(change)
	case s.binary != nil:
		if err := patch.Parse(text, s.binary, patch.Trusted()); err != nil { // an owner has written it
			return err
		}
		return s.binary.Flush()
	}
	fmt.Fprintf(s.out, "# shard %d position %d\n", change.Shard, change.Position)
	_, err := s.out.Write(text)
	return err
}

func (s *stream) event(change client.Change) error {
	data, err := marshal(change)
	if err != nil {
		return err
	}
	if len(s.cursor.Cursor) > cursorShards {
		s.idOwed = true
		_, err = fmt.Fprintf(s.out, "data: %s\n\n", data)
		return err
	}
	s.idOwed = false
	_, err = fmt.Fprintf(s.out, "id: %s\ndata: %s\n\n", s.cursor, data)
	return err
}

// failed tells that a shard can't be read any further; the others go on.
func (s *stream) failed(shard int, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	s.extend()
	switch {
	case s.events():
		p := followProblem(err)
		p.Shard = &shard
		s.errorEvent(p)
	case s.binary == nil:
		fmt.Fprintf(s.out, "# shard %d is missing from here on: %s\n", shard, oneLine(err))
	}
	return s.err
}

// followProblem is what an event "error" holds, or the answer where nothing was read.
func followProblem(err error) *problem {
	switch {
	case errors.Is(err, node.ErrCursor):
		return newProblem("cursor", "%v", err)
	case errors.Is(err, engine.ErrDamaged):
		return newProblem("damaged", "%v", err)
	case errors.Is(err, engine.ErrNoLeader):
		return newProblem("tails", "read the logs to their ends: %v", err).retry("1")
	}
	return newProblem("follow", "%v", err)
}

func (s *stream) errorEvent(p *problem) {
	data, _ := marshal(p.Problem) // of strings and numbers: it can't fail
	fmt.Fprintf(s.out, "event: error\ndata: %s\n\n", data)
	select {
	case s.written <- struct{}{}:
	default:
	}
}

// refuse ends a stream of whom may no longer read it.
func (s *stream) refuse(p *problem) {
	if s.events() {
		s.errorEvent(p)
		return
	}
	if s.binary == nil {
		fmt.Fprintf(s.out, "# ended: %s\n", p.Detail)
	}
	s.flush()
	panic(http.ErrAbortHandler)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// extend gives the client its time to take what is written from now on.
func (s *stream) extend() { _ = s.rc.SetWriteDeadline(time.Now().Add(s.timeout)) }

func (s *stream) flush() {
	s.begun = true
	s.extend()
	if s.idOwed && s.events() {
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
// until ctx ends, the client takes no more, or may have no more.
func (s *stream) pump(ctx context.Context) {
	beat, look := time.NewTicker(s.interval), time.NewTicker(admitPeriod)
	defer beat.Stop()
	defer look.Stop()
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
		case <-look.C:
			if p := s.admitted(); p != nil {
				s.locked(func() { s.ended = p })
				return
			}
		}
	}
}

// heartbeat shows that the stream is open, and where it is if the client wasn't told.
func (s *stream) heartbeat() {
	comment := "# still here\n"
	switch {
	case s.events():
		comment = ": still here\n\n"
	case s.idOwed:
		s.idOwed = false
		comment = fmt.Sprintf("# %s: %s\n", CursorHeader, s.cursor)
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
// stream of RDF Patch, or one whose reader may have no more, is cut off, so that nobody takes it for a whole one; of one that has not begun, the problem is returned.
func (s *stream) end(err error, gone bool) *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		panic(http.ErrAbortHandler)
	case s.ended != nil && !s.begun && !s.events():
		s.w.Header().Del("Trailer")
		return s.ended
	case s.ended != nil:
		s.refuse(s.ended)
	case gone, err == nil && (s.events() || !s.lost):
	case err != nil && !s.begun:
		s.w.Header().Del("Trailer")
		return followProblem(err)
	case s.events():
		s.errorEvent(followProblem(err))
	default:
		s.flush()
		panic(http.ErrAbortHandler)
	}
	cursor := s.cursor.String()
	switch {
	case len(cursor) <= maxTrailer:
		s.w.Header().Set(CursorHeader, cursor)
	case s.media == typePatch:
		fmt.Fprintf(s.out, "# %s: %s\n", CursorHeader, cursor)
	}
	s.flush()
	return nil
}
