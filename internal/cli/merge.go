package cli

import (
	"context"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// mergeCommand makes one patch of many.
type mergeCommand struct {
	Patches []string `arg:"" name:"patch" help:"Patches in their order; - is standard input."`
	From    string   `env:"-" placeholder:"FORMAT" help:"Format of the patches, where their names do not tell; given, it holds for all."`
	Net     bool     `env:"-" help:"Take every row for a real change: an addition of what was absent, a deletion of what was there. Then rows that undo each other are left out."`
	resultFlags
	limitFlags
	blankFlag
	MaxMemory byteSize `env:"-" default:"1GiB" help:"Memory for the terms of the patches."`
}

// Help implements [kong.HelpProvider].
func (mergeCommand) Help() string {
	return `Makes one transaction that does what all transactions of the patches do one after the other: their net effect, with the
last row of each statement, the id of the last patch and the prev of the first one. A patch whose prev is another than
the id of the patch before it is an error. Aborted transactions are left out. With --net, for patches of real changes as
quadrille diff and quadrille tail make them, a statement that was added and deleted again, or the other way round, does
not occur, and the result is of real changes too. The rows are held in memory.

  quadrille merge monday.rdfp tuesday.rdfp -o both.rdfp
  quadrille merge --net --to update log/*.rdfp

` + formatsHelp
}

// merger is the summary.
type merger struct {
	To      rdfio.Format `json:"to"`
	Patches int          `json:"patches"`
	tally
}

// Run merges the patches.
func (c *mergeCommand) Run(ctx context.Context, std *streams) error {
	if err := oneStandardInput(c.Patches...); err != nil {
		return err
	}
	to, err := c.changesFormat()
	if err != nil {
		return err
	}
	if c.MaxMemory < 1 {
		return usagef("--max-memory=%v: expected more", c.MaxMemory)
	}
	var sources []patch.Source
	m := merging{ctx: ctx, std: std}
	if c.Net {
		m.net = &patch.Net{Effective: true, MaxBytes: int(c.MaxMemory)}
	}
	for _, name := range c.Patches {
		in, err := c.patch(name, c.From)
		if err != nil {
			return err
		}
		sources = append(sources, mergeSource{in, &m})
	}
	counter, err := writeChanges(ctx, std, &c.resultFlags, to, &c.blankFlag, func(out patch.Change) error {
		return m.compose(out, int(c.MaxMemory), sources)
	})
	if err != nil {
		return err
	}
	return c.summary(std, merger{To: to, Patches: len(sources), tally: tallyRows(&counter)})
}

// merging composes patches, and knows the error of the one that failed, which names its file.
type merging struct {
	ctx context.Context
	std *streams
	net *patch.Net // nil: that of patch.Compose
	err error
}

func (m *merging) compose(out patch.Change, maxBytes int, sources []patch.Source) error {
	composed := out
	if m.net != nil {
		composed = patch.Tee() // which drops it
	}
	err := patch.Compose(composed, maxBytes, sources...)
	switch {
	case m.err != nil:
		return m.err
	case err != nil || m.net == nil:
		return err
	}
	return m.net.Emit(out)
}

// mergeSource is one of the patches.
type mergeSource struct {
	in *inputFile
	m  *merging
}

// Run implements [patch.Source]. c checks how the patches are linked; the rows go either to it or to the net effect.
func (s mergeSource) Run(c patch.Change) error {
	if s.m.net != nil {
		c = patch.Tee(frame{c}, s.m.net)
	}
	s.m.err = s.in.rows(s.m.ctx, s.m.std, c)
	return s.m.err
}

// frame hands on headers and the ends of transactions, and no rows that change anything.
type frame struct{ patch.Change }

func (frame) Add(rdf.Quad) error { return nil }

func (frame) Delete(rdf.Quad) error { return nil }

func (frame) AddPrefix(rdf.Term, string, string) error { return nil }

func (frame) DeletePrefix(rdf.Term, string) error { return nil }
