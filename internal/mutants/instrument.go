package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// Many mutants are one program: each function has a copy for each of its mutants, and begins with a switch that goes to the
// copy of the mutant whose number switchName is. Copies are made, and not conditions within the functions, since a copy is
// correct Go whatever the mutant is.
const (
	switchName = "mutantOn"
	switchEnv  = "QUADRILLE_MUTANT"
)

// switchFile is a file of the changed package, by that name and the package's.
const switchFile = `package %s

import (
	"os"
	"strconv"
)

var ` + switchName + `, _ = strconv.Atoi(os.Getenv("` + switchEnv + `"))
`

// edit puts a text in the place of some bytes of a file.
type edit struct {
	from, to int
	by       string
}

// instrumented is a file with copies of its functions.
type instrumented struct {
	pkg     string // the package's name
	text    []byte
	numbers []int // the mutants that are in it
}

// instrument puts mutants of a file into it. What is outside of functions, or in one whose caller matters (recover) or can't be
// given (init), is left out.
func instrument(name string, source []byte, numbered map[int]Mutant) (instrumented, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return instrumented{}, err
	}
	c := copier{source: source, file: files.File(tree.Pos())}
	for _, decl := range tree.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && copyable(fn) {
			c.function(fn, numbered)
		}
	}
	return instrumented{tree.Name.Name, append(apply(source, c.edits), c.copies.String()...), c.in}, nil
}

// apply makes the edits, which are in order.
func apply(source []byte, edits []edit) []byte {
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, source[at:e.from]...), e.by...)
		at = e.to
	}
	return append(out, source[at:]...)
}

func copyable(fn *ast.FuncDecl) bool {
	if fn.Body == nil || fn.Recv == nil && (fn.Name.Name == "init" || fn.Name.Name == "main" || fn.Name.Name == "_") {
		return false
	}
	recovers := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		recovers = recovers || ok && id.Name == "recover"
		return true
	})
	return !recovers
}

// copier makes the copies of one file's functions.
type copier struct {
	source []byte
	file   *token.File
	edits  []edit
	copies strings.Builder
	in     []int
}

func (c *copier) function(fn *ast.FuncDecl, numbered map[int]Mutant) {
	body, end := c.offset(fn.Body.Pos()), c.offset(fn.End())
	var inside []int
	for n, m := range numbered {
		if body < m.from && m.to < end {
			inside = append(inside, n)
		}
	}
	if len(inside) == 0 {
		return
	}
	slices.Sort(inside)
	c.in = append(c.in, inside...)
	callee, arguments := c.signature(fn)
	var dispatch strings.Builder
	for _, n := range inside {
		call := callee + suffix(n) + typeArguments(fn) + "(" + arguments + ")"
		if fn.Type.Results == nil {
			fmt.Fprintf(&dispatch, " case %d: %s; return;", n, call)
		} else {
			fmt.Fprintf(&dispatch, " case %d: return %s;", n, call)
		}
		c.copy(fn, n, numbered[n])
	}
	c.edits = append(c.edits, edit{body + 1, body + 1, " switch " + switchName + " {" + dispatch.String() + " };"})
}

// copy writes the function under the mutant's name, with its change. The compiler is told a place that names the mutant.
func (c *copier) copy(fn *ast.FuncDecl, n int, m Mutant) {
	begin, name, end := c.offset(fn.Pos()), c.offset(fn.Name.End()), c.offset(fn.End())
	edits := []edit{{name - begin, name - begin, suffix(n)}, {m.from - begin, m.to - begin, m.by}}
	fmt.Fprintf(&c.copies, "\n\n//line %s.go:1\n%s", suffix(n), apply(c.source[begin:end], edits))
}

func suffix(n int) string { return "_mutant" + strconv.Itoa(n) }

// signature names the receiver and all parameters, and returns what a call of the function with the same ones begins with, and
// its arguments.
func (c *copier) signature(fn *ast.FuncDecl) (callee, arguments string) {
	callee = fn.Name.Name
	if fn.Recv != nil {
		callee = c.names(fn.Recv, "mutantReceiver")[0] + "." + callee
	}
	names := c.names(fn.Type.Params, "mutantParam")
	if n := len(fn.Type.Params.List); n > 0 {
		if _, variadic := fn.Type.Params.List[n-1].Type.(*ast.Ellipsis); variadic {
			names[len(names)-1] += "..."
		}
	}
	return callee, strings.Join(names, ", ")
}

// names returns the names in a list of parameters; where one has none it is given.
func (c *copier) names(fields *ast.FieldList, prefix string) []string {
	var names []string
	give := func(from, to token.Pos, after string) {
		name := prefix + strconv.Itoa(len(names))
		c.edits = append(c.edits, edit{c.offset(from), c.offset(to), name + after})
		names = append(names, name)
	}
	for _, field := range fields.List {
		if len(field.Names) == 0 {
			give(field.Type.Pos(), field.Type.Pos(), " ")
		}
		for _, id := range field.Names {
			if id.Name == "_" {
				give(id.Pos(), id.End(), "")
			} else {
				names = append(names, id.Name)
			}
		}
	}
	return names
}

func typeArguments(fn *ast.FuncDecl) string {
	if fn.Type.TypeParams == nil {
		return ""
	}
	var names []string
	for _, field := range fn.Type.TypeParams.List {
		for _, id := range field.Names {
			names = append(names, id.Name)
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (c *copier) offset(p token.Pos) int { return c.file.Offset(p) }
