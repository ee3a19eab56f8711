package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// errUsed: what has become of a message is only known when the shard is opened again.
var errUsed = errors.New("the writer has failed before")

// writer writes one shard to a stream. It is used by one goroutine.
//
// What it publishes expects its claim to be the newest of the shard: so nothing has an effect that was sent before another writer, or
// this one's successor, has claimed the shard, however late it comes. The first message expects, instead, that nothing came behind
// the message that the position was read from: a server that is behind may have answered.
//
// This is what comes of each call in each state. After an error nothing is sent again: whether a message is there is known when the
// next writer has its claim in the stream, and has read the shard's last message.
//
//	input            at rest            failed
//	Write succeeds   at rest, further   -
//	Write fails      failed             failed
//	Close            the end            the end
type writer struct {
	*link
	messages
	claim   uint64 // the sequence of the claim
	last    uint64 // that of the shard's last message, when the shard was opened
	began   bool   // something was published since
	reached reached
	failed  bool
}

// open claims the shard, and finds how far it is.
func (w *writer) open(ctx context.Context) error {
	if err := w.take(ctx); err != nil {
		return err
	}
	return w.read(ctx)
}

// take claims the shard.
func (w *writer) take(ctx context.Context) error {
	stream, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return w.js.Stream(ctx, w.cfg.Stream) })
	if err != nil {
		return fmt.Errorf("stream %s: %w", w.cfg.Stream, err)
	}
	if err := w.cfg.checkStream(&stream.CachedInfo().Config, w.shard); err != nil {
		return err
	}
	claim := nats.NewMsg(fill(w.cfg.Claims, w.shard, ""))
	claim.Header = nats.Header{headerClaim: {nuid.Next()}, headerSink: {w.cfg.Name}, headerShard: {strconv.Itoa(w.shard)}}
	if w.claim, err = w.publish(ctx, claim); err != nil {
		return fmt.Errorf("claim the shard: %w", err)
	}
	return nil
}

// newest is the shard's last message; nil if it has none.
func (w *writer) newest(ctx context.Context) (*gotten, error) {
	last, err := get(ctx, w.link, w.cfg.Stream, getRequest{Last: fill(w.cfg.Subject, w.shard, "*")})
	if last != nil {
		w.last = last.Sequence
	}
	return last, err
}

// read finds how far the shard is, by its last message.
func (w *writer) read(ctx context.Context) error {
	last, err := w.newest(ctx)
	if err != nil || last == nil {
		return err
	}
	header, err := nats.DecodeHeadersMsg(last.Header)
	if err == nil {
		w.reached, err = w.parse(header)
	}
	if err != nil {
		return connector.GiveUpf("the message at sequence %d of stream %s, of subject %s, is not of this sink: %w; give the sink a subject that nothing else is written to",
			last.Sequence, w.cfg.Stream, last.Subject, err)
	}
	w.messages.seek = w.reached.seek
	return nil
}

// seek claims the shard, and has its last message say another position, whatever the one before is.
func (w *writer) seek(ctx context.Context, to engine.Mark) error {
	if err := w.take(ctx); err != nil {
		return err
	}
	if _, err := w.newest(ctx); err != nil {
		return err
	}
	return w.behind(ctx, w.order(to))
}

// Target is the stream and the shard's subject.
func (w *writer) Target() string { return w.cfg.Stream + "/" + fill(w.cfg.Subject, w.shard, "*") }

// At is the last delta that is there whole.
func (w *writer) At() engine.Mark { return w.reached.at }

// Write publishes the messages of all records, one after the other: what comes behind one that is refused must not be there.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	if w.failed {
		return errUsed
	}
	for i := range records {
		if err := w.write(ctx, &records[i]); err != nil {
			w.failed = true
			return ended(ctx, w.because(err))
		}
		w.reached = reached{at: records[i].Mark}
	}
	return nil
}

// write publishes what isn't there of a delta.
func (w *writer) write(ctx context.Context, delta *connector.Record) error {
	list, err := w.of(delta, w.reached.at.Position)
	if err != nil {
		return err
	}
	if w.reached.parts > 0 && w.reached.next != delta.Mark {
		return connector.GiveUpf("stream %s has a part of delta %d %s, and the log has %d %s there: it is of another pipeline's log; give the sink another subject", w.cfg.Stream,
			w.reached.next.Position, w.reached.next.ID, delta.Position, delta.ID)
	}
	for _, msg := range list[w.reached.parts:] {
		if err := w.behind(ctx, msg); err != nil {
			return fmt.Errorf("publish delta %d: %w", delta.Position, err)
		}
		w.began = true
	}
	return nil
}

// behind publishes a message of the shard behind those that are known.
func (w *writer) behind(ctx context.Context, msg *nats.Msg) error {
	expected, of := w.claim, fill(w.cfg.Claims, w.shard, "")
	if !w.began {
		expected, of = w.last, fill(w.cfg.Subject, w.shard, "*")
	}
	msg.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(expected, 10)}
	msg.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{of}
	_, err := w.publish(ctx, msg)
	return err
}

// pubAck is what the server says of a message.
type pubAck struct {
	Stream    string              `json:"stream"`
	Sequence  uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
	Error     *jetstream.APIError `json:"error"`
}

// publish publishes a message, and returns its sequence. After an error it may be there all the same.
func (w *writer) publish(ctx context.Context, msg *nats.Msg) (uint64, error) {
	msg.Header[jetstream.ExpectedStreamHeader] = []string{w.cfg.Stream}
	answer, err := ask(ctx, func(ctx context.Context) (*nats.Msg, error) { return w.RequestMsgWithContext(ctx, msg) })
	if errors.Is(err, nats.ErrMaxPayload) {
		return 0, connector.GiveUpf("it has %d bytes with its headers, and the server takes %d: raise max_payload there",
			msg.Size(), w.MaxPayload())
	}
	if err != nil {
		return 0, err
	}
	var ack pubAck
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, fmt.Errorf("the server's answer is none of JetStream's: %w", err)
	}
	switch {
	case ack.Error != nil && ack.Error.ErrorCode == jetstream.JSErrCodeStreamMessageExceedsMaximum:
		return 0, connector.GiveUpf("it has %d bytes with its headers, and the stream takes less: raise max_msg_size there",
			msg.Size())
	case ack.Error != nil && isTaken(ack.Error):
		return 0, fmt.Errorf("another writer has the shard, or the stream has changed: %s", ack.Error.Description)
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Stream != w.cfg.Stream || ack.Sequence == 0:
		return 0, connector.GiveUpf("stream %q has taken it, and not %s: put stream or subject right", ack.Stream, w.cfg.Stream)
	case ack.Duplicate:
		return 0, fmt.Errorf("the server takes it for one that was at sequence %d, and is not there any more", ack.Sequence)
	}
	return ack.Sequence, nil
}

// isTaken reports whether something else was expected to be the newest.
func isTaken(err *jetstream.APIError) bool {
	return err.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || err.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// Close disconnects.
func (w *writer) Close() error {
	w.Conn.Close()
	return nil
}
