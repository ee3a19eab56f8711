package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/contain"
)

// commitPause is the time between two commits of the group's offsets.
const commitPause = time.Second

// pollTime bounds a poll, since what is to be read before the brokers' messages doesn't end one.
const pollTime = time.Second

// closePatience bounds what is told to the brokers at the end.
const closePatience = 2 * time.Second

// metadataAge is the time after which topics and partitions that have come are known.
const metadataAge = 4 * time.Second

// maxBatch bounds what a batch of Kafka's may be decompressed to, in bytes.
const maxBatch = 64 << 20

// reader is a member of the group.
type reader struct {
	s        *Source
	progress connector.Progress
	client   *kgo.Client // for questions
	admin    *kadm.Client
	group    *kgo.Client
	starts   map[string]int64 // see firstStarts
	stop     context.CancelFunc
	tasks    sync.WaitGroup

	mu      sync.Mutex
	streams map[string]*stream // by name, those that were this reader's
	current map[string]*stream // by topic and partition
	queue   []connector.Message
	acked   map[*stream]kgo.EpochOffset // what was not told to the group yet
	err     error                       // why the reader is of no use any more
}

// stream is a partition of one topic as it was made.
type stream struct {
	name      string
	topic     string
	partition int32
	id        kadm.TopicID
	next      int64 // behind the last message that was read
	epoch     int32 // of that message
}

func newReader(s *Source, progress connector.Progress) *reader {
	return &reader{s: s, progress: progress, stop: func() {},
		streams: map[string]*stream{}, current: map[string]*stream{}, acked: map[*stream]kgo.EpochOffset{}}
}

// open looks whether brokers and topics are there, and joins the group.
func (r *reader) open(ctx context.Context) error {
	cfg := &r.s.cfg
	var err error
	if r.client, err = cfg.Connection.client(); err != nil {
		return err
	}
	r.admin = kadm.NewClient(r.client)
	details, err := r.topics(ctx)
	if err != nil {
		return err
	}
	if err = r.leave(ctx, ""); err != nil {
		return err
	}
	if r.starts, err = r.firstStarts(ctx, details); err != nil {
		return err
	}
	member, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	lost := func(_ context.Context, group *kgo.Client, _ map[string][]int32) { r.lost(member, group) }
	if r.group, err = cfg.Connection.client(append(r.options(), kgo.OnPartitionsLost(lost))...); err != nil {
		return err
	}
	failed := func(err error) { _ = r.fail(member, err) } // Read tells it
	r.tasks.Go(func() { contain.Task(func() { r.keepCommitting(member) }, failed) })
	return nil
}

func (r *reader) options() []kgo.Opt {
	cfg := &r.s.cfg
	opts := []kgo.Opt{
		kgo.ConsumerGroup(cfg.Group), kgo.InstanceID(cfg.Member), kgo.ConsumeTopics(cfg.Topics...), kgo.DisableAutoCommit(),
		kgo.AdjustFetchOffsetsFn(r.begin), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(int32(cfg.MaxFetch)), kgo.FetchMaxPartitionBytes(int32(cfg.MaxFetch)),
		kgo.MaxDecompressBatchBytes(maxBatch), kgo.SessionTimeout(10 * time.Second), kgo.MetadataMaxAge(metadataAge),
	}
	if cfg.Regex {
		opts = append(opts, kgo.ConsumeRegex())
	}
	if cfg.Classic {
		return append(opts, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	}
	return append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer(), kgo.CooperativeStickyBalancer()))
}

// leave takes the member of our name out of the group: whoever it is, or only the one with the id. A group, or a member, that
// isn't there is as it should be.
func (r *reader) leave(ctx context.Context, id string) error {
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group = r.s.cfg.Group
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID, member.InstanceID = id, &r.s.cfg.Member
	request.Members = append(request.Members, member)
	answer, err := request.RequestWith(ctx, r.client)
	if err != nil {
		return err
	}
	err = kerr.ErrorForCode(answer.ErrorCode)
	if errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.UnknownMemberID) {
		return nil
	}
	return err
}

// fail notes why the reader is of no use any more, unless it is that ctx has ended: so ends what is asked for partitions that go
// to another member.
func (r *reader) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = meaning(err)
	}
	return err
}

