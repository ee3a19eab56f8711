package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/internal/replay"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// applyCommand applies patches to data.
type applyCommand struct {
	Patches  []string `arg:"" name:"patch" help:"Patches, applied in this order; - is standard input."`
	Data     string   `env:"-" placeholder:"FILE" help:"RDF data to begin with. Without it, there is none."`
	DataFrom string   `env:"-" placeholder:"FORMAT" help:"Format of the data, where its name does not tell."`
	From     string   `env:"-" placeholder:"FORMAT" help:"Format of the patches, where their names do not tell; given, it holds for all."`
	Strict   bool     `env:"-" help:"Take a row without effect, an addition of what is there or a deletion of what is not, for an error."`
	resultFlags
	dataFlags
}

// Help implements [kong.HelpProvider].
func (applyCommand) Help() string {
	return `Writes the data with the patches applied, in the format of the data unless told otherwise (nquads if there is none).
Aborted transactions have no effect; when anything is wrong, no file is written and nothing is changed, so --out may
name the data itself. The data is held in memory, 80 to 100 bytes a statement for much of what there is. The order of
statements may change. Labels of blank nodes are those of the data, as the readers name them, and stay the same when the
result is read again, but for those that JSON-LD has no need of in lists. A patch whose prev is another than the id of the
patch before it is an error. How many rows had no effect is said on standard error.

  quadrille apply --data data.ttl change.rdfp -o data.ttl
  quadrille apply --to nquads log/*.rdfp
  quadrille diff a.nt b.nt | quadrille apply --data a.nt --from patch -

` + formatsHelp
}

// application is the summary.
type application struct {
	To rdfio.Format `json:"to"`
	// Before and After count statements.
	Before int `json:"before"`
	After  int `json:"after"`
	// Adds and Deletes are the rows that have changed something, of transactions that committed.
	Transactions uint64 `json:"transactions"`
	Aborted      uint64 `json:"aborted"`
	Adds         uint64 `json:"adds"`
	Deletes      uint64 `json:"deletes"`
	// NoEffect are the others of those transactions.
	NoEffect uint64 `json:"noEffect"`
}

// Run reads the data, then the patches, and writes the data.
func (c *applyCommand) Run(ctx context.Context, std *streams) error {
	data, patches, err := c.inputs()
	if err != nil {
		return err
	}
	otherwise := rdfio.NQuads
	if data != nil {
		otherwise = data.format
	}
	to, err := c.format(otherwise)
	if err != nil {
		return err
	}
	if !to.IsData() {
		return usagef("the result is data: expected the format %s, found %s", rdfio.DataNames, to)
	}
	r := replay.New()
	if data != nil {
		data.source.Prefixes = r.Declare
		if err := data.statements(ctx, std, r.Add); err != nil {
			return err
		}
	}
	if err := r.EndData(); err != nil {
		return err
	}
	done := application{To: to, Before: r.Len()}
	if done.NoEffect, err = c.apply(ctx, std, patches, r); err != nil {
		return err
	}
	if err := c.write(ctx, std, func(w io.Writer) error { return writeReplay(w, to, r) }); err != nil {
		return err
	}
	n := r.Counts()
	done.After, done.Transactions, done.Aborted = r.Len(), n.Transactions, n.Aborted
	done.Adds, done.Deletes = n.Adds, n.Deletes
	return c.summary(std, done)
}

// apply applies the patches, and returns how many rows had no effect.
func (c *applyCommand) apply(ctx context.Context, std *streams, patches []*inputFile,
	r *replay.Replay) (noEffect uint64, err error) {
	rows := rowsInForce{Change: r}
	links := patch.NewLinks(&rows)
	for _, in := range patches {
		before := noEffect
		if err := in.rows(ctx, std, links); err != nil {
			return 0, err
		}
		if err := r.Settle(); err != nil {
			return 0, err
		}
		n := r.Counts()
		if noEffect = rows.count - n.Adds - n.Deletes; noEffect == before {
			continue
		}
		if c.Strict {
			return 0, fmt.Errorf("%s: %s had no effect, with --strict an error", in.source.File, plural(noEffect-before, "row"))
		}
		fmt.Fprintf(std.err, "%s: %s had no effect\n", in.source.File, plural(noEffect-before, "row"))
	}
	return noEffect, nil
}

// rowsInForce counts the rows that add or delete something, without those of aborted transactions.
type rowsInForce struct {
	patch.Change
	count, begun uint64
}

func (r *rowsInForce) Begin() error {
	r.begun = r.count
	return r.Change.Begin()
}

func (r *rowsInForce) Abort() error {
	r.count = r.begun
	return r.Change.Abort()
}

func (r *rowsInForce) Add(q rdf.Quad) error {
	r.count++
	return r.Change.Add(q)
}

func (r *rowsInForce) Delete(q rdf.Quad) error {
	r.count++
	return r.Change.Delete(q)
}

// inputs returns what there is to read; data is nil if there is none.
func (c *applyCommand) inputs() (data *inputFile, patches []*inputFile, err error) {
	if err := oneStandardInput(append([]string{c.Data}, c.Patches...)...); err != nil {
		return nil, nil, err
	}
	switch {
	case c.Data != "":
		if data, err = c.data(c.Data, c.DataFrom, "--data-from"); err != nil {
			return nil, nil, err
		}
	case c.DataFrom != "":
		return nil, nil, usagef("--data-from: expected --data with it")
	}
	for _, name := range c.Patches {
		in, err := c.patch(name, c.From)
		if err != nil {
			return nil, nil, err
		}
		patches = append(patches, in)
	}
	return data, patches, nil
}

// writeReplay writes the data.
func writeReplay(w io.Writer, to rdfio.Format, r *replay.Replay) error {
	out, err := rdfio.NewDataWriter(w, to, mergePrefixes(nil, r.Prefixes())...)
	if err != nil {
		return err
	}
	for q, err := range r.Quads() {
		if err == nil {
			err = out.Write(q)
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}
