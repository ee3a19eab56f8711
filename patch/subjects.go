package patch

import (
	"bytes"
	"strings"
)

// Subject is what a patch has of one subject.
type Subject struct {
	// Key is the subject as [rdf.Term.Key] has it: an IRI without brackets, or _:label.
	Key string
	// Rows are the rows about it, in their order, as one transaction TX … TC in text form.
	Rows []byte
}

// Subjects divides the rows of a patch in text form, which is trusted, by their subjects, in the order in which these come first.
// Prefixes are of no subject.
func Subjects(body []byte) (list []*Subject, err error) {
	known := map[string]*Subject{}
	for row, err := range Rows(body, Trusted()) {
		if err != nil {
			return nil, err
		}
		key := row.Quad.S.Key()
		s := known[key]
		if s == nil {
			s = &Subject{Key: strings.Clone(key), Rows: AppendBegin(nil)}
			known[s.Key] = s
			list = append(list, s)
		}
		if row.Deleted {
			s.Rows = AppendDelete(s.Rows, row.Quad)
		} else {
			s.Rows = AppendAdd(s.Rows, row.Quad)
		}
	}
	for _, s := range list {
		s.Rows = AppendCommit(s.Rows)
	}
	return list, nil
}

// Binary returns a patch in text form, which is trusted, in binary form.
func Binary(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w := NewBinaryWriter(&b)
	if err := Parse(text, w, Trusted()); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
