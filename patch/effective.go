package patch

import "github.com/quadrille-stream/quadrille/rdf"

// Dataset is a set of quads that rows change. A transaction of a quad store is one. It is used by one goroutine at a
// time, and copies what it keeps of the terms.
type Dataset interface {
	// Add puts the quad in and reports whether that is a change.
	Add(q rdf.Quad) (changed bool, err error)
	// Delete takes the quad out and reports whether that is a change.
	Delete(q rdf.Quad) (changed bool, err error)
}

// Effective returns a [Change] that applies rows to d, each as it comes, and hands the effective delta to c: the additions
// and deletions that changed d, in their order, and headers, prefixes and the ends of transactions as they come. It holds
// nothing: whoever hands in a transaction that aborts, or fails, takes back what it did to d (package patch/apply does so
// with a store).
func Effective(d Dataset, c Change) Change { return &effective{Change: c, d: d} }

// effective has the other rows from the Change that it hands them to.
type effective struct {
	Change
	d Dataset
}

// Add applies an A row.
func (e *effective) Add(q rdf.Quad) error {
	changed, err := e.d.Add(q)
	if err != nil || !changed {
		return err
	}
	return e.Change.Add(q)
}

// Delete applies a D row.
func (e *effective) Delete(q rdf.Quad) error {
	changed, err := e.d.Delete(q)
	if err != nil || !changed {
		return err
	}
	return e.Change.Delete(q)
}
