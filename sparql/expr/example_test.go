package expr_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// temperature is a solution of one variable.
type temperature float64

func (t temperature) Value(int) (value.Value, bool, error) {
	return value.Double(float64(t)), true, nil
}

func (t temperature) Number() uint64 { return 1 }

func Example() {
	q, err := sparql.ParseQuery(`SELECT * { ?sensor <http://example.org/celsius> ?t FILTER(?t > 20 && ?t < 30) }`)
	if err != nil {
		fmt.Println(err)
		return
	}
	filter := q.Where.Elements[1].(*sparql.Filter)
	f, err := expr.Compile(filter.Expr, &expr.Env{Slot: func(v sparql.Var) (int, bool) { return 0, v == "t" }})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range []temperature{19.5, 21} {
		ok, err := f.Test(t)
		fmt.Println(t, ok, err)
	}
	// Output:
	// 19.5 false <nil>
	// 21 true <nil>
}
