package eval

import (
	"context"
	"errors"
	"fmt"
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
	first [1]updateStep // where the only step is
	o     Options
}

// updateStep is one operation, with its algebra if it is a DELETE … INSERT … WHERE.
type updateStep struct {
	op     sparql.Operation
	modify *algebra.Modify
	// sequence is how its pattern is evaluated, if isSequence.
	sequence   sequence
	isSequence bool
}

// PrepareUpdate makes an update ready to be carried out. The tree must not be changed any more.
func PrepareUpdate(u *sparql.Update, o Options) (*Update, error) {
	out := &Update{o: o.of(&u.Prologue)}
	out.steps = append(out.first[:0], make([]updateStep, len(u.Operations))...)
	for i, op := range u.Operations {
		out.steps[i].op = op
		if m, ok := op.(*sparql.Modify); ok {
			step := &out.steps[i]
			step.modify = algebra.TranslateModify(m)
			step.sequence, step.isSequence = sequenceOf(step.modify.Op)
		}
	}
	return out, nil
}

// name is what errors call the operation.
func (s *updateStep) name() string {
	switch op := s.op.(type) {
	case *sparql.InsertData:
		return "INSERT DATA"
	case *sparql.DeleteData:
		return "DELETE DATA"
	case *sparql.Modify:
		return "DELETE/INSERT"
	case *sparql.Load:
		return "LOAD"
	case *sparql.Manage:
		return string(op.Action)
	case *sparql.Transfer:
		return string(op.Kind)
	}
	return "operation"
}

// Run carries the update out in a transaction, and hands its effective delta to c, as one transaction: deletions before additions,
// each quad at most once, and none that is as it was before. Operations see what those before them did. After an error, of which
// there are those of [Query.Select], [ErrLoad], [ErrNoGraph] and those of c, the transaction is as it was before, unless the store
// has failed.
//
// A graph exists through its quads: CREATE does nothing, and DROP of a graph without quads nothing either.
func (u *Update) Run(ctx context.Context, tx store.Tx, id Identity, c patch.Change) error {
	before := tx.Savepoint()
	run := updatings.Get().(*updating)
	run.x, run.tx, run.id = exec{ctx: ctx, r: tx, o: &u.o}, tx, id
	err := run.all(u.steps)
	if err == nil {
		err = run.delta.emit(&run.x, c)
	}
	run.release()
	if err != nil {
		return errors.Join(err, tx.RollbackTo(before))
	}
	return nil
}

// updatings are those that were released: most updates are small, and what they need would be as much work as what they do.
var updatings = sync.Pool{New: func() any { return newUpdating() }}

// updating is an update that is carried out.
type updating struct {
	x     exec // of the operation, but for steps and held
	tx    store.Tx
	id    Identity
	delta delta

	// Of a DELETE … INSERT … WHERE:
	modify           *algebra.Modify
	template         template
	numbers          *numbers   // of its solutions, where they need them
	constants        []store.ID // of its templates, see resolve
	deletes, inserts table
	lone             lone
	each             func(row) error // is solution
}

func newUpdating() *updating {
	u := &updating{}
	u.each = u.solution
	u.delta.quads, u.deletes, u.inserts = *u.x.table(4, 4), *u.x.table(4, 4), *u.x.table(4, 4)
	return u
}

// release gives an updating back, without what is not its own, and without what few need.
func (u *updating) release() {
	u.x, u.tx, u.id, u.modify, u.template, u.numbers = exec{}, nil, Identity{}, nil, template{}, nil
	if len(u.constants) > keptRows {
		u.constants = nil
	}
	u.delta.clear()
	u.deletes.clear()
	u.inserts.clear()
	u.lone.release()
	updatings.Put(u)
}

// all carries out the operations.
func (u *updating) all(steps []updateStep) error {
	for i := range steps {
		u.begin(i)
		if err := u.operation(&steps[i]); err != nil {
			return fmt.Errorf("operation %d (%s): %w", i+1, steps[i].name(), err)
		}
	}
	return nil
}

// begin makes x that of another operation, which goes on to count the steps of the update, and holds its delta besides.
func (u *updating) begin(number int) {
	x := &u.x
	*x = exec{ctx: x.ctx, r: x.r, o: x.o, id: identity{u.id, number, true}, steps: x.steps, unchecked: x.unchecked, held: u.delta.quads.held}
	u.delta.quads.x, u.deletes.x, u.inserts.x = x, x, x
}

