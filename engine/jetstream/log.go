package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/rounds"
)

// Headers of JetStream.
const (
	headerExpected = "Nats-Expected-Last-Subject-Sequence"
	headerRollup   = "Nats-Rollup"
	headerSequence = "Nats-Sequence"
	headerSubject  = "Nats-Subject"
	headerTime     = "Nats-Time-Stamp"
	headerStatus   = "Status"
	headerPending  = "Nats-Num-Pending"
	headerUpTo     = "Nats-UpTo-Sequence"
	// notFound describes the status of a request for a message that isn't there.
	notFound = "Message Not Found"
)

const (
	// attempt bounds the wait for the answer to one request. It ends before that when the stream elects another leader:
	// what was sent to the one before may never be answered.
	attempt = 2 * time.Second
	// headroom is what a record leaves of the message limit for headers, in bytes: our own, and those that the server
	// adds when it gives the record out.
	headroom = 2 << 10
)

// stream is a stream whose subjects are logs.
type stream struct {
	nc       *nats.Conn
	pipeline string
	group    string
	name     string
	barrier  *barrier     // nil: the stream has a single replica
	room     func() error // nil: there always is
	server   *Server      // of this process; nil: others run them
	alarm    func(msg string, args ...any)
	compress bool
	idle     chan *getter // those that nobody uses
	ends     *rounds.Rounds[*log, map[*log]uint64]

	// lost is why the stream is no more, nil while it is there.
	lost atomic.Pointer[error]
	// vanished: it is lost because the servers have said so while it was in use. lastSeen is how far it went before.
	vanished atomic.Bool
	lastSeen atomic.Uint64
	// missingSince is when the servers began to say that there is no such stream.
	missingSince atomic.Pointer[time.Time]
	mu           sync.Mutex
	behind       map[string]time.Time // by server: since when its copy lacks something

	// askedForAnother is when it was last made to elect another leader.
	askedForAnother time.Time
	// elected is closed, and replaced, when the stream elects a leader.
	elected atomic.Pointer[chan struct{}]
}

func newStream(nc *nats.Conn, cfg Config, group string) *stream {
	s := &stream{nc: nc, pipeline: cfg.Pipeline, group: group, name: streamName(cfg, group), room: cfg.room(), server: cfg.Server, alarm: cfg.logger().Error, compress: cfg.Compress,
		idle: make(chan *getter, idleGetters)}
	s.ends = rounds.New(s.readEnds)
	s.hasElected()
	if cfg.Replicas > 1 {
		s.barrier = newBarrier(s, barrierSubject(cfg, group))
	}
	return s
}

// hasElected tells those who wait for an answer of the leader that there is another.
func (s *stream) hasElected() {
	next := make(chan struct{})
	if before := s.elected.Swap(&next); before != nil {
		close(*before)
	}
}

// gone is the error of every call while the stream is lost.
func (s *stream) gone() error {
	if err := s.lost.Load(); err != nil {
		return *err
	}
	return nil
}

// log is the log with that name in the stream.
func (s *stream) log(name string) *log {
	return &log{
		stream:  s,
		subject: subjectOf(s.pipeline, s.group, "log", name),
		feed:    subjectOf(s.pipeline, s.group, "feed", name),
		trim:    subjectOf(s.pipeline, s.group, "trim", name),
		known:   &known{},
	}
}

// log is an [engine.ShardLog]: one subject of a stream.
type log struct {
	*stream
	subject string
	feed    string // where the stream republishes it
	trim    string // says before which position it was trimmed; empty: that is not said
	known   *known
}

// Append publishes with the expected sequence, and has an answer within two seconds. Within that time it is tried again
// as long as it certainly has not taken: nobody listens, since the stream has no leader; or the leader refuses it because
// it has not yet put away an append before, which may be one that it has confirmed already.
func (l *log) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	return l.append(ctx, expect, payload, nil)
}

