package scan

import (
	"bytes"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/rdf"
)

// DefaultLimit is the number of bytes that a line, and a statement, may have unless the caller says otherwise.
const DefaultLimit = 1 << 20

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
}

// NewBytes returns the windows of a document in memory, which nobody may change meanwhile. limit bounds lines and
// statements (0: [DefaultLimit]), max the document (0: no bound).
func NewBytes(document []byte, limit int, max int64) *Input {
	return &Input{buf: document, have: len(document), limit: orDefault(limit), max: max, total: int64(len(document)),
		readErr: io.EOF}
}

// NewReader returns the windows of what r gives. Its buffer grows to the longest line, at most to limit.
func NewReader(r io.Reader, limit int, max int64) *Input {
	return &Input{r: r, limit: orDefault(limit), max: max}
}

func orDefault(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return limit
}

// Next returns the next window: what is left of the last one after its first taken bytes, and at least one line more.
// The last window of the document, with or without a line end, has last set. The window is valid until the next call.
// Errors: what the reader returned; [rdf.ErrLimit], wrapped, if a line or statement or the document is too long.
func (in *Input) Next(taken int) (window []byte, last bool, err error) {
	in.from += taken
	held := in.to - in.from // what was in the last window, and so holds no line end to cut at
	if in.max > 0 && in.total > in.max {
		return nil, false, fmt.Errorf("document of more than %d bytes is %w", in.max, rdf.ErrLimit)
	}
	for searched := held; ; in.read() {
		rest := in.buf[in.from:in.have]
		if in.readErr == io.EOF && len(rest) <= in.limit {
			in.to = in.have
			return rest, true, nil
		}
		room := min(len(rest), in.limit+1) // a line that fits ends here, with its line end
		if cut := lastLineEnd(rest[min(searched, room):room]); cut > 0 {
			in.to = in.from + searched + cut
			return rest[:searched+cut], false, nil
		}
		if room > in.limit {
			return nil, false, fmt.Errorf("line or statement of more than %d bytes is %w", in.limit, rdf.ErrLimit)
		}
		if in.readErr != nil {
			return nil, false, in.readErr
		}
		searched = max(held, room-1) // a CR at the end may be half of a line end
	}
}

// lastLineEnd returns the length of b up to and with its last line end, 0 if there is none. A CR at the very end does
// not count: a LF may follow.
func lastLineEnd(b []byte) int {
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	if len(b) > 1 {
		return bytes.LastIndexByte(b[:len(b)-1], '\r') + 1
	}
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
