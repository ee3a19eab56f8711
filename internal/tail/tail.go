// Package tail reads what was committed, from whichever node answers, and writes it in one of several forms.
package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/clock"
)

// pauseBetween is the time between tries to get at a stream again.
const pauseBetween = time.Second

// Config says what to read.
type Config struct {
	// URLs are the addresses of nodes: when one fails, the next is tried.
	URLs []string
	// Query is that of the request, see [client.Client.Changes]. Its "from" is changed.
	Query url.Values
	// Follow goes on with what is yet to come.
	Follow bool
	// Patience bounds the time in which no node answers.
	Patience time.Duration
	// Empty: changes without rows are written, too.
	Empty bool
	// Form is that in which records are written to Out.
	Form Form
	Out  io.Writer
	// Missing is told of a shard that can't be read any further.
	Missing func(*client.Error)
}

// Write writes records until the end, or, if it follows, until ctx ends. It returns the cursor behind the last record that
// was written, or from which it began; without marks if it has read nothing. At the end, a shard that is missing is an error.
func Write(ctx context.Context, cl *client.Client, cfg Config) (client.Cursor, error) {
	t := &tail{client: cl, cfg: cfg, heard: time.Now()}
	for door := 0; ; door++ {
		err := t.read(ctx, cfg.URLs[door%len(cfg.URLs)])
		switch {
		case ctx.Err() != nil:
			return t.cursor, ctx.Err()
		case err == nil && !cfg.Follow:
			return t.cursor, t.lost
		case err != nil && (errors.Is(err, errTail) || !client.Temporary(err)):
			return t.cursor, err
		case time.Since(t.heard) > cfg.Patience:
			return t.cursor, fmt.Errorf("no node has answered for %v: %w", cfg.Patience, err)
		}
		if err := clock.Sleep(ctx, pauseBetween); err != nil {
			return t.cursor, err
		}
	}
}

// errTail is around errors that another try would not mend.
var errTail = errors.New("tail")

// tail is where it has got to.
type tail struct {
	client *client.Client
	cfg    Config
	cursor client.Cursor
	lost   error     // the first shard that is missing
	heard  time.Time // when a node was last heard
	buf    []byte
}

// read prints what one node gives.
func (t *tail) read(ctx context.Context, base string) error {
	if t.cursor.Cursor != nil {
		t.cfg.Query.Set("from", t.cursor.String())
	}
	return t.client.Changes(ctx, base, t.cfg.Query, client.Reader{Change: t.change, Moved: t.moved, Lost: t.missing})
}

// change prints a record.
func (t *tail) change(change client.Change, cursor client.Cursor) error {
	if change.Adds+change.Deletes == 0 && !t.cfg.Empty {
		return t.moved(cursor)
	}
	t.heard = time.Now()
	var err error
	if t.buf, err = t.cfg.Form(t.buf[:0], change); err == nil {
		_, err = t.cfg.Out.Write(t.buf)
	}
	if err != nil {
		return fmt.Errorf("%w: shard %d position %d: %w", errTail, change.Shard, change.Position, err)
	}
	t.cursor = cursor
	return nil
}

// moved notes where to go on when there was nothing to print: also before the first record, so that a connection that is lost
// then doesn't begin anew at another "now".
func (t *tail) moved(cursor client.Cursor) error {
	t.heard = time.Now()
	t.cursor = cursor
	return nil
}

// missing tells that a shard can't be read any further. The others go on; at the end the exit status tells, too.
func (t *tail) missing(e *client.Error) error {
	t.cfg.Missing(e)
	if t.lost == nil {
		t.lost = e
	}
	return nil
}
