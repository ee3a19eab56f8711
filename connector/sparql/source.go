package sparql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/difference"
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

// copied is the stream of the message that says that all was copied.
const copied = "copied"

// Open begins to read, unless the graphs were to be copied once, and are.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	_, done, err := progress.Next(ctx, copied)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &reader{source: s, store: &Store{s.cfg.connect()}, cancel: cancel, out: make(chan connector.Message), ended: make(chan struct{}),
		acked: make(chan struct{}, 1)}
	go func() {
		defer close(r.ended)
		if s.cfg.Every > 0 || !done {
			r.err = r.run(reading)
		}
		r.err = cmp.Or(r.err, io.EOF)
	}()
	return r, nil
}

// reader copies the graphs.
type reader struct {
	source *Source
	store  *Store
	cancel context.CancelCauseFunc
	out    chan connector.Message
	ended  chan struct{} // closed when nothing more comes
	err    error         // why, once it is closed
	acked  chan struct{} // holds a value when open has become less

	mu   sync.Mutex
	open int // messages that are not acked
}

// stubborn is the pause before what differs again and again is sent once more, where none is configured.
const stubborn = 10 * time.Second

// run reads until nothing differs, or again and again.
func (r *reader) run(ctx context.Context) error {
	every := r.source.cfg.Every
	for tries := 0; ; {
		sent, err := r.pass(ctx)
		if err != nil {
			return err
		}
		if sent == 0 && every == 0 {
			return r.finish(ctx)
		}
		// What was sent is looked for at once. What differs then, and once more, may be refused by its shard.
		if tries++; sent == 0 || tries > 2 {
			if err := clock.Sleep(ctx, cmp.Or(every, stubborn)); err != nil {
				return err
			}
		}
		if sent == 0 {
			tries = 0
		}
	}
}

// finish notes that all was copied.
func (r *reader) finish(ctx context.Context) error {
	if err := r.send(ctx, connector.Message{Stream: copied, MediaType: patchType, Body: []byte("TX .\nTC .\n")}); err != nil {
		return err
	}
	return r.settled(ctx)
}

const (
	patchType = "application/rdf-patch"
	// maxMessage bounds the rows of a message in bytes, unless one is larger.
	maxMessage = 256 << 10
)

// pass sends what differs, waits until it is committed, and returns how many messages that were.
func (r *reader) pass(ctx context.Context) (sent int, err error) {
	var body []byte
	flush := func() error {
		m := connector.Message{MediaType: patchType, Body: append(append([]byte("TX .\n"), body...), "TC .\n"...)}
		body = body[:0]
		sent++
		return r.send(ctx, m)
	}
	row := func(add func([]byte, rdf.Quad) []byte) func(rdf.Quad) error {
		return func(q rdf.Quad) error {
			if body = add(body, q); len(body) < maxMessage {
				return nil
			}
			return flush()
		}
	}
	only := row(patch.AppendDelete)
	if r.source.cfg.Keep {
		only = func(rdf.Quad) error { return nil }
	}
	err = difference.Of(ctx, r.have, r.there, r.source.cfg.MaxHeld, only, row(patch.AppendAdd))
	if err == nil && len(body) > 0 {
		err = flush()
	}
	if err != nil {
		return sent, err
	}
	return sent, r.settled(ctx)
}

// have hands over what the pipeline has of the graphs.
func (r *reader) have(ctx context.Context, fn func(rdf.Quad) error) error {
	return r.source.cfg.Have(ctx, func(q rdf.Quad) error {
		for _, graph := range r.source.graphs {
			if q.G == graph {
				return fn(q)
			}
		}
		return nil
	})
}

// there hands over what the store has of them.
func (r *reader) there(ctx context.Context, fn func(rdf.Quad) error) error {
	return r.store.Quads(ctx, r.source.graphs, func(q rdf.Quad) error {
		if r.source.cfg.Refuse {
			if _, err := refuseBlanks.Name(q); err != nil {
				return fmt.Errorf("%w: the store has a blank node: %w", connector.ErrGiveUp, err)
			}
		}
		return fn(q)
	})
}

var refuseBlanks = patch.BlankPolicy(patch.RefuseBlanks)

// send hands a message to who reads.
func (r *reader) send(ctx context.Context, m connector.Message) error {
	r.count(1)
	select {
	case r.out <- m:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *reader) count(by int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open += by
	return r.open
}

// settled waits until all that was sent is committed.
func (r *reader) settled(ctx context.Context) error {
	for r.count(0) > 0 {
		select {
		case <-r.acked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Read returns the next message.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case m := <-r.out:
		return []connector.Message{m}, nil
	case <-r.ended:
		return nil, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Ack lets the next reading begin, when all is committed.
func (r *reader) Ack(_ context.Context, committed []connector.Message) error {
	r.count(-len(committed))
	select {
	case r.acked <- struct{}{}:
	default:
	}
	return nil
}

// errClosed ends what is under way when the reader is closed.
var errClosed = errors.New("the reader is closed")

// Close ends the reading.
func (r *reader) Close() error {
	r.cancel(errClosed)
	<-r.ended
	r.store.Close()
	return nil
}
