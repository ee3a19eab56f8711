package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"

	"github.com/quadrille-stream/quadrille/rdf"
)

// The format of a snapshot, version 3:
//
//	snapshot = magic, content compressed as one Zstandard frame, SHA-256 of all bytes before it
//	content  = position, number of quads, extra, blocks, endBlock
//	extra    = (length of piece, piece)..., 0
//	block    = termBlock, number of terms, (length of text, text)...
//	         | quadBlock, number of quads, (subject, predicate, object, graph)...
//	object   = number of the term * 2 | inline id without its bit 62, * 2 + 1
//
// Numbers are unsigned varints. Terms are numbered from 1 in the order in which they come; an empty text stands for a
// number that is not used, and 0 for no term. A term comes before the quads that have it, and once. One that has an inline id is only
// there by that. The file ends with the checksum.
//
// Version 2 has no inline ids: an object is the number of its term.
const (
	magicName = "quadrille snapshot "
	magic     = magicName + "3\n"
	magic2    = magicName + "2\n"

	endBlock  = 0
	termBlock = 1
	quadBlock = 2

	// blockBytes is about the size of a block. A term that is larger makes it larger.
	blockBytes = 64 << 10
	// windowSize is how far back the compression looks, in bytes; maxWindow is what a reader puts up with.
	windowSize = 1 << 20
	maxWindow  = 8 << 20
)

// ErrDamaged is the error of a snapshot that is cut off, altered, or none.
var ErrDamaged = errors.New("damaged snapshot")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Dense is a [View] whose ids are hardly more than its terms, counted from 1. [WriteSnapshot] writes the content of such a
// view as it comes, however much there is.
type Dense interface {
	View
	// Terms yields the terms of the ids from 1 on, in this order and without gaps: for an id that nothing has it yields
	// the zero term. Terms that no quad has may be among them. An error is the last that it yields.
	Terms() iter.Seq2[rdf.Term, error]
}

// WriteSnapshot writes the content of the view, its position and what extra writes (nil: nothing), for [ReadSnapshot].
// The view's meta is not in it. It doesn't close the view. Of a [Dense] view it streams: it needs about 5 MiB of memory
// however large the store and extra are. Of another view it also keeps a number for each term. It starts no goroutine.
// Errors are those of w, of extra and of the view.
func WriteSnapshot(w io.Writer, view View, extra func(io.Writer) error) error {
	sum := &sumWriter{w: w, hash: sha256.New()}
	if _, err := io.WriteString(sum, magic); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	z, err := zstd.NewWriter(sum, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(windowSize), zstd.WithEncoderCRC(false))
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	s := snapshotWriter{z: z}
	s.head(view, extra)
	if d, ok := view.(Dense); ok {
		s.dense(d)
	} else {
		s.sparse(view)
	}
	s.end()
	if err := errors.Join(s.err, z.Close()); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if _, err := w.Write(sum.hash.Sum(nil)); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// sumWriter keeps the checksum of what goes through.
type sumWriter struct {
	w    io.Writer
	hash hash.Hash
}

func (s *sumWriter) Write(p []byte) (int, error) {
	s.hash.Write(p)
	return s.w.Write(p)
}

// block is a block in the making.
type block struct {
	items int
	body  []byte
}

// snapshotWriter writes the content. Its first error stays, and ends the writing.
type snapshotWriter struct {
	z            io.Writer
	terms, quads block
	buf          []byte
	err          error
}

func (s *snapshotWriter) write(p []byte) {
	if s.err == nil {
		_, s.err = s.z.Write(p)
	}
}

func (s *snapshotWriter) head(view View, extra func(io.Writer) error) {
	s.buf = binary.AppendUvarint(s.buf[:0], view.Position())
	s.buf = binary.AppendUvarint(s.buf, uint64(view.Len()))
	s.write(s.buf)
	if extra != nil && s.err == nil {
		pieces := bufio.NewWriterSize(pieceWriter{s}, blockBytes)
		err := extra(pieces)
		if err == nil {
			err = pieces.Flush()
		}
		if s.err == nil {
			s.err = err
		}
	}
	s.write([]byte{0})
}

// pieceWriter writes the pieces of extra.
type pieceWriter struct{ s *snapshotWriter }

func (p pieceWriter) Write(b []byte) (int, error) {
	if len(b) > 0 { // an empty piece would be the end
		p.s.buf = binary.AppendUvarint(p.s.buf[:0], uint64(len(b)))
		p.s.write(p.s.buf)
		p.s.write(b)
	}
	return len(b), p.s.err
}

func (s *snapshotWriter) end() {
	s.flush(termBlock, &s.terms)
	s.flush(quadBlock, &s.quads)
	s.write([]byte{endBlock})
}

func (s *snapshotWriter) flush(kind byte, b *block) {
	if b.items == 0 {
		return
	}
	s.buf = binary.AppendUvarint(append(s.buf[:0], kind), uint64(b.items))
	s.write(s.buf)
	s.write(b.body)
	b.items, b.body = 0, b.body[:0]
}

func (s *snapshotWriter) term(text string) {
	s.terms.body = append(binary.AppendUvarint(s.terms.body, uint64(len(text))), text...)
	if s.terms.items++; len(s.terms.body) >= blockBytes {
		s.flush(termBlock, &s.terms)
	}
}

// quad writes a quad by the numbers of its terms, or an object by its inline id.
func (s *snapshotWriter) quad(subject, predicate, object, graph uint64) {
	if ID(object).IsInline() {
		object = uint64(ID(object)&^inlineBit)*2 + 1
	} else {
		object *= 2
	}
	b := binary.AppendUvarint(s.quads.body, subject)
	b = binary.AppendUvarint(b, predicate)
	b = binary.AppendUvarint(b, object)
	s.quads.body = binary.AppendUvarint(b, graph)
	if s.quads.items++; len(s.quads.body) >= blockBytes {
		s.flush(termBlock, &s.terms) // which the quads may have
		s.flush(quadBlock, &s.quads)
	}
}

// failed notes the first error and reports whether there is one.
func (s *snapshotWriter) failed(err error) bool {
	if s.err == nil {
		s.err = err
	}
	return s.err != nil
}

// dense writes the terms and then the quads, by the ids that they have.
func (s *snapshotWriter) dense(v Dense) {
	for term, err := range v.Terms() {
		if s.failed(err) {
			return
		}
		s.term(term.String())
	}
	for q, err := range v.Match(Pattern{}) {
		if s.failed(err) {
			return
		}
		s.quad(uint64(q.S&^DefaultGraph), uint64(q.P&^DefaultGraph), uint64(q.O&^DefaultGraph), uint64(q.G&^DefaultGraph))
	}
}

// sparse writes each term before the first quad that has it, with a number of its own.
func (s *snapshotWriter) sparse(v View) {
	numbers := map[ID]uint64{DefaultGraph: 0}
	number := func(id ID) uint64 {
		if id.IsInline() {
			return uint64(id)
		}
		n, known := numbers[id]
		if !known {
			n = uint64(len(numbers))
			numbers[id] = n
			term, err := v.Term(id)
			s.failed(err)
			s.term(term.String())
		}
		return n
	}
	for q, err := range v.Match(Pattern{}) {
		if s.failed(err) {
			return
		}
		s.quad(number(q.S), number(q.P), number(q.O), number(q.G))
	}
}
