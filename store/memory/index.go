package memory

import (
	"context"
	"iter"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory/internal/tree"
)

// order is an order of the components of a quad, as places in it.
type order [4]uint8

// The orders of the trees. Whatever is bound in a pattern begins the keys of one of them.
const (
	spog = iota
	posg
	ospg
	gspo
	gpos
	gosp
	orders
)

var components = [orders]order{
	spog: {0, 1, 2, 3}, posg: {1, 2, 0, 3}, ospg: {2, 0, 1, 3}, gspo: {3, 0, 1, 2}, gpos: {3, 1, 2, 0}, gosp: {3, 2, 0, 1},
}

// beginning says which tree has what is bound first, and how many components that are, by the bits of S, P, O and G.
var beginning = func() (all [1 << 4]struct{ tree, bound int }) {
	for mask := range all {
	search:
		for t, o := range components {
			n := 0
			for n < len(o) && mask&(1<<o[n]) != 0 {
				n++
			}
			for _, c := range o[n:] {
				if mask&(1<<c) != 0 {
					continue search
				}
			}
			all[mask].tree, all[mask].bound = t, n
			break
		}
	}
	return all
}()

// key is a quad in an order.
func (o order) key(q *quad) (k tree.Key) {
	for i, c := range o {
		k[i] = q.id(c)
	}
	return k
}

// quad is the quad of a key.
func (o order) quad(k *tree.Key) (q quad) {
	for i, c := range o {
		if c == 2 {
			q.setObject(store.ID(k[i]))
		} else {
			q[c] = uint32(k[i])
		}
	}
	return q
}

// index finds quads by whatever is bound of them. Those of the default graph have trees of their own, without the graph: so a
// pattern of any graph, of the default graph or of another one finds no others than it asks for.
type index struct {
	unnamed [gspo]tree.Tree // of quads in the default graph
	named   [orders]tree.Tree
	counts  [2]counts // of both, in this order
}

// counts is what is counted besides for [store.Statistics].
type counts struct {
	predicates        map[uint32]*store.Statistics
	subjects, objects int
}

func newIndex() *index {
	return &index{counts: [2]counts{{predicates: map[uint32]*store.Statistics{}}, {predicates: map[uint32]*store.Statistics{}}}}
}

// trees returns those that a quad belongs to.
func (x *index) trees(q *quad) (trees []tree.Tree, c *counts) {
	if q[3] == 0 {
		return x.unnamed[:], &x.counts[0]
	}
	return x.named[:], &x.counts[1]
}

func (x *index) add(q *quad, e tree.Epochs) {
	trees, c := x.trees(q)
	for t := range trees {
		c.count(t, q[1], trees[t].Insert(components[t].key(q), e), 1)
	}
}

func (x *index) remove(q *quad, e tree.Epochs) {
	trees, c := x.trees(q)
	for t := range trees {
		c.count(t, q[1], trees[t].Delete(components[t].key(q), e), -1)
	}
}

// count counts a quad that came into a tree, or is gone from it, and shares so many components with another one there.
func (c *counts) count(t int, predicate uint32, shared, n int) {
	switch t {
	case spog:
		if shared < 1 {
			c.subjects += n
		}
		if shared < 2 {
			c.predicate(predicate).Subjects += n
		}
	case posg:
		s := c.predicate(predicate)
		if shared < 2 {
			s.Objects += n
		}
		if s.Quads += n; s.Quads == 0 {
			delete(c.predicates, predicate)
		}
	case ospg:
		if shared < 1 {
			c.objects += n
		}
	}
}

func (c *counts) predicate(p uint32) *store.Statistics {
	s := c.predicates[p]
	if s == nil {
		s = &store.Statistics{}
		c.predicates[p] = s
	}
	return s
}

// statistics of a predicate, 0 for all.
func (x *index) statistics(predicate uint32) (sum store.Statistics) {
	for i := range x.counts {
		c := &x.counts[i]
		if predicate == 0 {
			sum.Subjects += c.subjects
			sum.Objects += c.objects
		} else if s := c.predicates[predicate]; s != nil {
			sum.Subjects += s.Subjects
			sum.Objects += s.Objects
		}
	}
	return sum
}

// begins is where the quads stand that fit a pattern: keys that begin with so many components.
type begins struct {
	tree  *tree.Tree
	order order
	bound int
}

// find returns where the quads stand that fit: in one of these places, or in both.
func (x *index) find(p *pattern) (places [2]begins, n int) {
	mask := 0
	for c := range terms {
		if p.mask[c] != 0 {
			mask |= 1 << c
		}
	}
	if mask&8 == 0 || p.want[3] == 0 {
		at := beginning[mask&^8]
		places[n] = begins{&x.unnamed[at.tree], components[at.tree], at.bound}
		n++
	}
	if mask&8 == 0 || p.want[3] != 0 {
		at := beginning[mask]
		places[n] = begins{&x.named[at.tree], components[at.tree], at.bound}
		n++
	}
	return places, n
}

func (x *index) count(p *pattern) (sum int) {
	places, n := x.find(p)
	for i := range n {
		sum += places[i].tree.Count(places[i].order.key(&p.want), places[i].bound)
	}
	return sum
}

