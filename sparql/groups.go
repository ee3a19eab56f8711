package sparql

import "github.com/quadrille-stream/quadrille/rdf"

// group reads GroupGraphPattern, and returns it with the variables that are in scope in it; where says what it belongs to.
func (p *parser) group(where string) (*Group, *scope) {
	p.part()
	at := p.tok.start
	if p.tok.kind != '{' {
		p.expected(`"{" ` + where)
		return nil, &scope{}
	}
	g := &Group{Pos: p.pos(at)}
	outer, vars, out := p.scope, p.newScope(), p.out
	p.scope, p.out = vars, output{}
	p.next()
	if p.enter() {
		p.blanks.newPattern()
		if p.is("SELECT") {
			g.Elements = []Pattern{p.subSelect()}
		} else {
			p.elements(g)
		}
	}
	p.leave()
	p.scope, p.out = outer, out
	p.closing('}', `"}"`, at)
	return g, vars
}

// inner reads a group whose variables are those of the group around it, too.
func (p *parser) inner(where string) *Group {
	g, vars := p.group(where)
	p.blanks.newPattern()
	if p.scope != nil {
		p.scope.merge(vars)
	}
	p.free(vars)
	return g
}

// elements reads GroupGraphPatternSub.
func (p *parser) elements(g *Group) {
	for {
		if p.atTriples() {
			p.out.triples = nil
			p.triples()
			g.Elements = append(g.Elements, &Triples{p.out.triples})
		}
		e := p.pattern()
		if e == nil || p.err != nil {
			return
		}
		g.Elements = append(g.Elements, e)
		p.takeSign('.')
	}
}

// groupKeywords begin elements of a group.
var groupKeywords = []string{"OPTIONAL", "MINUS", "GRAPH", "SERVICE", "FILTER", "BIND", "VALUES", "UNION"}

// pattern reads GraphPatternNotTriples; nil at the end of the group, and after an error.
func (p *parser) pattern() Pattern {
	if p.tok.kind == '{' {
		return p.union()
	}
	pos := p.tok.start
	switch p.tok.word {
	case "OPTIONAL":
		p.next()
		return &Optional{p.inner("behind OPTIONAL")}
	case "MINUS":
		p.next()
		g, vars := p.group("behind MINUS")
		p.free(vars)
		p.blanks.newPattern()
		return &Minus{g}
	case "GRAPH":
		p.next()
		name := p.varOrIRI("a variable or an IRI behind GRAPH")
		return &GraphPattern{name, p.inner("behind the name of the graph")}
	case "SERVICE":
		return p.service()
	case "FILTER":
		at := p.pos(pos)
		p.next()
		return &Filter{p.constraint(`an expression in brackets, or a function, behind FILTER`), at}
	case "BIND":
		return p.bind()
	case "VALUES":
		p.next()
		v := p.inlineData()
		p.blanks.newPattern()
		return v
	}
	if p.tok.kind != '}' {
		p.expected(`triples, a pattern or "}"`, groupKeywords...)
	}
	return nil
}

// union reads GroupOrUnionGraphPattern.
func (p *parser) union() Pattern {
	first := p.inner("")
	if !p.is("UNION") {
		return first
	}
	u := &Union{[]*Group{first}}
	for p.take("UNION") {
		u.Groups = append(u.Groups, p.inner("behind UNION"))
	}
	return u
}

// service reads ServiceGraphPattern.
func (p *parser) service() Pattern {
	s := &Service{Pos: p.pos(p.tok.start)}
	p.next()
	s.Silent = p.take("SILENT")
	s.Name = p.varOrIRI("a variable or an IRI behind SERVICE", "SILENT")
	p.services++
	s.Group = p.inner("behind the name of the service")
	p.services--
	return s
}

// varOrIRI reads VarOrIri; see iri.
func (p *parser) varOrIRI(what string, keywords ...string) Node {
	if p.tok.kind == variable {
		return p.variableNode()
	}
	return Node{Term: p.iri(what, keywords...)}
}

// bind reads Bind.
func (p *parser) bind() Pattern {
	b := &Bind{Pos: p.pos(p.tok.start)}
	p.next()
	at := p.tok.start
	p.need('(', `"(" behind BIND`)
	b.Expr = p.expression()
	p.needWord("AS", "AS and a variable in BIND")
	if p.tok.kind == variable && p.scope != nil && p.scope.has(Var(p.source()[1:])) {
		p.fail(nil, "expected a new variable behind AS, found %s, which is in use before it in the group", p.source())
	}
	b.Var = p.takeVar("a variable behind AS")
	p.closing(')', `")"`, at)
	p.blanks.newPattern()
	return b
}

// inlineData reads DataBlock.
func (p *parser) inlineData() *InlineData {
	d := &InlineData{}
	if p.tok.kind == variable {
		d.Vars = []Var{p.takeVar("")}
		at := p.tok.start
		p.need('{', `"{" behind the variable of VALUES`)
		for p.err == nil && p.tok.kind != '}' {
			d.Rows = append(d.Rows, []rdf.Term{p.value()})
		}
		p.closing('}', `"}"`, at)
		return d
	}
	at := p.tok.start
	p.need('(', `a variable, or variables in brackets, behind VALUES`)
	p.valuesVars(d)
	p.closing(')', `")"`, at)
	at = p.tok.start
	p.need('{', `"{" behind the variables of VALUES`)
	for p.tok.kind == '(' {
		d.Rows = append(d.Rows, p.row(len(d.Vars)))
	}
	p.closing('}', `"}"`, at)
	return d
}

// valuesVars reads the variables of VALUES, each of which is there once.
func (p *parser) valuesVars(d *InlineData) {
	var seen scope
	for p.tok.kind == variable {
		v := Var(p.source()[1:])
		if seen.has(v) {
			p.fail(nil, "expected each variable of VALUES once, found %s again", p.source())
			return
		}
		seen.add(v)
		d.Vars = append(d.Vars, p.takeVar(""))
	}
}

// row reads a row of VALUES, with n terms.
func (p *parser) row(n int) []rdf.Term {
	p.part()
	at := p.tok.start
	p.next()
	row := make([]rdf.Term, 0, min(n, 64))
	for p.err == nil && p.tok.kind != ')' {
		if len(row) == n {
			p.expected(`")", since VALUES has as many variables as there are terms before`)
		}
		row = append(row, p.value())
	}
	if len(row) < n && p.err == nil {
		p.failAt(p.tok.start, nil, "expected a term or UNDEF for each of the %d variables of VALUES, found %d in the row that begins at %s",
			n, len(row), p.place(at))
	}
	p.closing(')', `")"`, at)
	return row
}

// value reads DataBlockValue.
func (p *parser) value() rdf.Term {
	p.part()
	switch {
	case p.take("UNDEF"):
		return rdf.Term{}
	case p.atLiteral():
		return p.literal()
	case p.tok.kind == openTerm:
		return p.folded(p.termData()).Term
	}
	return p.iri(`an IRI, a literal, a triple term or UNDEF`, "UNDEF", "TRUE", "FALSE")
}
