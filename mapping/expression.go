package mapping

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// maxCost bounds the work of one evaluation of an expression, in the units of CEL: about one for each operation, and one for ten
// bytes of text.
const maxCost = 1_000_000

// environment is what expressions know: the row, the document and the message's variables.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("row", cel.DynType),
		cel.Variable("doc", cel.DynType),
		cel.Variable("message", cel.MapType(cel.StringType, cel.StringType)),
		ext.Strings(), ext.Math(),
	)
})

// expression is a compiled one. Evaluations may be concurrent.
type expression struct {
	program cel.Program
	out     *cel.Type
}

// compileExpression compiles a text.
func compileExpression(text string) (*expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, mistakesOf(text, issues.Errors())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	return &expression{program, ast.OutputType()}, nil
}

// compileCondition compiles an expression that is true or false. One that is false whatever comes is a mistake.
func compileCondition(text string) (*expression, error) {
	e, err := compileExpression(text)
	if err != nil {
		return nil, err
	}
	if !e.out.IsAssignableType(cel.BoolType) && !e.out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("expected a condition, true or false, found %s", e.out)
	}
	if v, err := e.eval(nothing{}); err == nil && v == types.False {
		return nil, errors.New("the condition is false whatever comes: it can never match")
	}
	return e, nil
}

// nothing has no variables: what is evaluated with it all the same is a constant.
type nothing struct{}

// ResolveName implements [cel.Activation].
func (nothing) ResolveName(string) (any, bool) { return nil, false }

// Parent implements [cel.Activation].
func (nothing) Parent() cel.Activation { return nil }

// ResolveName implements [cel.Activation].
func (in *input) ResolveName(name string) (any, bool) {
	switch name {
	case "row":
		return in.nativeRow, true
	case "doc":
		return in.nativeDocument, true
	case "message":
		return in.vars, true
	}
	return nil, false
}

// Parent implements [cel.Activation].
func (*input) Parent() cel.Activation { return nil }

func (e *expression) eval(with cel.Activation) (ref.Val, error) {
	v, _, err := e.program.Eval(with)
	if err != nil && strings.Contains(err.Error(), "no such overload") {
		err = fmt.Errorf("%w; whole numbers and others don't mix: double(row.x) makes either one of the others", err)
	}
	return v, err
}

// holds evaluates a condition; nil holds always.
func (e *expression) holds(in *input) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := e.eval(in)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("expected true or false, found %s", v.Type().TypeName())
	}
	return bool(b), nil
}

// computed is a value that an expression made, with the datatype that its kind has; empty: a text.
type computed struct{ text, datatype string }

// values evaluates to any number of values: each item of a list is one. A null is none.
func (e *expression) values(in *input) (list []computed, found presence, err error) {
	v, err := e.eval(in)
	if err != nil {
		return nil, missing, err
	}
	if v.Type() == types.NullType {
		return nil, null, nil
	}
	if v.Type() != types.ListType {
		one, err := plainValue(v)
		return []computed{one}, present, err
	}
	items, err := v.ConvertToNative(reflect.TypeFor[[]ref.Val]())
	if err != nil {
		return nil, missing, err
	}
	for _, item := range items.([]ref.Val) {
		one, err := plainValue(item)
		if err != nil {
			return nil, missing, err
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, null, nil
	}
	return list, present, nil
}

// plainValue is the text of one value.
func plainValue(v ref.Val) (computed, error) {
	switch v := v.(type) {
	case types.String:
		return computed{text: string(v)}, nil
	case types.Bool:
		return computed{strconv.FormatBool(bool(v)), xsdBoolean}, nil
	case types.Int:
		return computed{strconv.FormatInt(int64(v), 10), xsdInteger}, nil
	case types.Uint:
		return computed{strconv.FormatUint(uint64(v), 10), xsdInteger}, nil
	case types.Double:
		return computed{formatDouble(float64(v)), xsdDouble}, nil
	case types.Timestamp:
		return computed{v.Time.UTC().Format(time.RFC3339Nano), xsdDateTime}, nil
	}
	return computed{}, fmt.Errorf("expected a text, a number, true, false, a time, or a list of such, found %s", v.Type().TypeName())
}
