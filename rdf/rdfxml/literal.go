package rdfxml

import (
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
)

// canonical is what is known of the XML literal that is being read.
type canonical struct {
	declared xml.Namespaces // by the open elements, in canonical form
	marks    []int          // for each of them, how many there were before
	prefixes []string       // that an element uses
}

// begin makes it that of another literal.
func (c *canonical) begin() {
	c.declared.Leave(0)
	c.marks = c.marks[:0]
}

// element appends the beginning of an element of an XML literal: with the namespaces that it uses and no element around it
// declares alike (Exclusive XML Canonicalization, section 3), ordered as Canonical XML says.
func (rd *Reader) element() {
	name, attrs := rd.x.Name(), rd.x.Attrs()
	rd.lexical = appendName(append(rd.lexical, '<'), name)
	rd.declare(name, attrs)
	slices.SortFunc(attrs, func(a, b xml.Attr) int {
		if c := strings.Compare(a.Space, b.Space); c != 0 {
			return c
		}
		return strings.Compare(a.Local, b.Local)
	})
	for i := range attrs {
		rd.lexical = appendName(append(rd.lexical, ' '), attrs[i].Name)
		rd.lexical = appendValue(rd.lexical, attrs[i].Value)
	}
	rd.lexical = append(rd.lexical, '>')
	rd.fits(len(rd.lexical))
}

// declare appends the namespaces that an element declares.
func (rd *Reader) declare(name xml.Name, attrs []xml.Attr) {
	c := &rd.canonical
	c.marks = append(c.marks, c.declared.Len())
	c.prefixes = append(c.prefixes[:0], name.Prefix)
	for i := range attrs {
		if attrs[i].Prefix != "" {
			c.prefixes = append(c.prefixes, attrs[i].Prefix)
		}
	}
	slices.Sort(c.prefixes)
	for _, prefix := range slices.Compact(c.prefixes) {
		space, _ := rd.x.Lookup(prefix)
		if known, _ := c.declared.Lookup(prefix); known.Space != space.Space {
			c.declared.Declare(prefix, space.Space)
			rd.lexical = appendDeclaration(rd.lexical, prefix, space.Space)
		}
	}
}

// elementEnd appends the end of an element of an XML literal.
func (rd *Reader) elementEnd() {
	rd.lexical = appendName(append(rd.lexical, "</"...), rd.x.Name())
	rd.lexical = append(rd.lexical, '>')
	c := &rd.canonical
	last := len(c.marks) - 1
	c.declared.Leave(c.marks[last])
	c.marks = c.marks[:last]
	rd.fits(len(rd.lexical))
}

// markup appends a comment or a processing instruction.
func (rd *Reader) markup(kind xml.Kind) {
	begin, end := "<!--", "-->"
	if kind == xml.Instruction {
		begin, end = "<?", "?>"
	}
	rd.lexical = append(append(append(rd.lexical, begin...), rd.x.Text()...), end...)
	rd.fits(len(rd.lexical))
}

func appendName(dst []byte, name xml.Name) []byte {
	if name.Prefix != "" {
		dst = append(append(dst, name.Prefix...), ':')
	}
	return append(dst, name.Local...)
}

// appendValue appends "=" and the value of an attribute, as canonical XML has it.
func appendValue(dst []byte, value string) []byte {
	dst = append(dst, `="`...)
	from := 0
	for i := range len(value) {
		var escape string
		switch value[i] {
		case '&':
			escape = "&amp;"
		case '<':
			escape = "&lt;"
		case '"':
			escape = "&quot;"
		case '\t':
			escape = "&#x9;"
		case '\n':
			escape = "&#xA;"
		case '\r':
			escape = "&#xD;"
		default:
			continue
		}
		dst = append(append(dst, value[from:i]...), escape...)
		from = i + 1
	}
	return append(append(dst, value[from:]...), '"')
}

// appendText appends text as canonical XML has it, which is how the writer writes it, too.
func appendText[T string | []byte](dst []byte, text T) []byte {
	from := 0
	for i := range len(text) {
		var escape string
		switch text[i] {
		case '&':
			escape = "&amp;"
		case '<':
			escape = "&lt;"
		case '>':
			escape = "&gt;"
		case '\r':
			escape = "&#xD;"
		default:
			continue
		}
		dst = append(append(dst, text[from:i]...), escape...)
		from = i + 1
	}
	return append(dst, text[from:]...)
}