// errTakenOut: the client would join again, and so take the place back from who has it now, or is about to join.
var errTakenOut = errors.New("the group doesn't have this reader any more: another one takes its place, or it was not heard of for too long")

// lost is called when the partitions are this reader's no more, and before the client joins the group again: that waits for the end of ctx,
// which is the reader's, if somebody has taken the member out. What else is wrong the client mends, or tells.
func (r *reader) lost(ctx context.Context, group *kgo.Client) {
	id, generation := group.GroupMetadata()
	if generation <= 0 { // it has never been a member
		return
	}
	if is, err := r.isMember(ctx, id); is || err != nil {
		return
	}
	_ = r.fail(ctx, errTakenOut) // Read tells it
	<-ctx.Done()
}

// isMember reports whether the group has a member. One that isn't there has none.
func (r *reader) isMember(ctx context.Context, id string) (bool, error) {
	groups, err := r.admin.DescribeConsumerGroups(ctx, r.s.cfg.Group)
	found := groups[r.s.cfg.Group]
	if err = cmp.Or(err, found.Err); err == nil {
		return slices.ContainsFunc(found.Members, func(m kadm.ConsumerGroupMember) bool { return m.MemberID == id }), nil
	}
	if !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.UnsupportedVersion) {
		return false, err
	}
	classic, err := r.admin.DescribeGroups(ctx, r.s.cfg.Group)
	of := classic[r.s.cfg.Group]
	if err = cmp.Or(err, of.Err); errors.Is(err, kerr.GroupIDNotFound) {
		err = nil
	}
	return slices.ContainsFunc(of.Members, func(m kadm.DescribedGroupMember) bool { return m.MemberID == id }), err
}

// enqueue puts a message before those that the brokers will send.
func (r *reader) enqueue(m connector.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, m)
}

// assign takes in that a partition is this reader's, and returns from where it is read: not before what was read already, which
// was only not committed yet.
func (r *reader) assign(name, topic string, partition int32, id kadm.TopicID, at int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.streams[name]
	if st == nil {
		st = &stream{name: name, topic: topic, partition: partition, id: id, epoch: -1}
		r.streams[name] = st
	}
	r.current[place(topic, partition)] = st
	st.next = max(st.next, at)
	return st.next
}

// Read returns what the brokers have sent.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		if messages, err := r.take(nil); len(messages) > 0 || err != nil {
			return messages, err
		}
		polling, cancel := context.WithTimeout(ctx, pollTime)
		fetches := r.group.PollRecords(polling, r.s.cfg.MaxMessages)
		cancel()
		if ctx.Err() != nil && fetches.NumRecords() == 0 {
			return nil, ctx.Err()
		}
		if messages, err := r.take(fetches); len(messages) > 0 || err != nil {
			return messages, err
		}
	}
}

// take returns what waits and what has come, or else why nothing more comes: what came before that is told first.
func (r *reader) take(fetches kgo.Fetches) ([]connector.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.queue
	r.queue = nil
	for _, fetch := range fetches {
		for _, topic := range fetch.Topics {
			for _, p := range topic.Partitions {
				if p.Err != nil && r.err == nil && !isContext(p.Err) {
					r.err = meaning(named(topic.Topic, p.Partition, p.Err))
				}
				messages = r.appendRecords(messages, topic, p)
			}
		}
	}
	if len(messages) > 0 {
		return messages, nil
	}
	return nil, r.err
}

// isContext reports that a fetch ended with its context: the reader can go on.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// named says of which partition an error is, if it is of one.
func named(topic string, partition int32, err error) error {
	if topic == "" {
		return err
	}
	return fmt.Errorf("%s: %w", place(topic, partition), err)
}

// appendRecords appends the records of a partition. Those of a topic that was made anew since the partition was assigned are of
// another stream, whose beginning was not looked for: the reader ends.
func (r *reader) appendRecords(messages []connector.Message, topic kgo.FetchTopic, p kgo.FetchPartition) []connector.Message {
	if len(p.Records) == 0 || r.err != nil && p.Err == nil {
		return messages
	}
	st := r.current[place(topic.Topic, p.Partition)]
	if st == nil || topic.TopicID != st.id && topic.TopicID != [16]byte{} {
		r.err = fmt.Errorf("topic %s was made anew", topic.Topic)
		return messages
	}
	for _, record := range p.Records {
		if record.Offset < st.next { // the partition was given anew while these were on their way
			continue
		}
		messages = append(messages, r.message(st, record))
		st.next, st.epoch = record.Offset+1, record.LeaderEpoch
	}
	return messages
}

