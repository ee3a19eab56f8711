package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
)

// silence is how much longer than a request may last nothing may be heard of it.
const silence = 5 * time.Second

// notePause is the time between two notes of what was looked at and is not read.
const notePause = time.Minute

// stuckTime is how long a consumer may not send what the stream has. A server with much to do ends a request that is short before it has
// looked for messages.
const stuckTime = pullTime

// errStuck: the stream has what is to be read, and the consumer doesn't send it. The next reader makes it anew.
var errStuck = errors.New("the consumer does not send what the stream has; it is made anew")

// reader reads a stream by a durable consumer. Read is called by one goroutine, Ack by one.
type reader struct {
	*link
	s        *Source
	stream   extent
	first    uint64 // the sequence at which the source began when it ran first
	consumer jetstream.ConsumerConfig
	made     time.Time // the consumer
	answers  chan *nats.Msg
	inbox    string

	queue   []connector.Message // what is to be handed over before anything that comes
	pull    int                 // the number of the request that is under way
	left    int                 // the messages that it may bring yet; 0: none is under way
	single  bool                // the next request is for one message, of whatever size
	seen    uint64              // all to this sequence was read, or is not to be read
	sent    uint64              // the consumer's number of the last delivery
	missing uint64              // what the consumer should have sent by the last look
	missed  time.Time           // when that was seen first
	notedAt time.Time
	err     error // why nothing more is read

	mu      sync.Mutex
	unacked []delivery
}

// delivery is a message that is not committed yet.
type delivery struct {
	seq   uint64
	reply string
}

// subscribe makes room for the answers to one request at a time: its messages, and its end.
func (r *reader) subscribe() error {
	r.inbox = r.NewInbox()
	r.answers = make(chan *nats.Msg, r.s.cfg.MaxMessages+16)
	r.notedAt = time.Now()
	_, err := r.ChanSubscribe(r.inbox+".*", r.answers)
	return err
}

// pullRequest asks a consumer for messages.
type pullRequest struct {
	Batch    int           `json:"batch"`
	MaxBytes int           `json:"max_bytes,omitempty"`
	Expires  time.Duration `json:"expires"`
	NoWait   bool          `json:"no_wait"` // it ends when there are no more, but for the first it waits
}

// request asks for the next messages.
func (r *reader) request() error {
	ask := pullRequest{Batch: r.s.cfg.MaxMessages, MaxBytes: r.s.cfg.MaxFetch, Expires: r.s.cfg.pullTime, NoWait: true}
	if r.single {
		ask.Batch, ask.MaxBytes = 1, 0
	}
	text, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	r.pull, r.left, r.single = r.pull+1, ask.Batch, false
	subject := "$JS.API.CONSUMER.MSG.NEXT." + r.s.cfg.Stream + "." + r.s.cfg.Consumer
	return r.PublishRequest(subject, r.reply(), text)
}

func (r *reader) reply() string { return r.inbox + "." + strconv.Itoa(r.pull) }