func (l *log) append(ctx context.Context, expect uint64, payload []byte, more nats.Header) (uint64, error) {
	if limit := l.nc.MaxPayload() - headroom; int64(len(payload)) > limit {
		return 0, fmt.Errorf("append to %s: %w: %d bytes, at most %d", l.subject, engine.ErrTooLarge, len(payload), limit)
	}
	if l.room != nil && !engine.Reserved(ctx) {
		if err := l.room(); err != nil {
			return 0, fmt.Errorf("append to %s: %w: %w", l.subject, engine.ErrUnknown, err)
		}
	}
	m := &nats.Msg{Subject: l.subject, Data: payload, Header: nats.Header{headerExpected: {strconv.FormatUint(expect, 10)}}}
	for k, v := range more {
		m.Header[k] = v
	}
	if l.compress {
		buf := encoded.Get().(*[]byte)
		defer encoded.Put(buf) // what is published was copied
		if data, worth := compress(buf, payload); worth {
			m.Data = data
			m.Header[headerEncoding] = []string{encodingS2}
		}
	}
	seq, err := l.publish(ctx, m)
	l.known.appended(expect, seq, err)
	if err != nil {
		return 0, fmt.Errorf("append to %s after %d: %w", l.subject, expect, err)
	}
	return seq, nil
}

// publish sends m to the stream, and returns its position. Its errors are those of Append.
func (s *stream) publish(ctx context.Context, m *nats.Msg) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", engine.ErrUnknown, err)
	}
	if err := s.gone(); err != nil {
		return 0, err
	}
	once, cancel := s.once(ctx)
	defer cancel()
	var wait pause
	for {
		answer, err := s.nc.RequestMsgWithContext(once, m)
		if errors.Is(err, nats.ErrNoResponders) && wait.wait(once) == nil {
			continue
		}
		if err == nil {
			seq, err := published(answer.Data)
			if err != nil && underWay(err) && wait.wait(once) == nil {
				continue
			}
			return seq, err
		}
		if errors.Is(err, nats.ErrMaxPayload) {
			return 0, fmt.Errorf("%w: %w", engine.ErrTooLarge, err)
		}
		if errors.Is(err, nats.ErrNoResponders) {
			err = fmt.Errorf("%w: %w", engine.ErrNoLeader, err)
		}
		return 0, fmt.Errorf("%w: %w", engine.ErrUnknown, ended(ctx, once, err))
	}
}

// Why an answer that was awaited may never come.
var (
	errLost      = errors.New("connection to the servers was lost")
	errNewLeader = errors.New("the stream has elected another leader meanwhile")
)

// once is the context of one request: it ends after a while, when the connection is lost, and when the stream elects a
// leader. The caller cancels it.
func (s *stream) once(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithTimeoutCause(ctx, attempt, errNoAnswer)
	ctx, cancel := context.WithCancelCause(ctx)
	lost, elected := s.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED), *s.elected.Load()
	go func() {
		select {
		case _, ok := <-lost:
			if ok {
				cancel(errLost)
			}
		case <-elected:
			cancel(errNewLeader)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		stop()
		s.nc.RemoveStatusListener(lost)
	}
}

// ended is why a request failed with err: the end of ctx, or what ended once, or err. Only the end of ctx is the error
// of a context, so that callers can tell.
func ended(ctx, once context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, once.Err()) {
		return context.Cause(once)
	}
	return err
}

// underWay reports whether an append was refused because of another one that is not yet put away.
func underWay(err error) bool {
	var refused *apiError
	return errors.As(err, &refused) && (refused.Code == codeWrongLastInFlight || refused.Code == codeLastNotReady)
}

// apiError is what JetStream answers to what it refuses.
type apiError struct {
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s (JetStream error %d)", e.Description, e.Code)
}

// published reads the answer to a publish. What JetStream refuses for a reason of its own, such as a full disk, may be
// accepted later.
func published(answer []byte) (uint64, error) {
	var ack struct {
		Seq   uint64    `json:"seq"`
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, fmt.Errorf("%w: answer %q: %w", engine.ErrUnknown, answer, err)
	}
	if ack.Error == nil {
		if ack.Seq == 0 {
			return 0, fmt.Errorf("%w: answer %q has no position", engine.ErrUnknown, answer)
		}
		return ack.Seq, nil
	}
	return 0, fmt.Errorf("%w: %w", kindOf(ack.Error), ack.Error)
}