// message makes a message of a record.
func (r *reader) message(st *stream, record *kgo.Record) connector.Message {
	m := connector.Message{Stream: st.name, Offset: uint64(record.Offset), MediaType: r.s.cfg.MediaType, Body: record.Value,
		Time: record.Timestamp, Vars: vars(record)}
	for _, header := range record.Headers {
		if strings.EqualFold(header.Key, "content-type") {
			m.MediaType = string(header.Value)
		}
	}
	if record.Value == nil && !r.s.cfg.Tombstones {
		m.Reason = fmt.Sprintf("a tombstone, a record without a value, of the key %.200q: what it deletes is not known", record.Key)
	}
	return m
}

// vars is what a record says besides its value: topic, partition, key if it has one, and header.NAME for each header, the last
// of a name.
func vars(record *kgo.Record) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if !yield("topic", record.Topic) || !yield("partition", strconv.Itoa(int(record.Partition))) ||
			record.Key != nil && !yield("key", string(record.Key)) {
			return
		}
		for _, header := range record.Headers {
			if !yield("header."+header.Key, string(header.Value)) {
				return
			}
		}
	}
}

// Ack notes how far the group is; it is told from time to time.
func (r *reader) Ack(_ context.Context, committed []connector.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range committed {
		st := r.streams[committed[i].Stream]
		r.acked[st] = kgo.EpochOffset{Offset: int64(committed[i].Offset) + 1, Epoch: st.epoch}
	}
	return nil
}

// keepCommitting tells the group until ctx ends.
func (r *reader) keepCommitting(ctx context.Context) {
	for clock.Sleep(ctx, commitPause) == nil {
		r.commit(ctx)
	}
}

// commit tells the group how far it is. That is for those who look at it, and for a start that is not the earliest: an error is
// of no consequence, and what was not told is told the next time.
func (r *reader) commit(ctx context.Context) {
	r.mu.Lock()
	acked := r.acked
	r.acked = map[*stream]kgo.EpochOffset{}
	offsets, ids := map[string]map[int32]kgo.EpochOffset{}, map[string]string{}
	for st, offset := range acked {
		if r.current[place(st.topic, st.partition)] != st { // its topic was made anew
			continue
		}
		if offsets[st.topic] == nil {
			offsets[st.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[st.topic][st.partition], ids[st.topic] = offset, ours+idText(st.id)
	}
	r.mu.Unlock()
	if len(offsets) == 0 {
		return
	}
	ctx = kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for i := range request.Topics {
			id := ids[request.Topics[i].Topic]
			for j := range request.Topics[i].Partitions {
				request.Topics[i].Partitions[j].Metadata = &id
			}
		}
		return nil
	})
	r.group.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest,
		answer *kmsg.OffsetCommitResponse, err error) {
		if err = errors.Join(err, answerError(answer)); err != nil {
			r.s.cfg.Logger.Debug("kafka: the group is not told how far it is", "group", r.s.cfg.Group, "err", err)
			r.again(acked)
		}
	})
}

// answerError is the first error of an answer.
func answerError(answer *kmsg.OffsetCommitResponse) error {
	if answer == nil {
		return nil
	}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			if p.ErrorCode != 0 {
				return kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	return nil
}

// again notes what was not told, unless there is something newer.
func (r *reader) again(acked map[*stream]kgo.EpochOffset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for st, offset := range acked {
		if _, newer := r.acked[st]; !newer {
			r.acked[st] = offset
		}
	}
}

// Close tells the group what is left, leaves it, and ends the connections. Brokers that don't answer are not waited for: then
// the next reader takes this one's place.
func (r *reader) Close() error {
	r.stop()
	r.tasks.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	if r.group != nil {
		r.commit(ctx)
		id, _ := r.group.GroupMetadata()
		r.group.CloseAllowingRebalance()
		if id != "" {
			if err := r.leave(ctx, id); err != nil {
				r.s.cfg.Logger.Debug("kafka: the group misses a member that has left", "group", r.s.cfg.Group, "err", err)
			}
		}
	}
	if r.client != nil {
		r.client.Close()
	}
	return nil
}
