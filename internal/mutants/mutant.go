package mutants

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Mutant is one change of one place of a package.
type Mutant struct {
	// Package is the folder in the module, and File the name of the changed file in that folder.
	Package, File string
	// Function is where the change stands, and Operator what is done: see the package's documentation.
	Function, Operator string
	// Text is what is changed, as the source has it, on one line; a long one is shortened, and ends with its hash.
	Text string
	// Ordinal counts from 1 the mutants of a function that are equal in all else.
	Ordinal int

	from, to int    // bytes of the file that are replaced
	by       string // what replaces them
}

// String returns the mutant's name, which has no tab and no line end.
func (m Mutant) String() string {
	return fmt.Sprintf("%s %s %s#%d %s", m.Package, m.Function, m.Operator, m.Ordinal, m.Text)
}

// Apply returns the text of the file with the change in it; source is the file's text that the mutant was found in.
func (m Mutant) Apply(source []byte) []byte {
	return slices.Concat(source[:m.from], []byte(m.by), source[m.to:])
}

// Of returns all mutants of the package in folder pkg of the module at root, in the order of files and lines. Files that this
// system doesn't compile, and tests, have none.
func Of(root, pkg string) ([]Mutant, error) {
	dir := filepath.Join(root, filepath.FromSlash(pkg))
	built, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, fmt.Errorf("mutants of %s: %w", pkg, err)
	}
	var all []Mutant
	for _, name := range built.GoFiles {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("mutants of %s: %w", pkg, err)
		}
		found, err := ofFile(pkg, name, source)
		if err != nil {
			return nil, fmt.Errorf("mutants of %s: %w", pkg, err)
		}
		all = append(all, found...)
	}
	number(all)
	return all, nil
}

func ofFile(pkg, name string, source []byte) ([]Mutant, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path.Join(pkg, name), source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := finder{pkg: pkg, name: name, source: source, file: files.File(tree.Pos())}
	f.walk(tree)
	return f.found, nil
}

// number sets the ordinals.
func number(all []Mutant) {
	seen := map[string]int{}
	for i := range all {
		all[i].Ordinal = 0
		name := all[i].String()
		seen[name]++
		all[i].Ordinal = seen[name]
	}
}

// Sample returns n of the mutants, or all where there are fewer, in an order that depends on their names and the seed alone:
// another mutant that comes or goes doesn't change which of two stands first.
func Sample(all []Mutant, seed string, n int) []Mutant {
	type keyed struct {
		key string
		m   Mutant
	}
	keys := make([]keyed, len(all))
	for i, m := range all {
		keys[i] = keyed{hash(seed + "\n" + m.String()), m}
	}
	slices.SortFunc(keys, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	sample := make([]Mutant, 0, min(n, len(keys)))
	for _, k := range keys[:min(n, len(keys))] {
		sample = append(sample, k.m)
	}
	return sample
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Bounds of a text, in runes: a longer one than longText keeps shortText of them.
const (
	longText  = 110
	shortText = 90
)

// oneLine is a piece of source as names have it.
func oneLine(source string) string {
	line := strings.Join(strings.Fields(source), " ")
	runes := []rune(line)
	if len(runes) <= longText {
		return line
	}
	return string(runes[:shortText]) + "… " + hash(line)[:8]
}
