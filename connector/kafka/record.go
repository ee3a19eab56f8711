package kafka

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// The headers of a record: what it is, and where its delta stands in the log of which shard.
const (
	headerType     = "content-type"
	headerShard    = "shard"
	headerPosition = "position"
	headerID       = "id"
	headerPrev     = "prev"
	headerTime     = "time"
)

// records makes of a delta what goes into the topic.
func (w *writer) records(delta *connector.Record) ([]*kgo.Record, error) {
	headers := w.headers(delta)
	if !w.cfg.PerSubject {
		record, err := w.record(headers, []byte(strconv.Itoa(w.shard)), delta.Body)
		return []*kgo.Record{record}, err
	}
	subjects, err := patch.BySubject(delta.Body, patch.Trusted())
	if err != nil {
		return nil, err
	}
	list := make([]*kgo.Record, len(subjects))
	for i, s := range subjects {
		if list[i], err = w.record(headers, []byte(s.Subject), s.Rows); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// record makes one of rows. Its time is that of its writing, by which brokers delete what is old, and franz-go gives up.
func (w *writer) record(headers []kgo.RecordHeader, key, rows []byte) (*kgo.Record, error) {
	if w.cfg.Binary {
		var err error
		if rows, err = patch.Binary(rows, patch.Trusted()); err != nil {
			return nil, err
		}
	}
	return &kgo.Record{Topic: w.cfg.Topic, Partition: w.partition, Key: key, Value: rows, Headers: headers}, nil
}

// headers are those of all records of a delta.
func (w *writer) headers(delta *connector.Record) []kgo.RecordHeader {
	media := patch.MediaType
	if w.cfg.Binary {
		media = patch.BinaryMediaType
	}
	return append([]kgo.RecordHeader{{Key: headerType, Value: []byte(media)}}, append(w.place(delta.Mark),
		kgo.RecordHeader{Key: headerPrev, Value: []byte(delta.Prev)},
		kgo.RecordHeader{Key: headerTime, Value: delta.Time.UTC().AppendFormat(nil, time.RFC3339Nano)})...)
}

// place are the headers that say where a delta, or a state, is in the log of the shard.
func (w *writer) place(at engine.Mark) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: headerShard, Value: strconv.AppendInt(nil, int64(w.shard), 10)},
		{Key: headerPosition, Value: strconv.AppendUint(nil, at.Position, 10)},
		{Key: headerID, Value: []byte(at.ID)},
	}
}

// stateRecords are those of states as of a mark. A record without a value, a tombstone, says that the subject is gone.
func (w *writer) stateRecords(of engine.Mark, list []state) []*kgo.Record {
	gone := w.place(of)
	there := append([]kgo.RecordHeader{{Key: headerType, Value: []byte(w.cfg.States.MediaType())}}, gone...)
	records := make([]*kgo.Record, len(list))
	for i, s := range list {
		records[i] = &kgo.Record{Topic: w.cfg.Topic, Partition: w.partition, Key: []byte(s.key), Value: s.value, Headers: there}
		if s.value == nil {
			records[i].Headers = gone
		}
	}
	return records
}
