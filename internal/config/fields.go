package config

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/nearest"
	"github.com/quadrille-stream/quadrille/mapping"
)

// Field is one setting.
type Field struct {
	// Key is its place in the file, such as engine.data.
	Key string
	// Flag is the name of its flag, and Env that of its environment variable.
	Flag, Env string
	// Type says what it takes, Default what it is unless set; both are for people.
	Type, Default string
	// Help says what it is.
	Help string

	index []int
}

// in returns the field's value in a document.
func (f Field) in(document reflect.Value) reflect.Value { return document.FieldByIndex(f.index) }

// Fields returns all settings of the sections, in the order of their declaration.
func Fields() (list []Field) {
	document := reflect.TypeFor[Document]()
	for i := range document.NumField() {
		section := document.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for j := range section.Type.NumField() {
			f := fieldFrom(section.Type.Field(j))
			f.Key, f.index = section.Tag.Get("yaml")+"."+f.Key, []int{i, j}
			list = append(list, f)
		}
	}
	return list
}

// fieldFrom describes a field of a struct.
func fieldFrom(f reflect.StructField) Field {
	key := f.Tag.Get("yaml")
	flag := f.Tag.Get("name")
	if flag == "" {
		flag = key
	}
	return Field{Key: key, Flag: flag, Env: envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")), Type: typeOf(f),
		Default: f.Tag.Get("default"), Help: strings.ReplaceAll(f.Tag.Get("help"), "${enum}", strings.ReplaceAll(f.Tag.Get("enum"), ",", ", "))}
}

// typeOf says what a field takes.
func typeOf(f reflect.StructField) string {
	if enum := f.Tag.Get("enum"); enum != "" {
		return strings.ReplaceAll(enum, ",", " or ")
	}
	name := map[string]string{"Duration": "time", "Size": "bytes", "Secret": "secret", "Level": "level", "int": "number",
		"float64": "number", "bool": "true or false", "string": "text"}
	if isList(f.Type) {
		return "list of items"
	}
	if f.Type.Kind() == reflect.Slice {
		return "list of " + name[f.Type.Elem().Name()]
	}
	return name[f.Type.Name()]
}

func keysOf(types map[string]func() any) []string { return slices.Sorted(maps.Keys(types)) }

// CheckEnv returns an error that names the first variable of an environment whose name begins like ours, and is none of those
// that are known, with the nearest that is.
func CheckEnv(environ, known []string) error {
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, envPrefix) && !slices.Contains(known, name) {
			return fmt.Errorf("unknown environment variable %s; the nearest is %s", name, nearest.Of(name, known))
		}
	}
	return nil
}

// AlikeEnv returns the variables of an environment that are none of a command's own and look like one of them that is not set,
// each with that one. They differ in one letter of three at most, and in two letters.
func AlikeEnv(environ, own []string) map[string]string {
	set := map[string]bool{}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		set[name] = true
	}
	free := slices.DeleteFunc(slices.Clone(own), func(name string) bool { return set[name] })
	alike := map[string]string{}
	for name := range set {
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || slices.Contains(own, name) || len(free) == 0 {
			continue
		}
		meant := nearest.Of(name, free)
		if d := nearest.Distance(name, meant); d <= 2 && 3*d <= max(len(rest), len(meant)-len(envPrefix)) {
			alike[name] = meant
		}
	}
	return alike
}

// envPrefix begins the names of our variables.
const envPrefix = "QUADRILLE_"

// Explain writes what the settings are whose key begins with the given text or, if there are none, has it as a part, such as kafka
// or paths; all, if it is empty. It reports whether there are any.
func Explain(w io.Writer, key string) (any bool, err error) {
	all := everything()
	for _, meant := range []func(Field) bool{
		func(f Field) bool { return strings.HasPrefix(f.Key, key) },
		func(f Field) bool { return slices.Contains(strings.FieldsFunc(f.Key, betweenParts), key) },
	} {
		for _, f := range all {
			if !meant(f) {
				continue
			}
			any = true
			if _, err := fmt.Fprintf(w, "%s (%s%s)\n  %s\n", f.Key, f.Type, also(f), f.Help); err != nil {
				return any, err
			}
		}
		if any {
			break
		}
	}
	return any, nil
}

func betweenParts(r rune) bool { return strings.ContainsRune(".[]", r) }

// NearestKey returns the key that is most like the given one, which may lack the type in brackets.
func NearestKey(key string) string {
	least, best := -1, ""
	for _, f := range everything() {
		plain := inBrackets.ReplaceAllString(f.Key, "")
		if d := min(nearest.Distance(key, f.Key), nearest.Distance(key, plain)); least < 0 || d < least {
			least, best = d, f.Key
		}
	}
	return best
}

// inBrackets is the type of a source or sink in a key.
var inBrackets = regexp.MustCompile(`\[[a-z]*\]`)

// also says what else is to be said of a field in one line.
func also(f Field) string {
	text := ""
	if f.Default != "" {
		text += ", default " + f.Default
	}
	if f.Flag != "" {
		text += ", --" + f.Flag + ", " + f.Env
	}
	return text
}

