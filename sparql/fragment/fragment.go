// Package fragment is what nodes say to each other about parts of queries: requests for the rows of a fragment in one shard, with
// bindings to join it with, and blocks of rows. It is bytes on both sides; what is read is checked, since another node has written it.
//
// A block has a table of terms, so that a term is there once however many rows have it, and numbers, booleans, dates and times that
// have an inline id ([store.InlineID]) as they are:
//
//	block   = terms rows
//	terms   = count { length text }                text: the canonical N-Triples form
//	rows    = count { [number] cell… }             number: of the binding that the row belongs to, if the block is numbered
//	cell    = 0 (not bound) | 1 id (8 bytes, little endian) | 2 + index of a term
//
// Counts, lengths, numbers and cells are unsigned varints. Whoever reads a block knows how many cells a row has.
package fragment

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
	"github.com/quadrille-stream/quadrille/store"
)

// The bounds of a block. One that is written is closed behind the row with which it gets there, so that it may be longer by a row.
const (
	// MaxRows is the number of rows.
	MaxRows = 4096
	// FullBlock is the number of bytes of a block that gets no more rows.
	FullBlock = 64 << 10
)

// ErrEncoding is in every error about bytes that are no request or no block of this version.
var ErrEncoding = errors.New("not the encoding of a fragment")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+"; are all nodes of one version?", append([]any{ErrEncoding}, args...)...)
}

// Block is a block that is being written. The zero Block is an empty one without numbers; it is used by one goroutine at a time.
type Block struct {
	// Numbered: each row has a number.
	Numbered bool

	index map[store.ID]uint64
	terms []byte
	rows  []byte
	n     int
}

// Rows is the number of rows so far.
func (b *Block) Rows() int { return b.n }

// Full reports whether the block should get no more rows.
func (b *Block) Full() bool { return b.n >= MaxRows || len(b.terms)+len(b.rows) >= FullBlock }

// Add puts a row in. Ids that are not inline are those of one reader, as long as the block is written; term is asked for the text of
// each once, and its error is returned. The number is that of the row's binding, of no consequence in a block without numbers.
func (b *Block) Add(number uint64, row []store.ID, term func(store.ID) (rdf.Term, error)) error {
	if b.Numbered {
		b.rows = binary.AppendUvarint(b.rows, number)
	}
	for _, id := range row {
		switch {
		case id == store.Any:
			b.rows = append(b.rows, 0)
		case id.IsInline():
			b.rows = binary.LittleEndian.AppendUint64(append(b.rows, 1), uint64(id))
		default:
			at, err := b.term(id, term)
			if err != nil {
				return err
			}
			b.rows = binary.AppendUvarint(b.rows, at+2)
		}
	}
	b.n++
	return nil
}

// term returns the index of a term in the table.
func (b *Block) term(id store.ID, term func(store.ID) (rdf.Term, error)) (uint64, error) {
	if at, ok := b.index[id]; ok {
		return at, nil
	}
	t, err := term(id)
	if err != nil {
		return 0, err
	}
	if b.index == nil {
		b.index = map[store.ID]uint64{}
	}
	at := uint64(len(b.index))
	b.index[id] = at
	b.terms = appendText(b.terms, t.String())
	return at, nil
}

// Take appends the block to dst and empties it.
func (b *Block) Take(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.index)))
	dst = append(dst, b.terms...)
	dst = binary.AppendUvarint(dst, uint64(b.n))
	dst = append(dst, b.rows...)
	clear(b.index)
	b.terms, b.rows, b.n = b.terms[:0], b.rows[:0], 0
	return dst
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// Cell is what a row that is read has in a column: nothing, an inline id, or a term of the block's table.
type Cell struct {
	// ID is an inline id, store.Any for a term and for nothing.
	ID store.ID
	// Term is the index of a term, -1 for the others.
	Term int
}

// Reader reads blocks. It is used by one goroutine at a time.
type Reader struct {
	// Width is the number of cells of a row; Numbered: each has a number, which is below Numbers.
	Width    int
	Numbered bool
	Numbers  uint64
	// Terms are those of the block that was read last. Their texts are in memory of the block's own.
	Terms []rdf.Term

	in    input
	raw   []byte // the block, which the scanner looks at
	scan  *scan.Scanner
	cells []Cell
}

