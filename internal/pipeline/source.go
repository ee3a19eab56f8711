package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
)

// Door is where a source's messages go. All methods may be called concurrently.
type Door interface {
	Ownership
	// Shards is the number of shards.
	Shards() int
	// Sequence is [node.Node.Sequence].
	Sequence(ctx context.Context, shard int, p event.Producer) (uint64, error)
	// Divide is [graph.Graph.Divide], SendBatch [node.Node.SendBatch].
	Divide(s graph.Submission, from event.Producer, seq uint64) ([]event.Addressed, error)
	SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error)
}

// SourceConfig configures a [Source].
type SourceConfig struct {
	// Name is the source's, unique in the pipeline: it is a part of the identities of its messages. It has no '/'.
	Name string
	// Map makes a document of changes of a message; nil: each message is one. What it refuses is a dead letter.
	Map func(connector.Message) (graph.Submission, error)
	// Backoff is the pause after an error.
	Backoff Backoff
	// Idle is the time without a message after which it is noted how far the source has come; until then that is noted with
	// the next messages. Default [core.Idle].
	Idle time.Duration
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Source brings the messages of a [connector.Source] into a pipeline. It runs on one node at a time, that which owns its home:
// the shard that its name falls in. Make it with [NewSource], then call Run.
//
// How far it has come in a stream stands in the home, as the sequence of a producer of kind [event.Resume]: every message
// before is committed, in whichever shard. It is noted behind the commit, so it may be behind by a batch; what is then read
// again has no second effect, since a message's identity is that of its events in each shard.
type Source struct {
	door Door
	from connector.Source
	cfg  SourceConfig
	home int

	mu     sync.Mutex
	status SourceStatus
}

// SourceStatus is how a source is.
type SourceStatus struct {
	// Home is the shard whose owner runs it. Running: that is this node.
	Home    int
	Running bool
	// Ended: the source has no more messages, and all are committed.
	Ended bool
	// Messages counts those committed since the start of this node, Rejected those of them that are dead letters.
	Messages, Rejected uint64
	// Failure is why it is being tried again.
	Failure
}

// NewSource returns a source; it starts nothing.
func NewSource(door Door, from connector.Source, cfg SourceConfig) *Source {
	cfg.Idle = cmp.Or(cfg.Idle, core.Idle)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default()).With("source", cfg.Name)
	home := core.Home(cfg.Name, door.Shards())
	return &Source{door: door, from: from, cfg: cfg, home: home, status: SourceStatus{Home: home}}
}

