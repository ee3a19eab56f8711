package sparql

import (
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
)

// operationKeywords begin operations.
var operationKeywords = []string{
	"INSERT", "DELETE", "WITH", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "PREFIX", "BASE", "VERSION",
}

// update reads UpdateUnit.
func (p *parser) update(u *Update) {
	p.prologue = &u.Prologue
	for {
		p.declarations()
		if p.err != nil || p.tok.kind == atEnd {
			return
		}
		op := p.operation()
		if p.err != nil {
			return
		}
		u.Operations = append(u.Operations, op)
		if !p.takeSign(';') {
			break
		}
	}
	if p.tok.kind != atEnd {
		p.expected(`";" or the end of the update`, "WHERE", "USING", "INSERT", "DELETE")
	}
}

// operation reads Update1.
func (p *parser) operation() Operation {
	switch p.tok.word {
	case "INSERT":
		return p.insert()
	case "DELETE":
		return p.delete()
	case "WITH":
		p.next()
		m := &Modify{With: p.iri("the IRI of a graph behind WITH")}
		if !p.is("DELETE") && !p.is("INSERT") {
			p.expected("DELETE or INSERT behind WITH and its graph", "DELETE", "INSERT")
			return nil
		}
		return p.modify(m)
	case "LOAD":
		return p.load()
	case "CLEAR", "DROP", "CREATE":
		return p.manage()
	case "ADD", "MOVE", "COPY":
		return p.transfer()
	}
	if slices.Contains(queryKeywords, p.tok.word) {
		p.fail(nil, "expected an operation, such as INSERT DATA, found %q: this is a query, not an update", p.source())
	}
	p.expected("an operation, such as INSERT DATA", operationKeywords...)
	return nil
}

// insert reads what begins with INSERT.
func (p *parser) insert() Operation {
	p.next()
	if !p.take("DATA") {
		m := &Modify{HasInsert: true, Insert: p.quads(inTemplate, "DATA or \"{\" behind INSERT")}
		return p.modifyWhere(m)
	}
	p.blanks.data++
	return &InsertData{p.quads(inInsertData, `"{" behind INSERT DATA`)}
}

// delete reads what begins with DELETE.
func (p *parser) delete() Operation {
	p.next()
	switch {
	case p.take("DATA"):
		return &DeleteData{p.quads(inDeleteData, `"{" behind DELETE DATA`)}
	case p.take("WHERE"):
		return p.deleteWhere()
	}
	m := &Modify{HasDelete: true, Delete: p.quads(inDelete, `DATA, WHERE or "{" behind DELETE`)}
	return p.modifyInsert(m)
}

// modify reads the templates and the WHERE of Modify behind WITH.
func (p *parser) modify(m *Modify) Operation {
	if p.take("INSERT") {
		m.HasInsert, m.Insert = true, p.quads(inTemplate, `"{" behind INSERT`)
		return p.modifyWhere(m)
	}
	p.next()
	m.HasDelete, m.Delete = true, p.quads(inDelete, `"{" behind DELETE`)
	return p.modifyInsert(m)
}

// modifyInsert reads what follows the template of DELETE.
func (p *parser) modifyInsert(m *Modify) Operation {
	if p.take("INSERT") {
		m.HasInsert, m.Insert = true, p.quads(inTemplate, `"{" behind INSERT`)
	}
	return p.modifyWhere(m)
}

// modifyWhere reads USING and WHERE.
func (p *parser) modifyWhere(m *Modify) Operation {
	for p.take("USING") {
		p.datasetGraph(&m.Using, "USING")
	}
	p.needWord("WHERE", "WHERE behind the templates")
	where, vars := p.group("behind WHERE")
	p.free(vars)
	m.Where = where
	return m
}

// quads reads QuadData or QuadPattern.
func (p *parser) quads(nodes place, what string) []Quad {
	at := p.tok.start
	if p.tok.kind != '{' {
		p.expected(what)
		return nil
	}
	p.next()
	p.nodes, p.scope, p.out = nodes, nil, output{toQuads: true}
	for p.err == nil && p.tok.kind != '}' {
		p.quadsPart(func() {}, func(Node) {})
	}
	p.nodes = inPattern
	p.closing('}', `"}"`, at)
	return p.out.quads
}

