package memory

import (
	"iter"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// view holds the pages of a store as they were.
type view struct {
	m        *Store // nil: it is closed
	looks    uint8  // at what the open transaction did, up to fewLooks
	epoch    uint64
	position uint64
	len      int
	meta     []byte

	rows    []*[pageLen]quad
	used    uint32 // rows that hold quads
	places  []*[pageLen]place
	chunks  [][]byte
	lost    map[string]uint32 // terms that the dictionary has lost since, with the ids that they have here, made when it is needed
	pinned  uint64            // how many it had lost before
	seen    uint64            // how many were looked at
	log     []change          // of the transaction that was open, which the view must look past
	touched map[quad]touch    // what log comes to, made when it is needed
	trees   *index            // without its counts; nil: there was none
}

// touch is what the open transaction did to a quad.
type touch struct {
	before bool // it was there before
	now    bool // it is in the rows
}

var _ store.Dense = (*view)(nil)

// View pins the committed content as it is now. It takes no time that depends on the size of the store.
func (m *Store) View() store.View {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.pin()
	if x := m.index.Load(); x != nil {
		v.trees = &index{unnamed: x.unnamed, named: x.named}
	}
	return v
}

// pin opens a view without an index.
func (m *Store) pin() *view {
	m.pinned = m.pinned || len(m.log) > 0
	return &view{
		m:        m,
		epoch:    m.epochs.begin(),
		position: m.Position(),
		len:      m.Len(),
		meta:     m.meta,
		rows:     m.quads.rows.pages.view(),
		used:     m.quads.len,
		places:   m.terms.places.pages.view(),
		chunks:   m.terms.texts.chunks.view(),
		pinned:   m.terms.lost.count(),
		seen:     m.terms.lost.count(),
		log:      m.log[:len(m.log):len(m.log)],
	}
}

func (v *view) Position() uint64 { return v.position }

func (v *view) Len() int { return v.len }

func (v *view) Meta() ([]byte, error) {
	if v.m == nil {
		return nil, store.ErrClosed
	}
	return v.meta, nil
}

func (v *view) Close() {
	m, epoch := v.m, v.epoch
	if m == nil {
		return
	}
	*v = view{position: v.position, len: v.len}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epochs.end(epoch)
	if m.epochs.frozen == 0 {
		m.quads.rows.pages.shared = false
		m.terms.places.pages.shared = false
		m.terms.texts.chunks.shared = false
		m.terms.lost.forget()
	}
}

// Again implements [store.View].
func (v *view) Again() store.View {
	again := *v
	again.touched, again.lost, again.seen = nil, nil, v.pinned
	if v.m != nil {
		v.m.mu.Lock()
		defer v.m.mu.Unlock()
		v.m.epochs.again(v.epoch)
	}
	return &again
}

// place returns where the text of an id is, 0 if no term has it.
func (v *view) place(id uint32) place {
	if int(id/pageLen) >= len(v.places) {
		return 0
	}
	return v.places[id/pageLen][id%pageLen]
}

func (v *view) Term(id store.ID) (rdf.Term, error) {
	switch {
	case v.m == nil:
		return rdf.Term{}, store.ErrClosed
	case id == store.DefaultGraph:
		return rdf.Term{}, nil
	case id.IsInline():
		return inlineTerm(id)
	case id > math.MaxUint32:
		return rdf.Term{}, store.ErrNoTerm
	}
	at := v.place(uint32(id))
	if at == 0 {
		return rdf.Term{}, store.ErrNoTerm
	}
	return rdf.Trusted(textAt(v.chunks, at)), nil
}

func (v *view) Lookup(t rdf.Term) (store.ID, bool, error) {
	switch {
	case v.m == nil:
		return store.Any, false, store.ErrClosed
	case t.IsZero():
		return store.DefaultGraph, true, nil
	}
	if id, inline := store.InlineID(t); inline {
		return id, true, nil
	}
	id, lost := v.lookupNow(t.String())
	switch {
	case id != 0 && v.has(id, t.String()):
	case v.seen < lost.before: // some are not known any more
		id = v.search(t.String())
	default: // what the dictionary has got since, or has lost before, was not there
		id = v.lookupLost(t.String(), lost)
	}
	return store.ID(id), id != 0, nil
}

// lookupNow returns the id that the text has in the store now, 0 if it has none, and which terms the store has lost.
func (v *view) lookupNow(text string) (id uint32, lost losses) {
	d := &v.m.terms
	hash := d.hash(text)
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	id, _ = d.find(text, hash)
	return id, d.lost
}

// lookupLost returns the id of a text that the store has lost since the view was opened, 0 if there is none.
func (v *view) lookupLost(text string, lost losses) uint32 {
	if v.seen == lost.count() {
		return v.lost[text]
	}
	if v.lost == nil {
		v.lost = map[string]uint32{}
	}
	for _, id := range lost.ids[v.seen-lost.before:] {
		if at := v.place(id); at != 0 {
			v.lost[textAt(v.chunks, at)] = id
		}
	}
	v.seen = lost.count()
	return v.lost[text]
}

// search looks at all texts.
func (v *view) search(text string) uint32 {
	for id := uint32(1); int(id/pageLen) < len(v.places); id++ {
		if v.has(id, text) {
			return id
		}
	}
	return 0
}

func (v *view) has(id uint32, text string) bool {
	at := v.place(id)
	return at != 0 && textAt(v.chunks, at) == text
}

// Terms yields those that only the open transaction has, too.
func (v *view) Terms() iter.Seq2[rdf.Term, error] {
	return func(yield func(rdf.Term, error) bool) {
		if v.m == nil {
			yield(rdf.Term{}, store.ErrClosed)
			return
		}
		for id := uint32(1); int(id/pageLen) < len(v.places); id++ {
			var t rdf.Term
			if at := v.place(id); at != 0 {
				t = rdf.Trusted(textAt(v.chunks, at))
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

func (v *view) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		if v.m == nil {
			yield(store.Quad{}, store.ErrClosed)
			return
		}
		if c, ok := compile(p); ok {
			v.scan(&c, yield)
		}
	}
}

// fitting yields what fits of the rows, by the index or by a look at all.
func (v *view) fitting(p *pattern) iter.Seq[quad] {
	if v.trees != nil {
		return v.trees.quads(p)
	}
	return func(yield func(quad) bool) {
		for row := range v.used {
			if q := &v.rows[row/pageLen][row%pageLen]; p.fits(q) && !yield(*q) {
				return
			}
		}
	}
}

// scan yields the quads that fit: what fits of the rows, but for what the open transaction did.
func (v *view) scan(p *pattern, yield func(store.Quad, error) bool) {
	touched := v.changes(p)
	for q := range v.fitting(p) {
		if len(touched) > 0 {
			if _, skip := touched[q]; skip {
				continue
			}
		}
		if !yield(publicQuad(&q), nil) {
			return
		}
		if v.m == nil { // closed meanwhile
			yield(store.Quad{}, store.ErrClosed)
			return
		}
	}
	for q, was := range touched {
		if was.before && p.fits(&q) && !yield(publicQuad(&q), nil) {
			return
		}
	}
}

func (v *view) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	if v.m == nil || v.trees == nil || len(v.log) > 0 {
		return store.InBlocks(v.Match(p), block, each)
	}
	c, ok := compile(p)
	if !ok {
		return nil
	}
	return v.trees.blocks(&c, block, each, func() error {
		if v.m == nil {
			return store.ErrClosed
		}
		return nil
	})
}

func (v *view) Count(p store.Pattern) (n int, err error) {
	c, ok := compile(p)
	switch {
	case v.m == nil:
		return 0, store.ErrClosed
	case !ok:
		return 0, nil
	case p == store.Pattern{}:
		return v.len, nil
	case v.trees == nil:
		return countMatches(v, p)
	}
	n = v.trees.count(&c)
	for q, was := range v.changes(&c) {
		switch {
		case was.before == was.now || !c.fits(&q):
		case was.before:
			n++
		default:
			n--
		}
	}
	return n, nil
}

// fewLooks is how often a view looks through what the open transaction did for what fits a pattern, before it makes a table of all: most
// queries look for little a few times, and many are asked while a large transaction waits to be accepted.
const fewLooks = 8

// changes tells of the quads that the open transaction changed what they were before: of those that fit the pattern, at least.
func (v *view) changes(p *pattern) map[quad]touch {
	switch {
	case v.touched != nil || len(v.log) == 0:
		return v.touched
	case v.looks < fewLooks:
		v.looks++
		return changesOf(v.log, p.fits)
	}
	v.touched = changesOf(v.log, func(*quad) bool { return true })
	return v.touched
}

// changesOf is what changes come to, of the quads that fit; nil if there are none. Of each the first change tells what was before: if it
// added the quad, that was not there.
func changesOf(log []change, fits func(*quad) bool) (touched map[quad]touch) {
	for i := range log {
		c := &log[i]
		if !fits(&c.quad) {
			continue
		}
		if touched == nil {
			touched = map[quad]touch{}
		}
		was, later := touched[c.quad]
		if !later {
			was.before = !c.added
		}
		was.now = c.added
		touched[c.quad] = was
	}
	return touched
}

func (v *view) Statistics(predicate store.ID) (store.Statistics, error) {
	switch {
	case v.m == nil:
		return store.Statistics{}, store.ErrClosed
	case v.trees == nil:
		return countTerms(v, predicate)
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	return v.m.statistics(v, predicate)
}
