package sparql

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
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
	e.Timeout = cmp.Or(e.Timeout, time.Minute)
	if e.Timeout < 0 {
		return fmt.Errorf("timeout %v: expected more than 0", e.Timeout)
	}
	if e.Token != "" && (e.User != "" || e.Password != "") {
		return errors.New("a bearer token, or user and password: not both")
	}
	if e.User == "" && e.Password != "" {
		return errors.New("a password without a user")
	}
	for _, text := range [...]string{e.Query, e.Update} {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "":
			return fmt.Errorf("address %q: expected http://… or https://…, without user and fragment", text)
		case u.Scheme == "http" && (e.User != "" || e.Token != "") && !isLoopback(u.Hostname()):
			return fmt.Errorf("address %q: password or token would be sent in clear; use https://", text)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// session is a connection to an endpoint.
type session struct {
	Endpoint
	http *http.Client
}

// connect makes a session, and connects to nothing yet. It is to be closed.
func (e Endpoint) connect() *session {
	return &session{Endpoint: e, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: e.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: e.Timeout,
			IdleConnTimeout:       90 * time.Second,
		},
		// Another address would get the credentials, and a POST would become a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// close ends the connections that nobody uses.
func (s *session) close() { s.http.CloseIdleConnections() }

// StatusError is an answer that is no success.
type StatusError struct {
	// URL is the address that was asked, Status the code of its answer.
	URL    string
	Status int
	// Text is the beginning of what it said.
	Text string
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answers %d %s: %s", e.URL, e.Status, http.StatusText(e.Status), e.Text)
}

// refused reports whether the store has understood the request and won't do it: then it has not been done, and asking again is
// of no use. What a gateway says, or a store that is busy, tells nothing of what was done.
func (e *StatusError) refused() bool {
	return e.Status/100 != 5 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests &&
		e.Status != http.StatusTooEarly
}

// meaning is an error in the words of the contract.
func meaning(err error) error {
	if e, ok := errors.AsType[*StatusError](err); ok && e.refused() {
		return fmt.Errorf("%w: %w", connector.ErrGiveUp, err)
	}
	return err
}

// post sends a body, and returns the answer of a success, which the caller closes.
func (s *session) post(ctx context.Context, to, mediaType, accept string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Accept", accept)
	r.Header.Set("Cache-Control", "no-cache")
	switch {
	case s.Token != "":
		r.Header.Set("Authorization", "Bearer "+s.Token)
	case s.User != "":
		r.SetBasicAuth(s.User, s.Password)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500)) // as much as there is
		return nil, &StatusError{URL: to, Status: answer.StatusCode, Text: strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))}
	}
	return answer, nil
}

// maxAnswer bounds an answer that is held as a whole, in bytes.
const maxAnswer = 1 << 20

// update sends an update. An error may come though it was done, and none though it wasn't.
func (s *session) update(ctx context.Context, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	answer, err := s.post(ctx, s.Update, "application/sparql-update", "*/*", bytes.NewReader(text))
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
		return nil, fmt.Errorf("%s answers %q, not %s", s.Query, answer.Header.Get("Content-Type"), resultsType)
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
		return nil, fmt.Errorf("%s answers with what is no result of a SELECT: %w", s.Query, cmp.Or(err, errNoResults))
	}
	for _, b := range r.Results.Bindings {
		if of := b[variable].Type; of == "" || of == "bnode" {
			return nil, fmt.Errorf("%s answers without a value of ?%s, or with a blank node", s.Query, variable)
		}
		values = append(values, b[variable].Value)
	}
	return values, nil
}

var errNoResults = errors.New(`it has no "results"`)
