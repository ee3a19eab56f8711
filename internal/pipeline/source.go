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
	"github.com/quadrille-stream/quadrille/shard"
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
	// the next messages. Default 200 ms.
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

	rate rate

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
	cfg.Idle, cfg.LagEvery = cmp.Or(cfg.Idle, 200*time.Millisecond), cmp.Or(cfg.LagEvery, 2*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default()).With("source", cfg.Name)
	home := shard.Of(SourceSwitch(cfg.Name), door.Shards())
	return &Source{door: door, from: from, cfg: cfg, home: home, status: SourceStatus{Home: home}}
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
	whileOwned(ctx, s.door, func(ctx context.Context, shard int) {
		if shard != s.home {
			return
		}
		defer s.note(func(st *SourceStatus) { st.Paused = false })
		whileOn(ctx, s.cfg.Switches, SourceSwitch(s.cfg.Name), func(ctx context.Context, paused bool) {
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
	backoff := s.cfg.Backoff
	for {
		begin := s.Status().Messages
		err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errEnd) {
			s.note(func(st *SourceStatus) { st.Ended, st.Failure = true, Failure{} })
			return
		}
		if s.Status().Messages != begin {
			backoff.Reset()
		}
		s.failed(err)
		if !backoff.wait(ctx, err) {
			return
		}
	}
}

func (s *Source) failed(err error) {
	s.cfg.Logger.Error("the source has stopped; it is tried again", "err", err)
	s.note(func(st *SourceStatus) {
		st.Failure = st.again(err)
		st.Tries.failed(err)
	})
}

// errEnd: the source has no more messages.
var errEnd = errors.New("the source has ended")

// session is one connection.
func (s *Source) session(ctx context.Context) (err error) {
	s.forgetStreams()
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
	reading.Go(func() { s.measure(ctx, reader) })
	pass := passage{s: s, reader: reader, done: map[string]uint64{}}
	if err := pass.run(ctx, read); !errors.Is(err, errEnd) || failed == nil {
		return err
	}
	return failed // what was read before is committed
}

// read reads on while the messages before are committed; nil says that there are no more.
func (s *Source) read(ctx context.Context, reader connector.Reader, to chan<- []connector.Message) error {
	backoff := s.cfg.Backoff
	for {
		messages, err := reader.Read(ctx)
		switch {
		case errors.Is(err, connector.ErrRetry):
			if !backoff.wait(ctx, err) {
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
	next, err := p.s.door.Sequence(ctx, p.s.home, p.s.producer(event.Resume, stream, gen))
	if err == nil {
		p.s.begins(stream, next)
	}
	return next, next > 0, err
}
