package kafka

import (
	"bytes"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/subjects"
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
	parts, err := subjects.Of(delta.Body)
	if err != nil {
		return nil, err
	}
	list := make([]*kgo.Record, len(parts))
	for i, part := range parts {
		if list[i], err = w.record(headers, part.Key, part.Rows); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// record makes one of rows. Its time is that of its writing, by which brokers delete what is old, and franz-go gives up.
func (w *writer) record(headers []kgo.RecordHeader, key, rows []byte) (*kgo.Record, error) {
	if w.cfg.Binary {
		var b bytes.Buffer
		binary := patch.NewBinaryWriter(&b)
		if err := patch.Parse(rows, binary, patch.Trusted()); err != nil {
			return nil, err
		}
		if err := binary.Flush(); err != nil {
			return nil, err
		}
		rows = b.Bytes()
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
