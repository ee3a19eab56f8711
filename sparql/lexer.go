package sparql

import (
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// kind is what a token is. A token of one character that stands for itself has that character as its kind.
type kind uint8

const (
	atEnd  kind = iota // of the text
	failed             // there is an error; no token follows

	iriRef       kind = iota + 126 // <…>
	prefixed                       // p:local
	blankLabel                     // _:label
	variable                       // ?name or $name
	langTag                        // @en or @en--ltr
	number                         // with its sign, if there is one
	str                            // in any of the four quotes
	word                           // a keyword, or what looks like one
	and                            // &&
	or                             // ||
	notEqual                       // !=
	lessEqual                      // <=
	greaterEqual                   // >=
	carets                         // ^^
	openReified                    // <<
	closeReified                   // >>
	openTerm                       // <<(
	closeTerm                      // )>>
	openNote                       // {|
	closeNote                      // |}
)

// token is a part of the text.
type token struct {
	kind       kind
	start, end int
	// word is the keyword in capitals, "a" for that word, "" for a word that is no keyword.
	word string
	// colon is where the prefix of a prefixed name ends.
	colon int
	// plain says that what is between the quotes of a string, or behind the colon of a name, stands for itself; that an IRI has no
	// escapes; that a language tag has no capitals.
	plain bool
	// long is set for a string in three quotes.
	long bool
}

// next goes on to the next token.
func (p *parser) next() {
	if p.tok.kind == failed {
		return
	}
	p.last = p.tok.end
	i := p.skip(p.tok.end)
	p.tok = token{start: i, end: i}
	if i >= len(p.b) {
		return
	}
	switch c := p.b[i]; {
	case c == '<':
		p.angle(i)
	case c == '?' || c == '$':
		p.variable(i)
	case c == '"' || c == '\'':
		p.str(i)
	case c == '_':
		p.blank(i)
	case c == '@':
		p.lang(i)
	case chars.Class[c]&chars.Digit != 0, c == '+' || c == '-' || c == '.':
		p.number(i)
	case chars.Class[c]&chars.Alpha != 0 || c == ':' || c >= utf8.RuneSelf:
		p.name(i)
	default:
		p.sign(i)
	}
}

// skip returns where the first thing behind white space and comments begins.
func (p *parser) skip(i int) int {
	b := p.b
	for i < len(b) {
		switch b[i] {
		case ' ', '\n', '\t', '\r':
			i++
		case '#':
			for i < len(b) && b[i] != '\n' && b[i] != '\r' {
				i++
			}
		default:
			return i
		}
	}
	return i
}

// set makes the bytes from start to end the token.
func (p *parser) set(k kind, end int) { p.tok.kind, p.tok.end = k, end }

// angle reads what begins with "<".
func (p *parser) angle(start int) {
	b, i := p.b, start+1
	p.tok.plain = true
	for i < len(b) && (chars.Class[b[i]]&chars.IRI != 0 || b[i] >= utf8.RuneSelf || b[i] == '\\') {
		p.tok.plain = p.tok.plain && b[i] != '\\'
		i++
	}
	switch {
	case i < len(b) && b[i] == '>':
		p.set(iriRef, i+1)
	case strings.HasPrefix(p.text[start:], "<<("):
		p.set(openTerm, start+3)
	case strings.HasPrefix(p.text[start:], "<<"):
		p.set(openReified, start+2)
	case strings.HasPrefix(p.text[start:], "<="):
		p.set(lessEqual, start+2)
	default:
		p.set('<', start+1)
	}
}

// variable reads a variable, or the "?" of a path.
func (p *parser) variable(start int) {
	i := start + 1
	for i < len(p.b) {
		c := p.b[i]
		if chars.Class[c]&chars.Name != 0 && c != '-' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRuneInString(p.text[i:])
		if !chars.NameRune(r, i == start+1) {
			break
		}
		i += n
	}
	switch {
	case i > start+1:
		p.set(variable, i)
	case p.b[start] == '?':
		p.set('?', i)
	default:
		p.failAt(start, nil, `expected the name of a variable behind "$"`)
	}
}

// blank reads a label of a blank node.
func (p *parser) blank(start int) {
	n := 0
	if start+1 < len(p.b) && p.b[start+1] == ':' {
		n = chars.Label(p.b[start+2:])
	}
	if n == 0 {
		p.failAt(start, nil, `expected a blank node as "_:" and a label of letters, digits, "_", "-" and inner dots`)
		return
	}
	p.set(blankLabel, start+2+n)
}

// lang reads a language tag, and the base direction behind it.
func (p *parser) lang(start int) {
	b, i := p.b, start+1
	n, capitals, long := chars.Lang(b[i:])
	switch {
	case n == 0:
		p.failAt(start, nil, `expected a language tag of letters behind "@"`)
		return
	case long:
		p.failAt(start, nil, "expected a language tag with parts of at most 8 characters, found %q", excerpt(p.text[i:i+n]))
		return
	}
	i += n
	if strings.HasPrefix(p.text[i:], "--") {
		from := i + 2
		for i = from; i < len(b) && chars.Class[b[i]]&(chars.Alpha|chars.Digit) != 0; {
			i++
		}
		if d := p.text[from:i]; d != "ltr" && d != "rtl" {
			p.failAt(from, nil, `expected base direction "ltr" or "rtl", found %q`, excerpt(d))
			return
		}
	}
	p.tok.plain = !capitals
	p.set(langTag, i)
}

// number reads a number with or without a sign, or the sign or dot that is none.
func (p *parser) number(start int) {
	b, i := p.b, start
	signed := b[i] == '+' || b[i] == '-'
	if signed {
		i++
	}
	whole := p.digits(i)
	i += whole
	fraction := 0
	if i < len(b) && b[i] == '.' {
		if fraction = p.digits(i + 1); fraction > 0 || whole > 0 && p.exponent(i+1) > 0 {
			i += 1 + fraction
		}
	}
	if whole+fraction == 0 {
		p.set(kind(b[start]), start+1)
		return
	}
	p.set(number, i+p.exponent(i))
}

// digits counts the digits at i.
func (p *parser) digits(i int) int {
	from := i
	for i < len(p.b) && chars.Class[p.b[i]]&chars.Digit != 0 {
		i++
	}
	return i - from
}

// exponent returns the length of the exponent at i, 0 if there is none.
func (p *parser) exponent(i int) int {
	if i >= len(p.b) || p.b[i]|0x20 != 'e' {
		return 0
	}
	n := 1
	if i+1 < len(p.b) && (p.b[i+1] == '+' || p.b[i+1] == '-') {
		n++
	}
	if digits := p.digits(i + n); digits > 0 {
		return n + digits
	}
	return 0
}

// name reads a prefixed name or a word.
func (p *parser) name(start int) {
	b, i := p.b, start
	for i < len(b) && chars.Class[b[i]]&chars.Name != 0 {
		i++
	}
	if i >= len(b) || b[i] != ':' {
		i = start
		if n := chars.PrefixEnd(b[start:]); n >= 0 {
			i += n
		} else {
			p.word(start)
			return
		}
	}
	p.tok.colon, p.tok.plain = i, true
	i++
	from := i
	for i < len(b) && chars.Class[b[i]]&chars.Local != 0 {
		i++
	}
	if i < len(b) && (b[i] == '.' || b[i] == '%' || b[i] == '\\' || b[i] >= utf8.RuneSelf) || i > from && b[from] == '-' {
		n, escaped := chars.LocalName(b[from:])
		i, p.tok.plain = from+n, !escaped
	}
	p.set(prefixed, i)
}

// word reads a word.
func (p *parser) word(start int) {
	i := start
	for i < len(p.b) && chars.Class[p.b[i]]&chars.Name != 0 && p.b[i] != '-' {
		i++
	}
	if i == start {
		r, _ := utf8.DecodeRuneInString(p.text[i:])
		p.failAt(i, nil, "expected a term, a keyword or a sign of SPARQL, found %q", string(r))
		return
	}
	p.tok.word = keyword(p.text[start:i])
	p.set(word, i)
}

// sign reads what is made of other characters.
func (p *parser) sign(start int) {
	rest := p.text[start:]
	if len(rest) >= 2 {
		k, n := double(rest)
		if n > 0 {
			p.set(k, start+n)
			return
		}
	}
	switch c := rest[0]; c {
	case '{', '}', '(', ')', '[', ']', ',', ';', '*', '/', '|', '^', '!', '=', '>', '~':
		p.set(kind(c), start+1)
	case '\\':
		p.failAt(start, nil, `expected a term, a keyword or a sign of SPARQL, found "\"; escapes stand in strings and IRIs, and `+
			"behind the colon of a prefixed name")
	default:
		p.failAt(start, nil, "expected a term, a keyword or a sign of SPARQL, found %q", string(rune(c)))
	}
}

// double returns the sign of two or three characters that rest begins with, and its length; 0 if there is none.
func double(rest string) (k kind, n int) {
	switch rest[:2] {
	case "&&":
		return and, 2
	case "||":
		return or, 2
	case "!=":
		return notEqual, 2
	case ">=":
		return greaterEqual, 2
	case "^^":
		return carets, 2
	case ">>":
		return closeReified, 2
	case "{|":
		return openNote, 2
	case "|}":
		return closeNote, 2
	}
	if strings.HasPrefix(rest, ")>>") {
		return closeTerm, 3
	}
	return atEnd, 0
}

// str finds the end of a string.
func (p *parser) str(start int) {
	quote := p.b[start]
	if p.text[start+1:] != "" && strings.HasPrefix(p.text[start+1:], p.text[start:start+1]+p.text[start:start+1]) {
		p.longStr(start, quote)
		return
	}
	b, i, plain := p.b, start+1, quote == '"'
	for {
		for i < len(b) && chars.Class[b[i]]&chars.Plain != 0 && b[i] != quote {
			i++
		}
		if i >= len(b) || b[i] == '\n' || b[i] == '\r' {
			p.failAt(i, nil, "expected the closing quote of the string that begins at %s, found %s", p.place(start), p.found(i))
			return
		}
		if b[i] == quote {
			break
		}
		plain = plain && p.standsForItself(i)
		if b[i] == '\\' {
			i++
		}
		i++
	}
	p.tok.plain = plain
	p.set(str, i+1)
}

// standsForItself reports whether what is at i of a string is as the canonical form has it.
func (p *parser) standsForItself(i int) bool {
	b := p.b
	switch c := b[i]; {
	case c == '\\':
		return i+1 < len(b) && strings.IndexByte(`tbnrf"\`, b[i+1]) >= 0
	case c == 0xEF: // U+FFFE and U+FFFF are EF BF BE and EF BF BF
		return b[i+1] != 0xBF || b[i+2] < 0xBE
	default:
		return c >= utf8.RuneSelf
	}
}

// longStr finds the end of a string in three quotes.
func (p *parser) longStr(start int, quote byte) {
	b, i := p.b, start+3
	for i < len(b) {
		switch {
		case b[i] == '\\':
			i += 2
		case b[i] == quote && i+2 < len(b) && b[i+1] == quote && b[i+2] == quote:
			p.tok.long = true
			p.set(str, i+3)
			return
		default:
			i++
		}
	}
	p.failAt(len(b), nil, "expected the closing quotes of the string that begins at %s, found end of input", p.place(start))
}
