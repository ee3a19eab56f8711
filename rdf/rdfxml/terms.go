package rdfxml

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
)

// What the syntax stands for.
var (
	rdfStatement  = rdf.Trusted("<" + vocab.RDF + "Statement>")
	rdfSubject    = rdf.Trusted("<" + vocab.RDF + "subject>")
	rdfPredicate  = rdf.Trusted("<" + vocab.RDF + "predicate>")
	rdfObject     = rdf.Trusted("<" + vocab.RDF + "object>")
	rdfXMLLiteral = rdf.Trusted("<" + vocab.RDF + "XMLLiteral>")
)

// made begins the labels of blank nodes that have none in the document.
const made = "anon"

// view makes a string of bytes that stay as long as it is in use.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// put makes a term of the parts of its text. It is valid until the next token.
func (rd *Reader) put(parts ...string) rdf.Term {
	from := len(rd.arena)
	for _, part := range parts {
		rd.arena = append(rd.arena, part...)
	}
	return rdf.Trusted(view(rd.arena[from:]))
}

// fits reports whether a term may have so many bytes, and sets the error if it may not.
func (rd *Reader) fits(bytes int) bool {
	if bytes > rd.o.term {
		rd.x.Fail(rdf.ErrTermLimit, "expected a term of at most %d bytes as N-Triples has it, found a longer one", rd.o.term)
		return false
	}
	return true
}

// fresh makes a blank node.
func (rd *Reader) fresh() rdf.Term { return rd.numbered(rd.nodes.Next()) }

// numbered is the blank node of a number that was issued.
func (rd *Reader) numbered(n uint64) rdf.Term {
	var digits [20]byte
	return rd.put("_:", rd.o.blankPrefix, made, view(strconv.AppendUint(digits[:0], n, 10)))
}

// labelled is the blank node of rdf:nodeID and the like; the zero Term after setting the error.
func (rd *Reader) labelled(a *xml.Attr) rdf.Term {
	if !xml.IsNCName(a.Value) {
		rd.x.FailAt(a.At, nil, "expected a name without a colon in %s, such as b1, found %q", written(a), excerpt(a.Value))
		return rdf.Term{}
	}
	label, more := labelOf(a.Value)
	if rd.nodes.Taken(label) {
		more = "_"
	}
	t := rd.put("_:", rd.o.blankPrefix, label, more)
	if !rd.fits(len(t.String())) {
		return rdf.Term{}
	}
	return t
}

// written is an attribute as it stands in the document.
func written(a *xml.Attr) string {
	if a.Prefix == "" {
		return a.Local
	}
	return excerpt(a.Prefix) + ":" + excerpt(a.Local)
}

// resource is the IRI that an attribute has, resolved against a base; the zero Term after setting the error.
func (rd *Reader) resource(a *xml.Attr, base int) rdf.Term { return rd.resolve(a, "", a.Value, base) }

// resolve is resource for a reference that begins with another text than the value of the attribute.
func (rd *Reader) resolve(a *xml.Attr, begin, value string, base int) rdf.Term {
	if begin == "" && !iri.IsReference(value) {
		return rd.checked(a, rd.put("<", value, ">"))
	}
	if !rd.bases[base].Known() {
		rd.x.FailAt(a.At, rdf.ErrNoBase, "expected an absolute IRI in %s, since the document has no base (xml:base), found %q",
			written(a), excerpt(value))
		return rdf.Term{}
	}
	reference := value
	if begin != "" {
		reference = begin + value
	}
	from := len(rd.arena)
	resolved, ok := rd.bases[base].Resolve(append(rd.arena, '<'), reference)
	rd.arena = append(resolved, '>')
	if !ok {
		rd.x.FailAt(a.At, rdf.ErrInvalid, "expected an IRI in %s that can be resolved, found %q, whose path would begin with two slashes",
			written(a), excerpt(value))
		return rdf.Term{}
	}
	return rd.checked(a, rdf.Trusted(view(rd.arena[from:])))
}

// checked returns a term that is an IRI; the zero Term after setting the error.
func (rd *Reader) checked(a *xml.Attr, t rdf.Term) rdf.Term {
	if err := rdf.CheckIRI(t.Value()); err != nil {
		rd.x.FailAt(a.At, rdf.ErrInvalid, "in %s: %v", written(a), err)
		return rdf.Term{}
	}
	if !rd.fits(len(t.String())) {
		return rdf.Term{}
	}
	return t
}

// identified is the IRI of an attribute rdf:ID, which a document has once; the zero Term after setting the error.
func (rd *Reader) identified(a *xml.Attr, base int) rdf.Term {
	if !xml.IsNCName(a.Value) {
		rd.x.FailAt(a.At, nil, "expected a name without a colon in %s, such as pump1, found %q; an IRI stands in rdf:about", written(a),
			excerpt(a.Value))
		return rdf.Term{}
	}
	t := rd.resolve(a, "#", a.Value, base)
	if !t.IsZero() && !rd.first(t) {
		rd.x.FailAt(a.At, nil, "expected each rdf:ID once, found %q again; rdf:about may come more often", excerpt(a.Value))
		return rdf.Term{}
	}
	return t
}

