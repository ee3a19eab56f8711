package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// TestWhole reads random shards as one: each pattern has the quads that one store has, each once, and so have counts and terms.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := maker{blanks: new(int), number: func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }}
		quads := m.quads(20)
		key := []Key{KeySubject, KeyGraph, KeyDataset}[m.number(2)]
		h := divided(t, key, []int{2, 8, 64}[m.number(2)], quads).Held(AsExpected)
		defer h.Close()
		x := newExec(context.Background(), nil, &Options{Steps: 1 << 40, Memory: 1 << 30}, Identity{})
		w := newWhole(x, h)
		one := filled(t, quads).View()
		defer one.Close()
		for range 5 {
			comparePattern(t, w, one, m.quad(), m.number(15))
		}
	})
}

// comparePattern compares what two readers have for some terms of a quad.
func comparePattern(t *rapid.T, got, want store.Reader, quad rdf.Quad, bound int) {
	var asked [2]store.Pattern
	for i, r := range []store.Reader{got, want} {
		for k, term := range []rdf.Term{quad.S, quad.P, quad.O, quad.G} {
			if bound&(1<<k) == 0 {
				continue
			}
			id, ok, err := r.Lookup(term)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				id = nothing
			}
			*quadPlaces((*store.Quad)(&asked[i]))[k] = id
		}
	}
	all := read(t, want, asked[1])
	if found := read(t, got, asked[0]); !slices.Equal(found, all) {
		t.Fatalf("%b of %v: %q, expected %q", bound, quad, found, all)
	}
	if n, err := got.Count(asked[0]); n != len(all) || err != nil {
		t.Fatalf("%b of %v: counts %d, %v, expected %d", bound, quad, n, err, len(all))
	}
	about, err := got.Statistics(asked[0].P)
	exactly, wrong := want.Statistics(asked[1].P)
	if err != nil || wrong != nil || about.Quads != exactly.Quads || about.Subjects > about.Quads || about.Objects > about.Quads ||
		min(about.Subjects, about.Objects) == 0 && about.Quads > 0 {
		t.Fatalf("statistics of %v: %+v, %v, of one store %+v, %v", quad.P, about, err, exactly, wrong)
	}
}

// read are the quads of a pattern as sorted texts, which are the same in blocks.
func read(t *rapid.T, r store.Reader, p store.Pattern) (quads []string) {
	var blocks []string
	show := func(q store.Quad) (text string) {
		for _, id := range quadPlaces(&q) {
			term, err := r.Term(*id)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprint(term, " ")
		}
		return text
	}
	for q, err := range r.Match(p) {
		if err != nil {
			t.Fatal(err)
		}
		quads = append(quads, show(q))
	}
	err := r.Blocks(p, make([]store.Quad, 3), func(some []store.Quad) error {
		for _, q := range some {
			blocks = append(blocks, show(q))
		}
		return nil
	})
	slices.Sort(quads)
	slices.Sort(blocks)
	if err != nil || !slices.Equal(quads, blocks) {
		t.Fatalf("%q in blocks %q, %v", quads, blocks, err)
	}
	return quads
}

// TestWholeEnds: reading ends when it is told, and what takes too much memory is over the bound.
func TestWholeEnds(t *testing.T) {
	var quads []rdf.Quad
	for i := range 1000 {
		quads = append(quads, rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<http://e/s%d>", i)), P: rdf.Trusted("<http://e/p>"), O: rdf.Trusted(fmt.Sprintf(`"o%d"`, i))})
	}
	h := divided(t, KeySubject, 8, quads).Held(AsExpected)
	defer h.Close()
	ctx, cancel := context.WithCancel(t.Context())
	x := newExec(ctx, nil, &Options{Steps: 1 << 40, Memory: 1 << 20}, Identity{})
	w := newWhole(x, h)
	n := 0
	for range w.Match(store.Pattern{}) {
		if n++; n == 300 {
			break
		}
	}
	enough := errors.New("enough")
	err := w.Blocks(store.Pattern{}, make([]store.Quad, 10), func([]store.Quad) error { n++; return enough })
	if n != 301 || !errors.Is(err, enough) {
		t.Errorf("%d, %v", n, err)
	}
	cancel()
	for range 2 * checkEvery {
		if _, err = w.Count(store.Pattern{P: 1 << 61}); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, expected that it was cancelled", err)
	}
	x = newExec(t.Context(), nil, &Options{Steps: 1 << 40, Memory: 64 << 10}, Identity{})
	_, err = x.r, newWhole(x, h).Blocks(store.Pattern{}, make([]store.Quad, 10), func([]store.Quad) error { return nil })
	if over := (&BudgetError{}); !errors.As(err, &over) || over.Bound != "Memory" {
		t.Errorf("%v, expected that it is over its memory", err)
	}
}

// TestDifferent: the estimate of how many different terms there are in all is what an even distribution has.
func TestDifferent(t *testing.T) {
	for _, of := range []struct{ terms, quads, in int }{{1000, 100, 10}, {100, 10_000, 8}, {5000, 20_000, 8}, {20_000, 20_000, 64}} {
		var d different
		all := map[int]bool{}
		random := uint64(1)
		for range of.in {
			own := map[int]bool{}
			for range of.quads / of.in {
				random = random*6364136223846793005 + 1442695040888963407
				term := int(random>>33) % of.terms
				own[term], all[term] = true, true
			}
			d.add(len(own), of.quads/of.in)
		}
		if got := d.all(1); got < len(all)*8/10 || got > len(all)*12/10 {
			t.Errorf("%+v: %d, there are %d", of, got, len(all))
		}
	}
	if got := (&different{}).all(1); got != 0 {
		t.Errorf("%d of nothing", got)
	}
}
