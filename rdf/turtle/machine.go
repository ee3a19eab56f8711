package turtle

import (
	"strings"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// state says what the reader expects next.
type state uint8

const (
	document state = iota // a statement, a directive, a graph, or the end of one

	// These are also what a term can be for.
	subject      // of a statement
	object       // of the innermost frame
	value        // of a list
	innerSubject // of a reified triple or a triple term
	innerObject
	reifier      // behind "~"; it may be omitted
	innerReifier // the same, in a reified triple
	graphName    // behind GRAPH

	verb         // or what the frame's optional and mayGraph say
	moreVerbs    // behind ";": a verb, ";" or the end of the frame
	afterObject  // ",", ";", an annotation, or the end of the frame
	item         // of a list, or its end
	listOpen     // the first item of a list, or its end
	innerVerb    // of a reified triple or a triple term
	innerEnd     // the end of one, or a reifier
	innerClose   // the end of one
	anonymous    // the "]" of []
	suffix       // the datatype or language tag of a string, or what follows the literal
	datatype     // behind "^^"
	graphOpen    // "{"
	prefixName   // behind PREFIX
	prefixIRI    // behind the name of a prefix
	baseIRI      // behind BASE
	version      // behind VERSION
	directiveDot // the end of a directive that began with "@"

	// In these, the next token is not looked at.
	long    // a string in three quotes
	shift   // before the next item of a list
	reified // a reified triple that has ended
)

// tokenless is the first of the states that take no token.
const tokenless = long

// outcome is what a step led to.
type outcome uint8

const (
	goOn outcome = iota
	emitted
	failed
)

// kind is that of a frame.
type kind uint8

const (
	statement  kind = iota
	properties      // [ … ]
	list            // ( … )
	annotation      // {| … |}
	reifiedTriple
	tripleTerm
)

// frame is something that is open. Its terms, but for a shared object, are on the scratch buffer in the order of the
// fields, those of inner frames above them.
type frame struct {
	kind     kind
	context  state // what a reified triple or a triple term is for
	back     state // the state after the frame has ended
	optional bool  // verbs and objects may be missing
	mayGraph bool  // the subject may be the name of a graph
	s, p, o  rdf.Term
	reifier  rdf.Term // the one that the next annotation block belongs to
	// What the scratch buffer held before the frame, behind subject, predicate, object and reifier.
	base, afterS, afterP, afterO, afterR int
	open                                 int // bytes of the terms of all frames below
}

func (rd *Reader) top() *frame { return &rd.stack[len(rd.stack)-1] }

// push opens a frame. It reports false after setting the error.
func (rd *Reader) push(f frame) bool {
	if n := len(rd.stack); n > 0 {
		if n > rd.o.depth {
			_ = rd.s.Fail(rdf.ErrDepthLimit, "expected at most %d nested brackets, found more", rd.o.depth)
			return false
		}
		outer := rd.top()
		f.open = outer.open + len(outer.s.String()) + len(outer.p.String()) + len(outer.o.String()) +
			len(outer.reifier.String())
		if most := 4 * rd.o.term; f.open > most {
			_ = rd.s.Fail(rdf.ErrTermLimit, "expected at most %d bytes of terms in open brackets, found more", most)
			return false
		}
	}
	f.base = rd.s.Held()
	f.afterS = f.base
	rd.stack = append(rd.stack, f)
	return true
}

// pop closes the innermost frame.
func (rd *Reader) pop() {
	f := rd.top()
	rd.s.Release(f.base)
	rd.state = f.back
	rd.stack = rd.stack[:len(rd.stack)-1]
}

// step takes the next token, which begins with c, or a part of it.
func (rd *Reader) step(q *rdf.Quad, c byte) outcome {
	switch rd.state {
	case document:
		return rd.statement(q, c)
	case object:
		return rd.term(q, c, object)
	case verb, moreVerbs:
		return rd.verb(c)
	case afterObject:
		return rd.afterObject(q, c)
	case item, value:
		return rd.item(q, c)
	case listOpen:
		return rd.listOpen(q, c)
	case shift:
		f := rd.top()
		f.s = rd.s.Drop(f.base, f.afterS)
		f.afterS = rd.s.Held()
		rd.state = value
		return goOn
	case innerSubject, innerObject, graphName:
		return rd.term(q, c, rd.state)
	case innerVerb, innerEnd, innerClose, reified, reifier, innerReifier:
		return rd.inner(q, c)
	case anonymous:
		if c != ']' {
			return rd.unexpected()
		}
		rd.s.Skip(1)
		return rd.deliver(q, rd.context, rd.fresh())
	case suffix:
		return rd.suffix(q, c, rd.context, rd.lexical)
	case datatype:
		return rd.datatype(q, c, rd.context, rd.lexical)
	case long:
		return rd.long(q)
	}
	return rd.directive(c)
}

// unexpected fails for a token that can't stand where it does.
func (rd *Reader) unexpected() outcome {
	_ = rd.s.Expected(rd.expected())
	return failed
}

// statement begins a statement, a directive or a graph, or ends a graph.
func (rd *Reader) statement(q *rdf.Quad, c byte) outcome {
	rd.stack = rd.stack[:0]
	rd.s.Release(0)
	switch {
	case c == '}' && rd.inGraph:
		rd.s.Skip(1)
		rd.inGraph, rd.graph = false, rdf.Term{}
		return goOn
	case rd.inGraph:
	case c == '{' && rd.o.trig:
		rd.s.Skip(1)
		rd.inGraph = true
		return goOn
	case c == '@', isKeyword(rd.s.Rest()):
		return rd.beginDirective(c)
	}
	rd.push(frame{kind: statement, mayGraph: rd.o.trig && !rd.inGraph})
	return rd.term(q, c, subject)
}

// verb reads a predicate, or ends the frame.
func (rd *Reader) verb(c byte) outcome {
	f := rd.top()
	switch {
	case c == ';' && rd.state == moreVerbs:
		rd.s.Skip(1)
		return goOn
	case c == '{' && f.mayGraph && rd.state == verb:
		rd.nameGraph(f.s)
		return rd.openGraph()
	case (f.optional || rd.state == moreVerbs) && rd.closes(f, c):
		return rd.close(f, c)
	}
	f.mayGraph = false
	rd.s.Release(f.afterS)
	if f.p = rd.predicate(f, c); f.p.IsZero() {
		return failed
	}
	f.afterP = rd.s.Held()
	rd.state = object
	return goOn
}

// afterObject goes on behind an object.
func (rd *Reader) afterObject(q *rdf.Quad, c byte) outcome {
	f := rd.top()
	switch c {
	case ',':
		rd.s.Skip(1)
		rd.s.Release(f.afterP)
		rd.state = object
	case ';':
		rd.s.Skip(1)
		rd.s.Release(f.afterS)
		rd.state = moreVerbs
	case '~':
		rd.s.Skip(1)
		rd.keepObject(f)
		rd.s.Release(f.afterO)
		rd.state = reifier
	case '{':
		return rd.annotate(q, f)
	default:
		if !rd.closes(f, c) {
			return rd.unexpected()
		}
		return rd.close(f, c)
	}
	f.reifier = rdf.Term{}
	return goOn
}

// keepObject moves an object that may be in the window to the scratch buffer.
func (rd *Reader) keepObject(f *frame) {
	if f.afterO == f.afterP {
		f.o = rd.s.Put(f.o.String())
		f.afterO = rd.s.Held()
	}
}

// closes reports whether the token that begins with c ends a frame of predicates and objects.
func (rd *Reader) closes(f *frame, c byte) bool {
	switch f.kind {
	case statement:
		return c == '.' || c == '}' && rd.inGraph
	case properties:
		return c == ']'
	}
	rest := rd.s.Rest()
	return c == '|' && len(rest) > 1 && rest[1] == '}'
}

// close ends a frame of predicates and objects.
func (rd *Reader) close(f *frame, c byte) outcome {
	switch f.kind {
	case statement:
		if c == '.' {
			rd.s.Skip(1)
		}
		rd.state = document // which takes a "}"
		return goOn
	case annotation:
		rd.s.Skip(1)
	}
	rd.s.Skip(1)
	empty := f.p.IsZero()
	rd.pop()
	if rd.state == verb {
		outer := rd.top()
		outer.optional, outer.mayGraph = !empty, empty && outer.mayGraph
	}
	return goOn
}

// annotate opens an annotation block, once its reifier has been told about.
func (rd *Reader) annotate(q *rdf.Quad, f *frame) outcome {
	if rest := rd.s.Rest(); len(rest) < 2 || rest[1] != '|' {
		return rd.unexpected()
	}
	if f.reifier.IsZero() {
		rd.keepObject(f)
		rd.s.Release(f.afterO)
		return rd.reify(q, f, rd.fresh(), afterObject)
	}
	rd.s.Skip(2)
	s := f.reifier
	rd.s.Release(f.afterR)
	if !rd.push(frame{kind: annotation, s: s, back: afterObject}) {
		return failed
	}
	f = &rd.stack[len(rd.stack)-2]
	f.reifier = rdf.Term{}
	rd.state = verb
	return goOn
}

// reify makes r, which is or will be on top of the scratch buffer, the reifier of the triple of a frame.
func (rd *Reader) reify(q *rdf.Quad, f *frame, r rdf.Term, next state) outcome {
	f.reifier = rd.keep(r, f.afterO)
	f.afterR = rd.s.Held()
	rd.state = next
	triple := rd.triple(f)
	if triple.IsZero() {
		return failed
	}
	return rd.emit(q, f.reifier, vocab.Reifies, triple)
}

const tripleEnd = " )>>"

// triple makes a triple term of what a frame holds, on the scratch buffer; the zero Term after setting the error.
func (rd *Reader) triple(f *frame) rdf.Term {
	depth := 1
	for o := f.o.String(); strings.HasSuffix(o, tripleEnd); o = o[:len(o)-len(tripleEnd)] {
		depth++
	}
	if depth > rd.o.tripleDepth {
		_ = rd.s.Fail(rdf.ErrDepthLimit, "expected at most %d nested triple terms, found more", rd.o.tripleDepth)
		return rdf.Term{}
	}
	return rd.s.Put("<<( ", f.s.String(), " ", f.p.String(), " ", f.o.String(), tripleEnd)
}

// keep moves a term to the scratch buffer that may be in the window. before is what the buffer held before the term.
func (rd *Reader) keep(t rdf.Term, before int) rdf.Term {
	if rd.s.Held() == before {
		return rd.s.Put(t.String())
	}
	return t
}

func (rd *Reader) emit(q *rdf.Quad, s, p, o rdf.Term) outcome {
	if len(o.String()) > rd.o.term {
		return rd.tooLong()
	}
	q.S, q.P, q.O, q.G = s, p, o, rd.graph
	return emitted
}

func (rd *Reader) tooLong() outcome {
	_ = rd.s.Fail(rdf.ErrTermLimit, "expected a term of at most %d bytes as N-Triples has it, found a longer one", rd.o.term)
	return failed
}

// deliver puts a term where it belongs.
func (rd *Reader) deliver(q *rdf.Quad, context state, t rdf.Term) outcome {
	if len(t.String()) > rd.o.term {
		return rd.tooLong()
	}
	switch context {
	case object:
		f := rd.top()
		f.o, f.afterO = t, rd.s.Held()
		rd.state = afterObject
		q.S, q.P, q.O, q.G = f.s, f.p, t, rd.graph
		return emitted
	case value:
		rd.state = item
		return rd.emit(q, rd.top().s, vocab.First, t)
	case subject, innerSubject:
		f := rd.top()
		f.s = rd.keep(t, f.base)
		f.afterS = rd.s.Held()
		rd.state = verb
		if context == innerSubject {
			rd.state = innerVerb
		}
		return goOn
	case innerObject:
		f := rd.top()
		f.o = rd.keep(t, f.afterP)
		f.afterO = rd.s.Held()
		rd.state = innerEnd
		return goOn
	case reifier:
		return rd.reify(q, rd.top(), t, afterObject)
	case innerReifier:
		return rd.reify(q, rd.top(), t, innerClose)
	}
	rd.nameGraph(t)
	rd.state = graphOpen
	return goOn
}

// listOpen reads what follows the parenthesis of a list.
func (rd *Reader) listOpen(q *rdf.Quad, c byte) outcome {
	if c == ')' {
		rd.s.Skip(1)
		return rd.deliver(q, rd.context, vocab.Nil)
	}
	node := rd.fresh()
	out := rd.deliver(q, rd.context, node)
	if out == failed || !rd.push(frame{kind: list, s: node, back: rd.state}) {
		return failed
	}
	rd.state = value
	return out
}

// item reads the next item of a list, or its end.
func (rd *Reader) item(q *rdf.Quad, c byte) outcome {
	if rd.state == value {
		return rd.term(q, c, value)
	}
	f := rd.top()
	rd.s.Release(f.afterS)
	if c == ')' {
		rd.s.Skip(1)
		s := f.s
		rd.pop()
		return rd.emit(q, s, vocab.Rest, vocab.Nil)
	}
	last := f.s
	f.s = rd.fresh()
	rd.state = shift
	return rd.emit(q, last, vocab.Rest, f.s)
}

// inner reads the parts of reified triples and triple terms that are no terms.
func (rd *Reader) inner(q *rdf.Quad, c byte) outcome {
	f := rd.top()
	switch rd.state {
	case innerVerb:
		if f.p = rd.predicate(f, c); f.p.IsZero() {
			return failed
		}
		f.afterP = rd.s.Held()
		rd.state = innerObject
		return goOn
	case reifier, innerReifier:
		if rd.beginsReifier(c) {
			return rd.term(q, c, rd.state)
		}
		return rd.deliver(q, rd.state, rd.fresh())
	case reified:
		s, context := rd.s, f.context
		s.Release(f.afterR)
		r := s.Drop(f.base, f.afterO)
		rd.stack = rd.stack[:len(rd.stack)-1]
		if context == subject {
			rd.top().optional = true
		}
		return rd.deliver(q, context, r)
	}
	return rd.innerEnd(q, f, c)
}

// innerEnd ends a reified triple or a triple term.
func (rd *Reader) innerEnd(q *rdf.Quad, f *frame, c byte) outcome {
	s, rest := rd.s, rd.s.Rest()
	if f.kind == tripleTerm {
		if len(rest) < 3 || string(rest[:3]) != ")>>" {
			return rd.unexpected()
		}
		s.Skip(3)
		context, base, end := f.context, f.base, s.Held()
		if rd.triple(f).IsZero() {
			return failed
		}
		rd.stack = rd.stack[:len(rd.stack)-1]
		return rd.deliver(q, context, s.Drop(base, end))
	}
	switch {
	case c == '~' && rd.state == innerEnd:
		s.Skip(1)
		rd.state = innerReifier
		return goOn
	case c != '>' || len(rest) < 2 || rest[1] != '>':
		return rd.unexpected()
	case rd.state == innerEnd:
		return rd.reify(q, f, rd.fresh(), innerClose)
	}
	s.Skip(2)
	rd.state = reified
	return goOn
}

// nameGraph sets the graph that a block is for.
func (rd *Reader) nameGraph(t rdf.Term) {
	rd.graphBuf = append(rd.graphBuf[:0], t.String()...)
	rd.graph = rdf.Trusted(text(rd.graphBuf))
}

// openGraph takes the "{" behind the name of a graph.
func (rd *Reader) openGraph() outcome {
	rd.s.Skip(1)
	rd.inGraph = true
	rd.state = document
	return goOn
}