// Read returns what the consumer sends.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		messages, err := r.take(ctx)
		if len(messages) > 0 {
			return messages, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// take returns what has come when something has, or why nothing more comes.
func (r *reader) take(ctx context.Context) ([]connector.Message, error) {
	if queue := r.queue; len(queue) > 0 {
		r.queue = nil
		return queue, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	if r.left == 0 {
		if err := r.request(); err != nil {
			return nil, r.fail(err)
		}
	}
	limit := time.NewTimer(r.s.cfg.pullTime + silence)
	defer limit.Stop()
	select {
	case m := <-r.answers:
		return r.arrived(ctx, m)
	case <-r.over:
		return nil, r.fail(nats.ErrConnectionClosed)
	case <-limit.C:
		return nil, r.fail(fmt.Errorf("nothing is heard of consumer %s", r.s.cfg.Consumer))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fail ends the reading.
func (r *reader) fail(err error) error {
	if r.err == nil {
		r.err = meaning(r.because(err))
	}
	return r.err
}

// arrived takes in an answer, and those that wait behind it.
func (r *reader) arrived(ctx context.Context, m *nats.Msg) (messages []connector.Message, err error) {
	begin := r.seen
	for more := true; more; {
		message, wrong := r.answer(ctx, m)
		if message != nil {
			messages = append(messages, *message)
		}
		if err = wrong; err != nil {
			break
		}
		m, more = r.waiting()
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // of a look, which the next request brings again
	} else if err != nil {
		err = r.fail(err) // told again when what came before is committed
	}
	if len(messages) == 0 {
		return nil, err
	}
	return r.checkJumps(ctx, begin, messages)
}

// waiting returns what has come already.
func (r *reader) waiting() (*nats.Msg, bool) {
	select {
	case m := <-r.answers:
		return m, true
	default:
		return nil, false
	}
}

// answer takes in one answer: a message, or the end of a request.
func (r *reader) answer(ctx context.Context, m *nats.Msg) (*connector.Message, error) {
	switch {
	case !strings.HasPrefix(m.Reply, "$JS.ACK.") && m.Subject != r.reply(): // of a request before
		return nil, nil
	case !strings.HasPrefix(m.Reply, "$JS.ACK."):
		return nil, r.status(ctx, m.Header.Get("Status"), m.Header.Get("Description"))
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("what consumer %s has sent is no message of it: %w", r.s.cfg.Consumer, err)
	}
	if meta.Sequence.Consumer != r.sent+1 {
		return nil, fmt.Errorf("deliveries of consumer %s got lost between %d and %d", r.s.cfg.Consumer, r.sent, meta.Sequence.Consumer)
	}
	r.sent, r.left, r.missing = meta.Sequence.Consumer, max(r.left-1, 0), 0
	return r.deliver(m, meta), nil
}

// deliver makes a message of a delivery. What was read before is sent again where it isn't acknowledged for long, and what was
// committed before where a work queue doesn't know it: that is acknowledged at once.
func (r *reader) deliver(m *nats.Msg, meta *nats.MsgMetadata) *connector.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	seq := meta.Sequence.Stream
	if seq <= r.seen {
		if len(r.unacked) == 0 || seq < r.unacked[0].seq {
			_ = r.Publish(m.Reply, []byte(ack)) // if it is lost, the server sends it once more
		}
		return nil
	}
	r.seen = seq
	r.unacked = append(r.unacked, delivery{seq: seq, reply: m.Reply})
	out := r.s.message(m)
	out.Stream, out.Offset, out.Time = r.stream.name, seq, meta.Timestamp
	vars := out.Vars
	out.Vars = func(yield func(string, string) bool) {
		if yield("sequence", strconv.FormatUint(seq, 10)) {
			vars(yield)
		}
	}
	return &out
}

// status takes in the end of a request.
func (r *reader) status(ctx context.Context, status, description string) error {
	r.left = 0
	switch {
	case status == "404", status == "409" && strings.HasPrefix(description, "Batch Completed"):
		return nil
	case status == "408":
		return r.look(ctx)
	case status == "409" && strings.HasPrefix(description, "Message Size Exceeds MaxBytes"):
		r.single = true
		return nil
	}
	return fmt.Errorf("consumer %s: %s %s", r.s.cfg.Consumer, status, description)
}

// Ack acknowledges to the server. It need not hear of it: what it sends again is known.
func (r *reader) Ack(_ context.Context, committed []connector.Message) error {
	to := committed[len(committed)-1].Offset
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.unacked) && r.unacked[n].seq <= to {
		n++
	}
	done := r.unacked[:n]
	r.unacked = r.unacked[n:]
	if n > 0 && r.consumer.AckPolicy == jetstream.AckAllPolicy {
		done = done[n-1:]
	}
	for _, d := range done {
		if err := r.Publish(d.reply, []byte(ack)); err != nil {
			return err
		}
	}
	return nil
}

// ack is what acknowledges a message.
const ack = "+ACK"

// Close tells the server what was acknowledged, and disconnects.
func (r *reader) Close() error {
	if err := r.FlushTimeout(closeTimeout); err != nil {
		r.log.Debug("nats: what was acknowledged may come again", "consumer", r.s.cfg.Consumer, "err", err)
	}
	r.Conn.Close()
	return nil
}
