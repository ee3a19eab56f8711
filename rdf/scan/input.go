package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Bounds of what is read.
const (
	// DefaultTerm is the number of bytes that a term may have, written as N-Triples has it, unless the caller says otherwise.
	DefaultTerm = 64 << 20
	// MaxTerm is the highest bound of a term that can be set; a higher one is taken for it.
	MaxTerm = 1 << 30
	// maxLine keeps sums of bounds within an int.
	maxLine = math.MaxInt >> 1
	// lineTerms is how many terms a line has that a writer of this module makes, lineRest what it has besides.
	lineTerms, lineRest = 4, 64
)

// TermLimit is the bound of a term that is meant by one that was set: [DefaultTerm] by 0 or less.
func TermLimit(bytes int) int {
	if bytes <= 0 {
		return DefaultTerm
	}
	return min(bytes, MaxTerm)
}

// LineLimit is the bound of a line that is meant by one that was set. By 0 or less it is what four terms need that are
// within term, so that a line can be read whenever its terms can be.
func LineLimit(bytes, term int) int {
	if bytes > 0 {
		return min(bytes, maxLine)
	}
	return min(TermLimit(term), (maxLine-lineRest)/lineTerms)*lineTerms + lineRest
}

// readSize is the room that a read from the source is offered at least.
const readSize = 64 << 10

// Input cuts a document into windows that end at a line end. It bounds what must be held at once.
type Input struct {
	r       io.Reader // nil: buf is the whole document
	buf     []byte
	from    int // the window begins here
	to      int // and ends here
	have    int // bytes of buf that are filled
	limit   int
	max     int64 // bytes the document may have; 0: any
	total   int64
	readErr error
	begun   bool // what may stand before the document is left out
	divide  func(line []byte) int
	tryAt   int // the number of bytes without a line end at which divide is asked next
}

// divideSize is the number of bytes of a line from which on it is divided.
const divideSize = 4 * readSize

// DivideBy makes windows of long lines that do not end at a line end: fn is given the beginning of a line, which is not the
// whole, and returns how much of it may be a window; 0 for nothing. It is asked when a line has 256 KiB, or more than the
// bound, which is then one of what can't be divided.
func (in *Input) DivideBy(fn func(line []byte) int) { in.divide, in.tryAt = fn, divideSize }

// NewBytes returns the windows of a document in memory, which nobody may change meanwhile. limit bounds lines (see
// [LineLimit]), max the document (0 or less: no bound).
func NewBytes(document []byte, limit int, max int64) *Input {
	in := &Input{buf: document, have: len(document), limit: LineLimit(limit, 0), max: max, total: int64(len(document)),
		readErr: io.EOF}
	if hasMark(document) {
		in.from, in.to = len(byteOrderMark), len(byteOrderMark)
	}
	in.begun = true
	return in
}

// byteOrderMark may stand before a document, and is no part of it.
const byteOrderMark = "\uFEFF"

// hasMark reports whether a document begins with a byte order mark.
func hasMark(document []byte) bool { return hasPrefix(document, byteOrderMark) }

// NewReader returns the windows of what r gives. Its buffer grows to the longest line, at most to limit and a read of
// 64 KiB. The bounds are those of [NewBytes].
func NewReader(r io.Reader, limit int, max int64) *Input {
	return &Input{r: r, limit: LineLimit(limit, 0), max: max}
}

// begin leaves out a byte order mark. It reads until it is known whether there is one.
func (in *Input) begin() {
	for in.have < len(byteOrderMark) && in.readErr == nil && strings.HasPrefix(byteOrderMark, string(in.buf[:in.have])) {
		in.read()
	}
	if in.begun = true; hasMark(in.buf[:in.have]) {
		in.from, in.to = len(byteOrderMark), len(byteOrderMark)
	}
}

// Next returns the next window: what is left of the last one after its first taken bytes, and at least one line more.
// The last window of the document, with or without a line end, has last set; [Input.DivideBy] lets others end elsewhere. The window is valid until the next call.
// Errors: what the reader returned; [rdf.ErrTermLimit], wrapped, if a line (without its line end) is too long,
// [rdf.ErrLimit] if the document is.
func (in *Input) Next(taken int) (window []byte, last bool, err error) {
	if !in.begun {
		in.begin()
	}
	in.from += taken
	held := in.to - in.from // what was in the last window, and so holds no line end to cut at
	for searched := held; ; in.read() {
		if in.max > 0 && in.total > in.max {
			return nil, false, fmt.Errorf("document of more than %d bytes is %w", in.max, rdf.ErrLimit)
		}
		rest := in.buf[in.from:in.have]
		if errors.Is(in.readErr, io.EOF) && len(rest) <= in.limit {
			in.to = in.have
			return rest, true, nil
		}
		room := in.room(rest)
		if cut := in.lastLineEnd(rest, min(searched, room), room); cut > 0 {
			in.to = in.from + cut
			return rest[:cut], false, nil
		}
		if cut := in.divided(rest[:room], room > in.limit); cut > 0 {
			in.to = in.from + cut
			return rest[:cut], false, nil
		}
		if room > in.limit && (room < len(rest) || !in.pending(rest)) {
			return nil, false, fmt.Errorf("line of more than %d bytes, %w", in.limit, rdf.ErrTermLimit)
		}
		if in.readErr != nil {
			return nil, false, in.readErr
		}
		searched = max(held, room-1) // a CR at the end may be half of a line end
	}
}

// room returns how much of rest may go into a window: a line that fits ends there, with its line end.
func (in *Input) room(rest []byte) int {
	n := in.limit
	if len(rest) > n+1 && rest[n] == '\r' && rest[n+1] == '\n' {
		return n + 2
	}
	return min(len(rest), n+1)
}

// pending reports whether rest ends in a CR that a LF may still follow.
func (in *Input) pending(rest []byte) bool {
	return !errors.Is(in.readErr, io.EOF) && len(rest) > 0 && rest[len(rest)-1] == '\r'
}

// lastLineEnd returns the length of rest up to and with the last line end that stands between from and to, 0 if there
// is none.
func (in *Input) lastLineEnd(rest []byte, from, to int) int {
	if i := bytes.LastIndexByte(rest[from:to], '\n'); i >= 0 {
		return from + i + 1
	}
	if to == len(rest) && from < to && in.pending(rest) {
		to--
	}
	if i := bytes.LastIndexByte(rest[from:to], '\r'); i >= 0 {
		return from + i + 1
	}
	return 0
}

// divided returns how much of the beginning of a line may be a window, 0 for nothing. It is asked at twice the length each time,
// so that its work stays in proportion.
func (in *Input) divided(line []byte, must bool) int {
	if in.divide == nil || len(line) < in.tryAt && !must {
		return 0
	}
	if cut := in.divide(line); cut > 0 {
		in.tryAt = divideSize
		return cut
	}
	in.tryAt = 2 * len(line)
	return 0
}

// read makes room and reads once.
func (in *Input) read() {
	if in.from > 0 {
		in.have = copy(in.buf, in.buf[in.from:in.have])
		in.from, in.to = 0, 0
	}
	if in.have+readSize/2 > len(in.buf) && len(in.buf) < in.limit+1+readSize {
		grown := make([]byte, min(max(2*len(in.buf), 2*readSize), in.limit+1+readSize))
		copy(grown, in.buf[:in.have])
		in.buf = grown
	}
	for range 100 {
		n, err := in.r.Read(in.buf[in.have:])
		in.have += n
		in.total += int64(n)
		in.readErr = err
		if n > 0 || err != nil {
			return
		}
	}
	in.readErr = io.ErrNoProgress
}
