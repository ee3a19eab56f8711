package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
)

// What a consumer says of itself: which stream it is of, the sequence at which the source began when it ran first, and that before which
// nothing is missed: it is committed, was looked at and is of no subject that is read, or is before the start. And the last message
// that the stream had then, by its sequence and time: a stream that was restored, or whose only server has lost its data, has the same
// name and sequences again.
const (
	noteStream = "quadrille.stream"
	noteStart  = "quadrille.start"
	noteFrom   = "quadrille.from"
	noteLast   = "quadrille.last"
)

// ackWait is the time after which the server sends again what was not acknowledged. The reader knows it by its sequence.
const ackWait = 5 * time.Minute

// extent is how a stream is.
type extent struct {
	name   string // as it was made
	config jetstream.StreamConfig
	// first and last are sequences. Of a stream without messages first is one more than last.
	first, last uint64
	lastTime    time.Time // of the message at last
}

// gaps reports whether the first message that is missing tells of a gap: that is so only where messages are removed by limits alone,
// and not for others' acks.
func (e *extent) gaps() bool {
	return e.config.Retention == jetstream.LimitsPolicy || forgets(&e.config)
}

// extent asks for it: a stream's limits, too, may be changed at any time.
func (r *reader) extent(ctx context.Context) (extent, error) {
	stream, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return r.js.Stream(ctx, r.s.cfg.Stream) })
	if err != nil {
		return extent{}, fmt.Errorf("stream %s: %w", r.s.cfg.Stream, err)
	}
	info := stream.CachedInfo()
	e := extent{name: streamName(info), config: info.Config, first: info.State.FirstSeq, last: info.State.LastSeq,
		lastTime: info.State.LastTime}
	if info.State.Msgs == 0 {
		e.first = e.last + 1
	}
	return e, nil
}

// streamName tells a stream from another one of the same name that was there before.
func streamName(info *jetstream.StreamInfo) string {
	return info.Config.Name + "/" + info.Created.UTC().Format(time.RFC3339Nano)
}

// forgets reports whether a stream removes messages by itself, besides those that newer ones of their subject replace.
func forgets(cfg *jetstream.StreamConfig) bool {
	return cfg.MaxAge > 0 || cfg.Discard == jetstream.DiscardOld && (cfg.MaxMsgs > 0 || cfg.MaxBytes > 0)
}

// open finds where to begin, and makes the consumer anew there: so nothing is left of what the one before had sent, in which order
// that would come again, or of why it had stopped.
func (r *reader) open(ctx context.Context, progress connector.Progress) (err error) {
	if r.stream, err = r.extent(ctx); err != nil {
		return err
	}
	r.warnOfSubjects()
	if r.stream.config.Retention == jetstream.WorkQueuePolicy && r.s.cfg.Start != first {
		return connector.GiveUpf("stream %s is a work queue, which is read from its first message: leave start out", r.s.cfg.Stream)
	}
	at, known, err := r.begin(ctx, progress)
	if err != nil {
		return err
	}
	if r.seen = at - 1; r.stream.gaps() && at < r.stream.first {
		if known < r.stream.first {
			if err := r.gap(known, r.stream.first); err != nil {
				return err
			}
		}
		r.seen = r.stream.first - 1
	}
	if err := r.subscribe(); err != nil {
		return err
	}
	return r.consume(ctx, known)
}

// warnOfSubjects tells of subjects that the stream doesn't have: they may be added to it yet, but are more likely misspelt. Of what it
// has from other streams only those know the subjects.
func (r *reader) warnOfSubjects() {
	has := r.stream.config.Subjects
	if len(has) == 0 || len(r.stream.config.Sources) > 0 {
		return
	}
	for _, subject := range r.s.cfg.Subjects {
		if !slices.ContainsFunc(has, func(of string) bool { return overlap(subject, of) }) {
			r.log.Warn("the stream has no such subject; nothing comes of it until one is added", "stream", r.s.cfg.Stream, "subject", subject,
				"has", has)
		}
	}
}

