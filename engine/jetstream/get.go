package jetstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
)

// Bounds of one batch of answers. What waits here for its reader is never more.
const (
	batchBytes    = 4 << 20
	batchMessages = 4096
	// answerTimeout bounds the wait for each answer.
	answerTimeout = time.Second
	// firstTimeout bounds the wait for the first answer to a request. It doubles, up to answerTimeout, each time that none
	// comes: a server that hangs is asked like the others, and another one is most likely next.
	firstTimeout = 100 * time.Millisecond
)

// getRequest asks any replica for messages; see JSApiMsgGetRequest of the NATS server.
type getRequest struct {
	Seq       uint64   `json:"seq,omitempty"`
	Next      string   `json:"next_by_subj,omitempty"`
	Last      string   `json:"last_by_subj,omitempty"`
	MultiLast []string `json:"multi_last,omitempty"`
	Batch     int      `json:"batch,omitempty"`
	MaxBytes  int      `json:"max_bytes,omitempty"`
}

var (
	// errNoAnswer: the replica was not heard of, or not to the end.
	errNoAnswer = errors.New("no answer")
	// errPartly: it has not said all that was asked for.
	errPartly = errors.New("the answer lacks messages")
)

// getter receives the answers to one request at a time. Not for concurrent use.
type getter struct {
	stream  *stream
	sub     *nats.Subscription
	inbox   string
	asked   int
	answers chan *nats.Msg
	first   time.Duration    // how long to wait for the first answer to the next request
	lost    chan nats.Status // tells that the connection is lost, or was lost a while ago
	nothing bool             // the last answer: no message is as was asked
	through uint64           // it is of the stream up to this position; 0: it doesn't say
}

// newGetter returns a getter for so many messages at once, which its user closes.
func (s *stream) newGetter(messages int) (*getter, error) {
	g := &getter{stream: s, inbox: s.nc.NewInbox(), answers: make(chan *nats.Msg, messages+1), first: firstTimeout}
	var err error
	if g.sub, err = s.nc.ChanSubscribe(g.inbox+".*", g.answers); err != nil {
		return nil, fmt.Errorf("subscribe to answers: %w", err)
	}
	g.lost = s.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	return g, nil
}

// renew makes room for the answers to the next request: those to one that was given up may still come, and fill it.
func (g *getter) renew() error {
	answers, inbox := make(chan *nats.Msg, cap(g.answers)), g.stream.nc.NewInbox()
	sub, err := g.stream.nc.ChanSubscribe(inbox+".*", answers)
	if err != nil {
		return fmt.Errorf("subscribe to answers: %w", err)
	}
	_ = g.sub.Unsubscribe()
	g.sub, g.inbox, g.answers = sub, inbox, answers
	return nil
}

func (g *getter) close() {
	g.stream.nc.RemoveStatusListener(g.lost)
	_ = g.sub.Unsubscribe()
}

const (
	// idleGetters bounds the getters that a stream keeps for the next requests for last messages: to listen and to stop listening costs
	// as much as such a request.
	idleGetters = 4
	// idleMessages is for how many messages at once they are.
	idleMessages = 64
)

// borrowGetter returns a getter for so many messages at once, which its user returns.
func (s *stream) borrowGetter(messages int) (*getter, error) {
	if messages > idleMessages {
		return s.newGetter(messages)
	}
	select {
	case g := <-s.idle:
		g.forget()
		return g, nil
	default:
		return s.newGetter(idleMessages)
	}
}

// returnGetter keeps a getter whose last request was answered to its end, unless there are enough.
func (s *stream) returnGetter(g *getter, answered bool) {
	if answered && cap(g.answers) == idleMessages+1 {
		select {
		case s.idle <- g:
			return
		default:
		}
	}
	g.close()
}

// forget lets go what has come since its last request was answered: that the connection was lost meanwhile says nothing of the next one.
func (g *getter) forget() {
	for {
		select {
		case <-g.lost:
		case <-g.answers:
		default:
			return
		}
	}
}

