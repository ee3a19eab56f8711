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
	x := u.exec()
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
	return u.clear(x, in, op.Target.Kind == sparql.TargetNamed)
}

// clear deletes what fits, or only what of it is in a named graph.
func (u *updating) clear(x *exec, in store.Pattern, named bool) error {
	quads, err := u.collect(x, in, named)
	if err != nil {
		return err
	}
	return u.apply(x, quads, u.to.Delete)
}

// collect gathers quads, since a transaction can't be changed while it is read.
func (u *updating) collect(x *exec, in store.Pattern, named bool) (*table, error) {
	quads := x.table(4, 4)
	for q, err := range u.tx.Match(in) {
		if err == nil && !(named && q.G == store.DefaultGraph) {
			_, err = quads.add(row{q.S, q.P, q.O, graphID(q.G)})
		}
		if err == nil {
			err = x.step(1)
		}
		if err != nil {
			return nil, err
		}
	}
	u.steps = x.steps
	return quads, nil
}

// graphID is what stands for a graph in a table: store.Any for the default graph, whose term is none.
func graphID(id store.ID) store.ID {
	if id == store.DefaultGraph {
		return store.Any
	}
	return id
}

// transfer carries out ADD, MOVE and COPY.
func (u *updating) transfer(op *sparql.Transfer) error {
	if op.From == op.To {
		return nil
	}
	x := u.exec()
	from, err := x.graph(op.From)
	if err != nil {
		return err
	}
	quads, err := u.collect(x, store.Pattern{G: from}, false)
	if err != nil {
		return err
	}
	if quads.n == 0 && !op.From.IsZero() {
		if op.Silent {
			return nil
		}
		return fmt.Errorf("%w: %s has no quads", ErrNoGraph, op.From)
	}
	if op.Kind != sparql.TransferAdd {
		to, err := x.graph(op.To)
		if err != nil {
			return err
		}
		if err := u.clear(x, store.Pattern{G: to}, false); err != nil {
			return err
		}
	}
	if op.Kind == sparql.TransferMove {
		if err := u.apply(x, quads, u.to.Delete); err != nil {
			return err
		}
	}
	return u.apply(x, quads, func(q rdf.Quad) error {
		q.G = op.To
		return u.to.Add(q)
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
	x := u.exec()
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
	u.steps = x.steps
	switch {
	case broken != nil:
		return broken
	case err != nil && op.Silent && u.ctx.Err() == nil:
		return nil
	case err != nil:
		return err
	}
	for _, q := range quads {
		if err := u.to.Add(q); err != nil {
			return err
		}
	}
	return nil
}

func (u *updating) read(op *sparql.Load, add func(rdf.Quad) error) error {
	if u.o.Load == nil {
		return fmt.Errorf("%w: %s: it is off here; add what the document says itself, as INSERT DATA or a patch", ErrLoad, op.Source)
	}
	if err := u.o.Load.Load(u.ctx, op.Source, blankPrefix(u.own()), add); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLoad, op.Source, err)
	}
	return nil
}
