package diff

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
)

const (
	// partWork and, for each quad, partWorkPerQuad bound the search for how a part can be another one, in steps of package canon.
	partWork        = 2_000_000
	partWorkPerQuad = 500
	// maxCandidates is how many parts that look the same are tried for one.
	maxCandidates = 8
	// looks is how many steps away the nodes are by which the looks of a part are told.
	looks = 3
)

// part is what hangs together by blank nodes: the indexes of its quads.
type part struct {
	quads  []uint32
	single uint32 // its node, if there is no other one
	taken  bool   // by a part of the other side
}

// matchParts matches parts that are the same but for labels: first those whose labels are the same too, so that datasets
// whose labels mean something keep them.
func (m *matcher) matchParts() error {
	partsA, partsB := m.a.parts(), m.b.parts()
	m.matchEqual(partsA, partsB)
	alike := map[[sha256.Size]byte][]*part{}
	_ = m.eachLook(&m.a, partsA, func(key [sha256.Size]byte, p *part) error { // which returns no error
		alike[key] = append(alike[key], p)
		return nil
	})
	return m.eachLook(&m.b, partsB, func(key [sha256.Size]byte, p *part) (err error) {
		alike[key], err = m.matchOne(alike[key], p)
		return err
	})
}

// eachLook calls fn for each part that is not taken, with a hash by which parts are told apart that can't be the same. For
// parts of one node, which are most of those of most datasets, the hash says that they are the same.
func (m *matcher) eachLook(s *side, parts []*part, fn func(key [sha256.Size]byte, p *part) error) error {
	var nodes []uint32 // of parts of several
	seen := map[uint32]struct{}{}
	for _, p := range parts {
		if p.single = s.single(p.quads); p.single != 0 || p.taken {
			continue
		}
		for _, i := range p.quads {
			for _, n := range s.quads[i] {
				if _, known := seen[n]; !known {
					seen[n] = struct{}{}
					nodes = append(nodes, n)
				}
			}
		}
	}
	colors := m.colors(s, nodes)
	for _, p := range parts {
		if p.taken {
			continue
		}
		var key [sha256.Size]byte
		if p.single != 0 {
			key = sha256.Sum256(m.singleForm(s, p.quads))
		} else {
			key = m.looks(s, colors, p)
		}
		if err := fn(key, p); err != nil {
			return err
		}
	}
	return nil
}

// single returns the node of quads that have no other one, 0 if there are several.
func (s *side) single(quads []uint32) (node uint32) {
	node = s.quads[quads[0]][0]
	for _, i := range quads {
		for _, n := range s.quads[i] {
			if n != node {
				return 0
			}
		}
	}
	return node
}

// singleForm is the quads of a part of one node as text, without its label.
func (m *matcher) singleForm(s *side, quads []uint32) []byte {
	lines := make([]string, len(quads))
	var b strings.Builder
	for i, j := range quads {
		b.Reset()
		for _, id := range s.raw[j] {
			m.relabel(&b, m.d.terms.term(id), func(uint32) (uint32, bool) { return 0, false }, "_:?")
			b.WriteByte(' ')
		}
		lines[i] = b.String()
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, "\n"))
}

// parts returns the parts of a side.
func (s *side) parts() (all []*part) {
	seen := make([]bool, len(s.raw))
	for i := range s.raw {
		if !seen[i] {
			all = append(all, &part{quads: s.part(uint32(i), seen)})
		}
	}
	return all
}

// matchEqual matches parts that have the same quads, labels and all.
func (m *matcher) matchEqual(partsA, partsB []*part) {
	of := make(map[quad]*part, len(m.a.raw))
	for _, p := range partsA {
		for _, i := range p.quads {
			of[m.a.raw[i]] = p
		}
	}
	for _, p := range partsB {
		same := of[m.b.raw[p.quads[0]]]
		if same == nil || len(same.quads) != len(p.quads) {
			continue
		}
		if slices.ContainsFunc(p.quads, func(i uint32) bool { return of[m.b.raw[i]] != same }) {
			continue
		}
		p.taken, same.taken = true, true
		for _, i := range p.quads {
			for _, n := range m.b.quads[i] {
				m.match(n, n)
			}
		}
	}
}

