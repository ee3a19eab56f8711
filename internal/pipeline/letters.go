package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// letterType is the media type of a message's letter.
func (s *Source) letterType(m connector.Message) string {
	details := url.Values{}
	if m.Stream == "" {
		details.Set(core.DetailSource, s.cfg.Name)
	}
	if !m.Time.IsZero() {
		details.Set(core.DetailTime, m.Time.UTC().Format(time.RFC3339Nano))
	}
	if m.Vars != nil {
		s.letterVars(m, details)
	}
	return core.LetterType(m.MediaType, details)
}

// letterVars puts the variables of a message into its letter: all for a mapping, which may need them; without one those that say where it
// stood, if there is room.
func (s *Source) letterVars(m connector.Message, details url.Values) {
	size := 0
	for name, value := range m.Vars {
		switch size += len(name) + len(value); {
		case size > core.MaxDetail/3: // each byte may take three
			if s.cfg.Map != nil {
				details.Set(core.DetailLost, "true")
			}
			return
		case s.cfg.Map != nil || !strings.HasPrefix(name, "header."):
			details.Set(core.DetailVar+name, value)
		}
	}
}

// retried begins the names of the producers of letters that are taken in again.
const retried = "!retry/"

// Letter is a dead letter as people see it.
type Letter struct {
	node.Letter
	// Source is the source that the message came from, "" if it came another way; Stream and Offset its place there, if it has one.
	Source, Stream string
	Offset         uint64
	// MediaType is that of the content; Whole: it is a whole message, of which a mapping makes changes if the source has one. Else it is
	// the part of a shard, in the form in which that is committed.
	MediaType string
	Whole     bool
	// Cut: not all of the content is there.
	Cut bool
	// Sent and Vars are what the source said of the message besides.
	Sent time.Time
	Vars map[string]string
}

// letterOf explains a letter.
func letterOf(l node.Letter) Letter {
	media, details := core.LetterDetails(l.MediaType)
	out := Letter{Letter: l, MediaType: media, Cut: details.Has(core.DetailCut) || details.Has(core.DetailLost), Source: details.Get(core.DetailSource)}
	out.Sent, _ = time.Parse(time.RFC3339Nano, details.Get(core.DetailTime))
	for name := range details {
		if of, ok := strings.CutPrefix(name, core.DetailVar); ok {
			if out.Vars == nil {
				out.Vars = map[string]string{}
			}
			out.Vars[of] = details.Get(name)
		}
	}
	out.Whole = out.Source != ""
	if who := l.Producer; who.Kind == event.Source && !strings.HasPrefix(who.Name, retried) {
		// SOURCE, whether it is a whole message (!) or what a shard has refused (!SHARD), generation, stream
		name, stream, ok := strings.Cut(who.Name, "/")
		name, _, _ = strings.Cut(name, "~")
		source, shard, letter := strings.Cut(name, "!")
		if ok && l.Seq > 0 {
			out.Source, out.Stream, out.Offset, out.Whole = source, stream, l.Seq-1, letter && shard == ""
		}
	}
	return out
}

// Letters is where dead letters are; a [graph.Graph] is one. All methods may be called concurrently.
type Letters interface {
	// Letters is [node.Node.Letters], LetterHeads and Letter [node.Node.LetterHeads] and [node.Node.Letter].
	Letters(ctx context.Context, shard int) (operator.Letters, error)
	LetterHeads(ctx context.Context, shard int, positions []uint64, fn func(node.Letter) error) error
	Letter(ctx context.Context, shard int, position uint64) (node.Letter, error)
	// Door takes in what is tried again.
	Door
}

// LetterFilter chooses letters.
type LetterFilter struct {
	// Shard is the shard, -1 for all, Source the source, "" for any.
	Shard  int
	Source string
	// After is the place of the last letter that was looked at: a list goes on behind it.
	After LetterPlace
	// Limit bounds the letters of the list.
	Limit int
}

// LetterPlace is where a letter is.
type LetterPlace struct {
	// Shard is the shard's number, Position that of the letter's record.
	Shard    int
	Position uint64
}

// lookRatio bounds the letters that are read for one that is listed.
const lookRatio = 10

// readTogether bounds the letters that are read at one time.
const readTogether = 256

// ListLetters returns dead letters that are open, by shard and position, without the content of those that have several records, and
// the place behind which there may be more, if there may. Errors are those of [node.Node.Letters].
func (c *Control) ListLetters(ctx context.Context, f LetterFilter) (list []Letter, more *LetterPlace, err error) {
	l := listing{LetterFilter: f}
	for shard := f.After.Shard; shard < c.Letters.Shards(); shard++ {
		if f.Shard >= 0 && shard != f.Shard {
			continue
		}
		at := LetterPlace{Shard: shard}
		if shard == f.After.Shard {
			at = f.After
		}
		if more, err = c.listShard(ctx, &l, at); more != nil || err != nil {
			return l.list, more, err
		}
	}
	return l.list, nil, nil
}

// listing is a list that is being made.
type listing struct {
	LetterFilter
	list   []Letter
	looked int
}

// room is how many letters may still be looked at.
func (l *listing) room() int { return min(l.Limit-len(l.list), lookRatio*l.Limit-l.looked) }

