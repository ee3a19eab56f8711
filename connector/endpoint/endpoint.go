// Package endpoint is what connectors that speak HTTP have in common: an address with who we are and whom we trust, one way to
// ask, and what an answer means. Everything is bounded, certificates are verified, a secret goes over TLS or to loopback alone,
// and a redirect leads neither out of TLS nor, with a secret, to another host.
package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/tlserror"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Config is an address, and how it is asked.
type Config struct {
	// URL is the address, http:// or https://, without user and fragment. Required.
	URL string
	// User and Password are sent as HTTP basic authentication, Token as a bearer token; either, or none. They are refused for
	// an address without TLS that isn't on loopback.
	User, Password, Token string
	// Roots are the certificates to trust. Default: the system's.
	Roots *x509.CertPool
	// Certificate says who we are to a server that asks for one. Default: none.
	Certificate *tls.Certificate
	// Allow, unless it is nil, has a redirect refused by an error. Who asks has looked at URL before.
	Allow func(*url.URL) error
	// Timeout bounds the silence of the other side: until it answers, and between two pieces of its answer. Default 1 minute.
	Timeout time.Duration
}

// Check checks the settings, and fills in the defaults.
func (c *Config) Check() error {
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	switch {
	case c.Timeout < 0:
		return fmt.Errorf("timeout %v: expected more than 0", c.Timeout)
	case c.Token != "" && (c.User != "" || c.Password != ""):
		return errors.New("a bearer token, or user and password: not both")
	case c.User == "" && c.Password != "":
		return errors.New("a password without a user")
	}
	return CheckURL(c.URL, c.secret())
}

// secret reports whether requests carry one.
func (c *Config) secret() bool { return c.User != "" || c.Token != "" }

// CheckURL checks an address; secret says that a password or a token goes there.
func CheckURL(text string, secret bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("address %q: expected http://… or https://…, without user and fragment", text)
	case u.Scheme == "http" && secret && !loopback.Is(u.Hostname()):
		return fmt.Errorf("address %q: password or token would be sent in clear; use https://", text)
	}
	return nil
}

// Client asks. Make it with [Config.Connect]. It may be used concurrently.
type Client struct {
	cfg  Config
	http *http.Client
}

// Connect returns a client, and connects to nothing yet. The configuration has passed Check.
func (c Config) Connect() *Client {
	security := &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	if c.Certificate != nil {
		security.Certificates = []tls.Certificate{*c.Certificate}
	}
	return &Client{cfg: c, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:       security,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: c.Timeout,
			IdleConnTimeout:       90 * time.Second,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: c.redirect,
	}}
}

// Close ends the connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// maxRedirects bounds those of one request.
const maxRedirects = 5

// redirect refuses those that could show to others what is ours. One of what is no GET would become a GET, and isn't followed.
func (c Config) redirect(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	switch {
	case before[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(before) > maxRedirects:
		return connector.GiveUpf("more than %d redirects: put the address right", maxRedirects)
	case first.Scheme == "https" && next.URL.Scheme != "https":
		return connector.GiveUpf("a redirect leads from https to %s: put the address right", next.URL.Redacted())
	case (c.secret() || c.Certificate != nil) && (next.URL.Host != first.Host || next.URL.Scheme != first.Scheme):
		return connector.GiveUpf("a redirect leads to another host, %s, which must not be shown who we are: put the address right", next.URL.Host)
	case c.Allow != nil:
		if err := c.Allow(next.URL); err != nil {
			return connector.GiveUpf("a redirect leads to %s: %w", next.URL.Redacted(), err)
		}
	}
	return nil
}

// Do sends a request, with who we are, and returns the answer of a success, or, to who has asked for what is new, that nothing
// is; the caller closes it. Reading its body fails when the other side is silent for too long. Another answer is a [StatusError], in the words of the
// contract of connectors.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	switch {
	case c.cfg.Token != "":
		r.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	case c.cfg.User != "":
		r.SetBasicAuth(c.cfg.User, c.cfg.Password)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	answer, err := c.http.Do(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	answer.Body = &body{ReadCloser: answer.Body, cancel: cancel, ctx: ctx, timeout: c.cfg.Timeout,
		silent: fmt.Errorf("%s: nothing has come for %v", r.URL.Redacted(), c.cfg.Timeout)}
	if answer.StatusCode/100 != 2 && !notModified(r, answer) {
		defer answer.Body.Close()
		return nil, meaning(newStatusError(r, answer))
	}
	return answer, nil
}

// notModified reports the answer that nothing is new. To who has not asked that it says nothing: to a POST least of all that
// it was taken.
func notModified(r *http.Request, answer *http.Response) bool {
	return answer.StatusCode == http.StatusNotModified && r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != ""
}

// Document reads a document of limit bytes at most, which is the answer to r. Only 200 says that it is that: what was accepted
// (202) isn't there yet, no content (204) is no empty document, and a part (206) is not the whole. The caller closes the answer.
func Document(r *http.Request, answer *http.Response, limit int64) ([]byte, error) {
	if answer.StatusCode != http.StatusOK {
		return nil, meaning(newStatusError(r, answer))
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.URL.Redacted(), err)
	}
	if int64(len(text)) > limit {
		return nil, connector.GiveUpf("%s has more than %d bytes: raise the bound, or have it divided", r.URL.Redacted(), limit)
	}
	return text, nil
}

