package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
)

// input is what references are looked up in.
type input struct {
	// document is the whole, row the part of it that is mapped.
	document, row any
	vars          map[string]string
	// nativeDocument and nativeRow are the same for expressions.
	nativeDocument, nativeRow any
}

// reference is what stands in $(…).
type reference struct {
	text string
	// keys are the way to a value through objects; simple and most frequent.
	keys []string
	// path is the way otherwise, from the document if whole is set, else from the row.
	path  *jsonpath.Path
	whole bool
	// variable is the name of one of the message's, and part the number of its part between slashes; 0: all of it.
	variable string
	part     int
}

// parseReference reads what stands between the brackets. In CSV each text but a variable is the name of a column.
func parseReference(text string, of format) (r reference, err error) {
	r.text = text
	switch {
	case text == "":
		return r, errors.New("$() names nothing")
	case text[0] == '#':
		return r, r.parseVariable(text[1:])
	case of == csvFormat:
		r.keys = []string{text}
		return r, nil
	case text[0] == '$':
		r.whole = true
		r.path, err = jsonpath.Parse(text)
	case text[0] == '@':
		r.path, err = jsonpath.Parse("$" + text[1:])
	case text[0] == '[' || strings.HasPrefix(text, ".."):
		r.path, err = jsonpath.Parse("$" + text)
	case strings.ContainsAny(text, `[]*'"?`) || strings.Contains(text, ".."):
		r.path, err = jsonpath.Parse("$." + text)
	default:
		r.keys = strings.Split(text, ".")
		for _, key := range r.keys {
			if key == "" {
				return r, fmt.Errorf("$(%s): expected names with dots between them", text)
			}
		}
	}
	if err != nil {
		return r, fmt.Errorf("$(%s): %w", text, err)
	}
	return r, nil
}

// parseVariable reads NAME or NAME/PART.
func (r *reference) parseVariable(text string) error {
	name, part, divided := strings.Cut(text, "/")
	if name == "" {
		return fmt.Errorf("$(#%s): expected the name of a variable", text)
	}
	r.variable = name
	if !divided {
		return nil
	}
	n, err := strconv.Atoi(part)
	if err != nil || n < 1 {
		return fmt.Errorf("$(#%s): expected the number of a part, from 1, behind the slash", text)
	}
	r.part = n
	return nil
}

// find calls fn with each value that is there; arrays are gone into. It stops at fn's error.
func (r *reference) find(in *input, fn func(any) error) error {
	switch {
	case r.variable != "":
		if text, ok := r.findVariable(in.vars); ok {
			return fn(text)
		}
		return nil
	case r.path != nil:
		from := in.row
		if r.whole {
			from = in.document
		}
		for _, v := range r.path.Select(from) {
			if err := fanOut(v, fn); err != nil {
				return err
			}
		}
		return nil
	}
	v := in.row
	for _, key := range r.keys {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		if v, ok = object[key]; !ok {
			return nil
		}
	}
	return fanOut(v, fn)
}

func (r *reference) findVariable(vars map[string]string) (string, bool) {
	text, ok := vars[r.variable]
	if !ok || r.part == 0 {
		return text, ok
	}
	n := 0
	for part := range strings.SplitSeq(text, "/") {
		if n++; n == r.part {
			return part, part != ""
		}
	}
	return "", false
}

// fanOut calls fn with a value, or with what is in it where it is an array.
func fanOut(v any, fn func(any) error) error {
	list, ok := v.([]any)
	if !ok {
		return fn(v)
	}
	for _, item := range list {
		if err := fanOut(item, fn); err != nil {
			return err
		}
	}
	return nil
}

// textOf is the text of a plain value.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", wrongValue(fmt.Sprint(v), "expected a text, a number, true or false, found an object: name a member of it")
}

// native is a JSON value as expressions have it: numbers that can be computed with.
func native(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil { // too large for either
			return v.String()
		}
		return f
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = native(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, value := range v {
			object[key] = native(value)
		}
		return object
	}
	return v
}
