package sparql

import (
	"strconv"

	"github.com/quadrille-stream/quadrille/internal/labels"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// place is what triples are read for, which says what may stand in them.
type place uint8

const (
	inPattern  place = iota // of WHERE
	inTemplate              // of CONSTRUCT and INSERT
	inDelete                // template of DELETE, and DELETE WHERE
	inInsertData
	inDeleteData
)

// names of places in errors.
var placeNames = [...]string{"a pattern", "a template", "a template of DELETE", "INSERT DATA", "DELETE DATA"}

// blanks are the blank nodes of a text.
type blanks struct {
	made labels.Issuer
	// pattern is the number of the basic graph pattern that is being read, data that of the INSERT DATA; 0 for none.
	pattern, data int
	patterns      int // how many there have been
	byLabel       map[string]use
	digits        [20]byte
}

// use is where a label has been used.
type use struct{ pattern, data int }

// newPattern begins another basic graph pattern.
func (b *blanks) newPattern() {
	b.patterns++
	b.pattern = b.patterns
}

// blanksAllowed reports whether a blank node may stand here; it sets the error if not.
func (p *parser) blanksAllowed(at int, what string) bool {
	if p.nodes == inDelete || p.nodes == inDeleteData {
		p.failAt(at, nil, "expected no blank node in %s, found %s; a variable in DELETE … WHERE matches what a blank node would",
			placeNames[p.nodes], what)
		return false
	}
	return true
}

// fresh makes a blank node, for what stands at an offset.
func (p *parser) fresh(at int, what string) Node {
	if !p.blanksAllowed(at, what) {
		return Node{}
	}
	digits := strconv.AppendUint(p.blanks.digits[:0], p.blanks.made.Next(), 10)
	p.room(len("_:anon") + len(digits))
	from := len(p.arena)
	p.arena = append(append(p.arena, "_:anon"...), digits...)
	return Node{Term: rdf.Trusted(p.sealed(from))}
}

// labelled reads a blank node with a label.
func (p *parser) labelled() Node {
	text := p.source()
	if !p.blanksAllowed(p.tok.start, text) {
		return Node{}
	}
	label := text[len("_:"):]
	if p.nodes == inPattern || p.nodes == inInsertData {
		p.sameUse(label)
	}
	t := rdf.Trusted(text)
	if p.blanks.made.Taken(label) {
		t = p.compose(text, "_")
	}
	p.next()
	return Node{Term: t}
}

// sameUse sets an error for a label that stands in another basic graph pattern, or another INSERT DATA (19.6 of the recommendation).
func (p *parser) sameUse(label string) {
	used := p.blanks.byLabel[label]
	what, before, now := "basic graph pattern", &used.pattern, p.blanks.pattern
	if p.nodes == inInsertData {
		what, before, now = "INSERT DATA", &used.data, p.blanks.data
	}
	switch *before {
	case now:
		return
	case 0:
	default:
		p.fail(nil, "expected a label that no other %s has, found _:%s; a variable can be the same in several", what, excerpt(label))
		return
	}
	*before = now
	if p.blanks.byLabel == nil {
		p.blanks.byLabel = map[string]use{}
	}
	p.blanks.byLabel[label] = used
}

// emit gives a triple out.
func (p *parser) emit(s, v Node, path Path, o Node, at Pos) {
	p.part()
	t := Triple{S: s, P: v, O: o, Path: path, Pos: at}
	if p.out.toQuads {
		p.roomForQuad()
		p.out.quads = append(p.out.quads, Quad{t, p.out.graph})
		return
	}
	p.out.triples = append(p.out.triples, t)
}

// roomForQuad makes room for one quad more, and for as many as the rest of the text has if it is like what has been read. Before anything was, the first
// data or template is taken for all of it: if each were, an update of many operations would take memory by the square of their number.
func (p *parser) roomForQuad() {
	n := len(p.out.quads)
	if n < cap(p.out.quads) {
		return
	}
	const most, written = 1024, 128 // first quads, and bytes of one, about
	rest := len(p.text) - p.last
	more := 1
	switch {
	case n > 0:
		more = max(n/2, n*rest/p.last*9/8) + 1
	case !p.guessed:
		more, p.guessed = min(rest/written+1, most), true
	}
	p.out.quads = append(make([]Quad, 0, n+more), p.out.quads...)
}

// atTriples reports whether triples begin here.
func (p *parser) atTriples() bool {
	switch p.tok.kind {
	case '(', '[', openReified, openTerm:
		return true
	}
	return p.atSimpleTerm()
}

// atSimpleTerm reports whether a variable or a term begins here that is none of several parts.
func (p *parser) atSimpleTerm() bool {
	return p.tok.kind == variable || p.tok.kind == blankLabel || p.atIRI() || p.atLiteral()
}

// triples reads TriplesBlock, TriplesTemplate or ConstructTriples.
func (p *parser) triples() {
	for p.atTriples() {
		p.sameSubject()
		if !p.takeSign('.') {
			return
		}
	}
}

// sameSubject reads TriplesSameSubject.
func (p *parser) sameSubject() {
	start, at := p.tok.start, p.pos(p.tok.start)
	bare := p.tok.kind == openReified
	var s Node
	switch p.tok.kind {
	case '(':
		s, bare = p.collection()
	case '[':
		s, bare = p.brackets()
	default:
		s = p.graphNode("a subject")
	}
	p.checkSubject(s, start)
	if bare && !p.atVerb() {
		return
	}
	p.propertyList(s, at)
}

// checkSubject sets an error for a subject that data can't have; in patterns and templates it is allowed, and matches or makes
// nothing.
func (p *parser) checkSubject(s Node, at int) {
	if p.nodes != inInsertData && p.nodes != inDeleteData {
		return
	}
	if kind := s.Term.Kind(); kind == rdf.KindLiteral || kind == rdf.KindTriple || s.Triple != nil {
		p.failAt(at, nil, "expected an IRI or a blank node as the subject in %s, found %s", placeNames[p.nodes], subjectKind(s))
	}
}

func subjectKind(s Node) string {
	if s.Triple != nil {
		return rdf.KindTriple.String()
	}
	return s.Term.Kind().String()
}

// atVerb reports whether a predicate begins here.
func (p *parser) atVerb() bool {
	if p.tok.kind == variable || p.atIRI() || p.is("a") {
		return true
	}
	return p.nodes == inPattern && (p.tok.kind == '^' || p.tok.kind == '!' || p.tok.kind == '(')
}

// propertyList reads PropertyListNotEmpty for a subject that began at a place.
func (p *parser) propertyList(s Node, at Pos) {
	if !p.enter() {
		return
	}
	defer p.leave()
	for {
		if !p.atVerb() {
			p.expected("a predicate")
			return
		}
		v, path := p.verb()
		p.objects(s, v, path, at)
		if p.tok.kind != ';' {
			return
		}
		for p.takeSign(';') {
		}
		if !p.atVerb() {
			return
		}
	}
}

// objects reads ObjectList.
func (p *parser) objects(s, v Node, path Path, at Pos) {
	for {
		o := p.graphNode("an object")
		p.emit(s, v, path, o, at)
		if p.tok.kind == '~' || p.tok.kind == openNote {
			p.annotations(s, v, path, o)
		}
		if !p.takeSign(',') {
			return
		}
	}
}

// verb reads Verb, or a path where there may be one.
func (p *parser) verb() (Node, Path) {
	if p.tok.kind == variable {
		return p.variableNode(), nil
	}
	if p.nodes == inPattern {
		return p.verbPath()
	}
	return p.simpleVerb("a predicate"), nil
}

// simpleVerb reads a variable, an IRI, or "a".
func (p *parser) simpleVerb(what string) Node {
	switch {
	case p.tok.kind == variable:
		return p.variableNode()
	case p.take("a"):
		return Node{Term: vocab.Type}
	}
	return Node{Term: p.iri(what)}
}

// variableNode reads a variable.
func (p *parser) variableNode() Node { return Node{Var: p.takeVar("a variable")} }

// takeVar reads a variable, which is in scope then.
func (p *parser) takeVar(what string) Var {
	if p.tok.kind != variable {
		p.expected(what)
		return ""
	}
	if p.nodes == inInsertData || p.nodes == inDeleteData {
		p.fail(nil, "expected no variable in %s, found %s; INSERT and DELETE with WHERE take variables", placeNames[p.nodes], p.source())
		return ""
	}
	v := Var(p.text[p.tok.start+1 : p.tok.end])
	if p.scope != nil {
		p.scope.add(v)
	}
	if p.uses != nil {
		*p.uses = append(*p.uses, varUse{v, p.tok.start})
	}
	p.next()
	return v
}

// graphNode reads GraphNode; the triples of what is short for several come out before those that it stands in.
func (p *parser) graphNode(what string) Node {
	switch p.tok.kind {
	case '(':
		n, _ := p.collection()
		return n
	case '[':
		n, _ := p.brackets()
		return n
	case openReified:
		return p.reified()
	case openTerm:
		return p.folded(p.tripleTermNode(false))
	}
	return p.simpleTerm(what)
}

// simpleTerm reads a variable or a term that is none of several parts.
func (p *parser) simpleTerm(what string) Node {
	switch {
	case p.tok.kind == variable:
		return p.variableNode()
	case p.tok.kind == blankLabel:
		return p.labelled()
	case p.atIRI():
		return Node{Term: p.iri(what)}
	case p.atLiteral():
		return Node{Term: p.literal()}
	}
	p.expected(what, "TRUE", "FALSE")
	return Node{}
}

// brackets reads "[ … ]"; bare reports that there is something in it.
func (p *parser) brackets() (n Node, bare bool) {
	at := p.tok.start
	pos := p.pos(at)
	p.next()
	n = p.fresh(at, `"["`)
	if p.tok.kind != ']' {
		p.propertyList(n, pos)
		bare = true
	}
	p.closing(']', `"]"`, at)
	return n, bare
}

// collection reads "( … )"; bare reports that there is something in it.
func (p *parser) collection() (n Node, bare bool) {
	at := p.tok.start
	pos := p.pos(at)
	p.next()
	if p.takeSign(')') {
		return Node{Term: vocab.Nil}, false
	}
	if !p.enter() {
		return Node{}, false
	}
	defer p.leave()
	first := p.fresh(at, `"("`)
	for node := first; p.err == nil; {
		p.emit(node, Node{Term: vocab.First}, nil, p.graphNode(`a member of the list or ")"`), pos)
		if p.takeSign(')') {
			p.emit(node, Node{Term: vocab.Rest}, nil, Node{Term: vocab.Nil}, pos)
			break
		}
		rest := p.fresh(at, `"("`)
		p.emit(node, Node{Term: vocab.Rest}, nil, rest, pos)
		node = rest
	}
	return first, true
}
