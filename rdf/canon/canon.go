// Package canon brings RDF datasets into canonical form (RDFC-1.0) and tells whether two are isomorphic: the same but
// for the labels of their blank nodes.
//
// Both have no I/O and are bounded: a small dataset can be made so that its blank nodes can be told apart only by
// trying all orders ("poison"), and [MaxWork] says when to give up. What has no blank nodes is sorted and compared,
// nothing more.
//
// RDFC-1.0 is defined for RDF 1.1. Beyond it, a triple term (RDF 1.2) that has blank nodes in it is taken, while labels
// are chosen, for one more blank node with three properties, its subject, predicate and object, whose names no IRI can
// have; in the result it is a triple term again, and only the blank nodes of the data are numbered. So a dataset
// without such terms has the canonical form of RDFC-1.0 to the letter. Language tags are in lower case, as everywhere
// in package rdf, which RDF 1.1 allows.
//
// The form is as canonical as RDFC-1.0 makes it. That looks at the blank nodes of a quad in pairs, and where quads have
// blank nodes in three places (subject, object and graph), there are datasets, very regular ones, whose quads can't be
// told apart by that: their form depends on the labels they came with. [Isomorphic] is exact for all datasets.
//
// Source: RDF Dataset Canonicalization (W3C Recommendation, 21 May 2024), sections 4.4 to 4.8 and 5.
package canon

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// Hash is the hash function of the algorithm. Forms made with different ones differ in the numbers of blank nodes.
type Hash uint8

// The hash functions that RDFC-1.0 names. SHA256 is its default.
const (
	SHA256 Hash = iota
	SHA384
)

// Bounds that hold unless [MaxWork] changes them, in steps. They allow for each quad that has blank nodes the second
// number, besides the first.
const (
	// DefaultWork and DefaultWorkPerQuad bound [Canonicalize]: by default it gives up after some seconds.
	DefaultWork        = 1_000_000
	DefaultWorkPerQuad = 100
	// DefaultSearch and DefaultSearchPerQuad bound [Isomorphic], whose steps take far less time.
	DefaultSearch        = 20_000_000
	DefaultSearchPerQuad = 1_000
)

type options struct {
	hash Hash
	work int
}

// Option changes how datasets are brought into canonical form, or compared.
type Option func(*options)

// WithHash sets the hash function. Isomorphic has no use for it.
func WithHash(h Hash) Option { return func(o *options) { o.hash = h } }

// MaxWork bounds the work by a number of steps; 0 stands for the default. In [Canonicalize] a step is a quad or an
// order of blank nodes that Hash N-Degree Quads looks at, or an identifier that it copies; in [Isomorphic] it is a quad
// of a blank node. Who goes over the bound gets an error that wraps [rdf.ErrLimit].
func MaxWork(steps int) Option { return func(o *options) { o.work = steps } }

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// budget counts steps down.
type budget struct {
	left, all int
	what      string
}

func newBudget(what string, given, base, perQuad, quads int) *budget {
	if given <= 0 {
		given = base + perQuad*quads
	}
	return &budget{left: given, all: given, what: what}
}

// spend takes steps off, and fails when there are none left.
func (b *budget) spend(steps int) error {
	if b.left -= steps; b.left < 0 {
		return fmt.Errorf("%s: blank nodes that are hard to tell apart: more than %d steps are %w; raise MaxWork if the "+
			"data can be trusted", b.what, b.all, rdf.ErrLimit)
	}
	return nil
}

// Dataset is a dataset in canonical form. It is not changed any more, so that all may read it at once.
type Dataset struct {
	// Quads are the quads with canonical labels, each once, in the order of their lines by code points.
	Quads []rdf.Quad
	// Labels is the issued identifiers map: the label of each blank node in the input, without "_:", and its canonical
	// one, "c14n0" and so on.
	Labels map[string]string
}

