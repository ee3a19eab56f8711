package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/patch"
)

// post is a request.
type post struct {
	id, mediaType string
	body          []byte
}

// change is a delta, or a part of one, as JSON.
type change struct {
	client.Change
	// Subject is whose part it is.
	Subject string `json:"subject,omitempty"`
}

// posts makes the requests of records: one, or one for each subject. There may be no records.
func (w *writer) posts(records []connector.Record) ([]post, error) {
	if len(records) == 0 {
		return nil, nil
	}
	first, last := &records[0], &records[len(records)-1]
	switch w.cfg.Request {
	case Subject:
		return w.bySubject(first)
	case Batch:
		id := fmt.Sprintf("%d:%d-%d:%s", w.shard, first.Position, last.Position, last.ID)
		p, err := w.make(id, func() []byte { return w.entries(records) }, func() any { return w.changes(records) })
		return []post{p}, err
	}
	p, err := w.make(w.id(first), func() []byte { return w.entries(records[:1]) }, func() any { return w.change(first, first.Body) })
	return []post{p}, err
}

// id names a record.
func (w *writer) id(r *connector.Record) string {
	return fmt.Sprintf("%d:%d:%s", w.shard, r.Position, r.ID)
}

// entries is the document of records.
func (w *writer) entries(records []connector.Record) (text []byte) {
	for _, r := range records {
		text = patch.Entry{ID: r.ID, Prev: r.Prev, Shard: w.shard, Time: r.Time, Rows: r.Body}.Append(text)
	}
	return text
}

// changes are records as JSON.
func (w *writer) changes(records []connector.Record) (list []change) {
	for i := range records {
		list = append(list, w.change(&records[i], records[i].Body))
	}
	return list
}

// change is a record, or rows of it, as JSON.
func (w *writer) change(r *connector.Record, rows []byte) change {
	c := client.Change{Shard: w.shard, Position: r.Position, ID: r.ID, Prev: r.Prev, Time: r.Time, Patch: string(rows)}
	c.Adds, c.Deletes = patch.CountRows(rows) // as an owner writes them
	return change{Change: c}
}

// bySubject makes a request for each subject of a record.
func (w *writer) bySubject(r *connector.Record) ([]post, error) {
	parts, err := patch.BySubject(r.Body, patch.Trusted())
	if err != nil {
		return nil, err
	}
	list := make([]post, len(parts))
	for i, part := range parts {
		text := func() []byte { return part.Rows }
		list[i], err = w.make(w.id(r)+":"+strconv.Itoa(i), text, func() any {
			c := w.change(r, part.Rows)
			c.Subject, c.Filtered = part.Subject, true
			return c
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// make makes a request of a document, whose text form or what it is as JSON is asked for as it is needed.
func (w *writer) make(id string, text func() []byte, value func() any) (p post, err error) {
	p.id = id
	switch w.cfg.Format {
	case Binary:
		p.mediaType = patch.BinaryMediaType
		p.body, err = patch.Binary(text(), patch.Trusted()) // an owner has written it
	case JSON:
		p.mediaType = "application/json"
		p.body, err = json.Marshal(value())
	default:
		p.mediaType, p.body = patch.MediaType, text()
	}
	return p, err
}