// Read reads a block and calls row for each of its rows, with cells that are valid until it returns. It returns the error of row, or an
// [ErrEncoding]; the rows before that have been given.
func (r *Reader) Read(block []byte, row func(number uint64, cells []Cell) error) error {
	r.in, r.raw = input{text: string(block)}, block
	if err := r.readTerms(); err != nil {
		return err
	}
	rows, err := r.in.count(MaxRows, "rows")
	if err != nil {
		return err
	}
	r.cells = append(r.cells[:0], make([]Cell, r.Width)...)
	for range rows {
		number, err := r.row()
		if err == nil {
			err = row(number, r.cells)
		}
		if err != nil {
			return err
		}
	}
	return r.in.end()
}

func (r *Reader) readTerms() error {
	r.Terms = r.Terms[:0]
	n, err := r.in.count(len(r.in.text), "terms")
	if err != nil {
		return err
	}
	for range n {
		text, err := r.in.string("a term")
		if err != nil {
			return err
		}
		t, err := r.term(text)
		if err != nil {
			return err
		}
		r.Terms = append(r.Terms, t)
	}
	return nil
}

// term checks the term that was read last: its text must be the one that the term has everywhere.
func (r *Reader) term(text string) (rdf.Term, error) {
	if r.scan == nil {
		r.scan = scan.New(scan.NQuads, 0, scan.MaxTerm)
		r.scan.SetLanguageCase(true)
	}
	end := len(r.raw) - len(r.in.text)
	r.scan.Reset(r.raw[end-len(text) : end])
	t := r.scan.Term("a term")
	if t.String() != text || text == "" {
		return rdf.Term{}, malformed("%.80q is no term in canonical form", text)
	}
	return rdf.Trusted(text), nil
}

func (r *Reader) row() (number uint64, err error) {
	if r.Numbered {
		if number, err = r.in.uvarint(); err == nil && number >= r.Numbers {
			err = malformed("a row belongs to binding %d of %d", number, r.Numbers)
		}
		if err != nil {
			return 0, err
		}
	}
	for i := range r.cells {
		if r.cells[i], err = r.cell(); err != nil {
			return 0, err
		}
	}
	return number, nil
}

func (r *Reader) cell() (c Cell, err error) {
	n, err := r.in.uvarint()
	switch {
	case err != nil:
		return c, err
	case n == 0:
		return Cell{Term: -1}, nil
	case n == 1:
		id, err := r.in.fixed()
		if err == nil && !store.ID(id).IsInline() {
			err = malformed("%x is no inline id", id)
		}
		return Cell{ID: store.ID(id), Term: -1}, err
	case n-2 >= uint64(len(r.Terms)):
		return c, malformed("a cell has term %d of %d", n-2, len(r.Terms))
	}
	return Cell{Term: int(n - 2)}, nil
}

// input is bytes that are read from the beginning.
type input struct{ text string }

func (in *input) uvarint() (uint64, error) {
	var n uint64
	for i := 0; i < len(in.text) && i < binary.MaxVarintLen64; i++ {
		c := in.text[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			in.text = in.text[i+1:]
			return n, nil
		}
	}
	return 0, malformed("a number is cut off, or too large")
}

// count reads a number that is at most so large.
func (in *input) count(most int, what string) (int, error) {
	n, err := in.uvarint()
	if err == nil && n > uint64(most) {
		err = malformed("%d %s, of at most %d", n, what, most)
	}
	return int(n), err
}

func (in *input) string(what string) (string, error) {
	n, err := in.count(len(in.text), "bytes of "+what)
	if err == nil && n > len(in.text) {
		err = malformed("%s is cut off", what)
	}
	if err != nil {
		return "", err
	}
	text := in.text[:n]
	in.text = in.text[n:]
	return text, nil
}

func (in *input) fixed() (uint64, error) {
	if len(in.text) < 8 {
		return 0, malformed("a number of 8 bytes is cut off")
	}
	n := binary.LittleEndian.Uint64([]byte(in.text[:8]))
	in.text = in.text[8:]
	return n, nil
}

func (in *input) end() error {
	if in.text != "" {
		return malformed("%d bytes are left over", len(in.text))
	}
	return nil
}
