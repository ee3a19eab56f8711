package archtest

import (
	"cmp"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// source is one Go file of the module: its folder, whether it is a test, and what it imports. Files are read whatever
// their build constraints, so that a forbidden import for another system is found too.
type source struct {
	pkg, name string
	test      bool
	imports   []string
}

// readModule reads the imports of every Go file below root, in the order of their paths.
func readModule(root string) ([]source, error) {
	var sources []source
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if file != root && ignored(file, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		src, err := readFile(root, file)
		sources = append(sources, src)
		return err
	})
	return sources, err
}

// ignored says whether the go command, too, leaves a folder out of the module.
func ignored(dir, name string) bool {
	if name == "testdata" || name[0] == '.' || name[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func readFile(root, file string) (source, error) {
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	src := source{pkg: path.Dir(rel), name: rel, test: strings.HasSuffix(rel, "_test.go")}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("%s: import %s: %w", rel, spec.Path.Value, err)
		}
		src.imports = append(src.imports, imported)
	}
	return src, nil
}

// place is a rule and the number of its floor, 0 the highest.
type place struct {
	rule
	floor int
}

// find returns the place of a package: the rule with its name, else the closest one that ends in /... and covers it.
func find(table [][]rule, pkg string) (place, bool) {
	var best place
	found := false
	for floor, rules := range table {
		for _, r := range rules {
			if r.pkg == pkg {
				return place{r, floor}, true
			}
			if covers(r.pkg, pkg) && len(r.pkg) > len(best.pkg) {
				best, found = place{r, floor}, true
			}
		}
	}
	return best, found
}

// covers says whether a name in the table means pkg.
func covers(name, pkg string) bool {
	if prefix, ok := strings.CutSuffix(name, "..."); ok {
		return strings.HasPrefix(pkg, prefix)
	}
	return name == pkg
}

// checkTable returns what is wrong with the table itself: a rule that occurs twice, or that allows an import of a
// package that stands lower or that the table doesn't have.
func checkTable(table [][]rule) error {
	var errs []error
	seen := map[string]bool{}
	for floor, rules := range table {
		for _, r := range rules {
			if seen[r.pkg] {
				errs = append(errs, fmt.Errorf("%s is twice in the table", r.pkg))
			}
			seen[r.pkg] = true
			for _, imported := range r.imports {
				switch target, ok := find(table, imported); {
				case !ok:
					errs = append(errs, fmt.Errorf("%s may import %s, which is not in the table", r.pkg, imported))
				case target.floor > floor:
					errs = append(errs, fmt.Errorf("%s may import %s, which stands lower", r.pkg, imported))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// checkImports returns every import that the table forbids, and every package that it doesn't have.
func checkImports(table [][]rule, sources []source) error {
	var errs []error
	missing := map[string]bool{}
	for _, src := range sources {
		own, ok := find(table, src.pkg)
		if !ok {
			if !missing[src.pkg] {
				errs = append(errs, fmt.Errorf("package %s is not in the table: give it a row in internal/archtest/floors.go "+
					"and in DESIGN.md §11", src.pkg))
			}
			missing[src.pkg] = true
			continue
		}
		for _, imported := range src.imports {
			if err := checkImport(table, own, src, imported); err != nil {
				errs = append(errs, fmt.Errorf("%s imports %s: %w", src.name, imported, err))
			}
		}
	}
	return errors.Join(errs...)
}

func checkImport(table [][]rule, own place, src source, imported string) error {
	inside, ok := strings.CutPrefix(imported+"/", module+"/")
	inside = path.Clean(inside) // "." is the module's root
	switch {
	case !ok && (src.test || standard(imported) || startsWithAny(imported, own.modules)):
		return nil
	case !ok:
		return fmt.Errorf("%s may use the standard library%s", own.pkg, list(" and the modules ", own.modules))
	case src.test:
		target, known := find(table, inside)
		if !known || target.floor > own.floor {
			return fmt.Errorf("the tests of %s may import only what stands above or beside it", own.pkg)
		}
		return nil
	case slices.ContainsFunc(own.imports, func(name string) bool { return covers(name, inside) }):
		return nil
	}
	return fmt.Errorf("%s may import nothing of this module%s", own.pkg, list(" but ", own.imports))
}

// standard says whether an import path belongs to the standard library: its first element has no dot.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func startsWithAny(imported string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return p == "" || imported == p || strings.HasPrefix(imported, p+"/")
	})
}

func list(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return before + strings.Join(slices.SortedFunc(slices.Values(names), cmp.Compare[string]), ", ")
}
