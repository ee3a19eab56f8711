package cli

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/tail"
)

// tailCommand prints what was committed.
type tailCommand struct {
	doors
	patienceFlag
	From      string `placeholder:"P" default:"start" help:"Where to begin: start, now, a cursor such as main@0:17:Kd0vPpXQ9yUq1T3s (pipeline and id may be left out), or, with one --shard, a position; what stands there has been read."`
	Shard     []int  `placeholder:"S" help:"Shard to read; again for more. Default: all."`
	As        string `enum:"patch,nquads,update,json" default:"patch" help:"Form (${enum}): an RDF Patch log; the added quads, with deletions as comments; SPARQL Update; a JSON object per record."`
	Follow    bool   `negatable:"" default:"true" help:"Go on with what is yet to come."`
	Graph     string `placeholder:"IRI" help:"Only what is in this graph: an IRI, _:LABEL, or default for the default graph."`
	Subject   string `placeholder:"IRI" help:"Only what has this subject: an IRI, or _:LABEL."`
	Predicate string `placeholder:"IRI" help:"Only what has this predicate."`
	Skolemise bool   `help:"In SPARQL Update, where blank nodes can't be named, write them as <urn:quadrille:blank:LABEL>."`
}

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
	cursor, err := tail.Write(ctx, cl, tail.Config{URLs: c.URL, Query: query, Follow: c.Follow, Patience: c.Patience,
		Form: c.form(), Out: std.out, Missing: func(e *client.Error) {
			fmt.Fprintf(std.err, "shard %d is missing from here on: %v\n", *e.Shard, e)
		}})
	if ctx.Err() == nil {
		return err
	}
	if len(cursor.Cursor) > 0 {
		fmt.Fprintf(std.err, "to go on: --from %s\n", cursor)
	}
	return nil // to interrupt is how one ends it
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
	for name, value := range map[string]string{"graph": c.Graph, "subject": c.Subject, "predicate": c.Predicate} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for _, s := range c.Shard {
		query.Add("shard", strconv.Itoa(s))
	}
	return query, nil
}

func (c *tailCommand) form() tail.Form {
	switch c.As {
	case "nquads":
		return tail.NQuads
	case "update":
		if c.Skolemise {
			return tail.Update(skolem)
		}
		return tail.Update(refuseBlank)
	case "json":
		return tail.JSON
	}
	return tail.Patch
}
