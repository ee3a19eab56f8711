package tree

import "encoding/binary"

// maxHeight bounds the branches above each other: a tree of 2^40 keys whose branches have but minKids children has ten.
const maxHeight = 16

// Cursor reads the keys of a range in blocks. [Tree.Seek] sets it; it is of use as long as the tree isn't changed.
type Cursor struct {
	path   [maxHeight]step // from the root on
	depth  int
	leaf   *leaf // nil: there are no more
	at, to int   // what is left of the leaf
	key    Key
	n      int
}

// step is a child of a branch.
type step struct {
	branch *branch
	kid    int
}

// Seek sets the cursor to the keys whose first n components are those of k.
func (t *Tree) Seek(c *Cursor, k Key, n int) {
	c.depth, c.leaf, c.key, c.n = 0, nil, k, n
	if t.root.count == 0 {
		return
	}
	for i := n; i < len(k); i++ {
		c.key[i] = 0
	}
	at := &t.root
	for at.branch != nil {
		i := at.branch.find(&c.key)
		c.path[c.depth] = step{at.branch, i}
		c.depth++
		at = &at.branch.kids[i]
	}
	c.leaf = at.leaf
	if c.at, c.to = at.leaf.span(&c.key, n); c.at == int(at.leaf.n) {
		c.advance()
	}
}

// advance goes on to the next leaf, if its keys are in the range.
func (c *Cursor) advance() {
	c.leaf = nil
	depth := c.depth - 1
	for ; depth >= 0; depth-- {
		if s := &c.path[depth]; s.kid+1 < len(s.branch.kids) {
			s.kid++
			break
		}
	}
	if depth < 0 {
		return
	}
	at := &c.path[depth].branch.kids[c.path[depth].kid]
	for depth++; at.branch != nil; depth++ {
		c.path[depth] = step{at.branch, 0}
		at = &at.branch.kids[0]
	}
	if c.at, c.to = at.leaf.span(&c.key, c.n); c.at == 0 {
		c.leaf = at.leaf
	}
}

// Next puts the next keys into the list, and returns how many; 0: there are no more.
func (c *Cursor) Next(keys []Key) (n int) {
	for n < len(keys) && c.leaf != nil {
		m := min(c.to-c.at, len(keys)-n)
		c.leaf.unpack(c.at, keys[n:n+m])
		n += m
		if c.at += m; c.at < c.to {
			break
		}
		if c.to < int(c.leaf.n) {
			c.leaf = nil
		} else {
			c.advance()
		}
	}
	return n
}

// unpack unpacks the keys from a place on.
func (l *leaf) unpack(at int, keys []Key) {
	var offset, shift [len(l.width)]int
	o := at * int(l.stride)
	for c, w := range l.width {
		offset[c], shift[c] = o, 64-8*int(w)
		o += int(w)
	}
	for i := range keys {
		data := l.data[i*int(l.stride):]
		for c := range offset {
			keys[i][c] = l.base[c] + binary.BigEndian.Uint64(data[offset[c]:])>>shift[c]
		}
	}
}

// nearby is how many keys of a range are looked at one by one before its end is searched for.
const nearby = 8

// span returns the places of the keys whose first n components are those of k: from the first on, up to the second. If there are
// none, both are where they would be.
func (l *leaf) span(k *Key, n int) (from, to int) {
	var p packed
	at := 0
	for c := range n {
		w := int(l.width[c])
		v := k[c] - l.base[c]
		if k[c] < l.base[c] || v>>(8*w) != 0 {
			from = l.bound(p[:at], k[c] > l.base[c])
			return from, from
		}
		for i := w - 1; i >= 0; i-- {
			p[at+i] = byte(v)
			v >>= 8
		}
		at += w
	}
	from = l.bound(p[:at], false)
	for to = from; to < int(l.n) && l.begins(to, p[:at]); to++ {
		if to == from+nearby {
			return from, l.bound(p[:at], true)
		}
	}
	return from, to
}

// begins reports whether the key at a place begins with p.
func (l *leaf) begins(i int, p []byte) bool {
	at := i * int(l.stride)
	return string(l.data[at:at+len(p)]) == string(p)
}
