package canon

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Isomorphic reports whether two datasets are the same but for the labels of their blank nodes, also those in triple
// terms. The order and repetition of quads mean nothing, and the slices are not changed. The answer is exact, and
// unlike a comparison of canonical forms needs no hash function that nobody can break. Errors are those of
// [Canonicalize].
func Isomorphic(a, b []rdf.Quad, opts ...Option) (bool, error) {
	groundA, blankA, err := split(a)
	if err != nil {
		return false, err
	}
	groundB, blankB, err := split(b)
	if err != nil {
		return false, err
	}
	if len(blankA) != len(blankB) || !slices.Equal(groundA, groundB) {
		return false, nil
	}
	if len(blankA) == 0 {
		return true, nil
	}
	m, err := compare(blankA, blankB, collect(opts).work)
	return m != nil, err
}

// Mapping returns for each blank node of a the one of b that it can be, if the datasets, quads without blank nodes aside, are
// isomorphic; else ok is false. Errors are those of [Isomorphic].
func Mapping(a, b []rdf.Quad, opts ...Option) (image map[rdf.Term]rdf.Term, ok bool, err error) {
	_, blankA, err := split(a)
	if err != nil {
		return nil, false, err
	}
	_, blankB, err := split(b)
	if err != nil || len(blankA) != len(blankB) {
		return nil, false, err
	}
	m, err := compare(blankA, blankB, collect(opts).work)
	if m == nil || err != nil {
		return nil, false, err
	}
	image = map[rdf.Term]rdf.Term{}
	for n, other := range m.image {
		if t := m.g.terms[n]; t.Kind() == rdf.KindBlank {
			image[t] = m.g.terms[other]
		}
	}
	return image, true, nil
}

// compare returns a matcher that maps the nodes of some quads to those of as many others; nil if they are not isomorphic.
func compare(a, b []rdf.Quad, work int) (*matcher, error) {
	g := newGraph()
	g.add(a)
	nodes, edges := len(g.terms), len(g.edges)
	g.forget()
	g.add(b)
	if len(g.terms) != 2*nodes || len(g.edges) != 2*edges {
		return nil, nil
	}
	m := newMatcher(g, edges, newBudget("compare datasets", work, DefaultSearch, DefaultSearchPerQuad, len(a)))
	if same, err := m.match(); !same || err != nil {
		return nil, err
	}
	return m, nil
}

// matcher looks for an isomorphism between the first and the second half of a graph's nodes.
//
// It divides the nodes into classes such that an isomorphism can only map a node to one of its class: first all, then
// by what stands in their quads, and again as long as that, with the classes of the neighbours, divides a class
// further. Where a class keeps several nodes of a half, it tries them, component by component: two components that are
// isomorphic can stand for each other, so that none must be tried again with another one. A try ends as soon as a class has
// more nodes of one half than of the other, and is taken back move by move, so that a wrong one costs what it has looked at
// and not the size of the component: in most regular graphs, a neighbourhood in which the two nodes differ.
type matcher struct {
	g    *graph
	half int32 // nodes of the first dataset
	work *budget

	shape     []uint64 // of each edge: a mark of its constant terms and of where it has none
	class     []int32
	signature []uint64 // of each node, when it was last dirty
	size      []int32  // of each class
	component []int32  // of each node whose class has several of a half; none: it is matched
	image     []int32  // of each node of the first half, none if it has none yet
	second    map[shapedEdge]struct{}
	trail     []step // the moves since the last that won't be taken back
}

// step is a move: a node, and the class that it had before.
type step struct{ node, class int32 }

// shapedEdge is an edge as a whole: its constant terms by number, and its nodes.
type shapedEdge struct {
	shape uint64
	nodes [places]int32
}

