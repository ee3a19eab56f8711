package difference

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/rdf"
)

func quad(n int) rdf.Quad {
	return rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<urn:s%d>", n)), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted("<urn:o>")}
}

// streamOf hands over numbers as quads, in another order each time, some of them twice.
func streamOf(random *rand.Rand, set map[int]bool, reads *int) Stream {
	return func(_ context.Context, fn func(rdf.Quad) error) error {
		*reads++
		list := slices.Collect(maps.Keys(set))
		list = append(list, list[:len(list)/5]...)
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, n := range list {
			if err := fn(quad(n)); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestOf: the difference is that of the sets, whatever fits into memory.
func TestOf(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		left, right := map[int]bool{}, map[int]bool{}
		for n := range random.IntN(300) {
			which := random.IntN(10)
			left[n], right[n] = which > 0, which != 1
		}
		wantLeft, wantRight := map[rdf.Quad]bool{}, map[rdf.Quad]bool{}
		for n := range left {
			if left[n] && !right[n] {
				wantLeft[quad(n)] = true
			} else if right[n] && !left[n] {
				wantRight[quad(n)] = true
			}
		}
		gone := func(_ int, has bool) bool { return !has }
		maps.DeleteFunc(left, gone)
		maps.DeleteFunc(right, gone)
		reads := 0
		gotLeft, gotRight := map[rdf.Quad]bool{}, map[rdf.Quad]bool{}
		err := Of(t.Context(), streamOf(random, left, &reads), streamOf(random, right, &reads), 1+random.IntN(100),
			func(q rdf.Quad) error { gotLeft[q] = true; return nil }, func(q rdf.Quad) error { gotRight[q] = true; return nil })
		if err != nil || !maps.Equal(gotLeft, wantLeft) || !maps.Equal(gotRight, wantRight) {
			t.Fatalf("seed %d: %v, %s", seed, err, cmp.Diff([]int{len(wantLeft), len(wantRight)}, []int{len(gotLeft), len(gotRight)}))
		}
	}
}

// TestEqualIsReadOnce: what is equal costs one reading of each.
func TestEqualIsReadOnce(t *testing.T) {
	reads := 0
	read := func(_ context.Context, fn func(rdf.Quad) error) error {
		reads++
		return fn(quad(reads / 3)) // the same at first
	}
	none := func(q rdf.Quad) error { return errors.New(q.String()) }
	if err := Of(t.Context(), read, read, 0, none, none); err != nil || reads != 2 {
		t.Errorf("%v, %d readings", err, reads)
	}
}

// TestBounded: what is held at one time is bounded, unless one range has more.
func TestBounded(t *testing.T) {
	var tables [2]table
	for i := range tables {
		tables[i] = make(table, ranges)
	}
	for i, n := range []uint64{3, 3, 10, 1} {
		tables[0][i].count = n
	}
	var sizes []int
	for from := 0; from < ranges; {
		chosen, next := choose(tables, from, 6)
		total := 0
		for r := range chosen {
			total += int(tables[0][r].count)
		}
		sizes, from = append(sizes, total), next
	}
	if !slices.Equal(sizes, []int{6, 10, 1}) {
		t.Errorf("at a time %v", sizes)
	}
}

// TestErrors: those of streams and of who is told are returned.
func TestErrors(t *testing.T) {
	bad := errors.New("bad")
	fails := func(context.Context, func(rdf.Quad) error) error { return bad }
	one := func(n int) Stream {
		return func(_ context.Context, fn func(rdf.Quad) error) error { return fn(quad(n)) }
	}
	good := func(rdf.Quad) error { return nil }
	refuses := func(rdf.Quad) error { return bad }
	for i, err := range []error{
		Of(t.Context(), fails, one(1), 0, good, good), Of(t.Context(), one(1), fails, 0, good, good),
		Of(t.Context(), one(1), one(2), 0, refuses, good), Of(t.Context(), one(1), one(2), 0, good, refuses),
	} {
		if !errors.Is(err, bad) {
			t.Errorf("case %d: %v", i, err)
		}
	}
}
