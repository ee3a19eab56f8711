// Package entry reads patches of the logs of others.
package entry

import (
	"bytes"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Entry is a patch of a log.
type Entry struct {
	// ID names the patch, Prev the one before it in its log: what the headers say, without brackets or quotes; "" if there are
	// none.
	ID, Prev string
	// Rows is the text of the patch without headers: those of another log's would guard it here.
	Rows []byte
}

// Of reads the text of a patch.
func Of(text []byte) (Entry, error) {
	var rows bytes.Buffer
	r := reader{Writer: patch.NewWriter(&rows)}
	if err := patch.Parse(text, &r); err != nil {
		return Entry{}, err
	}
	if err := r.Flush(); err != nil {
		return Entry{}, err
	}
	r.Rows = rows.Bytes()
	return r.Entry, nil
}

// reader leaves headers out.
type reader struct {
	*patch.Writer
	Entry
}

// Header implements [patch.Change].
func (r *reader) Header(name string, value rdf.Term) error {
	switch name {
	case patch.HeaderID:
		r.ID = value.Value()
	case patch.HeaderPrev:
		r.Prev = value.Value()
	}
	return nil
}

// Unguarded is a document without the headers of another log, if it is a patch in text form that can be read; else it is the
// document.
func Unguarded(mediaType string, document []byte) []byte {
	if mediaType != patch.MediaType || !bytes.Contains(document, []byte("H ")) {
		return document
	}
	e, err := Of(document)
	if err != nil { // who takes it in says so
		return document
	}
	return e.Rows
}
