package opcua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/rdf"
)

// SinkConfig configures a [Sink].
type SinkConfig struct {
	Connection
	// Writes say which values go where. At least one.
	Writes []Write
	// SkipRefused leaves out what the server refuses for good, and what is no value of the variable's type. Otherwise that stops
	// the shard.
	SkipRefused bool
	// State hands over the quads of a shard that have one of these predicates, and returns the mark of the last record in them.
	// They are valid until fn returns. Required.
	State func(ctx context.Context, shard int, predicates []rdf.Term, fn func(rdf.Quad) error) (engine.Mark, error)
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Write says which values go to which variable.
type Write struct {
	// Subject is the IRI of the values' subject. "$(node)" in it stands for the id of the variable, percent-encoded.
	Subject string
	// Predicate and Graph are IRIs; an empty graph is the default graph.
	Predicate, Graph string
	// Node is the variable, by id or path; empty: the subject says it.
	Node string
}

// placeholder stands for the id of a variable in a subject.
const placeholder = "$(node)"

// Sink writes values to variables of an OPC UA server. Make it with [NewSink]. It may be used concurrently.
type Sink struct {
	cfg        SinkConfig
	rules      map[rdf.Term][]rule // by predicate
	predicates []rdf.Term

	turn   chan struct{} // holds a value while somebody connects
	mu     sync.Mutex
	shared *shared // what the shards' writers have in common; nil: the next one connects
}

// rule is a [Write] as it is looked for.
type rule struct {
	graph         rdf.Term
	prefix, after string // around the id in the subject's IRI; without a node, the whole subject is prefix
	node          string
}

var _ connector.Sink = (*Sink)(nil)

// NewSink checks the configuration and returns a sink; it connects to nothing.
func NewSink(cfg SinkConfig) (*Sink, error) {
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	if len(cfg.Writes) == 0 {
		return nil, errors.New("opcua: nothing to write")
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	s := &Sink{cfg: cfg, rules: map[rdf.Term][]rule{}, turn: make(chan struct{}, 1)}
	for _, w := range cfg.Writes {
		predicate, r, err := w.rule()
		if err != nil {
			return nil, fmt.Errorf("opcua: what is written: %w", err)
		}
		if s.rules[predicate] == nil {
			s.predicates = append(s.predicates, predicate)
		}
		s.rules[predicate] = append(s.rules[predicate], r)
	}
	return s, nil
}

// rule checks what is declared.
func (w *Write) rule() (predicate rdf.Term, r rule, err error) {
	if predicate, err = rdf.IRI(w.Predicate); err != nil {
		return predicate, r, fmt.Errorf("predicate: %w", err)
	}
	if w.Graph != "" {
		if r.graph, err = rdf.IRI(w.Graph); err != nil {
			return predicate, r, fmt.Errorf("graph: %w", err)
		}
	}
	var named bool
	r.prefix, r.after, named = strings.Cut(w.Subject, placeholder)
	if named == (w.Node != "") {
		return predicate, r, fmt.Errorf("subject %q: expected either $(node) in it, or a node", w.Subject)
	}
	if err := rdf.CheckIRI(r.prefix + r.after); err != nil {
		return predicate, r, fmt.Errorf("subject: %w", err)
	}
	if r.node = w.Node; !named {
		err = checkNode(w.Node)
	}
	return predicate, r, err
}

// matches returns the text of the variable that a quad's object goes to.
func (r *rule) matches(q rdf.Quad) (node string, ok bool) {
	if q.G != r.graph || q.S.Kind() != rdf.KindIRI {
		return "", false
	}
	subject := q.S.Value()
	if r.node != "" {
		return r.node, subject == r.prefix
	}
	rest, begins := strings.CutPrefix(subject, r.prefix)
	rest, ends := strings.CutSuffix(rest, r.after)
	if !begins || !ends {
		return "", false
	}
	node, err := url.PathUnescape(strings.Clone(rest))
	return node, err == nil && !strings.HasPrefix(node, "/") && checkNode(node) == nil
}

// Promise is [connector.AtLeastOnce]: each variable comes to hold the newest value, some of them more than once.
func (s *Sink) Promise() connector.Promise { return connector.AtLeastOnce }

// Open writes the values that the shard has now: the server doesn't know which it has been sent. Who writes goes on behind them.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	sh, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{s: s, sh: sh, shard: shard}
	if err := w.begin(ctx); err != nil {
		_ = w.Close() // always nil
		return nil, ended(ctx, err)
	}
	return w, nil
}

// acquire returns the session that the shards share; who comes first opens it.
func (s *Sink) acquire(ctx context.Context) (*shared, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if sh := s.join(nil); sh != nil {
		return sh, nil
	}
	session, err := s.cfg.connect(ctx)
	if err != nil {
		return nil, err
	}
	return s.join(newShared(session, s.cfg.URL)), nil
}

// join counts one more that uses the session: the one that there is, else a new one, if given.
func (s *Sink) join(made *shared) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared == nil {
		s.shared = made
	}
	if s.shared != nil {
		s.shared.users++
	}
	return s.shared
}

// release counts one less, and ends the session with the last. One that is broken is not given to others.
func (s *Sink) release(sh *shared, broken bool) {
	s.mu.Lock()
	if sh.users--; s.shared == sh && (broken || sh.users == 0) {
		s.shared = nil
	}
	last := sh.users == 0
	s.mu.Unlock()
	if last {
		sh.close()
	}
}
