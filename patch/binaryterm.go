package patch

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// term reads a term, whose canonical text is in the scratch buffer. It returns the zero Term after setting the error.
func (rd *BinaryReader) term() rdf.Term {
	d := &rd.d
	at := d.offset()
	id, w := d.field(0)
	want := wireStruct
	switch id {
	case termInteger:
		want = wireI64
	case termDouble:
		want = wireDouble
	}
	switch {
	case d.err != nil:
		return rdf.Term{}
	case w == wireStop || id < 0 || int(id) >= len(termNames) || termNames[id] == "":
		_ = d.fail(at, nil, "expected an IRI, blank node, literal, triple term or number, found %s", otherTerm(id, w))
		return rdf.Term{}
	case w != want:
		_ = d.fail(at, nil, "expected %v for the %s, found %v", want, termNames[id], w)
		return rdf.Term{}
	}
	t := rd.termOf(id, at)
	rd.endUnion("the end of the term")
	if len(t.String()) > rd.maxTerm {
		_ = d.fail(at, rdf.ErrTermLimit, "expected a term of at most %d bytes as N-Triples has it, found a longer one", rd.maxTerm)
	}
	if d.err != nil {
		return rdf.Term{}
	}
	return t
}

// otherTerm describes a field that is none of the terms of a patch.
func otherTerm(id int16, w wire) string {
	if other := otherTerms[id]; other != "" && w != wireStop {
		return other
	}
	return unknownField(id, w)
}

// unknownField describes a field of a union that is not expected.
func unknownField(id int16, w wire) string {
	if w == wireStop {
		return "nothing"
	}
	return "field " + strconv.Itoa(int(id)) + ", which is unknown"
}

func (rd *BinaryReader) termOf(id int16, at int64) rdf.Term {
	from := len(rd.scratch)
	var err error
	switch id {
	case termIRI:
		err = rd.iri()
	case termBlank:
		err = rd.blank()
	case termLiteral:
		err = rd.literal()
	case termTriple:
		return rd.triple(at)
	case termInteger:
		value := rd.d.integer(64, "an integer")
		rd.scratch = append(strconv.AppendInt(append(rd.scratch, '"'), value, 10), integerSuffix...)
	case termDouble:
		rd.scratch = append(appendDouble(append(rd.scratch, '"'), rd.d.double("a double")), doubleSuffix...)
	case termDecimal:
		err = rd.decimal()
	}
	if err != nil {
		_ = rd.d.fail(at, err, "%v", err)
	}
	return rdf.Trusted(text(rd.scratch[from:]))
}

func (rd *BinaryReader) iri() error {
	iri := rd.single(iriShape)
	if rd.d.err != nil {
		return nil
	}
	rd.scratch = append(append(append(rd.scratch, '<'), iri...), '>')
	return rdf.CheckIRI(iri)
}

// single reads a struct of one string.
func (rd *BinaryReader) single(s shape) string {
	if text, ok := rd.d.single(); ok {
		return text
	}
	var v values
	rd.fields(s, &v)
	return v.texts[0]
}

func (rd *BinaryReader) blank() error {
	label := rd.single(blankShape)
	if rd.d.err != nil {
		return nil
	}
	rd.scratch = append(append(append(rd.scratch, "_:"...), rd.o.blankPrefix...), label...)
	if isLabel(label) {
		return nil
	}
	_, err := rdf.Blank(label)
	return err
}

// isLabel reports whether s is sure to be a label of a blank node: one of letters and digits in ASCII, "_" and "-".
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlpha(c) && !isDigit(c) && c != '_' && (c != '-' || i == 0) {
			return false
		}
	}
	return s != ""
}

func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (rd *BinaryReader) literal() error {
	var v values
	if rd.fields(literalShape, &v); rd.d.err != nil {
		return nil
	}
	lexical, lang := v.texts[literalLexical-1], v.texts[literalLang-1]
	datatype, direction := v.texts[literalDatatype-1], v.texts[literalDirection-1]
	if !utf8.ValidString(lexical) {
		return fmt.Errorf("%w: expected a lexical form in UTF-8", rdf.ErrInvalid)
	}
	rd.scratch = append(rdf.AppendEscaped(append(rd.scratch, '"'), lexical), '"')
	if lang != "" || direction != "" {
		return rd.lang(lang, direction, datatype)
	}
	switch datatype {
	case "", rdf.XSDString:
		return nil
	case rdf.LangString, rdf.DirLangString:
		return fmt.Errorf("%w: datatype %s without a language tag", rdf.ErrInvalid, datatype)
	}
	rd.scratch = append(append(append(rd.scratch, "^^<"...), datatype...), '>')
	return rdf.CheckIRI(datatype)
}

// lang appends a language tag and its direction. A datatype may be there that says the same.
func (rd *BinaryReader) lang(tag, direction, datatype string) error {
	want := rdf.LangString
	if direction != "" {
		want = rdf.DirLangString
	}
	if datatype != "" && datatype != want {
		return fmt.Errorf("%w: literal with language tag %q and base direction %q: expected the datatype %s, found %q",
			rdf.ErrInvalid, tag, direction, want, datatype)
	}
	if direction != "" && direction != string(rdf.LTR) && direction != string(rdf.RTL) || !isLang(tag) {
		_, err := rdf.LangLiteral("", tag, rdf.Direction(direction))
		return err
	}
	rd.scratch = append(rd.scratch, '@')
	for i := range len(tag) {
		c := tag[i]
		if c >= 'A' && c <= 'Z' && !rd.o.languageCase {
			c += 'a' - 'A'
		}
		rd.scratch = append(rd.scratch, c)
	}
	if direction != "" {
		rd.scratch = append(append(rd.scratch, "--"...), direction...)
	}
	return nil
}

// isLang reports whether s is a language tag: letters, then parts of letters and digits after "-", each of 1 to 8.
func isLang(s string) bool {
	part, first := 0, true
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-' && part > 0:
			part, first = 0, false
			continue
		case !isAlpha(c) && (first || !isDigit(c)):
			return false
		}
		if part++; part > 8 {
			return false
		}
	}
	return part > 0
}

func (rd *BinaryReader) triple(at int64) rdf.Term {
	if rd.depth == rd.o.depth {
		_ = rd.d.fail(at, rdf.ErrDepthLimit, "expected at most %d nested triple terms, found more", rd.o.depth)
		return rdf.Term{}
	}
	rd.depth++
	held := len(rd.scratch)
	var v values
	rd.fields(tripleShape, &v)
	rd.depth--
	if rd.d.err != nil {
		return rdf.Term{}
	}
	s, p, o := v.terms[0], v.terms[1], v.terms[2]
	if err := (rdf.Quad{S: s, P: p, O: o}).Check(); err != nil {
		_ = rd.d.fail(at, err, "%v", err)
		return rdf.Term{}
	}
	from := len(rd.scratch)
	rd.scratch = append(rd.scratch, "<<( "...)
	for _, part := range [...]rdf.Term{s, p, o} {
		rd.scratch = append(append(rd.scratch, part.String()...), ' ')
	}
	rd.scratch = append(rd.scratch, ")>>"...)
	n := copy(rd.scratch[held:], rd.scratch[from:]) // its parts are not needed any more
	rd.scratch = rd.scratch[:held+n]
	return rdf.Trusted(text(rd.scratch[held:]))
}
