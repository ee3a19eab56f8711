package config

import (
	"encoding"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Size is a number of bytes; its text may end in KiB, MiB, GiB, kB, MB or GB.
type Size int64

var units = []struct {
	name string
	size Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(string(text), unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(unit.size) {
			break
		}
		*b = Size(n) * unit.size
		return nil
	}
	return fmt.Errorf("size %q: expected a number of bytes, such as 65536, 64KiB or 64MiB", text)
}

// String returns the size in the largest unit that holds it without a rest.
func (b Size) String() string {
	for _, unit := range units {
		if b >= unit.size && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Secret is a text that nobody is to read. In a file it may stand elsewhere: {env: NAME} or {file: PATH}.
type Secret string

// String hides it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// maxSecret bounds a file that holds a secret, in bytes.
const maxSecret = 64 << 10

// secret reads where a secret stands.
func secret(node *yaml.Node) (string, error) {
	if node.Kind == yaml.ScalarNode {
		return node.Value, nil
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 || node.Content[1].Kind != yaml.ScalarNode {
		return "", fmt.Errorf("expected a text, {env: NAME} or {file: PATH}")
	}
	where := node.Content[1].Value
	switch node.Content[0].Value {
	case "env":
		value := os.Getenv(where)
		if value == "" { // who names a secret means to have one
			return "", fmt.Errorf("the environment variable %s is not set, or empty", where)
		}
		return value, nil
	case "file":
		text, err := readAtMost(where, maxSecret)
		value := strings.TrimRight(string(text), "\r\n")
		if err == nil && value == "" {
			err = fmt.Errorf("%s is empty", where)
		}
		return value, err
	}
	return "", fmt.Errorf("%q: expected env or file", node.Content[0].Value)
}

// setText gives a field the value of a text, or of one item of a list.
func setText(to reflect.Value, text string) error {
	if of, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return of.UnmarshalText([]byte(text))
	}
	if to.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q: expected a time such as 500ms, 10s or 24h", text)
		}
		to.SetInt(int64(d))
		return nil
	}
	switch to.Kind() {
	case reflect.String:
		to.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q: expected true or false", text)
		}
		to.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q: expected a whole number", text)
		}
		to.SetInt(int64(n))
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%q: expected a number", text)
		}
		to.SetFloat(n)
	case reflect.Slice:
		item := reflect.New(to.Type().Elem()).Elem()
		if err := setText(item, text); err != nil {
			return err
		}
		to.Set(reflect.Append(to, item))
	default:
		return fmt.Errorf("a field of type %v can't be configured", to.Type())
	}
	return nil
}

// setDefaults gives the fields of a struct their defaults.
func setDefaults(of reflect.Value) error {
	for i := range of.NumField() {
		f := of.Type().Field(i)
		if of.Field(i).Kind() == reflect.Struct {
			if err := setDefaults(of.Field(i)); err != nil {
				return err
			}
			continue
		}
		if text, has := f.Tag.Lookup("default"); has {
			if err := setText(of.Field(i), text); err != nil {
				return fmt.Errorf("default of %s: %w", f.Name, err)
			}
		}
	}
	return nil
}

// inEnum reports a text that is none of those that the field may have.
func inEnum(f reflect.StructField, text string) error {
	enum, has := f.Tag.Lookup("enum")
	if has && !slices.Contains(strings.Split(enum, ","), text) {
		return fmt.Errorf("%q is none of %s", text, strings.ReplaceAll(enum, ",", ", "))
	}
	return nil
}
