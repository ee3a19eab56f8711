package patch

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
)

// BinaryWriter is a [Change] that writes RDF Patch in binary form, as Apache Jena reads it. It writes through a buffer
// of 64 KiB, and refuses what [Writer] does; a row that it refuses leaves no trace. It is used by one goroutine at a
// time.
type BinaryWriter struct {
	w      io.Writer
	buf    []byte
	values bool
	err    error
}

var _ Change = (*BinaryWriter)(nil)

// BinaryOption changes how a [BinaryWriter] writes.
type BinaryOption func(*BinaryWriter)

// ValueForms writes literals of xsd:integer, xsd:double and xsd:decimal as numbers where 64 bits hold their value. That
// is shorter, but their lexical form is lost, and Apache Jena's reader of patches does not take it.
func ValueForms() BinaryOption { return func(w *BinaryWriter) { w.values = true } }

// NewBinaryWriter returns a writer to w. What was written is with w only after [BinaryWriter.Flush].
func NewBinaryWriter(w io.Writer, opts ...BinaryOption) *BinaryWriter {
	bw := &BinaryWriter{w: w}
	for _, opt := range opts {
		opt(bw)
	}
	return bw
}

// Flush hands everything to the underlying writer and returns its error, which stays.
func (w *BinaryWriter) Flush() error {
	if len(w.buf) > 0 && w.err == nil {
		var n int
		if n, w.err = w.w.Write(w.buf); w.err == nil && n < len(w.buf) {
			w.err = io.ErrShortWrite
		}
	}
	w.buf = w.buf[:0]
	return w.err
}

// end ends a row: the struct in it, and the row.
func (w *BinaryWriter) end() error {
	w.buf = append(w.buf, 0, 0)
	if w.err != nil || len(w.buf) >= writeSize {
		return w.Flush()
	}
	return nil
}

// field begins a field that is delta behind the last one of its struct. All that a patch has are short forms.
func (w *BinaryWriter) field(delta int, t wire) { w.buf = append(w.buf, byte(delta<<4)|byte(t)) }

func (w *BinaryWriter) stop() { w.buf = append(w.buf, 0) }

func (w *BinaryWriter) string(delta int, s string) {
	w.field(delta, wireBinary)
	w.buf = binary.AppendUvarint(w.buf, uint64(len(s)))
	w.buf = append(w.buf, s...)
}

func (w *BinaryWriter) integer(n int64) {
	w.buf = binary.AppendUvarint(w.buf, uint64(n<<1)^uint64(n>>63))
}

// Header writes a header. It refuses a name that is not valid UTF-8, and a zero value ([rdf.ErrInvalid]).
func (w *BinaryWriter) Header(name string, value rdf.Term) error {
	if err := checkHeader(name, value); err != nil {
		return err
	}
	w.field(rowHeader, wireStruct)
	w.string(1, name)
	w.term(value)
	return w.end()
}

func (w *BinaryWriter) txn(kind int64) error {
	w.field(rowTxn, wireI32)
	w.integer(kind)
	w.stop()
	if w.err != nil || len(w.buf) >= writeSize {
		return w.Flush()
	}
	return nil
}

// Begin writes TX.
func (w *BinaryWriter) Begin() error { return w.txn(txnBegin) }

// Commit writes TC.
func (w *BinaryWriter) Commit() error { return w.txn(txnCommit) }

// Abort writes TA.
func (w *BinaryWriter) Abort() error { return w.txn(txnAbort) }

// AddPrefix writes the addition of a prefix, and refuses what [Writer.AddPrefix] does.
func (w *BinaryWriter) AddPrefix(graph rdf.Term, prefix, iri string) error {
	if err := rdf.CheckIRI(iri); err != nil {
		return err
	}
	if err := checkPrefix(graph, prefix); err != nil {
		return err
	}
	w.prefix(rowPrefixAdd, graph, prefix)
	w.string(1, iri)
	return w.end()
}

// DeletePrefix writes the deletion of a prefix, and refuses what AddPrefix does.
func (w *BinaryWriter) DeletePrefix(graph rdf.Term, prefix string) error {
	if err := checkPrefix(graph, prefix); err != nil {
		return err
	}
	w.prefix(rowPrefixDelete, graph, prefix)
	return w.end()
}

func (w *BinaryWriter) prefix(row int, graph rdf.Term, prefix string) {
	w.field(row, wireStruct)
	delta := 2
	if !graph.IsZero() {
		w.term(graph)
		delta = 1
	}
	w.string(delta, prefix)
}

// Add writes an addition. It refuses a quad whose terms can't stand where they do ([rdf.Quad.Check]).
func (w *BinaryWriter) Add(q rdf.Quad) error { return w.quad(rowAdd, q) }

// Delete writes a deletion, and refuses what Add does.
func (w *BinaryWriter) Delete(q rdf.Quad) error { return w.quad(rowDelete, q) }

func (w *BinaryWriter) quad(row int, q rdf.Quad) error {
	if err := q.Check(); err != nil {
		return err
	}
	w.field(row, wireStruct)
	w.term(q.S)
	w.term(q.P)
	w.term(q.O)
	if !q.G.IsZero() {
		w.term(q.G)
	}
	return w.end()
}

// term writes the field after the last one, which is a term.
func (w *BinaryWriter) term(t rdf.Term) {
	w.field(1, wireStruct)
	switch t.Kind() {
	case rdf.KindIRI:
		w.field(termIRI, wireStruct)
		w.string(1, t.Value())
		w.stop()
	case rdf.KindBlank:
		w.field(termBlank, wireStruct)
		w.string(1, t.Value())
		w.stop()
	case rdf.KindTriple:
		parts, _ := t.Triple()
		w.field(termTriple, wireStruct)
		w.term(parts.S)
		w.term(parts.P)
		w.term(parts.O)
		w.stop()
	case rdf.KindLiteral:
		if !w.values || !w.value(t) {
			w.literal(t)
		}
	}
	w.stop()
}

func (w *BinaryWriter) literal(t rdf.Term) {
	w.field(termLiteral, wireStruct)
	w.string(literalLexical, t.Value())
	switch lang, direction := t.Lang(), t.Direction(); {
	case lang == "":
		if datatype := t.Datatype(); datatype != rdf.XSDString {
			w.string(literalDatatype-literalLexical, datatype)
		}
	case direction == rdf.NoDirection:
		w.string(literalLang-literalLexical, lang)
	default:
		w.string(literalLang-literalLexical, lang)
		w.string(literalDirection-literalLang, string(direction))
	}
	w.stop()
}

// value writes a number, if t is one that 64 bits hold.
func (w *BinaryWriter) value(t rdf.Term) bool {
	switch t.Datatype() {
	case rdf.XSDInteger:
		if n, ok := parseInteger(t.Value()); ok {
			w.field(termInteger, wireI64)
			w.integer(n)
			return true
		}
	case rdf.XSDDouble:
		if f, ok := parseDouble(t.Value()); ok {
			w.field(termDouble, wireDouble)
			w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(f))
			return true
		}
	case rdf.XSDDecimal:
		if n, scale, ok := parseDecimal(t.Value()); ok {
			w.field(termDecimal, wireStruct)
			w.field(1, wireI64)
			w.integer(n)
			w.field(1, wireI32)
			w.integer(int64(scale))
			w.stop()
			return true
		}
	}
	return false
}
