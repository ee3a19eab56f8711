package rdf

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// ErrInvalid is in every error of the functions that make terms. Test with errors.Is.
var ErrInvalid = errors.New("invalid RDF term")

// errorf makes an error about a value, which is cut so that the message stays readable.
func errorf(what, value, format string, args ...any) error {
	const most = 100
	if len(value) > most {
		value = value[:most] + "…"
	}
	return fmt.Errorf("%w: %s %q: %s", ErrInvalid, what, value, fmt.Sprintf(format, args...))
}

// IRI makes a term of an absolute IRI, written without angle brackets and escapes. It checks what the N-Triples
// grammar does: a scheme, valid UTF-8, and none of the characters #x00-#x20 < > " { } | ^ ` \.
func IRI(iri string) (Term, error) {
	if err := CheckIRI(iri); err != nil {
		return Term{}, err
	}
	return Term{"<" + iri + ">"}, nil
}

// CheckIRI returns the error that [IRI] would. It does not allocate for an IRI that is good.
func CheckIRI(iri string) error {
	scheme := strings.IndexByte(iri, ':')
	if scheme <= 0 || chars.Class[iri[0]]&chars.Alpha == 0 {
		return errorf("IRI", iri, "expected an absolute IRI, which begins with a scheme and a colon")
	}
	for i := range scheme {
		if chars.Class[iri[i]]&chars.Scheme == 0 {
			return errorf("IRI", iri, "%q can't stand in a scheme", iri[i])
		}
	}
	for i := range len(iri) {
		if c := iri[i]; c < utf8.RuneSelf && chars.Class[c]&chars.IRI == 0 {
			return errorf("IRI", iri, "%q can't stand in an IRI; percent-encode it", c)
		}
	}
	if !utf8.ValidString(iri) {
		return errorf("IRI", iri, "not valid UTF-8")
	}
	return nil
}

// Blank makes a term of a blank node label, written without "_:". The label is one that N-Triples can write
// (BLANK_NODE_LABEL).
func Blank(label string) (Term, error) {
	if label == "" || chars.Label([]byte(label)) != len(label) {
		return Term{}, errorf("blank node label", label, "expected letters, digits, \"_\", \"-\" and inner dots, "+
			"the first a letter, digit or \"_\"")
	}
	return Term{"_:" + label}, nil
}

// Literal makes a string literal (datatype xsd:string). The only error is invalid UTF-8.
func Literal(lexical string) (Term, error) { return literal(lexical, "") }

// TypedLiteral makes a literal of a lexical form and a datatype IRI, which is checked as [IRI] does. The lexical form
// need not fit the datatype. rdf:langString and rdf:dirLangString are refused: they need a tag.
func TypedLiteral(lexical, datatype string) (Term, error) {
	switch datatype {
	case XSDString:
		return literal(lexical, "")
	case LangString, DirLangString:
		return Term{}, errorf("datatype", datatype, "needs a language tag; use LangLiteral")
	}
	if err := CheckIRI(datatype); err != nil {
		return Term{}, err
	}
	return literal(lexical, "^^<"+datatype+">")
}

// LangLiteral makes a literal with a language tag and, unless dir is [NoDirection], a base direction. The tag is
// letters, then parts of letters and digits after "-", each of at most eight characters; its case is not kept.
func LangLiteral(lexical, lang string, dir Direction) (Term, error) {
	if end, _, long := chars.Lang([]byte(lang)); end == 0 || end != len(lang) || long {
		return Term{}, errorf("language tag", lang, "expected letters, then parts of letters and digits after \"-\", "+
			"each of 1 to 8 characters")
	}
	suffix := "@" + string(chars.AppendLower(nil, lang))
	switch dir {
	case NoDirection:
	case LTR, RTL:
		suffix += "--" + string(dir)
	default:
		return Term{}, errorf("base direction", string(dir), "expected \"ltr\" or \"rtl\"")
	}
	return literal(lexical, suffix)
}

func literal(lexical, suffix string) (Term, error) {
	if !utf8.ValidString(lexical) {
		return Term{}, errorf("lexical form", lexical, "not valid UTF-8")
	}
	text := make([]byte, 0, escapedSize(lexical)+len(suffix)+2)
	text = append(text, '"')
	text = AppendEscaped(text, lexical)
	text = append(text, '"')
	text = append(text, suffix...)
	return Term{unsafe.String(unsafe.SliceData(text), len(text))}, nil
}

// escapedSize is the number of bytes that [AppendEscaped] appends, but for U+FFFE and U+FFFF, which hardly ever come.
func escapedSize(s string) int {
	n := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case chars.Class[c]&chars.Plain != 0 || c >= utf8.RuneSelf:
		case c == '"' || c == '\\' || c >= '\b' && c <= '\r' && c != '\v':
			n++
		default:
			n += len(`\u0000`) - 1
		}
	}
	return n
}

// AppendEscaped appends valid UTF-8 with the escapes that the canonical form of a literal has, without quotes:
// \b \t \n \f \r \" \\, and \uXXXX for other controls, DEL, U+FFFE and U+FFFF.
func AppendEscaped(dst []byte, s string) []byte {
	from := 0
	for i, r := range s {
		if r < utf8.RuneSelf && chars.Class[r]&chars.Plain != 0 {
			continue
		}
		if r >= utf8.RuneSelf && r != 0xFFFE && r != 0xFFFF {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = chars.AppendRune(dst, r)
		from = i + utf8.RuneLen(r)
	}
	return append(dst, s[from:]...)
}

// MaxTripleDepth is how deeply triple terms may be nested: what is made can be read again.
const MaxTripleDepth = 1000

// tripleEnd is what a triple term ends with.
const tripleEnd = " )>>"

// TripleTerm makes a triple term (RDF 1.2). The subject is an IRI or a blank node, the predicate an IRI, the object
// any term, of less than [MaxTripleDepth] triple terms in each other; more are an [ErrDepthLimit], too.
func TripleTerm(s, p, o Term) (Term, error) {
	if err := checkPositions(Quad{S: s, P: p, O: o}); err != nil {
		return Term{}, err
	}
	if o.tripleDepth() >= MaxTripleDepth {
		return Term{}, fmt.Errorf("%w: %w: at most %d triple terms may be nested", ErrInvalid, ErrDepthLimit, MaxTripleDepth)
	}
	return Term{"<<( " + s.text + " " + p.text + " " + o.text + tripleEnd}, nil
}

// tripleDepth is how many triple terms are in each other. Only objects are any, so that all of them end together.
func (t Term) tripleDepth() (depth int) {
	text, inner := t.text, true
	for ; inner; depth++ {
		text, inner = strings.CutSuffix(text, tripleEnd)
	}
	return depth - 1
}

// Check reports whether each term is of a kind that may stand in its place: subject IRI or blank node, predicate IRI,
// object any term, graph IRI, blank node or none. It does not look inside the terms.
func (q Quad) Check() error { return checkPositions(q) }

func checkPositions(q Quad) error {
	if k := q.S.Kind(); k != KindIRI && k != KindBlank {
		return errorf("subject", q.S.text, "expected an IRI or a blank node, found %s", k)
	}
	if k := q.P.Kind(); k != KindIRI {
		return errorf("predicate", q.P.text, "expected an IRI, found %s", k)
	}
	if q.O.IsZero() {
		return errorf("object", "", "expected a term, found none")
	}
	if k := q.G.Kind(); k == KindLiteral || k == KindTriple {
		return errorf("graph", q.G.text, "expected an IRI or a blank node, found %s", k)
	}
	return nil
}
