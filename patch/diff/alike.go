package diff

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxAlike is how many nodes with one quad in common are compared: a quad that more have tells little.
	maxAlike = 16
	// maxRounds bounds the search: each round, nodes that were matched make the quads of their neighbours comparable.
	maxRounds = 16
)

// matchAlike matches, of the nodes that are left, those that have quads in common, the most alike first. Quads are
// compared whose other blank nodes are matched.
func (m *matcher) matchAlike() {
	for range maxRounds {
		if !m.matchRound() {
			return
		}
	}
}

// pair is a node of a and one of b, and how many quads they have in common.
type pair struct {
	a, b   uint32
	common int
}

func (m *matcher) matchRound() (more bool) {
	self := map[uint32]uint32{} // nodes of a that are images stand for themselves
	for n := range m.taken {
		self[n] = n
	}
	having := map[string][]uint32{}
	m.eachKey(&m.a, self, func(n uint32, key string) {
		if same := having[key]; len(same) <= maxAlike {
			having[key] = append(same, n)
		}
	})
	counts := map[[2]uint32]int{}
	m.eachKey(&m.b, m.image, func(n uint32, key string) {
		if same := having[key]; len(same) <= maxAlike {
			for _, a := range same {
				counts[[2]uint32{a, n}]++
			}
		}
	})
	pairs := make([]pair, 0, len(counts))
	for nodes, common := range counts {
		pairs = append(pairs, pair{nodes[0], nodes[1], common})
	}
	slices.SortFunc(pairs, comparePairs)
	for _, p := range pairs {
		if _, matched := m.image[p.b]; !matched && !m.taken[p.a] {
			m.match(p.b, p.a)
			more = true
		}
	}
	return more
}

// comparePairs orders by what is in common, then nodes that have one label first, then by age.
func comparePairs(p, q pair) int {
	if c := cmp.Compare(q.common, p.common); c != 0 {
		return c
	}
	if one, other := p.a == p.b, q.a == q.b; one != other {
		if one {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
}

// eachKey calls fn for each quad of a node that is not matched while all others in the quad are, with the quad as text,
// in which a mark stands for the node.
func (m *matcher) eachKey(s *side, image map[uint32]uint32, fn func(node uint32, key string)) {
	for i, nodes := range s.quads {
		node, open := uint32(0), true
		for _, n := range nodes {
			if _, matched := image[n]; matched || n == node {
				continue
			}
			if open = node == 0; !open {
				break
			}
			node = n
		}
		if !open || node == 0 {
			continue
		}
		var key strings.Builder
		for _, id := range s.raw[i] {
			m.relabel(&key, m.d.terms.term(id), image, "_:?")
			key.WriteByte(' ')
		}
		fn(node, key.String())
	}
}
