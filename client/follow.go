package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// Reader takes what [Client.Changes] reads, one call at a time. An error of any of them ends the reading and is returned.
type Reader struct {
	// Change takes a record, and the cursor from which to go on after it, which is good until the next call.
	Change func(change Change, cursor Cursor) error
	// Moved, if set, takes the cursor where no record comes with it: at the beginning, and behind records of which nothing was
	// asked for. It is good until the next call.
	Moved func(cursor Cursor) error
	// Lost is told of a shard that is missing from there on, and decides whether the others go on. Without it the first such
	// shard ends the reading.
	Lost func(*Error) error
}

// Changes reads the records that the query asks for, until the stream ends, which returns nil. The query's parameters are those
// of GET /v1/changes.
func (c *Client) Changes(ctx context.Context, base string, query url.Values, r Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := c.do(ctx, http.MethodGet, base, "/v1/changes", query, nil,
		http.Header{"Accept": {"text/event-stream"}})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "text/event-stream" {
		return fmt.Errorf("%s: read changes: %w: it is %q, no event stream", base, ErrNotNode, kind)
	}
	watchdog := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %v", silence)) })
	defer watchdog.Stop()
	e := events{base: base, to: r}
	lines := bufio.NewReaderSize(answer.Body, 64<<10)
	for {
		watchdog.Reset(silence)
		line, err := lines.ReadBytes('\n')
		watchdog.Stop() // what the reader takes its time for is not the node's silence
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: read changes: %w", base, cmp.Or(context.Cause(ctx), err))
		}
		if err := e.line(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
}

// events reads the lines of an event stream.
type events struct {
	base   string
	to     Reader
	cursor Cursor
	id     []byte // that of the event under way, until its data have come
	failed bool   // the data to come is that of an error
}

func (e *events) line(line []byte) error {
	field, value, _ := bytes.Cut(line, []byte(": "))
	switch string(field) {
	case "id":
		e.id = append(e.id[:0], value...)
	case "event":
		e.failed = true // there is but one kind of event with a name
	case "data":
		return e.data(value)
	case "":
		return e.moved()
	}
	return nil
}

func (e *events) data(value []byte) error {
	if e.failed {
		e.failed = false
		told := decodeError(e.base, 0, value)
		if told.Shard == nil || e.to.Lost == nil {
			return told
		}
		return e.to.Lost(told)
	}
	if e.cursor.Cursor == nil && len(e.id) > 0 { // the first one tells the pipeline
		if err := e.take(); err != nil {
			return err
		}
	}
	e.id = e.id[:0] // the others say what the change says
	return e.change(value)
}

// moved ends an event. One that has an id alone, or begins a stream, moves the cursor.
func (e *events) moved() error {
	if len(e.id) == 0 {
		return nil
	}
	if err := e.take(); err != nil || e.to.Moved == nil {
		return err
	}
	return e.to.Moved(e.cursor)
}

// take reads the id. What it doesn't name stays: a mark with a whole id is kept for one with a short id.
func (e *events) take() error {
	next, err := ParseCursor(string(e.id))
	if err != nil {
		return fmt.Errorf("%s: read changes: %w", e.base, err)
	}
	e.id = e.id[:0]
	maps.DeleteFunc(next.Cursor, func(s int, m engine.Mark) bool {
		return e.cursor.Cursor[s].Position == m.Position && m.Position > 0
	})
	if e.cursor.Cursor == nil {
		e.cursor.Cursor = engine.Cursor{}
	}
	e.cursor.Pipeline = next.Pipeline
	maps.Copy(e.cursor.Cursor, next.Cursor)
	return nil
}

func (e *events) change(data []byte) error {
	var change Change
	if err := json.Unmarshal(data, &change); err != nil {
		return fmt.Errorf("%s: read changes: %w", e.base, err)
	}
	if e.cursor.Cursor == nil {
		e.cursor.Cursor = engine.Cursor{}
	}
	e.cursor.Cursor[change.Shard] = engine.Mark{Position: change.Position, ID: change.ID}
	return e.to.Change(change, e.cursor)
}
