package eval

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// ErrNoGraph: ADD, MOVE or COPY of a graph without quads. A store knows graphs by their quads alone; what MOVE and COPY would do is
// empty the other graph.
var ErrNoGraph = errors.New("no such graph")

// Update is an update that can be carried out, any number of times, and concurrently on different stores.
type Update struct {
	steps []updateStep
	o     Options
}

// updateStep is one operation. name is what errors call it.
type updateStep struct {
	name string
	do   func(u *updating) error
}

// PrepareUpdate makes an update ready to be carried out. The tree must not be changed any more.
func PrepareUpdate(u *sparql.Update, o Options) (*Update, error) {
	out := &Update{o: o.of(&u.Prologue)}
	for _, op := range u.Operations {
		out.steps = append(out.steps, prepareStep(op))
	}
	return out, nil
}

func prepareStep(op sparql.Operation) updateStep {
	switch op := op.(type) {
	case *sparql.InsertData:
		return updateStep{"INSERT DATA", func(u *updating) error { return u.data(op.Quads, u.to.Add) }}
	case *sparql.DeleteData:
		return updateStep{"DELETE DATA", func(u *updating) error { return u.data(op.Quads, u.to.Delete) }}
	case *sparql.Modify:
		m := algebra.TranslateModify(op)
		return updateStep{"DELETE/INSERT", func(u *updating) error { return u.modify(op, m) }}
	case *sparql.Load:
		return updateStep{"LOAD", func(u *updating) error { return u.load(op) }}
	case *sparql.Manage:
		return updateStep{string(op.Action), func(u *updating) error { return u.manage(op) }}
	case *sparql.Transfer:
		return updateStep{string(op.Kind), func(u *updating) error { return u.transfer(op) }}
	}
	return updateStep{"operation", func(*updating) error { return fmt.Errorf("%T is no operation", op) }}
}

// Run carries the update out in a transaction, and hands its effective delta to c, as one transaction: deletions before additions,
// each quad at most once, and none that is as it was before. Operations see what those before them did. After an error, of which
// there are those of [Query.Select], [ErrLoad], [ErrNoGraph] and those of c, the transaction is as it was before, unless the store
// has failed.
//
// A graph exists through its quads: CREATE does nothing, and DROP of a graph without quads nothing either.
func (u *Update) Run(ctx context.Context, tx store.Tx, id Identity, c patch.Change) error {
	before := tx.Savepoint()
	net := nets.Get().(*patch.Net)
	net.MaxBytes = int(u.o.Memory)
	run := &updating{ctx: ctx, tx: tx, o: &u.o, id: id, to: patch.Effective(tx, net)}
	err := errors.Join(net.Begin(), net.Commit()) // so that it is one transaction, also without rows
	for i, step := range u.steps {
		if err != nil {
			break
		}
		run.number = i
		if err = step.do(run); err != nil {
			err = fmt.Errorf("operation %d (%s): %w", i+1, step.name, err)
		}
	}
	small := net.Len() <= keptRows
	if err == nil {
		err = net.Emit(c)
	}
	if err != nil {
		return errors.Join(err, tx.RollbackTo(before))
	}
	if small {
		nets.Put(net)
	}
	return nil
}

// nets are net effects without rows, whose memory is used again if they had few.
var nets = sync.Pool{New: func() any { return &patch.Net{Effective: true} }}

// keptRows is the number of rows for which that is worth its while.
const keptRows = 64

// updating is an update that is carried out.
type updating struct {
	ctx    context.Context
	tx     store.Tx
	o      *Options
	id     Identity
	to     patch.Change
	number int // of the operation
	steps  int64
}

// own returns the identity of the operation.
func (u *updating) own() Identity {
	return Identity{ID: u.id.ID + "\n" + strconv.Itoa(u.number), Time: u.id.Time}
}

// exec begins an evaluation, which goes on to count the steps of the update.
func (u *updating) exec() *exec {
	x := newExec(u.ctx, u.tx, u.o, u.own())
	x.steps = u.steps
	return x
}

