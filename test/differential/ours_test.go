package differential

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// keeper makes one of our stores, with quads, and what gives it up.
type keeper func(quads []rdf.Quad) (s store.Store, end func() error, err error)

// fault begins the reason of an answer with which we are wrong, whatever the peers say; overBudget that of a question that is too
// much for us.
const (
	fault      = "[fault] "
	overBudget = "[over budget] "
)

// bounds keep out questions that would take a peer too long.
var bounds = eval.Options{Steps: 100_000}

var identity = eval.Identity{ID: "question", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

func plain(quads []rdf.Quad) (store.Store, func() error, error) {
	s := memory.New()
	return s, func() error { return nil }, fill(s, nil, quads)
}

func indexed(quads []rdf.Quad) (store.Store, func() error, error) {
	s := memory.New()
	err := errors.Join(fill(s, nil, quads), s.Index(context.Background()))
	return s, func() error { return nil }, err
}

func onDisk(quads []rdf.Quad) (store.Store, func() error, error) {
	dir, err := os.MkdirTemp("", "quadrille-question")
	if err != nil {
		return nil, nil, err
	}
	s, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, func() error { return errors.Join(s.Close(), os.RemoveAll(dir)) }, fill(s, nil, quads)
}

// fill deletes and adds quads in a transaction.
func fill(s store.Store, deletes, adds []rdf.Quad) error {
	tx := s.Begin()
	for _, q := range deletes {
		if changed, err := tx.Delete(q); err != nil || !changed {
			tx.Rollback()
			return fmt.Errorf("%v is deleted, and not there: %v", q, err)
		}
	}
	for _, q := range adds {
		if _, err := tx.Add(q); err != nil {
			tx.Rollback()
			return err
		}
	}
	return tx.Commit(s.Position()+1, nil)
}

// ours is our answer, which is to be the same with each kind of store.
func (q question) ours(kinds ...keeper) answer {
	evaluate := evaluateQuery
	if q.form == formatUpdate {
		evaluate = evaluateUpdate
	}
	first := evaluate(kinds[0], q)
	for i, kind := range kinds[1:] {
		if other := evaluate(kind, q); !identical(q, first, other) {
			return answer{reason: fmt.Sprintf("%sthe stores 0 and %d answer %v and %v", fault, i+1, first, other)}
		}
	}
	return first
}

// identical reports whether answers of two of our stores are the same. The names of blank nodes that an update makes follow from the
// identity, and are the same, too.
func identical(q question, a, b answer) bool {
	if a.reason != "" || b.reason != "" {
		return a.reason == b.reason
	}
	if q.form == formatUpdate {
		return slices.Equal(sorted(a.quads), sorted(b.quads))
	}
	return agree(q, a, b)
}

func sorted(quads []rdf.Quad) []rdf.Quad {
	return slices.SortedFunc(slices.Values(quads), rdf.Quad.Compare)
}

// evaluateQuery is the answer to a query with a kind of store.
func evaluateQuery(kind keeper, q question) answer {
	tree, err := sparql.ParseQuery(q.text)
	if err != nil {
		return refusal(err)
	}
	query, err := eval.Prepare(tree, bounds)
	if err != nil {
		return refusal(err)
	}
	s, end, err := kind(q.quads)
	if err != nil {
		return refusal(err)
	}
	view := s.View()
	var a answer
	switch tree.Form {
	case sparql.Select:
		err = selected(query, view, &a)
	case sparql.Ask:
		var yes bool
		yes, err = query.Ask(context.Background(), view, identity)
		a.name(strconv.FormatBool(yes))
	default:
		err = query.Triples(context.Background(), view, identity, func(t rdf.Triple) error {
			a.quads = append(a.quads, rdf.Quad{S: t.S, P: t.P, O: t.O}.Clone())
			return nil
		})
	}
	view.Close()
	if err = errors.Join(err, end()); err != nil {
		return refusal(err)
	}
	if newTable(a.quads).misordered(tree.OrderBy) {
		return answer{reason: fault + "the order is wrong: " + fmt.Sprint(a.quads)}
	}
	return a
}

func refusal(err error) answer {
	if errors.Is(err, eval.ErrBudget) {
		return answer{reason: overBudget + err.Error()}
	}
	return answer{reason: err.Error()}
}

func (a *answer) name(text string) {
	iri := rdf.Trusted(answerIRI)
	a.quads = append(a.quads, rdf.Quad{S: iri, P: iri, O: rdf.Trusted(`"` + text + `"`)})
}

func selected(query *eval.Query, view store.View, a *answer) error {
	vars := query.Vars()
	for _, v := range vars {
		a.name(string(v))
	}
	n := 0
	return query.Select(context.Background(), view, identity, func(row []rdf.Term) error {
		node := rdf.Trusted(fmt.Sprintf("_:row%d", n))
		a.quads = append(a.quads, rdf.Quad{S: node, P: rdf.Trusted(answerIRI), O: rdf.Trusted(fmt.Sprintf(`"%d"`, n))})
		for i, term := range row {
			if !term.IsZero() {
				a.quads = append(a.quads, rdf.Quad{S: node, P: rdf.Trusted(column + string(vars[i]) + ">"), O: term.Clone()})
			}
		}
		n++
		return nil
	})
}

// evaluateUpdate is what a kind of store has after an update. It is a fault if its delta is another than the difference, if the
// delta, applied to what was before, makes something else, or if an update that is refused leaves a change.
func evaluateUpdate(kind keeper, q question) answer {
	tree, err := sparql.ParseUpdate(q.text)
	if err != nil {
		return refusal(err)
	}
	update, err := eval.PrepareUpdate(tree, bounds)
	if err != nil {
		return refusal(err)
	}
	s, end, err := kind(q.quads)
	if err != nil {
		return refusal(err)
	}
	before := content(s)
	var delta change
	tx := s.Begin()
	refused := update.Run(context.Background(), tx, identity, &delta)
	err = tx.Commit(s.Position()+1, nil)
	after := content(s)
	if err == nil {
		err = delta.check(before, after, refused)
	}
	if err = errors.Join(err, end()); err != nil {
		return answer{reason: fault + err.Error()}
	}
	if refused != nil {
		return refusal(refused)
	}
	return answer{quads: after}
}

func content(s store.Store) []rdf.Quad {
	view := s.View()
	defer view.Close()
	var quads []rdf.Quad
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			return nil // the delta doesn't fit then
		}
		quads = append(quads, q.Clone())
	}
	return sorted(quads)
}

