package eval

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/store"
)

// Query is a query that can be evaluated, any number of times, and concurrently.
type Query struct {
	tree    *sparql.Query
	form    sparql.Form
	data    sparql.Dataset
	algebra *algebra.Query
	o       Options
}

// Prepare makes a query ready to be evaluated. The tree must not be changed any more.
func Prepare(q *sparql.Query, o Options) (*Query, error) {
	return &Query{tree: q, form: q.Form, data: q.Dataset, algebra: algebra.Translate(q), o: o.of(&q.Prologue)}, nil
}

// of returns the options for a text: with the defaults, and the text's own base.
func (o Options) of(p *sparql.Prologue) Options {
	o.Base = cmp.Or(p.Base, o.Base)
	o.Steps = cmp.Or(o.Steps, DefaultSteps)
	o.Memory = cmp.Or(o.Memory, DefaultMemory)
	o.Description = cmp.Or(o.Description, DefaultDescription)
	return o
}

// Form says which of [Query.Select], [Query.Ask] and [Query.Triples] evaluates the query.
func (q *Query) Form() sparql.Form { return q.form }

// Vars are the columns of a SELECT.
func (q *Query) Vars() []sparql.Var { return q.algebra.Vars }

// ErrForm: the query is of another form.
var ErrForm = errors.New("query of another form")

func (q *Query) is(forms ...sparql.Form) error {
	for _, form := range forms {
		if q.form == form {
			return nil
		}
	}
	return fmt.Errorf("%w: it gives %s", ErrForm, [...]string{"rows", "triples", "triples", "a boolean"}[q.form])
}

// Select evaluates a SELECT and calls each for its rows: a term for each of [Query.Vars], the zero Term where one is not bound. The
// row is valid until each returns, its terms as long as the reader's ids are. It returns the error of each, one of the store, that of
// the context, a [BudgetError], or an [ErrPool].
func (q *Query) Select(ctx context.Context, r store.Reader, id Identity, each func([]rdf.Term) error) error {
	if err := q.is(sparql.Select); err != nil {
		return err
	}
	run, err := q.plan(newExec(ctx, r, &q.o, id))
	if err != nil {
		return err
	}
	defer run.end()
	return run.rows(each)
}

// decode returns what decodes rows for each.
func (x *exec) decode(columns []algebra.Slot, each func([]rdf.Term) error) func(row) error {
	terms := make([]rdf.Term, len(columns))
	ids := make([]store.ID, len(columns))
	return func(r row) (err error) {
		texts := len(columns) * textOfWork / idsOfWork
		for i, slot := range columns {
			if id := r[slot]; id != ids[i] {
				if terms[i], err = x.term(id); err != nil {
					return err
				}
				ids[i] = id
			}
			texts += len(terms[i].String())
		}
		if err := x.work(texts / textOfWork); err != nil {
			return err
		}
		return each(terms)
	}
}

// Ask evaluates an ASK. Errors are those of [Query.Select].
func (q *Query) Ask(ctx context.Context, r store.Reader, id Identity) (bool, error) {
	if err := q.is(sparql.Ask); err != nil {
		return false, err
	}
	run, err := q.plan(newExec(ctx, r, &q.o, id))
	if err != nil {
		return false, err
	}
	defer run.end()
	return run.holds()
}

// Triples evaluates a CONSTRUCT or a DESCRIBE and calls each for its triples, each once. What a template makes that is no triple is
// left out. A description is the triples that a resource is the subject of, in whatever graph of the dataset, and those of the blank
// nodes in them (concise bounded description). Errors are those of [Query.Select].
func (q *Query) Triples(ctx context.Context, r store.Reader, id Identity, each func(rdf.Triple) error) error {
	if err := q.is(sparql.Construct, sparql.Describe); err != nil {
		return err
	}
	run, err := q.plan(newExec(ctx, r, &q.o, id))
	if err != nil {
		return err
	}
	defer run.end()
	return run.triples(each)
}

func newExec(ctx context.Context, r store.Reader, o *Options, id Identity) *exec {
	return &exec{ctx: ctx, r: r, o: o, id: identity{Identity: id}}
}

// prepare makes ready for operators of a query, and returns what plans them.
func (x *exec) prepare(q *algebra.Query) *planner {
	x.width = len(q.Names)
	x.environment()
	return x.planner(q.Names)
}

// environment makes ready for expressions.
func (x *exec) environment() {
	x.env = expr.Env{
		Now: x.id.Time, Base: x.o.Base, Seed: x.id.seed(), Spend: func(bytes int) error { return x.hold(int64(bytes)) }, Work: x.work,
	}
}

// identity is an [Identity], of an update that of one of its operations.
type identity struct {
	Identity
	operation int // from 0
	update    bool
}

func (id *identity) sum() [sha256.Size]byte {
	text := id.ID
	if id.update {
		text += "\n" + strconv.Itoa(id.operation)
	}
	return sha256.Sum256([]byte(text))
}

// seed is what values are made of that are new.
func (id *identity) seed() (seed [16]byte) {
	sum := id.sum()
	copy(seed[:], sum[:])
	return seed
}

// blankPrefix is what the labels of blank nodes begin with that are made for an identity.
func (id *identity) blankPrefix() string {
	sum := id.sum()
	return "q" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10]))
}
