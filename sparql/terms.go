package sparql

import (
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Terms that the text has short forms for.
var (
	trueTerm  = rdf.Trusted(`"true"^^<` + rdf.XSDBoolean + `>`)
	falseTerm = rdf.Trusted(`"false"^^<` + rdf.XSDBoolean + `>`)
)

// prefixes are those that are declared, each as it was declared last.
type prefixes struct {
	list   []declared
	byName map[string]int // from many prefixes on
}

// declared is a prefix; begin is "<" and what its IRIs begin with.
type declared struct{ name, begin string }

// fewPrefixes is how many are looked at one by one.
const fewPrefixes = 12

// declare sets what a prefix stands for: an IRI in angle brackets.
func (p *prefixes) declare(name, iri string) {
	begin := iri[:len(iri)-1]
	if i := p.index(name); i >= 0 {
		p.list[i].begin = begin
		return
	}
	p.list = append(p.list, declared{name, begin})
	if len(p.list) <= fewPrefixes {
		return
	}
	if p.byName == nil {
		p.byName = map[string]int{}
		for i, d := range p.list {
			p.byName[d.name] = i
		}
	}
	p.byName[name] = len(p.list) - 1
}

// index returns where a prefix is in the list, -1 if it is not declared.
func (p *prefixes) index(name string) int {
	if p.byName != nil {
		if i, ok := p.byName[name]; ok {
			return i
		}
		return -1
	}
	for i := range p.list {
		if p.list[i].name == name {
			return i
		}
	}
	return -1
}

// expanded is a prefixed name and the term that it stands for.
type expanded struct {
	source string
	term   rdf.Term
}

// atIRI reports whether the token is an IRI or a prefixed name.
func (p *parser) atIRI() bool { return p.tok.kind == iriRef || p.tok.kind == prefixed }

// iri reads an IRI or a prefixed name; what says what it is for, and keywords what else could stand there.
func (p *parser) iri(what string, keywords ...string) rdf.Term {
	switch p.tok.kind {
	case iriRef:
		return p.reference()
	case prefixed:
		return p.prefixedName()
	}
	p.expected(what, keywords...)
	return rdf.Term{}
}

// prefixedName reads a prefixed name.
func (p *parser) prefixedName() rdf.Term {
	source := p.source()
	slot := &p.names[(len(source)*31+int(source[len(source)-1])*7+int(source[len(source)/2]))%len(p.names)]
	if slot.source == source {
		p.next()
		return slot.term
	}
	name, local := p.text[p.tok.start:p.tok.colon], p.text[p.tok.colon+1:p.tok.end]
	i := p.prefixes.index(name)
	if i < 0 {
		p.undeclared(name)
		return rdf.Term{}
	}
	if !p.tok.plain {
		local = unescapeLocal(local)
	}
	*slot = expanded{source, p.compose(p.prefixes.list[i].begin, local, ">")}
	p.next()
	return slot.term
}

// unescapeLocal leaves out the backslashes of a local name.
func unescapeLocal(local string) string {
	var out strings.Builder
	for {
		plain, rest, found := strings.Cut(local, `\`)
		out.WriteString(plain)
		if !found {
			return out.String()
		}
		out.WriteByte(rest[0])
		local = rest[1:]
	}
}

// reference reads an IRI in angle brackets, and resolves it.
func (p *parser) reference() rdf.Term {
	text := p.source()
	if !p.tok.plain {
		var ok bool
		if text, ok = p.unescapedIRI(text); !ok {
			return rdf.Term{}
		}
	}
	if !isAbsolute(text[1:]) {
		text = p.resolved(text[1 : len(text)-1])
	}
	p.next()
	return rdf.Trusted(text)
}

// isAbsolute reports whether an IRI, whose characters have been checked, begins with a scheme and a colon.
func isAbsolute(iri string) bool {
	i := 0
	for i < len(iri) && chars.Class[iri[i]]&chars.Scheme != 0 {
		i++
	}
	return i > 0 && chars.Class[iri[0]]&chars.Alpha != 0 && i < len(iri) && iri[i] == ':'
}

// resolved returns the IRI that a relative one means, in angle brackets.
func (p *parser) resolved(reference string) string {
	if !p.base.Known() {
		p.fail(rdf.ErrNoBase, "expected an absolute IRI (there is no base), found relative IRI %q; BASE sets one", excerpt(reference))
		return ""
	}
	p.room(len(reference) + len(p.o.base) + 64)
	from := len(p.arena)
	ok := iri.IsReference(reference)
	if ok {
		p.arena, ok = p.base.Resolve(append(p.arena, '<'), reference)
		p.arena = append(p.arena, '>')
	}
	if !ok {
		p.fail(rdf.ErrInvalid, "expected an IRI, found %q, which can't be resolved", excerpt(reference))
		return ""
	}
	return p.sealed(from)
}

// unescapedIRI writes the characters that the escapes of an IRI stand for.
func (p *parser) unescapedIRI(text string) (string, bool) {
	p.room(len(text))
	from := len(p.arena)
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			p.arena = append(p.arena, text[i])
			i++
			continue
		}
		r, n := p.codepoint(p.tok.start + i)
		if n == 0 {
			return "", false
		}
		if r < utf8.RuneSelf && chars.Class[r]&chars.IRI == 0 {
			p.failAt(p.tok.start+i, nil, "expected an escape of a character that an IRI may have, found that of %q", string(r))
			return "", false
		}
		p.arena = utf8.AppendRune(p.arena, r)
		i += n
	}
	return p.sealed(from), true
}

// codepoint reads \uXXXX or \UXXXXXXXX at an offset and returns the character and the length; 0 after setting the error.
func (p *parser) codepoint(at int) (r rune, n int) {
	rest := p.b[at:]
	digits := 0
	if len(rest) > 1 {
		switch rest[1] {
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		}
	}
	if digits == 0 {
		p.failAt(at, nil, `expected \u or \U behind "\", found another escape`)
		return 0, 0
	}
	switch r = chars.Hex(rest[2:], digits); {
	case r < 0:
		p.failAt(at, nil, "expected %d hexadecimal digits behind \"\\%c\"", digits, rest[1])
	case r >= 0xD800 && r <= 0xDFFF:
		p.failAt(at, nil, "expected the escape of a character, found a surrogate (U+%04X)", r)
	case r > utf8.MaxRune:
		p.failAt(at, nil, "expected the escape of a character, found %X, which is above U+10FFFF", r)
	default:
		return r, digits + 2
	}
	return 0, 0
}

// atLiteral reports whether a literal begins here.
func (p *parser) atLiteral() bool {
	return p.tok.kind == str || p.tok.kind == number || p.is("TRUE") || p.is("FALSE")
}

// literal reads a literal, of which atLiteral has seen the beginning.
func (p *parser) literal() rdf.Term {
	switch p.tok.kind {
	case str:
		return p.stringLiteral()
	case number:
		return p.numberLiteral()
	}
	t := falseTerm
	if p.is("TRUE") {
		t = trueTerm
	}
	p.next()
	return t
}

// numberLiteral reads a number.
func (p *parser) numberLiteral() rdf.Term {
	t := p.numberTerm(p.source())
	p.next()
	return t
}

// numberTerm is the literal that a number writes.
func (p *parser) numberTerm(lexical string) rdf.Term {
	switch {
	case strings.ContainsAny(lexical, "eE"):
		return p.compose(`"`, lexical, `"^^<`+rdf.XSDDouble+`>`)
	case strings.Contains(lexical, "."):
		return p.compose(`"`, lexical, `"^^<`+rdf.XSDDecimal+`>`)
	}
	return p.compose(`"`, lexical, `"^^<`+rdf.XSDInteger+`>`)
}

// quoted reads a string, and returns it as the canonical form has it, with its quotes.
func (p *parser) quoted() string {
	if p.tok.plain {
		text := p.source()
		p.next()
		return text
	}
	quotes := 1
	if p.tok.long {
		quotes = 3
	}
	at, to := p.tok.start+quotes, p.tok.end-quotes
	p.room(to - at + 16)
	from := len(p.arena)
	p.arena = append(p.arena, '"')
	for at < to {
		r, n := utf8.DecodeRune(p.b[at:])
		if r == '\\' {
			if r, n = p.stringEscape(at); n == 0 {
				return ""
			}
		}
		p.arena = chars.AppendRune(p.arena, r)
		at += n
	}
	p.arena = append(p.arena, '"')
	text := p.sealed(from)
	p.next()
	return text
}

// stringEscape reads an escape in a string and returns the character and the length; 0 after setting the error.
func (p *parser) stringEscape(at int) (r rune, n int) {
	c := p.b[at+1]
	if r, ok := chars.Escaped(c); ok {
		return r, 2
	}
	if c == 'u' || c == 'U' {
		return p.codepoint(at)
	}
	p.failAt(at, nil, `expected one of \t \b \n \r \f \" \' \\ \u \U, found another escape`)
	return 0, 0
}

// stringLiteral reads a string with what makes a literal of it.
func (p *parser) stringLiteral() rdf.Term {
	start, plain := p.tok.start, p.tok.plain
	lexical := p.quoted()
	switch p.tok.kind {
	case langTag:
		return p.tagged(start, plain, lexical)
	case carets:
		return p.typed(start, plain, lexical)
	}
	return rdf.Trusted(lexical)
}

// tagged reads the language tag behind a string that began at start.
func (p *parser) tagged(start int, plain bool, lexical string) rdf.Term {
	var t rdf.Term
	if tag := p.source(); plain && p.tok.plain && p.tok.start == start+len(lexical) {
		t = rdf.Trusted(p.text[start:p.tok.end])
	} else {
		p.room(len(lexical) + len(tag))
		from := len(p.arena)
		p.arena = chars.AppendLower(append(p.arena, lexical...), tag)
		t = rdf.Trusted(p.sealed(from))
	}
	p.next()
	return t
}

// typed reads the datatype behind a string that began at start.
func (p *parser) typed(start int, plain bool, lexical string) rdf.Term {
	plain = plain && p.tok.start == start+len(lexical)
	p.next()
	at, inPlace := p.tok.start, p.tok.kind == iriRef && p.tok.plain && p.tok.start == p.last
	datatype := p.iri(`the IRI of a datatype behind "^^"`)
	if p.err != nil {
		return rdf.Term{}
	}
	switch datatype.Value() {
	case rdf.XSDString:
		return rdf.Trusted(lexical)
	case rdf.LangString, rdf.DirLangString:
		p.failAt(at, nil, "expected a datatype, found %s, which needs a language tag in its place", datatype)
		return rdf.Term{}
	}
	if plain && inPlace && at+len(datatype.String()) <= len(p.text) && p.text[at:at+len(datatype.String())] == datatype.String() {
		return rdf.Trusted(p.text[start : at+len(datatype.String())])
	}
	return p.compose(lexical, "^^", datatype.String())
}

// tripleTerm is the term of parts that are terms.
func (p *parser) tripleTerm(t *Triple) rdf.Term {
	p.room(256)
	from := len(p.arena)
	p.arena = appendTriple(p.arena, t)
	return rdf.Trusted(p.sealed(from))
}

func appendTriple(dst []byte, t *Triple) []byte {
	dst = appendPart(append(dst, "<<( "...), t.S)
	dst = appendPart(append(dst, ' '), t.P)
	dst = appendPart(append(dst, ' '), t.O)
	return append(dst, " )>>"...)
}

func appendPart(dst []byte, n Node) []byte {
	if n.Triple != nil {
		return appendTriple(dst, n.Triple)
	}
	return append(dst, n.Term.String()...)
}
