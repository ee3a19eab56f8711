package cli

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// maxConfig bounds a configuration file in bytes.
const maxConfig = 1 << 20

// configFile is a flag that names a YAML file. Its keys are the names of the command's flags. What the command line
// says goes before what the environment says, and that before the file.
type configFile string

// BeforeResolve is called by the parser when it has seen the flag, or its environment variable, but before it has
// given the flags their values.
func (configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(configFile))
	if path == "" {
		return nil
	}
	values, err := readConfig(path, flagsOf(ctx))
	if err != nil {
		return err
	}
	ctx.AddResolver(values)
	return nil
}

// flagsOf returns the flags of the chosen command.
func flagsOf(ctx *kong.Context) map[string]*kong.Flag {
	flags := map[string]*kong.Flag{}
	if selected := ctx.Selected(); selected != nil {
		for _, f := range selected.Flags {
			if f.Name != "help" && f.Name != "config" {
				flags[f.Name] = f
			}
		}
	}
	return flags
}

// configValues are the values of a file, by the name of the flag.
type configValues map[string]any

func readConfig(path string, flags map[string]*kong.Flag) (configValues, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info.Size() > maxConfig {
		return nil, fmt.Errorf("configuration %s: %d bytes, at most %d are read", path, info.Size(), maxConfig)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(document.Content) == 0 {
		return configValues{}, nil
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d:%d: expected key: value", path, root.Line, root.Column)
	}
	values := configValues{}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if err := values.add(key, value, flags); err != nil {
			return nil, fmt.Errorf("%s:%d:%d: %w", path, key.Line, key.Column, err)
		}
	}
	return values, nil
}

// add takes one key in. The parser of the flag reads the value's text, so that a value means the same in every place.
func (v configValues) add(key, value *yaml.Node, flags map[string]*kong.Flag) error {
	flag, ok := flags[key.Value]
	if !ok {
		return fmt.Errorf("unknown key %q; the nearest is %q", key.Value, nearest(key.Value, flags))
	}
	if _, twice := v[key.Value]; twice {
		return fmt.Errorf("key %q comes twice", key.Value)
	}
	var list []any
	switch {
	case value.Kind == yaml.ScalarNode:
		v[key.Value] = value.Value
		list = []any{value.Value}
	case value.Kind == yaml.SequenceNode && flag.IsSlice():
		for _, item := range value.Content {
			if item.Kind != yaml.ScalarNode {
				return fmt.Errorf("key %q: expected a list of plain values", key.Value)
			}
			list = append(list, item.Value)
		}
		v[key.Value] = list
	default:
		return fmt.Errorf("key %q: expected a plain value", key.Value)
	}
	// Tried here, where the line is known; the parser does it again in earnest.
	if err := check(flag, list); err != nil {
		return fmt.Errorf("key %q: %w", key.Value, err)
	}
	return nil
}

// check reports whether the flag takes the values.
func check(flag *kong.Flag, values []any) error {
	trial := *flag.Value
	target := reflect.New(flag.Target.Type()).Elem()
	for _, value := range values {
		if err := trial.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), target); err != nil {
			return err
		}
	}
	if enum := flag.EnumSlice(); flag.Enum != "" && len(values) == 1 && !slices.Contains(enum, fmt.Sprint(values[0])) {
		return fmt.Errorf("%q is none of %s", values[0], strings.Join(enum, ", "))
	}
	return nil
}

// Validate implements [kong.Resolver].
func (configValues) Validate(*kong.Application) error { return nil }

// Resolve implements [kong.Resolver].
func (v configValues) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	value, ok := v[flag.Name]
	if !ok {
		return nil, nil
	}
	return value, nil
}

// nearest returns the known name with the fewest edits to the given one; of equals the first by name.
func nearest(name string, flags map[string]*kong.Flag) (best string) {
	least := -1
	for known := range flags {
		d := distance(name, known)
		if least < 0 || d < least || d == least && known < best {
			best, least = known, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two names in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