// first reports whether an IRI has not been one of rdf:ID before, as far as that is remembered.
func (rd *Reader) first(t rdf.Term) bool {
	if rd.ids == nil {
		rd.ids, rd.seeds = map[[2]uint64]struct{}{}, [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	}
	key := [2]uint64{maphash.String(rd.seeds[0], t.String()), maphash.String(rd.seeds[1], t.String())}
	if _, known := rd.ids[key]; known {
		return false
	}
	if len(rd.ids) < rd.o.ids {
		rd.ids[key] = struct{}{}
	}
	return true
}

// named is the IRI of an element or attribute. at is its place in the tag. Documents have few of them, so the term is kept.
func (rd *Reader) named(name xml.Name, at int) rdf.Term {
	known := &rd.often[slot(name.Local)]
	if known.local == name.Local && known.space == name.Space {
		return known.term
	}
	if name.Space == "" {
		rd.x.FailAt(at, nil, "expected a name in a namespace, found %q; write it with a prefix, or declare a namespace: xmlns=\"…\"",
			excerpt(name.Local))
		return rdf.Term{}
	}
	text := "<" + name.Space + name.Local + ">"
	value := text[1 : len(text)-1]
	if err := rdf.CheckIRI(value); err != nil {
		rd.x.FailAt(at, rdf.ErrInvalid, "namespace and name: %v", err)
		return rdf.Term{}
	}
	if !rd.fits(len(text)) {
		return rdf.Term{}
	}
	*known = word{space: value[:len(name.Space)], local: value[len(name.Space):], term: rdf.Trusted(text)}
	return known.term
}

// word is a name, and the IRI that it stands for.
type word struct {
	space, local string
	term         rdf.Term
}

// slot is where a name is kept: by its last characters, in which names differ.
func slot(local string) int {
	h := uint32(len(local))
	for i := max(0, len(local)-12); i < len(local); i++ {
		h = h*31 + uint32(local[i])
	}
	return int(h>>7^h) & (slots - 1)
}

// slots is how many names are kept.
const slots = 256

// literal makes one of what is read of its lexical form, and a suffix as N-Triples has it; the zero Term after setting the error.
func (rd *Reader) literal(lexical, suffix string) rdf.Term {
	from := len(rd.arena)
	rd.arena = append(rd.arena, '"')
	rd.arena = rdf.AppendEscaped(rd.arena, lexical)
	rd.arena = append(rd.arena, '"')
	rd.arena = append(rd.arena, suffix...)
	if !rd.fits(len(rd.arena) - from) {
		return rdf.Term{}
	}
	return rdf.Trusted(view(rd.arena[from:]))
}

// plain makes a literal of a lexical form in the language and direction that hold.
func (rd *Reader) plain(lexical string, s *scope) rdf.Term {
	if s.lang == "" {
		return rd.literal(lexical, "")
	}
	return rd.literal(lexical, s.lang)
}

// typed makes a literal with a datatype.
func (rd *Reader) typed(lexical string, datatype rdf.Term) rdf.Term {
	if datatype.Value() == rdf.XSDString {
		return rd.literal(lexical, "")
	}
	suffix := rd.put("^^", datatype.String()).String()
	return rd.literal(lexical, suffix)
}

// maxLanguages is how many language tags are kept.
const maxLanguages = 256

// language returns a language tag with its "@"; ok is false after setting the error.
func (rd *Reader) language(a *xml.Attr) (string, bool) {
	if tag, known := rd.languages[a.Value]; known {
		return tag, true
	}
	end, _, long := chars.Lang([]byte(a.Value))
	if end == 0 || end != len(a.Value) || long {
		rd.x.FailAt(a.At, nil, "expected a language tag in %s: letters, then parts of letters and digits after \"-\", each of 1 to 8 "+
			"characters; found %q", written(a), excerpt(a.Value))
		return "", false
	}
	tag := "@" + a.Value
	if !rd.o.languageCase {
		tag = string(chars.AppendLower([]byte("@"), a.Value))
	}
	if rd.languages == nil {
		rd.languages = map[string]string{}
	}
	if len(rd.languages) < maxLanguages {
		rd.languages[strings.Clone(a.Value)] = tag
	}
	return tag, true
}

// tripleTerm makes a triple term; the zero Term after setting the error.
func (rd *Reader) tripleTerm(s, p, o rdf.Term) rdf.Term {
	depth := 1
	for text := o.String(); o.Kind() == rdf.KindTriple && strings.HasSuffix(text, " )>>"); depth++ {
		text = text[:len(text)-len(" )>>")]
	}
	if depth > rd.o.tripleDepth {
		rd.x.Fail(rdf.ErrDepthLimit, "expected at most %d nested triple terms, found more", rd.o.tripleDepth)
		return rdf.Term{}
	}
	if !rd.fits(len(s.String()) + len(p.String()) + len(o.String()) + len("<<(    )>>")) {
		return rdf.Term{}
	}
	return rd.put("<<( ", s.String(), " ", p.String(), " ", o.String(), " )>>")
}

// excerpt is so much of a text as an error shows.
func excerpt(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

var errHeld = fmt.Errorf("terms of the open elements %w", rdf.ErrLimit)
