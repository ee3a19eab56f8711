package patch

import (
	"bytes"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// Piece is a part of a patch that can be taken in by itself: a whole transaction, or a row outside of one. It is text[Begin:End];
// headers, comments and white space before it are not in it.
type Piece struct {
	// Begin is the offset of its first byte, End that behind its last.
	Begin, End int
}

// Cut finds the first piece of a patch in text form, which is whole lines; last says that no more of them come. Where it cuts
// depends on the text alone, not on how much of it is there. found is false when the text ends before the piece does; open says
// that it ends within a transaction, so that only TX, TC or TA can end the piece.
//
// What is no patch is a piece, too: a row up to its line's end, a transaction up to the line that ends it or before the one that
// begins another, and without either, where no more comes, all that is left. Who reads the piece finds the mistake.
func Cut(text []byte, last bool) (p Piece, found, open bool) {
	c := cutting{last: last, rd: Reader{s: scan.New(scan.Patch, scan.DefaultDepth, scan.MaxTerm), o: options{trusted: true}}}
	c.rd.s.Continue(text)
	found = c.run(text)
	return c.piece, found, c.open
}

// cutting is a [Change] that notes where a piece begins and ends.
type cutting struct {
	Ignore
	rd    Reader
	last  bool
	piece Piece
	open  bool // within a transaction
	whole bool // the row that was read ends a piece
}

// run goes from row to row until a piece ends.
func (c *cutting) run(text []byte) bool {
	s := c.rd.s
	for s.Lines() {
		s.Begin(MaxRowLines)
		c.rd.begin = s.Mark()
		at := s.Offset()
		if !c.open {
			c.piece.Begin = at
		}
		n, err := c.rd.trustedRow(c)
		if n > 0 {
			s.SkipLine(n)
		} else {
			err = c.rd.row(c)
		}
		switch {
		case err != nil && s.CutOff() && !c.last:
			return false
		case err != nil:
			return c.mistake(text, at)
		case c.whole:
			c.piece.End = s.Offset()
			return true
		}
		s.End()
	}
	if c.open && c.last {
		c.piece.End = len(text)
		return true
	}
	return false
}

// mistake finds the end of a piece that is no patch; at is where the row with the mistake begins.
func (c *cutting) mistake(text []byte, at int) bool {
	if c.open {
		return c.endOfTransaction(text, at)
	}
	wrong := min(c.rd.s.Offset(), len(text))
	line := bytes.LastIndexByte(text[:wrong], '\n') + 1
	if line > at && len(bytes.TrimSpace(text[line:wrong])) == 0 { // the row has no dot, and this is the next one
		c.piece.End = line
		return true
	}
	c.piece.End = wrong + lineEnd(text[wrong:])
	return true
}

// lineEnd is the length of the text up to the end of its first line.
func lineEnd(text []byte) int {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return n + 1
	}
	return len(text)
}

// endOfTransaction looks from a row on for the line that ends its transaction.
func (c *cutting) endOfTransaction(text []byte, at int) bool {
	n, found := EndOfTransaction(text[at:])
	if c.piece.End = at + n; !found {
		c.piece.End = len(text)
	}
	return found || c.last
}

// EndOfTransaction finds where a transaction ends of which the beginning was given up: behind the first line of TC or TA, or
// before the first one of TX or TB. It looks at the beginnings of lines alone.
func EndOfTransaction(text []byte) (n int, found bool) {
	for n < len(text) {
		end := n + lineEnd(text[n:])
		code, _, _ := bytes.Cut(bytes.TrimLeft(text[n:end], " \t"), []byte(" "))
		switch string(bytes.TrimRight(code, ".\r\n\t")) {
		case "TC", "TA":
			return end, true
		case "TX", "TB":
			return n, true
		}
		n = end
	}
	return n, false
}

// Begin notes that a transaction is open.
func (c *cutting) Begin() error { c.open = true; return nil }

// Commit ends a piece.
func (c *cutting) Commit() error { c.whole = true; return nil }

// Abort ends a piece.
func (c *cutting) Abort() error { c.whole = true; return nil }

// AddPrefix is a row.
func (c *cutting) AddPrefix(rdf.Term, string, string) error { return c.row() }

// DeletePrefix is a row.
func (c *cutting) DeletePrefix(rdf.Term, string) error { return c.row() }

// Add is a row.
func (c *cutting) Add(rdf.Quad) error { return c.row() }

// Delete is a row.
func (c *cutting) Delete(rdf.Quad) error { return c.row() }

func (c *cutting) row() error {
	c.whole = !c.open
	return nil
}