// Canonicalize returns the canonical form of a dataset. The order and repetition of quads mean nothing; the slice is
// not changed, and the result shares the memory of its terms. Errors: [rdf.ErrInvalid] for a quad whose terms can't
// stand where they do, [rdf.ErrLimit] for more work than [MaxWork] allows.
func Canonicalize(quads []rdf.Quad, opts ...Option) (*Dataset, error) {
	o := collect(opts)
	ground, blank, err := split(quads)
	if err != nil {
		return nil, err
	}
	if len(blank) == 0 {
		return &Dataset{Quads: ground, Labels: map[string]string{}}, nil
	}
	g := newGraph()
	g.add(blank)
	c := newCanonicalizer(g, o.hash, newBudget("canonicalize", o.work, DefaultWork, DefaultWorkPerQuad, len(blank)))
	if err := c.run(); err != nil {
		return nil, err
	}
	d := &Dataset{Labels: c.labels()}
	for i, q := range blank {
		blank[i] = relabel(q, d.Labels)
	}
	slices.SortFunc(blank, compareLines)
	d.Quads = merge(ground, blank)
	return d, nil
}

// AppendNQuads appends the canonical N-Quads document, the text that is compared, hashed and signed.
func (d *Dataset) AppendNQuads(dst []byte) []byte {
	for _, q := range d.Quads {
		dst = nquads.AppendQuad(dst, q)
	}
	return dst
}

// split checks the quads and divides them into those without and those with blank nodes, each once and in order.
func split(quads []rdf.Quad) (ground, blank []rdf.Quad, err error) {
	ground = make([]rdf.Quad, 0, len(quads))
	for _, q := range quads {
		if err := q.Check(); err != nil {
			return nil, nil, err
		}
		if hasBlank(q.S) || hasBlank(q.O) || hasBlank(q.G) {
			blank = append(blank, q)
		} else {
			ground = append(ground, q)
		}
	}
	return unique(ground), unique(blank), nil
}

func unique(quads []rdf.Quad) []rdf.Quad {
	slices.SortFunc(quads, compareLines)
	return slices.Compact(quads)
}

// compareLines orders quads as the lines of their canonical N-Quads. No term is the beginning of another one of its
// kind but where a space sorts before what follows, and a dot before a graph, so the terms can be compared one by one.
func compareLines(a, b rdf.Quad) int {
	if c := a.S.Compare(b.S); c != 0 {
		return c
	}
	if c := a.P.Compare(b.P); c != 0 {
		return c
	}
	if c := a.O.Compare(b.O); c != 0 {
		return c
	}
	return a.G.Compare(b.G)
}

// merge joins two lists that are in order.
func merge(a, b []rdf.Quad) []rdf.Quad {
	all := make([]rdf.Quad, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compareLines(a[0], b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// relabel returns the quad with other labels on its blank nodes.
func relabel(q rdf.Quad, labels map[string]string) rdf.Quad {
	return rdf.Quad{S: relabelTerm(q.S, labels), P: q.P, O: relabelTerm(q.O, labels), G: relabelTerm(q.G, labels)}
}

func relabelTerm(t rdf.Term, labels map[string]string) rdf.Term {
	if !hasBlank(t) {
		return t
	}
	parts, ok := t.Triple()
	if !ok {
		return rdf.Trusted("_:" + labels[t.Value()])
	}
	return rdf.Trusted("<<( " + relabelTerm(parts.S, labels).String() + " " + parts.P.String() + " " +
		relabelTerm(parts.O, labels).String() + " )>>")
}

// labels returns the issued identifiers map, in which only the blank nodes of the data have numbers.
func (c *canonicalizer) labels() map[string]string {
	labels := make(map[string]string, len(c.canonical.order))
	for _, n := range c.canonical.order {
		if t := c.g.terms[n]; t.Kind() == rdf.KindBlank {
			labels[t.Value()] = "c14n" + strconv.Itoa(len(labels))
		}
	}
	return labels
}
