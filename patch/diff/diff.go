// Package diff makes the patch that leads from one RDF dataset to another.
//
// For quads without blank nodes the patch is the least that there is: each deletion is of a quad that only the first
// dataset has, each addition of one that only the second has. Blank nodes of the second dataset are matched with those
// of the first one: parts of the datasets that hang together by blank nodes and are the same, first those with the same
// labels, then those that are the same but for labels; of what is left, nodes whose quads are the same, labels and all, then
// those that have most in common, and what hangs on them link by link. The last is a good guess and not always the best one.
// Whatever is matched, the patch applied to the first dataset makes one that is isomorphic to the second.
package diff

import (
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// Quads calls fn for each quad of a dataset, in any order and any number of times. It ends with the first error, which
// it returns. The terms need be valid until fn returns only.
type Quads func(fn func(rdf.Quad) error) error

// Slice is the dataset of some quads.
func Slice(quads []rdf.Quad) Quads {
	return func(fn func(rdf.Quad) error) error {
		for _, q := range quads {
			if err := fn(q); err != nil {
				return err
			}
		}
		return nil
	}
}

// NQuads is the dataset that a reader gives.
func NQuads(rd *nquads.Reader) Quads {
	return func(fn func(rdf.Quad) error) error {
		var q rdf.Quad
		for {
			if err := rd.Next(&q); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			if err := fn(q); err != nil {
				return err
			}
		}
	}
}

// DefaultMaxBytes bounds what a diff holds unless told otherwise: each term of both datasets once, and 24 bytes for
// each quad; two datasets of a million quads each that are much the same take some 300 MB.
const DefaultMaxBytes = 4 << 30

// mostBytes keeps the numbers of terms and quads within 32 bits.
const mostBytes = 32 << 30

type options struct {
	bytes int64
	work  int
}

// Option changes how a diff is made.
type Option func(*options)

// MaxBytes bounds the memory for terms and quads, in bytes, at most 32 GiB; see [DefaultMaxBytes], which 0 stands for.
// The matching of blank nodes takes as much again for the quads that have some.
func MaxBytes(bytes int64) Option { return func(o *options) { o.bytes = bytes } }

// MaxWork bounds the search for how a part that hangs together can be another one, in steps of [canon.Isomorphic]; 0 stands
// for two million, and 500 for each quad of the part. A part beyond it is matched as well as can be without.
func MaxWork(steps int) Option { return func(o *options) { o.work = steps } }

// Summary says what is in a patch.
type Summary struct {
	// Deletes and Adds are the rows.
	Deletes, Adds int
}

// Write reads a and b, each once, and hands to c the patch that leads from a to b, with the labels of a: one
// transaction, deletions in the order of a, then additions. What c gets is valid until its method returns. Errors are
// those of a, of b and of c as they are, [rdf.ErrInvalid] for a quad whose terms can't stand where they do, and
// [rdf.ErrLimit]; all but those of c come before anything was handed over.
func Write(c patch.Change, a, b Quads, opts ...Option) (Summary, error) {
	o := options{bytes: DefaultMaxBytes}
	for _, opt := range opts {
		opt(&o)
	}
	if o.bytes <= 0 {
		o.bytes = DefaultMaxBytes
	}
	o.bytes = min(o.bytes, mostBytes)
	d := differ{options: o}
	if err := d.read(a, b); err != nil {
		return Summary{}, err
	}
	return d.emit(c)
}

// differ holds both datasets.
type differ struct {
	options
	terms termTable
	quads quadTable // those of a, then those that only b has
	first int       // quads of a
	both  []uint64  // bits of those of them that b has too
	last  quad      // the quad before, whose terms often come again
	blank []quad    // of the dataset that is read, quads with blank nodes
}

func (d *differ) read(a, b Quads) error {
	if err := a(d.readFirst); err != nil {
		return err
	}
	d.first = len(d.quads.all)
	d.both = make([]uint64, (d.first+63)/64)
	blankA := d.blank
	d.blank = nil
	if err := b(d.readSecond); err != nil {
		return err
	}
	if len(d.blank) == 0 {
		return nil
	}
	return d.matchBlanks(blankA, d.blank)
}

func (d *differ) readFirst(q rdf.Quad) error {
	ids, blank, err := d.intern(q)
	if err != nil {
		return err
	}
	if _, added := d.quads.put(ids); added && blank {
		d.blank = append(d.blank, ids)
	}
	return nil
}

func (d *differ) readSecond(q rdf.Quad) error {
	ids, blank, err := d.intern(q)
	if err != nil {
		return err
	}
	if blank {
		d.blank = append(d.blank, ids)
		return nil
	}
	d.putSecond(ids)
	return nil
}

// putSecond takes a quad of b, in labels of a.
func (d *differ) putSecond(q quad) {
	if at, added := d.quads.put(q); !added && at < d.first {
		d.both[at/64] |= 1 << (at % 64)
	}
}

// intern returns the terms of a quad by number, and whether there is a blank node in them.
func (d *differ) intern(q rdf.Quad) (ids quad, blank bool, err error) {
	if err := q.Check(); err != nil {
		return ids, false, err
	}
	for i, t := range [...]rdf.Term{q.S, q.P, q.O, q.G} {
		text := t.String()
		if last := d.last[i]; text != "" && last != 0 && d.terms.text(last) == text {
			ids[i] = last
		} else if text != "" {
			ids[i] = d.terms.put(text)
		}
		blank = blank || d.terms.hasBlank(ids[i])
	}
	d.last = ids
	if size := d.terms.size() + d.quads.size() + int64(len(d.blank))*quadSize; size > d.bytes {
		return ids, false, fmt.Errorf("diff: datasets of more than %d bytes in memory are %w", d.bytes, rdf.ErrLimit)
	}
	return ids, blank, nil
}

// quad returns a quad of terms.
func (d *differ) quad(ids quad) rdf.Quad {
	return rdf.Quad{S: d.terms.term(ids[0]), P: d.terms.term(ids[1]), O: d.terms.term(ids[2]), G: d.terms.term(ids[3])}
}

func (d *differ) emit(c patch.Change) (s Summary, err error) {
	if err := c.Begin(); err != nil {
		return s, err
	}
	for i, ids := range d.quads.all[:d.first] {
		if d.both[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		if err := c.Delete(d.quad(ids)); err != nil {
			return s, err
		}
		s.Deletes++
	}
	for _, ids := range d.quads.all[d.first:] {
		if err := c.Add(d.quad(ids)); err != nil {
			return s, err
		}
		s.Adds++
	}
	return s, c.Commit()
}
