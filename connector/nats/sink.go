package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// SinkConfig configures a [Sink].
type SinkConfig struct {
	// Connection says how servers are reached.
	Connection
	// Stream is the JetStream stream that the subjects are of, which is there already; it is what a [CoreSink] doesn't have.
	Stream string
	// Subject is where deltas are published, such as deltas.{shard}. {shard} is the shard's number, which a subject of a stream must
	// have. {subject} stands for a subject of the graph, with PerSubject, as a whole word; see [Word]. Required.
	Subject string
	// Claims is the subject of what those write who open a shard, with {shard}, in the same stream. Default: what comes before the
	// first word of Subject that has a '{', then _claims.NAME.{shard}.
	Claims string
	// Name is the sink's, unique among those that write to the stream: letters, digits, '-' and '_'. Required.
	Name string
	// PerSubject: a delta is one message for each of its subjects. Otherwise it is one message.
	PerSubject bool
	// Binary: messages are RDF Patch in binary form, otherwise in text form.
	Binary bool
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Sink writes deltas to a stream. Make it with [NewSink]. It may be used concurrently.
type Sink struct{ cfg SinkConfig }

var _ connector.Seeker = (*Sink)(nil)

// What stands in a template for the number of a shard, and for a subject of the graph.
const (
	shardPlace   = "{shard}"
	subjectPlace = "{subject}"
)

// check finds what can be of no sink, and fills in defaults.
func (c *SinkConfig) check() error {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if err := c.Connection.check(); err != nil {
		return err
	}
	if !isName(c.Name) || c.Stream != "" && !isName(c.Stream) {
		return errors.New("nats: the names of sink and stream have no dots, wildcards and spaces")
	}
	return checkTemplate(c.Subject, c.PerSubject)
}

// NewSink checks the configuration and returns a sink; it connects to nothing.
func NewSink(cfg SinkConfig) (*Sink, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Stream == "" {
		return nil, errors.New("nats: a sink needs the name of a stream")
	}
	cfg.Claims = cmp.Or(cfg.Claims, defaultClaims(&cfg))
	if err := checkTemplate(cfg.Claims, false); err != nil {
		return nil, err
	}
	for _, template := range []string{cfg.Subject, cfg.Claims} {
		if !strings.Contains(template, shardPlace) {
			return nil, fmt.Errorf("nats: subject %q: it needs %s, so that each shard has its own", template, shardPlace)
		}
	}
	if filter := fill(cfg.Subject, 0, "*"); covers(filter, fill(cfg.Claims, 0, "")) {
		return nil, fmt.Errorf("nats: claims %q are among the deltas of %q", cfg.Claims, cfg.Subject)
	}
	return &Sink{cfg: cfg}, nil
}

// checkTemplate finds what makes no subject.
func checkTemplate(template string, perSubject bool) error {
	if strings.Contains(template, subjectPlace) {
		if !perSubject {
			return fmt.Errorf("nats: subject %q: %s is for one message per subject", template, subjectPlace)
		}
		for word := range strings.SplitSeq(template, ".") {
			if strings.Contains(word, subjectPlace) && word != subjectPlace {
				return fmt.Errorf("nats: subject %q: %s is a word of its own", template, subjectPlace)
			}
		}
	}
	subject := fill(template, 0, "x")
	if strings.ContainsAny(subject, "{}") {
		return fmt.Errorf("nats: subject %q: expected %s or %s in braces", template, shardPlace, subjectPlace)
	}
	return checkSubject(subject, false)
}

// defaultClaims are beside the deltas, so that the stream has most likely a subject for both.
func defaultClaims(cfg *SinkConfig) string {
	var words []string
	for word := range strings.SplitSeq(cfg.Subject, ".") {
		if strings.Contains(word, "{") {
			break
		}
		words = append(words, word)
	}
	return strings.Join(append(words, "_claims", cfg.Name, shardPlace), ".")
}

// Promise is [connector.Once]: the stream says itself how far it is, and who had the shard before can't write.
func (s *Sink) Promise() connector.Promise { return connector.Once }

// Open claims the shard, and finds how far it is.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	l, err := s.cfg.Connection.connect(ctx, s.cfg.Logger)
	if err != nil {
		return nil, err
	}
	w := &writer{link: l, messages: messages{cfg: &s.cfg, shard: shard}}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(ended(ctx, l.because(err)), w.Close())
	}
	return w, nil
}

// Seek claims the shard, and writes a message that says another position. What is written again is there again, with another message id.
func (s *Sink) Seek(ctx context.Context, shard int, to engine.Mark) error {
	l, err := s.cfg.Connection.connect(ctx, s.cfg.Logger)
	if err != nil {
		return err
	}
	w := &writer{link: l, messages: messages{cfg: &s.cfg, shard: shard}}
	if err = w.seek(ctx, to); err != nil {
		err = ended(ctx, l.because(err))
	}
	return errors.Join(err, w.Close())
}

// checkStream finds what a stream can't be for a sink: the newest message of each shard says how far that is, so the stream must
// never remove it. With max_msgs_per_subject it removes others alone.
func (c *SinkConfig) checkStream(cfg *jetstream.StreamConfig, shard int) error {
	why := ""
	switch {
	case cfg.Retention != jetstream.LimitsPolicy:
		why = fmt.Sprintf("its retention is %v, with which it forgets what was taken; expected limits", cfg.Retention)
	case cfg.MaxAge > 0:
		why = "max_age removes the newest delta of a shard, too, which says how far that is; bound it by max_msgs_per_subject"
	case forgets(cfg):
		why = "max_msgs or max_bytes with discard: old remove the newest delta of a shard, too, which says how far that is;" +
			" bound it by max_msgs_per_subject, or use discard: new"
	case cfg.Storage != jetstream.FileStorage:
		why = "it is in memory, and forgets how far the shards are with its server; expected file"
	case cfg.SubjectTransform != nil || cfg.Mirror != nil || cfg.NoAck || cfg.Sealed:
		why = "a stream that transforms subjects, mirrors, doesn't acknowledge or is sealed can't be written to exactly once"
	}
	for _, subject := range []string{fill(c.Subject, shard, "*"), fill(c.Claims, shard, "")} {
		if why == "" && !slices.ContainsFunc(cfg.Subjects, func(wide string) bool { return covers(wide, subject) }) {
			why = fmt.Sprintf("it has no subject for %s: add it, or one with wildcards", subject)
		}
	}
	if why == "" {
		return nil
	}
	return connector.GiveUpf("stream %s: %s", c.Stream, why)
}
