package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	// Connection says how brokers are reached.
	Connection
	// Topics are the names of those that are read or, with Regex, expressions of which one is in the whole name. Required.
	Topics []string
	// Regex: the topics are expressions. Topics that come later are read, too.
	Regex bool
	// Group is the consumer group. Sources of different names must not share one: what each has read says nothing of the other.
	// Required.
	Group string
	// Member is the name of this member of the group. Who opens a reader takes the place of the one that had the same name: so
	// a source that moves to another node need not wait until the group misses the one before. Default "quadrille".
	Member string
	// Classic: the group uses the classic protocol though the brokers have the new one. A group is of one kind.
	Classic bool
	// Start says where a stream begins of which nothing was read yet: "earliest", "latest", or a time (RFC 3339), for the first
	// message that is not older. The last two mean what there was when the source ran first: what comes later - messages,
	// partitions, topics - is read from its start. Default "earliest".
	Start string
	// Offsets are where some streams begin of which nothing was read yet, as TOPIC/PARTITION=OFFSET.
	Offsets []string
	// SkipGaps: messages that the brokers have deleted before they were read become one dead letter, and the source goes on
	// behind them. Otherwise it gives up.
	SkipGaps bool
	// MediaType is that of messages without a header content-type. Default "application/rdf-patch".
	MediaType string
	// Tombstones: records without a value are messages without content, such as a mapping can take. Otherwise, since they are no
	// changes, they are dead letters.
	Tombstones bool
	// MaxFetch bounds the bytes that are read ahead from each broker, as they are on the wire. Default 8 MiB.
	MaxFetch int
	// MaxMessages bounds the messages that are handed over at one time. Default 10,000.
	MaxMessages int
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Source reads topics. Make it with [NewSource]. It may be used concurrently.
type Source struct {
	cfg      SourceConfig
	since    time.Time        // Start, if it is a time
	offsets  map[string]int64 // Offsets, by TOPIC/PARTITION
	patterns []*regexp.Regexp // of Topics, with Regex
}

var _ connector.Source = (*Source)(nil)

// The two words for a start.
const (
	earliest = "earliest"
	latest   = "latest"
)

// NewSource checks the configuration and returns a source; it connects to nothing.
func NewSource(cfg SourceConfig) (*Source, error) {
	cfg.Member, cfg.Start = cmp.Or(cfg.Member, "quadrille"), cmp.Or(cfg.Start, earliest)
	cfg.MediaType = cmp.Or(cfg.MediaType, "application/rdf-patch")
	cfg.MaxFetch, cfg.MaxMessages = cmp.Or(cfg.MaxFetch, 8<<20), cmp.Or(cfg.MaxMessages, 10_000)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	if len(cfg.Topics) == 0 || slices.Contains(cfg.Topics, "") || cfg.Group == "" {
		return nil, errors.New("kafka: a source needs topics and a group")
	}
	s := &Source{cfg: cfg, offsets: map[string]int64{}}
	if cfg.Regex {
		for _, expr := range cfg.Topics {
			pattern, err := regexp.Compile(expr)
			if err != nil {
				return nil, fmt.Errorf("kafka: topics: %w", err)
			}
			s.patterns = append(s.patterns, pattern)
		}
	}
	if cfg.Start != earliest && cfg.Start != latest {
		var err error
		if s.since, err = time.Parse(time.RFC3339, cfg.Start); err != nil {
			return nil, fmt.Errorf("kafka: start %q: expected earliest, latest or a time such as 2026-01-02T15:04:05Z", cfg.Start)
		}
	}
	for _, text := range cfg.Offsets {
		place, offset, err := parseOffset(text)
		if err != nil {
			return nil, err
		}
		s.offsets[place] = offset
	}
	return s, nil
}

// parseOffset reads TOPIC/PARTITION=OFFSET.
func parseOffset(text string) (place string, offset int64, err error) {
	place, number, _ := strings.Cut(text, "=")
	topic, partition, _ := strings.Cut(place, "/")
	p, wrong := strconv.ParseInt(partition, 10, 32)
	offset, err = strconv.ParseInt(number, 10, 64)
	if wrong != nil || err != nil || topic == "" || p < 0 || offset < 0 {
		return "", 0, fmt.Errorf("kafka: offset %q: expected TOPIC/PARTITION=OFFSET", text)
	}
	return place, offset, nil
}

// place is a partition as Offsets name it.
func place(topic string, partition int32) string { return topic + "/" + strconv.Itoa(int(partition)) }

// Open connects and joins the group, in place of who has the same name there.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	r := newReader(s, progress)
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(ended(ctx, err), r.Close())
	}
	return r, nil
}
