package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
)

// ours is before the id of a topic in the metadata of an offset that this package has committed: the offset is one of the topic
// with that id, and not of one that had the same name.
const ours = "quadrille "

// idText is a topic's id as Kafka's tools write it.
func idText(id kadm.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// streamOf names the stream of a partition.
func streamOf(topic kadm.TopicDetail, partition int32) string {
	return place(topic.Topic, partition) + "/" + idText(topic.ID)
}

// topics returns the topics that are read, of those that there are. One that is named and not there is an error.
func (r *reader) topics(ctx context.Context) (kadm.TopicDetails, error) {
	cfg := &r.s.cfg
	if !cfg.Regex {
		details, err := listKnown(ctx, r.admin, cfg.Topics...)
		if why := missing(details); why != nil { // names them
			err = why
		}
		return details, err
	}
	details, err := r.admin.ListTopics(ctx)
	for name := range details {
		if !slices.ContainsFunc(r.s.patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) }) {
			delete(details, name)
		}
	}
	return details, err
}

// missing says which of the topics can't be read, and why.
func missing(details kadm.TopicDetails) error {
	var errs []error
	for _, topic := range details.Sorted() {
		if topic.Err != nil {
			errs = append(errs, fmt.Errorf("topic %s: %w", topic.Topic, topic.Err))
		}
	}
	return errors.Join(errs...)
}

// firstStarts are the offsets at which streams began when the source ran first, where that isn't their start; by stream. They
// stand in the group, so that what comes between a first opening and the first commit is not missed by the next one.
func (r *reader) firstStarts(ctx context.Context, details kadm.TopicDetails) (map[string]int64, error) {
	if r.s.cfg.Start == earliest {
		return nil, nil
	}
	starts, err := r.committedStarts(ctx, details)
	if err != nil || len(starts) > 0 || len(details) == 0 {
		return starts, err
	}
	return starts, r.commitStarts(ctx, details, starts)
}

// committedStarts are those that stand in the group.
func (r *reader) committedStarts(ctx context.Context, details kadm.TopicDetails) (map[string]int64, error) {
	committed, err := r.admin.FetchOffsets(ctx, r.s.cfg.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	starts := map[string]int64{}
	committed.Each(func(o kadm.OffsetResponse) {
		if id, mine := strings.CutPrefix(o.Metadata, ours); mine && o.Err == nil && id == idText(details[o.Topic].ID) {
			starts[streamOf(details[o.Topic], o.Partition)] = o.At
		}
	})
	return starts, nil
}

// commitStarts notes in the group where all streams that there are begin.
func (r *reader) commitStarts(ctx context.Context, details kadm.TopicDetails, starts map[string]int64) error {
	listed, err := r.listStarts(ctx, details.Names())
	if err != nil {
		return err
	}
	offsets := kadm.Offsets{}
	listed.Each(func(o kadm.ListedOffset) {
		topic := details[o.Topic]
		offsets.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.Offset, LeaderEpoch: -1,
			Metadata: ours + idText(topic.ID)})
		starts[streamOf(topic, o.Partition)] = o.Offset
	})
	done, err := r.admin.CommitOffsets(ctx, r.s.cfg.Group, offsets)
	return errors.Join(err, done.Error())
}

// listStarts finds where streams begin that are read for the first time. The latest is behind the last transaction that has
// ended: what is in one that is open is still to come.
func (r *reader) listStarts(ctx context.Context, topics []string) (listed kadm.ListedOffsets, err error) {
	if r.s.cfg.Start == latest {
		listed, err = r.admin.ListCommittedOffsets(ctx, topics...)
	} else {
		listed, err = r.admin.ListOffsetsAfterMilli(ctx, r.s.since.UnixMilli(), topics...)
	}
	return listed, errors.Join(err, listed.Error())
}

// extent is what there is of the topics that were assigned.
type extent struct {
	details     kadm.TopicDetails
	first, last kadm.ListedOffsets // the first offset, and the one behind the last
}

// extent asks for that. Who has assigned a topic may have known it before those who are asked.
func (r *reader) extent(ctx context.Context, topics []string) (e extent, err error) {
	err = known(ctx, func() error {
		var errs [6]error
		e.details, errs[0] = r.admin.ListTopics(ctx, topics...)
		e.first, errs[1] = r.admin.ListStartOffsets(ctx, topics...)
		e.last, errs[2] = r.admin.ListEndOffsets(ctx, topics...)
		errs[3], errs[4], errs[5] = e.details.Error(), e.first.Error(), e.last.Error()
		return errors.Join(errs[:]...)
	})
	return e, err
}

// begin says where the partitions are read from that have become this reader's. The group's offset is only of use for its epoch:
// where it is the place from which to read on, the broker can tell that the log has lost what was before.
func (r *reader) begin(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topics := make([]string, 0, len(assigned))
	for topic := range assigned {
		topics = append(topics, topic)
	}
	if len(topics) == 0 {
		return assigned, nil
	}
	there, err := r.extent(ctx, topics)
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	for topic, partitions := range assigned {
		for partition, offset := range partitions {
			at, err := r.beginOf(ctx, there, topic, partition)
			if err != nil {
				return nil, r.fail(ctx, err)
			}
			if offset.EpochOffset().Offset != at {
				partitions[partition] = kgo.NewOffset().At(at)
			}
		}
	}
	return assigned, nil
}

// beginOf says where one partition is read from.
func (r *reader) beginOf(ctx context.Context, there extent, topic string, partition int32) (int64, error) {
	first, _ := there.first.Lookup(topic, partition)
	last, _ := there.last.Lookup(topic, partition)
	stream := streamOf(there.details[topic], partition)
	next, found, err := r.progress.Next(ctx, stream)
	if err != nil {
		return 0, err
	}
	given, isGiven := r.s.offsets[place(topic, partition)]
	start, isFirst := r.starts[stream]
	at := first.Offset
	switch {
	case found:
		at = int64(next)
	case isGiven:
		at = given
	case isFirst:
		at = start
	}
	at = r.assign(stream, topic, partition, there.details[topic].ID, at)
	switch {
	case at > last.Offset:
		return 0, connector.GiveUpf("%s ends at offset %d, and is to be read from %d: the brokers have lost what was between; a source of another name begins anew",
			place(topic, partition), last.Offset, at)
	case at < first.Offset:
		return first.Offset, r.gap(stream, place(topic, partition), at, first.Offset)
	}
	return at, nil
}

// gap takes in that messages were deleted before they were read.
func (r *reader) gap(stream, where string, at, first int64) error {
	what := fmt.Sprintf("%s begins at offset %d, and is to be read from %d: the brokers have deleted what was between",
		where, first, at)
	if !r.s.cfg.SkipGaps {
		return connector.GiveUpf("%s (on-gap: skip goes on without it)", what)
	}
	r.s.cfg.Logger.Warn("messages are lost; the source goes on behind them", "group", r.s.cfg.Group, "stream", stream,
		"from", at, "to", first)
	r.enqueue(connector.Message{Stream: stream, Offset: uint64(first - 1), MediaType: r.s.cfg.MediaType, Reason: what})
	return nil
}
