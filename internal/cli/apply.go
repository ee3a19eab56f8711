package cli

import (
	"context"
	"io"
	"maps"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// applyCommand applies patches to data.
type applyCommand struct {
	Patches  []string `arg:"" name:"patch" help:"Patches, applied in this order; - is standard input."`
	Data     string   `env:"-" placeholder:"FILE" help:"RDF data to begin with. Without it, there is none."`
	DataFrom string   `env:"-" placeholder:"FORMAT" help:"Format of the data, where its name does not tell."`
	From     string   `env:"-" placeholder:"FORMAT" help:"Format of the patches, where their names do not tell; given, it holds for all."`
	resultFlags
	dataFlags
}

// Help implements [kong.HelpProvider].
func (applyCommand) Help() string {
	return `Writes the data with the patches applied, in the format of the data unless told otherwise (nquads if there is none).
Aborted transactions have no effect; when anything is wrong, no file is written and nothing is changed, so --out may
name the data itself. The data is held in memory, 80 to 100 bytes a statement for much of what there is. The order of
statements may change. Labels of blank nodes are those of the data, as the readers name them.

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
	r := newReplay()
	if data != nil {
		data.source.Prefixes = r.declare
		if err := data.statements(ctx, std, r.Add); err != nil {
			return err
		}
		if err := r.settle(); err != nil {
			return err
		}
	}
	done := application{To: to, Before: r.store.Len()}
	r.state.adds = 0 // which were the data
	for _, in := range patches {
		if err := in.rows(ctx, std, r); err != nil {
			return err
		}
		if err := r.settle(); err != nil {
			return err
		}
	}
	if err := c.write(ctx, std, func(w io.Writer) error { return r.write(w, to) }); err != nil {
		return err
	}
	done.After, done.Transactions, done.Aborted = r.store.Len(), r.transactions, r.aborted
	done.Adds, done.Deletes = r.state.adds, r.state.deletes
	return c.summary(std, done)
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
		in, err := patchInput(name, c.From)
		if err != nil {
			return nil, nil, err
		}
		patches = append(patches, in)
	}
	return data, patches, nil
}

// settleEvery is the number of rows outside a transaction after which they are settled, so that the store need not
// remember how to undo them.
const settleEvery = 1 << 16

// replay is a [patch.Change] that changes a store. It knows the prefixes of the default graph.
type replay struct {
	store *memory.Store
	tx    store.Tx // nil: none
	open  bool     // the transaction is one of the patch
	rows  int      // outside a transaction, not settled

	transactions, aborted uint64
	state, before         replayState // before: when the transaction began
}

// replayState is what an aborted transaction takes back, besides what is in the store.
type replayState struct {
	adds, deletes uint64
	prefixes      map[string]string // IRI by name
	shared        bool              // the map is that of the state before, too
}

var _ patch.Change = (*replay)(nil)

func newReplay() *replay { return &replay{store: memory.New()} }

// settle commits the rows that are outside a transaction.
func (r *replay) settle() error {
	if r.tx != nil && !r.open {
		return r.commit()
	}
	return nil
}

func (r *replay) commit() error {
	err := r.tx.Commit(r.store.Position()+1, nil)
	r.tx, r.open, r.rows = nil, false, 0
	return err
}

// row returns the transaction that a row is of.
func (r *replay) row() (store.Tx, error) {
	if r.rows == settleEvery {
		if err := r.settle(); err != nil {
			return nil, err
		}
	}
	if r.tx == nil {
		r.tx = r.store.Begin()
	}
	if !r.open {
		r.rows++
	}
	return r.tx, nil
}

func (r *replay) Header(string, rdf.Term) error { return nil }

func (r *replay) Begin() error {
	if err := r.settle(); err != nil {
		return err
	}
	r.transactions++
	r.state.shared = true
	r.tx, r.open, r.before = r.store.Begin(), true, r.state
	return nil
}

func (r *replay) Commit() error {
	return r.commit()
}

func (r *replay) Abort() error {
	r.tx.Rollback()
	r.aborted++
	r.tx, r.open, r.state = nil, false, r.before
	return nil
}

func (r *replay) Add(q rdf.Quad) error {
	tx, err := r.row()
	if err != nil {
		return err
	}
	changed, err := tx.Add(q)
	if changed {
		r.state.adds++
	}
	return err
}

func (r *replay) Delete(q rdf.Quad) error {
	tx, err := r.row()
	if err != nil {
		return err
	}
	changed, err := tx.Delete(q)
	if changed {
		r.state.deletes++
	}
	return err
}

// declare takes the prefixes of the data.
func (r *replay) declare(prefixes []turtle.Prefix) {
	for _, p := range prefixes {
		r.own()[p.Name] = p.IRI
	}
}

func (r *replay) AddPrefix(graph rdf.Term, prefix, iri string) error {
	if graph.IsZero() {
		r.own()[strings.Clone(prefix)] = strings.Clone(iri)
	}
	return nil
}

func (r *replay) DeletePrefix(graph rdf.Term, prefix string) error {
	if graph.IsZero() {
		delete(r.own(), prefix)
	}
	return nil
}

// own returns prefixes that may be changed.
func (r *replay) own() map[string]string {
	s := &r.state
	if s.shared || s.prefixes == nil {
		s.prefixes, s.shared = maps.Clone(s.prefixes), false
	}
	if s.prefixes == nil {
		s.prefixes = map[string]string{}
	}
	return s.prefixes
}

// write writes the data.
func (r *replay) write(w io.Writer, to rdfio.Format) error {
	out, err := rdfio.NewDataWriter(w, to, mergePrefixes(nil, r.state.prefixes)...)
	if err != nil {
		return err
	}
	view := r.store.View()
	defer view.Close()
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			return err
		}
		if err := out.Write(q); err != nil {
			return err
		}
	}
	return out.Flush()
}
