package eval

import (
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// delta is the net effect of the changes of an update, by ids, which hold until its transaction ends: their terms are decoded once, as
// it is handed on. Each change is effective, so that one of a quad takes back the one before.
type delta struct {
	quads table
	now   []effect // of each row of quads
}

// effect is what the changes of a quad come to.
type effect uint8

const (
	unchanged effect = iota
	addition
	deletion
)

// put takes in a change.
func (d *delta) put(q store.Quad, change effect) error {
	at, fresh, err := d.quads.insert([]store.ID{q.S, q.P, q.O, q.G})
	switch {
	case err != nil:
		return err
	case fresh:
		d.now = append(d.now, change)
	case d.now[at] == unchanged:
		d.now[at] = change
	default:
		d.now[at] = unchanged
	}
	return nil
}

// emit hands the delta to c, as one transaction.
func (d *delta) emit(x *exec, c patch.Change) error {
	if err := c.Begin(); err != nil {
		return err
	}
	for _, kind := range [...]struct {
		effect effect
		hand   func(rdf.Quad) error
	}{{deletion, c.Delete}, {addition, c.Add}} {
		if err := d.each(x, kind.effect, kind.hand); err != nil {
			return err
		}
	}
	return c.Commit()
}

// each calls fn for the quads of an effect, in the order in which they were first changed.
func (d *delta) each(x *exec, of effect, fn func(rdf.Quad) error) error {
	for i, effect := range d.now {
		if i%checkEvery == 0 {
			if err := x.ctx.Err(); err != nil {
				return err
			}
		}
		if effect != of {
			continue
		}
		r := d.quads.row(int32(i))
		q, err := x.quad(store.Quad{S: r[0], P: r[1], O: r[2], G: r[3]})
		if err == nil {
			err = fn(q)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clear makes the delta that of no change.
func (d *delta) clear() {
	d.quads.clear()
	if len(d.now) > keptRows {
		d.now = nil
	}
	d.now = d.now[:0]
}