// kindOf is what a refusal means in the words of the contract.
func kindOf(refused *apiError) error {
	switch {
	case refused.Code == codeWrongLast || refused.Code == codeWrongLastInFlight || refused.Code == codeLastNotReady:
		return engine.ErrConflict
	case refused.Code == codeTooLarge:
		return engine.ErrTooLarge
	case slices.Contains(noRoomCodes, refused.Code) || strings.Contains(refused.Description, noSpace):
		return fmt.Errorf("%w: %w", engine.ErrUnknown, engine.ErrNoRoom)
	}
	return engine.ErrUnknown
}

// noSpace is in the description when a server's disk is full: the text of ENOSPC.
const noSpace = "no space left on device"

// Trim says in the log's trim subject what it will remove, then purges: entries that are missing at the beginning of a log
// that doesn't say so are damage.
func (l *log) Trim(ctx context.Context, before uint64) error {
	tail, err := l.Tail(ctx)
	if err != nil {
		return err
	}
	if before = min(before, tail.Seq); before <= 1 {
		return nil
	}
	if err = l.noteTrim(ctx, before); err == nil {
		err = l.purge(ctx, l.subject, before)
	}
	if err != nil {
		return fmt.Errorf("trim %s before %d: %w", l.subject, before, err)
	}
	return nil
}

// noteTrim makes before what the log says of itself, unless it was trimmed further already.
func (l *log) noteTrim(ctx context.Context, before uint64) error {
	if done, err := l.trimmed(ctx); err != nil || done >= before {
		return err
	}
	m := &nats.Msg{Subject: l.trim, Data: strconv.AppendUint(nil, before, 10), Header: nats.Header{headerRollup: {"sub"}}}
	var wait pause
	for {
		_, err := l.publish(ctx, m)
		if err == nil || !passing(err) && !errors.Is(err, engine.ErrUnknown) {
			return err
		}
		if ended := wait.wait(ctx); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// trimmed is the position before which the log says that it was trimmed, 0 if never.
func (l *log) trimmed(ctx context.Context) (uint64, error) {
	if l.trim == "" {
		return 0, nil
	}
	m, err := l.leaders(ctx, &getRequest{Last: l.trim})
	if m == nil || err != nil {
		return 0, err
	}
	before, err := strconv.ParseUint(string(m.Data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s says %q: %w", engine.ErrDamaged, l.trim, m.Data, err)
	}
	return before, nil
}

// purge removes the messages of a subject before a position, all for 0. It tries until that is done or ctx ends; as the
// position stays, a purge that comes late removes nothing else.
func (s *stream) purge(ctx context.Context, subject string, before uint64) error {
	request, err := json.Marshal(map[string]any{"filter": subject, "seq": before})
	if err != nil {
		return err
	}
	var wait pause
	for {
		var answer struct {
			Success bool `json:"success"`
		}
		err := s.api(ctx, "$JS.API.STREAM.PURGE."+s.name, request, &answer)
		if err == nil && answer.Success {
			return nil
		}
		if err != nil && !passing(err) {
			return err
		}
		if ended := wait.wait(ctx); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// api asks the leader of the stream once.
func (s *stream) api(ctx context.Context, subject string, request []byte, answer any) error {
	once, cancel := s.once(ctx)
	defer cancel()
	m, err := s.nc.RequestWithContext(once, subject, request)
	if err != nil {
		return ended(ctx, once, err)
	}
	var refused struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &refused); err != nil {
		return fmt.Errorf("answer of %s: %w", subject, err)
	}
	if refused.Error != nil {
		return refused.Error
	}
	return json.Unmarshal(m.Data, answer)
}

// Bounds of a pause.
const (
	shortestPause = 2 * time.Millisecond
	longestPause  = 250 * time.Millisecond
)

// pause is a wait that grows.
type pause struct{ last time.Duration }

// wait waits, longer than the time before, or returns ctx.Err() when ctx ends.
func (p *pause) wait(ctx context.Context) error {
	p.last = min(max(2*p.last, shortestPause), longestPause)
	t := time.NewTimer(p.last)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
