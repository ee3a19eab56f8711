package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
)

// passage brings the messages of one connection through the door: a batch is committed whole, and acked, before the next one
// is begun.
//
// This is what comes of each answer to an event, and to one that is a dead letter of a message:
//
//	input      event                                  letter
//	Committed  done                                   done
//	Duplicate  done                                   done
//	Bad        it is a letter                         done
//	Conflict   a letter is to be committed            done
//	Reused     a letter is to be committed            done
//	TooLarge   a letter is to be committed            done
//	Halted     again, with what follows in its shard  again, with what follows in its shard
//	Busy       again, with what follows in its shard  again, with what follows in its shard
//	no answer  again, with what follows in its shard  again, with what follows in its shard
type passage struct {
	s      *Source
	reader connector.Reader
	done   map[string]uint64 // the sequence of each stream up to which all is committed, and that isn't noted yet
	// refused are events that will never be committed, as letters for the next commit; rejected counts messages.
	refused  []event.Addressed
	rejected uint64
}

// run takes batches until there are no more, notes how far the source has come, and returns errEnd.
func (p *passage) run(ctx context.Context, batches <-chan []connector.Message) error {
	idle := time.NewTimer(p.s.cfg.Idle)
	defer idle.Stop()
	for {
		select {
		case messages, more := <-batches:
			if !more {
				return cmp.Or(p.commit(ctx, nil), errEnd)
			}
			if err := p.take(ctx, messages); err != nil {
				return err
			}
			idle.Reset(p.s.cfg.Idle)
		case <-idle.C:
			if err := p.commit(ctx, nil); err != nil {
				return err
			}
		}
	}
}

// take commits a batch, and acks it.
func (p *passage) take(ctx context.Context, messages []connector.Message) error {
	var events []event.Addressed
	p.rejected = 0
	for i := range messages {
		producer, seq, err := p.identity(ctx, &messages[i])
		if err != nil {
			return err
		}
		if err := p.usable(producer); err != nil {
			return err
		}
		of, err := p.divide(messages[i], producer, seq)
		if errors.Is(err, event.ErrBusy) { // nothing is wrong with the message
			return err
		}
		if err != nil {
			ev := event.Event{Producer: producer, Seq: seq, MediaType: p.s.described(&messages[i]), Payload: messages[i].Body}
			of = []event.Addressed{p.letter(ev, "", err.Error())}
		}
		events = append(events, of...)
	}
	if err := p.commit(ctx, events); err != nil {
		return err
	}
	for i := range messages {
		if m := &messages[i]; m.Stream != "" {
			p.done[m.Stream] = max(p.done[m.Stream], m.Offset+1)
		}
	}
	if err := p.reader.Ack(ctx, messages); err != nil {
		return fmt.Errorf("acknowledge %d messages: %w", len(messages), err)
	}
	p.s.took(messages)
	p.s.note(func(st *SourceStatus) {
		st.Messages, st.Rejected = st.Messages+uint64(len(messages)), st.Rejected+p.rejected
	})
	return nil
}

// divide makes events of a message.
func (p *passage) divide(m connector.Message, producer event.Producer, seq uint64) ([]event.Addressed, error) {
	if m.Reason != "" {
		return nil, errors.New(m.Reason)
	}
	document := graph.Submission{MediaType: m.MediaType, Body: m.Body}
	if p.s.cfg.Map != nil {
		var err error
		if document, err = p.s.cfg.Map(m); err != nil {
			return nil, err
		}
	}
	return p.s.door.Divide(document, producer, seq)
}

// identity is the producer and sequence of a message; none, if it has no stream.
func (p *passage) identity(ctx context.Context, m *connector.Message) (event.Producer, uint64, error) {
	if m.Stream == "" {
		return event.Producer{}, 0, nil
	}
	gen, err := p.s.generation(ctx, m.Stream)
	return p.s.producer(event.Source, m.Stream, gen), m.Offset + 1, err
}

// usable reports a stream that no producer can be named by: nothing of it could ever be committed.
func (p *passage) usable(producer event.Producer) error {
	if producer.IsZero() {
		return nil
	}
	err := producer.Check()
	if len(producer.Name) > event.MaxText/2 { // it stands in the text of letters and marks, too
		err = fmt.Errorf("it has %d bytes", len(producer.Name))
	}
	if err != nil {
		return fmt.Errorf("%w: the name of a stream is of no use: %w", connector.ErrGiveUp, err)
	}
	return nil
}

