package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/event"
)

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// File is a configuration file that was read and is good: each key is known, and each value what its key takes.
type File struct {
	// Sources and Sinks are those of the file, in order.
	Sources []Source
	Sinks   []Sink

	path   string
	values map[string][]string // the texts of a key's value, of which a list has any number
	lists  map[string]bool     // keys whose value is a list
}

// Load reads a file. An error names file, line and column, what was found there, and what to do.
func Load(path string) (*File, error) {
	text, err := readAtMost(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return parse(path, text)
}

// readAtMost reads a file that has at most so many bytes.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is too large: at most %d bytes are read", path, limit)
	}
	return text, err
}

// parse reads the text of a file.
func parse(path string, text []byte) (*File, error) {
	f := &File{path: path, values: map[string][]string{}, lists: map[string]bool{}}
	var document, another yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&document); errors.Is(err, io.EOF) {
		return f, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := documents.Decode(&another); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: expected one document, there is another after ---", path)
	}
	if len(document.Content) == 0 || isNull(document.Content[0]) {
		return f, nil
	}
	if err := f.section(document.Content[0], reflect.ValueOf(&Document{}).Elem(), ""); err != nil {
		return nil, err
	}
	return f, nil
}

// Lookup returns the texts of a key's value, and whether it is a list; nothing if the file doesn't have the key.
func (f *File) Lookup(key string) (texts []string, list, found bool) {
	texts, found = f.values[key]
	return texts, f.lists[key], found
}

// Document returns the defaults with what the file says.
func (f *File) Document() (*Document, error) {
	d := &Document{Sources: f.Sources, Sinks: f.Sinks}
	if err := setDefaults(reflect.ValueOf(d).Elem()); err != nil {
		return nil, err
	}
	for _, field := range Fields() {
		texts, _, found := f.Lookup(field.Key)
		if !found {
			continue
		}
		to := field.in(reflect.ValueOf(d).Elem())
		to.SetZero()
		for _, text := range texts {
			if err := setText(to, text); err != nil {
				return nil, fmt.Errorf("%s: key %q: %w", f.path, field.Key, err)
			}
		}
	}
	return d, nil
}

// at is an error with its place.
func (f *File) at(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", f.path, node.Line, node.Column, fmt.Errorf(format, args...))
}

// section reads a mapping into a struct, below the key that is given.
func (f *File) section(node *yaml.Node, to reflect.Value, above string) error {
	if node.Kind != yaml.MappingNode {
		return f.at(node, "expected key: value")
	}
	given := map[string]bool{} // with a value, or without
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field, ok := fieldOf(to.Type(), key.Value)
		_, twice := given[key.Value]
		switch {
		case !ok:
			return f.at(key, "unknown key %q%s", key.Value, hint(to.Type(), above, key.Value))
		case twice:
			return f.at(key, "key %q comes twice", key.Value)
		}
		given[key.Value] = !isNull(value)
		if isNull(value) { // as if the key were not there
			continue
		}
		if err := f.value(key, value, field, to.FieldByIndex(field.Index), above+key.Value); err != nil {
			return err
		}
	}
	return f.required(node, to.Type(), given)
}

// isNull reports whether a key has no value.
func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// required reports a key that must be there.
func (f *File) required(node *yaml.Node, of reflect.Type, given map[string]bool) error {
	for i := range of.NumField() {
		field := of.Field(i)
		if _, must := field.Tag.Lookup("required"); must && !given[field.Tag.Get("yaml")] {
			return f.at(node, "key %q is missing: %s", field.Tag.Get("yaml"), field.Tag.Get("help"))
		}
	}
	return nil
}

// fieldOf returns the field of a key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == key && key != "" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// hint says what may be meant by an unknown key: the same key in a section, or the nearest one here.
func hint(t reflect.Type, above, key string) string {
	var here []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			here = append(here, name)
		}
	}
	for _, f := range Fields() {
		if section, name, _ := strings.Cut(f.Key, "."); above == "" && (name == key || f.Flag == key) {
			return fmt.Sprintf("; it stands in a section, as %s: {%s: …}", section, name)
		}
	}
	return fmt.Sprintf("; the nearest is %q", Nearest(key, here))
}

