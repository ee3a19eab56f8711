package patch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Errors of [Log] and [Compose].
var (
	// ErrNoID: a patch of a log has no header id, or changes outside its transaction.
	ErrNoID = errors.New("patch without id")
	// ErrNotNext: the patch does not follow the head of the log, or its id is in the log already.
	ErrNotNext = errors.New("not the next patch of the log")
	// ErrCutOff: the log ends within a patch.
	ErrCutOff = errors.New("the log is cut off")
)

// Log is a [Change] that checks that the patches that come are the next ones of a patch log: each is one transaction
// with an id of its own that is new, and its prev is the id of the patch before it, the head. Patches with the header shard are
// of the log that it names: those of each log are checked apart. An aborted patch is none.
// Put it first in a [Tee], so that what follows sees no row of a transaction that does not fit. Ask [Log.End] at the end.
type Log struct {
	known func(id rdf.Term) bool
	seen  map[[sha256.Size]byte]struct{}
	heads map[rdf.Term]rdf.Term // by shard
	// first are heads of logs of which nothing has come yet, last is that of the patch that came last.
	first []rdf.Term
	last  rdf.Term
	link  link
	open  bool
}

var _ Change = (*Log)(nil)

// NewLog returns the check of what follows the heads, each of another log; without any, the logs are empty. known, unless it is
// nil, reports whether an id is in a log already; ids of patches that come are remembered besides (32 bytes each).
func NewLog(known func(id rdf.Term) bool, heads ...rdf.Term) *Log {
	l := &Log{known: known, seen: map[[sha256.Size]byte]struct{}{}, heads: map[rdf.Term]rdf.Term{}}
	for _, head := range heads {
		l.first = append(l.first, head.Clone())
	}
	if len(l.first) > 0 {
		l.last = l.first[0]
	}
	return l
}

// Head returns the id of the last patch that committed; before one did, the first head that NewLog was given.
func (l *Log) Head() rdf.Term { return l.last }

// Header keeps what links the patch.
func (l *Log) Header(name string, value rdf.Term) error {
	l.link.header(name, value)
	return nil
}

// Begin checks the headers that came: [ErrNoID], [ErrNotNext].
func (l *Log) Begin() error {
	if l.open {
		return ErrNested
	}
	id := l.link.id
	if id.IsZero() {
		return fmt.Errorf("%w: expected the header id (H id … .) before the transaction", ErrNoID)
	}
	if head, ok := l.follows(); !ok {
		return fmt.Errorf("%w: patch %s: expected prev to be the head, %s, found %s", ErrNotNext, shortTerm(id),
			orNone(head), orNone(l.link.prev))
	}
	_, seen := l.seen[sha256.Sum256([]byte(id.String()))]
	if seen || id == l.link.prev || l.known != nil && l.known(id) {
		return fmt.Errorf("%w: expected a new id, found %s, which is in the log", ErrNotNext, shortTerm(id))
	}
	l.open = true
	return nil
}

// follows reports whether the patch is the next one of its log, and returns the head that it would have to follow. The first one
// of a log follows a head that was given; one that names its shard may also be the first ever, since nobody has its head then.
func (l *Log) follows() (head rdf.Term, ok bool) {
	prev := l.link.prev
	if head, ok = l.heads[l.link.shard]; ok {
		return head, prev == head
	}
	if len(l.first) > 0 {
		head = l.first[0]
	}
	return head, prev == head || slices.Contains(l.first, prev) || prev.IsZero() && !l.link.shard.IsZero()
}

func orNone(t rdf.Term) string {
	if t.IsZero() {
		return "none"
	}
	return shortTerm(t)
}

// Commit makes the patch the head of its log.
func (l *Log) Commit() error {
	if !l.open {
		return ErrNotOpen
	}
	id, prev := l.link.id, l.link.prev
	l.seen[sha256.Sum256([]byte(id.String()))] = struct{}{}
	l.first = slices.DeleteFunc(l.first, func(head rdf.Term) bool { return head == prev })
	l.heads[l.link.shard], l.last = id, id
	l.end()
	return nil
}

// End reports whether the log may end here: not with the headers of a patch whose transaction is missing ([ErrCutOff]).
func (l *Log) End() error {
	if l.open || !l.link.id.IsZero() {
		return fmt.Errorf("%w: the transaction of patch %s is missing", ErrCutOff, shortTerm(l.link.id))
	}
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

func (l *Log) end() { l.link, l.open = link{}, false }

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
