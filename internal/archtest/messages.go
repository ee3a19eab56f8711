package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// forEmbedders are files whose errors name fields of Go: only who writes Go can make these mistakes, as the command line looks for
// them before, in words of its own.
var forEmbedders = []string{
	"config.go", "graph/graph.go", "engine/jetstream/server.go", "rdf/new.go",
	"rdf/canon/canon.go", // who compares datasets goes on without what was too much work
}

// identifier is a name of Go that no other language has.
var identifier = regexp.MustCompile(`\b[A-Za-z]*[a-z][A-Z][A-Za-z]*\b`)

// words look like identifiers, and are names that people know.
var words = map[string]bool{"JetStream": true, "TriG": true}

// checkMessages returns an error for each text of an error in the package in folder pkg, or of the log, that names an identifier
// of Go instead of a setting.
func checkMessages(root, pkg string) error {
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(pkg)))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name := filepath.ToSlash(filepath.Join(pkg, e.Name()))
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || slices.Contains(forEmbedders, name) {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, filepath.FromSlash(name)), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !tells(call) {
				return true
			}
			for _, arg := range call.Args {
				for _, found := range identifier.FindAllString(literal(arg), -1) {
					if !words[found] {
						errs = append(errs, fmt.Errorf("%s: a message names %s, which only Go has", set.Position(arg.Pos()), found))
					}
				}
			}
			return true
		})
	}
	return errors.Join(errs...)
}

// tells reports whether a call makes an error, or a line of the log.
func tells(call *ast.CallExpr) bool {
	name := ""
	switch fn := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = fn.Sel.Name
		if p, ok := fn.X.(*ast.Ident); ok && p.Name == "errors" && name == "New" {
			return true
		}
	case *ast.Ident:
		name = fn.Name
	}
	switch name {
	case "Errorf", "usagef", "Usagef", "newProblem", "Warn", "Error", "Info":
		return true
	}
	return false
}

// literal is the text of a literal, or of several that are put together.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}
