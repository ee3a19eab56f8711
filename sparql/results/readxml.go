package results

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// xmlReader reads the XML format. Elements of other namespaces, and those that it doesn't know, are passed over.
type xmlReader struct {
	d       *xml.Decoder
	in      *allowance
	options options
	read    *Reader
	index   map[string]int
}

// allowance is a reader that ends with an error when a solution has had its bytes.
type allowance struct {
	r    io.Reader
	left int64
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, rdf.ErrTermLimit
	}
	n, err := a.r.Read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	return n, err
}

func readXML(read *Reader, in io.Reader, o options) error {
	bounded := &allowance{r: in}
	r := &xmlReader{d: xml.NewDecoder(bounded), in: bounded, options: o, read: read}
	r.begin()
	if err := r.root(); err != nil {
		return err
	}
	if err := r.open("head"); err != nil {
		return err
	}
	if err := r.head(); err != nil {
		return err
	}
	return r.body()
}

// begin gives the next solution its bytes, and room for what the decoder reads ahead.
func (r *xmlReader) begin() { r.in.left = int64(r.options.limit) + 64<<10 }

// token returns the next one. Its error is a SyntaxError at its place, or that of the reader below.
func (r *xmlReader) token() (xml.Token, error) {
	t, err := r.d.Token()
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
		return t, nil
	case errors.As(err, &syntax) && syntax.Msg != "unexpected EOF":
		return nil, r.fail(err, "%s", syntax.Msg)
	case syntax != nil || errors.Is(err, io.EOF):
		return nil, r.fail(io.ErrUnexpectedEOF, "the document ends too early")
	case errors.Is(err, rdf.ErrTermLimit):
		return nil, r.fail(rdf.ErrTermLimit, "a solution, or the head, has more than %d bytes", r.options.limit)
	}
	return nil, err
}

func (r *xmlReader) fail(cause error, format string, args ...any) error {
	line, col := r.d.InputPos()
	return &rdf.SyntaxError{File: r.options.file, Line: line, Col: col, Msg: fmt.Sprintf(format, args...), Err: cause}
}

// child returns the next element inside the current one, nil at its end. Text between elements is white space.
func (r *xmlReader) child() (*xml.StartElement, error) {
	for {
		t, err := r.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Space == sparqlNamespace {
				return &t, nil
			}
			if err := r.skip(); err != nil {
				return nil, err
			}
		case xml.EndElement:
			return nil, nil
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				return nil, r.fail(nil, "expected an element, found text %q", cut(text))
			}
		}
	}
}

