// Command cmd tries mutants of packages, and compares those that no test notices with internal/mutants/testdata/survivors.txt.
// "make mutants" runs it. It ends with 1 if a mutant survives that is not listed, or a listed one doesn't, and with 2 if it
// can't tell.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/mutants"
)

func main() {
	var o options
	flag.StringVar(&o.packages, "pkg", "", "packages whose mutants are tried, with commas between them (default all that are known)")
	flag.IntVar(&o.sample, "sample", 0, "try so many mutants of each package, chosen by seed, and all that are listed (default all)")
	match := flag.String("match", "", "try only mutants whose names match this regular expression (default all)")
	flag.IntVar(&o.skip, "skip", 0, "leave the first so many of the sample out, which were tried before")
	flag.StringVar(&o.seed, "seed", "1", "chooses the sample")
	flag.StringVar(&o.list, "list", "internal/mutants/testdata/survivors.txt", "the list of mutants that no test notices")
	flag.BoolVar(&o.verbose, "v", false, "tell what became of each mutant")
	flag.BoolVar(&o.write, "write", false, "write what came out into the list; reasons of new mutants are left empty")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	if o.match, err = regexp.Compile(*match); err != nil {
		fmt.Fprintln(os.Stderr, "mutants: -match:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	good, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

type options struct {
	packages, seed, list string
	sample, skip         int
	match                *regexp.Regexp
	write, verbose       bool
}

// run says whether the list is true for all packages.
func run(ctx context.Context, o options) (bool, error) {
	list, err := readList(o.list)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	runner, err := mutants.NewRunner(".", dir)
	if err != nil {
		return false, err
	}
	good := true
	for _, pkg := range o.names() {
		t, err := mutants.TargetOf(pkg)
		if err != nil {
			return false, err
		}
		r := report{list: list, counts: map[mutants.Outcome]int{}}
		if err := r.try(ctx, runner, t, o); err != nil {
			return false, err
		}
		good = good && r.wrong == 0
	}
	if o.write {
		return good, writeList(o.list, list)
	}
	return good, nil
}

// names are the packages that are asked for.
func (o options) names() []string {
	if o.packages != "" {
		return strings.Split(o.packages, ",")
	}
	var names []string
	for _, t := range mutants.Targets {
		names = append(names, t.Package)
	}
	return names
}

func readList(name string) (mutants.List, error) {
	f, err := os.Open(name)
	if err != nil {
		return mutants.List{}, err
	}
	defer f.Close()
	return mutants.ReadList(f)
}

func writeList(name string, list mutants.List) error {
	var text strings.Builder
	if err := list.Write(&text); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text.String()), 0o644)
}
