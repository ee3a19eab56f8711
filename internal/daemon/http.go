package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/delta"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	httpsource "github.com/quadrille-stream/quadrille/connector/http"
	"github.com/quadrille-stream/quadrille/connector/poll"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/connector/sse"
	"github.com/quadrille-stream/quadrille/connector/webhook"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// certificateOf reads a certificate that says who we are; nil, if there are no files, is none.
func certificateOf(certificate, key string) (*tls.Certificate, error) {
	if (certificate == "") != (key == "") {
		return nil, errors.New("tls-cert and tls-key belong together: give both, or none")
	}
	if certificate == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	return &pair, err
}

// checkFormat looks whether a format is one of the media types that are taken, or one of the words.
func checkFormat(format string, taken []string, words ...string) error {
	of, _ := rdfio.ByMediaType(format)
	if media, _, _ := mime.ParseMediaType(format); slices.Contains(taken, media) || slices.Contains(taken, of.MediaType()) || slices.Contains(words, format) {
		return nil
	}
	return fmt.Errorf("format %q: expected one of %s", format, strings.Join(slices.Concat(words, taken), ", "))
}

// httpSource makes a source that follows another pipeline.
func httpSource(s *config.HTTPSource) (connector.Source, error) {
	roots, err := rootsOf(s.TLSCA)
	if err != nil {
		return nil, err
	}
	var opts []client.Option
	if roots != nil {
		opts = append(opts, client.WithRoots(roots))
	}
	return httpsource.New(httpsource.Config{URL: s.URL, Client: client.New(string(s.Token), opts...)})
}

// httpEndpoint reads the files that a connection names.
func httpEndpoint(c *config.HTTPConnection) (endpoint.Config, error) {
	roots, err := rootsOf(c.TLSCA)
	if err != nil {
		return endpoint.Config{}, err
	}
	certificate, err := certificateOf(c.TLSCert, c.TLSKey)
	return endpoint.Config{URL: c.URL, User: c.User, Password: string(c.Password), Token: string(c.Token), Roots: roots,
		Certificate: certificate, Timeout: c.Timeout}, err
}

// whatState is the setting of a document that is a state.
const whatState = "state"

// pollSource makes a source that asks for a document.
func (d *daemon) pollSource(of config.Source, s *config.PollSource, n *graph.Graph) (connector.Source, error) {
	at, err := httpEndpoint(&s.HTTPConnection)
	if err != nil {
		return nil, err
	}
	cfg := poll.Config{Config: at, Every: s.Every, MediaType: s.Format, MaxBody: int64(s.MaxBody)}
	taken := graph.MediaTypes()
	if s.What == whatState {
		taken = dataTypes()
		if cfg.State, err = d.pollState(of, s, n); err != nil {
			return nil, err
		}
	} else if s.Graph != sparql.DefaultGraph || s.Keep || s.BlankNodes != "keep" {
		return nil, errors.New("graph, keep and blank-nodes are of a state (what: state)")
	}
	if of.Mapping == "" {
		cfg.Accept = strings.Join(taken, ", ") + ", */*;q=0.1"
		if s.Format != "" {
			cfg.Accept = s.Format + ", */*;q=0.1"
			if err := checkFormat(s.Format, taken); err != nil {
				return nil, err
			}
		}
	}
	return poll.New(cfg)
}

// pollState says which graph the document of a source is the state of.
func (d *daemon) pollState(of config.Source, s *config.PollSource, n *graph.Graph) (*poll.State, error) {
	name, err := sparql.GraphNamed(s.Graph)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	state := &poll.State{Graph: name, Keep: s.Keep, Refuse: s.BlankNodes == "refuse",
		Have: func(ctx context.Context, fn func(rdf.Quad) error) error { return eachQuad(ctx, n, fn) },
		Read: func(m connector.Message, fn func(rdf.Quad) error) error { return readData(of.Name, m, fn) },
	}
	if of.Mapping == "" {
		return state, nil
	}
	m, err := d.Mappings.Get(of.Mapping)
	if err != nil {
		return nil, err
	}
	if m.MakesUpdates() {
		return nil, fmt.Errorf("mapping %q makes SPARQL Updates, and what is a state has quads (what: state)", of.Mapping)
	}
	state.Read = func(msg connector.Message, fn func(rdf.Quad) error) error {
		text, err := m.AppendPatch(nil, mapping.Message{Body: msg.Body, Vars: varsOf(of.Name, msg)})
		if err != nil {
			return err
		}
		for row, err := range patch.Rows(text) {
			if err == nil && !row.Deleted { // what it deletes is what it replaces, of which a state has nothing
				err = fn(row.Quad)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return state, nil
}

// sseSource makes a source that follows a stream of events.
func sseSource(of config.Source, s *config.SSESource) (connector.Source, error) {
	at, err := httpEndpoint(&s.HTTPConnection)
	if err != nil {
		return nil, err
	}
	if of.Mapping == "" {
		if err := checkFormat(s.Format, graph.MediaTypes()); err != nil {
			return nil, err
		}
	}
	return sse.New(sse.Config{Config: at, Events: s.Events, Sequence: s.IDs == "numbers", After: s.After, MediaType: s.Format,
		MaxEvent: int(s.MaxEvent)})
}

// deltaSource makes a source that follows a patch log.
func deltaSource(s *config.DeltaSource) (connector.Source, error) {
	at, err := httpEndpoint(&s.HTTPConnection)
	if err != nil {
		return nil, err
	}
	return delta.New(delta.Config{Config: at, Log: s.Log, Every: s.Every, MaxPatch: int64(s.MaxPatch)})
}

// webhookSink makes a sink that posts.
func webhookSink(s *config.WebhookSink) (connector.Sink, error) {
	at, err := httpEndpoint(&s.HTTPConnection)
	if err != nil {
		return nil, err
	}
	return webhook.New(webhook.Config{Config: at, Secrets: strings.Fields(string(s.Secret)),
		Request: webhook.Request(s.Request), Empty: s.Empty, Format: webhook.Format(s.Format), MaxRequest: int(s.MaxRequest)})
}

// dataFormats are those of documents that are data, not changes.
var dataFormats = []rdfio.Format{rdfio.NQuads, rdfio.NTriples, rdfio.TriG, rdfio.Turtle, rdfio.RDFXML, rdfio.JSONLD}

func dataTypes() (list []string) {
	for _, format := range dataFormats {
		list = append(list, format.MediaType())
	}
	return list
}

// readData hands over the quads of a document. Its blank nodes are named by the source, so that they are the same each time.
func readData(source string, m connector.Message, fn func(rdf.Quad) error) error {
	if format, ok := rdfio.ByMediaType(m.MediaType); ok && slices.Contains(dataFormats, format) {
		from := rdfio.Source{BlankPrefix: source + ".", MaxDocument: len(m.Body) + 1, MaxQuads: graph.MaxStatements, Size: len(m.Body)}
		return from.Statements(bytes.NewReader(m.Body), format, fn)
	}
	return fmt.Errorf("its media type is %q: expected %s", m.MediaType, strings.Join(dataTypes(), ", "))
}
