package operator

// A table's tree has this many children in a branch and producers in a leaf: a leaf takes about 2 KiB.
const (
	digitBits = 5
	digit     = 1 << digitBits
)

// table holds producers in numbered slots, as a tree that can be pinned at any time: a pin is the tree as it is then, for
// as long as anybody likes. A node is copied before its first change after a pin, so that a pin takes the same short time
// however much there is, and nobody has to give it back. The zero table is empty.
type table struct {
	root   *node
	height uint   // levels of branches above the leaves
	pins   uint64 // pins so far; nodes of fewer may be seen by one of them
}

// node is a branch, which has below, or a leaf, which has slots.
type node struct {
	pins  uint64 // of the table when the node was made
	below []*node
	slots []producer
}

// pin returns the table as it is now. It may be read by any goroutine while this one is changed.
func (t *table) pin() table {
	pinned := *t
	t.pins++
	return pinned
}

// at points to the producer in a slot that has been set. Nobody may change it but by set.
func (t *table) at(slot uint32) *producer {
	n := t.root
	for level := t.height; level > 0; level-- {
		n = n.below[slot>>(level*digitBits)%digit]
	}
	return &n.slots[slot%digit]
}

// set puts a producer in a slot, whichever.
func (t *table) set(slot uint32, p producer) {
	for t.root != nil && uint64(slot)>>((t.height+1)*digitBits) > 0 {
		root := t.own(nil, t.height+1)
		root.below[0] = t.root
		t.root, t.height = root, t.height+1
	}
	t.root = t.own(t.root, t.height)
	n := t.root
	for level := t.height; level > 0; level-- {
		next := &n.below[slot>>(level*digitBits)%digit]
		*next = t.own(*next, level-1)
		n = *next
	}
	n.slots[slot%digit] = p
}

// own returns the node, or a copy of it, or a new one, that no pin sees.
func (t *table) own(n *node, level uint) *node {
	if n != nil && n.pins == t.pins {
		return n
	}
	mine := &node{pins: t.pins}
	if level > 0 {
		mine.below = make([]*node, digit)
	} else {
		mine.slots = make([]producer, digit)
	}
	if n != nil {
		copy(mine.below, n.below)
		copy(mine.slots, n.slots)
	}
	return mine
}

// all calls fn for the producers in all slots that are not empty, until it returns an error.
func (t *table) all(fn func(*producer) error) error {
	if t.root == nil {
		return nil
	}
	return t.root.all(fn)
}

func (n *node) all(fn func(*producer) error) error {
	for _, next := range n.below {
		if next == nil {
			continue
		}
		if err := next.all(fn); err != nil {
			return err
		}
	}
	for i := range n.slots {
		if n.slots[i].Producer.IsZero() {
			continue
		}
		if err := fn(&n.slots[i]); err != nil {
			return err
		}
	}
	return nil
}
