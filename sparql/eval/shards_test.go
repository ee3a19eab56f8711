package eval

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// InProcess are shards in this process. What they are asked for and answer goes through its encoding.
type InProcess struct {
	key      Key
	stores   []*memory.Store
	answerer *Answerer

	mu       sync.Mutex
	requests int
	bindings int
	sent     int // bytes of requests
	got      int // bytes of answers
}

// divided returns shards with these quads.
func divided(t interface{ Fatal(...any) }, key Key, n int, quads []rdf.Quad) *InProcess {
	s := &InProcess{key: key, answerer: NewAnswerer(Options{})}
	of := make([][]rdf.Quad, n)
	for range n {
		s.stores = append(s.stores, memory.New())
	}
	for _, q := range quads {
		at := s.Of(map[Key]rdf.Term{KeySubject: q.S, KeyGraph: q.G, KeyDataset: {}}[key])
		of[at] = append(of[at], q)
	}
	for i, some := range of {
		fill(t, s.stores[i], some)
	}
	return s
}

func (s *InProcess) Number() int { return len(s.stores) }

func (s *InProcess) Of(key rdf.Term) int {
	h := fnv.New32a()
	h.Write([]byte(key.String()))
	return int(h.Sum32() % uint32(len(s.stores)))
}

func (s *InProcess) Ask(ctx context.Context, shard int, request []byte, part func([]byte) error) error {
	view := s.stores[shard].View()
	defer view.Close()
	s.mu.Lock()
	s.requests++
	s.sent += len(request)
	if req, err := fragment.Parse(request); err == nil && len(req.Bound) > 0 {
		_ = (&fragment.Reader{Width: len(req.Bound)}).Read(req.Bindings, func(uint64, []fragment.Cell) error {
			s.bindings++
			return nil
		})
	}
	s.mu.Unlock()
	return s.answerer.Answer(ctx, view, request, func(block []byte) error {
		s.mu.Lock()
		s.got += len(block)
		s.mu.Unlock()
		return part(block)
	})
}

// Spread divides the quads of a store.
func Spread(t testing.TB, from store.Reader, key Key, n int) *InProcess {
	t.Helper()
	var quads []rdf.Quad
	for q, err := range from.Match(store.Pattern{}) {
		var terms [4]rdf.Term
		for i, id := range [4]store.ID{q.S, q.P, q.O, q.G} {
			if err == nil {
				terms[i], err = from.Term(id)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		quads = append(quads, rdf.Quad{S: terms[0], P: terms[1], O: terms[2], G: terms[3]}.Clone())
	}
	shards := divided(t, key, n, quads)
	for _, s := range shards.stores {
		if err := s.Index(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return shards
}

// The ways to evaluate a query over shards that are all here.
const (
	AsExpected = iota // by the rows that are expected
	ByParts           // one shard after the other or divided, if each shard gives its part
	Divided           // one shard after the other, or else divided
)

// Held returns the shards as they are here, to be evaluated in one of the ways, until the test ends.
func (s *InProcess) Held(way int) *Held {
	h := &Held{Shards: s, Key: s.key}
	for _, of := range s.stores {
		h.Views = append(h.Views, of.View())
	}
	if way >= ByParts {
		h.few = -1
	}
	if way == Divided {
		h.many = -1
	}
	return h
}

// Close closes the views.
func (h *Held) Close() {
	for _, view := range h.Views {
		view.(store.View).Close()
	}
}

// overHeld evaluates a SELECT over shards that are all here, and returns its rows as sorted texts.
func overHeld(shards *InProcess, way int, q *sparql.Query, o Options) (rows []string, err error) {
	p, err := Prepare(q, o)
	if err != nil {
		return nil, err
	}
	h := shards.Held(way)
	defer h.Close()
	e, err := p.Plan(context.Background(), h, Identity{})
	if err != nil {
		return nil, err
	}
	err = e.Select(func(row []rdf.Term) error {
		rows = append(rows, textOf(p.Vars(), row))
		return nil
	})
	slices.Sort(rows)
	return rows, err
}

// textOf is a row as a text.
func textOf(vars []sparql.Var, row []rdf.Term) string {
	m := mu{}
	for i, v := range vars {
		if !row[i].IsZero() {
			m[v] = row[i]
		}
	}
	return m.text()
}

// overShards evaluates a SELECT over shards, and returns its rows as sorted texts.
func overShards(shards *InProcess, q *sparql.Query, o Options) (rows []string, err error) {
	d, err := Divide(q, shards.key, o)
	if err != nil {
		return nil, err
	}
	err = d.Select(context.Background(), shards, Identity{}, func(row []rdf.Term) error {
		rows = append(rows, textOf(d.Vars(), row))
		return nil
	})
	slices.Sort(rows)
	return rows, err
}

// TestOverShards compares what is evaluated over shards, whatever the order of joins and the ways to read fragments, with what is
// evaluated over one store.
func TestOverShards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := maker{blanks: new(int), number: func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }}
		compareOverShards(t, m)
		seed := rapid.Uint64().Draw(t, "seed")
		even := rand.New(rand.NewPCG(seed, 1))
		compareOverShards(t, maker{blanks: new(int), number: func(most int) int { return even.IntN(most + 1) }})
	})
}

