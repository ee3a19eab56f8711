package sparql

import (
	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// verbPath reads VerbPath. A path that is a single IRI comes back as a predicate.
func (p *parser) verbPath() (Node, Path) {
	if (p.atIRI() || p.is("a")) && !p.pathBehind() {
		return p.simpleVerb("a predicate"), nil
	}
	if p.exists == 0 {
		p.operators = 0
	}
	path := p.path()
	if iri, ok := path.(PathIRI); ok {
		return Node{Term: iri.IRI}, nil
	}
	return Node{}, path
}

// pathBehind reports whether a path may go on behind the token. What an object may begin with, too, may be one.
func (p *parser) pathBehind() bool {
	i := p.skip(p.tok.end)
	if i+1 >= len(p.b) {
		return true
	}
	switch p.b[i] {
	case '/', '|', '*', '+':
		return true
	case '?':
		return chars.Class[p.b[i+1]]&chars.Name == 0 || p.b[i+1] == '-'
	}
	return false
}

// path reads PathAlternative.
func (p *parser) path() Path {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	left := p.sequence()
	for p.tok.kind == '|' {
		p.operator()
		p.next()
		left = &PathAlternative{left, p.sequence()}
	}
	return left
}

// sequence reads PathSequence.
func (p *parser) sequence() Path {
	left := p.step()
	for p.tok.kind == '/' {
		p.operator()
		p.next()
		left = &PathSequence{left, p.step()}
	}
	return left
}

// step reads PathEltOrInverse.
func (p *parser) step() Path {
	if p.takeSign('^') {
		return &PathInverse{p.element()}
	}
	return p.element()
}

// element reads PathElt.
func (p *parser) element() Path {
	path := p.primaryPath()
	switch p.tok.kind {
	case '?':
		p.next()
		return &PathRepeat{Path: path, Zero: true}
	case '*':
		p.next()
		return &PathRepeat{Path: path, Zero: true, Many: true}
	case '+':
		p.next()
		return &PathRepeat{Path: path, Many: true}
	}
	return path
}

// primaryPath reads PathPrimary.
func (p *parser) primaryPath() Path {
	switch {
	case p.tok.kind == '(':
		at := p.tok.start
		p.next()
		path := p.path()
		p.closing(')', `")"`, at)
		return path
	case p.takeSign('!'):
		return p.negated()
	case p.take("a"):
		return PathIRI{vocab.Type}
	case p.tok.kind == variable:
		p.expected("an IRI (a path has no variables)")
		return nil
	}
	return PathIRI{p.iri("an IRI, or a path in brackets")}
}

// negated reads PathNegatedPropertySet.
func (p *parser) negated() Path {
	n := &PathNegated{}
	if !p.takeSign('(') {
		p.negatedOne(n)
		return n
	}
	if p.takeSign(')') {
		return n
	}
	for {
		p.negatedOne(n)
		if !p.takeSign('|') {
			p.need(')', `"|" or ")" in the predicates behind "!"`)
			return n
		}
	}
}

// negatedOne reads PathOneInPropertySet.
func (p *parser) negatedOne(n *PathNegated) {
	p.part()
	backward := p.takeSign('^')
	var iri rdf.Term
	if p.take("a") {
		iri = vocab.Type
	} else {
		iri = p.iri(`a predicate behind "!"`)
	}
	if backward {
		n.Backward = append(n.Backward, iri)
	} else {
		n.Forward = append(n.Forward, iri)
	}
}
