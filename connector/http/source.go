// Package http is a [connector.Source] that follows another pipeline over the HTTP API of its nodes: each delta of its shards is
// a message, whose stream is the pipeline's name and the shard's number, and whose offset is the position in the shard's log. So a
// node of another pipeline is never taken to go on where the one before was: that pipeline is read from its start. A log that is
// shorter than what was read of it ends the source ([connector.ErrGiveUp]); one that was made anew and is longer can't be told apart.
package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/ahead"
	"github.com/quadrille-stream/quadrille/engine"
)

// Config configures a [Source].
type Config struct {
	// URL are the addresses of nodes of the pipeline to follow. When one fails, the next is tried. Required.
	URL []string
	// Client sends the requests; it has token and certificates. Default: one without.
	Client *client.Client
	// MaxBatch bounds the bytes that are read ahead. Default 4 MiB.
	MaxBatch int
}

// Source follows a pipeline. Make it with [New]. It may be used concurrently.
type Source struct {
	cfg Config

	mu   sync.Mutex
	door int // the next to try
}

var _ connector.Source = (*Source)(nil)

// New checks the configuration and returns a source; it connects to nothing.
func New(cfg Config) (*Source, error) {
	if len(cfg.URL) == 0 {
		return nil, errors.New("a source that follows a pipeline needs the address of a node")
	}
	for _, text := range cfg.URL {
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return nil, fmt.Errorf("node %q: expected http://HOST:PORT or https://HOST:PORT", text)
		}
	}
	if cfg.Client == nil {
		cfg.Client = client.New("")
	}
	if cfg.MaxBatch <= 0 {
		cfg.MaxBatch = 4 << 20
	}
	return &Source{cfg: cfg}, nil
}

// Open asks a node for its shards, and follows those after what is committed here.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	s.mu.Lock()
	base := s.cfg.URL[s.door%len(s.cfg.URL)]
	s.door++
	s.mu.Unlock()
	status, err := s.cfg.Client.Status(ctx, base)
	if err != nil {
		return nil, meaning(err)
	}
	from := client.Cursor{Pipeline: status.Pipeline, Cursor: engine.Cursor{}}
	for _, shard := range status.Shards {
		next, found, err := progress.Next(ctx, streamOf(status.Pipeline, shard.Shard))
		if err != nil {
			return nil, err
		}
		if found { // so next is not 0
			from.Cursor[shard.Shard] = engine.Mark{Position: next - 1}
		}
	}
	r := &reader{client: s.cfg.Client, base: base, last: map[int]engine.Mark{}}
	r.Reader = ahead.Start(ctx, s.cfg.MaxBatch, r.follow(from))
	return r, nil
}

// streamOf names the stream of a shard.
func streamOf(pipeline string, shard int) string { return pipeline + "/" + strconv.Itoa(shard) }

// adviceOf is what is to be done about a refusal.
func adviceOf(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "put the token right, or its rights there"
	case http.StatusGone:
		return "the pipeline there was made anew; a source of another name reads it from its start"
	}
	return "put the url right"
}

// meaning is an error in the words of the contract.
func meaning(err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusBadRequest:
		return connector.GiveUpf("%w; %s", err, adviceOf(e.Status))
	}
	return err
}

// reader follows a node.
type reader struct {
	*ahead.Reader
	client *client.Client
	base   string // the node

	mu   sync.Mutex
	last map[int]engine.Mark // by shard, the last delta that has come
}

// follow takes what comes until the connection ends.
func (r *reader) follow(from client.Cursor) func(context.Context, func(connector.Message) error) error {
	return func(ctx context.Context, add func(connector.Message) error) error {
		query := url.Values{"live": {"true"}, "from": {from.String()}} // an empty cursor is the start
		err := r.client.Changes(ctx, r.base, query, client.Reader{Change: func(change client.Change, _ client.Cursor) error {
			r.mu.Lock()
			r.last[change.Shard] = engine.Mark{Position: change.Position, ID: change.ID}
			r.mu.Unlock()
			return add(connector.Message{Stream: streamOf(from.Pipeline, change.Shard), Offset: change.Position, MediaType: client.TypePatch,
				Body: []byte(change.Patch), Time: change.Time})
		}})
		if err == nil {
			err = fmt.Errorf("%s: the stream ended", r.base)
		}
		return meaning(err)
	}
}
