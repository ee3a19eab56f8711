package memory

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/store"
)

// TestSortSteps: behind each step the quads are in the order of its tree, and still the same.
func TestSortSteps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 5000} {
		quads := make([]quad, n)
		for i := range quads {
			quads[i] = quad{random.Uint32N(100), random.Uint32N(4), random.Uint32(), random.Uint32N(3) << 20}
			if i%2 == 0 {
				quads[i].setObject(store.ID(1<<62 | random.Uint64N(1<<58)))
			}
		}
		s := sorting{quads: slices.Clone(quads), room: make([]quad, n)}
		for _, step := range sortSteps {
			for _, c := range step.by {
				s.by(c)
			}
			order := func(a, b quad) int {
				x, y := components[step.tree].key(&a), components[step.tree].key(&b)
				return slices.Compare(x[:], y[:])
			}
			want := slices.Clone(quads)
			slices.SortFunc(want, order)
			if !slices.Equal(s.quads, want) {
				t.Fatalf("%d quads are not in the order of tree %d", n, step.tree)
			}
		}
	}
}
