package patch

import (
	"errors"

	"github.com/quadrille-stream/quadrille/rdf"
)

// ReplaceMediaType is the media type of an RDF Patch in text form with wildcards: a D row whose object is [Any] stands for the
// deletion of each quad with its subject, predicate and graph, one whose predicate is Any, too, for that of each quad with its
// subject and graph, and one whose graph is Any as well for that of each quad with its subject. One whose subject, predicate and object
// are Any stands for that of each quad of its graph. Such a patch has no meaning but on a state, by which [Replace] makes it one.
const ReplaceMediaType = "application/vnd.quadrille.replace+rdf-patch"

// UpdateMediaType is the media type of SPARQL Update.
const UpdateMediaType = "application/sparql-update"

// Any is the wildcard.
var Any = rdf.Trusted("<urn:quadrille:any>")

// ErrWildcard: a wildcard stands where it has no meaning.
var ErrWildcard = errors.New("a wildcard may be the object of a D row, its predicate and object, or these and its graph or its subject, in a transaction")

// Matcher finds quads. It is used by one goroutine at a time.
type Matcher interface {
	// Match calls fn with each quad that has the subject, the predicate and the graph, unless that is [Any], each once. Of subject and
	// graph one is not. Nothing is changed meanwhile. The terms are valid until fn returns.
	Match(s, p, g rdf.Term, fn func(rdf.Quad)) error
}

// Replace returns a [Change] that makes patches without wildcards of such with them, and hands them to c: in each transaction
// first the deletion of what its wildcards match in m and none of its rows adds, then its other rows as they came, of each quad
// only those that say what its last one says. So what a transaction deletes and adds again isn't touched. It holds a transaction
// until its end. Wildcards elsewhere, and such outside a transaction, are [ErrWildcard].
func Replace(m Matcher, c Change) Change { return &replace{Change: c, from: m} }

// replace has the other rows from the Change that it hands them to.
type replace struct {
	Change
	from      Matcher
	open      bool
	wildcards []rdf.Quad
	rows      []Row
	// last says of each quad that a row names whether the last one that does adds it.
	last map[rdf.Quad]bool
}

// Begin begins to hold.
func (r *replace) Begin() error {
	r.open = true
	return r.Change.Begin()
}

// Add holds an A row.
func (r *replace) Add(q rdf.Quad) error {
	switch {
	case q.S == Any || q.P == Any || q.O == Any || q.G == Any:
		return ErrWildcard
	case !r.open:
		return r.Change.Add(q)
	}
	r.hold(Row{Quad: q.Clone()})
	return nil
}

// Delete holds a D row.
func (r *replace) Delete(q rdf.Quad) error {
	switch {
	case MisplacedAny(q) || q.O == Any && !r.open:
		return ErrWildcard
	case !r.open:
		return r.Change.Delete(q)
	case q.O == Any:
		r.wildcards = append(r.wildcards, q.Clone())
	default:
		r.hold(Row{Deleted: true, Quad: q.Clone()})
	}
	return nil
}

// MisplacedAny reports whether [Any] stands in a D row where it has no meaning.
func MisplacedAny(q rdf.Quad) bool {
	return q.S == Any && (q.P != Any || q.G == Any) || q.G == Any && q.P != Any || q.P == Any && q.O != Any
}

func (r *replace) hold(row Row) {
	r.rows = append(r.rows, row)
	if r.last == nil {
		r.last = map[rdf.Quad]bool{}
	}
	r.last[row.Quad] = !row.Deleted
}

// Commit hands the transaction over.
func (r *replace) Commit() error {
	defer r.end()
	for _, w := range r.wildcards {
		if err := r.clear(w); err != nil {
			return err
		}
	}
	for _, row := range r.rows {
		if r.last[row.Quad] == row.Deleted {
			continue // a later row says otherwise
		}
		if err := r.forward(row); err != nil {
			return err
		}
	}
	return r.Change.Commit()
}

// clear deletes what a wildcard matches, but for what the transaction adds.
func (r *replace) clear(w rdf.Quad) error {
	var gone []rdf.Quad
	err := r.from.Match(w.S, w.P, w.G, func(q rdf.Quad) {
		if !r.last[q] {
			gone = append(gone, q.Clone())
		}
	})
	for i := 0; i < len(gone) && err == nil; i++ {
		err = r.Change.Delete(gone[i])
	}
	return err
}

func (r *replace) forward(row Row) error {
	if row.Deleted {
		return r.Change.Delete(row.Quad)
	}
	return r.Change.Add(row.Quad)
}

// Abort forgets the transaction.
func (r *replace) Abort() error {
	r.end()
	return r.Change.Abort()
}

func (r *replace) end() {
	r.open, r.wildcards, r.rows = false, r.wildcards[:0], r.rows[:0]
	clear(r.last)
}
