package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/apply"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// applyCommand applies patches to data.
type applyCommand struct {
	Patches  []string `arg:"" name:"patch" help:"Patches, applied in this order; - is standard input."`
	Onto     string   `env:"-" placeholder:"FILE" help:"RDF data to begin with. Without it, there is none. Or the folder that quadrille load has filled, which is changed in place."`
	OntoType string   `env:"-" placeholder:"FORMAT" choices:"ntriples,nquads,turtle,trig,rdfxml,jsonld" help:"Format of the data, where its name does not tell."`
	patchTypeFlag
	Strict bool   `env:"-" help:"Take a row without effect, an addition of what is there or a deletion of what is not, for an error."`
	As     string `env:"-" placeholder:"FORMAT" choices:"ntriples,nquads,turtle,trig,rdfxml,jsonld" help:"Format of the result, where the name of --out does not tell. Default: that of --onto, and without it nquads."`
	resultFlags
	dataFlags
}

// Help implements [kong.HelpProvider].
func (applyCommand) Help() string {
	return `Writes the data with the patches applied, in the format of the data unless told otherwise (nquads if there is none).
Aborted transactions have no effect; when anything is wrong, no file is written and nothing is changed, so --out may
name the data itself. The data is held in memory, 90 to 110 bytes a statement for much of what there is. The file is written
anew, with the prefixes that it had: statements may change their order, and comments and layout made by hand are lost. Labels of blank nodes are those of the data, as the readers name them, and stay the same when the
result is read again, but for those that JSON-LD has no need of in lists. A patch whose prev is another than the id of the
patch before it, of the same shard if they name one, is an error. How many rows had no effect is said on standard error.

A folder (quadrille load) is changed in place, by all the patches or, when anything is wrong, by none; what they change is held in
memory until then, about 500 bytes a row. Prefixes have no effect on it.

  quadrille apply --onto data.ttl change.rdfp -o data.ttl
  quadrille apply --as nquads log/*.rdfp
  quadrille diff a.nt b.nt | quadrille apply --onto a.nt -

` + formatsHelp
}

// application is the summary.
type application struct {
	To rdfio.Format `json:"to,omitempty"` // none of a folder
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
	if isFolder(c.Onto) {
		return c.toFolder(ctx, std)
	}
	data, patches, err := c.inputs()
	if err != nil {
		return err
	}
	otherwise := rdfio.NQuads
	if data != nil {
		otherwise = data.format
	}
	to, err := c.format(c.As, otherwise, rdfio.DataNames)
	if err != nil {
		return err
	}
	if !to.IsData() {
		return usagef("the result is data: expected the format %s, found %s", rdfio.DataNames, to)
	}
	quads := memory.New()
	a := apply.To(quads)
	if data != nil {
		if err := load(ctx, std, data, a); err != nil {
			return err
		}
	}
	done := application{To: to, Before: quads.Len()}
	if done.NoEffect, err = c.apply(ctx, std, patches, a); err != nil {
		return err
	}
	err = c.write(ctx, std, func(w io.Writer) error { return writeQuads(w, to, quads, a.Prefixes(), c.MaxDepth) })
	if err != nil {
		return hinted(err)
	}
	n := a.Counts()
	done.After, done.Transactions, done.Aborted = quads.Len(), n.Transactions, n.Aborted
	done.Adds, done.Deletes = n.Adds-uint64(done.Before), n.Deletes
	return c.summary(std, done)
}

// apply applies the patches, and returns how many rows had no effect.
func (c *applyCommand) apply(ctx context.Context, std *streams, patches []*inputFile,
	a *apply.Applier) (noEffect uint64, err error) {
	data := a.Counts() // its statements were added, too
	var count uint64
	rows := rowsInForce{counted: counted{a, &count}}
	links := patch.NewLinks(&rows)
	for _, in := range patches {
		before := noEffect
		if err := in.rows(ctx, std, links); err != nil {
			return 0, err
		}
		if err := a.Flush(); err != nil {
			return 0, err
		}
		n := a.Counts()
		if noEffect = count - (n.Adds - data.Adds) - n.Deletes; noEffect == before {
			continue
		}
		if c.Strict {
			return 0, fmt.Errorf("%s: %s had no effect, with --strict an error", in.source.File, terminal.Count(noEffect-before, "row"))
		}
		fmt.Fprintf(std.err, "%s: %s had no effect\n", in.source.File, terminal.Count(noEffect-before, "row"))
	}
	return noEffect, nil
}

// rowsInForce counts the rows that add or delete something, without those of aborted transactions.
type rowsInForce struct {
	counted
	begun uint64
}

func (r *rowsInForce) Begin() error {
	r.begun = *r.n
	return r.counted.Begin()
}

func (r *rowsInForce) Abort() error {
	*r.n = r.begun
	return r.counted.Abort()
}

// load adds the data that patches are applied to, and its prefixes.
func load(ctx context.Context, std *streams, data *inputFile, a *apply.Applier) error {
	data.source.Prefixes = func(prefixes []turtle.Prefix) {
		for _, p := range prefixes {
			_ = a.AddPrefix(rdf.Term{}, p.Name, p.IRI) // which can't fail
		}
	}
	if err := data.statements(ctx, std, a.Add); err != nil {
		return err
	}
	return a.Flush()
}

// inputs returns what there is to read; data is nil if there is none.
func (c *applyCommand) inputs() (data *inputFile, patches []*inputFile, err error) {
	if err := oneStandardInput(append([]string{c.Onto}, c.Patches...)...); err != nil {
		return nil, nil, err
	}
	switch {
	case c.Onto != "":
		if data, err = c.data(c.Onto, c.OntoType, "--onto-type"); err != nil {
			return nil, nil, err
		}
	case c.OntoType != "":
		return nil, nil, usagef("--onto-type: expected --onto with it")
	}
	patches, err = c.patches()
	return data, patches, err
}

func (c *applyCommand) patches() (patches []*inputFile, err error) {
	for _, name := range c.Patches {
		in, err := c.patch(name, c.Type)
		if err != nil {
			return nil, err
		}
		patches = append(patches, in)
	}
	return patches, nil
}

// writeQuads writes the data.
func writeQuads(w io.Writer, to rdfio.Format, quads store.Store, prefixes map[string]string, depth int) error {
	out, err := rdfio.NewDataWriter(w, to, rdfio.WithPrefixes(mergePrefixes(nil, prefixes)...), rdfio.MaxDepth(depth))
	if err != nil {
		return err
	}
	view := quads.View()
	defer view.Close()
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err == nil {
			err = hinted(out.Write(q))
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}
