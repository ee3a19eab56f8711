// Package tree is an ordered set of keys of four numbers, of which views keep the state that they saw: the index of a store in
// memory. A key takes the bytes by which it differs from its neighbours, 6 to 12 for the ids of quads.
//
// It is a B+ tree. A node is copied before the first change that comes after a view of it; the view is a copy of the [Tree]
// itself, which is a pointer and two numbers.
package tree

import (
	"iter"
	"math"
	"slices"
)

// Key is four numbers. The first that differs decides which of two keys is less.
type Key [4]uint64

func (k *Key) less(other *Key) bool {
	for c := range k {
		if k[c] != other[c] {
			return k[c] < other[c]
		}
	}
	return false
}

// Epochs tells which nodes views can see.
type Epochs struct {
	// Now is the epoch of what is made now.
	Now uint64
	// Frozen is the last epoch whose nodes views see; 0 if there is no view.
	Frozen uint64
}

const (
	// maxKids is the number of children at which a branch is divided, minKids that below which it is put together with another.
	maxKids = 64
	minKids = maxKids / 4
)

// Tree is a set of keys. The zero Tree is empty. A copy of it is a view, which stays as it is as long as the writer is told by
// [Epochs] that there is one. The methods with a pointer are the writer's; any number of goroutines may read views meanwhile.
type Tree struct {
	root   kid
	height int // of the branches; 0: the root is a leaf, or nothing
}

// kid is a node as its parent has it: a leaf, or a branch, or none of both for an empty tree.
type kid struct {
	first  Key // not greater than any key in it
	count  int
	leaf   *leaf
	branch *branch
}

type branch struct {
	made uint64
	kids []kid
}

// Len is the number of keys.
func (t Tree) Len() int { return t.root.count }

// Insert puts in a key that is not there. It returns how many components the key shares, from the first on, with the one of all
// others that shares most.
func (t *Tree) Insert(k Key, e Epochs) (shared int) {
	if t.root.count == 0 {
		*t = Tree{root: kid{first: k, count: 1, leaf: newLeaf([]Key{k}, e.Now)}}
		return 0
	}
	s, split := t.root.insert(&k, e)
	if split != nil {
		t.root = kid{first: t.root.first, count: t.root.count + split.count,
			branch: &branch{made: e.Now, kids: append(make([]kid, 0, maxKids/2), t.root, *split)}}
		t.height++
	}
	return s.shared
}

// Delete takes out a key that is there; it panics if it isn't, which is a bug of whoever says so. It returns how many components
// the key shared with the one that shares most, of those that stay.
func (t *Tree) Delete(k Key, e Epochs) (shared int) {
	s := t.root.remove(&k, e)
	for t.root.branch != nil && len(t.root.branch.kids) == 1 {
		t.root = t.root.branch.kids[0]
		t.height--
	}
	if t.root.count == 0 {
		*t = Tree{}
	}
	return s.shared
}

// beside is what a key shares with the one before it and the one behind it.
type beside struct {
	shared int
	// before and behind: that one is not known yet, since it isn't in the nodes that were looked at, if there is one.
	before, behind bool
}

// look takes in the keys that stand before and behind the kid number i.
func (b *branch) look(i int, k *Key, s *beside) {
	if s.before && i > 0 {
		last := b.kids[i-1].last()
		s.shared, s.before = max(s.shared, Common(&last, k)), false
	}
	if s.behind && i+1 < len(b.kids) {
		least := b.kids[i+1].least()
		s.shared, s.behind = max(s.shared, Common(&least, k)), false
	}
}

// least is the first key.
func (c *kid) least() Key {
	for c.branch != nil {
		c = &c.branch.kids[0]
	}
	return c.leaf.key(0)
}

// last is the last key.
func (c *kid) last() Key {
	for c.branch != nil {
		c = &c.branch.kids[len(c.branch.kids)-1]
	}
	return c.leaf.key(int(c.leaf.n) - 1)
}

// own makes what the kid refers to the writer's alone.
func (c *kid) own(e Epochs) {
	switch {
	case c.leaf != nil && c.leaf.made <= e.Frozen:
		c.leaf = c.leaf.clone(e.Now)
	case c.branch != nil && c.branch.made <= e.Frozen:
		c.branch = &branch{made: e.Now, kids: slices.Clone(c.branch.kids)}
	}
}

// insert returns also what was split off.
func (c *kid) insert(k *Key, e Epochs) (s beside, split *kid) {
	c.own(e)
	c.count++
	if k.less(&c.first) {
		c.first = *k
	}
	if c.leaf != nil {
		return c.insertLeaf(k, e)
	}
	b := c.branch
	i := b.find(k)
	s, split = b.kids[i].insert(k, e)
	if split == nil {
		b.look(i, k, &s)
		return s, nil
	}
	b.kids = slices.Insert(b.kids, i+1, *split)
	if !k.less(&split.first) {
		i++
	}
	b.look(i, k, &s)
	if len(b.kids) <= maxKids {
		return s, nil
	}
	half := len(b.kids) / 2
	if i+1 == len(b.kids) {
		half = len(b.kids) - minKids
	}
	other := &branch{made: e.Now, kids: slices.Clone(b.kids[half:])}
	clear(b.kids[half:])
	b.kids = b.kids[:half]
	right := other.kid()
	c.count -= right.count
	return s, &right
}

