package patch

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Source is a patch to be read: a [Reader], a [BinaryReader], or anything that drives a [Change] once.
type Source interface {
	// Run drives c with the rows. It returns the error of c as it is.
	Run(c Change) error
}

// Compose gathers the patches in net, and hands to c the one transaction that does what they do one after the other: their
// net effect, with the id of the last patch and the prev of the first one; patches of several logs leave none. net says what is known of them, and the bound;
// what is in it already comes before them. A patch whose prev is another than the id of the patch before it is
// [ErrNotNext]. On an error nothing is handed to c, unless it is an error of c.
func Compose(c Change, net *Net, patches ...Source) error {
	check := NewLinks(net)
	for i, p := range patches {
		if err := p.Run(check); err != nil {
			return fmt.Errorf("composing: patch %d: %w", i+1, err)
		}
	}
	return net.Emit(c)
}

// Links is a [Change] that hands on what comes and checks that each transaction whose patch has a prev follows the patch
// before it, if that has an id: else the transaction is [ErrNotNext]. Patches with the header shard follow those of the same
// shard. It is [Log] for patches that need no id.
type Links struct {
	Change
	last map[rdf.Term]rdf.Term // shard → id of its last patch that committed
	link link                  // of the patch that comes
}

// NewLinks returns a check of what goes to c.
func NewLinks(c Change) *Links { return &Links{Change: c, last: map[rdf.Term]rdf.Term{}} }

// Header keeps what links the patch.
func (l *Links) Header(name string, value rdf.Term) error {
	l.link.header(name, value)
	return l.Change.Header(name, value)
}

// Begin checks prev.
func (l *Links) Begin() error {
	last := l.last[l.link.shard]
	if prev := l.link.prev; !last.IsZero() && !prev.IsZero() && prev != last {
		return fmt.Errorf("%w: expected prev to be %s, found %s", ErrNotNext, shortTerm(last), shortTerm(prev))
	}
	return l.Change.Begin()
}

// Commit makes the patch the one before the next.
func (l *Links) Commit() error {
	if !l.link.id.IsZero() {
		l.last[l.link.shard] = l.link.id
	}
	l.link = link{}
	return l.Change.Commit()
}

// Abort forgets the patch.
func (l *Links) Abort() error {
	l.link = link{}
	return l.Change.Abort()
}

// link is what the headers of a patch say of its place in a log.
type link struct{ id, prev, shard rdf.Term }

func (l *link) header(name string, value rdf.Term) {
	switch normal(name) {
	case HeaderID:
		l.id = value.Clone()
	case HeaderPrev:
		l.prev = value.Clone()
	case HeaderShard:
		l.shard = value.Clone()
	}
}
