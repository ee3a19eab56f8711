package memory

import "slices"

// pageLen is the number of elements of a page: the unit that is copied before a change while a view can see it.
const pageLen = 256

// epochs tells which pages the open views can see. A page that was made in an epoch up to frozen must not be changed.
type epochs struct {
	now    uint64 // the epoch in which pages are made; every view ends one
	frozen uint64 // the newest epoch of an open view, 0 if there is none
	open   []uint64
}

// begin opens a view and returns its epoch.
func (e *epochs) begin() uint64 {
	epoch := e.now
	e.open = append(e.open, epoch)
	e.frozen = epoch
	e.now++
	return epoch
}

// again opens another view of the epoch of one that is open.
func (e *epochs) again(epoch uint64) {
	i, _ := slices.BinarySearch(e.open, epoch)
	e.open = slices.Insert(e.open, i, epoch)
}

// end closes a view of that epoch.
func (e *epochs) end(epoch uint64) {
	if i, ok := slices.BinarySearch(e.open, epoch); ok {
		e.open = slices.Delete(e.open, i, i+1)
	}
	e.frozen = 0
	if n := len(e.open); n > 0 {
		e.frozen = e.open[n-1] // they are in order
	}
}

// list is a slice whose elements a view may go on to see as they were: it is copied before one of them is changed, at
// most once for each view. Appending changes none.
type list[T any] struct {
	all    []T
	shared bool // a view may see it
}

func (l *list[T]) view() []T {
	l.shared = true
	return l.all[:len(l.all):len(l.all)]
}

// own makes the list the writer's alone.
func (l *list[T]) own() {
	if l.shared {
		l.all = slices.Clone(l.all)
		l.shared = false
	}
}

func (l *list[T]) set(i int, v T) {
	l.own()
	l.all[i] = v
}

// cut takes the last element off.
func (l *list[T]) cut() {
	l.own() // else the next append would overwrite what a view sees
	clear(l.all[len(l.all)-1:])
	l.all = l.all[:len(l.all)-1]
}

// paged is an array of pages of which views keep the state that they saw: a page is copied before the first change that
// comes after a view of it. Without open views that costs a comparison.
type paged[T any] struct {
	pages list[*[pageLen]T]
	made  []uint64 // the epoch of each page
}

// at points to an element, which may be read only.
func (p *paged[T]) at(i uint32) *T { return &p.pages.all[i/pageLen][i%pageLen] }

// set changes an element.
func (p *paged[T]) set(i uint32, v T, e *epochs) {
	n := int(i / pageLen)
	if p.made[n] <= e.frozen {
		p.thaw(n, e)
	}
	p.pages.all[n][i%pageLen] = v
}

// thaw replaces a page by a copy that no view sees.
func (p *paged[T]) thaw(n int, e *epochs) {
	page := *p.pages.all[n]
	p.pages.set(n, &page)
	p.made[n] = e.now
}

// reach adds pages until there is an element i.
func (p *paged[T]) reach(i uint32, e *epochs) {
	for int(i/pageLen) >= len(p.made) {
		p.pages.all = append(p.pages.all, new([pageLen]T))
		p.made = append(p.made, e.now)
	}
}

// shrink drops pages behind the first n elements. One of them stays, so that n may go to and fro.
func (p *paged[T]) shrink(n uint32) {
	for len(p.made) > int(n/pageLen)+2 {
		p.pages.cut()
		p.made = p.made[:len(p.made)-1]
	}
}
