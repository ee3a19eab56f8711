// Package subjects divides deltas by subject.
package subjects

import "github.com/quadrille-stream/quadrille/patch"

// Part is what a delta has of one subject.
type Part struct {
	// Key is the subject: an IRI without brackets, or _:LABEL.
	Key []byte
	// Rows is its text: one transaction TX … TC.
	Rows []byte
}

// Of divides the rows of a delta, in the order in which the subjects come first. Each has its rows in their order. Prefixes are
// of no subject.
func Of(body []byte) (list []*Part, err error) {
	known := map[string]*Part{}
	for row, err := range patch.Rows(body, patch.Trusted()) {
		if err != nil {
			return nil, err
		}
		text := row.Quad.S.String()
		part := known[text]
		if part == nil {
			part = &Part{Key: []byte(row.Quad.S.Key()), Rows: patch.AppendBegin(nil)}
			known[text] = part
			list = append(list, part)
		}
		if row.Deleted {
			part.Rows = patch.AppendDelete(part.Rows, row.Quad)
		} else {
			part.Rows = patch.AppendAdd(part.Rows, row.Quad)
		}
	}
	for _, part := range list {
		part.Rows = patch.AppendCommit(part.Rows)
	}
	return list, nil
}
