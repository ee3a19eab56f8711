package cli

import (
	"cmp"
	"context"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// mergeCommand makes one patch of many.
type mergeCommand struct {
	Patches []string `arg:"" name:"patch" help:"Patches in their order; - is standard input."`
	patchTypeFlag
	Net bool `env:"-" help:"Take every row for a real change: an addition of what was absent, a deletion of what was there. Then rows that undo each other are left out."`
	changesFlags
	limitFlags
	blankFlag
	MaxMemory byteSize `env:"-" default:"1GiB" help:"Memory for the terms of the patches."`
}

// Help implements [kong.HelpProvider].
func (mergeCommand) Help() string {
	return `Makes one transaction that does what all transactions of the patches do one after the other: their net effect, with the
last row of each statement, the id of the last patch and the prev of the first one. A patch whose prev is another than
the id of the patch before it is an error. Patches with the header shard follow those of the same shard; those of several
shards make a patch without id and prev. Aborted transactions are left out. With --net, for patches of real changes as
quadrille diff and quadrille tail make them, a statement that was added and deleted again, or the other way round, does
not occur, and the result is of real changes too. The rows are held in memory.

  quadrille merge monday.rdfp tuesday.rdfp -o both.rdfp
  quadrille merge --net --as update log/*.rdfp

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
	for _, name := range c.Patches {
		in, err := c.patch(name, c.Type)
		if err != nil {
			return err
		}
		sources = append(sources, mergeSource{in, &m})
	}
	counter, err := writeChanges(ctx, std, &c.resultFlags, to, &c.blankFlag, func(out patch.Change) error {
		err := patch.Compose(out, &patch.Net{Effective: c.Net, MaxBytes: int(c.MaxMemory)}, sources...)
		return cmp.Or(m.err, err)
	})
	if err != nil {
		return err
	}
	return c.summary(std, merger{To: to, Patches: len(sources), tally: tallyRows(&counter)})
}

// merging keeps the error of the patch that failed, which names its file.
type merging struct {
	ctx context.Context
	std *streams
	err error
}

// mergeSource is one of the patches.
type mergeSource struct {
	in *inputFile
	m  *merging
}

// Run implements [patch.Source].
func (s mergeSource) Run(c patch.Change) error {
	s.m.err = s.in.rows(s.m.ctx, s.m.std, c)
	return s.m.err
}
