package file

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"iter"
	"path/filepath"
	"strconv"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// advance passes over bytes of the content.
func (in *input) advance(n int) {
	in.lines += bytes.Count(in.buf[in.cut:in.cut+n], []byte("\n"))
	in.cut, in.tried = in.cut+n, 0
}

// message makes a message that ends where the content was cut.
func (in *input) message(body []byte, line int) *connector.Message {
	at := position{end: in.base + int64(in.cut), check: sumBefore(in.buf[:in.cut])}
	m := &connector.Message{Stream: in.stream(in.generation), Offset: at.offset(), MediaType: in.format.media, Vars: in.vars(line),
		Body: bytes.TrimRight(body, "\r\n")}
	switch {
	case in.format.headed:
		m.Body = append(bytes.Clone(in.first), m.Body...)
	case in.format.blank != "" && bytes.Contains(body, []byte("_:")):
		in.nameBlanks(m)
	}
	return m
}

// nameBlanks makes an RDF Patch of a statement with blank nodes: they are those of the whole file, and not of the message. What
// is no statement stays as it is.
func (in *input) nameBlanks(m *connector.Message) {
	var rows []byte
	source := rdfio.Source{BlankPrefix: fmt.Sprintf("q%x", sha256.Sum256([]byte(m.Stream)))[:21]}
	err := source.Statements(bytes.NewReader(m.Body), in.format.blank, func(q rdf.Quad) error {
		rows = patch.AppendAdd(rows, q)
		return nil
	})
	if err == nil {
		m.MediaType, m.Body = patch.MediaType, rows
	}
}

// vars is what a mapping can know: path, name and, of what is read by lines, line.
func (in *input) vars(line int) iter.Seq2[string, string] {
	path := in.path
	return func(yield func(string, string) bool) {
		if yield("path", path) && yield("name", filepath.Base(path)) && line > 0 {
			yield("line", strconv.Itoa(line))
		}
	}
}

// give hands a message over.
func (in *input) give(b *batch, m *connector.Message) {
	in.at, in.found = positionOf(m.Offset), true
	b.add(*m)
}

// passOver looks for the end of a message that is too large, and makes a dead letter of it.
func (in *input) passOver(last bool) *connector.Message {
	text := in.buf[in.cut:]
	n, found := bytes.IndexByte(text, '\n')+1, true
	if in.open {
		n, found = patch.EndOfTransaction(text[:bytes.LastIndexByte(text, '\n')+1])
	} else if n == 0 {
		n, found = len(text), false
	}
	if last && !found {
		n, found = len(text), true
	}
	in.advance(n)
	if !found {
		return nil
	}
	line, given := in.lines, in.given
	in.given, in.open = nil, false
	m := in.message(nil, line)
	m.Body = given
	m.Reason = fmt.Sprintf("it has more than %d bytes (max-message): the first of them are kept, and what follows it goes on",
		in.cfg.MaxMessage)
	return m
}
