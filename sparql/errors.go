package sparql

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// cursor is a place in the text whose line and column are known. It goes forward only, so that all places together cost one pass.
type cursor struct {
	offset, line, column int
	cr                   bool // the character before it is a CR, which a LF may follow
}

// pos returns the line and column of an offset.
func (p *parser) pos(offset int) Pos {
	if offset < p.at.offset {
		c := cursor{line: 1, column: 1}
		c.advance(p.text, offset)
		return Pos{c.line, c.column}
	}
	p.at.advance(p.text, offset)
	return Pos{p.at.line, p.at.column}
}

// advance goes forward to an offset.
func (c *cursor) advance(text string, to int) {
	for _, r := range text[c.offset:to] {
		switch {
		case r == '\n' && c.cr:
		case r == '\n' || r == '\r':
			c.line++
			c.column = 1
		default:
			c.column++
		}
		c.cr = r == '\r'
	}
	c.offset = to
}

// place says where something else begins, in an error.
func (p *parser) place(offset int) string {
	at := p.pos(offset)
	return fmt.Sprintf("%d:%d", at.Line, at.Column)
}

// fail sets the error at the token, unless there is one. cause may be nil.
func (p *parser) fail(cause error, format string, args ...any) {
	p.failAt(p.tok.start, cause, format, args...)
}

// failAt is fail at another place.
func (p *parser) failAt(offset int, cause error, format string, args ...any) {
	if p.err != nil {
		return
	}
	at := p.pos(min(offset, len(p.text)))
	p.err = &rdf.SyntaxError{File: p.o.file, Line: at.Line, Col: at.Column, Msg: fmt.Sprintf(format, args...), Err: cause}
	p.tok = token{kind: failed, start: p.tok.start, end: p.tok.end}
}

// expected sets the error that something else stands here than what is said. A word that is nearly one of the keywords is taken
// for it.
func (p *parser) expected(what string, keywords ...string) {
	if p.err != nil {
		return
	}
	hint := ""
	if p.tok.kind == word {
		if near := nearest(p.source(), keywords); near != "" {
			hint = fmt.Sprintf(" (perhaps %s)", near)
		}
	}
	p.fail(nil, "expected %s, found %s%s", what, p.found(p.tok.start), hint)
}

// found says what stands at a place.
func (p *parser) found(at int) string {
	if at >= len(p.text) {
		return "end of input"
	}
	if at == p.tok.start {
		switch p.tok.kind {
		case iriRef:
			return "IRI " + excerpt(p.source())
		case prefixed:
			return fmt.Sprintf("prefixed name %q", excerpt(p.source()))
		case blankLabel:
			return "blank node " + excerpt(p.source())
		case variable:
			return "variable " + excerpt(p.source())
		case str:
			return "a string"
		case number:
			return "number " + excerpt(p.source())
		case '<':
			return p.brokenIRI(at)
		case atEnd, failed:
		default:
			return fmt.Sprintf("%q", excerpt(p.source()))
		}
	}
	r, _ := utf8.DecodeRuneInString(p.text[at:])
	if r == '\n' || r == '\r' {
		return "end of line"
	}
	return fmt.Sprintf("%q", string(r))
}

// brokenIRI says what stands at a "<" that begins no IRI.
func (p *parser) brokenIRI(at int) string {
	for i, r := range p.text[at+1:] {
		if r < utf8.RuneSelf && chars.Class[r]&chars.IRI == 0 && i > 0 {
			return fmt.Sprintf("\"<\" (if it begins an IRI: %q can't stand in one)", string(r))
		}
	}
	return `"<"`
}

func excerpt(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// nearest returns the keyword that a word nearly is; "" if there is none.
func nearest(word string, keywords []string) string {
	best, least := "", 3
	upper := strings.ToUpper(excerpt(word))
	for _, k := range keywords {
		if d := distance(upper, k); d > 0 && d < least && 3*d <= len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters differ, are missing, too many, or stand in each other's place.
func distance(a, b string) int {
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 0
			if a[i-1] != b[j-1] {
				change = 1
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}

// wellKnown are the prefixes that nearly everybody means the same by.
var wellKnown = map[string]string{
	"rdf": vocab.RDF, "rdfs": "http://www.w3.org/2000/01/rdf-schema#", "xsd": "http://www.w3.org/2001/XMLSchema#",
	"owl": "http://www.w3.org/2002/07/owl#", "foaf": "http://xmlns.com/foaf/0.1/", "skos": "http://www.w3.org/2004/02/skos/core#",
	"dc": "http://purl.org/dc/elements/1.1/", "dcterms": "http://purl.org/dc/terms/", "sosa": "http://www.w3.org/ns/sosa/",
	"ssn": "http://www.w3.org/ns/ssn/", "prov": "http://www.w3.org/ns/prov#", "geo": "http://www.opengis.net/ont/geosparql#",
	"schema": "https://schema.org/", "sh": "http://www.w3.org/ns/shacl#", "fn": "http://www.w3.org/2005/xpath-functions#",
}

// undeclared sets the error for a prefix that is not declared.
func (p *parser) undeclared(name string) {
	if p.err != nil {
		return
	}
	hint := ""
	if iri, ok := p.suggestion(name); ok {
		hint = fmt.Sprintf("; PREFIX %s: <%s> declares it", name, iri)
	} else if near := p.nearestPrefix(name); near != "" {
		hint = fmt.Sprintf(" (perhaps %s:)", near)
	}
	p.fail(nil, "expected a prefix that has been declared, found \"%s:\"%s", excerpt(name), hint)
}

// suggestion returns what a prefix that is not declared probably stands for.
func (p *parser) suggestion(name string) (iri string, ok bool) {
	for _, s := range p.o.suggest {
		if s.Name == name {
			return s.IRI, true
		}
	}
	iri, ok = wellKnown[name]
	return iri, ok
}

// nearestPrefix returns the declared prefix that a name nearly is; "" if there is none.
func (p *parser) nearestPrefix(name string) string {
	best, least := "", 3
	for _, d := range p.prefixes.list {
		if n := distance(excerpt(name), excerpt(d.name)); n < least && n < len(d.name) {
			best, least = d.name, n
		}
	}
	return best
}
