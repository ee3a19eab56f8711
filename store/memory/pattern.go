package memory

import (
	"math"

	"github.com/quadrille-stream/quadrille/store"
)

// pattern is a [store.Pattern] by the ids of a store: the bits of a quad that are in the mask must be those that it wants.
type pattern struct{ want, mask quad }

// compile returns the pattern; ok is false for one with an id that no memory store gives.
func compile(p store.Pattern) (c pattern, ok bool) {
	for i, id := range [terms]store.ID{p.S, p.P, p.O, p.G} {
		switch {
		case id == store.Any:
			continue
		case i == 2 && id.IsInline():
			c.want.setObject(id)
			c.mask[2], c.mask[4] = math.MaxUint32, math.MaxUint32
			continue
		case id != store.DefaultGraph && id > math.MaxUint32:
			return pattern{}, false
		}
		c.want[i], c.mask[i] = uint32(id), math.MaxUint32 // the low bits of DefaultGraph are 0
	}
	c.mask[4] = c.mask[2] // of an object that is not inline it is 0
	return c, true
}

func (p *pattern) fits(q *quad) bool {
	return (q[0]^p.want[0])&p.mask[0]|(q[1]^p.want[1])&p.mask[1]|(q[2]^p.want[2])&p.mask[2]|(q[3]^p.want[3])&p.mask[3]|
		(q[4]^p.want[4])&p.mask[4] == 0
}

// exact reports whether only the wanted quad fits.
func (p *pattern) exact() bool {
	return p.mask == quad{math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32}
}

// public is an id as others see it.
func public(id uint32) store.ID {
	if id == 0 {
		return store.DefaultGraph
	}
	return store.ID(id)
}

func publicQuad(q *quad) store.Quad {
	o := store.ID(q.id(2)) // never the default graph
	return store.Quad{S: public(q[0]), P: public(q[1]), O: o, G: public(q[3])}
}
