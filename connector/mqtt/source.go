package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	// Connection says how the broker is reached.
	Connection
	// Topics are filters, in which + and # stand for one level and for any number of them; $share/GROUP/FILTER shares the messages
	// with others. Required.
	Topics []string
	// ClientID is the name of the session, by which the broker keeps what comes while nobody reads. Who opens a reader takes the
	// session over from the one before. Required.
	ClientID string
	// QoS is the highest with which messages are delivered: 0, 1 or 2. With 0 nothing is kept, and nothing comes again.
	QoS int
	// IgnoreRetained: messages that the broker has retained are not taken. Otherwise each is read when the subscription is new.
	IgnoreRetained bool
	// SessionExpiry is how long the broker keeps the session when nobody reads, in whole seconds; less than 136 years. MQTT 3.1.1 leaves
	// that to the broker. Default 7 days.
	SessionExpiry time.Duration
	// ReceiveMaximum bounds the messages that the broker sends before the first of them is acknowledged, 1 to 65535; with
	// MQTT 3.1.1 that is the broker's to say. Default 20,000: what is committed at one time, twice.
	ReceiveMaximum int
	// MediaType is that of messages without a content type. Default "application/rdf-patch".
	MediaType string
	// MaxMessage bounds a message in bytes; of a larger one that many come with a reason why it is none. At least 1 KiB, default
	// 64 MiB.
	MaxMessage int
	// MaxAhead bounds the bytes that are read ahead; one message more may be held. Default 8 MiB.
	MaxAhead int
	// MaxMessages bounds the messages that are handed over at one time. Default 10,000.
	MaxMessages int
	// Sparkplug: messages are Sparkplug B, and become documents of JSON, see package sparkplug. Their session ends with the connection,
	// as the standard asks, since what an edge node has said in between is only known when it is born again.
	Sparkplug bool
	// HostID, if not empty, is that of the primary host application that this one is: its STATE says that it is online, while it is.
	HostID string
	// SkipUnborn: messages that build on a birth which is not known are left out. Otherwise they come with that reason.
	SkipUnborn bool
	// Rebirth is the least time between two requests for a rebirth to one edge node. Default 5 s.
	Rebirth time.Duration
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Source reads topics. Make it with [NewSource]. It may be used concurrently.
type Source struct {
	cfg SourceConfig

	mu    sync.Mutex
	heard []string // where to ask the edge nodes for a rebirth that the connection before has heard of
}

var _ connector.Source = (*Source)(nil)

// maxExpiry is the longest time of a session that has an end.
const maxExpiry = (math.MaxUint32 - 1) * time.Second

// maxHead is room for topic and properties of a message.
const maxHead = 256 << 10

// maxPacket is the largest packet that there is in MQTT.
const maxPacket = 256 << 20

// NewSource checks the configuration and returns a source; it connects to nothing.
func NewSource(cfg SourceConfig) (*Source, error) {
	cfg.SessionExpiry, cfg.ReceiveMaximum = cmp.Or(cfg.SessionExpiry, 7*24*time.Hour), cmp.Or(cfg.ReceiveMaximum, 20_000)
	cfg.MediaType, cfg.MaxMessage = cmp.Or(cfg.MediaType, "application/rdf-patch"), cmp.Or(cfg.MaxMessage, 64<<20)
	cfg.MaxAhead, cfg.MaxMessages = cmp.Or(cfg.MaxAhead, 8<<20), cmp.Or(cfg.MaxMessages, 10_000)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	if !cfg.Sparkplug && cfg.HostID != "" || strings.ContainsAny(cfg.HostID, "/+#\x00") {
		return nil, fmt.Errorf("mqtt: host id %q: expected a name without /, + and #, with Sparkplug", cfg.HostID)
	}
	if len(cfg.Topics) == 0 || cfg.ClientID == "" || len(cfg.ClientID) > math.MaxUint16 {
		return nil, errors.New("mqtt: a source needs topics and a client id")
	}
	for _, filter := range cfg.Topics {
		if err := checkFilter(filter); err != nil {
			return nil, err
		}
	}
	if cfg.QoS < 0 || cfg.QoS > 2 || cfg.ReceiveMaximum < 1 || cfg.ReceiveMaximum > math.MaxUint16 {
		return nil, fmt.Errorf("mqtt: qos %d: expected 0, 1 or 2; receive maximum %d: expected 1 to %d", cfg.QoS, cfg.ReceiveMaximum, math.MaxUint16)
	}
	if cfg.SessionExpiry < time.Second || cfg.SessionExpiry > maxExpiry {
		return nil, fmt.Errorf("mqtt: session expiry %v: expected %v to %v", cfg.SessionExpiry, time.Second, maxExpiry)
	}
	if cfg.MaxMessage < 1<<10 || cfg.MaxMessage > maxPacket || cfg.MaxAhead < 1 || cfg.MaxMessages < 1 {
		return nil, fmt.Errorf("mqtt: a message of %d bytes, %d bytes ahead, %d messages: expected %d to %d, and 1 or more",
			cfg.MaxMessage, cfg.MaxAhead, cfg.MaxMessages, 1<<10, maxPacket)
	}
	return &Source{cfg: cfg}, nil
}

// checkFilter finds what is no topic filter.
func checkFilter(filter string) error {
	plain := withoutGroup(filter)
	wrong := plain == "" || len(filter) > math.MaxUint16 || strings.ContainsRune(filter, 0)
	levels := strings.Split(plain, "/")
	for i, level := range levels {
		wrong = wrong || strings.Contains(level, "#") && (level != "#" || i < len(levels)-1) || strings.Contains(level, "+") && level != "+"
	}
	if wrong {
		return fmt.Errorf("mqtt: topic %q: expected a filter such as plant/+/temperature, plant/# or $share/GROUP/plant/#", filter)
	}
	return nil
}

// withoutGroup is a filter without the group that shares it; empty, if that is malformed.
func withoutGroup(filter string) string {
	rest, shared := strings.CutPrefix(filter, "$share/")
	if !shared {
		return filter
	}
	group, rest, _ := strings.Cut(rest, "/")
	if group == "" || strings.ContainsAny(group, "+#") {
		return ""
	}
	return rest
}

// matches reports whether a topic is one of a filter's. A filter that begins with a wildcard doesn't mean the topics that begin
// with $.
func matches(filter, topic string) bool {
	filter = withoutGroup(filter)
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		level, restFilter, moreFilter := strings.Cut(filter, "/")
		if level == "#" {
			return true
		}
		name, restTopic, moreTopic := strings.Cut(topic, "/")
		if level != "+" && level != name {
			return false
		}
		if !moreTopic {
			return !moreFilter || restFilter == "#" // a/# means a, too
		}
		if !moreFilter {
			return false
		}
		filter, topic = restFilter, restTopic
	}
}

// Open connects, takes the session over, and subscribes.
func (s *Source) Open(ctx context.Context, _ connector.Progress) (connector.Reader, error) {
	r := newReader(s)
	greeting := &hello{client: s.cfg.ClientID, sessionExpiry: uint32(s.cfg.SessionExpiry / time.Second), receiveMaximum: uint16(s.cfg.ReceiveMaximum)}
	if s.cfg.Sparkplug {
		r.spark = newSpark(s)
		greeting.clean, greeting.sessionExpiry, greeting.will = true, 0, r.spark.state(false, r.spark.began)
	}
	if err := r.open(ctx, greeting); err != nil {
		return nil, errors.Join(ended(ctx, err), r.Close())
	}
	return r, nil
}
