package diff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// matcher finds for blank nodes of b those of a that they are. Nodes are the numbers of their terms, of which a label
// has the same in both datasets.
type matcher struct {
	d     *differ
	a, b  side
	image map[uint32]uint32 // of nodes of b
	taken map[uint32]bool   // nodes of a that are images
}

// side is what a dataset has of blank nodes.
type side struct {
	quads [][]uint32 // the nodes of each of raw
	raw   []quad
	nodes []uint32            // in the order in which they came
	of    map[uint32][]uint32 // indexes of the quads of each
}

// matchBlanks takes the quads of b that have blank nodes, with labels of a.
func (d *differ) matchBlanks(blankA, blankB []quad) error {
	m := matcher{d: d, a: d.newSide(blankA), b: d.newSide(once(blankB)), image: map[uint32]uint32{}, taken: map[uint32]bool{}}
	if err := m.matchParts(); err != nil {
		return err
	}
	m.matchLabels()
	m.matchAlike()
	m.nameRest()
	for _, q := range m.b.raw {
		for i := range q {
			q[i] = m.mapped(q[i])
		}
		d.putSecond(q)
	}
	return nil
}

// once returns quads without those that came before.
func once(quads []quad) []quad {
	seen := make(map[quad]struct{}, len(quads))
	return slices.DeleteFunc(quads, func(q quad) bool {
		_, known := seen[q]
		seen[q] = struct{}{}
		return known
	})
}

func (d *differ) newSide(raw []quad) side {
	s := side{raw: raw, quads: make([][]uint32, len(raw)), of: map[uint32][]uint32{}}
	for i, q := range raw {
		for _, id := range q {
			if d.terms.hasBlank(id) {
				s.quads[i] = d.appendNodes(s.quads[i], d.terms.term(id))
			}
		}
		for j, n := range s.quads[i] {
			if slices.Contains(s.quads[i][:j], n) {
				continue
			}
			if s.of[n] == nil {
				s.nodes = append(s.nodes, n)
			}
			s.of[n] = append(s.of[n], uint32(i))
		}
	}
	return s
}

// appendNodes appends the blank nodes of a term.
func (d *differ) appendNodes(nodes []uint32, t rdf.Term) []uint32 {
	switch t.Kind() {
	case rdf.KindBlank:
		return append(nodes, d.terms.put(t.String()))
	case rdf.KindTriple:
		parts, _ := t.Triple()
		return d.appendNodes(d.appendNodes(nodes, parts.S), parts.O)
	}
	return nodes
}

func (m *matcher) node(label string) uint32 { return m.d.terms.put("_:" + label) }

func (m *matcher) match(b, a uint32) {
	m.image[b] = a
	m.taken[a] = true
}

// part returns the quads that hang together with one.
func (s *side) part(first uint32, seen []bool) []uint32 {
	quads := []uint32{first}
	seen[first] = true
	for i := 0; i < len(quads); i++ {
		for _, n := range s.quads[quads[i]] {
			for _, j := range s.of[n] {
				if !seen[j] {
					seen[j] = true
					quads = append(quads, j)
				}
			}
		}
	}
	return quads
}

// nameRest gives the nodes of b that are none of a their own label, or a new one if a has that.
func (m *matcher) nameRest() {
	used := map[uint32]bool{}
	for _, n := range m.a.nodes {
		used[n] = true
	}
	next := 0
	for _, n := range m.b.nodes {
		if _, matched := m.image[n]; matched {
			continue
		}
		label := n
		for used[label] {
			label = m.node("n" + strconv.Itoa(next))
			next++
		}
		used[label] = true
		m.image[n] = label
	}
}

// mapped returns a term of b in labels of a.
func (m *matcher) mapped(id uint32) uint32 {
	if !m.d.terms.hasBlank(id) {
		return id
	}
	var b strings.Builder
	m.relabel(&b, m.d.terms.term(id), m.imageOf, "")
	return m.d.terms.put(b.String())
}

// relabel writes a term with the images of its nodes, and what stands for those without one.
func (m *matcher) relabel(b *strings.Builder, t rdf.Term, image func(uint32) (uint32, bool), other string) {
	switch t.Kind() {
	case rdf.KindBlank:
		if to, ok := image(m.d.terms.put(t.String())); ok {
			b.WriteString(m.d.terms.text(to))
		} else {
			b.WriteString(other)
		}
	case rdf.KindTriple:
		parts, _ := t.Triple()
		b.WriteString("<<( ")
		m.relabel(b, parts.S, image, other)
		b.WriteString(" " + parts.P.String() + " ")
		m.relabel(b, parts.O, image, other)
		b.WriteString(" )>>")
	default:
		b.WriteString(t.String())
	}
}
