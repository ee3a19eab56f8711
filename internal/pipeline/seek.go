package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/node"
)

// A source's messages have their effect once, so to read them again is of no use while they have the same identity. To seek
// therefore begins a new generation of a stream, by which its messages are known from then on. Its number is the epoch of a record of the
// control log, so that of two who seek at once the later one is right. It stands in the home, as the sequence of a producer, with the place
// where the generation begins beside it: so any node can seek, and the home's owner, who alone reads it, takes it in when it opens
// a connection.

// replayed is the producer whose sequence is the newest generation of a stream, or, where there is none, of all of them; adopted the
// one whose sequence is that which was read last.
func (s *Source) replayed(stream string) event.Producer {
	return marking(s.cfg.Name + "!replay/" + stream)
}
func (s *Source) replayedAll() event.Producer { return marking(s.cfg.Name + "!replay") }
func (s *Source) adopted(stream string) event.Producer {
	return marking(s.cfg.Name + "!adopted/" + stream)
}

// marking is a producer whose sequences are marks.
func marking(name string) event.Producer { return event.Producer{Kind: event.Resume, Name: name} }

// known is the generation of a stream as it was when it was last asked for.
func (s *Source) known(stream string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gens[stream]
}

// generation returns that of a stream, which stays the same for a connection.
func (s *Source) generation(ctx context.Context, stream string) (uint64, error) {
	s.mu.Lock()
	gen, ok := s.gens[stream]
	s.mu.Unlock()
	if ok {
		return gen, nil
	}
	var numbers [3]uint64
	for i, mark := range []event.Producer{s.replayed(stream), s.replayedAll(), s.adopted(stream)} {
		var err error
		if numbers[i], err = s.door.Sequence(ctx, s.home, mark); err != nil {
			return 0, err
		}
	}
	gen = max(numbers[0], numbers[1])
	if before := numbers[2]; gen != before {
		if err := s.adopt(ctx, stream, before, gen); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gens == nil {
		s.gens = map[string]uint64{}
	}
	s.gens[stream] = gen
	return gen, nil
}

// closed is behind every sequence of a message.
const closed = 1 << 62

// adopt begins a generation: nothing of the one before is committed any more, in any shard, whoever may still have a batch of it
// under way.
func (s *Source) adopt(ctx context.Context, stream string, before, gen uint64) error {
	var events []event.Addressed
	for shard := range s.door.Shards() {
		events = append(events, core.Note(shard, core.Producer(event.Source, s.cfg.Name, stream, before), closed))
	}
	if err := commitAll(ctx, s.door, events); err != nil {
		return fmt.Errorf("end the generation before of stream %q: %w", stream, err)
	}
	s.cfg.Logger.Info("a stream is read from another place", "stream", stream, "generation", gen)
	return commitAll(ctx, s.door, []event.Addressed{core.Note(s.home, s.adopted(stream), gen)})
}

// sender is where events go.
type sender interface {
	// SendBatch is [node.Node.SendBatch].
	SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error)
}

// commitAll commits marks; what is committed before has no second effect.
func commitAll(ctx context.Context, door sender, events []event.Addressed) error {
	acks, err := door.SendBatch(ctx, events)
	for i := range acks {
		if why := node.AckError(acks[i]); why != nil {
			err = errors.Join(err, fmt.Errorf("shard %d: %w", events[i].Shard, why))
		}
	}
	return err
}

// SourcePlace is where to read on.
type SourcePlace struct {
	// Stream is the stream, "" for all.
	Stream string
	// Offset is that of the next message; 0: as if nothing had been read, where the configuration says.
	Offset uint64
}

// SeekSource has a source read on from another place, whether it runs or is paused: it is read as if nothing of it had come before, so
// what is read again is applied again. Errors: that there is none of that name, and those of [coordinator.Coordinator.Restart] and
// [node.Node.SendBatch].
func (c *Control) SeekSource(ctx context.Context, name string, to SourcePlace) error {
	s := c.Sources[name]
	if s == nil {
		return c.known(SourceKind, name)
	}
	gen, err := c.Switches.Restart(ctx, SourceKind.Switch(name))
	if err != nil {
		return err
	}
	var events []event.Addressed
	newest := s.replayedAll()
	if to.Stream != "" {
		newest = s.replayed(to.Stream)
		if to.Offset > 0 {
			events = append(events, core.Note(s.home, core.Producer(event.Resume, s.cfg.Name, to.Stream, gen), to.Offset))
		}
	}
	for _, ev := range append(events, core.Note(s.home, newest, gen)) { // one after the other: a generation begins where it says
		if err := commitAll(ctx, s.door, []event.Addressed{ev}); err != nil {
			return err
		}
	}
	_, err = c.Switches.Restart(ctx, SourceKind.Switch(name))
	return err
}

