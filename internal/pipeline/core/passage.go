package core

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/shard"
)

// Home is the shard whose owner runs a source.
func Home(source string, shards int) int { return shard.Of("source/"+source, shards) }

// Producer is what the messages of a stream are known by, and, of kind [event.Resume], how far the source has come in it: its
// sequence in the home is an offset and one, so that 0 is "nothing yet". The generation is 0 until the source seeks in the stream:
// then its messages are known by another name.
func Producer(kind event.Kind, source, stream string, generation uint64) event.Producer {
	if generation > 0 {
		source += "~" + strconv.FormatUint(generation, 10)
	}
	return event.Producer{Kind: kind, Name: source + "/" + stream}
}

// Idle is the time without a message after which it is noted how far a source has come; until then that is noted with the next
// messages.
const Idle = 200 * time.Millisecond

// Note is an event that brings a producer to a sequence in a shard, and changes nothing else there.
func Note(shard int, p event.Producer, seq uint64) event.Addressed {
	return event.Addressed{Shard: shard, Event: event.Event{Producer: p, Seq: seq, MediaType: dataset.MediaType}}
}

// PassageConfig configures a [Passage].
type PassageConfig struct {
	// Source is the source's name, Home its home.
	Source string
	Home   int
	// Divide makes the events of a message, one for each shard, all with that identity. [event.ErrBusy] says that nothing is wrong
	// with the message; what else it refuses is a dead letter.
	Divide func(m connector.Message, from event.Producer, seq uint64) ([]event.Addressed, error)
	// Generation returns that of a stream of the connection; nil: it is 0.
	Generation func(stream string) uint64
	// LetterType returns the media type of the letter that a message becomes, see [LetterType]; nil: that of the message.
	LetterType func(m connector.Message) string
	// Backoff is the pause before events are sent again.
	Backoff Backoff
	// Logger is told of dead letters.
	Logger *slog.Logger
}

// Passage brings the messages of one connection through the door: a batch is committed whole, and acked, before the next one
// is begun. It is used by one goroutine.
//
// This is what comes of each input in each state: messages are awaited; events are under way; they are to be sent again after a
// pause; a batch is being acked; the connection is to be closed. "." is nothing, "-" can't be.
//
//	input                      awaiting  sending   pausing  acking    over
//	Take                       sending   -         -        -         -
//	Take: no rows              acking    -         -        -         -
//	Take: busy, or no name     over      -         -        -         -
//	Idle                       sending   -         -        -         -
//	Idle: all is noted         .         -         -        -         -
//	End                        sending   -         -        -         -
//	End: all is noted          over      -         -        -         -
//	Sent: all are done         -         acking    -        -         -
//	Sent: some are refused     -         .         -        -         -
//	Sent: some others wait     -         .         -        -         -
//	Sent: some have no answer  -         pausing   -        -         -
//	Paused                     -         -         sending  -         -
//	Acked                      -         -         -        awaiting  -
//	Acked: an error            -         -         -        over      -
type Passage struct {
	cfg  PassageConfig
	step PassageStep
	done map[string]uint64 // the sequence of each stream up to which all is committed, and that isn't noted yet
	// batch are the messages whose events are under way; none when only what came before is noted.
	batch []connector.Message
	// later are events that wait for the answers to those under way, in order.
	later []event.Addressed
	// refused are events that will never be committed, as letters that are to be; rejected counts messages.
	refused  []event.Addressed
	rejected uint64
	backoff  Backoff // while the events under way are sent again
	ending   bool
}

// PassageStep is what a [Passage] wants done next.
type PassageStep struct {
	// Action is Await, Send, Pause, Ack or Over.
	Action Action
	// Events are those to be sent.
	Events []event.Addressed
	// Messages are those to be acked.
	Messages []connector.Message
	// Pause is how long to wait.
	Pause time.Duration
	// Err is why to wait, or why it is over.
	Err error
}

// ErrEnd says that a source has no more messages, and all are committed.
var ErrEnd = errors.New("the source has ended")

// NewPassage returns that of a new connection.
func NewPassage(cfg PassageConfig) *Passage {
	if cfg.Generation == nil {
		cfg.Generation = func(string) uint64 { return 0 }
	}
	if cfg.LetterType == nil {
		cfg.LetterType = func(m connector.Message) string { return m.MediaType }
	}
	return &Passage{cfg: cfg, done: map[string]uint64{}}
}

// Step is what is to be done next. It is the same until the next input.
func (p *Passage) Step() PassageStep { return p.step }

// Rejected counts those of the batch's messages that are dead letters.
func (p *Passage) Rejected() uint64 { return p.rejected }

