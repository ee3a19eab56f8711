package turtle

import (
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Sets of the terms that may stand in a place, besides IRIs and blank nodes.
const (
	brackets uint8 = 1 << iota // lists and blank node property lists
	literals
	reifieds // reified triples
	triples  // triple terms
)

// allowed returns what may stand in a place that does not take everything.
func (rd *Reader) allowed(context state) uint8 {
	switch context {
	case subject:
		return brackets | reifieds
	case innerSubject:
		if rd.top().kind == reifiedTriple {
			return reifieds
		}
	case innerObject:
		if rd.top().kind == reifiedTriple {
			return literals | reifieds | triples
		}
		return literals | triples
	}
	return 0
}

// term reads a term, or the beginning of one that takes several steps.
func (rd *Reader) term(q *rdf.Quad, c byte, context state) outcome {
	may := brackets | literals | reifieds | triples
	if context != object && context != value {
		may = rd.allowed(context)
	}
	switch {
	case c == '<':
		if rest := rd.s.Rest(); len(rest) > 1 && rest[1] == '<' {
			return rd.beginTriple(rest, context, may)
		}
		return rd.delivered(q, context, rd.iri())
	case (c == '"' || c == '\'') && may&literals != 0:
		return rd.str(q, c, context)
	case c == '_':
		return rd.delivered(q, context, rd.written())
	case c == '[':
		return rd.beginBlank(q, context, may)
	case c == '(' && may&brackets != 0:
		rd.s.Skip(1)
		rd.top().mayGraph = false
		rd.context, rd.state = context, listOpen
		return goOn
	case c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
		if may&literals == 0 {
			return rd.unexpected()
		}
		if t, ok := rd.s.Number(); ok {
			return rd.deliver(q, context, t)
		}
		return rd.unexpected()
	}
	return rd.delivered(q, context, rd.named(may&literals != 0))
}

// delivered is deliver for a term that is zero after an error.
func (rd *Reader) delivered(q *rdf.Quad, context state, t rdf.Term) outcome {
	if t.IsZero() {
		return failed
	}
	return rd.deliver(q, context, t)
}

// named reads a prefixed name, or true or false.
func (rd *Reader) named(literal bool) rdf.Term {
	if t, ok := rd.prefixed(); ok {
		return t
	}
	if literal {
		rest := rd.s.Rest()
		n := 0
		for n < len(rest) && chars.Class[rest[n]]&chars.Name != 0 {
			n++
		}
		if word := text(rest[:n]); word == "true" || word == "false" {
			rd.s.Skip(n)
			return rd.s.Put(`"`, word, `"^^<`+rdf.XSDBoolean+`>`)
		}
	}
	_ = rd.s.Expected(rd.expected())
	return rdf.Term{}
}

// prefixed reads a prefixed name. ok is false if there is none; the term is zero after an error.
func (rd *Reader) prefixed() (t rdf.Term, ok bool) {
	at := rd.s.Mark()
	prefix, local, escaped, ok := rd.s.Name()
	if !ok {
		return rdf.Term{}, false
	}
	begin := rd.prefixes.begin(prefix)
	if begin == "" {
		_ = rd.s.FailAt(at, nil, "expected a prefix that has been declared, found \"%s:\"", shorten(prefix))
		return rdf.Term{}, true
	}
	return rd.s.Expand(begin, local, escaped), true
}

// iri reads an IRI in angle brackets, which may be relative. The term is zero after an error.
func (rd *Reader) iri() rdf.Term {
	at := rd.s.Mark()
	t, absolute := rd.s.Reference()
	if absolute || t.IsZero() {
		return t
	}
	reference := t.Key()
	if !rd.base.Known() {
		_ = rd.s.FailAt(at, rdf.ErrNoBase, "expected an absolute IRI (there is no base), found relative IRI %q; @base sets one",
			shorten(reference))
		return rdf.Term{}
	}
	ok := iri.IsReference(reference)
	if ok {
		rd.resolved, ok = rd.base.Resolve(append(rd.resolved[:0], '<'), reference)
	}
	if !ok {
		_ = rd.s.FailAt(at, rdf.ErrInvalid, "expected an IRI, found %q, which can't be resolved", shorten(reference))
		return rdf.Term{}
	}
	rd.resolved = append(rd.resolved, '>')
	return rd.s.Put(text(rd.resolved))
}

// anyIRI reads an IRI or a prefixed name.
func (rd *Reader) anyIRI(c byte) rdf.Term {
	if c == '<' {
		if rest := rd.s.Rest(); len(rest) < 2 || rest[1] != '<' {
			return rd.iri()
		}
	} else if t, ok := rd.prefixed(); ok {
		return t
	}
	_ = rd.s.Expected(rd.expected())
	return rdf.Term{}
}

// predicate reads the predicate of a frame. The term is zero after an error.
func (rd *Reader) predicate(f *frame, c byte) rdf.Term {
	if c == 'a' {
		if rest := rd.s.Rest(); len(rest) < 2 || chars.Class[rest[1]]&chars.Local == 0 && chars.PrefixEnd(rest) < 0 {
			rd.s.Skip(1)
			return vocab.Type
		}
	}
	t := rd.anyIRI(c)
	if len(t.String()) > rd.o.term {
		rd.tooLong()
		return rdf.Term{}
	}
	if t.IsZero() {
		return t
	}
	return rd.keep(t, f.afterS)
}

// written reads a blank node with a label. The term is zero after an error.
func (rd *Reader) written() rdf.Term {
	t := rd.s.Label()
	if t.IsZero() {
		return t
	}
	label := t.String()[len("_:"):]
	more := ""
	if rd.nodes.Taken(label) {
		more = "_"
	} else if rd.o.blankPrefix == "" {
		return t
	}
	return rd.s.Put(text(rd.label), label, more)
}

// made begins the labels of blank nodes that have none in the document.
const made = "anon"

// fresh makes a blank node, on the scratch buffer.
func (rd *Reader) fresh() rdf.Term {
	var digits [20]byte
	i := len(digits)
	for n := rd.nodes.Next(); ; n /= 10 {
		i--
		digits[i] = '0' + byte(n%10)
		if n < 10 {
			break
		}
	}
	return rd.s.Put(text(rd.label), made, text(digits[i:]))
}

// beginBlank reads the "[" of a blank node.
func (rd *Reader) beginBlank(q *rdf.Quad, context state, may uint8) outcome {
	rd.s.Skip(1)
	if may&brackets == 0 {
		rd.context, rd.state = context, anonymous
		return goOn
	}
	node := rd.fresh()
	out := rd.deliver(q, context, node)
	if out == failed || !rd.push(frame{kind: properties, s: node, back: rd.state, optional: true}) {
		return failed
	}
	rd.state = verb
	return out
}

// beginTriple reads the beginning of a reified triple or a triple term.
func (rd *Reader) beginTriple(rest []byte, context state, may uint8) outcome {
	f, allowed, n := frame{kind: reifiedTriple, context: context}, reifieds, 2
	if len(rest) > 2 && rest[2] == '(' {
		f.kind, allowed, n = tripleTerm, triples, 3
	}
	if may&allowed == 0 {
		return rd.unexpected()
	}
	if context == subject {
		rd.top().mayGraph = false
	}
	if !rd.push(f) {
		return failed
	}
	rd.s.Skip(n)
	rd.state = innerSubject
	return goOn
}

// beginsReifier reports whether the token that begins with c is the name of a reifier.
func (rd *Reader) beginsReifier(c byte) bool {
	rest := rd.s.Rest()
	switch {
	case c == '<':
		return len(rest) < 2 || rest[1] != '<'
	case c == '_' || c == '[':
		return true
	}
	return chars.PrefixEnd(rest) >= 0
}

// str reads a string, and what makes a literal of it.
func (rd *Reader) str(q *rdf.Quad, quote byte, context state) outcome {
	before := rd.s.Held()
	lexical, isLong := rd.s.Quoted()
	if isLong {
		rd.context, rd.quote, rd.begin, rd.state = context, quote, before, long
		return goOn
	}
	if lexical.IsZero() {
		return failed
	}
	return rd.literal(q, context, lexical, before)
}

// long reads a string in three quotes as far as the window goes.
func (rd *Reader) long(q *rdf.Quad) outcome {
	if len(rd.s.Rest()) == 0 {
		if rd.err = rd.more(); rd.err != nil {
			return goOn
		}
	}
	lexical, done := rd.s.Long(rd.quote, rd.begin)
	switch {
	case done:
		return rd.literal(q, rd.context, lexical, rd.begin)
	case rd.s.Err() != nil:
		return failed
	}
	return goOn
}

// literal reads what follows a string, if the window has it. before is what the scratch buffer held before the string.
func (rd *Reader) literal(q *rdf.Quad, context state, lexical rdf.Term, before int) outcome {
	if len(lexical.String()) > rd.o.term {
		return rd.tooLong()
	}
	c, ok := rd.s.Token()
	if !ok {
		rd.lexical, rd.context, rd.state = rd.keep(lexical, before), context, suffix
		return goOn
	}
	return rd.suffix(q, c, context, lexical)
}

// suffix reads the datatype or the language tag behind a string, if there is one.
func (rd *Reader) suffix(q *rdf.Quad, c byte, context state, lexical rdf.Term) outcome {
	switch c {
	case '^':
		if !rd.s.Carets() {
			return failed
		}
		c, ok := rd.s.Token()
		if !ok {
			rd.lexical = rd.s.Put(lexical.String())
			rd.context, rd.state = context, datatype
			return goOn
		}
		return rd.datatype(q, c, context, lexical)
	case '@':
		return rd.delivered(q, context, rd.s.Tagged(lexical))
	}
	return rd.deliver(q, context, lexical)
}

// datatype reads the datatype of a string.
func (rd *Reader) datatype(q *rdf.Quad, c byte, context state, lexical rdf.Term) outcome {
	rd.state = datatype
	at := rd.s.Mark()
	t := rd.anyIRI(c)
	if t.IsZero() {
		return failed
	}
	return rd.delivered(q, context, rd.s.Typed(lexical, t, at))
}

func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// text makes a string of bytes that stay as they are for as long as the string is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
