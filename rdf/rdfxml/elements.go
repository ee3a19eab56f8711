package rdfxml

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// kind is what an open element is, and so what may stand in it.
type kind uint8

const (
	root       kind = iota // rdf:RDF: node elements
	node                   // a node: property elements
	property               // a property: text, or one node element
	empty                  // a property whose object its attributes say: nothing
	collection             // a property with parseType Collection: node elements
	triple                 // a property with parseType Triple: one node element, of which there is one statement
	xmlLiteral             // a property with parseType Literal: anything
	ignored                // a property with parseType Triple where that is not known: anything
)

// expects says what may stand in an element of a kind, for errors.
func (k kind) expects() string {
	switch k {
	case root:
		return "node elements in rdf:RDF"
	case node:
		return "property elements in a node element"
	case empty:
		return "nothing in a property element whose attributes say its value"
	case collection:
		return `node elements where rdf:parseType="Collection" is`
	case triple:
		return `one node element where rdf:parseType="Triple" is`
	case property:
		return "either text or one node element in a property element"
	case xmlLiteral, ignored:
	}
	return "anything"
}

// frame is an open element, but for those within an XML literal.
type frame struct {
	kind kind
	scope
	depth int // how many elements are open, with it
	// subject is the resource of a node element; else that whose property it is.
	subject rdf.Term
	// The property, the IRI of its rdf:ID, the reifier and the datatype, where there are such.
	predicate, id, reifier, datatype rdf.Term
	li                               int    // of the last rdf:li
	cell                             uint64 // the number of the last node of a list
	filled                           bool   // there was a node element
	buf                              []byte // where its terms are
}

// graph is what is read of the statement of a triple term.
type graph struct {
	triple rdf.Triple
	n      int
	buf    []byte
}

func (rd *Reader) top() *frame {
	if n := len(rd.stack); n > 0 {
		return &rd.stack[n-1]
	}
	return nil
}

// push opens an element. Its terms are copied.
func (rd *Reader) push(f frame) {
	n := len(rd.stack)
	if n < cap(rd.stack) {
		rd.stack = rd.stack[:n+1]
	} else {
		rd.stack = append(rd.stack, frame{})
	}
	f.depth, f.buf = rd.x.Depth(), rd.stack[n].buf[:0]
	for _, t := range []*rdf.Term{&f.subject, &f.predicate, &f.id, &f.reifier, &f.datatype} {
		f.buf = keep(f.buf, t)
	}
	rd.stack[n] = f
	if rd.held += len(f.buf); rd.held > 4*rd.o.term {
		rd.x.Fail(errHeld, "expected terms of at most %d bytes in all elements that are open, found more", 4*rd.o.term)
	}
}

// keep copies a term.
func keep(buf []byte, t *rdf.Term) []byte {
	if t.IsZero() {
		return buf
	}
	from := len(buf)
	buf = append(buf, t.String()...)
	*t = rdf.Trusted(view(buf[from:]))
	return buf
}

// maxSpare is how many bytes are kept of what an element needed, for another one.
const maxSpare = 64 << 10

func (rd *Reader) pop() {
	f := rd.top()
	rd.held -= len(f.buf)
	if cap(f.buf) > maxSpare {
		f.buf = nil
	}
	rd.stack = rd.stack[:len(rd.stack)-1]
	base := 0
	if parent := rd.top(); parent != nil {
		base = parent.base
	}
	rd.bases = rd.bases[:base+1]
}

// start takes the beginning of an element.
func (rd *Reader) start() {
	parent := rd.top()
	var s scope
	if parent == nil {
		rd.declared()
	} else {
		if parent.kind == xmlLiteral {
			rd.element()
			return
		}
		if parent.kind == ignored {
			return
		}
		s = parent.scope
	}
	if !rd.read(&s) {
		return
	}
	name := rd.x.Name()
	switch {
	case parent == nil && name.Space == vocab.RDF && name.Local == "RDF":
		rd.root(s)
	case parent == nil || parent.kind != node && parent.kind != empty:
		rd.node(parent, name, s)
	case parent.kind == node:
		rd.property(parent, name, s)
	default:
		rd.x.Fail(nil, "expected %s, found an element", parent.kind.expects())
	}
}