// Take begins to commit a batch.
func (p *Passage) Take(messages []connector.Message) {
	p.batch, p.rejected = messages, 0
	var events []event.Addressed
	for i := range messages {
		of, err := p.events(messages[i])
		if err != nil {
			p.over(err)
			return
		}
		events = append(events, of...)
	}
	p.commit(events)
}

// Idle notes how far the source has come, if that isn't noted yet.
func (p *Passage) Idle() {
	p.batch = nil
	p.commit(nil)
}

// End notes how far the source has come, and closes the connection.
func (p *Passage) End() {
	p.ending = true
	p.Idle()
}

// events are those of a message, or the letter that it becomes.
func (p *Passage) events(m connector.Message) ([]event.Addressed, error) {
	producer, seq := p.identity(&m)
	if err := p.usable(producer); err != nil {
		return nil, err
	}
	list, err := p.divide(m, producer, seq)
	if err == nil || errors.Is(err, event.ErrBusy) { // nothing is wrong with the message
		return list, err
	}
	ev := event.Event{Producer: producer, Seq: seq, MediaType: p.cfg.LetterType(m), Payload: m.Body}
	return []event.Addressed{p.letter(ev, "", err.Error(), m.Vars)}, nil
}

// divide makes events of a message.
func (p *Passage) divide(m connector.Message, producer event.Producer, seq uint64) ([]event.Addressed, error) {
	if m.Reason != "" {
		return nil, errors.New(m.Reason)
	}
	return p.cfg.Divide(m, producer, seq)
}

// identity is the producer and sequence of a message; none, if it has no stream.
func (p *Passage) identity(m *connector.Message) (event.Producer, uint64) {
	if m.Stream == "" {
		return event.Producer{}, 0
	}
	return Producer(event.Source, p.cfg.Source, m.Stream, p.cfg.Generation(m.Stream)), m.Offset + 1
}

