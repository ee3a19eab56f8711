package jsonld

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/piprate/json-gold/ld"

	"github.com/quadrille-stream/quadrille/rdf"
)

const (
	// fetchTime bounds the fetching of one context, redirects and all.
	fetchTime = 10 * time.Second
	// maxKept is how many contexts are kept. Those beyond are fetched each time.
	maxKept = 1000
	// maxHops is how many redirects and links are followed.
	maxHops = 5
)

// Web fetches contexts over https, only such as are on its list, and keeps them. A context has at most 4 MiB and comes
// within 10 seconds. Any number of goroutines may call it at once.
type Web struct {
	allowed []string
	client  *http.Client

	mu   sync.Mutex
	kept map[string][]byte
}

// NewWeb returns a loader of the contexts at the given URLs. Of one that ends in "/" all below it may be fetched too.
// Redirects and links to another representation are followed only to what is on the list. transport is how requests are
// made; nil stands for one without proxies that keeps no connection open.
func NewWeb(allowed []string, transport http.RoundTripper) (*Web, error) {
	for _, entry := range allowed {
		if u, err := url.Parse(entry); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return nil, fmt.Errorf("URL of contexts %q: expected https://host/path", entry)
		}
	}
	if transport == nil {
		transport = &http.Transport{DisableKeepAlives: true}
	}
	w := &Web{allowed: allowed, kept: map[string][]byte{}}
	w.client = &http.Client{Transport: transport, CheckRedirect: w.redirect}
	return w, nil
}

// Load implements [Loader].
func (w *Web) Load(iri string) ([]byte, error) {
	if !w.allows(iri) {
		return nil, notFound(iri)
	}
	w.mu.Lock()
	text, ok := w.kept[iri]
	w.mu.Unlock()
	if ok {
		return text, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	text, err := w.fetch(ctx, iri, maxHops)
	if err != nil {
		return nil, fmt.Errorf("fetch context %s: %w", iri, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.kept) < maxKept {
		w.kept[iri] = text
	}
	return text, nil
}

// allows reports whether a URL is on the list. Paths that climb are not, whatever they are below.
func (w *Web) allows(iri string) bool {
	u, err := url.Parse(iri)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return false
	}
	for _, part := range strings.Split(u.Path, "/") {
		if part == ".." || part == "." {
			return false
		}
	}
	for _, entry := range w.allowed {
		if iri == entry || strings.HasSuffix(entry, "/") && strings.HasPrefix(iri, entry) {
			return true
		}
	}
	return false
}

func (w *Web) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxHops {
		return fmt.Errorf("more than %d redirects are %w", maxHops, rdf.ErrLimit)
	}
	if !w.allows(req.URL.String()) {
		return fmt.Errorf("it redirects to %s, which is not on the list", req.URL)
	}
	return nil
}

// fetch gets a document, or the one that it names as its representation in JSON-LD.
func (w *Web) fetch(ctx context.Context, iri string, hops int) (text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, iri, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/ld+json, application/json;q=0.9, */*;q=0.1")
	res, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	if alternate := alternate(res); alternate != "" {
		if hops == 0 || !w.allows(alternate) {
			return nil, fmt.Errorf("its JSON-LD is at %s, which is not on the list", alternate)
		}
		return w.fetch(ctx, alternate, hops-1)
	}
	return readBounded(res.Body, iri)
}

// alternate returns where the JSON-LD of a page is that is none itself, "" if it is, or does not say.
func alternate(res *http.Response) string {
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if media = strings.TrimSpace(media); media == "application/json" || strings.HasSuffix(media, "+json") {
		return ""
	}
	for _, link := range ld.ParseLinkHeader(strings.Join(res.Header.Values("Link"), ","))["alternate"] {
		if link["type"] != "application/ld+json" {
			continue
		}
		if u, err := res.Request.URL.Parse(link["target"]); err == nil {
			return u.String()
		}
	}
	return ""
}

// readBounded reads all, unless it is too much.
func readBounded(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxContext+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxContext {
		return nil, fmt.Errorf("%s: more than %d bytes are %w", name, maxContext, rdf.ErrLimit)
	}
	return text, nil
}