func (u *updating) operation(step *updateStep) error {
	switch op := step.op.(type) {
	case *sparql.InsertData:
		return u.data(op.Quads, u.put)
	case *sparql.DeleteData:
		return u.data(op.Quads, u.drop)
	case *sparql.Modify:
		return u.modifyBy(op, step)
	case *sparql.Load:
		return u.load(op)
	case *sparql.Manage:
		return u.manage(op)
	case *sparql.Transfer:
		return u.transfer(op)
	}
	return fmt.Errorf("%T is no operation", step.op)
}

// put adds a quad.
func (u *updating) put(q *rdf.Quad) error {
	ids, changed, err := u.tx.Put(*q)
	if err != nil || !changed {
		return err
	}
	return u.delta.put(ids, addition)
}

// drop deletes a quad.
func (u *updating) drop(q *rdf.Quad) error {
	ids := store.Quad{G: store.DefaultGraph}
	for i, part := range [4]*store.ID{&ids.S, &ids.P, &ids.O, &ids.G} {
		t := [4]rdf.Term{q.S, q.P, q.O, q.G}[i]
		if t.IsZero() {
			continue
		}
		id, ok, err := u.x.known(t)
		if err != nil || !ok {
			return err
		}
		*part = id
	}
	return u.delete(ids)
}

// add adds a quad by its ids, of which some may be computed.
func (u *updating) add(ids store.Quad) error {
	if max(ids.S, ids.P, ids.O, ids.G) >= firstComputed {
		q, err := u.x.quad(ids)
		if err != nil {
			return err
		}
		return u.put(&q)
	}
	changed, err := u.tx.AddIDs(ids)
	if err != nil || !changed {
		return err
	}
	return u.delta.put(ids, addition)
}

// delete deletes a quad by its ids.
func (u *updating) delete(ids store.Quad) error {
	changed, err := u.tx.DeleteIDs(ids)
	if err != nil || !changed {
		return err
	}
	return u.delta.put(ids, deletion)
}

// data carries out INSERT DATA and DELETE DATA.
func (u *updating) data(quads []sparql.Quad, change func(*rdf.Quad) error) error {
	t := &u.template
	t.x = &u.x
	for i := range quads {
		q, err := Ground(&quads[i], t.prefix)
		if err != nil {
			return err
		}
		if err := change(&q); err != nil {
			return err
		}
		if i%checkEvery == 0 {
			if err := u.x.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
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

// modifyBy carries out DELETE … INSERT … WHERE: all solutions are found before anything is changed.
func (u *updating) modifyBy(op *sparql.Modify, step *updateStep) error {
	if err := u.x.dataset(op.Using, op.With); err != nil {
		return err
	}
	u.modify, u.template, u.numbers = step.modify, template{x: &u.x}, nil
	u.deletes.clear()
	u.inserts.clear()
	if err := u.resolve(); err != nil {
		return err
	}
	if err := u.solutions(step); err != nil {
		return err
	}
	if err := u.apply(&u.deletes, u.delete); err != nil {
		return err
	}
	return u.apply(&u.inserts, u.add)
}

// solutions calls each for the solutions of a pattern. For one triple pattern alone there is nothing to plan, nor for a sequence.
func (u *updating) solutions(step *updateStep) error {
	if err := u.x.ctx.Err(); err != nil {
		return err
	}
	q := &step.modify.Query
	if pattern, ok := q.Op.(*algebra.Pattern); ok {
		return u.lone.run(&u.x, pattern, len(q.Names), u.each)
	}
	if step.isSequence {
		u.x.environment()
		return step.sequence.run(&u.x, len(q.Names), u.each)
	}
	run, err := u.x.start(q)
	if err != nil {
		return err
	}
	return run.sub.run(u.each)
}

// apply makes the changes of a table's rows.
func (u *updating) apply(quads *table, change func(store.Quad) error) error {
	for i := range int32(quads.n) {
		r := quads.row(i)
		if err := change(store.Quad{S: r[0], P: r[1], O: r[2], G: r[3]}); err != nil {
			return err
		}
		if i%checkEvery == 0 {
			if err := u.x.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}