func newMatcher(g *graph, edges int, work *budget) *matcher {
	n := len(g.terms)
	m := &matcher{g: g, half: int32(n / 2), work: work, shape: make([]uint64, len(g.edges)), class: make([]int32, n),
		signature: make([]uint64, n), component: make([]int32, n), image: make([]int32, n/2),
		second: make(map[shapedEdge]struct{}, len(g.edges)-edges)}
	numbers := map[string]uint64{}
	var text []byte
	for i := range g.edges {
		text = appendShape(text[:0], &g.edges[i])
		number, ok := numbers[string(text)]
		if !ok {
			number = uint64(len(numbers))
			numbers[string(text)] = number
		}
		m.shape[i] = number
		if i >= edges {
			m.second[shapedEdge{number, g.edges[i].nodes}] = struct{}{}
		}
	}
	for i := range m.image {
		m.image[i] = none
	}
	m.size = []int32{0, 0}
	for i, t := range g.terms {
		if t.Kind() == rdf.KindTriple {
			m.class[i] = 1
		}
		m.size[m.class[i]]++
	}
	return m
}

// appendShape appends the quad's text without its nodes.
func appendShape(dst []byte, e *edge) []byte {
	dst = append(dst, e.quad.P.String()...)
	for place, n := range e.nodes {
		dst = append(dst, '\n') // stands in no canonical term
		if n == none {
			dst = append(dst, e.term(place).String()...)
		} else {
			dst = append(dst, '*')
		}
	}
	return dst
}

func (m *matcher) match() (bool, error) {
	all := make([]int32, len(m.class))
	for n := range all {
		all[n] = int32(n)
	}
	if !m.balanced(all) {
		return false, nil
	}
	if ok, err := m.refine(all, none, none); !ok || err != nil {
		return false, err
	}
	slices.Sort(all)
	m.pair(all)
	if !m.preserved(all[:m.half]) {
		return false, nil
	}
	return m.matchComponents(m.components(all))
}

// mix is the finalizer of SplitMix64: a permutation of the numbers that leaves no pattern in them.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sign returns the signature of a node: the sum over its edges of what stands in them. Two nodes with one signature
// that differ would make the search longer, not wrong.
func (m *matcher) sign(n int32) uint64 {
	var sum uint64
	for _, id := range m.g.of[n] {
		x := mix(m.shape[id])
		for _, other := range m.g.edges[id].nodes {
			switch other {
			case none:
				x = mix(x)
			case n:
				x = mix(x ^ 1)
			default:
				x = mix(x ^ uint64(m.class[other]+2))
			}
		}
		sum += x
	}
	return mix(sum)
}

// refine divides classes until the signatures of the nodes no longer do, and reports whether each class has as many nodes of one
// half as of the other, as before; where one has not, it ends. dirty are the nodes with a neighbour that has another class now.
// Only nodes of components a and b change theirs; none stands for all nodes.
func (m *matcher) refine(dirty []int32, a, b int32) (bool, error) {
	for len(dirty) > 0 {
		steps := 0
		for _, n := range dirty {
			steps += 1 + len(m.g.of[n])
			m.signature[n] = m.sign(n)
		}
		if err := m.work.spend(steps); err != nil {
			return false, err
		}
		slices.SortFunc(dirty, m.bySignature)
		moved := m.divide(dirty)
		if !m.balanced(moved) {
			return false, nil
		}
		dirty = m.neighbours(moved, a, b)
	}
	return true, nil
}

func (m *matcher) bySignature(a, b int32) int {
	return cmp.Or(cmp.Compare(m.class[a], m.class[b]), cmp.Compare(m.signature[a], m.signature[b]), cmp.Compare(a, b))
}

// divide gives nodes, which are in the order of classes and signatures, new classes where they differ from the rest of
// their class, and returns those whose class is another one now. A class is new whenever nodes come into it, so a node
// that has a neighbour there differs from all that have none.
func (m *matcher) divide(nodes []int32) (moved []int32) {
	for len(nodes) > 0 {
		class, end := m.class[nodes[0]], 1
		for end < len(nodes) && m.class[nodes[end]] == class {
			end++
		}
		from, to := 0, 0 // stay in the class, if no other node of it does
		if end == int(m.size[class]) {
			from, to = m.mostFrequent(nodes[:end])
		}
		moved = m.separate(moved, nodes[:from])
		moved = m.separate(moved, nodes[to:end])
		nodes = nodes[end:]
	}
	return moved
}

