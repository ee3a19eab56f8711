package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/nearest"
	"github.com/quadrille-stream/quadrille/mapping"
)

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// File is a configuration file that was read and is good: each key is known, and each value what its key takes.
type File struct {
	// Sources and Sinks are those of the file, in order.
	Sources []Source
	Sinks   []Sink
	// Mappings are those that the file declares.
	Mappings *mapping.Set

	path   string
	values map[string][]string // the texts of a key's value, of which a list has any number
	lists  map[string]bool     // keys whose value is a list
	places map[string]string   // where the values stand; bad: they are none

	mistakes Mistakes
}

// bad is the place of a value that the file has, and that is none: what it would mean for other settings isn't known.
const bad = "bad"

// Load reads a file. An error has a line for each mistake, which names file, line and column, what was found there, and what to do.
// Beside it the file is returned as far as it is good, so that what else is wrong can be told, or nil where it can't be read.
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
	f := &File{path: path, values: map[string][]string{}, lists: map[string]bool{}, places: map[string]string{}}
	var document, another yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&document); errors.Is(err, io.EOF) {
		return f, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s%w", path, noYAML(err))
	}
	if err := documents.Decode(&another); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: expected one document, there is another after ---", path)
	}
	if len(document.Content) == 0 || isNull(document.Content[0]) {
		return f, nil
	}
	var doc Document
	f.section(document.Content[0], reflect.ValueOf(&doc).Elem(), "")
	f.compile(&doc)
	return f, f.mistakes.Err()
}

// noYAML says what the reader of YAML says, with the line behind the name of the file.
func noYAML(err error) error {
	if m := inLine.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf(":%s: the file is no YAML: %s", m[1], m[2])
	}
	return fmt.Errorf(": the file is no YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
}

var inLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// Place returns where a key's value stands, as FILE:LINE:COLUMN; empty if the file doesn't have the key. It is a [Places].
func (f *File) Place(key string) string { return f.places[key] }

// Lookup returns the texts of a key's value, and whether it is a list; nothing if the file doesn't have the key.
func (f *File) Lookup(key string) (texts []string, list, found bool) {
	texts, found = f.values[key]
	return texts, f.lists[key], found
}

// Document returns the defaults with what the file says.
func (f *File) Document() (*Document, error) {
	d := &Document{Sources: f.Sources, Sinks: f.Sinks, Mappings: f.Mappings}
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

// at is the place of what stands in the file.
func (f *File) at(node *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", f.path, node.Line, node.Column)
}

// wrong takes in a mistake with its place.
func (f *File) wrong(node *yaml.Node, format string, args ...any) {
	f.mistakes.AddAt(f.at(node), fmt.Errorf(format, args...))
}

// section reads a mapping into a struct, below the key that is given.
func (f *File) section(node *yaml.Node, to reflect.Value, above string) {
	if node.Kind != yaml.MappingNode {
		f.wrong(node, "expected key: value")
		return
	}
	given := map[string]bool{} // with a value, or without
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field, ok := fieldOf(to.Type(), key.Value)
		_, twice := given[key.Value]
		switch {
		case !ok:
			f.wrong(key, "unknown key %q%s", key.Value, hint(to.Type(), above, key.Value))
			continue
		case twice:
			f.wrong(key, "key %q comes twice", above+key.Value)
			continue
		}
		given[key.Value] = !isNull(value)
		if !isNull(value) { // else it is as if the key were not there
			f.value(value, field, to.FieldByIndex(field.Index), above+key.Value)
		}
	}
	f.required(node, to.Type(), above, given)
}

// isNull reports whether a key has no value.
func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// required reports a key that must be there.
func (f *File) required(node *yaml.Node, of reflect.Type, above string, given map[string]bool) {
	for _, field := range settingsOf(of) {
		if _, must := field.Tag.Lookup("required"); must && !given[field.Tag.Get("yaml")] {
			f.wrong(node, "key %q is missing: %s", above+field.Tag.Get("yaml"), field.Tag.Get("help"))
		}
	}
}

