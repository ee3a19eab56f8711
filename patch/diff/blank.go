package diff

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
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
	m := matcher{d: d, a: d.newSide(blankA), b: d.newSide(blankB), image: map[uint32]uint32{}, taken: map[uint32]bool{}}
	if err := m.matchParts(); err != nil {
		return err
	}
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

// part is what hangs together by blank nodes: its nodes in the order of their canonical labels.
type part []uint32

// matchParts matches parts that are the same but for labels.
func (m *matcher) matchParts() error {
	parts := map[[sha256.Size]byte][]part{}
	err := m.eachPart(&m.a, func(key [sha256.Size]byte, p part) { parts[key] = append(parts[key], p) })
	if err != nil {
		return err
	}
	return m.eachPart(&m.b, func(key [sha256.Size]byte, p part) {
		same := parts[key]
		if len(same) == 0 {
			return
		}
		at := m.best(same, p)
		m.matchPart(same[at], p)
		same[at] = same[0]
		parts[key] = same[1:]
	})
}

// best returns which of parts that are all the same to take for p: one that has its labels, so that datasets whose
// labels mean something keep them, or else the first one.
func (m *matcher) best(same []part, p part) int {
	const most = 64 // which are looked at
	for i := range same[:min(len(same), most)] {
		for j, n := range p {
			if same[i][j] == n {
				return i
			}
		}
	}
	return 0
}

func (m *matcher) matchPart(a, b part) {
	for i := range a {
		m.match(b[i], a[i])
	}
}

func (m *matcher) node(label string) uint32 { return m.d.terms.put("_:" + label) }

func (m *matcher) match(b, a uint32) {
	m.image[b] = a
	m.taken[a] = true
}

// eachPart calls fn with the parts of a side and the hash of their canonical form. Parts whose form is too much work
// are left out.
func (m *matcher) eachPart(s *side, fn func(key [sha256.Size]byte, p part)) error {
	seen := make([]bool, len(s.raw))
	for i := range s.raw {
		if seen[i] {
			continue
		}
		quads := s.part(uint32(i), seen)
		if node, single := s.single(quads); single {
			fn(sha256.Sum256(m.singleForm(s, quads)), part{node})
			continue
		}
		form, nodes, err := m.form(s, quads)
		if errors.Is(err, rdf.ErrLimit) {
			continue
		}
		if err != nil {
			return err
		}
		fn(sha256.Sum256(form), nodes)
	}
	return nil
}

// form returns the canonical form of a part, and its nodes.
func (m *matcher) form(s *side, indexes []uint32) ([]byte, part, error) {
	quads := make([]rdf.Quad, len(indexes))
	for i, j := range indexes {
		quads[i] = m.d.quad(s.raw[j])
	}
	form, err := canon.Canonicalize(quads, canon.MaxWork(m.d.work))
	if err != nil {
		return nil, nil, err
	}
	nodes := make(part, len(form.Labels))
	for label, canonical := range form.Labels {
		number, err := strconv.Atoi(strings.TrimPrefix(canonical, "c14n"))
		if err != nil {
			return nil, nil, err
		}
		nodes[number] = m.node(label)
	}
	return form.AppendNQuads(nil), nodes, nil
}

// single returns the node of quads that have no other one.
func (s *side) single(quads []uint32) (node uint32, ok bool) {
	node = s.quads[quads[0]][0]
	for _, i := range quads {
		for _, n := range s.quads[i] {
			if n != node {
				return 0, false
			}
		}
	}
	return node, true
}

// singleForm is form for a part of one node, which is most of the parts of most datasets, and quickly done.
func (m *matcher) singleForm(s *side, quads []uint32) []byte {
	lines := make([]string, len(quads))
	var b strings.Builder
	for i, j := range quads {
		b.Reset()
		for _, id := range s.raw[j] {
			m.relabel(&b, m.d.terms.term(id), nil, "_:c14n0")
			b.WriteByte(' ')
		}
		lines[i] = b.String()
	}
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), "\n"))
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
	m.relabel(&b, m.d.terms.term(id), m.image, "")
	return m.d.terms.put(b.String())
}

// relabel writes a term with the images of its nodes, and what stands for those without one.
func (m *matcher) relabel(b *strings.Builder, t rdf.Term, image map[uint32]uint32, other string) {
	switch t.Kind() {
	case rdf.KindBlank:
		if to, ok := image[m.d.terms.put(t.String())]; ok {
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