// mostFrequent returns where the longest run of one signature is among nodes in the order of their signatures.
func (m *matcher) mostFrequent(nodes []int32) (from, to int) {
	start := 0
	for i, n := range nodes {
		if m.signature[n] != m.signature[nodes[start]] {
			start = i
		}
		if i+1-start > to-from {
			from, to = start, i+1
		}
	}
	return from, to
}

// separate gives nodes of one class new classes, one for each signature, and appends them to moved.
func (m *matcher) separate(moved, nodes []int32) []int32 {
	for i, n := range nodes {
		if i == 0 || m.signature[n] != m.signature[nodes[i-1]] {
			m.size = append(m.size, 0)
		}
		m.move(n, int32(len(m.size)-1))
	}
	return append(moved, nodes...)
}

func (m *matcher) move(n, class int32) {
	m.trail = append(m.trail, step{n, m.class[n]})
	m.put(n, class)
}

func (m *matcher) put(n, class int32) {
	m.size[m.class[n]]--
	m.size[class]++
	m.class[n] = class
}

// neighbours returns the nodes of components a and b (none: all) that stand in a quad with one of nodes.
func (m *matcher) neighbours(nodes []int32, a, b int32) (near []int32) {
	for _, n := range nodes {
		for _, id := range m.g.of[n] {
			for _, other := range m.g.edges[id].nodes {
				if other != none && other != n && (a == none || m.component[other] == a || m.component[other] == b) {
					near = append(near, other)
				}
			}
		}
	}
	slices.Sort(near)
	return slices.Compact(near)
}

// balanced reports whether each class has as many of the nodes of one half as of the other.
func (m *matcher) balanced(nodes []int32) bool {
	surplus := map[int32]int{}
	for _, n := range nodes {
		if n < m.half {
			surplus[m.class[n]]++
		} else {
			surplus[m.class[n]]--
		}
	}
	for _, s := range surplus {
		if s != 0 {
			return false
		}
	}
	return true
}

// pair maps each node of the first half whose class has just one of the second.
func (m *matcher) pair(nodes []int32) {
	partner := map[int32]int32{}
	for _, n := range nodes {
		if n >= m.half && m.size[m.class[n]] == 2 {
			partner[m.class[n]] = n
		}
	}
	for _, n := range nodes {
		if n >= m.half {
			continue
		}
		if other, ok := partner[m.class[n]]; ok {
			m.image[n] = other
		}
	}
}

// components divides the nodes whose class has several of a half into those that stand in quads with each other.
func (m *matcher) components(nodes []int32) [][]int32 {
	for _, n := range nodes {
		m.component[n] = none
	}
	var all [][]int32
	for _, n := range nodes {
		if m.component[n] != none || m.size[m.class[n]] == 2 {
			continue
		}
		id := int32(len(all))
		m.component[n] = id
		members := []int32{n}
		for i := 0; i < len(members); i++ {
			for _, other := range m.neighbours(members[i:i+1], none, none) {
				if m.component[other] == none && m.size[m.class[other]] > 2 {
					m.component[other] = id
					members = append(members, other)
				}
			}
		}
		slices.Sort(members)
		all = append(all, members)
	}
	return all
}

// matchComponents maps each component of the first half to one of the second that nobody has taken.
func (m *matcher) matchComponents(components [][]int32) (bool, error) {
	free := map[string][][]int32{}
	for _, c := range components {
		if c[0] >= m.half {
			key := m.classes(c)
			free[key] = append(free[key], c)
		}
	}
	for _, c := range components {
		if c[0] >= m.half {
			continue
		}
		key := m.classes(c)
		i, err := m.partner(c, free[key])
		if i == none || err != nil {
			return false, err
		}
		free[key] = slices.Delete(free[key], i, i+1)
	}
	return true, nil
}

