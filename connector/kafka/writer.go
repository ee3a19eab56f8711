package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// transactionTimeout is how long the brokers wait for the end of a transaction: until then, those who read what is committed wait
// for a writer that has died and whose shard nobody has opened again.
const transactionTimeout = 30 * time.Second

// deliveryTimeout is how long a record is tried to be delivered. It is shorter than the time of a transaction, since a new
// producer often gets through to a broker that is back where the one before waits.
const deliveryTimeout = 10 * time.Second

// errUsed: a transaction has failed, and what has become of it is only known when the shard is opened again.
var errUsed = errors.New("the writer has failed before")

// readPatience is how long the positions are waited for. A transaction of ours that nobody ends is ended by the brokers before that.
const readPatience = 2 * transactionTimeout

var errWaits = errors.New("what is committed can't be read to its end: has somebody else a transaction open there, or is its leader" +
	" away?")

// writer writes one shard, with a producer of its own. It is used by one goroutine.
//
// This is what comes of each call in each state. A producer is never used on after an error: whether a transaction is committed
// is known when the next one has fenced it, which waits until the brokers have ended it, and has read the position.
//
//	input            at rest            failed
//	Write succeeds   at rest, further   -
//	Write fails      failed             failed
//	Close            the end            aborted, the end
type writer struct {
	cfg       *SinkConfig
	shard     int
	id        string // of the producer, and of the shard's position
	partition int32  // of the topic, where records have no key of their own
	topic     string // the id of the topic as it was made
	client    *kgo.Client
	progress  progress // what the positions say
	failed    bool
}

// open makes the producer, and finds the position that was committed before. Where states are written, that of the shard is in
// the topic then.
func (w *writer) open(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	text, err := w.claim(ctx)
	if err != nil {
		return err
	}
	if text != "" {
		if w.progress, err = w.parse(text); err != nil {
			return err
		}
	}
	if w.cfg.States == "" || w.progress.states && !w.progress.begins {
		return nil
	}
	return w.begin(ctx)
}

// connect makes the producer.
func (w *writer) connect(ctx context.Context) (err error) {
	if w.shard >= w.cfg.Shards {
		return connector.GiveUpf("shard %d of %d: the number of shards must be that of the pipeline", w.shard, w.cfg.Shards)
	}
	w.client, err = w.cfg.Connection.client(kgo.TransactionalID(w.id), kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(newPartitioner()), kgo.ProducerBatchMaxBytes(int32(w.cfg.MaxMessage)),
		kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.UnknownTopicRetries(-1))
	if err != nil {
		return err
	}
	partitions, err := w.topics(ctx)
	if err != nil {
		return err
	}
	w.partition = int32(w.shard % partitions)
	if w.cfg.PerSubject || w.cfg.States != "" {
		w.partition = byKey
	}
	return nil
}

// claims bounds how often a claim is written.
const claims = 3

// claim commits a record to the shard's positions and returns what is before it, "" if nothing is. That the claim was committed is
// not believed but looked for: one that was aborted is written again.
func (w *writer) claim(ctx context.Context) (before string, err error) {
	for range claims {
		claim := w.positionRecord("/opened", time.Now().UTC().Format(time.RFC3339))
		if err := w.transact(ctx, claim); err != nil {
			return "", err
		}
		text, found, err := w.position(ctx, claim.Offset)
		if found || err != nil {
			return text, err
		}
	}
	return "", fmt.Errorf("%s: %d claims were aborted one after the other", w.id, claims)
}

// positionRecord is a record for those who open the shard.
func (w *writer) positionRecord(suffix, value string) *kgo.Record {
	return &kgo.Record{Topic: w.cfg.Positions, Partition: int32(w.shard), Key: []byte(w.id + suffix), Value: []byte(value)}
}

// position reads the topic of positions up to the claim of this writer, and says whether that was committed. Whatever was
// committed for the shard stands before it, and nothing can come after but from this writer.
func (w *writer) position(ctx context.Context, claim int64) (text string, found bool, err error) {
	start := map[string]map[int32]kgo.Offset{w.cfg.Positions: {int32(w.shard): kgo.NoResetOffset().AtStart()}}
	reader, err := w.cfg.Connection.client(kgo.ConsumePartitions(start), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepControlRecords()) // the end of the transaction is one
	if err != nil {
		return "", false, err
	}
	defer reader.Close()
	reading, cancel := context.WithTimeoutCause(ctx, w.cfg.patience, errWaits)
	defer cancel()
	for {
		fetches := reader.PollFetches(reading)
		for _, record := range fetches.Records() {
			if record.Offset >= claim {
				return text, record.Offset == claim, nil
			}
			if !record.Attrs.IsControl() && string(record.Key) == w.id {
				text = string(record.Value) // none: it is to begin anew
			}
		}
		if ctx.Err() == nil && reading.Err() != nil {
			return "", false, fmt.Errorf("read %s: %w", place(w.cfg.Positions, int32(w.shard)), context.Cause(reading))
		}
		if err := fetches.Err(); err != nil {
			return "", false, err
		}
	}
}

