package store

import "github.com/quadrille-stream/quadrille/rdf"

// memoryView holds the pages of a store as they were.
type memoryView struct {
	m        *Memory
	epoch    uint64
	position uint64
	len      int

	rows   []*[pageLen]quad
	used   uint32 // rows that hold quads
	places []*[pageLen]place
	chunks [][]byte
	log    []change // of the transaction that was open, which the view must look past
}

// View pins the committed content as it is now. It takes no time that depends on the size of the store.
func (m *Memory) View() View {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pinned = m.pinned || len(m.log) > 0
	return &memoryView{
		m:        m,
		epoch:    m.epochs.begin(),
		position: m.Position(),
		len:      m.Len(),
		rows:     m.quads.rows.pages.view(),
		used:     m.quads.len,
		places:   m.terms.places.pages.view(),
		chunks:   m.terms.texts.chunks.view(),
		log:      m.log[:len(m.log):len(m.log)],
	}
}

func (v *memoryView) Position() uint64 { return v.position }

func (v *memoryView) Len() int { return v.len }

// Close may be called more than once.
func (v *memoryView) Close() {
	m, epoch := v.m, v.epoch
	if m == nil {
		return
	}
	*v = memoryView{position: v.position, len: v.len}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epochs.end(epoch)
	if m.epochs.frozen == 0 {
		m.quads.rows.pages.shared = false
		m.terms.places.pages.shared = false
		m.terms.texts.chunks.shared = false
	}
}

func (v *memoryView) Quads(fn func(rdf.Quad) bool) {
	v.ids(func(q quad) bool {
		return fn(rdf.Quad{S: v.term(q[0]), P: v.term(q[1]), O: v.term(q[2]), G: v.term(q[3])})
	})
}

func (v *memoryView) term(id uint32) rdf.Term {
	if id == 0 {
		return rdf.Term{}
	}
	return rdf.Trusted(textAt(v.chunks, v.places[id/pageLen][id%pageLen]))
}

// ids calls fn for each quad until it returns false.
func (v *memoryView) ids(fn func(quad) bool) {
	touched := v.touched()
	for row := range v.used {
		q := v.rows[row/pageLen][row%pageLen]
		if len(touched) > 0 {
			if _, skip := touched[q]; skip {
				continue
			}
		}
		if !fn(q) {
			return
		}
	}
	for q, there := range touched {
		if there && !fn(q) {
			return
		}
	}
}

// touched tells of each quad that the open transaction changed whether it was there before: then its first change
// deleted it.
func (v *memoryView) touched() map[quad]bool {
	if len(v.log) == 0 {
		return nil
	}
	touched := make(map[quad]bool)
	for _, c := range v.log {
		if _, later := touched[c.quad]; !later {
			touched[c.quad] = !c.added
		}
	}
	return touched
}
