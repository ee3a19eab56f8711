// Package fragment is what nodes say to each other about parts of queries: requests for the rows of a fragment in one shard, with
// bindings to join it with, and blocks of rows. It is bytes on both sides; what is read is checked, since another node has written it.
//
// A block has a table of terms, so that a term is there once however many rows have it, and numbers, booleans, dates and times that
// have an inline id ([store.InlineID]) as they are:
//
//	block   = terms rows
//	terms   = count { term }
//	term    = 0 length text | back shared length text
//	rows    = count { [number] cell… }             number: of the binding that the row belongs to, if the block is numbered
//	cell    = 0 (not bound) | 1 id (8 bytes, little endian) | 2 + index of a term
//
// The text of a term is its canonical N-Triples form. It may begin as another one does, so many terms back: with as many bytes of that as
// are shared, before those that are there. Who writes takes the one before in the same column, since IRIs of one kind begin alike.
//
// Counts, lengths, numbers and cells are unsigned varints. Whoever reads a block knows how many cells a row has.
package fragment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
	"github.com/quadrille-stream/quadrille/store"
)

// The bounds of a block. One that is written is closed behind the row with which it gets there, so that it may be longer by a row.
const (
	// MaxRows is the number of rows.
	MaxRows = 4096
	// FullBlock is the number of bytes of a block that gets no more rows: with one row more it still goes over the wire in one piece.
	FullBlock = 60 << 10
	// maxBack and maxShared bound what a term says of another one, so that each is a byte; leastShared is what makes that worth it.
	maxBack, maxShared, leastShared = 127, 127, 4
	// maxExpanded bounds how much longer all terms of a block may be than what is there of them: [FullBlock] has room for 3 MB of that, and
	// another row, of at most [MaxSlots] terms, for 8 MB.
	maxExpanded = 16 << 20
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
	last  []entry // the newest term of each column
	terms []byte
	rows  []byte
	n     int
}

// entry is a term of the table.
type entry struct {
	text string // empty: there is none
	at   uint64 // its index
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
	for column, id := range row {
		switch {
		case id == store.Any:
			b.rows = append(b.rows, 0)
		case id.IsInline():
			b.rows = binary.LittleEndian.AppendUint64(append(b.rows, 1), uint64(id))
		default:
			at, err := b.term(column, id, term)
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
func (b *Block) term(column int, id store.ID, term func(store.ID) (rdf.Term, error)) (uint64, error) {
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
	for len(b.last) <= column {
		b.last = append(b.last, entry{})
	}
	b.appendTerm(t.String(), at, b.last[column])
	b.last[column] = entry{t.String(), at}
	return at, nil
}

// appendTerm appends a term to the table, which may begin as a former one does.
func (b *Block) appendTerm(text string, at uint64, like entry) {
	back, n := at-like.at, 0
	if back <= maxBack {
		n = shared(text, like.text)
	}
	if n < leastShared {
		b.terms = appendText(append(b.terms, 0), text)
		return
	}
	b.terms = appendText(append(b.terms, byte(back), byte(n)), text[n:])
}

// shared is with how many bytes both texts begin alike, if not more than may be said.
func shared(a, b string) (n int) {
	most := min(len(a), len(b), maxShared)
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// Take appends the block to dst and empties it.
func (b *Block) Take(dst []byte) []byte {
	dst = slices.Grow(dst, 2*binary.MaxVarintLen64+len(b.terms)+len(b.rows))
	dst = binary.AppendUvarint(dst, uint64(len(b.index)))
	dst = append(dst, b.terms...)
	dst = binary.AppendUvarint(dst, uint64(b.n))
	dst = append(dst, b.rows...)
	clear(b.index)
	clear(b.last)
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
	text  []byte // of the terms, one after the other
	ends  []int  // of the terms, there
	scan  *scan.Scanner
	cells []Cell
}

// Read reads a block and calls row for each of its rows, with cells that are valid until it returns. It returns the error of row, or an
// [ErrEncoding]; the rows before that have been given.
func (r *Reader) Read(block []byte, row func(number uint64, cells []Cell) error) error {
	r.in = input{block}
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
	r.Terms, r.text, r.ends = r.Terms[:0], r.text[:0], r.ends[:0]
	most := len(r.in.text) + maxExpanded
	n, err := r.in.count(len(r.in.text), "terms")
	if err != nil {
		return err
	}
	for range n {
		if err := r.readTerm(); err != nil {
			return err
		}
		if len(r.text) > most {
			return malformed("the terms have more than %d bytes", most)
		}
	}
	all, from := string(r.text), 0
	for _, end := range r.ends {
		r.Terms = append(r.Terms, rdf.Trusted(all[from:end]))
		from = end
	}
	return nil
}

// readTerm appends the text of the next term, and checks it.
func (r *Reader) readTerm() error {
	from := len(r.text)
	back, err := r.in.count(min(len(r.ends), maxBack), "terms back")
	if err != nil {
		return err
	}
	if back > 0 {
		like := r.textOf(len(r.ends) - back)
		n, err := r.in.count(len(like), "bytes of another term")
		if err != nil {
			return err
		}
		r.text = append(r.text, like[:n]...)
	}
	rest, err := r.in.bytes("a term")
	if err != nil {
		return err
	}
	r.text = append(r.text, rest...)
	r.ends = append(r.ends, len(r.text))
	return r.check(r.text[from:])
}

// textOf is the text of a term that was read.
func (r *Reader) textOf(i int) []byte {
	if i == 0 {
		return r.text[:r.ends[0]]
	}
	return r.text[r.ends[i-1]:r.ends[i]]
}

// check reports a text that isn't the one that a term has everywhere.
func (r *Reader) check(text []byte) error {
	if r.scan == nil {
		r.scan = scan.New(scan.NQuads, 0, scan.MaxTerm)
		r.scan.SetLanguageCase(true)
	}
	r.scan.Reset(text)
	if t := r.scan.Term("a term"); len(text) == 0 || t.String() != string(text) {
		return malformed("%.80q is no term in canonical form", text)
	}
	return nil
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
type input struct{ text []byte }

func (in *input) uvarint() (uint64, error) {
	n, size := binary.Uvarint(in.text)
	if size <= 0 {
		return 0, malformed("a number is cut off, or too large")
	}
	in.text = in.text[size:]
	return n, nil
}

// count reads a number that is at most so large.
func (in *input) count(most int, what string) (int, error) {
	n, err := in.uvarint()
	if err == nil && n > uint64(most) {
		err = malformed("%d %s, of at most %d", n, what, most)
	}
	return int(n), err
}

// bytes reads a length and as many bytes, which stay where they are.
func (in *input) bytes(what string) ([]byte, error) {
	n, err := in.count(len(in.text), "bytes of "+what)
	if err == nil && n > len(in.text) {
		err = malformed("%s is cut off", what)
	}
	if err != nil {
		return nil, err
	}
	text := in.text[:n]
	in.text = in.text[n:]
	return text, nil
}

func (in *input) fixed() (uint64, error) {
	if len(in.text) < 8 {
		return 0, malformed("a number of 8 bytes is cut off")
	}
	n := binary.LittleEndian.Uint64(in.text)
	in.text = in.text[8:]
	return n, nil
}

func (in *input) end() error {
	if len(in.text) > 0 {
		return malformed("%d bytes are left over", len(in.text))
	}
	return nil
}
