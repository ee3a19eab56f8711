package sparql

import (
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

func (w *writer) variable(v Var) {
	w.put("?")
	w.put(string(v))
}

// quoted writes a string.
func (w *writer) quoted(s string) {
	w.put(`"`)
	w.dst = rdf.AppendEscaped(w.dst, s)
	w.put(`"`)
}

// node writes a variable, a term or a triple term.
func (w *writer) node(n Node) {
	switch {
	case n.Var != "":
		w.variable(n.Var)
	case n.Triple != nil:
		w.put("<<( ")
		w.node(n.Triple.S)
		w.put(" ")
		w.predicate(n.Triple.P)
		w.put(" ")
		w.node(n.Triple.O)
		w.put(" )>>")
	default:
		w.term(n.Term)
	}
}

// predicate writes the predicate of a triple.
func (w *writer) predicate(n Node) {
	if n.Term == vocab.Type {
		w.put("a")
		return
	}
	w.node(n)
}

// term writes a term.
func (w *writer) term(t rdf.Term) {
	switch t.Kind() {
	case rdf.KindIRI:
		w.iri(t.String())
	case rdf.KindLiteral:
		w.literal(t)
	case rdf.KindTriple:
		if parts, ok := t.Triple(); ok {
			w.node(Node{Triple: &Triple{S: Node{Term: parts.S}, P: Node{Term: parts.P}, O: Node{Term: parts.O}}})
			return
		}
		w.put(t.String())
	default:
		w.put(t.String())
	}
}

// iri writes an IRI that is given in angle brackets, with the longest prefix that it can be written with.
func (w *writer) iri(text string) {
	iri := text[1 : len(text)-1]
	var best *Prefix
	for i := range w.prefixes {
		p := &w.prefixes[i]
		if strings.HasPrefix(iri, p.IRI) && (best == nil || len(p.IRI) > len(best.IRI)) && isLocal(iri[len(p.IRI):]) {
			best = p
		}
	}
	if best == nil {
		w.put(text)
		return
	}
	w.put(best.Name)
	w.put(":")
	w.put(iri[len(best.IRI):])
}

// isLocal reports whether s can be the local part of a prefixed name, without escapes.
func isLocal(s string) bool {
	end, escaped := chars.LocalName(unsafe.Slice(unsafe.StringData(s), len(s)))
	return end == len(s) && !escaped
}

// literal writes a literal, a number or boolean without quotes where that reads as the same one.
func (w *writer) literal(t rdf.Term) {
	text := t.String()
	datatype := t.Datatype()
	if text[len(text)-1] != '>' {
		w.put(text)
		return
	}
	end := len(text) - len(`"^^<`) - len(datatype) - len(`>`)
	lexical := text[1:end]
	if datatype == rdf.XSDBoolean && (lexical == "true" || lexical == "false") || numberType(lexical) == datatype {
		w.put(lexical)
		return
	}
	w.put(text[:end+len(`"^^`)])
	w.iri(text[end+len(`"^^`):])
}

// numberType returns the datatype of what a number is written as; "" for what is none.
func numberType(s string) string {
	p := parser{text: s, b: unsafe.Slice(unsafe.StringData(s), len(s))}
	if s == "" || chars.Class[s[0]]&chars.Digit == 0 && s[0] != '+' && s[0] != '-' && s[0] != '.' {
		return ""
	}
	p.number(0)
	switch {
	case p.tok.kind != number || p.tok.end != len(s):
		return ""
	case strings.ContainsAny(s, "eE"):
		return rdf.XSDDouble
	case strings.Contains(s, "."):
		return rdf.XSDDecimal
	}
	return rdf.XSDInteger
}
