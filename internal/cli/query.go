package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// queryCommand asks data, or a pipeline, a query.
type queryCommand struct {
	Query string `arg:"" optional:"" help:"The query: SPARQL."`
	File  string `short:"f" env:"-" placeholder:"FILE" help:"File with the query instead; - is standard input."`
	datasetFlags
	As string `env:"-" placeholder:"FORMAT" choices:"table,json,csv,tsv,xml,ntriples,nquads,turtle,trig,rdfxml,jsonld" help:"Format of the result, where the name of --out does not tell: table, json, csv, tsv or xml of rows, json or xml of true and false, ntriples, nquads, turtle, trig, rdfxml or jsonld of triples."`
	outFlag
	Explain bool `env:"-" help:"Evaluate the query and show, instead of its result, what was done in which order, how many rows were expected of each part, and how many there were."`
	Quiet   bool `short:"q" env:"-" help:"Print the result alone: not how many rows it has and how long it took, nor which functions it calls that there are not."`
	budgetFlags
	serviceFlag
	questionFlags
}

// Help implements [kong.HelpProvider].
func (queryCommand) Help() string {
	return `Prints what a SPARQL query finds: in the data of --data or, without it, in a running pipeline, of which a node is asked (--url). SELECT gives a table on a terminal, with the prefixes of query and data, and else TSV, with each
term in full; ASK gives true or false, and the status is 0 with both; CONSTRUCT and DESCRIBE give Turtle. --as, or the name
of --out, says otherwise: .srj, .srx, .csv and .tsv are formats of results. What stands in a table is cut to the terminal's width, so
let programs read another format. SPARQL is that of 1.1, and of 1.2 what is stable.

A node answers as of now, with what was committed before it was asked. It bounds time, memory and steps itself; --timeout may ask for less
time. It answers all of SPARQL 1.1 but SERVICE, over the shards of all nodes.

` + datasetHelp + ` FROM and FROM NAMED choose among the
graphs of the data; nothing is fetched. SERVICE asks the hosts of --allow-host alone, each the same thing once.

  quadrille query --url http://127.0.0.1:7375 'SELECT ?p ?o { <http://example/sensor/1> ?p ?o }'
  quadrille query --data data.ttl 'SELECT * { ?s ?p ?o } LIMIT 10'
  quadrille query --data a.ttl --data b.nq.gz -f question.rq --as json
  curl … | quadrille query --data - --type turtle 'ASK { ?s a ?class }'
  quadrille query --data data.ttl --explain 'SELECT (COUNT(*) AS ?n) { ?s ?p ?o }'

` + formatsHelp
}

// question is a query that is ready to be asked.
type question struct {
	text  *sparqlText
	tree  *sparql.Query
	query *eval.Query
	as    answerFormat
	width int // of the terminal that the result goes to, 0 if it is none
}

// Run asks the query.
func (c *queryCommand) Run(ctx context.Context, std *streams) (err error) {
	files, err := c.check()
	if err != nil {
		return err
	}
	if len(c.Data) == 0 {
		return c.atNode(ctx, std)
	}
	q, err := c.question(ctx, std, files)
	if err != nil {
		return err
	}
	began := time.Now()
	data, err := c.open(ctx, std, files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.close()) }()
	loaded := time.Since(began)
	view := data.store.View()
	defer view.Close()
	began = time.Now()
	own := &ownData{query: q.query, data: view, id: eval.Identity{ID: began.String(), Time: began}}
	asked := &asking{question: q, from: own, prefixes: textPrefixes(data.prefixes, &q.tree.Prologue)}
	if c.Explain {
		return c.bound(ctx, q.text.file, func(ctx context.Context) error { return own.explain(ctx, std, asked.prefixes) })
	}
	err = c.write(ctx, std, func(w io.Writer) error {
		return c.bound(ctx, q.text.file, func(ctx context.Context) error { return asked.answer(ctx, w) })
	})
	if err != nil {
		return err
	}
	read := ""
	if files != nil {
		read = fmt.Sprintf("; %s read in %v", terminal.Count(data.read, "statement"), shortly(loaded))
	}
	c.told(std, asked, time.Since(began), read)
	return nil
}

// told says how many rows a table has, and how long it took.
func (c *queryCommand) told(std *streams, asked *asking, took time.Duration, read string) {
	if asked.as == asTable && !c.Quiet {
		fmt.Fprintf(std.err, "%s in %v%s\n", terminal.Count(asked.rows, "row"), shortly(took), read)
	}
}

