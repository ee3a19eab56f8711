package patch

import "bytes"

// SubjectRows is what a patch has of one subject.
type SubjectRows struct {
	// Subject is its key: an IRI without brackets, or _:label.
	Subject string
	// Rows are its rows in their order, as a transaction of their own.
	Rows []byte
}

// BySubject divides the rows of a patch, in the order in which its subjects come first. Prefixes and transactions are of no subject.
func BySubject(body []byte, opts ...Option) (list []SubjectRows, err error) {
	known := map[string]int{}
	for row, err := range Rows(body, opts...) {
		if err != nil {
			return nil, err
		}
		text := row.Quad.S.String()
		i, is := known[text]
		if !is {
			i = len(list)
			known[text], list = i, append(list, SubjectRows{Subject: row.Quad.S.Key(), Rows: AppendBegin(nil)})
		}
		if row.Deleted {
			list[i].Rows = AppendDelete(list[i].Rows, row.Quad)
		} else {
			list[i].Rows = AppendAdd(list[i].Rows, row.Quad)
		}
	}
	for i := range list {
		list[i].Rows = AppendCommit(list[i].Rows)
	}
	return list, nil
}

// Binary returns the binary form of a patch in text form.
func Binary(text []byte, opts ...Option) ([]byte, error) {
	var b bytes.Buffer
	w := NewBinaryWriter(&b)
	if err := Parse(text, w, opts...); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
