package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// SinkConfig configures a [Sink].
type SinkConfig struct {
	// Connection says how the broker is reached.
	Connection
	// Topic is written to: a template in which {shard} is the shard's number and, with PerSubject, {subject} the subject - an IRI without
	// brackets or _:label - and {name} what is behind its last / or #. All but letters, digits, -, ., _ and ~ of them is
	// percent-encoded. Required.
	Topic string
	// ClientID names the connections, with the shard's number behind it: who opens a shard ends the connection of who had it
	// before. Required.
	ClientID string
	// Positions is the topic below which a retained message says how far a shard is; the shard's number is the last level.
	// Who deletes it has everything written anew. Required.
	Positions string
	// QoS is that of what is written: 0, 1 or 2.
	QoS int
	// Retain: the broker keeps the last message of each topic, for those who come later.
	Retain bool
	// PerSubject: a delta is one message for each of its subjects. Otherwise it is one.
	PerSubject bool
	// Binary: messages are RDF Patch in binary form, otherwise in text form.
	Binary bool
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Sink writes deltas to topics. Make it with [NewSink]. It may be used concurrently.
type Sink struct {
	cfg   SinkConfig
	topic template
}

var _ connector.Seeker = (*Sink)(nil)

// NewSink checks the configuration and returns a sink; it connects to nothing.
func NewSink(cfg SinkConfig) (*Sink, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	if cfg.ClientID == "" || len(cfg.ClientID) > maxName || cfg.Positions == "" {
		return nil, errors.New("mqtt: a sink needs a client id and a topic for positions")
	}
	if err := checkTopic(cfg.Positions); err != nil {
		return nil, err
	}
	if cfg.QoS < 0 || cfg.QoS > 2 {
		return nil, fmt.Errorf("mqtt: qos %d: expected 0, 1 or 2", cfg.QoS)
	}
	topic, err := parseTemplate(cfg.Topic, cfg.PerSubject)
	return &Sink{cfg: cfg, topic: topic}, err
}

// maxName leaves room for a shard's number behind a name.
const maxName = math.MaxUint16 - 20

// checkTopic finds what messages can't be sent to.
func checkTopic(topic string) error {
	if topic == "" || len(topic) > maxName || strings.ContainsAny(topic, "+#\x00") {
		return fmt.Errorf("mqtt: topic %.200q: expected a text without + and #", topic)
	}
	return nil
}

// template makes topics: texts, and between them names of what is put in.
type template []string

// fields are what a template may name; whether it needs a message per subject.
var fields = map[string]bool{"shard": false, "subject": true, "name": true}

// parseTemplate reads a text with names in braces. Texts have even places.
func parseTemplate(text string, perSubject bool) (t template, err error) {
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "{")
		t = append(t, before)
		if !found {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		needs, known := fields[name]
		if !closed || !known {
			return nil, fmt.Errorf("mqtt: topic %q: expected {shard}, {subject} or {name} in braces", text)
		}
		if needs && !perSubject {
			return nil, fmt.Errorf("mqtt: topic %q: {%s} needs a message for each subject", text, name)
		}
		t, rest = append(t, name), behind
	}
	return t, checkTopic(t.topic(0, "x"))
}

// topic makes the topic for a shard, and a subject if the template names it.
func (t template) topic(shard int, subject string) string {
	var b strings.Builder
	for i, part := range t {
		switch {
		case i%2 == 0:
			b.WriteString(part)
		case part == "shard":
			b.WriteString(strconv.Itoa(shard))
		case part == "name":
			escape(&b, subject[strings.LastIndexAny(strings.TrimRight(subject, "/#"), "/#")+1:])
		default:
			escape(&b, subject)
		}
	}
	return b.String()
}

// escape writes a text so that it is one level of a topic.
func escape(b *strings.Builder, text string) {
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(b, "%%%02X", c)
		}
	}
}

// Level returns a text as one level of a topic: all but letters, digits, -, ., _ and ~ is percent-encoded.
func Level(text string) string {
	var b strings.Builder
	escape(&b, text)
	return b.String()
}

// Promise is [connector.AtLeastOnce]: the position is written behind the deltas, and not with them.
func (s *Sink) Promise() connector.Promise { return connector.AtLeastOnce }

// Open ends the connection of who wrote the shard before, and finds how far that has come.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	w := s.writer(shard)
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(ended(ctx, err), w.Close())
	}
	return w, nil
}

// Seek ends the connection of who wrote the shard before, and keeps another position, whatever the one before is. What is written
// again is sent again.
func (s *Sink) Seek(ctx context.Context, shard int, to engine.Mark) error {
	w := s.writer(shard)
	err := w.connect(ctx)
	if err == nil {
		err = w.keep(ctx, to)
	}
	if err != nil {
		err = ended(ctx, err)
	}
	return errors.Join(err, w.Close())
}

func (s *Sink) writer(shard int) *writer {
	return &writer{s: s, shard: shard, positions: s.cfg.Positions + "/" + strconv.Itoa(shard), echoes: make(chan *message, maxEchoes)}
}
