package opcua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/rdf"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	Connection
	// Nodes are variables that are subscribed to, by id (ns=2;s=x, nsu=NAMESPACE;s=x) or path (/Objects/2:Oven/2:Temperature).
	Nodes []string
	// Trees are nodes below which all variables are subscribed to, but for properties.
	Trees []string
	// MaxNodes bounds the nodes below the trees, and those subscribed to. More are an error. Default 10,000.
	MaxNodes int
	// Publishing is the pause between two messages of the server. Default 500 ms.
	Publishing time.Duration
	// Sampling is the pause between two looks of the server at a variable. 0: as fast as it can; less than 0: as Publishing.
	Sampling time.Duration
	// Queue is how many values of a variable the server keeps between two messages; the oldest goes first. Default 10.
	Queue int
	// Deadband is what a number must differ by to be a new value; 0: by anything. Percent: of the variable's range (EURange).
	Deadband float64
	Percent  bool
	// Silence is the longest time without a sign of the server. Default 15 s.
	Silence time.Duration
	// MaxQueued bounds the values that wait to be read; then the server is asked for no more. Default 20,000.
	MaxQueued int
	// Structure: what is below the trees is kept as RDF in Graph, instead of values, and nothing else is in that graph. NodeIRI is what
	// the IRIs of nodes begin with then; the id follows, percent-encoded.
	Structure bool
	NodeIRI   string
	Graph     rdf.Term
	// Every is the pause between two readings of the structure, unless the server tells that it has changed. Default 10 min.
	Every time.Duration
	// Have hands over the quads that the pipeline has, of Graph at least. They are valid until fn returns. Required for a structure.
	Have func(ctx context.Context, fn func(rdf.Quad) error) error
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// The bounds of what may be configured.
const (
	minInterval = 10 * time.Millisecond
	maxInterval = time.Hour
)

// Source reads an OPC UA server. Make it with [NewSource]. It may be used concurrently.
type Source struct {
	cfg SourceConfig

	mu   sync.Mutex
	seen time.Time // the last sign of the server that the reader before had; zero: there was none
}

var _ connector.Source = (*Source)(nil)

// NewSource checks the configuration and returns a source; it connects to nothing.
func NewSource(cfg SourceConfig) (*Source, error) {
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	cfg.MaxNodes, cfg.Queue = cmp.Or(cfg.MaxNodes, 10_000), cmp.Or(cfg.Queue, 10)
	cfg.MaxQueued = cmp.Or(cfg.MaxQueued, 20_000)
	cfg.Publishing = cmp.Or(cfg.Publishing, 500*time.Millisecond)
	if cfg.Sampling > 0 && cfg.Sampling < minInterval {
		return nil, fmt.Errorf("opcua: a sampling interval of %v: expected 0, or %v or more", cfg.Sampling, minInterval)
	}
	if cfg.Sampling < 0 {
		cfg.Sampling = cfg.Publishing
	}
	cfg.Silence, cfg.Every = cmp.Or(cfg.Silence, 15*time.Second), cmp.Or(cfg.Every, 10*time.Minute)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if err := cfg.checkNodes(); err != nil {
		return nil, err
	}
	for _, pause := range []time.Duration{cfg.Publishing, max(cfg.Sampling, minInterval), cfg.Silence} {
		if pause < minInterval || pause > maxInterval {
			return nil, fmt.Errorf("opcua: a time of %v: expected %v to %v", pause, minInterval, maxInterval)
		}
	}
	switch {
	case cfg.MaxNodes < 0 || cfg.Queue < 0 || cfg.MaxQueued < 0:
		return nil, errors.New("opcua: a bound is less than 0")
	case cfg.Silence < 3*cfg.Publishing:
		return nil, fmt.Errorf("opcua: silence of %v: expected three times the %v between two messages, or more", cfg.Silence,
			cfg.Publishing)
	case cfg.Deadband < 0 || cfg.Percent && cfg.Deadband > 100:
		return nil, fmt.Errorf("opcua: a deadband of %v: expected 0 or more, and at most 100 percent", cfg.Deadband)
	}
	return &Source{cfg: cfg}, nil
}

// checkNodes looks at what is to be read.
func (c *SourceConfig) checkNodes() error {
	switch {
	case len(c.Nodes)+len(c.Trees) == 0:
		return errors.New("opcua: no nodes and no trees to read")
	case len(c.Nodes)+len(c.Trees) > c.MaxNodes:
		return fmt.Errorf("opcua: %d nodes and trees: expected at most %d", len(c.Nodes)+len(c.Trees), c.MaxNodes)
	case c.Structure && c.Have == nil:
		return errors.New("opcua: a structure needs what the pipeline has")
	case c.Structure && c.Every < minEvery:
		return fmt.Errorf("opcua: a pause of %v between two readings of the structure: expected %v or more", c.Every, minEvery)
	case c.Structure && (len(c.Nodes) > 0 || len(c.Trees) == 0):
		return errors.New("opcua: the structure is that of trees: give these, and no nodes")
	}
	for _, list := range [][]string{c.Nodes, c.Trees} {
		for _, text := range list {
			if err := checkNode(text); err != nil {
				return err
			}
		}
	}
	return nil
}

// Open connects, and begins to subscribe to the variables, or to read the structure.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	session, err := s.cfg.connect(ctx)
	if err != nil {
		return nil, err
	}
	if s.cfg.Structure {
		r, err := s.openStructure(ctx, progress, session)
		if err != nil {
			return nil, ended(ctx, err)
		}
		return r, nil
	}
	r := newReader(s, session)
	if err := r.open(ctx); err != nil {
		r.end()
		return nil, ended(ctx, err)
	}
	return r, nil
}

// last returns the last sign of the server that an earlier reader had.
func (s *Source) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// sawAt notes the last sign of the server that a reader had.
func (s *Source) sawAt(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = at
}

// filter is what a value must differ by from the one before; nil: by anything.
func (c *SourceConfig) filter() *ua.ExtensionObject {
	if c.Deadband == 0 {
		return nil
	}
	kind := ua.DeadbandTypeAbsolute
	if c.Percent {
		kind = ua.DeadbandTypePercent
	}
	return ua.NewExtensionObject(&ua.DataChangeFilter{Trigger: ua.DataChangeTriggerStatusValue, DeadbandType: uint32(kind),
		DeadbandValue: c.Deadband})
}