// get calls each for each message, until the replica says that this was all. An error of each ends it.
func (g *getter) get(ctx context.Context, req *getRequest, each func(*nats.Msg) error) error {
	request, err := json.Marshal(req)
	if err != nil {
		return err
	}
	g.asked++ // so that late answers to other requests are told apart
	inbox := g.inbox + "." + strconv.Itoa(g.asked)
	if err := g.stream.nc.PublishRequest("$JS.API.DIRECT.GET."+g.stream.name, inbox, request); err != nil {
		return err
	}
	timeout := time.NewTimer(g.first)
	defer timeout.Stop()
	for {
		select {
		case m := <-g.answers:
			if m.Subject != inbox {
				continue
			}
			g.first = firstTimeout
			end, err := g.ending(m, req)
			if end || err != nil {
				return err
			}
			if err := each(m); err != nil {
				return err
			}
			timeout.Reset(answerTimeout)
		case <-timeout.C:
			g.first = min(2*g.first, answerTimeout)
			return errors.Join(errNoAnswer, g.renew())
		case <-g.lost:
			return errLost // at worst the caller asks again for nothing
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ending reports whether m, of the answer to req, says that there are no more messages.
func (g *getter) ending(m *nats.Msg, req *getRequest) (bool, error) {
	status, text := m.Header.Get(headerStatus), m.Header.Get("Description")
	partly := len(req.MultiLast) > 0 && (status == "404" && text == notFound || status == "204" && cmp.Or(m.Header.Get(headerPending), "0") != "0")
	switch {
	case partly: // one of the last messages can't be read, or all of them are too many bytes
		return false, fmt.Errorf("%w: %s %s", errPartly, status, text)
	case status == "":
		return false, nil
	case status == "204", status == "404":
		g.nothing = status == "404"
		g.through, _ = strconv.ParseUint(m.Header.Get(headerUpTo), 10, 64) // not every answer says so
		return true, nil
	case status == "503":
		return false, nats.ErrNoResponders
	}
	return false, fmt.Errorf("direct get: %s %s", status, text)
}

// positionOf reads the position of a message.
func positionOf(m *nats.Msg) (uint64, error) {
	seq, err := strconv.ParseUint(m.Header.Get(headerSequence), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: message has no position: %w", engine.ErrDamaged, err)
	}
	return seq, nil
}

// entryOf reads a message of a log, with the position of the one before it.
func entryOf(m *nats.Msg) (e engine.Entry, prev uint64, err error) {
	if e.Seq, err = positionOf(m); err != nil {
		return e, 0, err
	}
	if prev, err = strconv.ParseUint(m.Header.Get(headerExpected), 10, 64); err != nil || prev >= e.Seq {
		return e, 0, fmt.Errorf("%w: entry %d does not name the one before it (%q)",
			engine.ErrDamaged, e.Seq, m.Header.Get(headerExpected))
	}
	e.Payload, err = payloadOf(m.Header, m.Data)
	return e, prev, err
}

// lasts are the last messages of subjects.
type lasts struct {
	messages []*nats.Msg
	nothing  bool   // none of the subjects has a message, wherever it stands
	through  uint64 // this is so in the stream up to this position; 0: that is not known
	seen     uint64 // the barrier that the replica has seen
}

// last returns of each of the subjects the last message, if that is at from or later, as of now: of a replica that has applied all that
// was committed when last was called. All that is before from was committed then. It tries until ctx ends.
func (s *stream) last(ctx context.Context, from uint64, subjects ...string) (lasts, error) {
	if err := s.gone(); err != nil {
		return lasts{}, err
	}
	var passed uint64
	request := &getRequest{Seq: from, MultiLast: subjects}
	if s.barrier != nil {
		var err error
		if passed, err = s.barrier.pass(ctx); err != nil {
			return lasts{}, fmt.Errorf("read barrier: %w", err)
		}
		request.MultiLast = append(subjects[:len(subjects):len(subjects)], s.barrier.subject)
	}
	g, err := s.borrowGetter(len(request.MultiLast))
	if err != nil {
		return lasts{}, err
	}
	defer func() { s.returnGetter(g, err == nil) }()
	var wait pause
	for {
		var found lasts
		if found, err = g.lastOnce(ctx, request); err == nil && found.seen >= passed {
			return found, nil
		}
		if errors.Is(err, nats.ErrConnectionClosed) {
			return lasts{}, err
		}
		if ended := wait.wait(ctx); ended != nil {
			err = errors.Join(ended, err)
			return lasts{}, err
		}
	}
}

// lastOnce asks one replica.
func (g *getter) lastOnce(ctx context.Context, request *getRequest) (found lasts, err error) {
	err = g.get(ctx, request, func(m *nats.Msg) error {
		if b := g.stream.barrier; b == nil || m.Header.Get(headerSubject) != b.subject {
			found.messages = append(found.messages, m)
			return nil
		}
		var err error
		found.seen, err = positionOf(m)
		return err
	})
	found.nothing, found.through = g.nothing, g.through
	return found, err
}

// Tail is the last message of the subject.
func (l *log) Tail(ctx context.Context) (engine.Entry, error) {
	m, err := l.tail(ctx)
	if m == nil || err != nil {
		return engine.Entry{}, err
	}
	e, _, err := entryOf(m)
	if err != nil {
		return e, fmt.Errorf("tail of %s: %w", l.subject, err)
	}
	return e, nil
}

// tail is the last message of the subject; nil if there is none. Where there are several replicas it is that of two: the
// end of a log can't be proved by the log, and a damaged replica may have lost it.
func (l *log) tail(ctx context.Context) (*nats.Msg, error) {
	found, err := l.last(ctx, 0, l.subject)
	if err != nil {
		return nil, fmt.Errorf("tail of %s: %w", l.subject, err)
	}
	var one *nats.Msg
	if len(found.messages) > 0 {
		one = found.messages[0]
	}
	if l.barrier == nil {
		return one, nil
	}
	other, err := l.leaders(ctx, &getRequest{Last: l.subject})
	if err != nil {
		return nil, fmt.Errorf("tail of %s: %w", l.subject, err)
	}
	return l.later(one, other)
}

// later is the later of two tails. They differ also when something was appended in between.
func (l *log) later(one, other *nats.Msg) (*nats.Msg, error) {
	switch {
	case one == nil:
		return other, nil
	case other == nil:
		return one, nil
	}
	a, err := positionOf(one)
	if err != nil {
		return nil, err
	}
	b, err := positionOf(other)
	if err != nil || b < a {
		return one, err
	}
	return other, nil
}