// Place is where the orders of sinks are kept: in the log of the shard that they are about.
type Place interface {
	sender
	// Sequence is [node.Node.Sequence], Resolve [node.Node.Resolve].
	Sequence(ctx context.Context, shard int, p event.Producer) (uint64, error)
	Resolve(ctx context.Context, c engine.Cursor) (engine.Cursor, error)
}

// asked is the producer whose sequence is the number of the newest order to seek, sought that of the newest which was carried out.
func (s *Sink) asked() event.Producer  { return marking("!sink/" + s.cfg.Name + "/seek") }
func (s *Sink) sought() event.Producer { return marking("!sink/" + s.cfg.Name + "/sought") }

// target is the producer whose sequence is where to seek, and one.
func (s *Sink) target(order uint64) event.Producer {
	return marking("!sink/" + s.cfg.Name + "/to/" + strconv.FormatUint(order, 10))
}

// Seekable reports whether the target can be told another place, or the pipeline keeps its place.
func (s *Sink) Seekable() bool {
	_, told := s.to.(connector.Seeker)
	_, kept := s.to.(connector.Placeless)
	return (told || kept) && s.cfg.Place != nil
}

// ErrNotSeekable: the sink's target can't be told another place.
var ErrNotSeekable = errors.New("the sink can't seek")

// SeekSink has a sink go on behind a record of the logs of shards, or at their start if the position is 0. The owner of a shard does it,
// when it opens the next connection. Errors: [ErrNotSeekable], [node.ErrCursor] where a log has no such record, and those of
// [coordinator.Coordinator.Restart] and [node.Node.SendBatch].
func (c *Control) SeekSink(ctx context.Context, name string, position uint64, shards ...int) error {
	s := c.Sinks[name]
	if s == nil {
		return c.known(SinkKind, name)
	}
	if !s.Seekable() {
		return fmt.Errorf("sink %q: %w: nobody keeps a place of it, and it writes the values of now whenever it begins: pause it, and resume it", name, ErrNotSeekable)
	}
	for _, shard := range shards {
		if _, err := s.markAt(ctx, shard, position); err != nil {
			return err
		}
	}
	order, err := c.Switches.Restart(ctx, SinkKind.Switch(name))
	if err != nil {
		return err
	}
	var where, what []event.Addressed
	for _, shard := range shards {
		where, what = append(where, core.Note(shard, s.target(order), position+1)), append(what, core.Note(shard, s.asked(), order))
	}
	for _, events := range [][]event.Addressed{where, what} { // an order says where from the beginning
		if err := commitAll(ctx, s.cfg.Place, events); err != nil {
			return err
		}
	}
	_, err = c.Switches.Restart(ctx, SinkKind.Switch(name))
	return err
}

// markAt is that of the record at a position of a shard's log.
func (s *Sink) markAt(ctx context.Context, shard int, position uint64) (engine.Mark, error) {
	if position == 0 {
		return engine.Mark{}, nil
	}
	c, err := s.cfg.Place.Resolve(ctx, engine.Cursor{shard: {Position: position}})
	return c[shard], err
}

// seek carries out the newest order for a shard, if that was not done. When the node dies before it is noted it is done again.
func (s *Sink) seek(ctx context.Context, shard int) error {
	to, ok := s.to.(connector.Seeker)
	if !ok || s.cfg.Place == nil {
		return nil
	}
	var numbers [2]uint64
	for i, mark := range []event.Producer{s.asked(), s.sought()} {
		var err error
		if numbers[i], err = s.cfg.Place.Sequence(ctx, shard, mark); err != nil {
			return err
		}
	}
	order := numbers[0]
	if order <= numbers[1] {
		return nil
	}
	next, err := s.cfg.Place.Sequence(ctx, shard, s.target(order))
	if err != nil {
		return err
	}
	at, err := s.markAt(ctx, shard, max(next, 1)-1)
	if err != nil {
		return err
	}
	if err := s.guard.do(func() error { return to.Seek(ctx, shard, at) }); err != nil {
		return fmt.Errorf("seek to position %d: %w", at.Position, err)
	}
	s.cfg.Logger.Info("the sink goes on at another place", "shard", shard, "position", at.Position)
	return commitAll(ctx, s.cfg.Place, []event.Addressed{core.Note(shard, s.sought(), order)})
}