// declared remembers the namespaces of the root element.
func (rd *Reader) declared() {
	for _, b := range rd.x.Bindings() {
		if b.Space != "" && scan.IsPrefix(b.Prefix) && rdf.CheckIRI(b.Space) == nil {
			rd.prefixes = append(rd.prefixes, Prefix{Name: b.Prefix, IRI: b.Space})
		}
	}
}

// root takes rdf:RDF.
func (rd *Reader) root(s scope) {
	a := &rd.attrs
	if rd.only("at rdf:RDF", a.id, a.nodeID, a.about, a.resource, a.datatype, a.parseType, a.typ, a.annotation, a.annotationNodeID) &&
		rd.only("at rdf:RDF", a.properties...) {
		rd.push(frame{kind: root, scope: s})
	}
}

// node takes a node element.
func (rd *Reader) node(parent *frame, name xml.Name, s scope) {
	if name.Space == vocab.RDF && isNoNode(name.Local) {
		rd.x.Fail(nil, "expected a node element, such as rdf:Description, found rdf:%s", name.Local)
		return
	}
	a := &rd.attrs
	if !rd.only("at a node element", a.resource, a.datatype, a.parseType, a.annotation, a.annotationNodeID) {
		return
	}
	subject := rd.described(a, &s)
	if subject.IsZero() || !rd.link(parent, subject) {
		return
	}
	if name.Space != vocab.RDF || name.Local != "Description" {
		class := rd.named(name, 1)
		if class.IsZero() {
			return
		}
		rd.emit(subject, vocab.Type, class)
	}
	rd.propertyAttributes(subject, a, &s)
	if rd.x.Err() == nil {
		rd.push(frame{kind: node, scope: s, subject: subject})
	}
}

// isNoNode reports whether a name of the namespace of RDF can't be that of a node element.
func isNoNode(local string) bool {
	return isNoProperty(local) && local != "Description" || local == "li"
}

// isNoProperty reports whether a name of the namespace of RDF can't be that of a property element.
func isNoProperty(local string) bool {
	switch local {
	case "RDF", "ID", "about", "parseType", "resource", "nodeID", "datatype", "annotation", "annotationNodeID", "version",
		"Description", "aboutEach", "aboutEachPrefix", "bagID":
		return true
	}
	return false
}

// described is what a node element is about; the zero Term after setting the error.
func (rd *Reader) described(a *attributes, s *scope) rdf.Term {
	first, ok := rd.one(a.id, a.nodeID)
	if ok {
		first, ok = rd.one(first, a.about)
	}
	switch {
	case !ok:
		return rdf.Term{}
	case first == nil:
		return rd.fresh()
	case first == a.id:
		return rd.identified(a.id, s.base)
	case first == a.nodeID:
		return rd.labelled(a.nodeID)
	}
	return rd.resource(a.about, s.base)
}

// link makes a node what the element that it stands in makes of it. It reports false after an error.
func (rd *Reader) link(parent *frame, subject rdf.Term) bool {
	if parent == nil || parent.kind == root {
		return true
	}
	again := parent.filled
	parent.filled = true
	switch parent.kind {
	case property:
		if again || len(rd.lexical) > 0 && !xml.IsSpace(rd.lexical) || !parent.datatype.IsZero() {
			rd.x.Fail(nil, "expected %s, found a node element besides; several nodes are values of several property elements, or of one with "+
				`rdf:parseType="Collection"`, parent.kind.expects())
			return false
		}
		rd.state(parent, subject)
	case collection:
		before := parent.cell
		parent.cell = rd.nodes.Next()
		cell := rd.numbered(parent.cell)
		if again {
			rd.emit(rd.numbered(before), vocab.Rest, cell)
		} else {
			rd.state(parent, cell)
		}
		rd.emit(cell, vocab.First, subject)
	case triple:
		if again {
			rd.x.Fail(nil, "expected %s, found another one", parent.kind.expects())
			return false
		}
	case root, node, empty, xmlLiteral, ignored:
	}
	return true
}

// propertyAttributes states what the attributes of an element say of a resource.
func (rd *Reader) propertyAttributes(subject rdf.Term, a *attributes, s *scope) {
	if a.typ != nil {
		if class := rd.resource(a.typ, s.base); !class.IsZero() {
			rd.emit(subject, vocab.Type, class)
		}
	}
	for _, p := range a.properties {
		predicate := rd.named(p.Name, p.At)
		if predicate.IsZero() {
			return
		}
		value := rd.plain(p.Value, s)
		if value.IsZero() {
			return
		}
		rd.emit(subject, predicate, value)
	}
}

