package patch

import "github.com/quadrille-stream/quadrille/rdf"

// Filter returns a [Change] that hands to c the additions and deletions whose quad keep returns true for, and all other
// rows as they come, except the headers id and prev: they name the patch and not a part of it. keep must not keep the
// terms ([rdf.Quad.Clone]).
func Filter(c Change, keep func(q rdf.Quad) bool) Change { return &filter{Change: c, keep: keep} }

type filter struct {
	Change
	keep func(rdf.Quad) bool
}

func (f *filter) Header(name string, value rdf.Term) error {
	if name = normal(name); name == HeaderID || name == HeaderPrev {
		return nil
	}
	return f.Change.Header(name, value)
}

func (f *filter) Add(q rdf.Quad) error {
	if !f.keep(q) {
		return nil
	}
	return f.Change.Add(q)
}

func (f *filter) Delete(q rdf.Quad) error {
	if !f.keep(q) {
		return nil
	}
	return f.Change.Delete(q)
}