// value reads the value of one key.
func (f *File) value(key, value *yaml.Node, field reflect.StructField, to reflect.Value, path string) error {
	switch {
	case to.Type() == reflect.TypeFor[[]Source]():
		return f.items(value, "source", sourceTypes, func(name, kind string, settings any) {
			f.Sources = append(f.Sources, Source{name, kind, settings})
		})
	case to.Type() == reflect.TypeFor[[]Sink]():
		return f.items(value, "sink", sinkTypes, func(name, kind string, settings any) {
			f.Sinks = append(f.Sinks, Sink{name, kind, settings})
		})
	case to.Kind() == reflect.Struct:
		return f.section(value, to, path+".")
	}
	texts, err := textsOf(value, to)
	if err != nil {
		return f.at(value, "key %q: %w", key.Value, err)
	}
	to.SetZero()
	for _, text := range texts {
		if err := errors.Join(setText(to, text), inEnum(field, text)); err != nil {
			return f.at(value, "key %q: %w", key.Value, err)
		}
	}
	f.values[path], f.lists[path] = texts, value.Kind == yaml.SequenceNode
	return nil
}

// textsOf returns the texts of a plain value, a list or a secret.
func textsOf(value *yaml.Node, to reflect.Value) (texts []string, err error) {
	switch {
	case to.Type() == reflect.TypeFor[Secret]():
		text, err := secret(value)
		return []string{text}, err
	case value.Kind == yaml.ScalarNode:
		return []string{value.Value}, nil
	case value.Kind != yaml.SequenceNode || to.Kind() != reflect.Slice:
		return nil, errors.New("expected a plain value")
	}
	for _, item := range value.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, errors.New("expected a list of plain values")
		}
		texts = append(texts, item.Value)
	}
	return texts, nil
}

// itemName is what sources and sinks may be called.
var itemName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// items reads a list of sources or sinks, each a mapping with name, type, and the settings of the type.
func (f *File) items(list *yaml.Node, what string, types map[string]func() any, add func(name, kind string, settings any)) error {
	if list.Kind != yaml.SequenceNode {
		return f.at(list, "expected a list of %ss", what)
	}
	names := map[string]bool{}
	for _, node := range list.Content {
		if node.Kind != yaml.MappingNode {
			return f.at(node, "expected a %s: name, type and its settings", what)
		}
		head, rest := map[string]*yaml.Node{}, *node
		rest.Content = nil
		for i := 0; i < len(node.Content); i += 2 {
			if key := node.Content[i]; key.Value == "name" || key.Value == "type" {
				if head[key.Value] != nil {
					return f.at(key, "key %q comes twice", key.Value)
				}
				head[key.Value] = node.Content[i+1]
			} else {
				rest.Content = append(rest.Content, node.Content[i], node.Content[i+1])
			}
		}
		name, settings, err := f.item(node, head, what, types)
		if err != nil {
			return err
		}
		if names[name] {
			return f.at(head["name"], "two %ss are called %q", what, name)
		}
		names[name] = true
		if err := f.settings(&rest, settings); err != nil {
			return err
		}
		add(name, head["type"].Value, settings)
	}
	return nil
}

// item returns the name of a source or sink, and the empty settings of its type.
func (f *File) item(node *yaml.Node, head map[string]*yaml.Node, what string, types map[string]func() any) (string, any, error) {
	known := keysOf(types)
	for _, key := range []string{"name", "type"} {
		if head[key] == nil || head[key].Kind != yaml.ScalarNode {
			return "", nil, f.at(node, "the %s has no %s", what, key)
		}
	}
	if !itemName.MatchString(head["name"].Value) {
		return "", nil, f.at(head["name"], "name %q: expected 1 to 64 letters, digits, '-' and '_'", head["name"].Value)
	}
	if (event.Producer{Name: head["name"].Value + "/stream"}).Check() != nil { // it would be taken for another kind
		return "", nil, f.at(head["name"], "name %q is reserved", head["name"].Value)
	}
	kind := head["type"].Value
	if types[kind] == nil {
		return "", nil, f.at(head["type"], "unknown type %q of a %s; there is %s", kind, what, strings.Join(known, ", "))
	}
	return head["name"].Value, types[kind](), nil
}

// settings reads the settings of a source or sink.
func (f *File) settings(node *yaml.Node, settings any) error {
	to := reflect.ValueOf(settings).Elem()
	if err := setDefaults(to); err != nil {
		return err
	}
	// The values of a list's items have no key of their own.
	own := &File{path: f.path, values: map[string][]string{}, lists: map[string]bool{}}
	return own.section(node, to, "")
}