// matchOne matches a part of b with one of those that look the same, and returns the others.
func (m *matcher) matchOne(candidates []*part, p *part) ([]*part, error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	if p.single != 0 {
		m.match(p.single, candidates[0].single)
		return candidates[1:], nil
	}
	work := cmp.Or(m.d.work, partWork+partWorkPerQuad*len(p.quads))
	quads := m.quadsOf(&m.b, p)
	last := len(candidates) - 1
	for i := last; i >= max(0, last+1-maxCandidates); i-- {
		image, ok, err := canon.Mapping(quads, m.quadsOf(&m.a, candidates[i]), canon.MaxWork(work))
		switch {
		case errors.Is(err, rdf.ErrLimit):
		case err != nil:
			return nil, err
		case ok:
			for from, to := range image {
				m.match(m.d.terms.put(from.String()), m.d.terms.put(to.String()))
			}
			return slices.Delete(candidates, i, i+1), nil
		}
	}
	return candidates, nil
}

func (m *matcher) quadsOf(s *side, p *part) []rdf.Quad {
	quads := make([]rdf.Quad, len(p.quads))
	for i, j := range p.quads {
		quads[i] = m.d.quad(s.raw[j])
	}
	return quads
}

// mix is the finalizer of SplitMix64: a permutation of the numbers that leaves no pattern in them.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// colors returns a number for each node, by what stands around it and not by its label.
func (m *matcher) colors(s *side, nodes []uint32) map[uint32]uint64 {
	colors := make(map[uint32]uint64, len(nodes))
	for range looks {
		next := make(map[uint32]uint64, len(nodes))
		for _, n := range nodes {
			var sum uint64
			for _, i := range s.of[n] {
				sum += m.color(s, i, n, colors)
			}
			next[n] = mix(sum)
		}
		colors = next
	}
	return colors
}

// color returns a number for a quad as it looks from a node (0: from outside).
func (m *matcher) color(s *side, i, from uint32, colors map[uint32]uint64) (x uint64) {
	for place, id := range s.raw[i] {
		x = mix(x ^ uint64(place))
		if !m.d.terms.hasBlank(id) {
			x = mix(x ^ uint64(id))
			continue
		}
		for _, n := range m.d.appendNodes(nil, m.d.terms.term(id)) {
			if x = mix(x ^ colors[n]); n == from {
				x = mix(x + 1)
			}
		}
	}
	return x
}

// looks returns a hash by which parts are told apart that can't be the same.
func (m *matcher) looks(s *side, colors map[uint32]uint64, p *part) [sha256.Size]byte {
	all := make([]uint64, len(p.quads))
	for i, j := range p.quads {
		all[i] = m.color(s, j, 0, colors)
	}
	slices.Sort(all)
	text := make([]byte, 0, 8*len(all))
	for _, x := range slices.Compact(all) {
		text = binary.LittleEndian.AppendUint64(text, x)
	}
	return sha256.Sum256(text)
}

// matchLabels matches, of the nodes that are left, those of one label whose quads are the same on both sides.
func (m *matcher) matchLabels() {
	there := make(map[quad]struct{}, len(m.a.raw))
	for _, q := range m.a.raw {
		there[q] = struct{}{}
	}
	var same []uint32
	for _, n := range m.b.nodes {
		if _, matched := m.image[n]; matched || m.taken[n] || len(m.a.of[n]) != len(m.b.of[n]) {
			continue
		}
		if !slices.ContainsFunc(m.b.of[n], func(i uint32) bool { _, ok := there[m.b.raw[i]]; return !ok }) {
			m.match(n, n)
			same = append(same, n)
		}
	}
	for _, n := range same {
		m.follow(n, n)
	}
}
