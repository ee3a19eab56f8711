// Package store is the contract of quad stores: a set of quads at a position of its log, which one goroutine changes in
// transactions, while others read what is committed. Package store/memory keeps the quads in memory; store/storetest
// is the suite that every store passes.
//
// What reads joins on numbers: the quads of a [Reader] are made of the ids of their terms, and a term is looked up, or
// made of its id, only where its text is needed.
package store

import (
	"errors"
	"iter"

	"github.com/quadrille-stream/quadrille/rdf"
)

// The errors that a store gives by name. Any other says that it can't read or write what it keeps its quads in: what was
// committed is as it was, and whoever needs the store has to stop.
var (
	// ErrFull: the store can't hold another quad or term, or its disk no more bytes.
	ErrFull = errors.New("store is full")
	// ErrNoTerm: nothing has that id.
	ErrNoTerm = errors.New("no term has this id")
	// ErrChanged: the transaction was changed while quads of it were being read.
	ErrChanged = errors.New("the transaction was changed while it was read")
	// ErrClosed: the view is closed.
	ErrClosed = errors.New("the view is closed")
)

// ID is the number of a term for one [Reader]. Ids of terms are from 1 to 1<<63-1; two ids are equal exactly if the terms
// are. An id says nothing of whether any quad has the term. Whoever needs numbers for terms of his own, such as those that
// a query computes, takes them from behind [DefaultGraph]: no store has an id there.
//
// A literal that has an inline id ([InlineID]) has that one in every store, and for ever. Any other id holds in a [View] until it is closed. In a [Tx] it holds until that ends or goes back to before the Add that has
// brought the term. Elsewhere it may be the id of another term.
type ID uint64

const (
	// Any stands in a [Pattern] for every term, and as the graph for every graph, the default graph among them. Nothing
	// has this id.
	Any ID = 0
	// DefaultGraph is the id of no term, which is the default graph as the graph of a quad.
	DefaultGraph ID = 1 << 63
)

// Quad is a quad by the ids of its terms.
type Quad struct {
	// S, P and O are subject, predicate and object; G is the graph, or DefaultGraph.
	S, P, O, G ID
}

// Pattern says which quads are asked for: those that have each term that is not [Any]. Its zero value is all quads;
// Pattern(q) is the quad q alone. An id that no term has fits nothing.
type Pattern struct {
	// S, P, O and G are the bound terms; Any is one that is not bound.
	S, P, O, G ID
}

// Reader reads a set of quads. It is used by one goroutine at a time.
type Reader interface {
	// Lookup returns the id of a term; ok is false if no quad has the term. That of the zero term is [DefaultGraph]. An inline id is
	// returned whether or not a quad has the term, and in a [Tx] the id of a term may be that lost its quads in it.
	Lookup(t rdf.Term) (id ID, ok bool, err error)
	// Term returns the term of an id, the zero term for [DefaultGraph], and [ErrNoTerm] for an id of which there is none.
	// The term is valid as long as its id; whoever keeps it longer keeps a clone.
	Term(id ID) (rdf.Term, error)
	// Match yields the quads that fit, each once, in no particular order. An error is the last that it yields, with a quad
	// that is of no use. The sequence may be gone through again, and others beside it.
	Match(p Pattern) iter.Seq2[Quad, error]
	// Blocks calls each for the quads that fit, as Match yields them, but as many at once as there are and the block has room for; it
	// is memory of the caller's, at least for one quad, which nobody else changes until Blocks returns. It returns the error of each,
	// at which it ends, or its own. Reading others meanwhile is allowed, into other blocks.
	Blocks(p Pattern, block []Quad, each func([]Quad) error) error
	// Count returns the number of quads that fit. It may take as long as Match does.
	Count(p Pattern) (int, error)
	// Statistics returns what is known of the quads of a predicate, [Any] for all quads.
	Statistics(predicate ID) (Statistics, error)
}

// Statistics say of the quads of one predicate, or of all, what a planner asks.
type Statistics struct {
	// Quads is the number of quads. A triple that is in two graphs counts twice.
	Quads int
	// Subjects and Objects are about the numbers of different terms in these places: from 1 to Quads if there are any. Of a view, they
	// may be those of now.
	Subjects, Objects int
}