// Status tells how the source is. It may be called concurrently.
func (s *Source) Status() SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *Source) note(change func(*SourceStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

// Run brings messages in until ctx ends, and returns when the connection is closed. Run is called once.
func (s *Source) Run(ctx context.Context) error {
	whileOwned(ctx, s.door, func(ctx context.Context, shard int) {
		if shard == s.home {
			s.keep(ctx)
		}
	})
	return nil
}

// keep reads until ctx ends or the source does, over all errors.
func (s *Source) keep(ctx context.Context) {
	s.note(func(st *SourceStatus) { st.Running = true })
	defer s.note(func(st *SourceStatus) { st.Running, st.Failure = false, Failure{} })
	backoff := s.cfg.Backoff
	for {
		begin := s.Status().Messages
		err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, core.ErrEnd) {
			s.note(func(st *SourceStatus) { st.Ended, st.Failure = true, Failure{} })
			return
		}
		if s.Status().Messages != begin {
			backoff.Reset()
		}
		s.failed(err)
		if clock.Sleep(ctx, backoff.After(err)) != nil {
			return
		}
	}
}

func (s *Source) failed(err error) {
	s.cfg.Logger.Error("the source has stopped; it is tried again", "err", err)
	s.note(func(st *SourceStatus) { st.Failure = st.again(err) })
}

// session is one connection.
func (s *Source) session(ctx context.Context) (err error) {
	reader, err := s.from.Open(ctx, progress{s})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	read := make(chan []connector.Message)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()   // before that
	var failed error // of the reading, once read is closed
	reading.Go(func() {
		defer close(read)
		failed = s.read(ctx, reader, read)
	})
	if err := s.pass(ctx, reader, read); !errors.Is(err, core.ErrEnd) || failed == nil {
		return err
	}
	return failed // what was read before is committed
}

// pass brings batches through the door until there are no more, and returns why it is over.
func (s *Source) pass(ctx context.Context, reader connector.Reader, batches <-chan []connector.Message) error {
	p := core.NewPassage(core.PassageConfig{Source: s.cfg.Name, Home: s.home, Divide: s.divide, Backoff: s.cfg.Backoff,
		Logger: s.cfg.Logger})
	idle := time.NewTimer(s.cfg.Idle)
	defer idle.Stop()
	for {
		switch step := p.Step(); step.Action {
		case core.Await:
			s.await(p, batches, idle)
		case core.Send:
			p.Sent(s.door.SendBatch(ctx, step.Events))
			s.well(p)
		case core.Pause:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.failed(step.Err)
			if err := clock.Sleep(ctx, step.Pause); err != nil {
				return err
			}
			p.Paused()
		case core.Ack:
			s.acked(p, len(step.Messages), reader.Ack(ctx, step.Messages))
			idle.Reset(s.cfg.Idle)
		default:
			return step.Err
		}
	}
}

// acked tells the passage what came of acking its batch, and counts it.
func (s *Source) acked(p *core.Passage, messages int, err error) {
	if p.Acked(err); err == nil {
		s.note(func(st *SourceStatus) {
			st.Messages, st.Rejected = st.Messages+uint64(messages), st.Rejected+p.Rejected()
		})
	}
}

// await gives the passage the next messages, or tells it that none have come.
func (s *Source) await(p *core.Passage, batches <-chan []connector.Message, idle *time.Timer) {
	select {
	case messages, more := <-batches:
		if more {
			p.Take(messages)
		} else {
			p.End()
		}
	case <-idle.C:
		p.Idle()
		s.well(p)
	}
}

// well shows no failure once nothing is left to be sent.
func (s *Source) well(p *core.Passage) {
	if next := p.Step().Action; next != core.Send && next != core.Pause {
		s.note(func(st *SourceStatus) { st.Failure = Failure{} })
	}
}

// divide makes events of a message.
func (s *Source) divide(m connector.Message, from event.Producer, seq uint64) ([]event.Addressed, error) {
	document := graph.Submission{MediaType: m.MediaType, Body: m.Body}
	if s.cfg.Map != nil {
		var err error
		if document, err = s.cfg.Map(m); err != nil {
			return nil, err
		}
	}
	return s.door.Divide(document, from, seq)
}

// read reads on while the messages before are committed; nil says that there are no more.
func (s *Source) read(ctx context.Context, reader connector.Reader, to chan<- []connector.Message) error {
	backoff := s.cfg.Backoff
	for {
		messages, err := reader.Read(ctx)
		switch {
		case errors.Is(err, connector.ErrRetry):
			if clock.Sleep(ctx, backoff.After(err)) != nil {
				return ctx.Err()
			}
			continue
		case err == io.EOF: //nolint:errorlint // around another error it is that of a connection
			return nil
		case err != nil:
			return fmt.Errorf("read: %w", err)
		}
		backoff.Reset()
		select {
		case to <- messages:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// progress tells a connector how far its source has come.
type progress struct{ s *Source }

// Next implements [connector.Progress]. A sequence is an offset and one, so that 0 is "nothing yet".
func (p progress) Next(ctx context.Context, stream string) (uint64, bool, error) {
	next, err := p.s.door.Sequence(ctx, p.s.home, core.Producer(event.Resume, p.s.cfg.Name, stream))
	return next, next > 0, err
}
