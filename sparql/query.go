package sparql

import (
	"slices"
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
)

// query reads QueryUnit.
func (p *parser) query(q *Query) {
	p.prologue = &q.Prologue
	p.declarations()
	switch p.tok.word {
	case "SELECT":
		p.selectQuery(q, true)
	case "CONSTRUCT":
		p.construct(q)
	case "DESCRIBE":
		p.describe(q)
	case "ASK":
		p.next()
		q.Form = Ask
		p.dataset(&q.Dataset)
		p.where(q)
		p.modifiers(q)
	default:
		p.noQuery()
	}
	p.values(q)
	if p.tok.kind != atEnd {
		p.expected("the end of the query", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES", "FROM")
	}
}

// queryKeywords begin queries.
var queryKeywords = []string{"SELECT", "CONSTRUCT", "DESCRIBE", "ASK", "PREFIX", "BASE", "VERSION"}

// noQuery sets the error for what is no query.
func (p *parser) noQuery() {
	const what = "SELECT, CONSTRUCT, DESCRIBE or ASK"
	switch {
	case p.tok.kind == langTag && (p.source() == "@prefix" || p.source() == "@base"):
		p.fail(nil, `expected %s, found %q, which SPARQL writes without "@" and "."`, what, p.source())
	case slices.Contains(operationKeywords, p.tok.word) && p.tok.word != "":
		p.fail(nil, "expected %s, found %q: this is an update, not a query", what, p.source())
	default:
		p.expected(what, queryKeywords...)
	}
}

// declarations reads Prologue.
func (p *parser) declarations() {
	for p.err == nil {
		switch {
		case p.take("BASE"):
			iri := p.onlyReference("the IRI of the base behind BASE")
			if p.err == nil {
				p.base.Set(iri.Value())
				p.prologue.Base = iri.Value()
			}
		case p.take("PREFIX"):
			p.prefix()
		case p.take("VERSION"):
			p.version()
		default:
			return
		}
	}
}

// onlyReference reads an IRI in angle brackets.
func (p *parser) onlyReference(what string) rdf.Term {
	if p.tok.kind != iriRef {
		p.expected(what)
		return rdf.Term{}
	}
	return p.reference()
}

// prefix reads what follows PREFIX.
func (p *parser) prefix() {
	if p.tok.kind != prefixed || p.tok.colon != p.tok.end-1 {
		p.expected(`the name of a prefix and ":" behind PREFIX`)
		return
	}
	name := p.text[p.tok.start:p.tok.colon]
	p.next()
	iri := p.onlyReference("the IRI of the prefix in angle brackets")
	if p.err != nil {
		return
	}
	p.prefixes.declare(name, iri.String())
	p.names = [len(p.names)]expanded{}
	p.prologue.Prefixes = append(p.prologue.Prefixes, Prefix{name, iri.Value()})
}

// version reads what follows VERSION.
func (p *parser) version() {
	if p.tok.kind != str || p.tok.long {
		p.expected(`a version such as "1.2", in one pair of quotes, behind VERSION`)
		return
	}
	p.prologue.Version = p.stringValue()
}

// stringValue reads a string without datatype or language tag, and returns its characters.
func (p *parser) stringValue() string { return rdf.Trusted(p.quoted()).Value() }

// construct reads ConstructQuery.
func (p *parser) construct(q *Query) {
	p.next()
	q.Form = Construct
	if p.tok.kind == '{' {
		q.Template = p.template()
		p.dataset(&q.Dataset)
		p.where(q)
		p.modifiers(q)
		return
	}
	p.dataset(&q.Dataset)
	p.needWord("WHERE", `"{" or WHERE behind CONSTRUCT`)
	p.constructWhere(q)
	p.modifiers(q)
}

// template reads ConstructTemplate.
func (p *parser) template() []Triple {
	at := p.tok.start
	p.next()
	p.nodes, p.out = inTemplate, output{}
	p.triples()
	p.nodes = inPattern
	p.closing('}', `"}"`, at)
	return p.out.triples
}

// constructWhere reads a template that is the pattern, too: simple triples, without paths.
func (p *parser) constructWhere(q *Query) {
	at := p.tok.start
	if p.tok.kind != '{' {
		p.expected(`"{" behind WHERE`)
		return
	}
	g := &Group{Pos: p.pos(at)}
	p.scope = &scope{}
	q.Template = p.template()
	if len(q.Template) > 0 {
		g.Elements = []Pattern{&Triples{q.Template}}
	}
	q.Where = g
}

// describe reads DescribeQuery.
func (p *parser) describe(q *Query) {
	p.next()
	q.Form = Describe
	if q.Star = p.takeSign('*'); !q.Star {
		for first := true; first || p.tok.kind == variable || p.atIRI(); first = false {
			q.Describe = append(q.Describe, p.varOrIRI(`a variable, an IRI or "*" behind DESCRIBE`))
			if p.err != nil {
				return
			}
		}
	}
	p.dataset(&q.Dataset)
	if p.is("WHERE") || p.tok.kind == '{' {
		p.where(q)
	}
	p.modifiers(q)
}

// dataset reads the FROM of a query.
func (p *parser) dataset(d *Dataset) {
	for p.take("FROM") {
		p.datasetGraph(d, "FROM")
	}
}

// datasetGraph reads what follows FROM or USING.
func (p *parser) datasetGraph(d *Dataset, keyword string) {
	if p.take("NAMED") {
		d.Named = append(d.Named, p.iri("the IRI of a graph behind "+keyword+" NAMED"))
		return
	}
	d.Default = append(d.Default, p.iri("NAMED or the IRI of a graph behind "+keyword, "NAMED"))
}

// where reads WhereClause, and leaves its variables in scope.
func (p *parser) where(q *Query) {
	p.take("WHERE")
	if p.tok.kind != '{' {
		p.expected(`WHERE or "{"`, "WHERE", "FROM")
		return
	}
	q.Where, p.scope = p.group("")
}

// modifiers reads SolutionModifier.
func (p *parser) modifiers(q *Query) {
	vars := p.scope
	p.scope = nil
	if p.take("GROUP") {
		p.groupBy(q, vars)
	}
	p.aggr.why = ""
	if p.take("HAVING") {
		for first := true; first || p.atConstraint(); first = false {
			q.Having = append(q.Having, p.constraint("an expression in brackets, or a function, behind HAVING"))
		}
	}
	if p.take("ORDER") {
		p.orderBy(q)
	}
	p.aggr.why = onlyThere
	p.limits(q)
	p.scope = vars
}

// atConstraint reports whether a Constraint begins here.
func (p *parser) atConstraint() bool {
	if p.tok.kind == '(' || p.atIRI() {
		return true
	}
	_, function := functions[p.tok.word]
	return function || aggregates[p.tok.word] || p.is("EXISTS") || p.is("NOT")
}

// groupBy reads GroupClause behind GROUP. vars are those that are in scope.
func (p *parser) groupBy(q *Query, vars *scope) {
	p.needWord("BY", "BY behind GROUP")
	for first := true; first || p.tok.kind == variable || p.atConstraint(); first = false {
		var key GroupKey
		switch p.tok.kind {
		case variable:
			key.Var = p.takeVar("")
		case '(':
			key = p.groupKey(vars)
		default:
			key.Expr = p.constraint("a variable, an expression in brackets, or a function, behind GROUP BY")
		}
		if p.err != nil {
			return
		}
		q.GroupBy = append(q.GroupBy, key)
	}
}

// groupKey reads a key of GROUP BY in brackets. A variable alone in them is one without.
func (p *parser) groupKey(vars *scope) GroupKey {
	at := p.tok.start
	p.next()
	key := GroupKey{Expr: p.expression()}
	if p.take("AS") {
		if p.tok.kind == variable && vars != nil && vars.has(Var(p.source()[1:])) {
			p.fail(nil, "expected a new variable behind AS, found %s, which WHERE has", p.source())
		}
		key.Var = p.takeVar("a variable behind AS")
	} else if n, ok := key.Expr.(*NodeExpr); ok && n.Node.Var != "" {
		key = GroupKey{Var: n.Node.Var}
	}
	p.closing(')', `")"`, at)
	return key
}

// orderBy reads OrderClause behind ORDER.
func (p *parser) orderBy(q *Query) {
	p.needWord("BY", "BY behind ORDER")
	for first := true; first || p.tok.kind == variable || p.is("ASC") || p.is("DESC") || p.atConstraint(); first = false {
		var key OrderKey
		switch {
		case p.tok.kind == variable:
			pos := p.pos(p.tok.start)
			key.Expr = &NodeExpr{p.variableNode(), pos}
		case p.is("ASC"), p.is("DESC"):
			key.Descending = p.is("DESC")
			p.next()
			if p.tok.kind != '(' {
				p.expected(`"(" behind ASC or DESC`)
				return
			}
			key.Expr = p.bracketed()
		default:
			key.Expr = p.constraint("ASC, DESC, a variable, an expression in brackets, or a function, behind ORDER BY", "ASC", "DESC")
		}
		if p.err != nil {
			return
		}
		q.OrderBy = append(q.OrderBy, key)
	}
}

// limits reads LimitOffsetClauses.
func (p *parser) limits(q *Query) {
	for {
		switch {
		case p.is("LIMIT") && q.Limit == nil:
			p.next()
			q.Limit = p.integer("LIMIT")
		case p.is("OFFSET") && q.Offset == nil:
			p.next()
			q.Offset = p.integer("OFFSET")
		default:
			return
		}
		if p.err != nil {
			return
		}
	}
}

// integer reads the number behind a keyword.
func (p *parser) integer(keyword string) *int64 {
	n, err := strconv.ParseUint(p.source(), 10, 63)
	if err != nil || p.tok.kind != number {
		p.expected("a whole number from 0 to 9223372036854775807 behind " + keyword)
		return nil
	}
	p.next()
	value := int64(n)
	return &value
}

// values reads ValuesClause.
func (p *parser) values(q *Query) {
	if p.take("VALUES") {
		q.Values = p.inlineData()
	}
}