// property takes a property element.
func (rd *Reader) property(parent *frame, name xml.Name, s scope) {
	a := &rd.attrs
	if name.Space == vocab.RDF && isNoProperty(name.Local) {
		rd.x.Fail(nil, "expected a property element, found rdf:%s; a node element stands in a property element", name.Local)
		return
	}
	f := frame{scope: s, subject: parent.subject}
	if name.Space == vocab.RDF && name.Local == "li" {
		parent.li++
		f.predicate = rd.put("<"+vocab.RDF+"_", strconv.Itoa(parent.li), ">")
	} else if f.predicate = rd.named(name, 1); f.predicate.IsZero() {
		return
	}
	if !rd.only("at a property element", a.about) || !rd.reifiers(&f, a) {
		return
	}
	rd.lexical = rd.lexical[:0]
	switch {
	case a.parseType != nil:
		rd.parseType(f, a)
	case a.resource != nil || a.nodeID != nil || a.typ != nil || len(a.properties) > 0:
		rd.empty(f, a)
	default:
		rd.value(f, a)
	}
}

// reifiers reads what names the statement of a property element.
func (rd *Reader) reifiers(f *frame, a *attributes) bool {
	annotation, ok := rd.one(a.annotation, a.annotationNodeID)
	if !ok {
		return false
	}
	if a.id != nil {
		f.id = rd.identified(a.id, f.base)
	}
	switch {
	case annotation == nil:
	case annotation == a.annotation:
		f.reifier = rd.resource(annotation, f.base)
	default:
		f.reifier = rd.labelled(annotation)
	}
	return rd.x.Err() == nil
}

// parseType takes a property element with that attribute.
func (rd *Reader) parseType(f frame, a *attributes) {
	const where = "where rdf:parseType is"
	if !rd.only(where, a.resource, a.nodeID, a.datatype, a.typ) || !rd.only(where, a.properties...) {
		return
	}
	switch a.parseType.Value {
	case "Resource":
		resource := rd.fresh()
		rd.state(&f, resource)
		f.kind, f.subject, f.predicate, f.id, f.reifier = node, resource, rdf.Term{}, rdf.Term{}, rdf.Term{}
	case "Collection":
		f.kind = collection
	case "Triple":
		if f.kind = ignored; f.new {
			f.kind = triple
			rd.triples = append(rd.triples, graph{})
		}
	default:
		f.kind = xmlLiteral
		rd.canonical.begin()
	}
	rd.push(f)
}

// empty takes a property element whose attributes say its value.
func (rd *Reader) empty(f frame, a *attributes) {
	value, ok := rd.one(a.resource, a.nodeID)
	if !ok || !rd.only("where the value is a resource", a.datatype) {
		return
	}
	var object rdf.Term
	switch {
	case value == nil:
		object = rd.fresh()
	case value == a.resource:
		object = rd.resource(value, f.base)
	default:
		object = rd.labelled(value)
	}
	if object.IsZero() {
		return
	}
	rd.state(&f, object)
	rd.propertyAttributes(object, a, &f.scope)
	rd.push(frame{kind: empty, scope: f.scope})
}

// value takes a property element whose content says its value.
func (rd *Reader) value(f frame, a *attributes) {
	f.kind = property
	if a.datatype != nil {
		if f.datatype = rd.resource(a.datatype, f.base); f.datatype.IsZero() {
			return
		}
		if d := f.datatype.Value(); d == rdf.LangString || d == rdf.DirLangString {
			rd.x.FailAt(a.datatype.At, rdf.ErrInvalid, "expected another datatype, found %s, which needs xml:lang instead", d)
			return
		}
	}
	rd.push(f)
}

// text takes a piece of text.
func (rd *Reader) text() {
	f, text := rd.top(), rd.x.Text()
	switch {
	case f == nil || f.kind == ignored:
	case f.kind == xmlLiteral:
		before := len(rd.lexical)
		rd.lexical = appendText(rd.lexical, text)
		rd.holds(text, before, true)
	case f.kind == property && !f.filled:
		before := len(rd.lexical)
		rd.lexical = append(rd.lexical, text...)
		rd.holds(text, before, false)
	case !xml.IsSpace(text):
		at := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
		rd.x.FailAt(at, nil, "expected %s, found text", f.kind.expects())
	}
}

