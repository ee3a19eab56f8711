// Package client is the HTTP API of a node as a program sees it that writes to a pipeline or follows it: the types that go
// over the wire, and requests to any of several doors, with retries that are safe.
package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// TypePatch is the media type of RDF Patch.
const TypePatch = "application/rdf-patch"

// silence is the time without a byte of a live stream, whose node sends a heartbeat every 15 s, after which the node is
// taken for gone.
const silence = 50 * time.Second

// Client sends requests. It may be used concurrently.
type Client struct {
	http    *http.Client
	patient *http.Client // waits for answers as long as it is let
	token   string
}

// Option configures a [Client].
type Option func(*http.Transport)

// WithRoots makes the client trust the certificates of the pool instead of those of the system.
func WithRoots(pool *x509.CertPool) Option {
	return func(t *http.Transport) { t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} }
}

// ReadRoots reads the certificates to trust from a PEM file, for [WithRoots].
func ReadRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certificates to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificates to trust: %s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// New returns a client that sends the token, unless it is empty, with every request.
func New(token string, opts ...Option) *Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 40 * time.Second, // a node may wait 20 s for the owner of a shard
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
		DisableCompression:    true, // it costs more than it saves within a data centre
	}
	for _, opt := range opts {
		opt(transport)
	}
	patient := transport.Clone()
	patient.ResponseHeaderTimeout = 0
	return &Client{http: &http.Client{Transport: transport}, patient: &http.Client{Transport: patient}, token: token}
}

// Close closes idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.patient.CloseIdleConnections()
}

// Temporary reports whether the same request can succeed later or at another node: anything but an answer of the node
// that says that the request is wrong, or that the shard can't go on by itself.
func Temporary(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, ErrNotNode)
	}
	if errors.Is(e, event.ErrHalted) || errors.Is(e, event.ErrTooLarge) {
		return false
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Accepted is the answer to changes that are committed.
type Accepted struct {
	// Results are in order of shard; Adds and Deletes are their sums.
	Results []Result `json:"results"`
	Adds    uint64   `json:"adds"`
	Deletes uint64   `json:"deletes"`
}

// Submit posts a document of changes to the node at base, once.
func (c *Client) Submit(ctx context.Context, base, mediaType, key string, body []byte) (a Accepted, err error) {
	return c.change(ctx, http.MethodPost, base, "/v1/changes", nil, mediaType, key, body)
}

// Status asks the node at base for its status.
func (c *Client) Status(ctx context.Context, base string) (s Status, err error) {
	err = c.get(ctx, base, "/v1/status", nil, "the status", &s)
	return s, err
}

// get reads an answer in JSON. It takes as long as the node takes; one that is silent for too long is taken for gone.
func (c *Client) get(ctx context.Context, base, path string, query url.Values, what string, to any) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := c.do(ctx, http.MethodGet, base, path, query, nil, nil)
	if err != nil {
		return err
	}
	watchdog := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %v", silence)) })
	defer watchdog.Stop()
	defer closeBody(answer) // before that: what is left of the body may not come, either
	body := alive{answer.Body, func() { watchdog.Reset(silence) }}
	if err := json.NewDecoder(body).Decode(to); err != nil {
		return fmt.Errorf("%s: read %s: %w", base, what, cmp.Or(context.Cause(ctx), foreign(err)))
	}
	return nil
}

// Verify asks the node at base to check its own copy of the logs or, with places, for the ids of the records there, at most
// [MaxPlaces]. It takes as long as the node takes; one that is silent for too long is taken for gone.
func (c *Client) Verify(ctx context.Context, base string, places []Place) (v Verification, err error) {
	query := url.Values{}
	if len(places) > 0 {
		query.Set("at", FormatPlaces(places))
	}
	switch err := c.get(ctx, base, "/v1/verify", query, "what it verified", &v); {
	case err != nil:
		return v, err
	case v.Error != nil:
		return v, fmt.Errorf("%s: %s: %s", base, v.Error.Code, v.Error.Detail)
	case v.Report == nil && len(v.IDs) != len(places):
		return v, fmt.Errorf("%s: %d ids for %d places", base, len(v.IDs), len(places))
	}
	return v, nil
}

// alive calls a function whenever something was read.
type alive struct {
	io.Reader
	heard func()
}

// Read implements [io.Reader].
func (a alive) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.heard()
	return n, err
}

// Ready returns nil if the node at base is ready.
func (c *Client) Ready(ctx context.Context, base string) error {
	answer, err := c.do(ctx, http.MethodGet, base, "/readyz", nil, nil, nil)
	if err == nil {
		closeBody(answer)
	}
	return err
}

// Data returns the quads of all shards, as N-Quads. The caller closes it.
func (c *Client) Data(ctx context.Context, base string) (io.ReadCloser, error) {
	answer, err := c.do(ctx, http.MethodGet, base, "/v1/data", nil, nil, nil)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// do sends a request and returns the answer if its status is 200 or 201, else an *Error or that of the connection.
func (c *Client) do(ctx context.Context, method, base, path string, query url.Values, body io.Reader,
	header http.Header) (*http.Response, error) {
	target := strings.TrimSuffix(base, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.at(path).Do(r)
	if err != nil {
		if request, ok := errors.AsType[*url.Error](err); ok {
			err = request.Err // the node's address says enough
		}
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusCreated {
		return answer, nil
	}
	defer closeBody(answer)
	return nil, problemOf(base, answer)
}

// at returns what sends requests to a path. The answer to a query begins when it has rows, within the time that it may take.
func (c *Client) at(path string) *http.Client {
	if path == "/sparql" || path == trialPath {
		return c.patient
	}
	return c.http
}

// closeBody reads the little that may be left, so that the connection can be used again.
func closeBody(answer *http.Response) {
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10)
	_ = answer.Body.Close()
}