// settingsOf returns the fields of a struct, and those of structs in it that have no name of their own.
func settingsOf(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous })
}

// fieldOf returns the field of a key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for _, f := range settingsOf(t) {
		if f.Tag.Get("yaml") == key && key != "" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// hint says what may be meant by an unknown key: the same key in a section, or the nearest one here.
func hint(t reflect.Type, above, key string) string {
	var here []string
	for _, f := range settingsOf(t) {
		if name := f.Tag.Get("yaml"); name != "" {
			here = append(here, name)
		}
	}
	for _, f := range Fields() {
		if section, name, _ := strings.Cut(f.Key, "."); above == "" && (name == key || f.Flag == key) {
			return fmt.Sprintf("; it stands in a section, as %s: {%s: …}", section, name)
		}
	}
	return fmt.Sprintf("; the nearest is %q", nearest.Of(key, here))
}

// value reads the value of one key.
func (f *File) value(value *yaml.Node, field reflect.StructField, to reflect.Value, path string) {
	switch {
	case to.Type() == reflect.TypeFor[*yaml.Node]():
		to.Set(reflect.ValueOf(value))
		return
	case to.Type() == reflect.TypeFor[[]Source]():
		f.items(value, "source", sourceTypes, func(head head, settings any) {
			f.Sources = append(f.Sources, Source{head.name, head.kind, head.mapping, settings, head.place})
		})
		return
	case to.Type() == reflect.TypeFor[[]Sink]():
		f.items(value, "sink", sinkTypes, func(head head, settings any) {
			f.Sinks = append(f.Sinks, Sink{head.name, head.kind, settings, head.place})
		})
		return
	case to.Kind() == reflect.Struct:
		f.section(value, to, path+".")
		return
	case isList(to.Type()):
		f.structs(value, to, path)
		return
	}
	texts, err := textsOf(value, to)
	to.SetZero()
	for _, text := range texts {
		err = errors.Join(err, setText(to, text), inEnum(field, text))
	}
	if err != nil {
		f.wrong(value, "key %q: %w", path, err)
		f.places[path] = bad
		return
	}
	f.values[path], f.lists[path], f.places[path] = texts, value.Kind == yaml.SequenceNode, f.at(value)
}

// isList reports a list whose items have keys of their own.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// structs reads a list whose items have keys of their own.
func (f *File) structs(list *yaml.Node, to reflect.Value, path string) {
	if list.Kind != yaml.SequenceNode {
		f.wrong(list, "key %q: expected a list", path)
		return
	}
	for _, node := range list.Content {
		item := reflect.New(to.Type().Elem()).Elem()
		f.section(node, item, path+".")
		to.Set(reflect.Append(to, item))
	}
}

// textsOf returns the texts of a plain value, a list or a secret.
func textsOf(value *yaml.Node, to reflect.Value) (texts []string, err error) {
	switch {
	case to.Type() == reflect.TypeFor[Secret]():
		text, err := secret(value)
		if err != nil {
			return nil, err
		}
		return []string{text}, nil
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

// head is what the items of a list have in common. A sink has no mapping.
type head struct{ name, kind, mapping, place string }

// compile compiles the mappings of a document. A file that they name is looked for beside the configuration file.
func (f *File) compile(doc *Document) {
	set, mistakes := mapping.Declaration{Base: doc.Base, Prefixes: doc.Prefixes, Mappings: doc.Declared,
		ReadFile: func(name string) ([]byte, error) {
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(f.path), name)
			}
			return readAtMost(name, maxFile)
		}}.Compile()
	for _, m := range mistakes {
		f.mistakes.AddAt(fmt.Sprintf("%s:%d:%d", f.path, m.Line, m.Column), m.Err)
	}
	f.Mappings = set
	if len(mistakes) > 0 {
		f.withoutMapped(doc.Declared)
	}
}

