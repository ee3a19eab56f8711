package sparql

import "fmt"

// onlyThere is why there is no aggregate in most expressions.
const onlyThere = "aggregates stand in SELECT, HAVING and ORDER BY alone"

// expression reads Expression, as a whole: what stands in it is not in scope.
func (p *parser) expression() Expr {
	if p.exists == 0 && p.depthInExpression == 0 {
		p.operators = 0
	}
	p.depthInExpression++
	scope := p.scope
	p.scope = nil
	e := p.disjunction()
	p.scope = scope
	p.depthInExpression--
	return e
}

// disjunction reads ConditionalOrExpression.
func (p *parser) disjunction() Expr {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	left := p.conjunction()
	for p.tok.kind == or {
		p.operator()
		p.next()
		left = &Binary{Or, left, p.conjunction()}
	}
	return left
}

// conjunction reads ConditionalAndExpression.
func (p *parser) conjunction() Expr {
	left := p.relation()
	for p.tok.kind == and {
		p.operator()
		p.next()
		left = &Binary{And, left, p.relation()}
	}
	return left
}

// relation reads RelationalExpression.
func (p *parser) relation() Expr {
	left := p.sum()
	var op Op
	switch p.tok.kind {
	case '=':
		op = Equal
	case notEqual:
		op = NotEqual
	case '<':
		op = Less
	case '>':
		op = Greater
	case lessEqual:
		op = LessEqual
	case greaterEqual:
		op = GreaterEqual
	case word:
		return p.membership(left)
	default:
		return left
	}
	p.next()
	return &Binary{op, left, p.sum()}
}

// membership reads [NOT] IN, if it is here.
func (p *parser) membership(left Expr) Expr {
	not := p.take("NOT")
	if !not && !p.is("IN") {
		return left
	}
	p.needWord("IN", "IN behind NOT")
	return &In{Not: not, Expr: left, List: p.arguments("IN", arity{0, -1})}
}

// sum reads AdditiveExpression.
func (p *parser) sum() Expr {
	left := p.product(p.unary())
	for {
		op := Add
		switch {
		case p.tok.kind == '-', p.tok.kind == number && p.b[p.tok.start] == '-':
			op = Subtract
		case p.tok.kind == '+', p.tok.kind == number && p.b[p.tok.start] == '+':
		default:
			return left
		}
		p.operator()
		if p.tok.kind != number {
			p.next()
			left = &Binary{op, left, p.product(p.unary())}
			continue
		}
		// Of a number with a sign, the sign is the operator (note 6 of the grammar).
		n := &NodeExpr{Node{Term: p.numberTerm(p.source()[1:])}, p.pos(p.tok.start + 1)}
		p.next()
		left = &Binary{op, left, p.product(n)}
	}
}

// product reads what follows the first factor of MultiplicativeExpression.
func (p *parser) product(left Expr) Expr {
	for {
		op := Multiply
		switch p.tok.kind {
		case '*':
		case '/':
			op = Divide
		default:
			return left
		}
		p.operator()
		p.next()
		left = &Binary{op, left, p.unary()}
	}
}

// unary reads UnaryExpression.
func (p *parser) unary() Expr {
	p.part()
	switch p.tok.kind {
	case '!':
		if !p.enter() {
			return nil
		}
		defer p.leave()
		p.next()
		return &Unary{Not, p.unary()}
	case '+':
		p.next()
		return &Unary{UnaryPlus, p.primary()}
	case '-':
		p.next()
		return &Unary{UnaryMinus, p.primary()}
	}
	return p.primary()
}

// primary reads PrimaryExpression.
func (p *parser) primary() Expr {
	at := p.tok.start
	switch {
	case p.tok.kind == '(':
		return p.bracketed()
	case p.tok.kind == variable:
		pos := p.pos(at)
		return &NodeExpr{p.variableNode(), pos}
	case p.tok.kind == openTerm:
		pos := p.pos(at)
		return &NodeExpr{p.folded(p.tripleTermNode(true)), pos}
	case p.atLiteral():
		pos := p.pos(at)
		return &NodeExpr{Node{Term: p.literal()}, pos}
	case p.atIRI():
		return p.iriOrFunction()
	}
	if e := p.builtin(); e != nil {
		return e
	}
	p.expectedExpression("an expression")
	return nil
}

// expectedExpression is expected, with the names of functions, and the other keywords that an expression may begin with.
func (p *parser) expectedExpression(what string, keywords ...string) {
	if p.err != nil || p.tok.kind != word {
		p.expected(what)
		return
	}
	keywords = append(keywords, "NOT", "EXISTS", "TRUE", "FALSE")
	if p.aggr.why != "" {
		keywords = append(keywords, "DISTINCT")
	}
	p.expected(what, append(keywords, functionNames...)...)
}

// bracketed reads BrackettedExpression.
func (p *parser) bracketed() Expr {
	at := p.tok.start
	p.next()
	e := p.expression()
	p.closing(')', `")"`, at)
	return e
}

// iriOrFunction reads an IRI, or a call of the function that it names.
func (p *parser) iriOrFunction() Expr {
	pos := p.pos(p.tok.start)
	iri := p.iri("an IRI")
	if p.tok.kind != '(' {
		return &NodeExpr{Node{Term: iri}, pos}
	}
	f := &Function{IRI: iri, Pos: pos}
	if p.o.functions != nil && p.services == 0 {
		p.o.functions(f)
	}
	at := p.tok.start
	p.next()
	if p.takeSign(')') {
		return f
	}
	f.Distinct = p.take("DISTINCT")
	f.Args = p.list(at, nil)
	return f
}

