// Package sse is a [connector.Source] that follows a stream of events over HTTP (text/event-stream), whose data are documents of
// changes, RDF Patch for example. A pipeline of one's own kind is better followed with package http.
//
// Where the ids of the events are numbers that grow, they are the identity of the messages, and the place from which to go on,
// which is in the pipeline: each event has its effect once, if the server gives again what came meanwhile. Other ids are
// remembered as long as the process runs, and are no identity: at least once, and what comes while nobody listens is missed
// where the server doesn't keep it.
package sse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/connector/internal/ahead"
	"github.com/quadrille-stream/quadrille/connector/internal/entry"
	"github.com/quadrille-stream/quadrille/patch"
)

// Config configures a [Source].
type Config struct {
	// Config is the address of the stream, and how it is asked for. Its Timeout bounds the time without a byte of it, be it a
	// comment.
	endpoint.Config
	// Events are the names of the events that are taken; others are left out. Default: message, which those have that have none.
	Events []string
	// Sequence says that the ids are numbers, each larger than the one before.
	Sequence bool
	// After is the id to go on after where nothing is known, as the header Last-Event-ID. Default: none.
	After string
	// MediaType is that of the data. Default application/rdf-patch.
	MediaType string
	// MaxEvent bounds the data of an event in bytes; one that has more becomes a dead letter. Default 16 MiB.
	MaxEvent int
	// MaxBatch bounds the bytes that are read ahead. Default 4 MiB.
	MaxBatch int
}

// Source follows a stream. Make it with [New]. It may be used concurrently.
type Source struct {
	cfg   Config
	pause endpoint.Pause

	mu   sync.Mutex
	last string // id of the newest event that was committed, where ids are no numbers
}

var _ connector.Source = (*Source)(nil)

// New checks the configuration and returns a source; it connects to nothing.
func New(cfg Config) (*Source, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if len(cfg.Events) == 0 {
		cfg.Events = []string{"message"}
	}
	if cfg.MediaType == "" {
		cfg.MediaType = patch.MediaType
	}
	if cfg.MaxEvent == 0 {
		cfg.MaxEvent = 16 << 20
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 4 << 20
	}
	if cfg.MaxEvent < 0 || cfg.MaxBatch < 0 {
		return nil, fmt.Errorf("events of %d bytes, %d read ahead: expected more than 0", cfg.MaxEvent, cfg.MaxBatch)
	}
	if _, err := strconv.ParseUint(cfg.After, 10, 64); err != nil && cfg.Sequence && cfg.After != "" {
		return nil, fmt.Errorf("the id to go on after, %q: expected a number", cfg.After)
	}
	return &Source{cfg: cfg, last: cfg.After}, nil
}

// sequence is the stream of messages whose ids are numbers.
const sequence = "id"

// Open asks for the stream, to go on after what is committed.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	if err := s.pause.Wait(ctx); err != nil {
		return nil, err
	}
	r := &reader{source: s, after: s.committed()}
	if s.cfg.Sequence {
		next, found, err := progress.Next(ctx, sequence)
		if err != nil {
			return nil, err
		}
		if found { // so next is not 0
			r.next, r.after = next, strconv.FormatUint(next-1, 10)
		}
	}
	client := s.cfg.Connect()
	following, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	opening := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	answer, err := s.ask(following, client, r.after)
	if !opening() && err == nil {
		err = errors.Join(context.Cause(ctx), answer.Body.Close())
	}
	if err != nil {
		cancel(nil)
		client.Close()
		s.pause.Note(err)
		return nil, err
	}
	r.Reader = ahead.Start(ctx, s.cfg.MaxBatch, func(ctx context.Context, add func(connector.Message) error) error {
		defer client.Close()
		defer cancel(nil)
		defer answer.Body.Close()
		defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
		return r.follow(answer.Body, add)
	})
	return r, nil
}

// committed is the id of the newest event that was.
func (s *Source) committed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// ask asks for the stream.
func (s *Source) ask(ctx context.Context, client *endpoint.Client, after string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.cfg.URL, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", eventStream)
	r.Header.Set("Cache-Control", "no-cache")
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode == http.StatusOK && media == eventStream {
		return answer, nil
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent { // that is how a server says so
		return nil, connector.GiveUpf("%s answers 204: the stream has ended for good; take the source out, or give it another url", s.cfg.URL)
	}
	return nil, connector.GiveUpf("%s answers %d with %q, expected %s; put the url right", s.cfg.URL, answer.StatusCode, media,
		eventStream)
}

const eventStream = "text/event-stream"

// reader follows one connection.
type reader struct {
	*ahead.Reader
	source *Source
	after  string
	next   uint64 // what comes before is committed, where ids are numbers
	begun  bool   // an event has come
	newest uint64 // id of the newest event, where they are numbers

	mu  sync.Mutex
	ids []string // of the messages that are not acked, where they are no numbers
}

// follow hands over events until the stream ends.
func (r *reader) follow(body io.Reader, add func(connector.Message) error) error {
	cfg := &r.source.cfg
	retry := time.Duration(0) // how long to stay away once the stream has ended
	defer func() { r.source.pause.For(retry) }()
	p := newParser(body, cfg.MaxEvent, func(d time.Duration) { retry = d })
	p.id = r.after
	for {
		e, err := p.next()
		switch {
		case err == io.EOF: //nolint:errorlint // around another error it is that of a connection
			return fmt.Errorf("%s: the stream ended", cfg.URL)
		case err != nil:
			return fmt.Errorf("%s: %w", cfg.URL, err)
		}
		if e.name == "" {
			e.name = "message"
		}
		if !slices.Contains(cfg.Events, e.name) {
			continue
		}
		m, known, err := r.message(&e)
		if err == nil && !known {
			r.keep(e.id)
			err = add(m)
		}
		if err != nil {
			return err
		}
	}
}

// message makes a message of an event; known says that it was committed before, and the server has begun earlier than it was
// asked to.
func (r *reader) message(e *event) (m connector.Message, known bool, err error) {
	cfg := &r.source.cfg
	m = connector.Message{MediaType: cfg.MediaType, Body: entry.Unguarded(cfg.MediaType, e.data), Vars: vars(e.name, e.id)}
	if e.large {
		m.Reason = fmt.Sprintf("the event has more than %d bytes, of which these are the first", cfg.MaxEvent)
	}
	if !cfg.Sequence {
		return m, false, nil
	}
	id, err := strconv.ParseUint(e.id, 10, 64)
	if err != nil || !e.own || id == math.MaxUint64 {
		return m, false, connector.GiveUpf("%s: an event has no number of its own as its id, but %q; take them as they are (ids: any)", cfg.URL,
			e.id)
	}
	if r.begun && id <= r.newest {
		return m, false, connector.GiveUpf("%s: the id %d comes after %d: ids must grow; take them as they are (ids: any)", cfg.URL, id, r.newest)
	}
	r.begun, r.newest = true, id
	m.Stream, m.Offset = sequence, id
	return m, id < r.next, nil
}

// vars is what an event says besides its data.
func vars(name, id string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		_ = yield("event", name) && (id == "" || yield("id", id))
	}
}

// keep keeps the id of a message until it is acked. A number stands in the pipeline.
func (r *reader) keep(id string) {
	if r.source.cfg.Sequence {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, id)
}

// Ack remembers the id of the newest event that is committed.
func (r *reader) Ack(_ context.Context, committed []connector.Message) error {
	if r.source.cfg.Sequence {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	r.source.last = r.ids[len(committed)-1]
	r.ids = r.ids[len(committed):]
	return nil
}
