package results

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
	"github.com/quadrille-stream/quadrille/sparql"
)

func readCSV(read *Reader, s *source) error {
	names, err := s.csvRecord()
	if err != nil {
		return s.unexpected(err, "the line of the variables")
	}
	if err := s.header(read, names, ""); err != nil {
		return err
	}
	read.next = func(row []rdf.Term) error {
		s.begin()
		fields, err := s.csvRecord()
		if err != nil {
			return err
		}
		return s.strings(row, fields)
	}
	return nil
}

// strings makes terms of the fields of CSV. An empty one is taken for unbound.
func (s *source) strings(row []rdf.Term, fields []string) error {
	if len(row) == 0 && len(fields) == 1 && fields[0] == "" {
		return nil
	}
	if len(fields) != len(row) {
		return s.fail(nil, "the line before has %d fields for %d variables", len(fields), len(row))
	}
	for i, field := range fields {
		if field == "" {
			continue
		}
		t, err := rdf.Literal(field)
		if err != nil {
			return s.fail(nil, "field %d of the line before: %s", i+1, err.Error())
		}
		row[i] = t
	}
	return nil
}

// header takes the variables, each behind a mark. A line with nothing in it names none.
func (s *source) header(read *Reader, names []string, mark string) error {
	read.vars = []sparql.Var{}
	if len(names) == 1 && names[0] == "" {
		return nil
	}
	for _, name := range names {
		plain, ok := strings.CutPrefix(name, mark)
		if !ok || plain == "" || !utf8.ValidString(plain) {
			return s.fail(nil, "the line before names variables, and %q is no name of one", cut(name))
		}
		read.vars = append(read.vars, sparql.Var(plain))
	}
	if _, err := columns(read.vars); err != nil {
		return s.fail(nil, "%s", err.Error())
	}
	return nil
}

// csvRecord reads a line of CSV (RFC 4180), which ends in LF, CR LF or CR. Its error is io.EOF if there is none.
func (s *source) csvRecord() ([]string, error) {
	if _, err := s.peek(); err != nil {
		return nil, err
	}
	var fields []string
	for {
		field, end, err := s.csvField()
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		if end != ',' {
			return fields, nil
		}
	}
}

// csvField reads a field and what ends it: a comma, a line end (a line feed here), or the end of the document (0).
func (s *source) csvField() (field string, end byte, err error) {
	if c, err := s.peek(); err == nil && c == '"' {
		return s.csvQuoted()
	}
	var text []byte
	for {
		c, err := s.take()
		switch {
		case errors.Is(err, io.EOF):
			return string(text), 0, nil
		case err != nil:
			return "", 0, err
		case c == ',':
			return string(text), c, nil
		case c == '\n' || c == '\r':
			return string(text), '\n', s.lineFeed(c)
		case c == '"':
			return "", 0, s.fail(nil, "a quote in a field that doesn't begin with one")
		}
		text = append(text, c)
	}
}

// lineFeed takes the second half of CR LF.
func (s *source) lineFeed(c byte) error {
	if next, err := s.peek(); c == '\r' && err == nil && next == '\n' {
		_, err = s.take()
		return err
	}
	return nil
}

func (s *source) csvQuoted() (field string, end byte, err error) {
	if _, err := s.take(); err != nil {
		return "", 0, err
	}
	var text []byte
	for {
		c, err := s.take()
		if err != nil {
			return "", 0, s.unexpected(err, "the quote that ends a field")
		}
		if c != '"' {
			text = append(text, c)
			continue
		}
		c, err = s.take()
		switch {
		case errors.Is(err, io.EOF):
			return string(text), 0, nil
		case err != nil:
			return "", 0, err
		case c == '"':
			text = append(text, c)
		case c == ',':
			return string(text), c, nil
		case c == '\n' || c == '\r':
			return string(text), '\n', s.lineFeed(c)
		default:
			return "", 0, s.fail(nil, "expected a comma or the end of the line behind a quoted field, found %q", c)
		}
	}
}

// tsvReader reads terms as Turtle has them, between tabs.
type tsvReader struct{ *source }

func readTSV(read *Reader, s *source) error {
	line, err := s.textLine()
	if err != nil {
		return s.unexpected(err, "the line of the variables")
	}
	if err := s.header(read, strings.Split(line, "\t"), "?"); err != nil {
		return err
	}
	read.next = (&tsvReader{s}).row
	return nil
}

// textLine reads a line without its end. Its error is io.EOF if there is none.
func (s *source) textLine() (string, error) {
	var text []byte
	for {
		c, err := s.take()
		switch {
		case errors.Is(err, io.EOF) && len(text) > 0:
			return string(text), nil
		case err != nil:
			return "", err
		case c == '\n':
			return strings.TrimSuffix(string(text), "\r"), nil
		}
		text = append(text, c)
	}
}

func (r *tsvReader) row(row []rdf.Term) error {
	r.begin()
	line := r.line
	text, err := r.textLine()
	if err != nil {
		return err
	}
	if len(row) == 0 && text == "" {
		return nil
	}
	fields := strings.Split(text, "\t")
	if len(fields) != len(row) {
		return r.fail(nil, "the line before has %d fields for %d variables", len(fields), len(row))
	}
	col := 1
	for i, field := range fields {
		if row[i], err = r.term(field, line, col); err != nil {
			return err
		}
		col += utf8.RuneCountInString(field) + 1
	}
	return nil
}

// term reads a field, which begins at a place; an empty one is unbound.
func (r *tsvReader) term(field string, line, col int) (rdf.Term, error) {
	if field == "" {
		return rdf.Term{}, nil
	}
	s := scan.New(scan.Patch, maxDepth, r.options.limit)
	s.Reset([]byte(field))
	t := s.Term("a term")
	if s.Blanks(); s.Err() == nil && s.Offset() < len(field) {
		_ = s.Expected("a tab or the end of the line")
	}
	var syntax *rdf.SyntaxError
	if errors.As(s.Err(), &syntax) {
		return rdf.Term{}, &rdf.SyntaxError{File: r.options.file, Line: line, Col: col + syntax.Col - 1, Msg: syntax.Msg, Err: syntax.Err}
	}
	return t.Clone(), s.Err()
}
