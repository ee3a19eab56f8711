package cli

import (
	"context"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/diff"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// diffCommand makes a patch.
type diffCommand struct {
	A string `arg:"" help:"File of RDF data that the patch leads from, or a folder that quadrille load has filled; - is standard input."`
	B string `arg:"" help:"File of RDF data, or folder, that it leads to."`
	dataTypeFlag
	changesFlags
	dataFlags
	blankFlag
	MaxMemory byteSize `env:"-" default:"4GiB" help:"Memory for terms and statements."`
}

// Help implements [kong.HelpProvider].
func (diffCommand) Help() string {
	return `Makes the RDF Patch that leads from A to B: one transaction, deletions first. Blank nodes of B are matched with those of A;
the patch names them by the labels that A has. Applied to A (quadrille apply --onto A), it makes a dataset that is the
same as B but for labels. Every row is a real change, so that the patch can be inverted. Other than with diff(1), a
difference is no failure: the status is 0, and --json says how much there is.

  quadrille diff yesterday.ttl today.ttl -o change.rdfp
  quadrille diff --as update a.nq b.nq.gz
  quadrille diff --json a.nt b.nt -o /dev/null

` + formatsHelp
}

// difference is the summary.
type difference struct {
	To      rdfio.Format `json:"to"`
	Adds    int          `json:"adds"`
	Deletes int          `json:"deletes"`
}

// Run reads both files into memory and writes the patch.
func (c *diffCommand) Run(ctx context.Context, std *streams) error {
	if err := oneStandardInput(c.A, c.B); err != nil {
		return err
	}
	a, err := c.quads(ctx, std, c.A)
	if err != nil {
		return err
	}
	b, err := c.quads(ctx, std, c.B)
	if err != nil {
		return err
	}
	to, err := c.changesFormat()
	if err != nil {
		return err
	}
	if c.MaxMemory < 1 {
		return usagef("--max-memory=%v: expected more", c.MaxMemory)
	}
	var found diff.Summary
	_, err = writeChanges(ctx, std.painted(to), &c.resultFlags, to, &c.blankFlag, func(out patch.Change) (err error) {
		found, err = diff.Write(out, a, b, diff.MaxBytes(int64(c.MaxMemory)))
		return err
	})
	if err != nil {
		return err
	}
	return c.summary(std, difference{To: to, Adds: found.Adds, Deletes: found.Deletes})
}

// quads are those of a file or of a folder.
func (c *diffCommand) quads(ctx context.Context, std *streams, name string) (diff.Quads, error) {
	if isFolder(name) {
		return func(fn func(rdf.Quad) error) error { return folderQuads(ctx, std, name, fn) }, nil
	}
	in, err := c.data(name, c.Type, "--type")
	if err != nil {
		return nil, err
	}
	return func(fn func(rdf.Quad) error) error { return in.statements(ctx, std, fn) }, nil
}
