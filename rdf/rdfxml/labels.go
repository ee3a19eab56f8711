package rdfxml

import (
	"strings"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
)

// A label of a blank node as N-Triples has it, and a value of rdf:nodeID, are not the same: a label may begin with a digit, which
// a name can't, and a name may end in a dot, which a label can't. So each stands for one of the other, and for itself wherever
// that is possible:
//
//	0, 1a …     _-0, _-1a …, since such a label is no name
//	_-0 …       _-_-0 …, since it would be taken for that
//	a.-, a.-- …  a., a.- …, since the first of these is no label
const mark = "_-"

// isMarked reports whether a name is a mark, or several, and a label that has to have one.
func isMarked(name string) bool {
	label := name
	for strings.HasPrefix(label, mark) {
		label = label[len(mark):]
	}
	return len(label) < len(name) && isLabel(label) && !xml.IsNCName(label)
}

func isLabel(s string) bool { return s != "" && chars.Label([]byte(s)) == len(s) }

// endsInDot reports whether a text ends in a dot, but for hyphens behind it.
func endsInDot(s string) bool {
	if s == "" || s[len(s)-1] != '.' && s[len(s)-1] != '-' {
		return false
	}
	return strings.HasSuffix(strings.TrimRight(s, "-"), ".")
}

// appendNodeID appends the name that stands for a label.
func appendNodeID(dst []byte, label string) []byte {
	if !xml.IsNCName(label) || isMarked(label) {
		dst = append(dst, mark...)
	}
	if endsInDot(label) {
		label = label[:len(label)-1]
	}
	return append(dst, label...)
}

// labelOf returns the label that a name stands for: more goes behind it.
func labelOf(name string) (label, more string) {
	if endsInDot(name) {
		more = "-"
	}
	if strings.HasPrefix(name, mark) && isMarked(name+more) {
		name = name[len(mark):]
	}
	return name, more
}