// holds sets the error of a literal that has become too long by a piece of text, at the character that is too much.
func (rd *Reader) holds(text []byte, before int, escaped bool) {
	if len(rd.lexical) <= rd.o.term {
		return
	}
	at, size := 0, before
	for rd.x.IsRaw() && at < len(text) {
		_, n := utf8.DecodeRune(text[at:])
		if size += n; escaped {
			size += len(appendText(nil, text[at:at+n])) - n
		}
		if size > rd.o.term {
			break
		}
		at += n
	}
	rd.x.FailAt(at, rdf.ErrTermLimit, "expected a literal of at most %d bytes, found a longer one", rd.o.term)
}

// end takes the end of an element.
func (rd *Reader) end() {
	f := rd.top()
	if rd.x.Depth() >= f.depth {
		if f.kind == xmlLiteral {
			rd.elementEnd()
		}
		return
	}
	switch f.kind {
	case property:
		if !f.filled {
			rd.stateLiteral(f)
		}
	case collection:
		if !f.filled {
			rd.state(f, vocab.Nil)
		} else {
			rd.emit(rd.numbered(f.cell), vocab.Rest, vocab.Nil)
		}
	case triple:
		rd.endTriple(f)
	case xmlLiteral:
		if value := rd.typed(view(rd.lexical), rdfXMLLiteral); !value.IsZero() {
			rd.state(f, value)
		}
	case root, node, empty, ignored:
	}
	rd.pop()
}

// stateLiteral states that the property has what was read for a value.
func (rd *Reader) stateLiteral(f *frame) {
	var value rdf.Term
	if f.datatype.IsZero() {
		value = rd.plain(view(rd.lexical), &f.scope)
	} else {
		value = rd.typed(view(rd.lexical), f.datatype)
	}
	if !value.IsZero() {
		rd.state(f, value)
	}
}

// endTriple ends an element with parseType Triple.
func (rd *Reader) endTriple(f *frame) {
	g := rd.triples[len(rd.triples)-1]
	rd.triples = rd.triples[:len(rd.triples)-1]
	rd.held -= len(g.buf)
	if g.n == 0 {
		rd.x.Fail(nil, `expected one statement where rdf:parseType="Triple" is, found none`)
		return
	}
	if t := rd.tripleTerm(g.triple.S, g.triple.P, g.triple.O); !t.IsZero() {
		rd.state(f, t)
	}
}

// state states what a property element says, and what names that.
func (rd *Reader) state(f *frame, object rdf.Term) {
	rd.emit(f.subject, f.predicate, object)
	if !f.id.IsZero() {
		rd.emit(f.id, vocab.Type, rdfStatement)
		rd.emit(f.id, rdfSubject, f.subject)
		rd.emit(f.id, rdfPredicate, f.predicate)
		rd.emit(f.id, rdfObject, object)
	}
	if !f.reifier.IsZero() {
		if t := rd.tripleTerm(f.subject, f.predicate, object); !t.IsZero() {
			rd.emit(f.reifier, vocab.Reifies, t)
		}
	}
}

// emit hands a statement over, or makes it that of the triple term that is being read.
func (rd *Reader) emit(s, p, o rdf.Term) {
	if len(rd.triples) == 0 {
		rd.queue = append(rd.queue, rdf.Quad{S: s, P: p, O: o})
		return
	}
	g := &rd.triples[len(rd.triples)-1]
	if g.n++; g.n > 1 {
		rd.x.Fail(nil, `expected one statement where rdf:parseType="Triple" is, found another one`)
		return
	}
	g.triple = rdf.Triple{S: s, P: p, O: o}
	for _, t := range []*rdf.Term{&g.triple.S, &g.triple.P, &g.triple.O} {
		g.buf = keep(g.buf, t)
	}
	if rd.held += len(g.buf); rd.held > 4*rd.o.term {
		rd.x.Fail(errHeld, "expected terms of at most %d bytes in all elements that are open, found more", 4*rd.o.term)
	}
}
