package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/connector"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	// Connection says how servers are reached.
	Connection
	// Stream is the JetStream stream that is read; empty: the subjects are those of core NATS.
	Stream string
	// Subjects are those that are read, with wildcards. Of a stream they may be none: then all of it is read. None may cover another.
	Subjects []string
	// Consumer is the name of the durable consumer, of this source alone. Who opens a reader makes it anew. With a stream.
	Consumer string
	// Start says where a stream begins of which nothing was read yet: "first", "latest", a time (RFC 3339) for the first message that
	// is not older, or a sequence. "latest" means what there was when the source ran first. Default "first".
	Start string
	// SkipGaps: messages that the server has removed before they were read become one dead letter, and the source goes on behind
	// them. Otherwise it gives up.
	SkipGaps bool
	// Queue is a group of subscribers, each message of core NATS goes to one of; empty: to all.
	Queue string
	// MediaType is that of messages without a header content-type. Default "application/rdf-patch".
	MediaType string
	// MaxFetch bounds the bytes that are asked for at one time; a message that is larger comes alone. Of core NATS it bounds what waits
	// to be taken in: what comes beyond is dropped, and told. Default 8 MiB.
	MaxFetch int
	// MaxMessages bounds the messages that are handed over at one time. Default 10,000.
	MaxMessages int
	// Logger. Default slog.Default.
	Logger *slog.Logger

	pullTime, notePause time.Duration // of tests
}

// Source reads a stream, or subjects. Make it with [NewSource]. It may be used concurrently.
type Source struct {
	cfg   SourceConfig
	since *time.Time // Start, if it is a time
	at    uint64     // Start, if it is a sequence
}

var _ connector.Source = (*Source)(nil)

// The two words for a start.
const (
	first  = "first"
	latest = "latest"
)

// pullTime is how long the server waits for messages before it says that there are none, which is the sign that the consumer lives.
const pullTime = 2 * time.Second

// NewSource checks the configuration and returns a source; it connects to nothing.
func NewSource(cfg SourceConfig) (*Source, error) {
	cfg.Start, cfg.MediaType = cmp.Or(cfg.Start, first), cmp.Or(cfg.MediaType, "application/rdf-patch")
	cfg.MaxFetch, cfg.MaxMessages = cmp.Or(cfg.MaxFetch, 8<<20), cmp.Or(cfg.MaxMessages, 10_000)
	cfg.pullTime, cfg.notePause = cmp.Or(cfg.pullTime, pullTime), cmp.Or(cfg.notePause, notePause)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	for i, subject := range cfg.Subjects {
		if err := checkSubject(subject, true); err != nil {
			return nil, err
		}
		for j, other := range cfg.Subjects {
			if i != j && covers(other, subject) {
				return nil, fmt.Errorf("nats: subject %q is in %q already", subject, other)
			}
		}
	}
	if cfg.Stream == "" {
		return newCore(cfg)
	}
	if !isName(cfg.Stream) || !isName(cfg.Consumer) {
		return nil, errors.New("nats: a source needs the name of a stream, and of its consumer, both without dots, wildcards and spaces")
	}
	if cfg.Queue != "" {
		return nil, errors.New("nats: a queue group is of core NATS; the consumer of a stream has one reader")
	}
	return (&Source{cfg: cfg}).withStart()
}

// newCore makes a source of core NATS.
func newCore(cfg SourceConfig) (*Source, error) {
	if len(cfg.Subjects) == 0 || cfg.Consumer != "" || cfg.Start != first || cfg.SkipGaps {
		return nil, errors.New("nats: core NATS needs subjects, and has no consumer, no start, and no gaps to skip")
	}
	if cfg.Queue != "" && checkSubject(cfg.Queue, false) != nil {
		return nil, fmt.Errorf("nats: queue group %q: expected a word", cfg.Queue)
	}
	return &Source{cfg: cfg}, nil
}

// withStart reads where to begin.
func (s *Source) withStart() (*Source, error) {
	if s.cfg.Start == first || s.cfg.Start == latest {
		return s, nil
	}
	if since, err := time.Parse(time.RFC3339, s.cfg.Start); err == nil {
		s.since = &since
		return s, nil
	}
	at, err := strconv.ParseUint(s.cfg.Start, 10, 63)
	if err != nil || at == 0 {
		return nil, fmt.Errorf("nats: start %q: expected first, latest, a sequence, or a time such as 2026-01-02T15:04:05Z", s.cfg.Start)
	}
	s.at = at
	return s, nil
}

// isName reports whether JetStream takes a text for a name.
func isName(text string) bool { return text != "" && !strings.ContainsAny(text, ".*> /\\\t\r\n") }

// checkSubject finds what is no subject. Wildcards are those of subscriptions.
func checkSubject(subject string, wildcards bool) error {
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		wild := token == "*" || token == ">" && i == len(tokens)-1
		if token == "" || strings.ContainsAny(token, " \t\r\n") || strings.ContainsAny(token, "*>") && (!wild || !wildcards) {
			return fmt.Errorf("nats: subject %q: expected words with dots between them", subject)
		}
	}
	return nil
}

// covers reports whether a subject with wildcards has all that another one has.
func covers(wide, narrow string) bool {
	w, n := strings.Split(wide, "."), strings.Split(narrow, ".")
	for i, token := range w {
		switch {
		case i == len(n):
			return false
		case token == ">":
			return true
		case token == "*" && n[i] != ">", token == n[i]:
		default:
			return false
		}
	}
	return len(w) == len(n)
}

// overlap reports whether some subject is one of both, which may have wildcards.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		switch {
		case x[i] == ">" || y[i] == ">":
			return true
		case x[i] != y[i] && x[i] != "*" && y[i] != "*":
			return false
		}
	}
	return len(x) == len(y)
}

// Open connects, and begins to read.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	l, err := s.cfg.Connection.connect(ctx, s.cfg.Logger)
	if err != nil {
		return nil, err
	}
	if s.cfg.Stream == "" {
		return openCore(ctx, s, l)
	}
	r := &reader{s: s, link: l}
	if err := r.open(ctx, progress); err != nil {
		return nil, errors.Join(ended(ctx, l.because(err)), r.Close())
	}
	return r, nil
}

// message makes a message of what was received.
func (s *Source) message(m *nats.Msg) connector.Message {
	out := connector.Message{MediaType: s.cfg.MediaType, Body: m.Data, Vars: func(yield func(string, string) bool) {
		if !yield("subject", m.Subject) {
			return
		}
		for name, values := range m.Header {
			if len(values) > 0 && !yield("header."+name, values[len(values)-1]) {
				return
			}
		}
	}}
	for name, values := range m.Header {
		if strings.EqualFold(name, headerType) && len(values) > 0 {
			out.MediaType = values[len(values)-1]
		}
	}
	return out
}

// headerType says what a message is.
const headerType = "content-type"
