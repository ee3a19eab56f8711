// Package poll is a [connector.Source] that asks for a document again and again, over HTTP: one of changes, each version of which
// is committed, or a state, which a graph of the pipeline is made to be.
//
// A server that gives the document an ETag or a Last-Modified is asked only for what is new (RFC 9110, 13.1). Where it doesn't,
// and after a restart, the content tells: what was committed last isn't committed again. Nothing makes versions of a document
// come in order, or each be seen; so a message has no identity, and after a crash the newest version may be committed once
// more.
package poll

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/connector/internal/entry"
	"github.com/quadrille-stream/quadrille/connector/internal/mirror"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Config configures a [Source].
type Config struct {
	// Config is the address of the document, and how it is asked for.
	endpoint.Config
	// Every is the pause between two requests. Default 1 minute.
	Every time.Duration
	// Accept is the header that says which media types are taken. Default */*.
	Accept string
	// MediaType is that of the document, whatever the server says. Default: what it says.
	MediaType string
	// MaxBody bounds the document in bytes, after decompression. Default 64 MiB.
	MaxBody int64
	// State, unless it is nil, says that the document is a state, and what is made of it.
	State *State
}

// State says which graph of the pipeline is to be what the document says.
type State struct {
	// Graph is that graph; the zero term is the default graph. Nobody else may write to it.
	Graph rdf.Term
	// Keep leaves in the graph what the document doesn't have.
	Keep bool
	// Refuse makes blank nodes an error.
	Refuse bool
	// Have hands over the quads that the pipeline has, of the graph at least. They are valid until fn returns. Required.
	Have func(ctx context.Context, fn func(rdf.Quad) error) error
	// Read hands over the quads of a document, which are valid until fn returns. Required.
	Read func(document connector.Message, fn func(rdf.Quad) error) error
	// MaxHeld bounds the quads of the pipeline that are held at one time. Default 200,000.
	MaxHeld int
}

// Source asks for a document. Make it with [New]. It may be used concurrently.
type Source struct {
	cfg   Config
	pause endpoint.Pause
}

var _ connector.Source = (*Source)(nil)

// New checks the configuration and returns a source; it connects to nothing.
func New(cfg Config) (*Source, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Every == 0 {
		cfg.Every = time.Minute
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 64 << 20
	}
	if cfg.Accept == "" {
		cfg.Accept = "*/*"
	}
	if cfg.Every < 0 || cfg.MaxBody < 0 {
		return nil, fmt.Errorf("a pause of %v, a document of %d bytes: expected more than 0", cfg.Every, cfg.MaxBody)
	}
	return &Source{cfg: cfg}, nil
}

// Seen is the stream of the messages that note what was committed: a patch without rows, whatever the document is.
const Seen = "seen"

// Open asks for the document, for the first time: so a server that doesn't answer shows while the source is being opened.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	next, found, err := progress.Next(ctx, Seen)
	if err != nil {
		return nil, err
	}
	if err := s.pause.Wait(ctx); err != nil {
		return nil, err
	}
	f := &fetcher{source: s, client: s.cfg.Connect()}
	if _, err := f.fetch(ctx); err != nil {
		f.client.Close()
		return nil, err
	}
	if s.cfg.State != nil {
		return s.openState(ctx, progress, f)
	}
	r := &reader{f: f, fetched: true, ending: ending.New(ctx)}
	if found {
		r.seen = seenBefore(next - 1)
	}
	r.newest.Store(r.seen.offset())
	return r, nil
}

// fetcher asks for the document, and keeps the newest. It is used by one goroutine.
type fetcher struct {
	source *Source
	client *endpoint.Client
	// etag and modified are the validators of the newest document, as the server gave them.
	etag, modified string
	document       connector.Message
}