// listShard lists the letters of a shard behind a place, and returns the place at which it has ended before the end.
func (c *Control) listShard(ctx context.Context, l *listing, at LetterPlace) (more *LetterPlace, err error) {
	open, err := c.Letters.Letters(ctx, at.Shard)
	if err != nil {
		return nil, fmt.Errorf("shard %d: %w", at.Shard, err)
	}
	for {
		positions := firstOf(open.After(at.Position), min(max(l.room(), 1), readTogether))
		switch {
		case len(positions) == 0:
			return nil, nil
		case l.room() <= 0:
			return &at, nil
		}
		err := c.Letters.LetterHeads(ctx, at.Shard, positions, func(head node.Letter) error {
			if of := letterOf(head); l.Source == "" || of.Source == l.Source {
				l.list = append(l.list, of)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		l.looked, at.Position = l.looked+len(positions), positions[len(positions)-1]
	}
}

// firstOf are the first so many.
func firstOf(all iter.Seq[uint64], n int) (list []uint64) {
	for one := range all {
		if len(list) == n {
			break
		}
		list = append(list, one)
	}
	return list
}

// ShowLetter returns a dead letter, whole, and whether it is open. Errors: [node.ErrNoLetter], and those of the engine.
func (c *Control) ShowLetter(ctx context.Context, at LetterPlace) (l Letter, open bool, err error) {
	found, err := c.Letters.Letter(ctx, at.Shard, at.Position)
	if err != nil {
		return l, false, err
	}
	all, err := c.Letters.Letters(ctx, at.Shard)
	return letterOf(found), all.Has(at.Position), err
}

// Errors of [Control.RetryLetter] and [Control.DropLetter].
var (
	// ErrSettled: the letter was settled before.
	ErrSettled = errors.New("the dead letter is settled")
	// ErrCut: not all of the message is in the letter.
	ErrCut = errors.New("the dead letter doesn't have the whole message")
)

// RetryLetter takes the message of a letter in once more, as the configuration is now, and settles it. What it can't be is another
// letter then, whose places are returned. However often and by whomever it is tried, it has its effect once. Errors that say that the
// message is still none, and those that leave the outcome open, leave the letter open; so do [ErrCut] and [event.ErrBusy].
// [ErrSettled] says that it was settled before.
func (c *Control) RetryLetter(ctx context.Context, at LetterPlace, by string) (again []LetterPlace, err error) {
	l, open, err := c.ShowLetter(ctx, at)
	switch {
	case err != nil:
		return nil, err
	case !open:
		return nil, fmt.Errorf("%d:%d: %w", at.Shard, at.Position, ErrSettled)
	case l.Cut:
		return nil, fmt.Errorf("%d:%d: %w", at.Shard, at.Position, ErrCut)
	}
	document, err := c.document(&l)
	if err != nil {
		return nil, err
	}
	// Never forgotten, and of this letter alone.
	producer := event.Producer{Name: fmt.Sprintf("%s%d:%d", retried, at.Shard, at.Position)}
	events, err := c.Letters.Divide(document, producer, 1)
	if err != nil {
		return nil, err
	}
	if !l.Whole { // an update that all shards carry out is tried again where it failed
		events = slices.DeleteFunc(events, func(ev event.Addressed) bool { return ev.Shard != at.Shard })
	}
	acks, err := c.Letters.SendBatch(ctx, events)
	for i := range acks {
		switch acks[i].Status {
		case event.Bad:
			again = append(again, LetterPlace{events[i].Shard, acks[i].Position})
		case event.Conflict:
			err = errors.Join(err, fmt.Errorf("shard %d: %s", events[i].Shard, core.Refusals[event.Conflict]))
		default:
			err = errors.Join(err, node.AckError(acks[i]))
		}
	}
	if err != nil {
		return nil, err
	}
	return again, c.settle(ctx, at, "retried", by)
}

// document is what a letter holds, as a document of changes.
func (c *Control) document(l *Letter) (graph.Submission, error) {
	s := c.Sources[l.Source]
	if !l.Whole || s == nil || s.cfg.Map == nil {
		return graph.Submission{MediaType: l.MediaType, Body: l.Payload}, nil
	}
	m := connector.Message{Stream: l.Stream, Offset: l.Offset, MediaType: l.MediaType, Body: l.Payload, Time: l.Sent, Vars: maps.All(l.Vars)}
	return s.cfg.Map(m)
}

// DropLetter settles a letter without an effect; [ErrSettled] says that it was settled before.
func (c *Control) DropLetter(ctx context.Context, at LetterPlace, by string) error {
	if err := c.Letters.LetterHeads(ctx, at.Shard, []uint64{at.Position}, func(node.Letter) error { return nil }); err != nil {
		return err
	}
	return c.settle(ctx, at, "dropped", by)
}

// settle commits that a letter is open no longer. Where it is so already, somebody else was first.
func (c *Control) settle(ctx context.Context, at LetterPlace, how, by string) error {
	if c.Switches.State().Settings.Format < coordinator.FormatSwitches {
		return fmt.Errorf("%w: some node of the pipeline doesn't know yet how dead letters are settled: upgrade all", event.ErrBusy)
	}
	acks, err := c.Letters.SendBatch(ctx, []event.Addressed{{Shard: at.Shard, Event: operator.Settle(at.Position, how, by)}})
	switch {
	case err != nil:
		return err
	case acks[0].Status == event.Duplicate:
		return fmt.Errorf("%d:%d: %w", at.Shard, at.Position, ErrSettled)
	}
	return node.AckError(acks[0])
}
