package sparql

import (
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// reified reads << s p o ~ r >> and returns the reifier.
func (p *parser) reified() Node {
	at := p.tok.start
	pos := p.pos(at)
	p.next()
	if !p.enter() {
		return Node{}
	}
	defer p.leave()
	t := &Triple{Pos: pos}
	start := p.tok.start
	t.S = p.reifiedPart("a subject")
	p.checkSubject(t.S, start)
	t.P = p.simpleVerb("a predicate, which is a variable or an IRI here")
	t.O = p.reifiedPart("an object")
	var r Node
	if p.tok.kind == '~' {
		r = p.reifier()
	} else {
		r = p.fresh(at, `"<<" without a reifier`)
	}
	p.closing(closeReified, `">>"`, at)
	p.reifies(r, t, pos)
	return r
}

// reifies gives out the triple that says what a reifier reifies.
func (p *parser) reifies(r Node, t *Triple, at Pos) {
	p.emit(r, Node{Term: vocab.Reifies}, nil, p.folded(Node{Triple: t}), at)
}

// reifiedPart reads ReifiedTripleSubject or ReifiedTripleObject.
func (p *parser) reifiedPart(what string) Node {
	switch p.tok.kind {
	case openReified:
		return p.reified()
	case openTerm:
		return p.tripleTermNode(false)
	case '[':
		return p.anonymous()
	}
	return p.simpleTerm(what)
}

// anonymous reads "[]".
func (p *parser) anonymous() Node {
	at := p.tok.start
	p.next()
	n := p.fresh(at, `"[]"`)
	p.need(']', `"]" behind "[" (no properties can stand here)`)
	return n
}

// reifier reads "~" and what it names, if anything.
func (p *parser) reifier() Node {
	at := p.tok.start
	p.next()
	switch {
	case p.tok.kind == variable, p.tok.kind == blankLabel, p.atIRI():
		return p.simpleTerm("a reifier")
	case p.tok.kind == '[':
		return p.anonymous()
	}
	return p.fresh(at, `"~" without a name`)
}

// annotations reads the reifiers and annotations behind an object.
func (p *parser) annotations(s, v Node, path Path, o Node) {
	if path != nil {
		p.fail(nil, "expected no reifier or annotation behind a path, found %q: only a triple with a simple predicate can have them", p.source())
		return
	}
	if !p.enter() {
		return
	}
	defer p.leave()
	var r Node
	for named := false; ; {
		at, pos := p.tok.start, p.pos(p.tok.start)
		switch p.tok.kind {
		case '~':
			r, named = p.reifier(), true
			p.reifies(r, &Triple{S: s, P: v, O: o, Pos: pos}, pos)
		case openNote:
			p.next()
			if !named {
				r = p.fresh(at, `"{|" without a reifier`)
				p.reifies(r, &Triple{S: s, P: v, O: o, Pos: pos}, pos)
			}
			named = false
			p.propertyList(r, pos)
			p.closing(closeNote, `"|}"`, at)
		default:
			return
		}
	}
}

// tripleTermNode reads <<( s p o )>>; with inExpression, as ExprTripleTerm.
func (p *parser) tripleTermNode(inExpression bool) Node {
	at := p.tok.start
	pos := p.pos(at)
	p.next()
	if !p.enter() {
		return Node{}
	}
	defer p.leave()
	t := &Triple{Pos: pos}
	start := p.tok.start
	if inExpression {
		t.S = p.expressionSubject()
	} else {
		t.S = p.termPart("a subject", false)
	}
	p.checkSubject(t.S, start)
	t.P = p.simpleVerb("a predicate, which is a variable or an IRI here")
	t.O = p.termPart("an object", inExpression)
	p.closing(closeTerm, `")>>"`, at)
	return Node{Triple: t}
}

// termPart reads TripleTermSubject or TripleTermObject, or, with inExpression, ExprTripleTermObject.
func (p *parser) termPart(what string, inExpression bool) Node {
	switch p.tok.kind {
	case openTerm:
		return p.tripleTermNode(inExpression)
	case '[', blankLabel:
		if inExpression {
			p.expected(what + ` that is no blank node`)
			return Node{}
		}
		if p.tok.kind == '[' {
			return p.anonymous()
		}
	}
	return p.simpleTerm(what)
}

// expressionSubject reads ExprTripleTermSubject.
func (p *parser) expressionSubject() Node {
	if p.tok.kind == variable {
		return p.variableNode()
	}
	return Node{Term: p.iri("a subject, which is a variable or an IRI here")}
}

// termData reads TripleTermData.
func (p *parser) termData() Node {
	at := p.tok.start
	p.next()
	if !p.enter() {
		return Node{}
	}
	defer p.leave()
	t := &Triple{}
	t.S.Term = p.iri("a subject, which is an IRI here")
	if t.P.Term = vocab.Type; !p.take("a") {
		t.P.Term = p.iri("a predicate, which is an IRI here")
	}
	switch {
	case p.tok.kind == openTerm:
		t.O = p.termData()
	case p.atLiteral():
		t.O.Term = p.literal()
	default:
		t.O.Term = p.iri("an object, which is an IRI, a literal or a triple term here")
	}
	p.closing(closeTerm, `")>>"`, at)
	return Node{Triple: t}
}

// folded makes a term of each triple term that has neither variables nor blank nodes in it.
func (p *parser) folded(n Node) Node {
	if n.Triple == nil || p.err != nil {
		return n
	}
	if p.foldParts(n.Triple) {
		return Node{Term: p.tripleTerm(n.Triple)}
	}
	return n
}

// foldParts reports whether a triple can be a term, and folds its parts if it can't be.
func (p *parser) foldParts(t *Triple) bool {
	ground := func(n *Node) bool {
		if n.Triple != nil {
			return p.foldParts(n.Triple)
		}
		return n.Var == "" && n.Term.Kind() != rdf.KindBlank
	}
	s, o := ground(&t.S), ground(&t.O)
	kind := t.S.Term.Kind()
	if s && o && t.P.Var == "" && t.S.Triple == nil && kind == rdf.KindIRI {
		return true
	}
	for _, part := range []struct {
		node   *Node
		ground bool
	}{{&t.S, s}, {&t.O, o}} {
		if part.ground && part.node.Triple != nil {
			*part.node = Node{Term: p.tripleTerm(part.node.Triple)}
		}
	}
	return false
}
