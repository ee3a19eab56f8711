package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// headerCursor and headerError are headers of answers, see [Answer].
	headerCursor, headerError = "Quadrille-Cursor", "Quadrille-Error"
	// typeQuery and typeUpdate are the media types of SPARQL.
	typeQuery, typeUpdate = "application/sparql-query", "application/sparql-update"
)

// Query is a question to a node (SPARQL 1.1 Protocol).
type Query struct {
	// Text is the query.
	Text string
	// Accept are the media types of the answer, the most welcome first. None: JSON of rows and booleans, Turtle of triples.
	Accept []string
	// Timeout bounds how long the answer may take. Default, and most, what the node allows.
	Timeout time.Duration
	// After names records that the answer must know of, such as [Answer.Cursor] of another one.
	After Cursor
	// Default and Named are IRIs of graphs that take the place of what the query says of FROM and FROM NAMED.
	Default, Named []string
}

// Answer is what a node gives. Its Body ends with an error unless it is whole. The caller closes it.
type Answer struct {
	// MediaType is that of Body, without parameters.
	MediaType string
	// Cursor says of which positions the answer is; empty if the node didn't say.
	Cursor Cursor
	// ETag is that of a graph.
	ETag string
	Body io.ReadCloser
}

// Ask asks the node at base a query, once. It waits for the answer as long as ctx lets it.
func (c *Client) Ask(ctx context.Context, base string, q Query) (*Answer, error) {
	query := url.Values{"default-graph-uri": q.Default, "named-graph-uri": q.Named}
	if q.Timeout > 0 {
		query.Set("timeout", q.Timeout.String())
	}
	header := http.Header{"Content-Type": {typeQuery}}
	if len(q.Accept) > 0 {
		header.Set("Accept", strings.Join(q.Accept, ", "))
	}
	if len(q.After.Cursor) > 0 {
		header.Set(headerCursor, q.After.String())
	}
	answer, err := c.do(ctx, http.MethodPost, base, "/sparql", query, strings.NewReader(q.Text), header) //nolint:bodyclose // the caller closes the Answer
	if err != nil {
		return nil, err
	}
	return answerOf(base, answer.Header, &whole{ReadCloser: answer.Body, trailer: &answer.Trailer, base: base})
}

// Update has the node at base carry out an update, once. The key makes it safe to send the same again; empty: none does.
func (c *Client) Update(ctx context.Context, base, text, key string) (Accepted, error) {
	return c.change(ctx, http.MethodPost, base, "/sparql", nil, typeUpdate, key, []byte(text))
}

// trialPath is where updates are tried.
const trialPath = "/v1/delta"

// Trial is an update that isn't carried out: what it would change is asked.
type Trial struct {
	// Text is the update.
	Text string
	// Accept are the media types of the answer, the most welcome first: RDF Patch as text, which is the default, or binary.
	Accept []string
	// Timeout bounds how long it may take. Default, and most, what the node allows.
	Timeout time.Duration
	// After names records that the answer must know of.
	After Cursor
	// Now is what NOW() gives. Default: the time of the request.
	Now time.Time
	// ID is what RAND(), UUID(), STRUUID() and the labels of new blank nodes are made of. Empty: they are new.
	ID string
}

// Try asks the node at base what an update would change, once: an RDF Patch of one transaction. Nothing is changed.
func (c *Client) Try(ctx context.Context, base string, t Trial) (*Answer, error) {
	query := url.Values{}
	if t.Timeout > 0 {
		query.Set("timeout", t.Timeout.String())
	}
	if !t.Now.IsZero() {
		query.Set("now", t.Now.Format(time.RFC3339Nano))
	}
	if t.ID != "" {
		query.Set("id", t.ID)
	}
	header := http.Header{"Content-Type": {typeUpdate}}
	if len(t.Accept) > 0 {
		header.Set("Accept", strings.Join(t.Accept, ", "))
	}
	if len(t.After.Cursor) > 0 {
		header.Set(headerCursor, t.After.String())
	}
	answer, err := c.do(ctx, http.MethodPost, base, trialPath, query, strings.NewReader(t.Text), header) //nolint:bodyclose // the caller closes the Answer
	if err != nil {
		return nil, err
	}
	return answerOf(base, answer.Header, &whole{ReadCloser: answer.Body, trailer: &answer.Trailer, base: base})
}

// graphQuery names a graph; the empty name is that of the default graph.
func graphQuery(name string) url.Values {
	if name == "" {
		return url.Values{"default": {""}}
	}
	return url.Values{"graph": {name}}
}

// Graph gets a graph of the node at base, in a media type; the empty name is the default graph. One that isn't there is an *[Error] whose
// Code is not_found.
func (c *Client) Graph(ctx context.Context, base, name, mediaType string) (*Answer, error) {
	answer, err := c.do(ctx, http.MethodGet, base, "/data", graphQuery(name), nil, http.Header{"Accept": {mediaType}}) //nolint:bodyclose // the caller closes the Answer
	if err != nil {
		return nil, err
	}
	return answerOf(base, answer.Header, &whole{ReadCloser: answer.Body, trailer: &answer.Trailer, base: base})
}

// PutGraph makes a graph what the document says, once; the empty name is the default graph.
func (c *Client) PutGraph(ctx context.Context, base, name, mediaType, key string, body []byte) (Accepted, error) {
	return c.change(ctx, http.MethodPut, base, "/data", graphQuery(name), mediaType, key, body)
}

// change sends a document of changes.
func (c *Client) change(ctx context.Context, method, base, path string, query url.Values, mediaType, key string, body []byte) (a Accepted, err error) {
	header := http.Header{"Content-Type": {mediaType}}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	answer, err := c.do(ctx, method, base, path, query, bytes.NewReader(body), header)
	if err != nil {
		return a, err
	}
	defer closeBody(answer)
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("%s: read the answer: %w", base, err)
	}
	return a, nil
}

func answerOf(base string, header http.Header, body io.ReadCloser) (*Answer, error) {
	a := &Answer{ETag: header.Get("ETag"), Body: body}
	a.MediaType, _, _ = strings.Cut(header.Get("Content-Type"), ";")
	if text := header.Get(headerCursor); text != "" {
		var err error
		if a.Cursor, err = ParseCursor(text); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: header %s: %w", base, headerCursor, err), body.Close())
		}
	}
	return a, nil
}

// ErrBrokenOff says that an answer has ended before it was whole.
var ErrBrokenOff = errors.New("the answer has broken off")

// whole is a body that knows at its end whether it is all.
type whole struct {
	io.ReadCloser
	trailer *http.Header // filled at the end
	base    string
}

// Read implements [io.Reader].
func (w *whole) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		if why := w.trailer.Get(headerError); why != "" {
			return n, fmt.Errorf("%s: %w: %s", w.base, ErrBrokenOff, why)
		}
	case err != nil:
		err = fmt.Errorf("%s: %w: %w", w.base, ErrBrokenOff, err)
	}
	return n, err
}
