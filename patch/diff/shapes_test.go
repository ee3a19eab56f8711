package diff_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
)

// shape is a dataset of blank nodes that look alike. label is the name of the i-th.
type shape func(label func(i int) rdf.Term) []rdf.Quad

var (
	first = rdf.Trusted("<http://www.w3.org/1999/02/22-rdf-syntax-ns#first>")
	rest  = rdf.Trusted("<http://www.w3.org/1999/02/22-rdf-syntax-ns#rest>")
	end   = rdf.Trusted("<http://www.w3.org/1999/02/22-rdf-syntax-ns#nil>")
	knows = rdf.Trusted("<x:knows>")
)

// list is a list of a number n times, of which one is another.
func list(n, other int) shape {
	return func(label func(i int) rdf.Term) []rdf.Quad {
		quads := []rdf.Quad{{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: label(0)}}
		for i := range n {
			value, next := rdf.Trusted(`"7"`), end
			if i == other {
				value = rdf.Trusted(`"8"`)
			}
			if i < n-1 {
				next = label(i + 1)
			}
			quads = append(quads, rdf.Quad{S: label(i), P: first, O: value}, rdf.Quad{S: label(i), P: rest, O: next})
		}
		return quads
	}
}

func clique(n int) shape {
	return func(label func(i int) rdf.Term) (quads []rdf.Quad) {
		for i := range n {
			for j := range n {
				if i != j {
					quads = append(quads, rdf.Quad{S: label(i), P: knows, O: label(j)})
				}
			}
		}
		return quads
	}
}

// torus is a grid of nodes whose borders are joined; of height 1, a ring.
func torus(width, height int) shape {
	return func(label func(i int) rdf.Term) (quads []rdf.Quad) {
		for x := range width {
			for y := range height {
				at := label(x*height + y)
				quads = append(quads, rdf.Quad{S: at, P: knows, O: label((x+1)%width*height + y)})
				if height > 1 {
					quads = append(quads, rdf.Quad{S: at, P: knows, O: label(x*height + (y+1)%height)})
				}
			}
		}
		return quads
	}
}

// regular is a random graph in which each node knows three others, as they know it; n is even.
func regular(n int) shape {
	return func(label func(i int) rdf.Term) (quads []rdf.Quad) {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		known := map[[2]int]bool{}
		for range 3 {
			for pairs := random.Perm(n); len(pairs) > 0; {
				a, b := pairs[0], pairs[1]
				if known[[2]int{a, b}] { // a pair that knows each other twice would tell its nodes from all others
					i := 2 + random.IntN(len(pairs)-2)
					pairs[1], pairs[i] = pairs[i], b
					continue
				}
				known[[2]int{a, b}], known[[2]int{b, a}] = true, true
				quads = append(quads, rdf.Quad{S: label(a), P: knows, O: label(b)}, rdf.Quad{S: label(b), P: knows, O: label(a)})
				pairs = pairs[2:]
			}
		}
		return quads
	}
}

// two is two shapes, which have nothing to do with each other.
func two(a, b shape) shape {
	return func(label func(i int) rdf.Term) []rdf.Quad {
		return append(a(label), b(func(i int) rdf.Term { return label(10_000 + i) })...)
	}
}

// TestShapes: a dataset differs from itself in nothing, under the same and under other labels; what is changed little makes
// few rows.
func TestShapes(t *testing.T) {
	same := func(i int) rdf.Term { return blank("n", i) }
	order := rand.New(rand.NewPCG(1, 2)).Perm(100_000)
	labels := map[string]func(i int) rdf.Term{
		"same": same, "other": func(i int) rdf.Term { return blank("m", order[i]) },
		"mixed": func(i int) rdf.Term { return blank("n", i*7919%100_003) },
	}
	for _, c := range []struct {
		name string
		a, b shape
		most int
	}{
		{"list", list(200, -1), list(200, -1), 0},
		{"long list", list(20_000, -1), list(20_000, -1), 0},
		{"clique of 8", clique(8), clique(8), 0},
		{"clique of 30", clique(30), clique(30), 0},
		{"ring", torus(200, 1), torus(200, 1), 0},
		{"torus", torus(12, 12), torus(12, 12), 0},
		{"regular", regular(300), regular(300), 0},
		{"large and regular", regular(3_000), regular(3_000), 0},
		{"rings of one size", two(torus(50, 1), torus(50, 1)), two(torus(50, 1), torus(50, 1)), 0},
		{"rings of two sizes", two(torus(50, 1), torus(60, 1)), two(torus(60, 1), torus(50, 1)), 0},
		{"list and clique", two(list(300, -1), clique(8)), two(list(300, -1), clique(8)), 0},
		{"a digit of a list", list(300, -1), list(300, 150), 2},
		{"the last digit", list(300, -1), list(300, 299), 2},
		{"a longer list", list(300, -1), list(301, -1), 4},
		{"a digit beside a clique", two(list(300, -1), clique(8)), two(list(300, 7), clique(8)), 2},
	} {
		for name, label := range labels {
			a, b := c.a(same), c.b(label)
			doc, s := patchOf(t, a, b)
			if rows := s.Adds + s.Deletes; rows > c.most {
				t.Errorf("%s, labels %s: %d rows, expected at most %d", c.name, name, rows, c.most)
			}
			if len(a) < 2000 {
				isomorphic(t, apply(t, a, doc, s), b)
			}
		}
	}
}

// BenchmarkManyParts is of the usual case: many small parts.
func BenchmarkManyParts(b *testing.B) {
	quads := func(label string) (all []rdf.Quad) {
		for i := range 10_000 {
			all = append(all, rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<x:%d>", i)), P: knows, O: blank(label, 2*i)},
				rdf.Quad{S: blank(label, 2*i), P: knows, O: blank(label, 2*i+1)},
				rdf.Quad{S: blank(label, 2*i+1), P: first, O: rdf.Trusted(fmt.Sprintf(`"%d"`, i%10))})
		}
		return all
	}
	one, other := quads("a"), quads("b")
	b.ReportAllocs()
	for b.Loop() {
		if _, s := patchOf(b, one, other); s.Adds+s.Deletes != 0 {
			b.Fatal(s)
		}
	}
}
