package patch

import (
	"io"
	"unicode/utf8"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// BinaryReader reads RDF Patch in binary form, as Apache Jena writes it. It is used by one goroutine at a time, and
// allocates nothing per row.
//
// It takes the options of [NewReader]; a row is bounded by [MaxRow], and with it every string. Fields that it does not
// know are skipped, as Thrift demands. Everything else is as strict as in text, and errors are [*BinaryError]: a field
// that is missing, comes twice or has another type, a term that is none of RDF (variable, ANY, prefixed name), a row or
// term of an unknown kind, what text would refuse, and an end inside a row or a transaction. The value forms of Thrift
// (integer, double, decimal) are read as literals in XSD's canonical form, decimals with the digits they have.
type BinaryReader struct {
	d       compact
	o       options
	order   order
	maxTerm int // bytes that one may have
	depth   int
	scratch []byte // canonical text of the row's terms
	err     error
}

// NewBinaryReader returns a reader of what r gives. It holds buffers of up to four times the longest row, or of 64 KiB,
// and the canonical text of the terms of one row.
func NewBinaryReader(r io.Reader, opts ...Option) *BinaryReader {
	rd := newBinaryReader(opts)
	rd.d.r = r
	return rd
}

// ParseBinary drives c with the rows of a patch in memory, as [Parse] does for text.
func ParseBinary(data []byte, c Change, opts ...Option) error {
	rd := newBinaryReader(opts)
	rd.d.buf, rd.d.have = data, len(data)
	if limit := rd.d.max; limit > 0 && int64(len(data)) > limit {
		rd.d.row = 1
		return rd.d.fail(limit, rdf.ErrLimit, "expected a patch of at most %d bytes, found more", limit)
	}
	return rd.Run(c)
}

func newBinaryReader(opts []Option) *BinaryReader {
	o := collect(opts)
	if o.depth <= 0 {
		o.depth = DefaultMaxDepth
	}
	rd := &BinaryReader{o: o, order: o.order(), maxTerm: scan.TermLimit(o.term),
		d: compact{file: o.file, limit: scan.LineLimit(o.row, o.term), max: o.document}}
	rd.err = scan.New(scan.Patch, 0, 0).SetBlankPrefix(o.blankPrefix)
	return rd
}

// Run drives c with the rows until the end of the input, and is called once. A row is handed over as soon as its last
// byte has been read, so that a live stream is followed. Terms are valid until the method of c returns. Errors: a
// [*BinaryError], that of c, and that of the underlying reader.
func (rd *BinaryReader) Run(c Change) error {
	if rd.err != nil {
		return rd.err
	}
	for rd.d.begin() {
		if rd.o.rows > 0 && rd.d.row > rd.o.rows {
			return rd.d.fail(rd.d.from, errRows, "expected at most %d rows, found more", rd.o.rows)
		}
		rd.scratch, rd.depth = rd.scratch[:0], 0
		if err := rd.readRow(c); err != nil {
			return err
		}
	}
	if rd.d.err == nil && rd.order.open {
		return rd.fault("expected TC or TA for the open transaction, found the end of the patch")
	}
	return rd.d.err
}

// fault is the error of a row that may not come here.
func (rd *BinaryReader) fault(fault string) error { return rd.d.fail(rd.d.from, nil, "%s", fault) }

// values are the fields of a shape.
type values struct {
	texts [mostFields]string
	terms [mostFields]rdf.Term
}

// readRow reads one row and hands it to c.
func (rd *BinaryReader) readRow(c Change) error {
	at := rd.d.offset()
	id, w := rd.d.field(0)
	want := wireStruct
	if id == rowTxn {
		want = wireI32
	}
	switch {
	case rd.d.err != nil:
		return rd.d.err
	case w == wireStop || id < rowHeader || id > rowTxn:
		return rd.d.fail(at, nil, "expected a header, addition, deletion, prefix or transaction, found %s",
			unknownField(id, w))
	case w != want:
		return rd.d.fail(at, nil, "expected %v for the row, found %v", want, w)
	case id == rowTxn:
		return rd.txn(c)
	}
	return rd.dataRow(id, c)
}

func (rd *BinaryReader) dataRow(id int16, c Change) error {
	var v values
	switch id {
	case rowHeader:
		if err := rd.record(headerShape, &v); err != nil {
			return err
		}
		return rd.header(&v, c)
	case rowAdd, rowDelete:
		q, err := rd.quad(&v)
		if err != nil {
			return err
		}
		if id == rowAdd {
			return c.Add(q)
		}
		return c.Delete(q)
	case rowPrefixAdd:
		if err := rd.record(addPrefixShape, &v); err != nil {
			return err
		}
		if err := rd.prefix(&v, rdf.CheckIRI(v.texts[2])); err != nil {
			return err
		}
		return c.AddPrefix(v.terms[0], v.texts[1], v.texts[2])
	}
	if err := rd.record(delPrefixShape, &v); err != nil {
		return err
	}
	if err := rd.prefix(&v, nil); err != nil {
		return err
	}
	return c.DeletePrefix(v.terms[0], v.texts[1])
}

// record reads a struct and, where it is the row's, the end of the row.
func (rd *BinaryReader) record(s shape, v *values) error {
	rd.fields(s, v)
	rd.endUnion("the end of the row")
	return rd.d.err
}

// endUnion takes the end of a union, behind the one field that it has.
func (rd *BinaryReader) endUnion(what string) {
	at := rd.d.offset()
	if c := rd.d.byte(what); c != 0 {
		_ = rd.d.fail(at, nil, "expected %s, found another field", what)
	}
}

func (rd *BinaryReader) quad(v *values) (rdf.Quad, error) {
	if err := rd.record(quadShape, v); err != nil {
		return rdf.Quad{}, err
	}
	if fault := rd.order.change(); fault != "" {
		return rdf.Quad{}, rd.fault(fault)
	}
	q := rdf.Quad{S: v.terms[0], P: v.terms[1], O: v.terms[2], G: v.terms[3]}
	if err := q.Check(); err != nil {
		return q, rd.d.fail(rd.d.from, err, "%v", err)
	}
	return q, nil
}

func (rd *BinaryReader) header(v *values, c Change) error {
	name, value := v.texts[0], v.terms[1]
	if !utf8.ValidString(name) {
		return rd.fault("expected a header name in UTF-8")
	}
	name = normal(name)
	if fault := rd.order.header(name, value); fault != "" {
		return rd.fault(fault)
	}
	return c.Header(name, value)
}

// prefix checks the prefix of a row. err is what is wrong with the rest of it.
func (rd *BinaryReader) prefix(v *values, err error) error {
	if fault := rd.order.change(); fault != "" {
		return rd.fault(fault)
	}
	if err == nil {
		err = checkPrefix(v.terms[0], v.texts[1])
	}
	if err != nil {
		return rd.d.fail(rd.d.from, err, "%v", err)
	}
	return nil
}

func (rd *BinaryReader) txn(c Change) error {
	value := rd.d.integer(32, "the kind of a transaction row")
	rd.endUnion("the end of the row")
	if rd.d.err != nil {
		return rd.d.err
	}
	fault := ""
	switch value {
	case txnBegin:
		fault = rd.order.begin()
	case txnCommit:
		fault = rd.order.end("TC")
	case txnAbort:
		fault = rd.order.end("TA")
	case txnSegment:
		fault = "expected TX, TC or TA, found a segment, which is no row of a patch"
	default:
		return rd.d.fail(rd.d.from, nil, "expected TX, TC or TA, found transaction row %d", value)
	}
	switch {
	case fault != "":
		return rd.fault(fault)
	case value == txnBegin:
		return c.Begin()
	case value == txnCommit:
		return c.Commit()
	}
	return c.Abort()
}

// fields reads a struct. Fields that its shape has not are skipped.
func (rd *BinaryReader) fields(s shape, v *values) {
	d := &rd.d
	var seen uint
	for last := int16(0); ; {
		at := d.offset()
		id, w := d.field(last)
		if w == wireStop {
			break
		}
		last = id
		if id < 1 || int(id) > len(s) {
			d.skip(w, 0)
			continue
		}
		f := &s[id-1]
		switch {
		case w != f.wire:
			_ = d.fail(at, nil, "expected %v for the %s, found %v", f.wire, f.name, w)
		case seen&(1<<id) != 0:
			_ = d.fail(at, nil, "expected the %s once, found it twice", f.name)
		case f.name == prefixedName:
			_ = d.fail(at, nil, "expected an IRI for the datatype, found a prefixed name (prefixes are not expanded)")
		case w == wireStruct:
			v.terms[id-1] = rd.term()
		default:
			v.texts[id-1] = text(d.text(f.name))
		}
		if seen |= 1 << id; d.err != nil {
			return
		}
	}
	for i := range s {
		if !s[i].optional && seen&(2<<i) == 0 {
			_ = d.fail(d.offset()-1, nil, "expected the %s, which is missing", s[i].name)
			return
		}
	}
}

// text makes a string of bytes that stay as they are for as long as the string is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
