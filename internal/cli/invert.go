package cli

import (
	"context"
	"errors"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/invert"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// invertCommand makes the patch that undoes a patch.
type invertCommand struct {
	Patch string `arg:"" optional:"" default:"-" help:"Patch to invert; - is standard input."`
	patchTypeFlag
	changesFlags
	limitFlags
	blankFlag
}

// Help implements [kong.HelpProvider].
func (invertCommand) Help() string {
	return `Writes all rows in reverse order, additions as deletions and the other way round, and the transactions with them: the
last one comes first. After a patch of real changes (each addition of what was absent, each deletion of what was there,
as quadrille diff makes them) the inverse gives back exactly what was there before. Aborted transactions and the headers
id and prev, which name the patch, are left out. A deleted prefix can't be given back, since its row does not say which
IRI it had, and is an error. The rows are kept in a temporary file, so that patches of any length take the same small
memory.

  quadrille invert change.rdfp | quadrille apply --onto data.ttl - -o data.ttl
  quadrille invert --as update change.rdfp

` + formatsHelp
}

// inversion is the summary.
type inversion struct {
	To rdfio.Format `json:"to"`
	tally
}

// Run inverts the patch.
func (c *invertCommand) Run(ctx context.Context, std *streams) (err error) {
	in, err := c.patch(c.Patch, c.Type)
	if err != nil {
		return err
	}
	to, err := c.changesFormat()
	if err != nil {
		return err
	}
	var v invert.Inverter
	defer func() { err = errors.Join(err, v.Close()) }()
	in.source.LanguageCase = true // nothing is compared
	if err := in.rows(ctx, std, &v); err != nil {
		return err
	}
	backward, err := v.Reader()
	if err != nil {
		return err
	}
	counter, err := writeChanges(ctx, std, &c.resultFlags, to, &c.blankFlag, func(out patch.Change) error {
		source := in.source
		source.File = "inverse of " + source.File
		return source.Rows(&progress{ctx: ctx, r: backward, count: &in.count}, rdfio.Patch, out)
	})
	if err != nil {
		return err
	}
	return c.summary(std, inversion{To: to, tally: tallyRows(&counter)})
}