// withoutMapped takes out the sources whose mappings are declared, and may be those that are wrong: nothing can be said of them yet.
func (f *File) withoutMapped(declared *yaml.Node) {
	var names []string
	if declared != nil && declared.Kind == yaml.MappingNode {
		for i := 0; i < len(declared.Content); i += 2 {
			names = append(names, declared.Content[i].Value)
		}
	}
	f.Sources = slices.DeleteFunc(f.Sources, func(s Source) bool {
		if s.Mapping != "" && !slices.Contains(names, s.Mapping) {
			f.mistakes.AddAt(s.Place, fmt.Errorf("source %q: there is no mapping %q; the nearest is %q", s.Name, s.Mapping,
				nearest.Of(s.Mapping, names)))
		}
		return s.Mapping != ""
	})
}

// items reads a list of sources or sinks, each a mapping with name, type, and the settings of the type.
func (f *File) items(list *yaml.Node, what string, types map[string]func() any, add func(head, any)) {
	if list.Kind != yaml.SequenceNode {
		f.wrong(list, "expected a list of %ss", what)
		return
	}
	names := map[string]bool{}
	for _, node := range list.Content {
		if node.Kind != yaml.MappingNode {
			f.wrong(node, "expected a %s: name, type and its settings", what)
			continue
		}
		before := f.mistakes.count()
		parts, rest := f.divide(node, what)
		if !f.head(node, parts, what, types) {
			continue
		}
		name, kind := parts["name"].Value, parts["type"].Value
		if names[name] {
			f.wrong(parts["name"], "two %ss are called %q", what, name)
		}
		names[name] = true
		settings := types[kind]()
		if err := setDefaults(reflect.ValueOf(settings).Elem()); err != nil {
			f.wrong(node, "%w", err)
		}
		f.section(rest, reflect.ValueOf(settings).Elem(), fmt.Sprintf("%ss[%s].", what, kind))
		if f.mistakes.count() > before {
			continue // it isn't known what it is meant to be
		}
		of := head{name, kind, "", f.at(node)}
		if m := parts["mapping"]; m != nil {
			of.mapping = m.Value
		}
		add(of, settings)
	}
}

// divide takes name and type, and a source's mapping, out of an item; the rest are the settings of its type.
func (f *File) divide(node *yaml.Node, what string) (head map[string]*yaml.Node, _ *yaml.Node) {
	head = map[string]*yaml.Node{}
	rest := *node
	rest.Content = nil
	for i := 0; i < len(node.Content); i += 2 {
		switch key := node.Content[i]; {
		case key.Value != "name" && key.Value != "type" && (key.Value != "mapping" || what != "source"):
			rest.Content = append(rest.Content, key, node.Content[i+1])
		case head[key.Value] != nil:
			f.wrong(key, "key %q comes twice", key.Value)
		default:
			head[key.Value] = node.Content[i+1]
		}
	}
	return head, &rest
}

// head reports whether name and type of an item are good.
func (f *File) head(node *yaml.Node, head map[string]*yaml.Node, what string, types map[string]func() any) bool {
	good := true
	wrong := func(at *yaml.Node, format string, args ...any) {
		f.wrong(at, format, args...)
		good = false
	}
	has := func(key string) bool {
		if head[key] == nil || head[key].Kind != yaml.ScalarNode {
			wrong(node, "the %s has no %s", what, key)
			return false
		}
		return true
	}
	if has("name") {
		switch name := head["name"].Value; {
		case !itemName.MatchString(name):
			wrong(head["name"], "name %q: expected 1 to 64 letters, digits, '-' and '_'", name)
		case (event.Producer{Name: name + "/stream"}).Check() != nil: // it would be taken for another kind
			wrong(head["name"], "name %q is reserved", name)
		}
	}
	if has("type") && types[head["type"].Value] == nil {
		wrong(head["type"], "unknown type %q of a %s; there is %s", head["type"].Value, what, strings.Join(keysOf(types), ", "))
	}
	return good
}
