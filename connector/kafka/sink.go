package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
)

// SinkConfig configures a [Sink].
type SinkConfig struct {
	// Connection says how brokers are reached.
	Connection
	// Topic is written to. It is there already; unless PerSubject, a shard is in the partition of its number, modulo their count.
	// Required.
	Topic string
	// Name is the sink's, unique among those that use the same positions: it is in the transactional ids, and in the keys of the
	// positions. Another name writes everything anew. Required.
	Name string
	// Shards is the number of the pipeline's. Required.
	Shards int
	// Positions is the topic that says how far each shard is, in the partition of its number. It is made where it isn't there,
	// and is compacted. Who deletes it makes the sink write everything anew. Default: the topic's name and "-positions".
	Positions string
	// PerSubject: a delta is one record for each of its subjects, whose key that is, in the partition of the key. Otherwise it
	// is one record, whose key is the shard's number.
	PerSubject bool
	// Binary: records are RDF Patch in binary form, otherwise in text form.
	Binary bool
	// States, one of [rdfio.NQuads], [rdfio.TriG] and [rdfio.JSONLD], makes the topic one of states, to be compacted: a record is all that
	// there is of a subject, which is its key, in this format, or a tombstone, a record without a value, when there is nothing. All
	// quads of a subject must be in one shard. PerSubject and Binary don't count then.
	States rdfio.Format
	// View returns the quads of a shard at the position or later, and the mark of the last record in them; the sink closes it. It is
	// called concurrently, and required with States.
	View func(ctx context.Context, shard int, position uint64) (store.View, engine.Mark, error)
	// MaxMessage bounds the bytes of a record; brokers and topic must take as much (max.message.bytes). A delta that is larger
	// stops its shard. Default 1,000,000.
	MaxMessage int
	// Logger. Default slog.Default.
	Logger *slog.Logger

	patience time.Duration // of tests, which don't wait for a minute
}

// stateFormats have a place for graphs.
var stateFormats = []rdfio.Format{rdfio.NQuads, rdfio.TriG, rdfio.JSONLD}

// Sink writes deltas, or states, to a topic. Make it with [NewSink]. It may be used concurrently.
type Sink struct{ cfg SinkConfig }

var _ connector.Seeker = (*Sink)(nil)

// NewSink checks the configuration and returns a sink; it connects to nothing.
func NewSink(cfg SinkConfig) (*Sink, error) {
	cfg.MaxMessage, cfg.patience = cmp.Or(cfg.MaxMessage, 1_000_000), cmp.Or(cfg.patience, readPatience)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Positions == "" {
		cfg.Positions = cfg.Topic + "-positions"
	}
	if err := cfg.Connection.check(); err != nil {
		return nil, err
	}
	if cfg.Topic == "" || cfg.Name == "" || cfg.Shards < 1 || cfg.Positions == cfg.Topic {
		return nil, errors.New("kafka: a sink needs a topic, another one for positions, a name and the number of shards")
	}
	if cfg.States != "" && (!slices.Contains(stateFormats, cfg.States) || cfg.View == nil) {
		return nil, fmt.Errorf("kafka: states as %q: expected nquads, trig or jsonld, since a subject may be in several graphs, and a view",
			cfg.States)
	}
	return &Sink{cfg: cfg}, nil
}

// Promise is [connector.Once]: the position is in the transaction, and who had the shard before is fenced.
func (s *Sink) Promise() connector.Promise { return connector.Once }

// Open fences who wrote the shard before, and finds how far that has come. The first time it writes the states that there are, if
// records are states; what was written of them by one that didn't come to the end is not written again.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	w := &writer{cfg: &s.cfg, shard: shard, id: fmt.Sprintf("%s/%d", s.cfg.Name, shard)}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(ended(ctx, err), w.Close())
	}
	return w, nil
}