// parse reads a position. One of a topic that was made anew, or of records of another kind, says nothing of what is there.
func (w *writer) parse(text string) (progress, error) {
	const anew = "\"quadrille sink seek --start\" has everything written anew"
	p, topic, err := parseProgress(text)
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w; give the sink another topic for its positions to have all written again", place(w.cfg.Positions, int32(w.shard)), err)
	case topic != w.topic:
		err = fmt.Errorf("topic %s was made anew and lacks what the one before had, up to position %d: %s", w.cfg.Topic, p.at.Position, anew)
	case p.states != (w.cfg.States != ""):
		err = fmt.Errorf("topic %s has states up to position %d, or deltas where states are to come: give the sink another topic, or another"+
			" name; %s, and leaves what is there", w.cfg.Topic, p.at.Position, anew)
	default:
		return p, nil
	}
	return p, connector.GiveUpf("%w", err)
}

// Target is the topic, and the partition if there is one.
func (w *writer) Target() string {
	if w.partition == byKey {
		return w.cfg.Topic
	}
	return place(w.cfg.Topic, w.partition)
}

// At is the last record that was committed.
func (w *writer) At() engine.Mark { return w.progress.at }

// Write commits all records, and the position, in one transaction.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	if w.failed {
		return errUsed
	}
	if w.cfg.States != "" {
		return ended(ctx, w.writeStates(ctx, records))
	}
	next := progress{at: records[len(records)-1].Mark}
	var out []*kgo.Record
	for i := range records {
		made, err := w.records(&records[i])
		if err != nil {
			return err
		}
		out = append(out, made...)
	}
	out = append(out, w.positionRecord("", next.text(w.topic)))
	if err := w.transact(ctx, out...); err != nil {
		return ended(ctx, err)
	}
	w.progress = next
	return nil
}

// seek commits another position.
func (w *writer) seek(ctx context.Context, to engine.Mark) error {
	next := progress{at: to}
	if w.cfg.States != "" {
		text, err := w.claim(ctx)
		if err != nil {
			return err
		}
		before, err := w.parse(text)
		if err != nil { // it says nothing of what is there
			before = progress{}
		}
		next = before.sought(to)
	}
	record := w.positionRecord("", next.text(w.topic))
	if to.Position == 0 && !next.begins {
		record.Value = nil
	}
	return w.transact(ctx, record)
}

// transact commits records. After an error the writer is of no use any more.
func (w *writer) transact(ctx context.Context, records ...*kgo.Record) error {
	w.failed = true // until it is known to be committed
	if err := w.commit(ctx, records); err != nil {
		return w.fenced(tooLarge(err))
	}
	w.failed = false
	return nil
}

func (w *writer) commit(ctx context.Context, records []*kgo.Record) error {
	if err := w.client.BeginTransaction(); err != nil {
		return err
	}
	first := kgo.AbortingFirstErrPromise(w.client)
	for _, record := range records {
		w.client.Produce(ctx, record, first.Promise())
	}
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	if err := first.Err(); err != nil {
		return err
	}
	// Nothing is left to abort. But franz-go 1.22.3 sends the first records of a topic before it has noted the topic's
	// partitions, and a transaction that ends in between is aborted, with no error, if it has no other records. This waits
	// until they are noted.
	if err := w.client.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	return w.client.EndTransaction(ctx, kgo.TryCommit)
}

// fenced says who has ended a producer. Where two pipelines have one name, they do that to each other for ever.
func (w *writer) fenced(err error) error {
	if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
		return fmt.Errorf("another producer has the transactional id %s: another node writes the shard, or another pipeline of the"+
			" same name has a sink of this name (then rename one of the sinks): %w", w.id, err)
	}
	return err
}

// tooLarge says what to do about a record that the topic doesn't take.
func tooLarge(err error) error {
	if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) {
		return connector.GiveUpf("%w; raise max-message, and max.message.bytes of the topic", err)
	}
	return err
}

// Close aborts what is open, so that nobody who reads waits for it, and disconnects. Who has the shard by then has ended it
// already, and brokers that don't answer are not waited for.
func (w *writer) Close() error {
	if w.client == nil {
		return nil
	}
	if w.failed {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		err := errors.Join(w.client.AbortBufferedRecords(ctx), w.client.EndTransaction(ctx, kgo.TryAbort))
		if err != nil {
			w.cfg.Logger.Debug("kafka: a transaction is left to the brokers", "id", w.id, "err", err)
		}
	}
	w.client.Close()
	return nil
}
