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
	// LagEvery is the time between two questions how far the peer is, of a reader that can tell. Default 2 s.
	LagEvery time.Duration
	// Switches say whether it is paused; nil: it never is.
	Switches Switches
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

	rate  rate
	told  *complaints
	guard *guard

	mu      sync.Mutex
	status  SourceStatus
	streams map[string]*streamAt // of the connection
	gens    map[string]uint64    // by stream of the connection: its generation
}

// SourceStatus is how a source is.
type SourceStatus struct {
	// Home is the shard whose owner runs it. Running: that is this node.
	Home    int
	Running bool
	// Paused: it would run here, and is not to; no connection is open.
	Paused bool
	// Ended: the source has no more messages, and all are committed.
	Ended bool
	// Messages counts those committed since the start of this node, Rejected those of them that are dead letters.
	Messages, Rejected uint64
	// Rate is how many messages a second were committed within the last seconds.
	Rate float64
	// Streams are those of the connection, and how far behind each is.
	Streams []StreamStatus
	// Failure is why it is being tried again.
	Failure
	// Tries says what has failed.
	Tries
}

// NewSource returns a source; it starts nothing.
func NewSource(door Door, from connector.Source, cfg SourceConfig) *Source {
	cfg.Idle, cfg.LagEvery = cmp.Or(cfg.Idle, core.Idle), cmp.Or(cfg.LagEvery, 2*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default()).With("source", cfg.Name)
	home := core.Home(cfg.Name, door.Shards())
	told := newComplaints(cfg.Logger, "the source has stopped; it is tried again", "the source goes on", false)
	return &Source{told: told, guard: newGuard(cfg.Logger), door: door, from: from, cfg: cfg, home: home, status: SourceStatus{Home: home}}
}

// Status tells how the source is. It may be called concurrently.
func (s *Source) Status() SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Rate, st.Streams = s.rate.perSecond(time.Now()), s.streamsNow()
	return st
}

func (s *Source) note(change func(*SourceStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

// Run brings messages in until ctx ends, and returns when the connection is closed. Run is called once.
func (s *Source) Run(ctx context.Context) error {
	defer s.told.begin()()
	whileOwned(ctx, s.door, func(ctx context.Context, shard int) {
		if shard != s.home {
			return
		}
		defer s.note(func(st *SourceStatus) { st.Paused = false })
		whileOn(ctx, s.cfg.Switches, SourceKind.Switch(s.cfg.Name), func(ctx context.Context, paused bool) {
			s.note(func(st *SourceStatus) { st.Paused = paused })
			if !paused {
				s.keep(ctx)
			}
		})
	})
	return nil
}

// keep reads until ctx ends or the source does, over all errors.
func (s *Source) keep(ctx context.Context) {
	s.note(func(st *SourceStatus) { st.Running, st.Ended = true, false })
	defer s.note(func(st *SourceStatus) { st.Running, st.Failure = false, Failure{} })
	defer s.told.gone(s.home)
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
	s.told.failed(s.home, err)
	s.note(func(st *SourceStatus) {
		st.Failure = st.again(err)
		st.Tries.failed(err)
	})
}

// session is one connection.
func (s *Source) session(ctx context.Context) (err error) {
	s.forgetStreams()
	reader, err := guarded(s.guard, func() (connector.Reader, error) { return s.from.Open(ctx, progress{s}) })
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, s.guard.do(reader.Close)) }()
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
	reading.Go(func() { s.measure(ctx, reader) })
	if err := s.pass(ctx, reader, read); !errors.Is(err, core.ErrEnd) || failed == nil {
		return err
	}
	return failed // what was read before is committed
}

// pass brings batches through the door until there are no more, and returns why it is over.
func (s *Source) pass(ctx context.Context, reader connector.Reader, batches <-chan []connector.Message) error {
	p := core.NewPassage(core.PassageConfig{Source: s.cfg.Name, Home: s.home, Divide: s.divide, Generation: s.known,
		LetterType: s.letterType, Backoff: s.cfg.Backoff, Logger: s.cfg.Logger})
	idle := time.NewTimer(s.cfg.Idle)
	defer idle.Stop()
	for {
		switch step := p.Step(); step.Action {
		case core.Await:
			if err := s.await(ctx, p, batches, idle); err != nil {
				return err
			}
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
			s.acked(p, step.Messages, s.guard.do(func() error { return reader.Ack(ctx, step.Messages) }))
			idle.Reset(s.cfg.Idle)
		default:
			return step.Err
		}
	}
}

// acked tells the passage what came of acking its batch, and counts it.
func (s *Source) acked(p *core.Passage, messages []connector.Message, err error) {
	if p.Acked(err); err == nil {
		s.took(messages)
		s.note(func(st *SourceStatus) {
			st.Messages, st.Rejected = st.Messages+uint64(len(messages)), st.Rejected+p.Rejected()
		})
	}
}

// await gives the passage the next messages, whose streams' generations are known by then, or tells it that none have come.
func (s *Source) await(ctx context.Context, p *core.Passage, batches <-chan []connector.Message, idle *time.Timer) error {
	select {
	case messages, more := <-batches:
		if !more {
			p.End()
			return nil
		}
		for i := range messages {
			if stream := messages[i].Stream; stream != "" {
				if _, err := s.generation(ctx, stream); err != nil {
					return err
				}
			}
		}
		p.Take(messages)
	case <-idle.C:
		p.Idle()
		s.well(p)
	}
	return nil
}

// well shows no failure once nothing is left to be sent.
func (s *Source) well(p *core.Passage) {
	if next := p.Step().Action; next != core.Send && next != core.Pause {
		s.told.well(s.home)
		s.note(func(st *SourceStatus) { st.Failure, st.Retries = Failure{}, 0 })
	}
}

// divide makes events of a message. One that has it panic becomes a dead letter, which keeps it, and those behind it are taken in.
func (s *Source) divide(m connector.Message, from event.Producer, seq uint64) ([]event.Addressed, error) {
	return guarded(s.guard, func() ([]event.Addressed, error) {
		document := graph.Submission{MediaType: m.MediaType, Body: m.Body}
		if s.cfg.Map != nil {
			var err error
			if document, err = s.cfg.Map(m); err != nil {
				return nil, err
			}
		}
		return s.door.Divide(document, from, seq)
	})
}

// read reads on while the messages before are committed; nil says that there are no more.
func (s *Source) read(ctx context.Context, reader connector.Reader, to chan<- []connector.Message) error {
	backoff := s.cfg.Backoff
	for {
		messages, err := guarded(s.guard, func() ([]connector.Message, error) { return reader.Read(ctx) })
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
	gen, err := p.s.generation(ctx, stream)
	if err != nil {
		return 0, false, err
	}
	next, err := p.s.door.Sequence(ctx, p.s.home, core.Producer(event.Resume, p.s.cfg.Name, stream, gen))
	if err == nil && next > 0 { // of others nothing is known, not even that they are there
		p.s.begins(stream, next)
	}
	return next, next > 0, err
}