// constraint reads Constraint; what says where, and keywords what else could stand there.
func (p *parser) constraint(what string, keywords ...string) Expr {
	switch {
	case p.tok.kind == '(':
		return p.bracketed()
	case p.atIRI():
		e := p.whole((*parser).iriOrFunction)
		if _, ok := e.(*NodeExpr); ok && p.err == nil {
			p.expected(`"(" behind the name of a function`)
		}
		return e
	}
	if e := p.whole((*parser).builtin); e != nil {
		return e
	}
	p.expectedExpression(what, keywords...)
	return nil
}

// whole reads an expression that is not in brackets, as expression does.
func (p *parser) whole(read func(*parser) Expr) Expr {
	p.part()
	if p.exists == 0 && p.depthInExpression == 0 {
		p.operators = 0
	}
	scope := p.scope
	p.scope = nil
	e := read(p)
	p.scope = scope
	return e
}

// builtin reads BuiltInCall; nil if there is none.
func (p *parser) builtin() Expr {
	name := p.tok.word
	if name == "" || p.tok.kind != word {
		return nil
	}
	pos := p.pos(p.tok.start)
	switch {
	case aggregates[name]:
		return p.aggregate(name, pos)
	case name == "EXISTS":
		p.next()
		return p.existence(false, pos)
	case name == "NOT":
		p.next()
		p.needWord("EXISTS", "EXISTS behind NOT")
		return p.existence(true, pos)
	case name == "BOUND":
		return p.bound(pos)
	}
	n, ok := functions[name]
	if !ok {
		return nil
	}
	p.next()
	return &Call{Name: name, Args: p.arguments(name, n), Pos: pos}
}

// bound reads BOUND, which takes a variable alone.
func (p *parser) bound(pos Pos) Expr {
	p.next()
	at := p.tok.start
	p.need('(', `"(" behind BOUND`)
	argPos := p.pos(p.tok.start)
	v := p.takeVar("a variable in BOUND")
	p.closing(')', `")"`, at)
	return &Call{Name: "BOUND", Args: []Expr{&NodeExpr{Node{Var: v}, argPos}}, Pos: pos}
}

// arguments reads the arguments of a function in brackets, or the list of IN.
func (p *parser) arguments(name string, n arity) []Expr {
	at := p.tok.start
	if p.tok.kind != '(' {
		p.expected(`"(" behind ` + name)
		return nil
	}
	p.next()
	if p.tok.kind == ')' {
		if n.least > 0 {
			p.expected(wants(name, n))
			return nil
		}
		p.next()
		return nil
	}
	if n.most == 0 {
		p.expected(`")", since ` + name + " takes no arguments")
		return nil
	}
	args := p.list(at, func(count int) bool { return n.most < 0 || count < n.most })
	if len(args) < n.least && p.err == nil {
		p.failAt(p.last-1, nil, "expected %s, found %d", wants(name, n), len(args))
	}
	return args
}

// wants says how many arguments a function takes.
func wants(name string, n arity) string {
	switch {
	case n.least == n.most && n.least == 1:
		return "the argument of " + name
	case n.least == n.most:
		return fmt.Sprintf("%d arguments of %s", n.least, name)
	}
	return fmt.Sprintf("%d to %d arguments of %s", n.least, n.most, name)
}

// list reads expressions up to the bracket that closes the one at an offset. more, if it isn't nil, says whether there may be
// another one behind so many.
func (p *parser) list(at int, more func(count int) bool) []Expr {
	var all []Expr
	for {
		all = append(all, p.expression())
		if p.tok.kind != ',' {
			break
		}
		if more != nil && !more(len(all)) {
			p.expected(fmt.Sprintf(`")" behind argument %d, which is the last one`, len(all)))
			return nil
		}
		p.next()
	}
	p.closing(')', `")"`, at)
	return all
}

// aggregate reads Aggregate.
func (p *parser) aggregate(name string, pos Pos) Expr {
	if p.aggr.why != "" {
		p.fail(nil, "expected no aggregate, found %s; %s", name, p.aggr.why)
		return nil
	}
	p.aggr = aggregation{why: "an aggregate can't stand in another one; a subquery can compute the inner one", seen: true}
	uses := p.uses
	p.uses = nil
	defer func() { p.aggr.why, p.uses = "", uses }()
	p.next()
	a := &Aggregate{Name: name, Pos: pos}
	at := p.tok.start
	p.need('(', `"(" behind `+name)
	a.Distinct = p.take("DISTINCT")
	if name != "COUNT" || !p.takeSign('*') {
		a.Expr = p.expression()
	}
	if name == "GROUP_CONCAT" && p.takeSign(';') {
		a.Separator = p.separator()
	}
	p.closing(')', `")"`, at)
	return a
}

// separator reads what GROUP_CONCAT puts between values.
func (p *parser) separator() *string {
	p.needWord("SEPARATOR", `SEPARATOR behind ";" in GROUP_CONCAT`)
	p.need('=', `"=" behind SEPARATOR`)
	if p.tok.kind != str {
		p.expected(`a string behind "="`)
		return nil
	}
	value := p.stringValue()
	return &value
}

// existence reads the group of EXISTS. Its variables are not those of the group around it.
func (p *parser) existence(not bool, pos Pos) Expr {
	aggr, uses, in, pattern := p.aggr, p.uses, p.depthInExpression, p.blanks.pattern
	p.aggr, p.uses, p.depthInExpression = aggregation{why: onlyThere}, nil, 0
	p.exists++
	g, _ := p.group("behind EXISTS")
	p.exists--
	p.aggr, p.uses, p.depthInExpression, p.blanks.pattern = aggr, uses, in, pattern
	return &Exists{Not: not, Group: g, Pos: pos}
}