// classes is the classes of a component's nodes, in order.
func (m *matcher) classes(nodes []int32) string {
	all := make([]int32, len(nodes))
	for i, n := range nodes {
		all[i] = m.class[n]
	}
	slices.Sort(all)
	var key []byte
	for _, c := range all {
		key = binary.AppendUvarint(key, uint64(c))
	}
	return string(key)
}

// partner maps a component to one of the candidates and returns its index, none if it is isomorphic to none of them. It
// begins with the last one, which is cheap to take from the list.
func (m *matcher) partner(c []int32, candidates [][]int32) (int, error) {
	m.trail = m.trail[:0] // what was mapped before stays
	for i := len(candidates) - 1; i >= 0; i-- {
		nodes := append(slices.Clone(c), candidates[i]...)
		saved := m.save()
		m.detach(nodes)
		if ok, err := m.search(nodes); ok || err != nil {
			return i, err
		}
		m.restore(saved)
	}
	return none, nil
}

// detach gives nodes classes of their own, so that those of like components don't count.
func (m *matcher) detach(nodes []int32) {
	own := map[int32]int32{}
	for _, n := range nodes {
		class, ok := own[m.class[n]]
		if !ok {
			class = int32(len(m.size))
			own[m.class[n]] = class
			m.size = append(m.size, 0)
		}
		m.move(n, class)
	}
}

// saved is the number of moves, and of classes.
type saved struct{ moves, classes int }

func (m *matcher) save() saved { return saved{len(m.trail), len(m.size)} }

// restore takes back the moves that came after.
func (m *matcher) restore(s saved) {
	for i := len(m.trail) - 1; i >= s.moves; i-- {
		m.put(m.trail[i].node, m.trail[i].class)
	}
	m.trail, m.size = m.trail[:s.moves], m.size[:s.classes]
}

// search looks for an isomorphism of two components, whose nodes are the first and the second half of nodes, and maps
// them if it reports true.
func (m *matcher) search(nodes []int32) (bool, error) {
	if err := m.work.spend(len(nodes)); err != nil {
		return false, err
	}
	first, second := nodes[:len(nodes)/2], nodes[len(nodes)/2:]
	n := m.choose(first)
	if n == none {
		m.pair(nodes)
		return m.preserved(first), nil
	}
	class, before := m.class[n], m.save()
	for _, other := range second {
		if m.class[other] != class {
			continue
		}
		if ok, err := m.try(nodes, n, other); ok || err != nil {
			return ok, err
		}
		m.restore(before)
	}
	return false, nil
}

// try looks for an isomorphism that maps one node to another.
func (m *matcher) try(nodes []int32, n, other int32) (bool, error) {
	m.size = append(m.size, 0)
	m.move(n, int32(len(m.size)-1))
	m.move(other, int32(len(m.size)-1))
	a, b := m.component[n], m.component[other]
	if ok, err := m.refine(m.neighbours([]int32{n, other}, a, b), a, b); !ok || err != nil {
		return false, err
	}
	return m.search(nodes)
}

// choose returns a node of the smallest class that has several of a half, none if there is no such class.
func (m *matcher) choose(first []int32) int32 {
	best := int32(none)
	for _, n := range first {
		if size := m.size[m.class[n]]; size > 2 && (best == none || size < m.size[m.class[best]]) {
			best = n
		}
	}
	return best
}

// preserved reports whether the image of each edge of nodes of the first half is an edge of the second; edges that have
// a node without an image don't count.
func (m *matcher) preserved(nodes []int32) bool {
	for _, n := range nodes {
		for _, id := range m.g.of[n] {
			e := shapedEdge{m.shape[id], m.g.edges[id].nodes}
			mapped := true
			for place, n := range e.nodes {
				if n != none {
					e.nodes[place] = m.image[n]
					mapped = mapped && m.image[n] != none
				}
			}
			if _, ok := m.second[e]; mapped && !ok {
				return false
			}
		}
	}
	return true
}
