package mutants

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// finder collects the mutants of one file.
type finder struct {
	pkg, name string
	source    []byte
	file      *token.File

	function string
	above    []ast.Node // the nodes that the present one stands in, the closest last
	found    []Mutant
}

func (f *finder) walk(tree *ast.File) {
	for _, decl := range tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			f.inspect(funcName(d), d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				f.inspect(specName(spec), spec)
			}
		}
	}
}

// inspect finds the mutants of what is called by that name.
func (f *finder) inspect(name string, node ast.Node) {
	f.function, f.above = name, f.above[:0]
	ast.Inspect(node, func(n ast.Node) bool {
		if n == nil {
			f.above = f.above[:len(f.above)-1]
			return true
		}
		f.mutate(n)
		f.above = append(f.above, n)
		return true
	})
}

func funcName(d *ast.FuncDecl) string {
	if d.Recv != nil && len(d.Recv.List) > 0 {
		return typeName(d.Recv.List[0].Type) + "." + d.Name.Name
	}
	return d.Name.Name
}

func specName(spec ast.Spec) string {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		return s.Names[0].Name
	case *ast.TypeSpec:
		return s.Name.Name
	}
	return "-"
}

func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.IndexExpr:
		return typeName(t.X)
	case *ast.IndexListExpr:
		return typeName(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "-"
}

// mutate adds the mutants of one node; those of what stands in it come later.
func (f *finder) mutate(node ast.Node) {
	switch n := node.(type) {
	case *ast.IfStmt:
		f.negate(n.Cond)
	case *ast.SwitchStmt:
		f.cases(n.Body, n.Tag == nil)
	case *ast.TypeSwitchStmt:
		f.cases(n.Body, false)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.AssignStmt:
		f.swap("arithmetic", n, n.TokPos, n.Tok, map[token.Token]token.Token{token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN})
	case *ast.IncDecStmt:
		f.swap("arithmetic", n, n.TokPos, n.Tok, map[token.Token]token.Token{token.INC: token.DEC, token.DEC: token.INC})
	case *ast.BlockStmt:
		f.drop(n.List)
	case *ast.CaseClause:
		f.drop(n.Body)
	case *ast.CommClause:
		f.drop(n.Body)
	case *ast.ReturnStmt:
		f.noError(n)
	case *ast.BasicLit:
		f.constant(n)
	}
}

func (f *finder) text(from, to token.Pos) string {
	return string(f.source[f.file.Offset(from):f.file.Offset(to)])
}

// add adds a mutant that is called by the source of what, and replaces the bytes between from and to.
func (f *finder) add(operator, what string, from, to token.Pos, by string) {
	f.found = append(f.found, Mutant{
		Package: f.pkg, File: f.name, Function: f.function, Operator: operator, Text: oneLine(what),
		from: f.file.Offset(from), to: f.file.Offset(to), by: by,
	})
}

func (f *finder) negate(cond ast.Expr) {
	source := f.text(cond.Pos(), cond.End())
	by := "!(" + source + ")"
	switch c := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		if c.Op == token.EQL || c.Op == token.NEQ {
			return
		}
	case *ast.UnaryExpr:
		if c.Op == token.NOT {
			by = f.text(c.X.Pos(), c.X.End())
		}
	}
	f.add("negate", source, cond.Pos(), cond.End(), by)
}

func (f *finder) cases(body *ast.BlockStmt, conditions bool) {
	for _, stmt := range body.List {
		clause := stmt.(*ast.CaseClause)
		f.add("case", f.text(clause.Pos(), clause.Colon+1), clause.Pos(), clause.End(), "")
		if !conditions {
			continue
		}
		for _, cond := range clause.List {
			f.negate(cond)
		}
	}
}

var (
	comparisons = map[token.Token]token.Token{
		token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	}
	logic      = map[token.Token]token.Token{token.LAND: token.LOR, token.LOR: token.LAND}
	arithmetic = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD}
)

func (f *finder) binary(n *ast.BinaryExpr) {
	f.swap("compare", n, n.OpPos, n.Op, comparisons)
	f.swap("logic", n, n.OpPos, n.Op, logic)
	if !hasString(n) {
		f.swap("arithmetic", n, n.OpPos, n.Op, arithmetic)
	}
}

// hasString says whether an operand is a string, as far as one sees without types: strings have no difference.
func hasString(n *ast.BinaryExpr) bool {
	for _, operand := range []ast.Expr{n.X, n.Y} {
		switch o := ast.Unparen(operand).(type) {
		case *ast.BasicLit:
			if o.Kind == token.STRING {
				return true
			}
		case *ast.BinaryExpr:
			if o.Op == token.ADD && hasString(o) {
				return true
			}
		}
	}
	return false
}

// swap replaces the token at a place of node by its partner, if it has one.
func (f *finder) swap(operator string, node ast.Node, at token.Pos, tok token.Token, partners map[token.Token]token.Token) {
	by, ok := partners[tok]
	if !ok {
		return
	}
	f.add(operator, f.text(node.Pos(), node.End()), at, at+token.Pos(len(tok.String())), by.String())
}

func (f *finder) drop(list []ast.Stmt) {
	for _, stmt := range list {
		if !droppable(stmt) {
			continue
		}
		source := f.text(stmt.Pos(), stmt.End())
		// Within the if the statement still uses its names, so that the compiler misses none.
		f.add("drop", source, stmt.Pos(), stmt.End(), "if false { "+source+" }")
	}
}

func droppable(stmt ast.Stmt) bool {
	switch s := stmt.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt:
		return true
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE && slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool { return !isIdent(e, "_") })
	case *ast.ReturnStmt:
		return len(s.Results) == 0
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.CONTINUE
	}
	return false
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func (f *finder) noError(n *ast.ReturnStmt) {
	results := f.results()
	if len(n.Results) == 0 || len(n.Results) != results.NumFields() || !isIdent(results.List[len(results.List)-1].Type, "error") {
		return
	}
	last := n.Results[len(n.Results)-1]
	if isIdent(last, "nil") {
		return
	}
	f.add("no-error", f.text(n.Pos(), n.End()), last.Pos(), last.End(), "nil")
}

// results are those of the function that the present node stands in.
func (f *finder) results() *ast.FieldList {
	for _, n := range slices.Backward(f.above) {
		switch fn := n.(type) {
		case *ast.FuncLit:
			return fn.Type.Results
		case *ast.FuncDecl:
			return fn.Type.Results
		}
	}
	return nil
}

// maxConstant is the greatest integer that is taken for a count or an index, and not for a size, a mode or a code.
const maxConstant = 10

func (f *finder) constant(n *ast.BasicLit) {
	value, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != token.INT || err != nil || value > maxConstant || f.inShift() {
		return
	}
	what := n.Value + " in " + f.around(n)
	f.add("constant+1", what, n.Pos(), n.End(), strconv.FormatInt(value+1, 10))
	if value > 0 {
		f.add("constant-1", what, n.Pos(), n.End(), strconv.FormatInt(value-1, 10))
	}
}

// inShift says whether what is looked at is shifted, or the number of bits of a shift: that is a size.
func (f *finder) inShift() bool {
	if len(f.above) == 0 {
		return false
	}
	shift, ok := f.above[len(f.above)-1].(*ast.BinaryExpr)
	return ok && (shift.Op == token.SHL || shift.Op == token.SHR)
}

// around is the source of the expression or statement that a literal stands in.
func (f *finder) around(n ast.Node) string {
	if len(f.above) > 0 {
		n = f.above[len(f.above)-1]
	}
	return f.text(n.Pos(), n.End())
}
