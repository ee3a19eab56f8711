package sparql_test

import (
	"fmt"
	"reflect"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// tree is a query or an update.
type tree interface {
	fmt.Stringer
	Append(dst []byte) []byte
}

// parse reads a query or an update.
func parse(text string, update bool, opts ...sparql.Option) (tree, error) {
	if update {
		return sparql.ParseUpdate(text, opts...)
	}
	return sparql.ParseQuery(text, opts...)
}

// difference is what two trees do not have in common, but for the places in their texts, which go away.
func difference(a, b tree) string {
	forget(reflect.ValueOf(a))
	forget(reflect.ValueOf(b))
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return cmp.Diff(a, b, cmp.Comparer(func(a, b rdf.Term) bool { return a == b }))
}

// forget makes all places zero and all empty slices nil.
func forget(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			forget(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			forget(v.Index(i))
		}
		if v.Len() == 0 && v.CanSet() {
			v.SetZero()
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[sparql.Pos]() {
			if v.CanSet() {
				v.SetZero()
			}
			return
		}
		for i := range v.NumField() {
			if v.Type() != reflect.TypeFor[rdf.Term]() {
				forget(v.Field(i))
			}
		}
	}
}

// rewritten writes a tree and reads that again. It says what is not equal; "" if all is.
func rewritten(t tree) string {
	text := t.String()
	_, update := t.(*sparql.Update)
	again, err := parse(text, update)
	if err != nil {
		return fmt.Sprintf("%v in what was written:\n%s", err, text)
	}
	if diff := difference(t, again); diff != "" {
		return fmt.Sprintf("what was written is read as another tree:\n%s\n%s", text, diff)
	}
	if second := again.String(); second != text {
		return fmt.Sprintf("what was written is written otherwise again:\n%s\n%s", text, second)
	}
	return ""
}
