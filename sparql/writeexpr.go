package sparql

// How tightly the forms of expressions bind.
const (
	lowest = iota
	bindsOr
	bindsAnd
	bindsRelation
	bindsSum
	bindsProduct
	bindsUnary
	bindsPrimary
)

// binds says how tightly an operator with two operands binds.
func binds(op Op) int {
	switch op {
	case Or:
		return bindsOr
	case And:
		return bindsAnd
	case Add, Subtract:
		return bindsSum
	case Multiply, Divide:
		return bindsProduct
	}
	return bindsRelation
}

// constraint writes an expression in brackets, unless it is a call.
func (w *writer) constraint(e Expr) {
	switch e.(type) {
	case *Call, *Function, *Aggregate, *Exists:
		w.expr(e, lowest)
		return
	}
	w.put("(")
	w.expr(e, lowest)
	w.put(")")
}

// expr writes an expression, in brackets if it binds less tightly than its place needs.
func (w *writer) expr(e Expr, place int) {
	switch e := e.(type) {
	case *NodeExpr:
		w.node(e.Node)
	case *Unary:
		w.unary(e, place)
	case *Binary:
		w.binary(e, place)
	case *In:
		w.bracketed(place > bindsRelation, func() {
			w.expr(e.Expr, bindsSum)
			if e.Not {
				w.put(" NOT")
			}
			w.put(" IN ")
			w.args(e.List)
		})
	case *Call:
		w.put(written(e.Name))
		w.args(e.Args)
	case *Function:
		w.term(e.IRI)
		w.distinct(e.Distinct, e.Args)
	case *Aggregate:
		w.aggregate(e)
	case *Exists:
		if e.Not {
			w.put("NOT ")
		}
		w.put("EXISTS ")
		w.group(e.Group)
	}
}

// unary writes an operator with one operand. A number behind a sign stands in brackets, since it would be one with that sign.
func (w *writer) unary(u *Unary, place int) {
	w.bracketed(place > bindsUnary, func() {
		w.put(string(u.Op))
		if u.Op == Not {
			w.expr(u.Expr, bindsUnary)
			return
		}
		n, ok := u.Expr.(*NodeExpr)
		w.bracketed(ok && n.Node.Var == "", func() { w.expr(u.Expr, bindsPrimary) })
	})
}

// binary writes an operator with two operands. Those of a relation are no relations; else the left one may be of the same kind.
func (w *writer) binary(b *Binary, place int) {
	level := binds(b.Op)
	left := level
	if level == bindsRelation {
		left++
	}
	w.bracketed(place > level, func() {
		w.expr(b.Left, left)
		w.put(" ")
		w.put(string(b.Op))
		w.put(" ")
		w.expr(b.Right, level+1)
	})
}

// args writes arguments in brackets.
func (w *writer) args(args []Expr) { w.distinct(false, args) }

func (w *writer) distinct(distinct bool, args []Expr) {
	w.put("(")
	if distinct {
		w.put("DISTINCT ")
	}
	for i, arg := range args {
		if i > 0 {
			w.put(", ")
		}
		w.expr(arg, lowest)
	}
	w.put(")")
}

func (w *writer) aggregate(a *Aggregate) {
	w.put(a.Name)
	w.put("(")
	if a.Distinct {
		w.put("DISTINCT ")
	}
	if a.Expr == nil {
		w.put("*")
	} else {
		w.expr(a.Expr, lowest)
	}
	if a.Separator != nil {
		w.put("; SEPARATOR = ")
		w.quoted(*a.Separator)
	}
	w.put(")")
}

// written is the name of a function as the grammar has it.
func written(name string) string {
	switch name {
	case "ISIRI":
		return "isIRI"
	case "ISURI":
		return "isURI"
	case "ISBLANK":
		return "isBLANK"
	case "ISLITERAL":
		return "isLITERAL"
	case "ISNUMERIC":
		return "isNUMERIC"
	case "ISTRIPLE":
		return "isTRIPLE"
	case "SAMETERM":
		return "sameTerm"
	case "HASLANG":
		return "hasLANG"
	case "HASLANGDIR":
		return "hasLANGDIR"
	}
	return name
}
