package eval

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/store"
)

// manage carries out CLEAR and DROP, which do the same. CREATE has nothing to do.
func (u *updating) manage(op *sparql.Manage) error {
	if op.Action == sparql.Create {
		return nil
	}
	x := &u.x
	in := store.Pattern{}
	switch op.Target.Kind {
	case sparql.TargetGraph:
		id, err := x.intern(op.Target.Graph)
		if err != nil {
			return err
		}
		in.G = id
	case sparql.TargetDefault:
		in.G = store.DefaultGraph
	}
	return u.clear(in, op.Target.Kind == sparql.TargetNamed)
}

// clear deletes what fits, or only what of it is in a named graph.
func (u *updating) clear(in store.Pattern, named bool) error {
	quads, err := u.collect(in, named)
	if err != nil {
		return err
	}
	return u.apply(quads, u.delete)
}

// collect gathers quads, since a transaction can't be changed while it is read.
func (u *updating) collect(in store.Pattern, named bool) (*table, error) {
	quads := u.x.table(4, 4)
	for q, err := range u.tx.Match(in) {
		if err == nil && !(named && q.G == store.DefaultGraph) {
			_, err = quads.add(row{q.S, q.P, q.O, q.G})
		}
		if err == nil {
			err = u.x.step(1)
		}
		if err != nil {
			return nil, err
		}
	}
	return quads, nil
}

// transfer carries out ADD, MOVE and COPY.
func (u *updating) transfer(op *sparql.Transfer) error {
	if op.From == op.To {
		return nil
	}
	x := &u.x
	from, err := x.graph(op.From)
	if err != nil {
		return err
	}
	quads, err := u.collect(store.Pattern{G: from}, false)
	if err != nil {
		return err
	}
	if quads.n == 0 && !op.From.IsZero() {
		if op.Silent {
			return nil
		}
		return fmt.Errorf("%w: %s has no quads", ErrNoGraph, op.From)
	}
	to, err := x.graph(op.To)
	if err != nil {
		return err
	}
	if op.Kind != sparql.TransferAdd {
		if err := u.clear(store.Pattern{G: to}, false); err != nil {
			return err
		}
	}
	if op.Kind == sparql.TransferMove {
		if err := u.apply(quads, u.delete); err != nil {
			return err
		}
	}
	return u.apply(quads, func(q store.Quad) error {
		q.G = to
		return u.add(q)
	})
}

// graph returns the id of a graph, the zero Term being the default graph.
func (x *exec) graph(t rdf.Term) (store.ID, error) {
	if t.IsZero() {
		return store.DefaultGraph, nil
	}
	return x.intern(t)
}

// load carries out LOAD. The document is read as a whole before anything is changed.
func (u *updating) load(op *sparql.Load) error {
	x := &u.x
	var quads []rdf.Quad
	var broken error // of what takes the quads
	err := u.read(op, func(q rdf.Quad) error {
		q.G = op.Into
		q = q.Clone()
		quads = append(quads, q)
		if broken = x.hold(int64(len(q.S.String())+len(q.P.String())+len(q.O.String())) + 4*16); broken == nil {
			broken = x.step(1)
		}
		return broken
	})
	switch {
	case broken != nil:
		return broken
	case err != nil && op.Silent && u.x.ctx.Err() == nil:
		return nil
	case err != nil:
		return err
	}
	for i := range quads {
		if err := u.put(&quads[i]); err != nil {
			return err
		}
	}
	return nil
}

func (u *updating) read(op *sparql.Load, add func(rdf.Quad) error) error {
	if u.x.o.Load == nil {
		return fmt.Errorf("%w: %s: it is off here; add what the document says itself, as INSERT DATA or a patch", ErrLoad, op.Source)
	}
	if err := u.x.o.Load.Load(u.x.ctx, op.Source, u.x.id.blankPrefix(), add); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLoad, op.Source, err)
	}
	return nil
}