// body ends when the other side is silent while it is read; who doesn't read isn't kept from going on later.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timeout time.Duration
	silent  error // says so
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	silence := time.AfterFunc(b.timeout, func() { b.cancel(b.silent) })
	n, err := b.ReadCloser.Read(p)
	silence.Stop()
	if cause := context.Cause(b.ctx); err != nil && err != io.EOF && cause != nil { //nolint:errorlint // as readers return it
		err = cause
	}
	return n, err
}

// Close implements [io.Closer].
func (b *body) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// StatusError is an answer that is no success.
type StatusError struct {
	// URL is the address that was asked, Status the code of its answer.
	URL    string
	Status int
	// Text is the beginning of what it said, in one line.
	Text string
	// RetryAfter is how long it wants to be left alone, an hour at most; 0 if it didn't say.
	RetryAfter time.Duration
}

// maxPause bounds how long one is let alone, whatever it asks for.
const maxPause = time.Hour

func newStatusError(r *http.Request, answer *http.Response) *StatusError {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 500)) // as much as there is
	return &StatusError{URL: r.URL.Redacted(), Status: answer.StatusCode,
		Text:       strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "?")), " "),
		RetryAfter: retryAfter(answer.Header.Get("Retry-After"), time.Now())}
}

// retryAfter reads the header: seconds, or a time.
func retryAfter(value string, now time.Time) time.Duration {
	d := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxPause)
}

// Error implements error.
func (e *StatusError) Error() string {
	answer := fmt.Sprintf("%s answers %d %s", e.URL, e.Status, http.StatusText(e.Status))
	if e.Text == "" {
		return answer
	}
	return answer + ": " + e.Text
}

// refused reports whether the other side has understood the request and won't do it: then it has not been done, and asking again
// is of no use. What a gateway says, or one that is busy, tells nothing of what was done.
func (e *StatusError) refused() bool {
	return e.Status/100 != 5 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests &&
		e.Status != http.StatusTooEarly
}

// advice is what is to be done about a refusal.
func (e *StatusError) advice() string {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return "put the token, or user and password right, or the rights there"
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed:
		return "put the address right"
	case http.StatusRequestEntityTooLarge:
		return "raise the bound there"
	}
	if e.Status/100 == 3 {
		return "put the address right: it leads elsewhere"
	}
	return "what is asked there must be put right, or the server"
}

// meaning is an error in the words of the contract of connectors: what was refused is given up, and so is a certificate that isn't
// trusted.
func meaning(err error) error {
	if tlserror.IsRefusal(err) {
		return connector.GiveUpf("%w; %s", err, tlserror.Advice)
	}
	if e, ok := errors.AsType[*StatusError](err); ok && e.refused() {
		return connector.GiveUpf("%w; %s", err, e.advice())
	}
	return err
}

// Pause is how long the other side wants to be left alone; its zero value: not at all. It may be used concurrently.
type Pause struct {
	mu    sync.Mutex
	until time.Time
}

// For begins a pause, of an hour at most.
func (p *Pause) For(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(min(d, maxPause))
}

// Note begins the pause that an answer asks for, if err is one that does.
func (p *Pause) Note(err error) {
	if e, ok := errors.AsType[*StatusError](err); ok && e.RetryAfter > 0 {
		p.For(e.RetryAfter)
	}
}

// Left is what is left of it.
func (p *Pause) Left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.until), 0)
}

// Wait returns when it is over, or with the cause when ctx ends before.
func (p *Pause) Wait(ctx context.Context) error { return clock.Sleep(ctx, p.Left()) }

// Fit returns how many records go into one request: as many as their bodies fit into limit bytes, and at least one.
func Fit(records []connector.Record, limit int) int {
	size := 0
	for i := range records {
		if size += len(records[i].Body); size > limit && i > 0 {
			return i
		}
	}
	return len(records)
}
