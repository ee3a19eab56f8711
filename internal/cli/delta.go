package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// deltaCommand makes the patch that an update comes to.
type deltaCommand struct {
	Update string `arg:"" optional:"" default:"-" help:"File of the SPARQL update; - is standard input."`
	datasetFlags
	Time string `env:"-" placeholder:"TIME" help:"What NOW() gives, such as 2026-01-31T12:00:00Z. Default: the time of the call."`
	ID   string `name:"id" env:"-" placeholder:"TEXT" help:"What RAND(), UUID(), STRUUID() and the labels of new blank nodes are made of: with the same they are the same. Default: the text of the update."`
	changesFlags
	blankFlag
	budgetFlags
	serviceFlag
	askFlags
}

// Help implements [kong.HelpProvider].
func (deltaCommand) Help() string {
	return `Makes the RDF Patch of what a SPARQL update changes: in the data of --data or, without it, in a running pipeline, of which a node is asked
(--url). It is one transaction, deletions first, each row a real change, each statement once. The data stays as it is, and so does the pipeline; quadrille
apply changes files and folders, and comes to the same as the update. The same update of the same data makes the same patch, but for NOW(), unless --time
says what that is. So an update that is to make new blank nodes each time needs another --id each time.

A node looks at the shards of all nodes as they are now, with what was committed before it was asked. The update need not be one that a shard can
carry out alone, as for quadrille publish. Until it is carried out others may change the data, and with it what the update comes to.

LOAD reads http:// and https:// from the hosts of --allow-host alone, and no files, which --data names; what it reads may be in any
format of RDF data, compressed or not, of --max-memory at most (JSON-LD: 16 MiB), within ten minutes each. Redirects are followed to
those hosts. SERVICE asks them, too. Documents and answers may be others next time, and the patch with them.

` + datasetHelp + ` So apply a patch
that names blank nodes to one file, or a folder.

  quadrille delta --url http://127.0.0.1:7375 change.ru
  quadrille delta --data data.ttl change.ru | quadrille apply --onto data.ttl - -o data.ttl
  quadrille delta --data store nightly.ru -o nightly.rdfp --json
  echo 'DELETE WHERE { ?s <http://example.org/draft> ?o }' | quadrille delta --data data.nq.gz

` + formatsHelp
}

// deltaSummary is the summary.
type deltaSummary struct {
	To      rdfio.Format `json:"to"`
	Adds    uint64       `json:"adds"`
	Deletes uint64       `json:"deletes"`
}

// Run carries the update out, takes it back, and writes what it was.
func (c *deltaCommand) Run(ctx context.Context, std *streams) error {
	if len(c.Data) == 0 {
		return c.atNode(ctx, std)
	}
	files, err := c.check()
	if err != nil {
		return err
	}
	to, now, text, err := c.asked(ctx, std)
	if err != nil {
		return err
	}
	update, err := c.prepare(std, text, files)
	if err != nil {
		return err
	}
	// The changes are held until the data is closed: who reads them may want to change a folder.
	net := &patch.Net{Effective: true, MaxBytes: int(c.MaxMemory)}
	if err := c.evaluate(ctx, std, files, text, update, now, net); err != nil {
		return err
	}
	return c.result(ctx, std, to, net.Emit)
}

// asked returns the format that the changes are written in, the time, and the update.
func (c *deltaCommand) asked(ctx context.Context, std *streams) (to rdfio.Format, now time.Time, text *sparqlText, err error) {
	if to, err = c.changesFormat(); err != nil {
		return to, now, nil, err
	}
	if now, err = c.now(); err != nil {
		return to, now, nil, err
	}
	text, err = c.read(ctx, std)
	return to, now, text, err
}

// read reads the update.
func (c *deltaCommand) read(ctx context.Context, std *streams) (*sparqlText, error) {
	text, err := readSPARQL(ctx, std, c.Update, c.Base, sparql.DefaultMaxUpdate)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(c.Update, "{}") {
		return nil, usagef("expected the file of the update, found its text; - reads it from standard input")
	}
	return text, err
}

// result writes the changes that emit hands on, and the summary.
func (c *deltaCommand) result(ctx context.Context, std *streams, to rdfio.Format, emit func(patch.Change) error) error {
	counter, err := writeChanges(ctx, std.painted(to), &c.resultFlags, to, &c.blankFlag, emit)
	if err != nil {
		return err
	}
	return c.summary(std, deltaSummary{To: to, Adds: counter.Adds, Deletes: counter.Deletes})
}

// id is that of --id, or of the text.
func (c *deltaCommand) id(text *sparqlText) string {
	if c.ID != "" {
		return c.ID
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text.text)))
}

// atNode has a node say what the update would change.
func (c *deltaCommand) atNode(ctx context.Context, std *streams) error {
	if err := cmp.Or(c.budgetFlags.check(), ofData(&c.datasetFlags, &c.budgetFlags, &c.serviceFlag)); err != nil {
		return err
	}
	to, now, text, err := c.asked(ctx, std)
	if err != nil {
		return err
	}
	if _, err := parseSPARQL(text, nil, sparql.ParseUpdate); err != nil {
		return err
	}
	text.tellUnknown(std.err)
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	trial := client.Trial{Text: text.withBase(), Accept: []string{rdfio.Patch.MediaType()}, Timeout: c.Timeout, Now: now, ID: c.id(text)}
	base, answer, err := status.Ask(ctx, c.URL, c.Patience, func(base string) (*client.Answer, error) { return cl.Try(ctx, base, trial) })
	if err != nil {
		return inText(err, text.file)
	}
	defer answer.Body.Close()
	return c.result(ctx, std, to, func(out patch.Change) error {
		return rdfio.Source{File: base}.Rows(answer.Body, rdfio.Patch, out)
	})
}

// check looks at the flags, and returns the files of the data.
func (c *deltaCommand) check() ([]*inputFile, error) {
	if err := cmp.Or(c.budgetFlags.check(), c.orData()); err != nil {
		return nil, err
	}
	return c.inputs(c.Update)
}

// now is the time of --time, or of the call.
func (c *deltaCommand) now() (time.Time, error) {
	if c.Time == "" {
		return time.Now(), nil
	}
	now, err := time.Parse(time.RFC3339, c.Time)
	if err != nil {
		return now, usagef("--time: expected a time such as 2026-01-31T12:00:00Z, found %q", c.Time)
	}
	return now, nil
}

func (c *deltaCommand) prepare(std *streams, text *sparqlText, files []*inputFile) (*eval.Update, error) {
	tree, err := parseSPARQL(text, files, sparql.ParseUpdate)
	if err != nil {
		return nil, err
	}
	text.tellUnknown(std.err)
	options := c.options(text.base, &c.serviceFlag)
	options.Load = &documents{hosts: &c.serviceFlag, data: &c.dataFlags, most: int64(c.MaxMemory), time: documentTime}
	return eval.PrepareUpdate(tree, options)
}

// evaluate hands what the update changes to out.
func (c *deltaCommand) evaluate(ctx context.Context, std *streams, files []*inputFile, text *sparqlText, update *eval.Update,
	now time.Time, out patch.Change) (err error) {
	data, err := c.open(ctx, std, files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.close()) }()
	id := eval.Identity{ID: c.id(text), Time: now}
	tx := data.store.Begin()
	defer tx.Rollback()
	return c.bound(ctx, text.file, func(ctx context.Context) error { return update.Run(ctx, tx, id, out) })
}
