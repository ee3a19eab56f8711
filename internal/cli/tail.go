package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/tail"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// tailCommand prints what was committed.
type tailCommand struct {
	doors
	patienceFlag
	From      string `placeholder:"P" help:"Where to begin: now, start, last:N for so many positions before the end of each log, a cursor such as main@0:17:Kd0vPpXQ9yUq1T3s (pipeline and id may be left out), or, with one --shard, a position; what stands there has been read. Default: now; with --no-follow start."`
	Shard     []int  `placeholder:"S" help:"Shard to read; again for more. Default: all."`
	As        string `env:"-" placeholder:"FORMAT" choices:"patch,nquads,update" default:"patch" help:"Format: patch, an RDF Patch log; nquads, the added quads, with deletions as comments; update, SPARQL Update."`
	JSON      bool   `name:"json" env:"-" help:"Print a JSON object a record instead."`
	Empty     *bool  `env:"-" negatable:"" help:"Changes without rows, too: what was to be made so was so. Default: only in a patch log that doesn't go to a terminal, since each change names the one before it."`
	Follow    bool   `negatable:"" default:"true" help:"Go on with what is yet to come."`
	Graph     string `placeholder:"IRI" help:"Only what is in this graph: an IRI, _:LABEL, or default for the default graph."`
	Subject   string `placeholder:"IRI" help:"Only what has this subject: an IRI, or _:LABEL."`
	Predicate string `placeholder:"IRI" help:"Only what has this predicate."`
	blankFlag
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
	form, err := c.form()
	if err != nil {
		return err
	}
	cursor, err := tail.Write(ctx, cl, tail.Config{URLs: c.URL, Query: query, Follow: c.Follow, Patience: c.Patience,
		Empty: c.empty(std.out), Form: form, Out: std.out, Missing: func(e *client.Error) {
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

// empty reports whether changes without rows are written: by default only where check --log, apply or merge may follow the ids.
func (c *tailCommand) empty(out io.Writer) bool {
	if c.Empty != nil {
		return *c.Empty
	}
	format, _ := rdfio.Parse(c.As)
	return format == rdfio.Patch && !c.JSON && !terminal.Is(out)
}

func (c *tailCommand) query() (url.Values, error) {
	from := c.From
	switch {
	case from != "":
	case c.Follow:
		from = "now"
	default:
		from = "start"
	}
	if _, err := strconv.ParseUint(from, 10, 64); err == nil {
		if len(c.Shard) != 1 {
			return nil, usagef("--from=%s: a position alone needs one --shard; expected now, start, last:N or a cursor", from)
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

func (c *tailCommand) form() (tail.Form, error) {
	if c.JSON {
		return tail.JSON, nil
	}
	const names = "patch, nquads or update; --json prints a JSON object a record"
	switch format, err := formatNamed("--as", c.As, names); format {
	case rdfio.Patch:
		return tail.Patch, nil
	case rdfio.NQuads:
		return tail.NQuads, nil
	case rdfio.Update:
		return tail.Update(c.policy()), nil
	case "":
		return nil, err
	}
	return nil, usagef("--as=%s: expected %s", c.As, names)
}
