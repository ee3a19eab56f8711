package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

const (
	// documentTime bounds the time that one document of LOAD may take.
	documentTime = 10 * time.Minute
	// documentFormats are what LOAD asks for, best first.
	documentFormats = "application/n-quads, application/n-triples, application/trig;q=0.9, text/turtle;q=0.9, " +
		"application/rdf+xml;q=0.7, application/ld+json;q=0.5"
)

// documents reads what LOAD names, over HTTP, from hosts that are allowed, also behind redirects.
type documents struct {
	hosts *serviceFlag
	data  *dataFlags
	most  int64         // bytes of a document, once it is decompressed
	time  time.Duration // that a document may take
}

var _ eval.Loader = (*documents)(nil)

// Load implements [eval.Loader]. What is relative in the document is resolved against the address that it came from in the end.
func (d *documents) Load(ctx context.Context, name rdf.Term, blankPrefix string, add func(rdf.Quad) error) error {
	late := fmt.Errorf("it has taken more than %v", d.time)
	ctx, cancel := context.WithTimeoutCause(ctx, d.time, late)
	defer cancel()
	address, _, _ := strings.Cut(name.Value(), "#") // the rest is about what is in it
	cfg := endpoint.Config{URL: address, Allow: d.hosts.allows}
	if err := cfg.Check(); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.URL, http.NoBody)
	if err != nil {
		return err
	}
	if err := d.hosts.allows(r.URL); err != nil {
		return err
	}
	r.Header.Set("Accept", documentFormats)
	client := cfg.Connect()
	defer client.Close()
	answer, err := client.Do(r)
	if err == nil {
		defer answer.Body.Close()
		err = d.read(answer, blankPrefix, add)
	}
	if err != nil && errors.Is(context.Cause(ctx), late) {
		return late // and not the end of the evaluation's own time
	}
	return err
}

// read reads the document of an answer.
func (d *documents) read(answer *http.Response, blankPrefix string, add func(rdf.Quad) error) error {
	from := answer.Request.URL
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: expected a document", from.Redacted(), answer.Status)
	}
	format, err := documentFormat(from, answer.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	source, err := d.data.source("-")
	if err != nil {
		return err
	}
	source.File, source.Base, source.BlankPrefix = from.Redacted(), from.String(), blankPrefix
	source.MaxDocument, source.MaxQuads = int(min(d.most, jsonld.DefaultMaxDocument)), jsonld.DefaultMaxQuads
	text, err := rdfio.Decompress(from.Path, answer.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", source.File, err)
	}
	defer text.Close()
	return hinted(source.Statements(&atMost{r: text, left: d.most, most: d.most}, format, add))
}

// documentFormat is the format that an answer says it has, or, where it says nothing of use, that the name of the document does.
func documentFormat(from *url.URL, contentType string) (rdfio.Format, error) {
	if media, _, err := mime.ParseMediaType(contentType); err == nil {
		if f, err := rdfio.Parse(media); err == nil && f.IsData() {
			return f, nil
		}
	}
	if f, ok := rdfio.ByName(from.Path); ok && f.IsData() {
		return f, nil
	}
	return "", fmt.Errorf("%s has the type %q: expected RDF data (%s)", from.Redacted(), contentType, rdfio.DataNames)
}

// atMost is an error behind so many bytes, and not an end.
type atMost struct {
	r          io.Reader
	left, most int64
}

// Read implements [io.Reader].
func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, fmt.Errorf("%w: the document has more than %v; --max-memory SIZE raises the bound", eval.ErrBudget, byteSize(a.most))
	}
	return n, err
}