// itemKeys are the keys that the items of sources and sinks have whatever their type is.
var itemKeys = []Field{
	{Key: "sources[].name", Type: "text", Help: "Name of the source, unique among them, and a part of the identities of its messages: under another name all is read anew."},
	{Key: "sources[].type", Type: "type", Help: "Type of the source; quadrille connector list has them."},
	{Key: "sources[].mapping", Type: "text", Help: "Name of the mapping that makes changes of its messages. Default: they are changes."},
	{Key: "sinks[].name", Type: "text", Help: "Name of the sink, unique among them."},
	{Key: "sinks[].type", Type: "type", Help: "Type of the sink; quadrille connector list has them."},
}

// mappingKeys are the keys that declare mappings.
func mappingKeys() (list []Field) {
	for _, k := range mapping.Keys() {
		f := Field{Key: k.Name, Type: k.Takes, Help: k.Help}
		if also := k.Also(); len(also) > 0 {
			f.Help += " It may also be called " + strings.Join(also, " or ") + "."
		}
		list = append(list, f)
	}
	return list
}

// everything returns the settings of the sections, of what stands in lists under sources[TYPE] and sinks[TYPE], and of mappings.
func everything() []Field {
	list := append(Fields(), itemKeys...)
	for _, of := range []struct {
		name  string
		types map[string]func() any
	}{{"sources", sourceTypes}, {"sinks", sinkTypes}} {
		for _, kind := range keysOf(of.types) {
			for _, field := range settingsOf(reflect.TypeOf(of.types[kind]()).Elem()) {
				list = appendField(list, field, fmt.Sprintf("%s[%s].", of.name, kind))
			}
		}
	}
	return append(list, mappingKeys()...)
}

// appendField appends a setting that stands in a list, and those of its own items.
func appendField(list []Field, field reflect.StructField, above string) []Field {
	f := fieldFrom(field)
	f.Key, f.Flag, f.Env = above+f.Key, "", ""
	list = append(list, f)
	if isList(field.Type) {
		for _, inner := range settingsOf(field.Type.Elem()) {
			list = appendField(list, inner, f.Key+"[].")
		}
	}
	return list
}

// Example writes a file that says what is the default anyway, with a comment for each key, and a source and a sink of each type
// behind comment signs.
func Example(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Configuration of a Quadrille node. A line without a comment sign says what is so anyway.\n")
	section := ""
	for _, f := range Fields() {
		of, key, _ := strings.Cut(f.Key, ".")
		if of != section {
			section = of
			fmt.Fprintf(&b, "\n%s:\n", of)
		}
		comment(&b, "  # ", f.Help)
		line := "  # " + key + ":\n"
		if f.Default != "" {
			line = "  " + key + ": " + f.Default + "\n"
		}
		b.WriteString(line)
	}
	exampleItems(&b, "sources", sourceTypes)
	exampleItems(&b, "sinks", sinkTypes)
	_, err := io.WriteString(w, b.String())
	return err
}

func exampleItems(b *strings.Builder, name string, types map[string]func() any) {
	fmt.Fprintf(b, "\n# %s:\n", name)
	for _, kind := range keysOf(types) {
		fmt.Fprintf(b, "#   - name: my-%s\n#     type: %s\n", kind, kind)
		for _, field := range settingsOf(reflect.TypeOf(types[kind]()).Elem()) {
			exampleField(b, "#     ", field)
		}
	}
}

// exampleField writes a key behind what its line begins with; of a list of items with keys, one item.
func exampleField(b *strings.Builder, begin string, field reflect.StructField) {
	f := fieldFrom(field)
	comment(b, begin+"# ", f.Help)
	fmt.Fprintf(b, "%s%s: %s\n", begin, f.Key, quoted(f.Default))
	if !isList(field.Type) {
		return
	}
	first := begin + "  - "
	for _, inner := range settingsOf(field.Type.Elem()) {
		item := fieldFrom(inner)
		fmt.Fprintf(b, "%s%s: %s\n", first, item.Key, quoted(item.Default))
		first = begin + "    "
	}
}

// quoted is a value as it may stand in YAML, where a colon at its end would make a key of it.
func quoted(value string) string {
	if strings.HasSuffix(value, ":") {
		return strconv.Quote(value)
	}
	return value
}

// comment writes a text in lines that aren't long.
func comment(b *strings.Builder, begin, text string) {
	line := begin
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > 100 {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = begin
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// Reference writes the page of all settings, in Markdown.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Configuration\n\nMade from the declaration by `go test ./internal/config -run TestReference -rewrite`; don't edit it.\n\n" +
		"`quadrille serve -c FILE` reads a YAML file with these keys. A flag goes before its environment variable, and that before the\n" +
		"file. A secret may stand elsewhere: `{env: NAME}` or `{file: PATH}`. `quadrille config check FILE` says what is wrong with a\n" +
		"file, `quadrille config example` writes one, `quadrille config explain KEY` says what a key is.\n\n" +
		"| key | takes | default | flag | what |\n|---|---|---|---|---|\n")
	for _, f := range everything() {
		flag := ""
		if f.Flag != "" {
			flag = "`--" + f.Flag + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Key, f.Type, f.Default, flag, f.Help)
	}
	b.WriteString("\nThe type of a source or a sink is in brackets above; `[]` stands for any item or name. Mappings at length: [mapping.md](mapping.md).\n")
	_, err := io.WriteString(w, b.String())
	return err
}
