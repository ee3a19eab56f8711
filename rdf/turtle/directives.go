package turtle

import (
	"strings"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// isKeyword reports whether a word that begins a directive, or a graph, without "@" comes next.
func isKeyword(rest []byte) bool {
	switch rest[0] | 0x20 {
	case 'p', 'b', 'v', 'g':
		return keyword(rest) != "" && chars.PrefixEnd(rest) < 0
	}
	return false
}

// keyword returns the keyword that comes next, in capitals; "" if there is none.
func keyword(rest []byte) string {
	n := 0
	for n < len(rest) && chars.Class[rest[n]]&chars.Alpha != 0 {
		n++
	}
	if n < len(rest) && (chars.Class[rest[n]]&chars.Name != 0 || rest[n] >= 0x80) {
		return ""
	}
	for _, word := range []string{"PREFIX", "BASE", "VERSION", "GRAPH"} {
		if strings.EqualFold(text(rest[:n]), word) {
			return word
		}
	}
	return ""
}

// beginDirective reads the word that a directive begins with.
func (rd *Reader) beginDirective(c byte) outcome {
	var word string
	at := rd.s.Mark()
	if rd.dotted = c == '@'; rd.dotted {
		word = rd.atWord()
	} else {
		word = keyword(rd.s.Rest())
		rd.s.Skip(len(word))
	}
	switch word {
	case "PREFIX", "@prefix":
		rd.state = prefixName
	case "BASE", "@base":
		rd.state = baseIRI
	case "VERSION", "@version":
		rd.state = version
	case "GRAPH":
		if rd.o.trig {
			rd.state = graphName
			return goOn
		}
		_ = rd.s.FailAt(at, nil, "expected Turtle, which has no graphs, found GRAPH, which TriG has")
		return failed
	default:
		_ = rd.s.Expected("@prefix, @base or @version")
		return failed
	}
	return goOn
}

// atWord takes the word of a directive with its "@"; "" if it is none.
func (rd *Reader) atWord() string {
	rest := rd.s.Rest()
	for _, word := range []string{"@prefix", "@base", "@version"} {
		n := len(word)
		if len(rest) < n || string(rest[:n]) != word {
			continue
		}
		if n == len(rest) || chars.Class[rest[n]]&chars.Name == 0 {
			rd.s.Skip(n)
			return word
		}
	}
	return ""
}

// directive reads the rest of a directive, or of the beginning of a graph.
func (rd *Reader) directive(c byte) outcome {
	switch {
	case rd.state == prefixName:
		name, ok := rd.s.PrefixName()
		if !ok {
			return rd.unexpected()
		}
		rd.prefix = strings.Clone(name)
		rd.state = prefixIRI
		return goOn
	case rd.state == prefixIRI && c == '<':
		return rd.setPrefix()
	case rd.state == baseIRI && c == '<':
		t := rd.iri()
		if t.IsZero() {
			return failed
		}
		rd.base.Set(t.Key())
		return rd.endDirective()
	case rd.state == version && (c == '"' || c == '\''):
		return rd.version(c)
	case rd.state == directiveDot && c == '.':
		rd.s.Skip(1)
		rd.state = document
		return goOn
	case rd.state == graphOpen && c == '{':
		return rd.openGraph()
	}
	return rd.unexpected()
}

func (rd *Reader) setPrefix() outcome {
	at := rd.s.Mark()
	t := rd.iri()
	switch {
	case t.IsZero():
		return failed
	case len(t.String()) > rd.o.term:
		return rd.tooLong()
	case !rd.prefixes.declare(rd.prefix, t.String()):
		_ = rd.s.FailAt(at, errPrefixes, "expected at most %d bytes of prefixes, found more", rd.o.prefixes)
		return failed
	}
	return rd.endDirective()
}

// version reads the version, on which nothing depends.
func (rd *Reader) version(quote byte) outcome {
	if rest := rd.s.Rest(); len(rest) > 2 && rest[1] == quote && rest[2] == quote {
		return rd.unexpected()
	}
	if lexical, _ := rd.s.Quoted(); lexical.IsZero() {
		return failed
	}
	return rd.endDirective()
}

func (rd *Reader) endDirective() outcome {
	rd.state = document
	if rd.dotted {
		rd.state = directiveDot
	}
	return goOn
}

// expected says what may come next.
func (rd *Reader) expected() string {
	switch rd.state {
	case document:
		switch {
		case rd.inGraph:
			return `a subject (IRI, blank node, "[", "(" or "<<") or "}"`
		case rd.o.trig:
			return `a subject (IRI, blank node, "[", "(" or "<<"), a directive or a graph`
		}
		return `a subject (IRI, blank node, "[", "(" or "<<") or a directive`
	case object:
		return "an object (IRI, blank node, literal, list or triple)"
	case value:
		return `an item of the list (IRI, blank node, literal, list or triple) or ")"`
	case item, listOpen:
		return `an item of the list or ")"`
	case verb, moreVerbs, afterObject:
		return rd.expectedInFrame()
	case long:
		return "the closing quotes of the string"
	case suffix:
		return `"^^", a language tag, or what may follow the literal`
	case datatype:
		return "a datatype (IRI)"
	}
	return rd.expectedElse()
}

// expectedInFrame is expected for what the innermost frame decides.
func (rd *Reader) expectedInFrame() string {
	f := rd.top()
	end := map[kind]string{statement: `"."`, properties: `"]"`, annotation: `"|}"`}[f.kind]
	if f.kind == statement && rd.inGraph {
		end = `"." or "}"`
	}
	switch {
	case rd.state == afterObject:
		return `",", ";", "~", "{|" or ` + end + " after the object"
	case rd.state == moreVerbs:
		return `a predicate (IRI or "a"), ";" or ` + end
	case f.mayGraph:
		return `a predicate (IRI or "a") or "{"`
	case f.optional:
		return `a predicate (IRI or "a") or ` + end
	}
	return `a predicate (IRI or "a")`
}

func (rd *Reader) expectedElse() string {
	switch rd.state {
	case innerSubject:
		if rd.top().kind == reifiedTriple {
			return "the subject of the reified triple (IRI, blank node or reified triple)"
		}
		return "the subject of the triple term (IRI or blank node)"
	case innerObject:
		return "the object of the triple (IRI, blank node, literal or triple)"
	case innerVerb:
		return `the predicate of the triple (IRI or "a")`
	case innerEnd:
		if rd.top().kind == reifiedTriple {
			return `"~" or ">>" at the end of the reified triple`
		}
		return `")>>" at the end of the triple term`
	case innerClose, innerReifier:
		return `">>" at the end of the reified triple`
	case reifier:
		return "a reifier (IRI or blank node), or what may follow it"
	case anonymous:
		return `"]" (there can be no predicates and objects here)`
	case graphName:
		return "the name of a graph (IRI or blank node)"
	case graphOpen:
		return `"{"`
	case prefixName:
		return "a prefix with its colon"
	case prefixIRI, baseIRI:
		return "an IRI in angle brackets"
	case version:
		return "a version in simple quotes"
	}
	return `"." at the end of the directive`
}
