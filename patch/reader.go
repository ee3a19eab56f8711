package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// SyntaxError says where a patch departs from its format.
type SyntaxError = rdf.SyntaxError

// Bounds of a reader. The first two hold unless an [Option] changes them.
const (
	// DefaultMaxTerm is the number of bytes that a term may have, written as N-Triples has it.
	DefaultMaxTerm = scan.DefaultTerm
	// DefaultMaxDepth is how deeply triple terms may be nested.
	DefaultMaxDepth = scan.DefaultDepth
	// MaxRowLines is the number of lines that a row may be spread over, without those in its strings.
	MaxRowLines = 256
)

// MediaType is the media type of RDF Patch text.
const MediaType = "application/rdf-patch"

type options struct {
	file         string
	row          int
	term         int
	depth        int
	document     int64
	rows         int64
	transactions bool
	id           bool
	onePrev      bool
	trusted      bool
	blankPrefix  string
	languageCase bool
	mistake      func(error) error
}

func (o *options) order() order {
	return order{transactions: o.transactions, id: o.id, onePrev: o.onePrev}
}

// Option changes how a patch is read.
type Option func(*options)

// File sets the name of the patch for errors.
func File(name string) Option { return func(o *options) { o.file = name } }

// MaxTerm bounds the bytes of a term; see [DefaultMaxTerm], which 0 stands for, and [scan.MaxTerm].
func MaxTerm(bytes int) Option { return func(o *options) { o.term = bytes } }

// MaxRow bounds the bytes of a row, from its code to its dot, and of a line; 0 stands for four times the bound of a term,
// and what stands between them. A reader holds no more than this, a read buffer of 64 KiB, and canonical copies of the
// terms of one row that are not written so.
func MaxRow(bytes int) Option { return func(o *options) { o.row = bytes } }

// MaxDepth bounds the nesting of triple terms; see [DefaultMaxDepth], which 0 stands for.
func MaxDepth(depth int) Option { return func(o *options) { o.depth = depth } }

// MaxDocument bounds the bytes of the document. There is no bound by default, or with 0: a reader holds one row at a
// time. The bound is checked whenever something has been read, so rows may come before the error.
func MaxDocument(bytes int64) Option { return func(o *options) { o.document = bytes } }

// MaxRows bounds the number of rows. There is no bound by default, or with 0. The rows within it come before the error.
func MaxRows(rows int64) Option { return func(o *options) { o.rows = rows } }

var errRows = fmt.Errorf("number of rows %w", rdf.ErrLimit)

// RequireTransactions makes rows of changes (A, D, PA, PD) outside a transaction an error.
func RequireTransactions() Option { return func(o *options) { o.transactions = true } }

// RequireID makes a transaction without an H id of its own an error: a patch log that is linked by id and prev needs
// it.
func RequireID() Option { return func(o *options) { o.id = true } }

// OnePrev makes a header prev an error whose value is not that of the one before it in the document: for who takes the
// document as one step from one head, and not as a log of patches.
func OnePrev() Option { return func(o *options) { o.onePrev = true } }

// BlankPrefix puts prefix before each blank node label. Labels of RDF Patch are system-wide; the option is for
// senders whose labels are not. A prefix that no label can begin with is an error of the read ([rdf.ErrInvalid]).
func BlankPrefix(prefix string) Option { return func(o *options) { o.blankPrefix = prefix } }

// LanguageCase keeps language tags as they are written. Terms that differ in that alone are then different ones, so it is
// for who does not compare them.
func LanguageCase() Option { return func(o *options) { o.languageCase = true } }

// Mistakes makes the reader of text hand each [*SyntaxError] to fn and go on with the next line, unless fn returns an error, which
// ends the reading. It is for who looks for mistakes; the rows that come say nothing of a patch.
func Mistakes(fn func(error) error) Option { return func(o *options) { o.mistake = fn } }

// Reader reads RDF Patch text. It is used by one goroutine at a time.
//
// It takes what the text reader of Apache Jena takes: rows end in a dot, white space (line ends too) separates terms,
// "#" begins a comment; names of headers and prefixes that are words, numbers, true and false need no quotes, strings may
// have single quotes or three quotes (and then line ends in them), triple terms are <<( s p o )>> or << s p o >>, blank nodes _:label or <_:label>, TB is TX,
// and a document may have any number of transactions. Other than Jena's, it is strict: an unknown code, a prefixed
// name, a term that can't stand where it does, a relative IRI, a blank node label that N-Quads can't write, TC or TA
// without TX, TX inside a transaction, a header inside one, the same id and prev, and an end inside a row or a
// transaction are errors.
type Reader struct {
	in    *scan.Input
	s     *scan.Scanner
	o     options
	err   error
	order order
	quad  rdf.Quad
	count int64     // rows that were handed over
	begin scan.Mark // where the current row begins
}

