package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
)

// A consumer leaves out, without a word, what isn't there any more when its turn comes. Sequences that are left out are of other
// subjects, were deleted one by one, were replaced by newer messages of their subjects (max_msgs_per_subject) - or were removed at
// the stream's beginning, by its limits or a purge. Only the last is a loss, and the stream's first sequence tells it: as long as
// that is not behind what was seen, nothing was removed there unseen. It is asked for after each jump. While nothing comes, the
// stream itself is asked whether it has anything behind what was seen; where it hasn't, all to its end was seen. So the first
// sequence may well be further than the last message that was read.
//
// Where messages are also removed since others have acknowledged them (work queue, interest) and the stream has no limits, the
// first sequence tells nothing, and nothing else can be removed unread.

// checkJumps looks whether what was left out before some messages is lost.
func (r *reader) checkJumps(ctx context.Context, seen uint64, messages []connector.Message) ([]connector.Message, error) {
	if messages[len(messages)-1].Offset == seen+uint64(len(messages)) {
		return messages, nil
	}
	now, err := r.extent(context.WithoutCancel(ctx)) // the messages have come, and would be lost with the end of ctx
	if err != nil {
		return nil, r.fail(err)
	}
	if !now.gaps() {
		return messages, nil
	}
	var out []connector.Message
	for _, m := range messages {
		if m.Offset > seen+1 && now.first > seen+1 {
			if err := r.gap(seen+1, min(now.first, m.Offset)); err != nil {
				return out, r.fail(err)
			}
			out, r.queue = append(out, r.queue...), nil
		}
		out, seen = append(out, m), m.Offset
	}
	return out, nil
}

// gap takes in that messages from one sequence up to another were removed.
func (r *reader) gap(from, to uint64) error {
	what := fmt.Sprintf("stream %s was to be read from sequence %d, and begins at %d: what was between is removed, or of other subjects",
		r.s.cfg.Stream, from, to)
	if !r.s.cfg.SkipGaps {
		return connector.GiveUpf("%s (on-gap: skip goes on without it)", what)
	}
	r.log.Warn("messages may be lost; the source goes on behind them", "stream", r.stream.name, "from", from, "to", to)
	r.queue = append(r.queue, connector.Message{Stream: r.stream.name, Offset: to - 1, MediaType: r.s.cfg.MediaType, Reason: what})
	return nil
}

// look compares what was seen with the stream, when the consumer says that there is nothing.
func (r *reader) look(ctx context.Context) error {
	consumer, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return r.js.Consumer(ctx, r.s.cfg.Stream, r.s.cfg.Consumer)
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", r.s.cfg.Consumer, err)
	}
	if !consumer.CachedInfo().Created.Equal(r.made) {
		return fmt.Errorf("consumer %s was made anew by another reader", r.s.cfg.Consumer)
	}
	now, err := r.extent(ctx)
	switch {
	case err != nil:
		return err
	case now.last < r.seen:
		return connector.GiveUpf("stream %s ends at sequence %d, and was read up to %d: it has lost what was between; a source of another name reads it from its start",
			r.s.cfg.Stream, now.last, r.seen)
	case now.gaps() && now.first > r.seen+1:
		if err := r.gap(r.seen+1, now.first); err != nil {
			return err
		}
		r.seen = now.first - 1
	}
	r.stream.last, r.stream.lastTime = now.last, now.lastTime
	waits, found, err := r.nextInStream(ctx)
	if err != nil {
		return err
	}
	if !found {
		return r.sawAll(ctx, max(now.last, r.seen), now.gaps())
	}
	if waits != r.missing {
		r.missing, r.missed = waits, time.Now()
		return nil
	}
	if time.Since(r.missed) >= stuckTime { // a request has begun and ended since
		return errStuck
	}
	return nil
}

// nextInStream returns the next message that is to be read, as the stream has it.
func (r *reader) nextInStream(ctx context.Context) (seq uint64, found bool, err error) {
	subjects := r.s.cfg.Subjects
	if len(subjects) == 0 {
		subjects = []string{">"}
	}
	for _, subject := range subjects {
		at, is, err := nextOf(ctx, r.link, r.s.cfg.Stream, subject, r.seen+1)
		if err != nil {
			return 0, false, err
		}
		if is && (!found || at < seq) {
			seq, found = at, true
		}
	}
	return seq, found, nil
}

// sawAll takes in that nothing up to a sequence is to be read, and notes it from time to time where the next reader needs to know,
// since it would find a gap there: what is removed there is no loss.
func (r *reader) sawAll(ctx context.Context, to uint64, gaps bool) error {
	r.seen, r.missing = to, 0
	r.mu.Lock()
	open := len(r.unacked)
	r.mu.Unlock()
	if !gaps || open > 0 || time.Since(r.notedAt) < r.s.cfg.notePause || r.consumer.Metadata[noteFrom] == r.notes(to + 1)[noteFrom] {
		return nil
	}
	r.notedAt, r.consumer.Metadata = time.Now(), r.notes(to+1)
	_, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return r.js.UpdateConsumer(ctx, r.s.cfg.Stream, r.consumer)
	})
	return err
}