// data carries out INSERT DATA and DELETE DATA.
func (u *updating) data(quads []sparql.Quad, change func(rdf.Quad) error) error {
	t := &template{id: u.own()}
	for i := range quads {
		q, err := Ground(&quads[i], t.prefix)
		if err != nil {
			return err
		}
		if err := change(q); err != nil {
			return err
		}
	}
	return u.ctx.Err()
}

// Ground makes a quad of one of INSERT DATA or DELETE DATA, which has no variables. The labels of its blank nodes begin with what prefix
// returns, which is called for them alone. The error is an [rdf.ErrInvalid].
func Ground(of *sparql.Quad, prefix func() string) (q rdf.Quad, err error) {
	for i, n := range [4]sparql.Node{of.S, of.P, of.O, of.G} {
		if *[4]*rdf.Term{&q.S, &q.P, &q.O, &q.G}[i], err = groundTerm(n, prefix); err != nil {
			return q, err
		}
	}
	return q, q.Check()
}

func groundTerm(n sparql.Node, prefix func() string) (rdf.Term, error) {
	if n.Triple != nil {
		q, err := Ground(&sparql.Quad{Triple: *n.Triple}, prefix)
		if err != nil {
			return rdf.Term{}, err
		}
		return rdf.TripleTerm(q.S, q.P, q.O)
	}
	if n.Term.Kind() == rdf.KindBlank {
		return rdf.Blank(prefix() + n.Term.Value())
	}
	return n.Term, nil
}

// modify carries out DELETE … INSERT … WHERE: all solutions are found before anything is changed.
func (u *updating) modify(op *sparql.Modify, m *algebra.Modify) error {
	x := u.exec()
	if err := x.dataset(op.Using, op.With); err != nil {
		return err
	}
	run, err := x.start(&m.Query, true)
	if err != nil {
		return err
	}
	deletes, inserts := x.table(4, 4), x.table(4, 4)
	t := &template{x: x, id: u.own()}
	var numbers *numbers // where solutions need them
	for i := range m.Insert {
		if numbers == nil && hasBlank(&m.Insert[i].Triple) {
			numbers = x.numbers(algebra.Possible(m.Op))
		}
	}
	err = run.sub.run(func(r row) error {
		if err := t.quads(m.Delete, r, deletes); err != nil {
			return err
		}
		if numbers != nil {
			number, err := numbers.of(r)
			if err != nil {
				return err
			}
			t.solution(number)
		}
		return t.quads(m.Insert, r, inserts)
	})
	u.steps = x.steps
	if err == nil {
		err = u.apply(x, deletes, u.to.Delete)
	}
	if err == nil {
		err = u.apply(x, inserts, u.to.Add)
	}
	return err
}

// quads makes the quads of a template for a solution. What is no quad is left out.
func (t *template) quads(quads []algebra.Quad, r row, into *table) error {
	for i := range quads {
		of := &quads[i]
		made, err := t.triple(&of.Triple, r)
		if err != nil {
			return err
		}
		q := rdf.Quad{S: made.S, P: made.P, O: made.O}
		if q.G, err = t.term(&of.G, r); err != nil {
			return err
		}
		if q.G.IsZero() && of.G.Slot != algebra.None || q.Check() != nil {
			continue
		}
		var ids [4]store.ID
		for k, term := range [4]rdf.Term{q.S, q.P, q.O, q.G} {
			if ids[k], err = t.x.intern(term); err != nil {
				return err
			}
		}
		if _, _, err := into.insert(ids[:]); err != nil {
			return err
		}
	}
	return nil
}

// apply makes the changes of a table's rows.
func (u *updating) apply(x *exec, quads *table, change func(rdf.Quad) error) error {
	for i := range int32(quads.n) {
		var q rdf.Quad
		for k, to := range [4]*rdf.Term{&q.S, &q.P, &q.O, &q.G} {
			var err error
			if *to, err = x.term(quads.row(i)[k]); err != nil {
				return err
			}
		}
		if err := change(q); err != nil {
			return err
		}
		if i%checkEvery == 0 {
			if err := u.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}