// quadsPart reads triples, or triples in a graph.
func (p *parser) quadsPart(afterTriples func(), afterGraph func(Node)) {
	if p.atTriples() {
		p.triples()
		afterTriples()
		if p.tok.kind != '}' && !p.is("GRAPH") {
			p.expected(`".", GRAPH or "}" behind the triples`, "GRAPH")
		}
		return
	}
	if !p.take("GRAPH") {
		p.expected(`triples, GRAPH or "}"`, "GRAPH")
		return
	}
	name := p.varOrIRI("the name of a graph behind GRAPH")
	at := p.tok.start
	p.need('{', `"{" behind the name of the graph`)
	p.out.graph = name
	p.triples()
	p.out.graph = Node{}
	afterGraph(name)
	p.closing('}', `"}"`, at)
	p.takeSign('.')
}

// deleteWhere reads what follows DELETE WHERE: a template that is the pattern, too.
func (p *parser) deleteWhere() Operation {
	at := p.tok.start
	m := &Modify{HasDelete: true, Where: &Group{Pos: p.pos(at)}}
	if p.tok.kind != '{' {
		p.expected(`"{" behind DELETE WHERE`)
		return nil
	}
	p.next()
	p.nodes, p.scope, p.out = inDelete, nil, output{toQuads: true}
	add := func(e Pattern) { m.Where.Elements = append(m.Where.Elements, e) }
	for p.err == nil && p.tok.kind != '}' {
		from := len(p.out.quads)
		p.quadsPart(func() { add(&Triples{triplesOf(p.out.quads[from:])}) }, func(name Node) {
			g := &Group{Pos: p.pos(at)}
			if len(p.out.quads) > from {
				g.Elements = []Pattern{&Triples{triplesOf(p.out.quads[from:])}}
			}
			add(&GraphPattern{name, g})
		})
	}
	p.nodes = inPattern
	m.Delete = p.out.quads
	p.closing('}', `"}"`, at)
	return m
}

// triplesOf are quads without their graphs.
func triplesOf(quads []Quad) []Triple {
	triples := make([]Triple, len(quads))
	for i := range quads {
		triples[i] = quads[i].Triple
	}
	return triples
}

// load reads Load.
func (p *parser) load() Operation {
	p.next()
	l := &Load{Silent: p.take("SILENT"), Source: p.iri("the IRI of a document behind LOAD")}
	if p.take("INTO") {
		p.needWord("GRAPH", "GRAPH behind INTO")
		l.Into = p.iri("the IRI of a graph behind GRAPH")
	}
	return l
}

// manage reads Clear, Drop or Create.
func (p *parser) manage() Operation {
	m := &Manage{Action: Action(p.tok.word)}
	p.next()
	m.Silent = p.take("SILENT")
	switch {
	case p.take("GRAPH"):
		m.Target.Graph = p.iri("the IRI of a graph behind GRAPH")
	case m.Action == Create:
		p.expected("GRAPH behind CREATE", "GRAPH", "SILENT")
	case p.take("DEFAULT"):
		m.Target.Kind = TargetDefault
	case p.take("NAMED"):
		m.Target.Kind = TargetNamed
	case p.take("ALL"):
		m.Target.Kind = TargetAll
	default:
		p.expected("GRAPH, DEFAULT, NAMED or ALL behind "+string(m.Action), "GRAPH", "DEFAULT", "NAMED", "ALL", "SILENT")
	}
	return m
}

// transfer reads Add, Move or Copy.
func (p *parser) transfer() Operation {
	t := &Transfer{Kind: TransferKind(p.tok.word)}
	p.next()
	t.Silent = p.take("SILENT")
	t.From = p.graphOrDefault("behind " + string(t.Kind))
	p.needWord("TO", "TO and another graph behind "+string(t.Kind))
	t.To = p.graphOrDefault("behind TO")
	return t
}

// graphOrDefault reads GraphOrDefault.
func (p *parser) graphOrDefault(where string) rdf.Term {
	if p.take("DEFAULT") {
		return rdf.Term{}
	}
	p.take("GRAPH")
	return p.iri("DEFAULT or the IRI of a graph " + where)
}
