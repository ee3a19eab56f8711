package sse

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// event is one of a stream, as the HTML standard says (9.2.6): a name, data, and the id that was the last when it came.
type event struct {
	name, id string
	// own: the id came with the event, not with one before.
	own  bool
	data []byte
	// large: it has more data than are held.
	large bool
}

// parser reads a stream of events. It holds an event and a line, each within the bound.
type parser struct {
	r   *bufio.Reader
	max int // bytes of the data of an event
	// retry is told how long the server wants nobody to come back.
	retry func(time.Duration)

	line  []byte
	began bool // something was read
	skip  bool // a line feed belongs to the line end before it
	id    string
}

// names is room for the name of a field before its value.
const names = 16

// maxID bounds an id, in bytes: it is kept with each message, and goes into a header.
const maxID = 1 << 10

// errLongID: nothing can be told by such an id.
var errLongID = connector.GiveUpf("an event has an id of more than %d bytes; the server must make shorter ones", maxID)

// mark may stand at the beginning of a stream.
var mark = []byte("\xef\xbb\xbf")

// readLine reads a line, which ends with LF, CR, or both.
func (p *parser) readLine() error {
	p.line = p.line[:0]
	for {
		b, err := p.r.ReadByte()
		if err != nil {
			return err
		}
		skip := p.skip && b == '\n'
		p.skip = b == '\r'
		switch {
		case skip:
		case b == '\r' || b == '\n':
			if !p.began {
				p.line = bytes.TrimPrefix(p.line, mark)
			}
			p.began = true
			return nil
		case len(p.line) < p.max+names: // what is longer is too large as it is
			p.line = append(p.line, b)
		}
	}
}

// next reads an event that has data. What has none, and what isn't ended, is no event.
func (p *parser) next() (event, error) {
	var e event
	for begun := false; ; {
		if err := p.readLine(); err != nil {
			return event{}, err
		}
		if len(p.line) == 0 {
			if begun {
				e.id = p.id
				return e, nil
			}
			e = event{}
			continue
		}
		name, value, _ := bytes.Cut(p.line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			e.add(value, begun, p)
			begun = true
		case "event":
			e.name = string(value)
		case "id":
			if len(value) > maxID {
				return event{}, errLongID
			}
			if bytes.IndexByte(value, 0) < 0 {
				p.id, e.own = string(value), true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				p.retry(time.Duration(ms) * time.Millisecond)
			}
		}
	}
}

// add adds a line of data, as far as it is held.
func (e *event) add(value []byte, more bool, p *parser) {
	switch {
	case more && len(e.data) < p.max:
		e.data = append(e.data, '\n')
	case more:
		e.large = true
	}
	if room := p.max - len(e.data); len(value) > room {
		e.large = true
		value = value[:min(len(value), room)]
	}
	e.data = append(e.data, value...)
}

// newParser returns one that reads r.
func newParser(r io.Reader, limit int, retry func(time.Duration)) *parser {
	return &parser{r: bufio.NewReaderSize(r, 64<<10), max: limit, retry: retry}
}
