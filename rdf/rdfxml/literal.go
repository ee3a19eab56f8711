package rdfxml

import (
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
)

// rendered is a namespace that an element of an XML literal declares in its canonical form.
type rendered struct {
	xml.Binding
	depth int
}

// element appends the beginning of an element of an XML literal: with the namespaces that it uses and no element around it
// declares alike (Exclusive XML Canonicalization, section 3), ordered as Canonical XML says.
func (rd *Reader) element() {
	name, attrs, depth := rd.x.Name(), rd.x.Attrs(), rd.x.Depth()
	known := len(rd.rendered)
	rd.render(name.Prefix, depth)
	for i := range attrs {
		if attrs[i].Prefix != "" {
			rd.render(attrs[i].Prefix, depth)
		}
	}
	slices.SortFunc(rd.rendered[known:], func(a, b rendered) int { return strings.Compare(a.Prefix, b.Prefix) })
	slices.SortFunc(attrs, func(a, b xml.Attr) int {
		if c := strings.Compare(a.Space, b.Space); c != 0 {
			return c
		}
		return strings.Compare(a.Local, b.Local)
	})
	rd.lexical = appendName(append(rd.lexical, '<'), name)
	for _, b := range rd.rendered[known:] {
		rd.lexical = append(rd.lexical, " xmlns"...)
		if b.Prefix != "" {
			rd.lexical = append(append(rd.lexical, ':'), b.Prefix...)
		}
		rd.lexical = appendValue(rd.lexical, b.Space)
	}
	for i := range attrs {
		rd.lexical = appendName(append(rd.lexical, ' '), attrs[i].Name)
		rd.lexical = appendValue(rd.lexical, attrs[i].Value)
	}
	rd.lexical = append(rd.lexical, '>')
	rd.fits(len(rd.lexical))
}

// render declares the namespace of a prefix unless that is what it stands for already.
func (rd *Reader) render(prefix string, depth int) {
	if prefix == "xml" {
		return
	}
	b, _ := rd.x.Lookup(prefix)
	space := "" // that of the default namespace where none was declared
	for i := len(rd.rendered) - 1; i >= 0; i-- {
		if r := &rd.rendered[i]; r.Prefix == prefix {
			space = r.Space
			break
		}
	}
	if b.Space != space {
		rd.rendered = append(rd.rendered, rendered{b, depth})
	}
}

// elementEnd appends the end of an element of an XML literal.
func (rd *Reader) elementEnd() {
	rd.lexical = appendName(append(rd.lexical, "</"...), rd.x.Name())
	rd.lexical = append(rd.lexical, '>')
	for len(rd.rendered) > 0 && rd.rendered[len(rd.rendered)-1].depth > rd.x.Depth() {
		rd.rendered = rd.rendered[:len(rd.rendered)-1]
	}
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
