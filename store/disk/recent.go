package disk

import "github.com/quadrille-stream/quadrille/store"

// maxRecent is how many quads are remembered in each half: some 2 MiB.
const maxRecent = 1 << 14

// recent are quads that were added lately, and are there as the open transaction sees it: what comes often goes soon, such as the values of
// sensors. Where one half is full it takes the place of the older one. Its zero value is empty.
type recent struct{ young, old map[store.Quad]struct{} }

func (r *recent) has(q *store.Quad) bool {
	_, is := r.young[*q]
	if !is {
		_, is = r.old[*q]
	}
	return is
}

// set notes that a quad was added, or deleted.
func (r *recent) set(q *store.Quad, added bool) {
	if !added {
		delete(r.young, *q)
		delete(r.old, *q)
		return
	}
	if r.young == nil || len(r.young) >= maxRecent {
		r.young, r.old = map[store.Quad]struct{}{}, r.young
	}
	r.young[*q] = struct{}{}
}