// begin returns the sequence from which all is to be read, and that before which nothing is missed, which is not before it.
func (r *reader) begin(ctx context.Context, progress connector.Progress) (at, known uint64, err error) {
	notes, err := r.noted(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := r.checkLast(ctx, notes[noteLast]); err != nil {
		return 0, 0, err
	}
	start, from := numberOf(notes[noteStart]), numberOf(notes[noteFrom])
	next, found, err := progress.Next(ctx, r.stream.name)
	if err != nil {
		return 0, 0, err
	}
	if start == 0 {
		if start, err = r.start(ctx); err != nil {
			return 0, 0, err
		}
	}
	if r.first, at = start, start; found { // it may have been sought back, too
		at = next
	}
	if at > r.stream.last+1 {
		return 0, 0, connector.GiveUpf("stream %s ends at sequence %d, and is to be read from %d: it has lost what was between; a source of another name reads it from its start",
			r.s.cfg.Stream, r.stream.last, at)
	}
	return at, max(at, from), nil
}

// start finds where a stream begins of which nothing was read yet.
func (r *reader) start(ctx context.Context) (uint64, error) {
	switch {
	case r.s.cfg.Start == latest:
		return r.stream.last + 1, nil
	case r.s.at > 0:
		return r.s.at, nil
	case r.s.since == nil:
		return max(r.stream.first, 1), nil
	}
	// A consumer finds the first message that is not older; it is behind the one that would have been delivered last.
	info, err := r.create(ctx, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: r.s.since,
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: askTimeout, MemoryStorage: true})
	if err != nil {
		return 0, err
	}
	return info.Delivered.Stream + 1, r.remove(ctx, info.Name)
}

// next is the name of the consumer that holds the place of the durable one while that is made anew: what both know, and the
// interest in messages of a stream that keeps only those that a consumer is to get.
func (r *reader) next() string { return r.s.cfg.Consumer + "-next" }

// noted reads what the consumer before has noted, or the one that held its place; nil if there is none of this stream.
func (r *reader) noted(ctx context.Context) (map[string]string, error) {
	for _, name := range []string{r.s.cfg.Consumer, r.next()} {
		consumer, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
			return r.js.Consumer(ctx, r.s.cfg.Stream, name)
		})
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("consumer %s: %w", name, err)
		}
		notes := consumer.CachedInfo().Config.Metadata
		if numberOf(notes[noteStart]) > 0 && numberOf(notes[noteFrom]) > 0 && notes[noteStream] == r.stream.name {
			return notes, nil
		}
	}
	return nil, nil
}

// numberOf reads a sequence, 0 if it is none.
func numberOf(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// checkLast reports that the stream has another message, or none, where one was noted. What was removed meanwhile tells nothing.
func (r *reader) checkLast(ctx context.Context, noted string) error {
	number, at, _ := strings.Cut(noted, " ")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || seq < r.stream.first {
		return nil
	}
	now := "nothing"
	if seq <= r.stream.last {
		message, err := get(ctx, r.link, r.s.cfg.Stream, getRequest{Seq: seq})
		if err != nil || message == nil {
			return err
		}
		now = message.Time.UTC().Format(time.RFC3339Nano)
	}
	if now == at {
		return nil
	}
	return connector.GiveUpf("stream %s had a message of %s at sequence %d, and has one of %s there: it was restored, or its server has"+
		" lost its data, and sequences are used again; a source of another name reads it from its start", r.s.cfg.Stream, at, seq, now)
}

// config is that of the durable consumer, which begins behind what was seen, and notes what is to be read: a gap between the two
// isn't told until it is committed.
func (r *reader) config(name string, at uint64) jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		Durable: name, Description: "what a source of Quadrille reads; its acks follow the commits", FilterSubjects: r.s.cfg.Subjects,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.seen + 1, AckPolicy: jetstream.AckAllPolicy, AckWait: ackWait,
		MaxDeliver: -1, MaxAckPending: -1, Metadata: r.notes(at),
	}
	if r.stream.config.Retention == jetstream.WorkQueuePolicy { // takes no other
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.AckPolicy = jetstream.DeliverAllPolicy, 0, jetstream.AckExplicitPolicy
	}
	return cfg
}