// usable reports a stream that no producer can be named by: nothing of it could ever be committed.
func (p *Passage) usable(producer event.Producer) error {
	if producer.IsZero() {
		return nil
	}
	err := producer.Check()
	if len(producer.Name) > event.MaxText/2 { // it stands in the text of letters and marks, too
		err = fmt.Errorf("it has %d bytes", len(producer.Name))
	}
	if err != nil {
		return connector.GiveUpf("the name of a stream is of no use: %w", err)
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
func (p *Passage) letter(ev event.Event, shard, why string, vars iter.Seq2[string, string]) event.Addressed {
	p.rejected++
	p.cfg.Logger.Warn("a message can't be taken in; it is a dead letter", append(place(&ev, vars), "reason", why)...)
	if !ev.Producer.IsZero() {
		ev.Producer.Name = p.cfg.Source + "!" + shard + strings.TrimPrefix(ev.Producer.Name, p.cfg.Source)
	}
	why = strings.ToValidUTF8(why[:min(len(why), maxReason)], "?")
	details := url.Values{}
	if ev.Prev, ev.First = "", false; len(ev.Payload) > maxLetter {
		ev.Payload = ev.Payload[:maxLetter]
		details.Set(DetailCut, "true")
		why += fmt.Sprintf(" (only its first %d bytes are kept)", maxLetter)
	}
	ev.MediaType = LetterType(ev.MediaType, details)
	ev.Reject(why)
	return event.Addressed{Shard: p.cfg.Home, Event: ev}
}

// maxPlace bounds each thing that the log says of where a message stood, in bytes.
const maxPlace = 256

// place says for the log where the message of an event stood: its identity, if it has one, and what the source says of it besides,
// such as the line of a file. The headers of a message say what it is, and not where.
func place(ev *event.Event, vars iter.Seq2[string, string]) []any {
	var at []any
	if !ev.Producer.IsZero() {
		at = append(at, "producer", ev.Producer.String(), "offset", ev.Seq-1)
	}
	if vars == nil {
		return at
	}
	for name, value := range vars {
		if !strings.HasPrefix(name, "header.") {
			at = append(at, name, strings.ToValidUTF8(value[:min(len(value), maxPlace)], "?"))
		}
	}
	return at
}

// vars are those of the message that an event was made of, if it has an identity.
func (p *Passage) vars(ev *event.Event) iter.Seq2[string, string] {
	for i := range p.batch {
		m := &p.batch[i]
		if m.Offset+1 != ev.Seq { // most are passed over without making a name
			continue
		}
		if producer, _ := p.identity(m); producer == ev.Producer {
			return m.Vars
		}
	}
	return nil
}

// noted are the events that note in the home how far the streams have come.
func (p *Passage) noted() []event.Addressed {
	var list []event.Addressed
	for _, stream := range slices.Sorted(maps.Keys(p.done)) {
		list = append(list, Note(p.cfg.Home, Producer(event.Resume, p.cfg.Source, stream, p.cfg.Generation(stream)), p.done[stream]))
	}
	return list
}

// commit sends events, and with them how far what came before has come, until their owners have committed them: what is sent
// again has the same identity.
func (p *Passage) commit(events []event.Addressed) {
	p.backoff = p.cfg.Backoff
	p.send(append(events, p.noted()...))
}

// sequence is a producer's in a shard, in which its events come in order.
type sequence struct {
	shard int
	of    event.Producer
}

func sequenceOf(ev *event.Addressed) sequence { return sequence{ev.Shard, ev.Producer} }

// send sends events; when none is left, all is committed.
//
// An owner may refuse a guarded event, and nothing in its shard tells so. If what follows it in its stream were committed there
// before its letter is, and this node died between, then the event would be taken for a duplicate when it comes again, and be lost.
// So what follows in that shard waits for the answer and the letter. (One that is too large is refused by every door, whatever
// came behind it.)
func (p *Passage) send(events []event.Addressed) {
	waits := map[sequence]bool{}
	var now []event.Addressed
	p.later = nil
	for i := range events {
		ev := &events[i]
		if s := sequenceOf(ev); waits[s] {
			p.later = append(p.later, *ev)
		} else {
			now, waits[s] = append(now, *ev), ev.Guarded()
		}
	}
	if len(now) > 0 {
		p.step = PassageStep{Action: Send, Events: now}
		return
	}
	clear(p.done)
	switch {
	case len(p.batch) > 0:
		p.step = PassageStep{Action: Ack, Messages: p.batch}
	case p.ending:
		p.over(ErrEnd)
	default:
		p.step = PassageStep{}
	}
}

func (p *Passage) over(err error) { p.step = PassageStep{Action: Over, Err: err} }

// Sent takes in the answers to the events, none for any if nothing was sent, and the door's error.
func (p *Passage) Sent(acks []event.Ack, err error) {
	left := p.open(p.step.Events, acks, &err)
	switch letters := p.refused; {
	case len(letters) > 0: // before all that is left
		p.refused, p.later = nil, append(left, p.later...)
		p.step = PassageStep{Action: Send, Events: letters}
	case len(left) > 0:
		p.step = PassageStep{Action: Pause, Events: left, Pause: p.backoff.After(err), Err: err}
	default:
		p.send(p.later)
	}
}

// Paused says that the pause is over.
func (p *Passage) Paused() { p.step = PassageStep{Action: Send, Events: p.step.Events} }

// Acked takes in whether the peer was told.
func (p *Passage) Acked(err error) {
	for i := range p.batch {
		if m := &p.batch[i]; m.Stream != "" {
			p.done[m.Stream] = max(p.done[m.Stream], m.Offset+1)
		}
	}
	if p.step = (PassageStep{}); err != nil {
		p.over(fmt.Errorf("acknowledge %d messages: %w", len(p.batch), err))
	}
}

// open returns those events that must be sent again: all from the first one on that has no final answer, of each shard.
func (p *Passage) open(events []event.Addressed, acks []event.Ack, why *error) []event.Addressed {
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
func (p *Passage) answered(ev *event.Addressed, ack event.Ack) {
	_, _, letter := ev.Rejected()
	switch {
	case ack.Status == event.Committed || ack.Status == event.Duplicate || ack.Status == event.Bad && letter:
	case ack.Status == event.Bad:
		p.rejected++
		p.cfg.Logger.Warn("a message is a dead letter",
			append(place(&ev.Event, p.vars(&ev.Event)), "shard", ev.Shard, "position", ack.Position, "reason", ack.Reason)...)
	case letter:
		p.cfg.Logger.Error("a dead letter was refused", "producer", ev.Producer.String(), "seq", ev.Seq, "reason", ack.Reason)
	default:
		why := fmt.Sprintf("shard %d has refused it for good: %s", ev.Shard, cmp.Or(ack.Reason, Refusals[ack.Status]))
		p.refused = append(p.refused, p.letter(ev.Event, strconv.Itoa(ev.Shard), why, p.vars(&ev.Event)))
	}
}

// Refusals says in words what a status without a reason means.
var Refusals = map[event.Status]string{
	event.Conflict: "what it builds on is not the head",
	event.Reused:   "its identity was used before",
	event.TooLarge: "it is too large",
}