// aggregation is a query with aggregates of each kind whose result is the same whatever the order of solutions.
func (m maker) aggregation() *sparql.Query {
	q := &sparql.Query{Where: m.group(2)}
	if v := m.variable(); m.number(2) > 0 {
		q.GroupBy = []sparql.GroupKey{{Var: v}}
		q.Project = []sparql.Projection{{Var: v}}
	}
	for i := range 1 + m.number(2) {
		a := &sparql.Aggregate{Name: []string{"COUNT", "SUM", "AVG", "MIN", "MAX"}[m.number(4)], Distinct: m.number(1) == 0}
		a.Expr = &sparql.NodeExpr{Node: sparql.Node{Var: m.variable()}}
		if a.Name == "COUNT" && m.number(2) == 0 {
			a.Expr = nil
		}
		q.Project = append(q.Project, sparql.Projection{Var: sparql.Var(fmt.Sprintf("x%d", i)), Expr: a})
	}
	if m.number(3) == 0 {
		q.Having = []sparql.Expr{&sparql.Binary{
			Op: sparql.Greater, Left: &sparql.Aggregate{Name: "COUNT"}, Right: &sparql.NodeExpr{Node: sparql.Node{Term: nodeTerms[3]}},
		}}
	}
	return q
}

func compareOverShards(t *rapid.T, m maker) {
	quads := m.quads(12)
	q := &sparql.Query{Where: m.group(3), Project: all()}
	switch m.number(3) {
	case 0:
		q = m.selection(3)
	case 1:
		q = m.aggregation()
	}
	if m.number(2) == 0 {
		for _, g := range graphTerms {
			if in := m.number(3); in&1 != 0 {
				q.Dataset.Default = append(q.Dataset.Default, g)
			} else if in&2 != 0 {
				q.Dataset.Named = append(q.Dataset.Named, g)
			}
		}
	}
	view := filled(t, quads).View()
	defer view.Close()
	o := Options{UnionDefault: m.number(3) == 0}
	want := solutions(t, view, q, o)
	for _, key := range []Key{KeySubject, KeyGraph, KeyDataset} {
		seed := m.number(1 << 16)
		o := o
		if seed%3 != 0 {
			o.order = rand.New(rand.NewPCG(uint64(seed), 0)).IntN
		}
		shards := divided(t, key, []int{1, 8, 64}[m.number(2)], quads)
		if got, err := overShards(shards, q, o); !slices.Equal(got, want) || err != nil {
			d, _ := Divide(q, key, o)
			plan, _ := d.Explain(context.Background(), shards, Identity{}, false)
			t.Fatalf("key %s, %d shards, union %t: %s\nover\n%s\ngot  %q, %v\nwant %q\nplan\n%v", key, len(shards.stores), o.UnionDefault, q, lines(quads), got, err, want, plan)
		}
		for way := range Divided + 1 {
			if got, err := overHeld(shards, way, q, o); !slices.Equal(got, want) || err != nil {
				t.Fatalf("key %s, %d shards here, way %d, union %t: %s\nover\n%s\ngot  %q, %v\nwant %q", key, len(shards.stores), way, o.UnionDefault, q, lines(quads), got, err, want)
			}
		}
	}
}

// Moved returns how many requests there were so far, and how many bindings were sent with them.
func (s *InProcess) Moved() (requests, bindings int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, s.bindings
}

// Bound has the shards answer within these bounds.
func (s *InProcess) Bound(o Options) { s.answerer = NewAnswerer(o) }
