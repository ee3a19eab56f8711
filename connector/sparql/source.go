package sparql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/mirror"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	// Endpoint is the store; nothing is updated there.
	Endpoint
	// Graphs are those that are copied: IRIs, or [DefaultGraph]. At least one.
	Graphs []string
	// Every is the pause between two readings. 0: the graphs are copied once.
	Every time.Duration
	// Keep leaves in the pipeline what the store doesn't have.
	Keep bool
	// Refuse makes blank nodes an error. Otherwise they keep the store's labels, which must be the same whenever it is read.
	Refuse bool
	// Have hands over the quads that the pipeline has, of these graphs at least. They are valid until fn returns. Required.
	Have func(ctx context.Context, fn func(rdf.Quad) error) error
	// MaxHeld bounds the quads of the pipeline that are held at one time. Default [difference.DefaultHeld], 200,000.
	MaxHeld int
}

// Source makes graphs of the pipeline what they are in a store. It reads both, and what differs is its messages; when these are
// committed it reads both again, until nothing differs. So it needs no memory of what it has sent before: whatever was lost, or
// came twice, shows in the next reading. The graphs are this source's alone: what others have put there it takes out, unless it is
// told to keep that.
type Source struct {
	cfg    SourceConfig
	graphs []rdf.Term
}

var _ connector.Source = (*Source)(nil)

// NewSource checks the configuration and returns a source; it connects to nothing.
func NewSource(cfg SourceConfig) (*Source, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("SPARQL source: %w", err)
	}
	if len(cfg.Graphs) == 0 {
		return nil, errors.New("SPARQL source: no graph to copy")
	}
	if cfg.Every < 0 || cfg.MaxHeld < 0 {
		return nil, fmt.Errorf("SPARQL source: a pause of %v, %d quads: expected 0 or more", cfg.Every, cfg.MaxHeld)
	}
	s := &Source{cfg: cfg}
	for _, name := range cfg.Graphs {
		graph, err := GraphNamed(name)
		if err != nil {
			return nil, fmt.Errorf("SPARQL source: graph: %w", err)
		}
		s.graphs = append(s.graphs, graph)
	}
	return s, nil
}

// Open begins to read, unless the graphs were to be copied once, and are.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	store := &Store{s.cfg.connect()}
	r, err := mirror.Open(ctx, progress, mirror.Config{
		Have: s.have, Every: s.cfg.Every, Keep: s.cfg.Keep, MaxHeld: s.cfg.MaxHeld, Close: store.Close,
		There: func(ctx context.Context, fn func(rdf.Quad) error) error { return s.there(ctx, store, fn) },
	})
	if err != nil {
		store.Close()
		return nil, err
	}
	return r, nil
}

// have hands over what the pipeline has of the graphs.
func (s *Source) have(ctx context.Context, fn func(rdf.Quad) error) error {
	return s.cfg.Have(ctx, func(q rdf.Quad) error {
		for _, graph := range s.graphs {
			if q.G == graph {
				return fn(q)
			}
		}
		return nil
	})
}

// there hands over what the store has of them.
func (s *Source) there(ctx context.Context, store *Store, fn func(rdf.Quad) error) error {
	return store.Quads(ctx, s.graphs, func(q rdf.Quad) error {
		if s.cfg.Refuse {
			if _, err := refuseBlanks.Name(q); err != nil {
				return connector.GiveUpf("the store has a blank node: %w; blank-nodes: keep takes its label over", err)
			}
		}
		return fn(q)
	})
}

var refuseBlanks = patch.BlankPolicy(patch.RefuseBlanks)
