package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch/apply"
	"github.com/quadrille-stream/quadrille/store"
)

// toFolder applies the patches to the store of a folder, all of them in one transaction of it.
func (c *applyCommand) toFolder(ctx context.Context, std *streams) (err error) {
	if c.As != "" || c.Output != "-" {
		return usagef("--onto=%s: a folder is changed in place: expected neither --as nor --out; "+
			"quadrille query --data %s 'CONSTRUCT WHERE { ?s ?p ?o }' writes its default graph", c.Onto, c.Onto)
	}
	patches, err := c.patches()
	if err != nil {
		return err
	}
	in := *std
	if in.in, err = c.arrived(std); err != nil {
		return err
	}
	s, err := openFolder(c.Onto, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	switch mark, err := readMark(c.Onto, s); {
	case err != nil:
		return err
	case mark != nil:
		return mark.unfinished(c.Onto)
	}
	done := application{Before: s.Len()}
	whole := &wholeStore{Store: s, tx: s.Begin()}
	a := apply.To(whole)
	if done.NoEffect, err = c.apply(ctx, &in, patches, a); err != nil {
		whole.tx.Rollback()
		return err
	}
	if err := whole.tx.Commit(s.Position()+1, nil); err != nil {
		return fmt.Errorf("%s: %w", c.Onto, err)
	}
	n := a.Counts()
	done.After, done.Transactions, done.Aborted, done.Adds, done.Deletes = s.Len(), n.Transactions, n.Aborted, n.Adds, n.Deletes
	return c.tellFolder(std, &done)
}

// tellFolder prints the summary.
func (c *applyCommand) tellFolder(std *streams, done *application) error {
	if c.JSON {
		return writeJSON(std.out, done)
	}
	_, err := fmt.Fprintf(std.out, "%s: %d added, %d deleted; %s in all\n", c.Onto, done.Adds, done.Deletes, terminal.GroupedCount(done.After, "quad"))
	return err
}

// arrived waits until something comes from standard input, if that is one of the patches: who writes it may have the folder open
// until then, as quadrille delta does.
func (c *applyCommand) arrived(std *streams) (io.Reader, error) {
	for _, name := range c.Patches {
		if name == "-" {
			in := bufio.NewReader(std.in)
			if _, err := in.Peek(1); err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("%s: %w", displayName(name), err)
			}
			return in, nil
		}
	}
	return std.in, nil
}

// wholeStore is a store whose transactions are parts of one transaction, which its owner commits.
type wholeStore struct {
	store.Store
	tx store.Tx
}

// Begin implements [store.Store].
func (w *wholeStore) Begin() store.Tx { return &partOfWhole{w.tx, w.tx.Savepoint()} }

// partOfWhole is a transaction in another one.
type partOfWhole struct {
	store.Tx
	before store.Savepoint
}

// Commit keeps the changes for the transaction that this is a part of.
func (p *partOfWhole) Commit(uint64, []byte) error { return nil }

// Rollback takes them back. If that fails, the whole can't be committed.
func (p *partOfWhole) Rollback() { _ = p.RollbackTo(p.before) }
