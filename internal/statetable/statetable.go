// Package statetable proves tables of state × input that stand in doc comments: a test brings the machine into each state, gives
// it each input, and compares what comes of it with what the table says.
//
// A table is an indented block whose first line is "input", and then the names of the states. Each line after it is an input,
// and what comes of it in each state. Cells are divided by two spaces or more. "-" says that the input can't come in that
// state; it is not tried.
package statetable

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Input gives a machine an input, and returns what has come of it, in the words of the table.
type Input[M any] struct {
	// Name is that of the row.
	Name string
	// Give does it.
	Give func(M) string
}

// State is a state of a machine.
type State[M any] struct {
	// Name is that of the column.
	Name string
	// Make returns a new machine in it.
	Make func(t *testing.T) M
}

// Prove fails unless the doc comment of a type, function or method (Type.Method) of that file has a table with just these
// states and inputs, in this order, and all of its cells are true. It prints the table that is.
func Prove[M any](t *testing.T, file, name string, states []State[M], inputs []Input[M]) {
	t.Helper()
	said, err := read(file, name)
	if err != nil {
		t.Fatal(err)
	}
	head := []string{"input"}
	for _, s := range states {
		head = append(head, s.Name)
	}
	is := [][]string{head}
	for _, in := range inputs {
		row := []string{in.Name}
		for _, s := range states {
			if cell(said, in.Name, s.Name) == "-" {
				row = append(row, "-")
			} else {
				row = append(row, in.Give(s.Make(t)))
			}
		}
		is = append(is, row)
	}
	for i := range max(len(is), len(said)) {
		if i >= len(is) || i >= len(said) || !slices.Equal(is[i], said[i]) {
			t.Fatalf("%s, %s: row %d of the table is not true. It is:\n%s", file, name, i, text(is))
		}
	}
}

// cell is what a table says of an input in a state.
func cell(rows [][]string, input, state string) string {
	for _, row := range rows {
		if j := slices.Index(rows[0], state); row[0] == input && j > 0 && j < len(row) {
			return row[j]
		}
	}
	return ""
}

var gap = regexp.MustCompile(`  +`)

// read returns the table in the doc comment of a type, function or method (Type.Method) of a file, row by row.
func read(file, name string) (rows [][]string, err error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(comment(parsed, name), "\n") {
		row, indented := strings.CutPrefix(line, "\t")
		switch cells := gap.Split(strings.TrimSpace(row), -1); {
		case !indented && len(rows) > 0:
			return rows, nil
		case indented && (len(rows) > 0 || cells[0] == "input"):
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: %q has no table of inputs", file, name)
	}
	return rows, nil
}

// method is the name of a method with that of its type before it.
func method(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if pointer, is := of.(*ast.StarExpr); is {
		of = pointer.X
	}
	if of, is := of.(*ast.Ident); is {
		return of.Name + "." + d.Name.Name
	}
	return ""
}

// comment is the doc comment of a type, function or method.
func comment(file *ast.File, name string) string {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name && d.Recv == nil || method(d) == name {
				return d.Doc.Text()
			}
		case *ast.GenDecl:
			if len(d.Specs) != 1 {
				continue
			}
			if s, ok := d.Specs[0].(*ast.TypeSpec); ok && s.Name.Name == name {
				return d.Doc.Text()
			}
		}
	}
	return ""
}

// text is a table as a comment has it.
func text(rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString("//\t")
		for j, cell := range row {
			width := 0
			for _, r := range rows {
				if j < len(r) && j < len(row)-1 {
					width = max(width, len(r[j])+2)
				}
			}
			fmt.Fprintf(&b, "%-*s", width, cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}
