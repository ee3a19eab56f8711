package cli

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/quadrille-stream/quadrille/internal/config"
)

// configFile is a flag that names a YAML file. What the command line says goes before what the environment says, and that
// before the file.
type configFile string

// loaded holds the file that was read, for the command.
type loaded struct {
	file *config.File
	used map[string]bool // the keys whose value is the file's
}

// place is a [config.Places]: neither the command line nor the environment has a value that is from the file.
func (l *loaded) place(key string) string {
	if l.file == nil || !l.used[key] {
		return ""
	}
	return l.file.Place(key)
}

// BeforeResolve is called by the parser when it has seen the flag, or its environment variable, but before it has
// given the flags their values.
func (configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path, to *loaded) (err error) {
	path := string(ctx.FlagValue(trace.Flag).(configFile))
	if path == "" {
		return nil
	}
	if to.file, err = config.Load(path); err != nil {
		return err
	}
	to.used = map[string]bool{}
	ctx.AddResolver(resolver{to})
	return nil
}

// resolver gives flags the values of a file.
type resolver struct{ *loaded }

// Validate implements [kong.Resolver].
func (resolver) Validate(*kong.Application) error { return nil }

// Resolve implements [kong.Resolver].
func (r resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if os.Getenv(name) != "" {
			return nil, nil
		}
	}
	for _, field := range config.Fields() {
		if field.Flag != flag.Name {
			continue
		}
		texts, list, found := r.file.Lookup(field.Key)
		switch {
		case !found:
			return nil, nil
		case !list:
			r.used[field.Key] = true
			return texts[0], nil
		}
		r.used[field.Key] = true
		items := make([]any, len(texts))
		for i, text := range texts {
			items[i] = text
		}
		return items, nil
	}
	return nil, nil
}

// ofTests are environment variables that only the project's own tests read.
var ofTests = []string{"QUADRILLE_BENCH_NQUADS", "QUADRILLE_CALM", "QUADRILLE_DOCS", "QUADRILLE_FAULTS", "QUADRILLE_FOOTPRINT_QUADS",
	"QUADRILLE_MUTANT", "QUADRILLE_OPCUA", "QUADRILLE_PEERS", "QUADRILLE_PEERS_REQUIRED", "QUADRILLE_QUESTIONS", "QUADRILLE_READER_PEERS",
	"QUADRILLE_SCREENSHOTS", "QUADRILLE_SEED", "QUADRILLE_SOAK",
	"QUADRILLE_SOAK_CHANGES", "QUADRILLE_SUITES", "QUADRILLE_TEST_DISK_CHILD", "QUADRILLE_TEST_DISK_KILLED", "QUADRILLE_TEST_PEAK"}

// checkEmpty reports a variable that is set and empty, where the flag needs a value. For a flag whose value may be left out it is as if
// it were not set.
func checkEmpty(ctx *kong.Context) error {
	given := map[*kong.Flag]bool{}
	for _, part := range ctx.Path {
		if part.Flag != nil && part.Flag.Name == "help" {
			return nil
		}
		given[part.Flag] = true
	}
	for _, flag := range ctx.Flags() {
		kind := flag.Target.Kind()
		if given[flag] || !flag.HasDefault && (kind == reflect.String || kind == reflect.Slice || kind == reflect.Pointer) {
			continue
		}
		for _, name := range flag.Envs {
			if value, set := os.LookupEnv(name); set && value == "" {
				return fmt.Errorf("%s is set, and empty: give it a value, as --%s has it, or unset it", name, flag.Name)
			}
		}
	}
	return nil
}

// checkEnv reports a variable that begins like ours and that no flag of any command has.
func checkEnv(app *kong.Application) error {
	known := slices.Clone(ofTests)
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known = append(known, flag.Envs...)
		}
		return next(nil)
	})
	known = slices.DeleteFunc(known, func(name string) bool { return !strings.HasPrefix(name, "QUADRILLE_") })
	return config.CheckEnv(os.Environ(), known)
}
