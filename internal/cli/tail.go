package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// tailCommand prints what was committed.
type tailCommand struct {
	doors
	patienceFlag
	From      string `placeholder:"P" default:"start" help:"Where to begin: start, now, a cursor such as 0:17:Kd0vPpXQ9yUq1T3s (the id may be left out), or, with one --shard, a position; what stands there has been read."`
	Shard     []int  `placeholder:"S" help:"Shard to read; again for more. Default: all."`
	As        string `enum:"patch,nquads,update,json" default:"patch" help:"Form (${enum}): an RDF Patch log; the added quads, with deletions as comments; SPARQL Update; a JSON object per record."`
	Follow    bool   `negatable:"" default:"true" help:"Go on with what is yet to come."`
	Skolemise bool   `help:"In SPARQL Update, where blank nodes can't be named, write them as <urn:quadrille:blank:LABEL>."`
}

// pauseBetween is the time between tries to get at a stream again.
const pauseBetween = time.Second

// Run prints records until the end, or, if it follows, until it is interrupted.
func (c *tailCommand) Run(ctx context.Context, std *streams) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	query, err := c.query()
	if err != nil {
		return err
	}
	t := &tailing{client: cl, query: query, form: c.form(), out: std.out, err: std.err, follow: c.Follow, heard: time.Now()}
	for door := 0; ; door++ {
		err := t.read(ctx, c.URL[door%len(c.URL)])
		switch {
		case ctx.Err() != nil:
			if t.cursor != nil {
				fmt.Fprintf(std.err, "to go on: --from %s\n", t.cursor)
			}
			return nil // to interrupt is how one ends it
		case err == nil && !c.Follow:
			return t.lost
		case err != nil && (errors.Is(err, errTail) || !client.Temporary(err)):
			return err
		case time.Since(t.heard) > c.Patience:
			return fmt.Errorf("no node has answered for %v: %w", c.Patience, err)
		}
		select {
		case <-time.After(pauseBetween):
		case <-ctx.Done():
		}
	}
}

func (c *tailCommand) query() (url.Values, error) {
	from := c.From
	if _, err := strconv.ParseUint(from, 10, 64); err == nil {
		if len(c.Shard) != 1 {
			return nil, usagef("--from=%s: a position alone needs one --shard; expected start, now or a cursor", from)
		}
		from = fmt.Sprintf("%d:%s", c.Shard[0], from)
	}
	query := url.Values{"from": {from}, "live": {strconv.FormatBool(c.Follow)}}
	for _, s := range c.Shard {
		query.Add("shard", strconv.Itoa(s))
	}
	return query, nil
}

func (c *tailCommand) form() form {
	switch c.As {
	case "nquads":
		return asNQuads
	case "update":
		if c.Skolemise {
			return asUpdate(skolem)
		}
		return asUpdate(refuseBlank)
	case "json":
		return asJSON
	}
	return asPatch
}

// errTail is around errors that another try would not mend.
var errTail = errors.New("tail")

// tailing is where a tail has got to.
type tailing struct {
	client *client.Client
	query  url.Values
	form   form
	out    io.Writer
	err    io.Writer
	follow bool
	cursor engine.Cursor
	lost   error     // the first shard that is missing
	heard  time.Time // when a node was last heard
	buf    []byte
}

// read prints what one node gives.
func (t *tailing) read(ctx context.Context, base string) error {
	if t.cursor != nil {
		t.query.Set("from", t.cursor.String())
	}
	return t.client.Changes(ctx, base, t.query, func(change client.Change, cursor engine.Cursor) error {
		t.heard = time.Now()
		var err error
		if t.buf, err = t.form(t.buf[:0], change); err == nil {
			_, err = t.out.Write(t.buf)
		}
		if err != nil {
			return fmt.Errorf("%w: shard %d position %d: %w", errTail, change.Shard, change.Position, err)
		}
		t.cursor = cursor
		return nil
	}, t.missing)
}

// missing tells that a shard can't be read any further. The others go on; at the end the exit status tells, too.
func (t *tailing) missing(e *client.Error) error {
	fmt.Fprintf(t.err, "shard %d is missing from here on: %v\n", *e.Shard, e)
	if t.lost == nil {
		t.lost = e
	}
	return nil
}

// form appends a record in some form.
type form func(dst []byte, change client.Change) ([]byte, error)

func asJSON(dst []byte, change client.Change) ([]byte, error) {
	text, err := json.Marshal(change)
	return append(append(dst, text...), '\n'), err
}

func asPatch(dst []byte, change client.Change) ([]byte, error) {
	dst = fmt.Appendf(dst, "# shard %d position %d\nH id <%s> .\n", change.Shard, change.Position, change.ID)
	if change.Prev != "" {
		dst = fmt.Appendf(dst, "H prev <%s> .\n", change.Prev)
	}
	return append(dst, change.Patch...), nil
}

func asNQuads(dst []byte, change client.Change) ([]byte, error) {
	w := rowWriter{
		add:    func(q rdf.Quad) error { dst = nquads.AppendQuad(dst, q); return nil },
		delete: func(q rdf.Quad) error { dst = nquads.AppendQuad(append(dst, "# deleted: "...), q); return nil },
	}
	err := patch.Parse([]byte(change.Patch), &w)
	return dst, err
}

// rowWriter is a [patch.Change] of additions and deletions alone.
type rowWriter struct {
	patch.Counter
	add, delete func(q rdf.Quad) error
}

func (w *rowWriter) Add(q rdf.Quad) error    { return w.add(q) }
func (w *rowWriter) Delete(q rdf.Quad) error { return w.delete(q) }
