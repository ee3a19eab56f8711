package sparql

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/patch"
)

// Endpoint is a store that speaks the SPARQL 1.1 Protocol.
type Endpoint struct {
	// Query is the address that takes queries. Required.
	Query string
	// Update is the address that takes updates. Default: Query.
	Update string
	// User and Password are sent as HTTP basic authentication, Token as a bearer token; either, or none. They are refused for
	// an address without TLS that isn't on loopback.
	User, Password, Token string
	// Roots are the certificates to trust. Default: the system's.
	Roots *x509.CertPool
	// Timeout bounds a request, and the silence of an answer that is read piece by piece. Default 1 minute.
	Timeout time.Duration
}

// check checks the settings, and fills in the defaults.
func (e *Endpoint) check() error {
	e.Update = cmp.Or(e.Update, e.Query)
	query := e.config()
	if err := query.Check(); err != nil {
		return err
	}
	e.Timeout = query.Timeout
	return endpoint.CheckURL(e.Update, e.User != "" || e.Token != "")
}

// config is the endpoint as others have it, too.
func (e Endpoint) config() endpoint.Config {
	return endpoint.Config{URL: e.Query, User: e.User, Password: e.Password, Token: e.Token, Roots: e.Roots, Timeout: e.Timeout}
}

// session is a connection to an endpoint.
type session struct {
	Endpoint
	http *endpoint.Client
}

// connect makes a session, and connects to nothing yet. It is to be closed.
func (e Endpoint) connect() *session { return &session{Endpoint: e, http: e.config().Connect()} }

// close ends the connections that nobody uses.
func (s *session) close() { s.http.Close() }

// post sends a body, and returns the answer of a success, which the caller closes.
func (s *session) post(ctx context.Context, to, mediaType, accept string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Accept", accept)
	r.Header.Set("Cache-Control", "no-cache")
	return s.http.Do(r)
}

// maxAnswer bounds an answer that is held as a whole, in bytes.
const maxAnswer = 1 << 20

// update sends an update. An error may come though it was done, and none though it wasn't.
func (s *session) update(ctx context.Context, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	answer, err := s.post(ctx, s.Update, patch.UpdateMediaType, "*/*", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that the connection can be used again
	return err
}

// results is the JSON form of what a SELECT returns.
type results struct {
	Results *struct {
		Bindings []map[string]struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"bindings"`
	} `json:"results"`
}

const resultsType = "application/sparql-results+json"

// column asks for one variable, and returns its values.
func (s *session) column(ctx context.Context, query, variable string) (values []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	answer, err := s.post(ctx, s.Query, "application/sparql-query", resultsType, strings.NewReader(query))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); media != resultsType && media != "application/json" {
		return nil, fmt.Errorf("%w: %s answers %q, not %s", ErrNoEndpoint, s.Query, answer.Header.Get("Content-Type"), resultsType)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("%s answers with more than %d bytes", s.Query, maxAnswer)
	}
	var r results
	if err := json.Unmarshal(text, &r); err != nil || r.Results == nil {
		return nil, fmt.Errorf("%w: %s answers with what is no result of a SELECT: %w", ErrNoEndpoint, s.Query, cmp.Or(err, errNoResults))
	}
	for _, b := range r.Results.Bindings {
		if of := b[variable].Type; of == "" || of == "bnode" {
			return nil, fmt.Errorf("%s answers without a value of ?%s, or with a blank node", s.Query, variable)
		}
		values = append(values, b[variable].Value)
	}
	return values, nil
}

// ErrNoEndpoint: what answers at the address for queries speaks no SPARQL there.
var ErrNoEndpoint = errors.New("no SPARQL endpoint")

var errNoResults = errors.New(`it has no "results"`)
