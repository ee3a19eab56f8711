package api

import (
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// rows collects the rows of a record's body that are asked for. Transactions of which nothing is left are left out.
type rows struct {
	patch.Ignore
	only          graph.Selection
	text          []byte // nil: there are none
	begun         bool   // the transaction under way has rows
	adds, deletes int
}

// selectRows reads the body, which an owner has written.
func selectRows(body []byte, only graph.Selection) (rows, error) {
	r := rows{only: only}
	err := patch.Parse(body, &r, patch.Trusted())
	return r, err
}

func (r *rows) Begin() error { r.begun = false; return nil }

func (r *rows) Commit() error {
	if r.begun {
		r.text = patch.AppendCommit(r.text)
	}
	return nil
}

func (r *rows) Add(q rdf.Quad) error {
	if r.only.Has(q) {
		r.text = patch.AppendAdd(r.started(), q)
		r.adds++
	}
	return nil
}

func (r *rows) Delete(q rdf.Quad) error {
	if r.only.Has(q) {
		r.text = patch.AppendDelete(r.started(), q)
		r.deletes++
	}
	return nil
}

// started returns the text with the transaction begun.
func (r *rows) started() []byte {
	if r.begun {
		return r.text
	}
	r.begun = true
	return patch.AppendBegin(r.text)
}
