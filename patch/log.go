package patch

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Errors of [Log] and [Compose].
var (
	// ErrNoID: a patch of a log has no header id, or changes outside its transaction.
	ErrNoID = errors.New("patch without id")
	// ErrNotNext: the patch does not follow the head of the log, or its id is in the log already.
	ErrNotNext = errors.New("not the next patch of the log")
)

// Log is a [Change] that checks that the patches that come are the next ones of a patch log: each is one transaction
// with an id of its own that is new, and its prev is the id of the patch before it, the head. An aborted patch is none.
// Put it first in a [Tee], so that what follows sees no row of a transaction that does not fit.
type Log struct {
	head  rdf.Term
	known func(id rdf.Term) bool
	seen  map[[sha256.Size]byte]struct{}
	id    rdf.Term // of the patch under way
	prev  rdf.Term
	open  bool
}

var _ Change = (*Log)(nil)

// NewLog returns the check of what follows head, which is the zero Term where the log is empty. known, unless it is
// nil, reports whether an id is in the log already; ids of patches that come are remembered besides (32 bytes each).
func NewLog(head rdf.Term, known func(id rdf.Term) bool) *Log {
	return &Log{head: head.Clone(), known: known, seen: map[[sha256.Size]byte]struct{}{}}
}

// Head returns the id of the last patch that committed; before one did, what NewLog was given.
func (l *Log) Head() rdf.Term { return l.head }

// Header keeps id and prev.
func (l *Log) Header(name string, value rdf.Term) error {
	switch normal(name) {
	case HeaderID:
		l.id = value.Clone()
	case HeaderPrev:
		l.prev = value.Clone()
	}
	return nil
}

// Begin checks the headers that came: [ErrNoID], [ErrNotNext].
func (l *Log) Begin() error {
	if l.open {
		return ErrNested
	}
	if l.id.IsZero() {
		return fmt.Errorf("%w: expected the header id (H id … .) before the transaction", ErrNoID)
	}
	if l.prev != l.head {
		return fmt.Errorf("%w: patch %s: expected prev to be the head, %s, found %s", ErrNotNext, shortTerm(l.id),
			orNone(l.head), orNone(l.prev))
	}
	_, seen := l.seen[sha256.Sum256([]byte(l.id.String()))]
	if seen || l.id == l.head || l.known != nil && l.known(l.id) {
		return fmt.Errorf("%w: expected a new id, found %s, which is in the log", ErrNotNext, shortTerm(l.id))
	}
	l.open = true
	return nil
}

func orNone(t rdf.Term) string {
	if t.IsZero() {
		return "none"
	}
	return shortTerm(t)
}

// Commit makes the patch the head.
func (l *Log) Commit() error {
	if !l.open {
		return ErrNotOpen
	}
	l.seen[sha256.Sum256([]byte(l.id.String()))] = struct{}{}
	l.head = l.id
	l.end()
	return nil
}

// Abort forgets the patch.
func (l *Log) Abort() error {
	if !l.open {
		return ErrNotOpen
	}
	l.end()
	return nil
}

func (l *Log) end() { l.id, l.prev, l.open = rdf.Term{}, rdf.Term{}, false }

func (l *Log) change() error {
	if !l.open {
		return fmt.Errorf("%w: a change outside a transaction", ErrNoID)
	}
	return nil
}

// AddPrefix refuses a row outside a transaction ([ErrNoID]).
func (l *Log) AddPrefix(rdf.Term, string, string) error { return l.change() }

// DeletePrefix refuses a row outside a transaction ([ErrNoID]).
func (l *Log) DeletePrefix(rdf.Term, string) error { return l.change() }

// Add refuses a row outside a transaction ([ErrNoID]).
func (l *Log) Add(rdf.Quad) error { return l.change() }

// Delete refuses a row outside a transaction ([ErrNoID]).
func (l *Log) Delete(rdf.Quad) error { return l.change() }
