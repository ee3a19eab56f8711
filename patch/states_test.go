package patch

import (
	"testing"

	"github.com/quadrille-stream/quadrille/internal/statetable"
	"github.com/quadrille-stream/quadrille/rdf"
)

// TestOrderStates goes through the table in the comment of order.
func TestOrderStates(t *testing.T) {
	a, b := rdf.Trusted(`"a"`), rdf.Trusted(`"b"`)
	where := func(o *order) string {
		switch {
		case o.open:
			return "inside"
		case len(o.head.id) > 0:
			return "headed"
		}
		return "outside"
	}
	make := func(name string, set order, to ...func(*order) string) statetable.State[*order] {
		return statetable.State[*order]{Name: name, Make: func(t *testing.T) *order {
			o := set
			for _, step := range to {
				if fault := step(&o); fault != "" {
					t.Fatal(fault)
				}
			}
			return &o
		}}
	}
	header := func(name string, value rdf.Term) func(*order) string {
		return func(o *order) string { return o.header(name, value) }
	}
	give := func(name string, fn func(*order) string) statetable.Input[*order] {
		return statetable.Input[*order]{Name: name, Give: func(o *order) string {
			before := where(o)
			switch fault := fn(o); {
			case fault != "":
				return "error"
			case where(o) != before:
				return where(o)
			}
			return "."
		}}
	}
	begin, id := (*order).begin, header("id", a)
	strict := order{transactions: true, id: true, onePrev: true}
	statetable.Prove(t, "order.go", "order", []statetable.State[*order]{
		make("outside", order{}), make("headed", order{}, id), make("inside", order{}, begin),
		make("strictly outside", strict, header("prev", b)), make("strictly headed", strict, header("prev", b), id),
		make("strictly inside", strict, header("prev", b), id, begin),
	}, []statetable.Input[*order]{
		give("A, D, PA, PD", (*order).change),
		give("TX", begin),
		give("TC, TA", func(o *order) string { return o.end("TC") }),
		give("H id", header("id", b)),
		give("H prev, the same as id", header("prev", a)),
		give("H prev, another", header("prev", rdf.Trusted(`"c"`))),
		give("another H", header("x", a)),
	})
}
