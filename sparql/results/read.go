package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// DefaultLimit is the number of bytes that a solution, or the head, may have unless [Limit] says otherwise: 64 MiB.
const DefaultLimit = 64 << 20

// maxDepth is how deep triple terms may be nested, and what JSON and XML have besides.
const maxDepth = 1000

// Option changes how a result is read.
type Option func(*options)

type options struct {
	file  string
	limit int
}

// Limit bounds the bytes of a solution, and of the head. What is longer is an error that has [rdf.ErrTermLimit] in it. In JSON whose
// head comes behind its solutions it bounds all of these together.
func Limit(bytes int) Option { return func(o *options) { o.limit = bytes } }

// File sets the name that errors carry.
func File(name string) Option { return func(o *options) { o.file = name } }

// Reader reads one result. It must not be used concurrently.
type Reader struct {
	vars    []sparql.Var
	boolean *bool
	next    func(row []rdf.Term) error
	err     error
}

// NewReader reads the head of a result. A mistake in it, here and in Next, is an [*rdf.SyntaxError] with its place; an error of r
// comes as it is.
func NewReader(r io.Reader, f Format, opts ...Option) (*Reader, error) {
	o := options{limit: DefaultLimit}
	for _, opt := range opts {
		opt(&o)
	}
	read := &Reader{}
	var err error
	switch f {
	case JSON:
		err = readJSON(read, newSource(r, o))
	case XML:
		err = readXML(read, r, o)
	case CSV:
		err = readCSV(read, newSource(r, o))
	case TSV:
		err = readTSV(read, newSource(r, o))
	default:
		err = fmt.Errorf("results: format %q is none of json, xml, csv, tsv", string(f))
	}
	if err != nil {
		return nil, err
	}
	return read, nil
}

// Vars returns the columns, nil for a boolean.
func (r *Reader) Vars() []sparql.Var { return r.vars }

// Boolean returns the result of ASK; ok is false for one of SELECT.
func (r *Reader) Boolean() (value, ok bool) {
	if r.boolean == nil {
		return false, false
	}
	return *r.boolean, true
}

// Next returns the next solution: a term for each of Vars, the zero Term for one that is unbound. It is the caller's. Behind the last
// one, and for a boolean, the error is io.EOF. Errors stay.
func (r *Reader) Next() ([]rdf.Term, error) {
	if r.err == nil && r.next == nil {
		r.err = io.EOF
	}
	if r.err != nil {
		return nil, r.err
	}
	row := make([]rdf.Term, len(r.vars))
	if r.err = r.next(row); r.err != nil {
		return nil, r.err
	}
	return row, nil
}

// columns returns the index of each variable. One that is named twice is an error.
func columns(vars []sparql.Var) (map[string]int, error) {
	index := make(map[string]int, len(vars))
	for i, v := range vars {
		if _, twice := index[string(v)]; twice {
			return nil, fmt.Errorf("variable %q is named twice", string(v))
		}
		index[string(v)] = i
	}
	return index, nil
}

// source reads bytes, and knows where they stand.
type source struct {
	r       *bufio.Reader
	options options
	// line and col are those of the next byte, from 1; col counts characters.
	line, col int
	// left is how many bytes the solution may still have.
	left int
}

func newSource(r io.Reader, o options) *source {
	s := &source{r: bufio.NewReaderSize(r, 32<<10), options: o, line: 1, col: 1, left: o.limit}
	if mark, _ := s.r.Peek(3); string(mark) == "\xEF\xBB\xBF" {
		_, _ = s.r.Discard(3) // they are in the buffer
	}
	return s
}

// begin starts the count of a solution's bytes.
func (s *source) begin() { s.left = s.options.limit }

// peek returns the next byte without taking it. Its error is io.EOF at the end.
func (s *source) peek() (byte, error) {
	b, err := s.r.Peek(1)
	if len(b) == 0 {
		return 0, err
	}
	return b[0], nil
}

// take returns the next byte.
func (s *source) take() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if s.left--; s.left < 0 {
		return 0, s.fail(rdf.ErrTermLimit, "a solution, or the head, has more than %d bytes", s.options.limit)
	}
	switch {
	case c == '\n':
		s.line, s.col = s.line+1, 1
	case c&0xC0 != 0x80:
		s.col++
	}
	return c, nil
}

// fail makes an error at the next byte.
func (s *source) fail(cause error, format string, args ...any) error {
	return &rdf.SyntaxError{File: s.options.file, Line: s.line, Col: s.col, Msg: fmt.Sprintf(format, args...), Err: cause}
}

// unexpected makes an error of the end of the document where there must be more; other errors stay.
func (s *source) unexpected(err error, wanted string) error {
	if errors.Is(err, io.EOF) {
		return s.fail(io.ErrUnexpectedEOF, "expected %s, found the end of the document", wanted)
	}
	return err
}
