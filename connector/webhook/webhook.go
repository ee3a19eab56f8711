// Package webhook is a [connector.Sink] that POSTs deltas to an address, signed as Standard Webhooks says: a delta, what a
// delta has of one subject, or several deltas in one request. Deltas without rows are left out, unless they are asked for.
//
// At least once, in the order of each shard: a request that isn't answered with success is sent again, and nothing behind it
// before. Its id, SHARD:POSITION:ID of the delta's record, is the same then, so that a receiver can drop what it knows. How far
// a shard is the receiver isn't asked: that is the pipeline's to keep ([connector.Placeless]).
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// Request says what one is about.
type Request string

// What a request is about.
const (
	// Delta: one delta.
	Delta Request = "delta"
	// Subject: what a delta has of one subject. A delta without rows is none.
	Subject Request = "subject"
	// Batch: as many deltas as there are, within a bound.
	Batch Request = "batch"
)

// Format is the form of a body.
type Format string

// The forms of a body.
const (
	// Text is RDF Patch: of each delta a document with its headers, or the transaction that is of one subject.
	Text Format = "text"
	// Binary is RDF Patch in its binary form.
	Binary Format = "binary"
	// JSON is an object as in the API's live events; of a batch a list of them.
	JSON Format = "json"
)

// Config configures a [Sink].
type Config struct {
	// Config is the address that is posted to.
	endpoint.Config
	// Secrets sign, each with a signature of its own: whsec_ and 24 to 64 random bytes in base64. At least one.
	Secrets []string
	// Request says what one is about. Default [Delta].
	Request Request
	// Empty: deltas without rows are posted, too, for a receiver that checks that each delta follows the one before. Of one subject
	// they have nothing.
	Empty bool
	// Format is the form of a body. Default [Text].
	Format Format
	// MaxRequest bounds the bytes of rows in a [Batch], unless a delta is larger. Default 1 MiB.
	MaxRequest int
}

// Sink posts the logs of shards. Make it with [New]. It may be used concurrently.
type Sink struct {
	cfg   Config
	keys  [][]byte
	pause endpoint.Pause
}

var _ connector.Placeless = (*Sink)(nil)

// New checks the configuration and returns a sink; it connects to nothing.
func New(cfg Config) (*Sink, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	keys, err := keysOf(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	if cfg.Request == "" {
		cfg.Request = Delta
	}
	if cfg.Format == "" {
		cfg.Format = Text
	}
	if cfg.MaxRequest == 0 {
		cfg.MaxRequest = 1 << 20
	}
	if cfg.MaxRequest < 0 {
		return nil, fmt.Errorf("requests of %d bytes: expected more than 0", cfg.MaxRequest)
	}
	return &Sink{cfg: cfg, keys: keys}, nil
}

// Promise is [connector.AtLeastOnce]: the receiver isn't asked what it has.
func (s *Sink) Promise() connector.Promise { return connector.AtLeastOnce }

// Open posts a shard from the start of its log.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	return s.OpenAt(ctx, shard, engine.Mark{})
}

// OpenAt posts a shard from behind a record of its log. Nothing is connected before there is something to post.
func (s *Sink) OpenAt(ctx context.Context, shard int, at engine.Mark) (connector.Writer, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return &writer{Sink: s, shard: shard, at: at, client: s.cfg.Connect()}, nil
}

// writer posts one shard. It is used by one goroutine.
type writer struct {
	*Sink
	shard  int
	at     engine.Mark
	client *endpoint.Client
}

// Target is the address.
func (w *writer) Target() string { return w.cfg.URL }

// At is the last record that was taken.
func (w *writer) At() engine.Mark { return w.at }

// Close lets go of the connections.
func (w *writer) Close() error {
	w.client.Close()
	return nil
}

// Write posts the records.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	for len(records) > 0 {
		n := 1
		if w.cfg.Request == Batch {
			n = endpoint.Fit(records, w.cfg.MaxRequest)
		}
		posts, err := w.posts(w.wanted(records[:n]))
		if err != nil {
			return err
		}
		for i := range posts {
			if err := w.post(ctx, &posts[i]); err != nil {
				return err
			}
		}
		w.at, records = records[n-1].Mark, records[n:]
	}
	return nil
}

// wanted are the records that are posted.
func (w *writer) wanted(records []connector.Record) []connector.Record {
	if w.cfg.Empty {
		return records
	}
	return slices.DeleteFunc(slices.Clone(records), func(r connector.Record) bool {
		adds, deletes := patch.CountRows(r.Body)
		return adds+deletes == 0
	})
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// post sends a request, once the receiver wants one.
func (w *writer) post(ctx context.Context, p *post) error {
	if err := w.pause.Wait(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(p.body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", p.mediaType)
	r.Header.Set("User-Agent", "quadrille")
	sign(r.Header, w.keys, p.id, time.Now(), p.body)
	answer, err := w.client.Do(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that the connection can be used again
		return answer.Body.Close()
	}
	w.pause.Note(err)
	if _, answered := errors.AsType[*endpoint.StatusError](err); answered && !errors.Is(err, connector.ErrGiveUp) {
		return fmt.Errorf("%w: %w", connector.ErrRetry, err)
	}
	return err
}
