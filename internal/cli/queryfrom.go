package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/results"
	"github.com/quadrille-stream/quadrille/store"
)

// answerer answers a query, wherever its data is.
type answerer interface {
	rows(ctx context.Context, each func([]rdf.Term) error) error
	holds(ctx context.Context) (bool, error)
	triples(ctx context.Context, each func(rdf.Triple) error) error
}

// ownData answers from data that this process has.
type ownData struct {
	query *eval.Query
	data  store.Reader
	id    eval.Identity
}

func (d *ownData) rows(ctx context.Context, each func([]rdf.Term) error) error {
	return d.query.Select(ctx, d.data, d.id, each)
}

func (d *ownData) holds(ctx context.Context) (bool, error) { return d.query.Ask(ctx, d.data, d.id) }

func (d *ownData) triples(ctx context.Context, each func(rdf.Triple) error) error {
	return d.query.Triples(ctx, d.data, d.id, each)
}

// nodeData answers from a pipeline, by one of its nodes.
type nodeData struct {
	client   *client.Client
	urls     []string
	patience time.Duration
	query    client.Query
	file     string // of the query, for errors
}

// ask asks the nodes one after the other, until one answers.
func (d *nodeData) ask(ctx context.Context, accept string) (*client.Answer, error) {
	q := d.query
	q.Accept = []string{accept}
	_, answer, err := status.Ask(ctx, d.urls, d.patience, func(base string) (*client.Answer, error) { return d.client.Ask(ctx, base, q) })
	return answer, inText(err, d.file)
}

// inText says where in a file it is what a node has found in its text.
func inText(err error, file string) error {
	if e, ok := errors.AsType[*client.Error](err); ok && e.Line > 0 {
		return fmt.Errorf("%s:%d:%d: %s", file, e.Line, e.Column, e.Detail)
	}
	return err
}

// result reads the result of a SELECT or an ASK.
func (d *nodeData) result(ctx context.Context, fn func(*results.Reader) error) error {
	answer, err := d.ask(ctx, results.JSON.MediaType())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	r, err := results.NewReader(answer.Body, results.JSON)
	if err != nil {
		return err
	}
	return fn(r)
}

func (d *nodeData) rows(ctx context.Context, each func([]rdf.Term) error) error {
	return d.result(ctx, func(r *results.Reader) error {
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = each(row)
			}
			if err != nil {
				return err
			}
		}
	})
}

func (d *nodeData) holds(ctx context.Context) (found bool, err error) {
	err = d.result(ctx, func(r *results.Reader) error {
		var ok bool
		if found, ok = r.Boolean(); !ok {
			return errors.New("the node's answer is no boolean")
		}
		return nil
	})
	return found, err
}

func (d *nodeData) triples(ctx context.Context, each func(rdf.Triple) error) error {
	answer, err := d.ask(ctx, rdfio.NTriples.MediaType())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	source := rdfio.Source{File: "the node's answer"}
	return source.Statements(answer.Body, rdfio.NTriples, func(q rdf.Quad) error { return each(rdf.Triple{S: q.S, P: q.P, O: q.O}) })
}

// atNode has the query asked of a node, and its result written.
func (c *queryCommand) atNode(ctx context.Context, std *streams) error {
	if err := c.checkNode(); err != nil {
		return err
	}
	q, err := c.question(ctx, std, nil)
	if err != nil {
		return err
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	node := &nodeData{client: cl, urls: c.URL, patience: c.Patience, query: client.Query{Text: q.text.withBase(), Timeout: c.Timeout}, file: q.text.file}
	asked := &asking{question: q, from: node, prefixes: textPrefixes(nil, &q.tree.Prologue)}
	began := time.Now()
	err = c.write(ctx, std, func(w io.Writer) error { return asked.answer(ctx, w) })
	if err == nil {
		c.told(std, asked, time.Since(began), "")
	}
	return err
}

// checkNode looks at the flags of what is asked of a node, which has bounds of its own.
func (c *queryCommand) checkNode() error {
	if c.Explain {
		return usagef("--explain: expected --data with it: a node doesn't show its plan")
	}
	return ofData(&c.datasetFlags, &c.budgetFlags, &c.serviceFlag)
}

// ofData is an error if there are flags that mean something of data alone.
func ofData(data *datasetFlags, budget *budgetFlags, service *serviceFlag) error {
	switch {
	case len(service.AllowHost) > 0:
		return usagef("--allow-host: expected --data with it: a node asks no other endpoint")
	case budget.MaxMemory != defaultMaxMemory || budget.MaxSteps != eval.DefaultSteps:
		return usagef("--max-memory and --max-steps: expected --data with them; a node has its own (quadrille serve --query-memory, --query-steps)")
	case data.Type != "":
		return usagef("--type: expected --data with it")
	}
	return nil
}

// defaultMaxMemory is the default of --max-memory.
const defaultMaxMemory byteSize = 512 << 20

// form makes --json what it is for: a result in JSON.
func (c *queryCommand) form() error {
	if c.JSON && c.As != "" && c.As != "json" {
		return usagef("--json and --as=%s: expected one of them", c.As)
	}
	if c.JSON {
		c.As = string(results.JSON)
	}
	return nil
}

// triplesAsJSON is the format of triples that --json means.
func triplesAsJSON(form sparql.Form, as string) string {
	if as == string(results.JSON) && (form == sparql.Construct || form == sparql.Describe) {
		return string(rdfio.JSONLD)
	}
	return as
}
