package webhook

import (
	"bytes"
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

// posts makes the requests of records: one, or one for each subject.
func (w *writer) posts(records []connector.Record) ([]post, error) {
	first, last := &records[0], &records[len(records)-1]
	switch w.cfg.Request {
	case Subject:
		return w.bySubject(first)
	case Batch:
		var bodies [][]byte
		var list []change
		for i := range records {
			bodies, list = append(bodies, w.entry(&records[i])), append(list, w.change(&records[i], records[i].Body))
		}
		id := fmt.Sprintf("%d:%d-%d:%s", w.shard, first.Position, last.Position, last.ID)
		p, err := w.make(id, bytes.Join(bodies, nil), list)
		return []post{p}, err
	}
	p, err := w.make(w.id(first), w.entry(first), w.change(first, first.Body))
	return []post{p}, err
}

// id names a record.
func (w *writer) id(r *connector.Record) string {
	return fmt.Sprintf("%d:%d:%s", w.shard, r.Position, r.ID)
}

// entry is the document of a record.
func (w *writer) entry(r *connector.Record) []byte {
	return patch.Entry{ID: r.ID, Prev: r.Prev, Shard: w.shard, Time: r.Time, Rows: r.Body}.Append(nil)
}

// change is a record, or rows of it, as JSON.
func (w *writer) change(r *connector.Record, rows []byte) change {
	c := client.Change{Shard: w.shard, Position: r.Position, ID: r.ID, Prev: r.Prev, Time: r.Time, Patch: string(rows)}
	for line := range bytes.Lines(rows) { // a row each, as an owner writes them
		switch {
		case bytes.HasPrefix(line, []byte("A ")):
			c.Adds++
		case bytes.HasPrefix(line, []byte("D ")):
			c.Deletes++
		}
	}
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
		c := w.change(r, part.Rows)
		c.Subject, c.Filtered = part.Subject, true
		if list[i], err = w.make(w.id(r)+":"+strconv.Itoa(i), part.Rows, c); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// make makes a request of a document in text form, or what it is as JSON.
func (w *writer) make(id string, text []byte, value any) (p post, err error) {
	p = post{id: id, mediaType: patch.MediaType, body: text}
	switch w.cfg.Format {
	case Binary:
		p.mediaType = patch.BinaryMediaType
		p.body, err = patch.Binary(text, patch.Trusted()) // an owner has written it
	case JSON:
		p.mediaType = "application/json"
		p.body, err = json.Marshal(value)
	}
	return p, err
}
