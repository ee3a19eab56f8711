package diff

import (
	"cmp"
	"maps"
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
	having := map[string][]uint32{}
	m.eachKey(&m.a, m.self, func(n uint32, key string) {
		if same := having[key]; len(same) <= maxAlike {
			having[key] = append(same, n)
		}
	})
	counts := map[[2]uint32]int{}
	m.eachKey(&m.b, m.imageOf, func(n uint32, key string) {
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
			m.follow(p.b, p.a)
			more = true
		}
	}
	return more
}

// imageOf returns the image of a node of b.
func (m *matcher) imageOf(n uint32) (uint32, bool) {
	to, ok := m.image[n]
	return to, ok
}

// self returns a node of a: one that is an image stands for itself.
func (m *matcher) self(n uint32) (uint32, bool) { return n, m.taken[n] }

// follow matches what hangs on nodes that were matched, link by link, where there is one of its kind on each side: the
// rest of a list, however long it is.
func (m *matcher) follow(b, a uint32) {
	for queue := [][2]uint32{{b, a}}; len(queue) > 0; queue = queue[1:] {
		onB := m.links(&m.b, queue[0][0], m.imageOf)
		onA := m.links(&m.a, queue[0][1], m.self)
		for _, key := range slices.Sorted(maps.Keys(onA)) {
			if n, other := onA[key], onB[key]; n != 0 && other != 0 && !m.taken[n] {
				if _, matched := m.image[other]; !matched {
					m.match(other, n)
					queue = append(queue, [2]uint32{other, n})
				}
			}
		}
	}
}

// links returns the nodes that stand in a quad with a node while all others in it are matched, by the quad as text, in which
// a mark stands for them; 0 where there are several. A node with very many quads has none.
func (m *matcher) links(s *side, node uint32, image func(uint32) (uint32, bool)) map[string]uint32 {
	const most = 64
	if len(s.of[node]) > most {
		return nil
	}
	links := map[string]uint32{}
	for _, i := range s.of[node] {
		if n, key, ok := m.key(s, int(i), image); ok {
			if _, several := links[key]; several {
				n = 0
			}
			links[key] = n
		}
	}
	return links
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
func (m *matcher) eachKey(s *side, image func(uint32) (uint32, bool), fn func(node uint32, key string)) {
	for i := range s.quads {
		if node, key, ok := m.key(s, i, image); ok {
			fn(node, key)
		}
	}
}

// key returns the node of a quad that is not matched, and the quad as text, in which a mark stands for the node. ok is false
// if there is not just one.
func (m *matcher) key(s *side, i int, image func(uint32) (uint32, bool)) (node uint32, key string, ok bool) {
	for _, n := range s.quads[i] {
		if _, matched := image(n); matched || n == node {
			continue
		}
		if node != 0 {
			return 0, "", false
		}
		node = n
	}
	if node == 0 {
		return 0, "", false
	}
	var text strings.Builder
	for _, id := range s.raw[i] {
		m.relabel(&text, m.d.terms.term(id), image, "_:?")
		text.WriteByte(' ')
	}
	return node, text.String(), true
}