// shortly is a time with as many digits as people want.
func shortly(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// check looks at the flags, and returns the files of the data.
func (c *queryCommand) check() ([]*inputFile, error) {
	switch {
	case c.Query == "" && c.File == "":
		return nil, usagef("what is the query? Give its text, or its file with -f FILE")
	case c.Query != "" && c.File != "":
		return nil, usagef("unexpected argument %s: -f names the query's file; several files of data are --data FILE --data FILE", c.Query)
	}
	if err := c.budgetFlags.check(); err != nil {
		return nil, err
	}
	if err := c.form(); err != nil {
		return nil, err
	}
	if len(c.Data) == 0 {
		return nil, nil
	}
	if err := c.orData(); err != nil {
		return nil, err
	}
	return c.inputs(c.File)
}

// question reads the query, and says how its result is written.
func (c *queryCommand) question(ctx context.Context, std *streams, files []*inputFile) (q *question, err error) {
	q = &question{text: &sparqlText{file: "<query>", text: c.Query, base: c.Base}}
	if c.File != "" {
		if q.text, err = readSPARQL(ctx, std, c.File, c.Base, sparql.DefaultMaxQuery); err != nil {
			return nil, err
		}
	}
	if q.tree, err = parseSPARQL(q.text, files, sparql.ParseQuery); err != nil {
		return nil, updateHinted(givenFile(err, c.Query), q.text)
	}
	if !c.Quiet {
		q.text.tellUnknown(std.err)
	}
	if q.query, err = eval.Prepare(q.tree, c.options(q.text.base, &c.serviceFlag)); err != nil {
		return nil, err
	}
	if c.Explain {
		if c.As != "" || c.Output != "-" {
			return nil, usagef("--explain: expected neither --as nor --out with it: the result isn't written")
		}
		return q, nil
	}
	if c.Output == "-" {
		q.width, _ = terminal.Width(std.out)
	}
	as := c.As
	if c.JSON {
		as = triplesAsJSON(q.tree.Form, as)
	}
	q.as, err = answerFormatOf(q.tree.Form, as, c.Output, q.width > 0)
	return q, err
}

// asking is a query that is being asked.
type asking struct {
	*question
	from     answerer
	prefixes []turtle.Prefix
	rows     uint64
}

// explain shows the plan, also of a query that is over its budget.
func (d *ownData) explain(ctx context.Context, std *streams, prefixes []turtle.Prefix) error {
	plan, err := d.query.Explain(ctx, d.data, d.id, true)
	if plan.Operator == "" {
		return err
	}
	return errors.Join(writePlan(std.out, &plan, prefixes), err)
}

// answerFormat is a format of results, of RDF data, or one of those below.
type answerFormat string

const (
	asTable answerFormat = "table"
	asWord  answerFormat = "word" // true or false
)

// formatNames are what a form of query can be written in.
var formatNames = map[sparql.Form]string{
	sparql.Select: "table, json, csv, tsv or xml", sparql.Ask: "json or xml",
	sparql.Construct: rdfio.DataNames, sparql.Describe: rdfio.DataNames,
}

// answerFormatOf is the format that --as names, or the name of --out, or else the one that is natural.
func answerFormatOf(form sparql.Form, as, out string, toTerminal bool) (answerFormat, error) {
	triples := form == sparql.Construct || form == sparql.Describe
	switch {
	case as == "" && out != "-" && !fitsAnswer(triples, form, out):
		return "", usagef("what format is %s? Expected %s for a result of %s: say it with --as", out, formatNames[form], formWords[form])
	case as != "":
		if f, ok := namedFormat(triples, as); ok && !(form == sparql.Ask && f != answerFormat(results.JSON) && f != answerFormat(results.XML)) {
			return f, nil
		}
		return "", usagef("--as=%s: expected %s for a result of %s", as, formatNames[form], formWords[form])
	case triples:
		if f, ok := rdfio.ByName(out); ok && f.IsData() {
			return answerFormat(f), nil
		}
		return answerFormat(rdfio.Turtle), nil
	}
	name, _ := rdfio.CutCompression(out)
	name = strings.ToLower(name)
	f, ok := results.BySuffix(name)
	switch {
	case strings.HasSuffix(name, ".json"):
		return answerFormat(results.JSON), nil
	case ok && (form == sparql.Select || f == results.JSON || f == results.XML):
		return answerFormat(f), nil
	case form == sparql.Ask:
		return asWord, nil
	case toTerminal:
		return asTable, nil
	}
	return answerFormat(results.TSV), nil
}

// fitsAnswer reports whether the name of a file tells a format that the result can have.
func fitsAnswer(triples bool, form sparql.Form, out string) bool {
	if triples {
		f, ok := rdfio.ByName(out)
		return ok && f.IsData()
	}
	name, _ := rdfio.CutCompression(strings.ToLower(out))
	f, ok := results.BySuffix(name)
	return strings.HasSuffix(name, ".json") || ok && (form == sparql.Select || f == results.JSON || f == results.XML)
}

var formWords = map[sparql.Form]string{
	sparql.Select: "rows", sparql.Ask: "true or false", sparql.Construct: "triples", sparql.Describe: "triples",
}

// namedFormat is the format of a name or a media type.
func namedFormat(triples bool, name string) (answerFormat, bool) {
	if triples {
		f, err := rdfio.Parse(name)
		return answerFormat(f), err == nil && f.IsData()
	}
	switch f := results.Format(strings.ToLower(name)); f {
	case results.JSON, results.XML, results.CSV, results.TSV, results.Format(asTable):
		return answerFormat(f), true
	}
	f, ok := results.ByMediaType(name)
	if !ok {
		f, ok = results.BySuffix("." + strings.ToLower(strings.TrimPrefix(name, ".")))
	}
	return answerFormat(f), ok
}