// quads yields those that fit.
func (x *index) quads(p *pattern) iter.Seq[quad] {
	return func(yield func(quad) bool) {
		places, n := x.find(p)
		for i := range n {
			at := &places[i]
			for k := range at.tree.Range(at.order.key(&p.want), at.bound) {
				if !yield(at.order.quad(&k)) {
					return
				}
			}
		}
	}
}

// readAhead is the number of keys that are read at once.
const readAhead = 32

// blocks calls each for those that fit, and after it still, whose error ends the reading.
func (x *index) blocks(p *pattern, block []store.Quad, each func([]store.Quad) error, still func() error) error {
	places, n := x.find(p)
	var c tree.Cursor
	for i := range n {
		at := &places[i]
		at.tree.Seek(&c, at.order.key(&p.want), at.bound)
		for {
			read := fill(&c, at.order, block)
			if read == 0 {
				break
			}
			if err := each(block[:read]); err != nil {
				return err
			}
			if err := still(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill reads quads of an order into a block.
func fill(c *tree.Cursor, o order, block []store.Quad) (n int) {
	var keys [readAhead]tree.Key
	for n < len(block) {
		read := c.Next(keys[:min(len(block)-n, len(keys))])
		if read == 0 {
			break
		}
		for i := range read {
			block[n+i] = o.public(&keys[i])
		}
		n += read
	}
	return n
}

// public is the quad of a key as others see it.
func (o order) public(k *tree.Key) store.Quad {
	var q [terms]store.ID
	for i, c := range o {
		q[c&3] = store.ID(k[i])
	}
	if q[3] == 0 {
		q[3] = store.DefaultGraph
	}
	return store.Quad{S: q[0], P: q[1], O: q[2], G: q[3]}
}

const (
	// indexRounds is how often what was changed meanwhile is taken in while the writer goes on; the rest is taken in while it waits.
	indexRounds = 8
	// indexRest is the number of changes that it is made to wait for at once.
	indexRest = 1024
)

// Index makes what finds quads by any of their terms in time that is proportional to what is found, and keeps it up from then on;
// views that are opened later use it. It takes a quarter to half a microsecond a quad, and 40 to 80 bytes a quad from then on, at most 120
// while it works. A store that has it takes three to four times as long for each change, some two microseconds more.
//
// Any goroutine may call it, at any time; the writer goes on meanwhile, and waits at the end for a thousand changes to be taken in. A second
// call does nothing. Its only error is that of ctx.
func (m *Store) Index(ctx context.Context) error {
	m.indexing.Lock()
	defer m.indexing.Unlock()
	if m.index.Load() != nil {
		return nil
	}
	m.mu.Lock()
	v := m.pin()
	m.backlog, m.behind = nil, true
	m.mu.Unlock()
	defer v.Close()
	x, err := v.index(ctx)
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.backlog, m.behind = nil, false
		return err
	}
	for round := 0; ; round++ {
		m.mu.Lock()
		if round == indexRounds || len(m.backlog) <= indexRest {
			break
		}
		changes := m.backlog
		m.backlog = nil
		m.mu.Unlock()
		x.apply(changes, v.epoch)
	}
	defer m.mu.Unlock()
	x.apply(m.backlog, v.epoch)
	m.index.Store(x)
	m.backlog, m.behind = nil, false
	return nil
}

// Indexed reports whether the store has its index. Any goroutine may call it.
func (m *Store) Indexed() bool { return m.index.Load() != nil }

// apply makes changes to an index that nobody sees yet.
func (x *index) apply(changes []change, epoch uint64) {
	e := tree.Epochs{Now: epoch}
	for i := range changes {
		if c := &changes[i]; c.added {
			x.add(&c.quad, e)
		} else {
			x.remove(&c.quad, e)
		}
	}
}

// indexed brings the index up to date with a change of the rows.
func (m *Store) indexed(q *quad, added bool) {
	if x := m.index.Load(); x != nil {
		e := tree.Epochs{Now: m.epochs.now, Frozen: m.epochs.frozen}
		if added {
			x.add(q, e)
		} else {
			x.remove(q, e)
		}
	} else if m.behind {
		m.backlog = append(m.backlog, change{*q, added})
	}
}

// index makes the index of all rows of the view, those of the open transaction among them.
func (v *view) index(ctx context.Context) (*index, error) {
	x := newIndex()
	var parts [2][]quad // without and with a graph
	for row := range v.used {
		q := &v.rows[row/pageLen][row%pageLen]
		part := min(q[3], 1)
		parts[part] = append(parts[part], *q)
	}
	for part, trees := range [2][]tree.Tree{x.unnamed[:], x.named[:]} {
		s := sorting{quads: parts[part], room: make([]quad, len(parts[part]))}
		for _, step := range sortSteps[:len(trees)] {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			for _, c := range step.by {
				s.by(c)
			}
			trees[step.tree] = build(s.quads, step.tree, &x.counts[part], v.epoch)
		}
	}
	return x, nil
}

// build makes a tree of quads that are in its order.
func build(quads []quad, t int, c *counts, epoch uint64) tree.Tree {
	o := components[t]
	var before tree.Key // no key is 0
	return tree.Build(func(yield func(tree.Key) bool) {
		for i := range quads {
			k := o.key(&quads[i])
			c.count(t, quads[i][1], tree.Common(&before, &k), 1)
			before = k
			if !yield(k) {
				return
			}
		}
	}, tree.Epochs{Now: epoch})
}