func (r *reader) notes(from uint64) map[string]string {
	notes := map[string]string{noteStream: r.stream.name, noteStart: strconv.FormatUint(r.first, 10), noteFrom: strconv.FormatUint(from, 10)}
	if r.stream.last > 0 {
		notes[noteLast] = strconv.FormatUint(r.stream.last, 10) + " " + r.stream.lastTime.UTC().Format(time.RFC3339Nano)
	}
	return notes
}

// consume makes the durable consumer anew. A work queue keeps its messages without a consumer, and takes no second one.
func (r *reader) consume(ctx context.Context, at uint64) error {
	holds := r.stream.config.Retention != jetstream.WorkQueuePolicy
	if holds {
		if err := r.remove(ctx, r.next()); err != nil {
			return err
		}
		if _, err := r.create(ctx, r.config(r.next(), at)); err != nil {
			return err
		}
	}
	if err := r.remove(ctx, r.s.cfg.Consumer); err != nil {
		return err
	}
	r.consumer = r.config(r.s.cfg.Consumer, at)
	info, err := r.create(ctx, r.consumer)
	if err != nil {
		return err
	}
	r.made = info.Created
	if holds {
		return r.remove(ctx, r.next())
	}
	return nil
}

func (r *reader) create(ctx context.Context, cfg jetstream.ConsumerConfig) (*jetstream.ConsumerInfo, error) {
	consumer, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return r.js.CreateConsumer(ctx, r.s.cfg.Stream, cfg)
	})
	if err != nil {
		return nil, fmt.Errorf("make consumer %s: %w", cfg.Durable, err)
	}
	return consumer.CachedInfo(), nil
}

// remove removes a consumer, if it is there.
func (r *reader) remove(ctx context.Context, name string) error {
	_, err := ask(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.js.DeleteConsumer(ctx, r.s.cfg.Stream, name)
	})
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("remove consumer %s: %w", name, err)
	}
	return nil
}

// nextOf returns the sequence of the first message at or behind one that is of a subject that is read, whatever consumers think of
// it. The stream's leader is asked, since its copies may be behind.
func nextOf(ctx context.Context, l *link, stream, subject string, from uint64) (seq uint64, found bool, err error) {
	answer, err := get(ctx, l, stream, getRequest{Seq: from, Next: subject})
	if err != nil || answer == nil {
		return 0, false, err
	}
	return answer.Sequence, true, nil
}

// getRequest asks a stream's leader for a message.
type getRequest struct {
	Seq  uint64 `json:"seq,omitempty"`
	Next string `json:"next_by_subj,omitempty"`
	Last string `json:"last_by_subj,omitempty"`
}

// gotten is a message as it is stored.
type gotten struct {
	Subject  string    `json:"subject"`
	Sequence uint64    `json:"seq"`
	Header   []byte    `json:"hdrs"`
	Time     time.Time `json:"time"`
}

// get returns the message, nil if there is none.
func get(ctx context.Context, l *link, stream string, request getRequest) (*gotten, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	answer, err := ask(ctx, func(ctx context.Context) ([]byte, error) {
		m, err := l.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, text)
		if err != nil {
			return nil, err
		}
		return m.Data, nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask stream %s for a message: %w", stream, err)
	}
	var result struct {
		Message *gotten             `json:"message"`
		Error   *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return nil, fmt.Errorf("ask stream %s for a message: %w", stream, err)
	}
	if result.Error != nil && result.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound {
		return nil, fmt.Errorf("ask stream %s for a message: %w", stream, result.Error)
	}
	return result.Message, nil
}
