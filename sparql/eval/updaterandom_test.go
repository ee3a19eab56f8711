package eval_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// changes makes random updates of few terms.
type changes struct{ *rapid.T }

var (
	subjects = []rdf.Term{rdf.Trusted("<http://e/1>"), rdf.Trusted("<http://e/2>"), rdf.Trusted("_:b")}
	links    = []rdf.Term{rdf.Trusted("<http://e/p>"), rdf.Trusted("<http://e/q>")}
	values   = []rdf.Term{rdf.Trusted("<http://e/1>"), rdf.Trusted(`"x"`), rdf.Trusted("_:b")}
	graphs   = []rdf.Term{{}, rdf.Trusted("<http://e/g>"), rdf.Trusted("<http://e/h>")}
	names    = []sparql.Var{"s", "o", "g"}
)

func (c changes) one(of []rdf.Term) rdf.Term { return rapid.SampledFrom(of).Draw(c.T, "term") }

func (c changes) quads(blanks bool) (quads []rdf.Quad) {
	for range rapid.IntRange(0, 6).Draw(c.T, "quads") {
		q := rdf.Quad{S: c.one(subjects), P: c.one(links), O: c.one(values), G: c.one(graphs)}
		if blanks || q.S.Kind() != rdf.KindBlank && q.O.Kind() != rdf.KindBlank {
			quads = append(quads, q)
		}
	}
	return quads
}

func (c changes) data(blanks bool) (quads []sparql.Quad) {
	for _, q := range c.quads(blanks) {
		quads = append(quads, sparql.Quad{
			Triple: sparql.Triple{S: sparql.Node{Term: q.S}, P: sparql.Node{Term: q.P}, O: sparql.Node{Term: q.O}}, G: sparql.Node{Term: q.G},
		})
	}
	return quads
}

// template puts variables into places of quads.
func (c changes) template(blanks bool) []sparql.Quad {
	quads := c.data(blanks)
	for i := range quads {
		for _, n := range []*sparql.Node{&quads[i].S, &quads[i].O, &quads[i].G} {
			if rapid.Bool().Draw(c.T, "variable") {
				*n = sparql.Node{Var: rapid.SampledFrom(names).Draw(c.T, "name")}
			}
		}
	}
	return quads
}

func (c changes) where() *sparql.Group {
	g := &sparql.Group{}
	for _, q := range c.template(false) {
		triples := &sparql.Triples{Triples: []sparql.Triple{q.Triple}}
		if q.G == (sparql.Node{}) {
			g.Elements = append(g.Elements, triples)
			continue
		}
		g.Elements = append(g.Elements, &sparql.GraphPattern{Name: q.G, Group: &sparql.Group{Elements: []sparql.Pattern{triples}}})
	}
	return g
}

func (c changes) operation() sparql.Operation {
	switch rapid.IntRange(0, 5).Draw(c.T, "operation") {
	case 0:
		return &sparql.InsertData{Quads: c.data(true)}
	case 1:
		return &sparql.DeleteData{Quads: c.data(false)}
	case 2:
		return &sparql.Manage{Action: sparql.Clear, Target: rapid.SampledFrom([]sparql.Target{
			{Kind: sparql.TargetDefault}, {Kind: sparql.TargetNamed}, {Kind: sparql.TargetAll}, {Graph: graphs[1]},
		}).Draw(c.T, "target")}
	case 3:
		kind := rapid.SampledFrom([]sparql.TransferKind{sparql.TransferAdd, sparql.TransferMove, sparql.TransferCopy}).Draw(c.T, "kind")
		return &sparql.Transfer{Kind: kind, Silent: rapid.Bool().Draw(c.T, "silent"), From: c.one(graphs), To: c.one(graphs)}
	}
	return &sparql.Modify{
		With: c.one(graphs), Delete: c.template(false), Insert: c.template(true), HasDelete: true, HasInsert: true, Where: c.where(),
	}
}

func (c changes) update() *sparql.Update {
	u := &sparql.Update{}
	for range rapid.IntRange(1, 4).Draw(c.T, "operations") {
		u.Operations = append(u.Operations, c.operation())
	}
	return u
}

// TestDelta: the delta of an update is the difference of before and after, however many operations it has; applied to what was before
// it gives what is after, and undone what was before. A replay, from quads in another order, gives the same delta; an update that
// fails leaves nothing.
func TestDelta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := changes{t}
		s, replay := memory.New(), memory.New()
		quads := c.quads(true)
		fill(t, s, quads)
		slices.Reverse(quads)
		fill(t, replay, quads)
		u, err := eval.PrepareUpdate(c.update(), eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		before := contentOf(t, s)
		var delta, again rows
		tx := s.Begin()
		err = u.Run(context.Background(), tx, event, &delta)
		if err != nil && !errors.Is(err, eval.ErrNoGraph) {
			t.Fatal(err)
		}
		failed := err != nil
		if err := tx.Commit(2, nil); err != nil {
			t.Fatal(err)
		}
		after := contentOf(t, s)
		if failed {
			if !slices.Equal(before, after) || len(delta.adds)+len(delta.deletes) > 0 {
				t.Fatalf("an update that failed left\n%v of\n%v", after, before)
			}
			return
		}
		if err := delta.check(before, after); err != nil {
			t.Fatal(err)
		}
		if err := u.Run(context.Background(), replay.Begin(), event, &again); err != nil {
			t.Fatal(err)
		}
		if err := again.check(before, after); err != nil {
			t.Fatalf("replay: %v", err)
		}
		carry(t, delta, before, after)
	})
}

// carry applies a delta and its inverse.
func carry(t *rapid.T, delta rows, before, after []rdf.Quad) {
	s := memory.New()
	fill(t, s, before)
	change(t, s, delta.deletes, delta.adds)
	if got := contentOf(t, s); !slices.Equal(got, after) {
		t.Fatalf("applied: %v, expected %v", got, after)
	}
	change(t, s, delta.adds, delta.deletes)
	if got := contentOf(t, s); !slices.Equal(got, before) {
		t.Fatalf("undone: %v, expected %v", got, before)
	}
}

func change(t *rapid.T, s *memory.Store, deletes, adds []rdf.Quad) {
	tx := s.Begin()
	for _, q := range deletes {
		if changed, err := tx.Delete(q); !changed || err != nil {
			t.Fatalf("%v is not there to be deleted: %v", q, err)
		}
	}
	for _, q := range adds {
		if changed, err := tx.Add(q); !changed || err != nil {
			t.Fatalf("%v is there before it is added: %v", q, err)
		}
	}
	if err := tx.Commit(s.Position()+1, nil); err != nil {
		t.Fatal(err)
	}
}

func fill(t *rapid.T, s *memory.Store, quads []rdf.Quad) {
	tx := s.Begin()
	for _, q := range quads {
		if _, err := tx.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		t.Fatal(err)
	}
}