// maxLetter bounds the content of a dead letter.
const maxLetter = 8 << 20

// maxReason bounds the reason of a dead letter, in bytes.
const maxReason = 2048

// letter makes a dead letter of what can't be taken in, in the source's home. It has a producer beside the stream's own, so that
// it is none that came before, whatever of the stream is in the home by now: one for what is no document, and one for what each
// shard has refused, by its number, since each of these comes in order.
func (p *passage) letter(ev event.Event, shard, why string) event.Addressed {
	p.rejected++
	p.s.cfg.Logger.Warn("a message can't be taken in; it is a dead letter", "producer", ev.Producer.String(), "seq", ev.Seq, "reason", why)
	if !ev.Producer.IsZero() {
		ev.Producer.Name = p.s.cfg.Name + "!" + shard + strings.TrimPrefix(ev.Producer.Name, p.s.cfg.Name)
	}
	why = strings.ToValidUTF8(why[:min(len(why), maxReason)], "?")
	if ev.Prev, ev.First = "", false; len(ev.Payload) > maxLetter {
		ev.Payload = ev.Payload[:maxLetter]
		ev.MediaType = withDetail(ev.MediaType, url.Values{detailCut: {"true"}})
		why += fmt.Sprintf(" (only its first %d bytes are kept)", maxLetter)
	}
	ev.MediaType = withDetail(ev.MediaType, nil) // within its bounds
	ev.Reject(why)
	return event.Addressed{Shard: p.s.home, Event: ev}
}

// noted are the events that note in the home how far the streams have come.
func (p *passage) noted() []event.Addressed {
	var list []event.Addressed
	for stream, seq := range p.done {
		list = append(list, noteOf(p.s.home, p.s.producer(event.Resume, stream, p.s.known(stream)).Name, seq))
	}
	return list
}

// commit sends events, and with them how far what came before has come, until their owners have committed them: what is sent
// again has the same identity.
func (p *passage) commit(ctx context.Context, events []event.Addressed) error {
	events = append(events, p.noted()...)
	backoff := p.s.cfg.Backoff
	for p.refused = nil; len(events) > 0; {
		acks, err := p.s.door.SendBatch(ctx, events)
		if events = p.open(events, acks, &err); len(events) == 0 {
			events, p.refused = p.refused, nil
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.s.failed(err)
		if !backoff.wait(ctx, err) {
			return ctx.Err()
		}
	}
	clear(p.done)
	p.s.note(func(st *SourceStatus) { st.Failure, st.Retries = Failure{}, 0 })
	return nil
}

// open returns those events that must be sent again: all from the first one on that has no final answer, of each shard.
func (p *passage) open(events []event.Addressed, acks []event.Ack, why *error) []event.Addressed {
	if len(acks) == 0 { // nothing was sent
		return events
	}
	var again []int
	var left []event.Addressed
	for i := range events {
		ack, shard := acks[i], events[i].Shard
		if ack.Status.Final() && ack.Status != event.Halted && !slices.Contains(again, shard) {
			p.answered(&events[i], ack)
			continue
		}
		*why = errors.Join(*why, node.AckError(ack))
		again, left = append(again, shard), append(left, events[i])
	}
	return left
}

// answered takes in what has become of an event for good. One that was refused becomes a dead letter, the rows that it has for
// its shard; a letter's own answer is that it is one.
func (p *passage) answered(ev *event.Addressed, ack event.Ack) {
	_, _, letter := ev.Rejected()
	switch {
	case ack.Status == event.Committed || ack.Status == event.Duplicate || ack.Status == event.Bad && letter:
	case ack.Status == event.Bad:
		p.rejected++
		p.s.cfg.Logger.Warn("a message is a dead letter", "producer", ev.Producer.String(), "seq", ev.Seq, "shard", ev.Shard,
			"position", ack.Position, "reason", ack.Reason)
	case letter:
		p.s.cfg.Logger.Error("a dead letter was refused", "producer", ev.Producer.String(), "seq", ev.Seq, "reason", ack.Reason)
	default:
		why := fmt.Sprintf("shard %d has refused it for good: %s", ev.Shard, cmp.Or(ack.Reason, refusals[ack.Status]))
		p.refused = append(p.refused, p.letter(ev.Event, strconv.Itoa(ev.Shard), why))
	}
}

// refusals says in words what a status without a reason means.
var refusals = map[event.Status]string{
	event.Conflict: "what it builds on is not the head",
	event.Reused:   "its identity was used before",
	event.TooLarge: "it is too large",
}