// Seek fences who wrote the shard before, and commits another position, of the topic as it is now, whatever the one before was about.
// What is written again is there again. Where records are states, the start is that all of them are written anew.
func (s *Sink) Seek(ctx context.Context, shard int, to engine.Mark) error {
	w := &writer{cfg: &s.cfg, shard: shard, id: fmt.Sprintf("%s/%d", s.cfg.Name, shard)}
	err := w.connect(ctx)
	if err == nil {
		err = w.seek(ctx, to)
	}
	if err != nil {
		err = ended(ctx, err)
	}
	return errors.Join(err, w.Close())
}

// What the topic of positions is like: compacted often, since it is read whole whenever a shard is opened.
var (
	compact         = "compact"
	positionSegment = "8388608"
	positionDirty   = "0.1"
)

// topics looks whether both topics are there, and as they must be, notes which one is written to, and returns the number of its
// partitions.
func (w *writer) topics(ctx context.Context) (partitions int, err error) {
	admin := kadm.NewClient(w.client)
	details, err := listKnown(ctx, admin, w.cfg.Topic)
	if err != nil {
		return 0, fmt.Errorf("topic %s: %w", w.cfg.Topic, err)
	}
	_, err = admin.CreateTopic(ctx, int32(w.cfg.Shards), -1, map[string]*string{
		"cleanup.policy": &compact, "segment.bytes": &positionSegment, "min.cleanable.dirty.ratio": &positionDirty}, w.cfg.Positions)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		err = known(ctx, func() error { return w.checkPositions(ctx, admin) })
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			err = errUnknownYet // nobody needs to see to it
		}
	}
	if err != nil {
		return 0, fmt.Errorf("topic of positions %s: %w", w.cfg.Positions, err)
	}
	w.topic = idText(details[w.cfg.Topic].ID)
	return len(details[w.cfg.Topic].Partitions), nil
}

// errUnknownYet: brokers disagree about a topic, which is their own affair.
var errUnknownYet = errors.New("some broker says that it is there, and another one doesn't know it yet")

// listKnown returns topics that are all there.
func listKnown(ctx context.Context, admin *kadm.Client, topics ...string) (details kadm.TopicDetails, err error) {
	err = known(ctx, func() (err error) {
		details, err = admin.ListTopics(ctx, topics...)
		return errors.Join(err, details.Error())
	})
	return details, err
}

// checkPositions reports a topic of positions that has no partition for a shard, or that forgets.
func (w *writer) checkPositions(ctx context.Context, admin *kadm.Client) error {
	details, err := admin.ListTopics(ctx, w.cfg.Positions)
	if err = errors.Join(err, details.Error()); err != nil {
		return err
	}
	if n := len(details[w.cfg.Positions].Partitions); n < w.cfg.Shards {
		return connector.GiveUpf("it has %d partitions, and needs one for each of %d shards: add partitions, or name another topic (positions)", n, w.cfg.Shards)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, w.cfg.Positions)
	if err != nil {
		return err
	}
	config, err := configs.On(w.cfg.Positions, nil)
	if err = errors.Join(err, config.Err); err != nil {
		return err
	}
	for _, c := range config.Configs {
		if c.Key == "cleanup.policy" && c.MaybeValue() != compact {
			return connector.GiveUpf("its cleanup.policy is %q, with which positions are lost; expected %q",
				c.MaybeValue(), compact)
		}
	}
	return nil
}

// partitioner sends records to the partition that they name or, where they name none, to that of their key, as other clients do.
type partitioner struct{ byKey, named kgo.Partitioner }

func newPartitioner() kgo.Partitioner {
	return partitioner{byKey: kgo.StickyKeyPartitioner(nil), named: kgo.ManualPartitioner()}
}

// byKey is the partition of a record that names none.
const byKey = -1

// ForTopic implements [kgo.Partitioner].
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{byKey: p.byKey.ForTopic(topic), named: p.named.ForTopic(topic)}
}

type topicPartitioner struct{ byKey, named kgo.TopicPartitioner }

// RequiresConsistency implements [kgo.TopicPartitioner].
func (p topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

// Partition implements [kgo.TopicPartitioner].
func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition == byKey {
		return p.byKey.Partition(r, n)
	}
	return p.named.Partition(r, n)
}