func (c *kid) insertLeaf(k *Key, e Epochs) (s beside, split *kid) {
	l := c.leaf
	i := l.insert(k)
	s = l.beside(i, k)
	if int(l.n) <= maxLeaf {
		return s, nil
	}
	half := maxLeaf / 2
	if i+1 == int(l.n) { // they come in order: what stays behind is full
		half = maxLeaf - minLeaf
	}
	var all room
	keys := l.keys(&all)
	c.leaf = newLeaf(keys[:half], e.Now)
	c.count = half
	return s, &kid{first: keys[half], count: len(keys) - half, leaf: newLeaf(keys[half:], e.Now)}
}

// find returns the kid that has a key, or would have it.
func (b *branch) find(k *Key) int {
	low, high := 0, len(b.kids)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if k.less(&b.kids[middle].first) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return max(low-1, 0)
}

// kid is the branch as its parent has it.
func (b *branch) kid() kid {
	c := kid{first: b.kids[0].first, branch: b}
	for i := range b.kids {
		c.count += b.kids[i].count
	}
	return c
}

func (c *kid) remove(k *Key, e Epochs) (s beside) {
	c.own(e)
	if b := c.branch; b != nil {
		i := b.find(k)
		s = b.kids[i].remove(k, e)
		b.look(i, k, &s)
		c.count--
		b.settle(i, e)
		return s
	}
	i := 0
	if c.leaf != nil {
		i = c.leaf.search(k)
	}
	if c.leaf == nil || i == int(c.leaf.n) || c.leaf.key(i) != *k {
		panic("tree: the key to be deleted is not there")
	}
	s = c.leaf.beside(i, k)
	c.leaf.remove(i)
	c.count--
	return s
}

// settle drops a kid without keys, and puts one with few together with a neighbour.
func (b *branch) settle(i int, e Epochs) {
	c := &b.kids[i]
	if c.count == 0 {
		b.kids = slices.Delete(b.kids, i, i+1)
		return
	}
	if c.leaf != nil && int(c.leaf.n) >= minLeaf || c.branch != nil && len(c.branch.kids) >= minKids {
		return
	}
	if i+1 == len(b.kids) {
		i--
	}
	if i >= 0 && b.kids[i].join(&b.kids[i+1], e) {
		b.kids = slices.Delete(b.kids, i+1, i+2)
	}
}

// join takes in what the neighbour has, if there is room. A bit of it is left, so that the next keys don't divide it again.
func (c *kid) join(next *kid, e Epochs) bool {
	if c.leaf != nil {
		if int(c.leaf.n)+int(next.leaf.n) > maxLeaf*3/4 {
			return false
		}
		var all, behind room
		c.leaf = newLeaf(append(c.leaf.keys(&all), next.leaf.keys(&behind)...), e.Now)
	} else {
		if len(c.branch.kids)+len(next.branch.kids) > maxKids*3/4 {
			return false
		}
		c.branch = &branch{made: e.Now, kids: slices.Concat(c.branch.kids, next.branch.kids)}
	}
	c.count += next.count
	return true
}

// limits returns the least and the greatest key that begin with n components of k.
func limits(k Key, n int) (low, high Key) {
	low, high = k, k
	for c := n; c < len(k); c++ {
		low[c], high[c] = 0, math.MaxUint64
	}
	return low, high
}

// Count returns the number of keys whose first n components are those of k. It takes the same short time however many they are.
func (t Tree) Count(k Key, n int) int {
	if n == 0 {
		return t.Len()
	}
	low, high := limits(k, n)
	return t.rank(&high, true) - t.rank(&low, false)
}

// rank is the number of keys that are less than k, or equal if so asked.
func (t Tree) rank(k *Key, equal bool) (n int) {
	c := &t.root
	for c.branch != nil {
		i := c.branch.find(k)
		for j := range i {
			n += c.branch.kids[j].count
		}
		c = &c.branch.kids[i]
	}
	if c.leaf == nil {
		return 0
	}
	i := c.leaf.search(k)
	if equal && i < int(c.leaf.n) && c.leaf.key(i) == *k {
		i++
	}
	return n + i
}

// Range yields the keys whose first n components are those of k, in order.
func (t Tree) Range(k Key, n int) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		var c Cursor
		var keys [16]Key
		t.Seek(&c, k, n)
		for read := c.Next(keys[:]); read > 0; read = c.Next(keys[:]) {
			for i := range read {
				if !yield(keys[i]) {
					return
				}
			}
		}
	}
}

// Build makes the tree of keys that are in order, each there once.
func Build(keys iter.Seq[Key], e Epochs) Tree {
	var kids []kid
	chunk := make([]Key, 0, maxLeaf)
	flush := func() {
		if len(chunk) > 0 {
			kids = append(kids, kid{first: chunk[0], count: len(chunk), leaf: newLeaf(chunk, e.Now)})
			chunk = chunk[:0]
		}
	}
	for k := range keys {
		if chunk = append(chunk, k); len(chunk) == maxLeaf-maxLeaf/16 { // room for some more
			flush()
		}
	}
	flush()
	if len(kids) == 0 {
		return Tree{}
	}
	height := 0
	for ; len(kids) > 1; height++ {
		var parents []kid
		for part := range slices.Chunk(kids, maxKids-maxKids/8) {
			parents = append(parents, (&branch{made: e.Now, kids: slices.Clone(part)}).kid())
		}
		kids = parents
	}
	return Tree{root: kids[0], height: height}
}