// change keeps the rows of a delta.
type change struct {
	patch.Counter
	deletes, adds []rdf.Quad
}

func (c *change) Add(q rdf.Quad) error {
	c.adds = append(c.adds, q.Clone())
	return nil
}

func (c *change) Delete(q rdf.Quad) error {
	c.deletes = append(c.deletes, q.Clone())
	return nil
}

// check compares the delta with the difference of before and after, of which there is none after a refusal.
func (c *change) check(before, after []rdf.Quad, refused error) error {
	if refused != nil {
		if !slices.Equal(before, after) {
			return fmt.Errorf("after a refusal, %w, there is %v, before %v", refused, after, before)
		}
		return nil
	}
	deletes, adds := lacking(before, after), lacking(after, before)
	if !slices.Equal(sorted(c.deletes), deletes) || !slices.Equal(sorted(c.adds), adds) {
		return fmt.Errorf("the delta deletes %v and adds %v, the difference is %v and %v", c.deletes, c.adds, deletes, adds)
	}
	s, _, err := plain(before)
	if err == nil {
		err = fill(s, c.deletes, c.adds)
	}
	if made := content(s); err == nil && !slices.Equal(made, after) {
		err = fmt.Errorf("the delta makes %v, expected %v", made, after)
	}
	return err
}

// lacking are the quads that others are not.
func lacking(quads, others []rdf.Quad) (rest []rdf.Quad) {
	there := map[rdf.Quad]bool{}
	for _, q := range others {
		there[q] = true
	}
	for _, q := range quads {
		if !there[q] {
			rest = append(rest, q)
		}
	}
	return rest
}
