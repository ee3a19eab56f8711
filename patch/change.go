package patch

import (
	"github.com/quadrille-stream/quadrille/rdf"
)

// Counter is a [Change] that counts rows. The zero Counter is ready.
type Counter struct {
	// Headers, Begins, Commits and Aborts are the H, TX (or TB), TC and TA rows.
	Headers, Begins, Commits, Aborts uint64
	// PrefixAdds, PrefixDeletes, Adds and Deletes are the PA, PD, A and D rows.
	PrefixAdds, PrefixDeletes, Adds, Deletes uint64
}

var _ Change = (*Counter)(nil)

// Header counts an H row.
func (c *Counter) Header(string, rdf.Term) error { c.Headers++; return nil }

// Begin counts a TX row.
func (c *Counter) Begin() error { c.Begins++; return nil }

// Commit counts a TC row.
func (c *Counter) Commit() error { c.Commits++; return nil }

// Abort counts a TA row.
func (c *Counter) Abort() error { c.Aborts++; return nil }

// AddPrefix counts a PA row.
func (c *Counter) AddPrefix(rdf.Term, string, string) error { c.PrefixAdds++; return nil }

// DeletePrefix counts a PD row.
func (c *Counter) DeletePrefix(rdf.Term, string) error { c.PrefixDeletes++; return nil }

// Add counts an A row.
func (c *Counter) Add(rdf.Quad) error { c.Adds++; return nil }

// Delete counts a D row.
func (c *Counter) Delete(rdf.Quad) error { c.Deletes++; return nil }

// Tee returns a [Change] that hands each row to all of changes, in their order. The first error ends a row and is
// returned; those that come later don't get that row.
func Tee(changes ...Change) Change { return tee(changes) }

type tee []Change

func (t tee) Header(name string, value rdf.Term) error {
	for _, c := range t {
		if err := c.Header(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Begin() error {
	for _, c := range t {
		if err := c.Begin(); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Commit() error {
	for _, c := range t {
		if err := c.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Abort() error {
	for _, c := range t {
		if err := c.Abort(); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) AddPrefix(graph rdf.Term, prefix, iri string) error {
	for _, c := range t {
		if err := c.AddPrefix(graph, prefix, iri); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) DeletePrefix(graph rdf.Term, prefix string) error {
	for _, c := range t {
		if err := c.DeletePrefix(graph, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Add(q rdf.Quad) error {
	for _, c := range t {
		if err := c.Add(q); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Delete(q rdf.Quad) error {
	for _, c := range t {
		if err := c.Delete(q); err != nil {
			return err
		}
	}
	return nil
}