// Store is a set of quads with a log position. One goroutine writes, through one [Tx] at a time; any number of
// goroutines may read through [Store.View] meanwhile.
type Store interface {
	// Begin starts the transaction. At most one is open at a time.
	Begin() Tx
	// View pins the committed content as it is now. The caller must Close it.
	View() View
	// Len is the number of committed quads.
	Len() int
	// Position is the position of the last commit.
	Position() uint64
}

// Tx collects changes that nobody else sees until Commit. It reads the store together with its own changes. It is used
// by one goroutine.
//
// The table says what each call does. A Match that is under way when a change comes ends with [ErrChanged].
//
//	state    Add, Put, Delete, AddIDs, DeleteIDs  RollbackTo   Commit                         Rollback
//	open     open; error: failed                  open         ended, committed; error: not   ended
//	failed   the same error                       open         ended, not; the same error     ended
//
// A change that fails has no effect; those before it are still there to be read. [ErrFull] says that there is no room for
// it. A transaction that has ended must not be used.
type Tx interface {
	Reader
	// Add puts the quad in and reports whether that is a change. Its terms are copied if kept.
	Add(q rdf.Quad) (changed bool, err error)
	// Put is Add, and returns the ids of the quad's terms besides.
	Put(q rdf.Quad) (ids Quad, changed bool, err error)
	// Delete takes the quad out and reports whether that is a change.
	Delete(q rdf.Quad) (changed bool, err error)
	// AddIDs is Add for a quad whose terms have ids in this transaction, which Lookup, Match or Put gave; [DefaultGraph] is the graph of
	// one without. [ErrNoTerm] is the error for others, and for an inline id that is not the object's.
	AddIDs(q Quad) (changed bool, err error)
	// DeleteIDs is Delete for a quad by its ids. One with an id that no term has is not there.
	DeleteIDs(q Quad) (changed bool, err error)
	// Savepoint names the changes made so far, for RollbackTo.
	Savepoint() Savepoint
	// RollbackTo drops the changes made since the savepoint, which must be one of this transaction; those before it stay.
	// Savepoints after it are no longer of use. After an error the transaction has failed.
	RollbackTo(s Savepoint) error
	// Commit makes the changes visible, in one step with the new position and with meta, which it copies: bytes that mean
	// nothing to the store, and take the place of those of the commit before. It ends the transaction, whatever comes of
	// it: after an error all is as before Begin.
	Commit(position uint64, meta []byte) error
	// Rollback drops the changes and ends the transaction.
	Rollback()
}

// Savepoint is a place in a transaction. Only the transaction that gave it out understands it.
type Savepoint int

// View is the committed content at one position, which doesn't change. It may be used by one goroutine at a time, for as
// long as it likes. What reads a closed view gets [ErrClosed].
type View interface {
	Reader
	// Position is the log position of the view, also when it is closed.
	Position() uint64
	// Meta returns what was committed with the position, empty if nothing was. Nobody changes it.
	Meta() ([]byte, error)
	// Len is the number of quads, also when the view is closed.
	Len() int
	// Again opens another view of the same content, for another goroutine, which closes it. It takes no time that depends on the content,
	// and may be called by several goroutines while none reads this view or closes it. That of a closed view is closed.
	Again() View
	// Close releases the view. It may be called more than once.
	Close()
}

// Quads yields the quads that fit, made of the terms that [Reader.Term] returns. Quads that follow each other often share
// terms; for those it asks once.
func Quads(r Reader, p Pattern) iter.Seq2[rdf.Quad, error] {
	return func(yield func(rdf.Quad, error) bool) {
		var last [4]named
		for q, err := range r.Match(p) {
			for i, id := range [4]ID{q.S, q.P, q.O, q.G} {
				if err == nil && id != last[i].id {
					last[i].id = id
					last[i].term, err = r.Term(id)
				}
			}
			if err != nil {
				yield(rdf.Quad{}, err)
				return
			}
			if !yield(rdf.Quad{S: last[0].term, P: last[1].term, O: last[2].term, G: last[3].term}, nil) {
				return
			}
		}
	}
}

// InBlocks is [Reader.Blocks] for a store that reads one quad after the other.
func InBlocks(quads iter.Seq2[Quad, error], block []Quad, each func([]Quad) error) error {
	n := 0
	for q, err := range quads {
		if err != nil {
			return err
		}
		block[n] = q
		if n++; n == len(block) {
			if err := each(block); err != nil {
				return err
			}
			n = 0
		}
	}
	if n == 0 {
		return nil
	}
	return each(block[:n])
}

// named is a term with its id.
type named struct {
	id   ID
	term rdf.Term
}