// NewReader returns a reader of what r gives.
func NewReader(r io.Reader, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(scan.NewReader(r, scan.LineLimit(o.row, o.term), o.document), o)
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func newReader(in *scan.Input, o options) *Reader {
	rd := &Reader{in: in, s: scan.New(scan.Patch, o.depth, o.term), o: o, order: o.order()}
	rd.o.trusted = o.trusted && o.blankPrefix == ""
	rd.s.SetFile(o.file)
	rd.s.SetLanguageCase(o.languageCase)
	rd.err = rd.s.SetBlankPrefix(o.blankPrefix)
	return rd
}

// Parse drives c with the rows of a patch in memory, which nobody may change meanwhile. It returns nil at the end, a
// [*SyntaxError], or the error of c as it is. Rows before a syntax error have been handed over by then: who can't undo
// them reads twice, first with a [Counter].
func Parse(data []byte, c Change, opts ...Option) error {
	o := collect(opts)
	return newReader(scan.NewBytes(data, scan.LineLimit(o.row, o.term), o.document), o).Run(c)
}

// Run drives c with the rows until the end of the input, and is called once. Rows are handed over as soon as their
// line has been read, so that a live stream is followed. Errors are those of [Parse] and of the underlying reader.
func (rd *Reader) Run(c Change) error {
	if rd.err != nil {
		return rd.err
	}
	seen := 0 // bytes of the window that were looked at before, of a row that is cut off
	for last := false; !last; {
		window, final, err := rd.in.Next(rd.s.Leave())
		if err != nil {
			return rd.positioned(err)
		}
		last = final
		rd.s.Continue(window)
		if last || rd.mayEnd(window, seen) {
			if err := rd.rows(c, last); err != nil {
				return err
			}
		}
		seen = len(window) - rd.s.Offset()
	}
	if rd.order.open {
		return rd.s.Expected("TC or TA for the open transaction")
	}
	return nil
}

// mayEnd reports whether the row that was cut off may end in the window: if it was in a string, that must end, too. To read
// it again with each line would take long.
func (rd *Reader) mayEnd(window []byte, seen int) bool {
	quote := rd.s.Awaits()
	return quote == 0 || bytes.Contains(window[max(0, seen-2):], []byte{quote, quote, quote})
}

// positioned gives the bounds of the input a place; errors of the source stay as they are.
func (rd *Reader) positioned(err error) error {
	if !errors.Is(err, rdf.ErrLimit) {
		return err
	}
	return rd.s.Fail(err, "%v", err)
}

// rows reads the rows of the window. A row that the window cuts off is left for the next one.
func (rd *Reader) rows(c Change, last bool) error {
	s := rd.s
	for s.Lines() {
		s.Begin(MaxRowLines)
		rd.begin = s.Mark()
		if rd.o.rows > 0 && rd.count == rd.o.rows {
			return s.Fail(errRows, "expected at most %d rows, found more", rd.o.rows)
		}
		if n, err := rd.trustedRow(c); n > 0 || err != nil {
			if err != nil {
				return err
			}
			s.SkipLine(n)
			rd.count++
			continue
		}
		if err := rd.row(c); err != nil {
			if s.CutOff() && !last {
				s.Retry(rd.begin)
				return nil
			}
			if err := rd.goOn(err); err != nil {
				return err
			}
			continue
		}
		s.End()
		rd.count++
	}
	return s.Err()
}

// goOn goes to the next line after a mistake, if that is wanted; else it returns the error.
func (rd *Reader) goOn(err error) error {
	if rd.o.mistake == nil || rd.s.Err() == nil || errors.Is(err, rdf.ErrLimit) {
		return err
	}
	if err := rd.o.mistake(err); err != nil {
		return err
	}
	rd.s.Recover()
	return nil
}

// row reads one row and hands it to c.
func (rd *Reader) row(c Change) error {
	s := rd.s
	switch code := s.Word(); code {
	case "A":
		if err := rd.change(); err != nil {
			return err
		}
		return c.Add(rd.quad)
	case "D":
		if err := rd.change(); err != nil {
			return err
		}
		return c.Delete(rd.quad)
	case "H":
		return rd.header(c)
	case "TX", "TB":
		return rd.start(c)
	case "TC":
		if err := rd.end("TC"); err != nil {
			return err
		}
		return c.Commit()
	case "TA":
		if err := rd.end("TA"); err != nil {
			return err
		}
		return c.Abort()
	case "PA":
		return rd.addPrefix(c)
	case "PD":
		return rd.deletePrefix(c)
	case "":
		return s.Expected("a row code (" + codes + ")")
	default:
		return s.FailAt(rd.begin, nil, "expected a row code (%s), found %q", codes, shorten(code))
	}
}

const codes = "H, TX, TC, TA, PA, PD, A or D"

func shorten(word string) string {
	const most = 30
	return word[:min(len(word), most)]
}

// change reads the quad of an A or D row.
func (rd *Reader) change() error {
	if fault := rd.order.change(); fault != "" {
		return rd.fault(fault)
	}
	return rd.s.Quad(&rd.quad)
}

// fault is the error of a row that may not come here.
func (rd *Reader) fault(fault string) error { return rd.s.FailAt(rd.begin, nil, "%s", fault) }

func (rd *Reader) start(c Change) error {
	if err := rd.s.Dot(); err != nil {
		return err
	}
	if fault := rd.order.begin(); fault != "" {
		return rd.fault(fault)
	}
	return c.Begin()
}

func (rd *Reader) end(code string) error {
	if err := rd.s.Dot(); err != nil {
		return err
	}
	if fault := rd.order.end(code); fault != "" {
		return rd.fault(fault)
	}
	return nil
}

// header reads an H row.
func (rd *Reader) header(c Change) error {
	s := rd.s
	name, ok := rd.bareOrString("header name (word or string)")
	if !ok {
		return s.Err()
	}
	value := s.Term("header value (a term)")
	if value.IsZero() {
		return s.Err()
	}
	if err := s.Dot(); err != nil {
		return err
	}
	name = normal(name)
	if fault := rd.order.header(name, value); fault != "" {
		return rd.fault(fault)
	}
	return c.Header(name, value)
}

// bareOrString reads a string that may be written as a word.
func (rd *Reader) bareOrString(what string) (value string, ok bool) {
	rd.s.Space()
	if word := rd.s.Bare(); word != "" {
		return word, true
	}
	return rd.s.String(what)
}

func (rd *Reader) addPrefix(c Change) error {
	prefix, err := rd.prefix()
	if err != nil {
		return err
	}
	s := rd.s
	iri := ""
	s.Space()
	at := s.Mark()
	if value := s.Term("IRI of the prefix"); value.Kind() == rdf.KindIRI || value.Datatype() == rdf.XSDString {
		iri = value.Value()
	} else {
		return s.FailAt(at, nil, "expected the IRI of the prefix, found %s", value.Kind())
	}
	if err := rdf.CheckIRI(iri); err != nil {
		return s.FailAt(at, err, "expected the IRI of the prefix: %v", err)
	}
	graph, err := rd.graph()
	if err != nil {
		return err
	}
	return c.AddPrefix(graph, prefix, iri)
}

func (rd *Reader) deletePrefix(c Change) error {
	prefix, err := rd.prefix()
	if err != nil {
		return err
	}
	graph, err := rd.graph()
	if err != nil {
		return err
	}
	return c.DeletePrefix(graph, prefix)
}

// prefix reads the name of a prefix.
func (rd *Reader) prefix() (string, error) {
	if fault := rd.order.change(); fault != "" {
		return "", rd.fault(fault)
	}
	s := rd.s
	s.Space()
	at := s.Mark()
	name, ok := rd.bareOrString("prefix (word or string, without colon)")
	if ok && !scan.IsPrefix(name) {
		return "", s.FailAt(at, nil, "expected a prefix as Turtle has them, without colon, found %q", shorten(name))
	}
	return name, s.Err()
}

// graph reads the graph, if there is one, and the dot.
func (rd *Reader) graph() (rdf.Term, error) {
	if rd.s.AtDot() {
		return rdf.Term{}, rd.s.Dot()
	}
	graph := rd.s.Graph()
	if graph.IsZero() {
		return graph, rd.s.Err()
	}
	return graph, rd.s.Dot()
}
