package cli

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// invertCommand makes the patch that undoes a patch.
type invertCommand struct {
	Patch string `arg:"" optional:"" default:"-" help:"Patch to invert; - is standard input."`
	From  string `env:"-" placeholder:"FORMAT" help:"Format of the patch, where its name does not tell."`
	resultFlags
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

  quadrille invert change.rdfp | quadrille apply --data data.ttl --from patch - -o data.ttl
  quadrille invert --to update change.rdfp

` + formatsHelp
}

// inversion is the summary.
type inversion struct {
	To rdfio.Format `json:"to"`
	tally
}

// Run inverts the patch.
func (c *invertCommand) Run(ctx context.Context, std *streams) error {
	in, err := patchInput(c.Patch, c.From)
	if err != nil {
		return err
	}
	to, err := c.changesFormat()
	if err != nil {
		return err
	}
	s, err := newSpool()
	if err != nil {
		return err
	}
	defer s.close()
	v := inverter{spool: s, begun: -1}
	if err := in.rows(ctx, std, &v); err != nil {
		return err
	}
	if err := v.end(); err != nil {
		return err
	}
	backward, err := s.backward()
	if err != nil {
		return err
	}
	counter, err := writeChanges(ctx, std, &c.resultFlags, to, &c.blankFlag, func(out patch.Change) error {
		source := rdfio.Source{File: "inverse of " + in.source.File}
		return source.Rows(&progress{ctx: ctx, r: backward, count: &in.count}, rdfio.Patch, out)
	})
	if err != nil {
		return err
	}
	return c.summary(std, inversion{To: to, tally: tallyRows(&counter)})
}

// maxPendingHeaders bounds the bytes of the headers before a transaction, which are held until it commits.
const maxPendingHeaders = 16 << 20

// inverter is a [patch.Change] that writes the inverse of each row to a spool, one a line, to be read backward.
type inverter struct {
	spool   *spool
	begun   int64    // where the transaction begins in the spool; -1: there is none
	headers [][]byte // rows
	size    int      // bytes of headers
	row     []byte
}

var _ patch.Change = (*inverter)(nil)

// Header keeps a header until its transaction has come, since in the inverse, too, it goes before it.
func (v *inverter) Header(name string, value rdf.Term) error {
	if name == patch.HeaderID || name == patch.HeaderPrev {
		return nil
	}
	row := patch.AppendHeader(nil, name, value)
	if v.size += len(row); v.size > maxPendingHeaders {
		return fmt.Errorf("headers of more than %d bytes before a transaction: %w", maxPendingHeaders, rdf.ErrLimit)
	}
	v.headers = append(v.headers, row)
	return nil
}

func (v *inverter) Begin() error {
	v.begun = v.spool.size
	return v.write(patch.AppendCommit(v.row[:0]))
}

func (v *inverter) Commit() error {
	v.begun = -1
	if err := v.write(patch.AppendBegin(v.row[:0])); err != nil {
		return err
	}
	return v.end()
}

func (v *inverter) Abort() error {
	size := v.begun
	v.begun, v.headers, v.size = -1, nil, 0
	return v.spool.truncate(size)
}

// end writes the headers, the last one first.
func (v *inverter) end() error {
	for i := len(v.headers) - 1; i >= 0; i-- {
		if err := v.spool.write(v.headers[i]); err != nil {
			return err
		}
	}
	v.headers, v.size = v.headers[:0], 0
	return nil
}

func (v *inverter) AddPrefix(graph rdf.Term, prefix, _ string) error {
	return v.write(patch.AppendDeletePrefix(v.row[:0], graph, prefix))
}

func (v *inverter) DeletePrefix(_ rdf.Term, prefix string) error {
	return fmt.Errorf("row PD %q, which does not say which IRI the prefix had: %w", prefix, patch.ErrNotInvertible)
}

func (v *inverter) Add(q rdf.Quad) error { return v.write(patch.AppendDelete(v.row[:0], q)) }

func (v *inverter) Delete(q rdf.Quad) error { return v.write(patch.AppendAdd(v.row[:0], q)) }

func (v *inverter) write(row []byte) error {
	v.row = row
	return v.spool.write(row)
}
