package kafka

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
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
	subjects, err := patch.Subjects(delta.Body)
	if err != nil {
		return nil, err
	}
	list := make([]*kgo.Record, len(subjects))
	for i, s := range subjects {
		if list[i], err = w.record(headers, []byte(s.Key), s.Rows); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// record makes one of rows. Its time is that of its writing, by which brokers delete what is old, and franz-go gives up.
func (w *writer) record(headers []kgo.RecordHeader, key, rows []byte) (*kgo.Record, error) {
	if w.cfg.Binary {
		var err error
		if rows, err = patch.Binary(rows); err != nil {
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
	return []kgo.RecordHeader{
		{Key: headerType, Value: []byte(media)},
		{Key: headerShard, Value: strconv.AppendInt(nil, int64(w.shard), 10)},
		{Key: headerPosition, Value: strconv.AppendUint(nil, delta.Position, 10)},
		{Key: headerID, Value: []byte(delta.ID)},
		{Key: headerPrev, Value: []byte(delta.Prev)},
		{Key: headerTime, Value: delta.Time.UTC().AppendFormat(nil, time.RFC3339Nano)},
	}
}