// skip passes over the rest of the current element.
func (r *xmlReader) skip() error {
	for depth := 1; depth > 0; {
		t, err := r.token()
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// root reads the start of the outermost element.
func (r *xmlReader) root() error {
	for {
		t, err := r.token()
		if err != nil {
			return err
		}
		e, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case e.Name.Space == sparqlNamespace && e.Name.Local == "sparql":
			return nil
		default:
			return r.fail(nil, "expected the element sparql of namespace %s, found %s", sparqlNamespace, cut(e.Name.Local))
		}
	}
}

// open reads the start of an element that must come next.
func (r *xmlReader) open(name string) error {
	e, err := r.child()
	if err == nil && (e == nil || e.Name.Local != name) {
		err = r.fail(nil, "expected the element %s", name)
	}
	return err
}

func (r *xmlReader) head() error {
	vars := []sparql.Var{}
	for {
		e, err := r.child()
		switch {
		case err != nil:
			return err
		case e == nil:
			r.read.vars = vars
			if r.index, err = columns(vars); err != nil {
				return r.fail(nil, "%s", err.Error())
			}
			return nil
		case e.Name.Local == "variable":
			vars = append(vars, sparql.Var(attribute(e, "", "name")))
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

// body reads the result of ASK, or the start of the solutions.
func (r *xmlReader) body() error {
	e, err := r.child()
	switch {
	case err != nil:
		return err
	case e != nil && e.Name.Local == "results":
		r.read.next = r.row
		return nil
	case e == nil || e.Name.Local != "boolean":
		return r.fail(nil, "expected the element results or boolean")
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	b := strings.TrimSpace(text) == "true"
	if !b && strings.TrimSpace(text) != "false" {
		return r.fail(nil, "expected true or false, found %q", cut(text))
	}
	r.read.boolean, r.read.vars = &b, nil
	return r.end()
}

// end reads what stands behind the results, up to the end of the document.
func (r *xmlReader) end() error {
	r.begin()
	for {
		e, err := r.child()
		switch {
		case err != nil:
			return err
		case e == nil:
			return r.rest()
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

// rest reads what may stand behind the outermost element: comments and white space.
func (r *xmlReader) rest() error {
	for {
		t, err := r.d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.fail(err, "expected the end of the document: %s", err.Error())
		}
		if _, ok := t.(xml.StartElement); ok {
			return r.fail(nil, "expected the end of the document, found an element")
		}
	}
}

// text reads the text of the current element to its end.
func (r *xmlReader) text() (string, error) {
	var text []byte
	for {
		t, err := r.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.StartElement:
			return "", r.fail(nil, "expected text, found the element %s", cut(t.Name.Local))
		case xml.EndElement:
			return string(text), nil
		}
	}
}

func attribute(e *xml.StartElement, space, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == space && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (r *xmlReader) row(row []rdf.Term) error {
	r.begin()
	e, err := r.child()
	switch {
	case err != nil:
		return err
	case e == nil:
		if err := r.end(); err != nil {
			return err
		}
		return io.EOF
	case e.Name.Local != "result":
		return r.fail(nil, "expected the element result, found %s", cut(e.Name.Local))
	}
	for {
		e, err := r.child()
		if err != nil || e == nil {
			return err
		}
		if err := r.binding(e, row); err != nil {
			return err
		}
	}
}

func (r *xmlReader) binding(e *xml.StartElement, row []rdf.Term) error {
	name := attribute(e, "", "name")
	i, ok := r.index[name]
	switch {
	case e.Name.Local != "binding":
		return r.fail(nil, "expected the element binding, found %s", cut(e.Name.Local))
	case !ok:
		return r.fail(nil, "variable %q is not in the head", cut(name))
	case !row[i].IsZero():
		return r.fail(nil, "variable %q is named twice", cut(name))
	}
	value, err := r.only(0)
	if err != nil {
		return err
	}
	if row[i], err = value.term(); err != nil {
		return r.fail(nil, "?%s: %s", cut(name), err.Error())
	}
	return nil
}

// only reads the one term that the current element has, to the element's end.
func (r *xmlReader) only(depth int) (*raw, error) {
	e, err := r.child()
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, r.fail(nil, "expected one of the elements uri, literal, bnode, triple")
	}
	t, err := r.term(e, depth)
	if err != nil {
		return nil, err
	}
	if e, err = r.child(); err == nil && e != nil {
		err = r.fail(nil, "expected one term, found two")
	}
	return t, err
}

func (r *xmlReader) term(e *xml.StartElement, depth int) (*raw, error) {
	t := &raw{kind: e.Name.Local}
	var err error
	switch t.kind {
	case "triple":
		return t, r.triple(t, depth+1)
	case "literal":
		t.datatype = attribute(e, "", "datatype")
		t.lang, t.dir = attribute(e, xmlNamespace, "lang"), attribute(e, itsNamespace, "dir")
	}
	t.value, err = r.text()
	return t, err
}

func (r *xmlReader) triple(t *raw, depth int) error {
	if depth > maxDepth {
		return r.fail(rdf.ErrDepthLimit, "triple terms are nested more than %d deep", maxDepth)
	}
	for i, part := range [...]string{"subject", "predicate", "object"} {
		if err := r.open(part); err != nil {
			return err
		}
		var err error
		if t.parts[i], err = r.only(depth); err != nil {
			return err
		}
	}
	e, err := r.child()
	if err == nil && e != nil {
		err = r.fail(nil, "expected the end of the triple, found the element %s", cut(e.Name.Local))
	}
	return err
}
