package algebra

import "math/bits"

// Set is a set of slots. The nil Set is empty.
type Set []uint64

// NewSet returns the set of these slots.
func NewSet(slots ...Slot) Set {
	var s Set
	for _, slot := range slots {
		s.Add(slot)
	}
	return s
}

// Add puts a slot in; None has no effect.
func (s *Set) Add(slot Slot) {
	if slot < 0 {
		return
	}
	if missing := int(slot)/64 + 1 - len(*s); missing > 0 {
		*s = append(*s, make(Set, missing)...)
	}
	(*s)[slot/64] |= 1 << (slot % 64)
}

// Has reports whether the slot is in the set.
func (s Set) Has(slot Slot) bool {
	return slot >= 0 && int(slot)/64 < len(s) && s[slot/64]&(1<<(slot%64)) != 0
}

// merge puts another set in.
func (s *Set) merge(other Set) {
	if missing := len(other) - len(*s); missing > 0 {
		*s = append(*s, make(Set, missing)...)
	}
	for i, word := range other {
		(*s)[i] |= word
	}
}

// Union returns what is in either set.
func (s Set) Union(other Set) Set {
	if len(s) < len(other) {
		s, other = other, s
	}
	all := append(Set(nil), s...)
	for i, word := range other {
		all[i] |= word
	}
	return all
}

// Intersect returns what is in both sets.
func (s Set) Intersect(other Set) Set {
	both := append(Set(nil), s[:min(len(s), len(other))]...)
	for i := range both {
		both[i] &= other[i]
	}
	return both
}

// Without returns what is in s, and not in other.
func (s Set) Without(other Set) Set {
	rest := append(Set(nil), s...)
	for i := range min(len(s), len(other)) {
		rest[i] &^= other[i]
	}
	return rest
}

// Empty reports whether nothing is in the set.
func (s Set) Empty() bool {
	for _, word := range s {
		if word != 0 {
			return false
		}
	}
	return true
}

// Len is the number of slots.
func (s Set) Len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// Within reports whether all of s is in other.
func (s Set) Within(other Set) bool {
	for i, word := range s {
		if i >= len(other) && word != 0 || i < len(other) && word&^other[i] != 0 {
			return false
		}
	}
	return true
}

// Meets reports whether the sets have a slot in common.
func (s Set) Meets(other Set) bool {
	for i := range min(len(s), len(other)) {
		if s[i]&other[i] != 0 {
			return true
		}
	}
	return false
}

// Slots lists the set in order.
func (s Set) Slots() (slots []Slot) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			slots = append(slots, Slot(i*64+bits.TrailingZeros64(word)))
		}
	}
	return slots
}