// fetch asks for the document, and reports whether it is another one than before, as far as the server says.
func (f *fetcher) fetch(ctx context.Context) (changed bool, err error) {
	defer func() { f.source.pause.Note(err) }()
	cfg := &f.source.cfg
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.URL, nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Accept", cfg.Accept)
	if f.etag != "" {
		r.Header.Set("If-None-Match", f.etag)
	} else if f.modified != "" {
		r.Header.Set("If-Modified-Since", f.modified)
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotModified {
		return false, nil
	}
	body, err := endpoint.Document(r, answer, cfg.MaxBody)
	if err != nil {
		return false, err
	}
	f.take(answer.Header, body)
	return true, nil
}

// take makes a message of an answer.
func (f *fetcher) take(header http.Header, body []byte) {
	f.etag, f.modified = header.Get("ETag"), header.Get("Last-Modified")
	media := f.source.cfg.MediaType
	if media == "" {
		media, _, _ = mime.ParseMediaType(header.Get("Content-Type"))
	}
	f.document = connector.Message{MediaType: media, Body: entry.Unguarded(media, body), Vars: f.vars()}
	modified, err := http.ParseTime(f.modified)
	if err == nil {
		f.document.Time = modified
	}
	// What was changed in the second in which it was read may be changed once more in it (RFC 9110, 8.8.2.2).
	if date, dateErr := http.ParseTime(header.Get("Date")); err != nil || dateErr != nil || date.Sub(modified) < 2*time.Second {
		f.modified = ""
	}
}

// vars is what the server says besides the document.
func (f *fetcher) vars() iter.Seq2[string, string] {
	vars := [...][2]string{{"url", f.source.cfg.URL}, {"etag", f.etag}, {"last-modified", f.modified}}
	return func(yield func(string, string) bool) {
		for _, v := range vars {
			if v[1] != "" && !yield(v[0], v[1]) {
				return
			}
		}
	}
}

// seen is which document was committed last: how many there were, and the beginning of its hash. Together they are the offset
// of a message, which grows.
type seen struct {
	count, print uint32
}

func seenBefore(offset uint64) seen { return seen{uint32(offset >> 32), uint32(offset)} }

func (s seen) offset() uint64 { return uint64(s.count)*perDocument | uint64(s.print) }

// perDocument is by how much offsets grow for each document at least.
const perDocument = 1 << 32

// note is the message that notes it.
func (s seen) note() connector.Message {
	return connector.Message{Stream: Seen, Offset: s.offset(), MediaType: patch.MediaType, Body: patch.OneTransaction(nil)}
}

// next is the one that a document would be.
func (s seen) next(m *connector.Message) seen {
	sum := sha256.New()
	sum.Write([]byte(m.MediaType + "\n"))
	sum.Write(m.Body)
	return seen{s.count + 1, binary.BigEndian.Uint32(sum.Sum(nil))}
}

// reader hands over each document that differs from the one before, and then a note of which it was.
type reader struct {
	f       *fetcher
	fetched bool          // the document was not looked at yet
	seen    seen          // the document handed over last
	newest  atomic.Uint64 // its offset
	ending  *ending.Ending
}

// Read waits for another document.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	asking, done := r.ending.Within(ctx)
	defer done()
	for {
		if r.fetched {
			if next := r.seen.next(&r.f.document); r.seen.count == 0 || next.print != r.seen.print {
				r.seen = next
				r.newest.Store(next.offset())
				return []connector.Message{r.f.document, next.note()}, nil
			}
		}
		err := clock.Sleep(asking, r.f.source.cfg.Every)
		if err == nil {
			r.fetched, err = r.f.fetch(asking)
		}
		if err = cmp.Or(r.ending.Why(ctx), err); err != nil {
			return nil, err
		}
	}
}

var _ connector.Lagger = (*reader)(nil)

// Extents tells whether the document that was had last is committed: nobody knows of those that came and went.
func (r *reader) Extents(context.Context) ([]connector.Extent, error) {
	return []connector.Extent{{Stream: Seen, End: r.newest.Load() + 1, Per: perDocument}}, nil
}

// Ack has nothing to tell.
func (r *reader) Ack(context.Context, []connector.Message) error { return nil }

// Close ends a request under way.
func (r *reader) Close() error {
	r.ending.Close()
	r.f.client.Close()
	return nil
}

// openState copies the document that was fetched into the graph, and each that is another one.
func (s *Source) openState(ctx context.Context, progress connector.Progress, f *fetcher) (connector.Reader, error) {
	state := s.cfg.State
	r, err := mirror.Open(ctx, progress, mirror.Config{
		Every: s.cfg.Every, Keep: state.Keep, MaxHeld: state.MaxHeld, Look: f.fetch, Close: f.client.Close,
		Have: func(ctx context.Context, fn func(rdf.Quad) error) error {
			return state.Have(ctx, func(q rdf.Quad) error {
				if q.G != state.Graph {
					return nil
				}
				return fn(q)
			})
		},
		There: func(ctx context.Context, fn func(rdf.Quad) error) error { return s.there(ctx, &f.document, fn) },
	})
	if err != nil {
		f.client.Close()
	}
	return r, err
}

// there hands over the quads of a document, which are to be in the graph.
func (s *Source) there(ctx context.Context, document *connector.Message, fn func(rdf.Quad) error) error {
	state := s.cfg.State
	err := state.Read(*document, func(q rdf.Quad) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if q.G.IsZero() {
			q.G = state.Graph
		}
		if q.G != state.Graph {
			return fmt.Errorf("it has the graph %s beside the one that it is the state of", q.G)
		}
		if state.Refuse {
			if _, err := patch.BlankPolicy(patch.RefuseBlanks).Name(q); err != nil {
				return err
			}
		}
		return fn(q)
	})
	if err != nil && ctx.Err() == nil {
		return connector.GiveUpf("the document of %s can't be taken for a state: %w; put it right there, or take it for changes (what: changes)", s.cfg.URL, err)
	}
	return err
}
