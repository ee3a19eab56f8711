package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// tally says what is in a document: statements of data, or rows of a patch.
type tally struct {
	*statementTally
	*rowTally
}

type statementTally struct {
	Statements uint64 `json:"statements"`
}

// rowTally counts rows, those of aborted transactions too.
type rowTally struct {
	Transactions uint64 `json:"transactions"`
	Aborted      uint64 `json:"aborted"` // of the transactions
	Adds         uint64 `json:"adds"`
	Deletes      uint64 `json:"deletes"`
	Prefixes     uint64 `json:"prefixes"`
	Headers      uint64 `json:"headers"`
}

func tallyStatements(n uint64) tally { return tally{statementTally: &statementTally{n}} }

func tallyRows(c *patch.Counter) tally {
	return tally{rowTally: &rowTally{Transactions: c.Begins, Aborted: c.Aborts, Adds: c.Adds, Deletes: c.Deletes,
		Prefixes: c.PrefixAdds + c.PrefixDeletes, Headers: c.Headers}}
}

func (t tally) String() string {
	if t.statementTally != nil {
		return terminal.Count(t.Statements, "statement")
	}
	parts := []string{terminal.Count(t.Transactions, "transaction")}
	if t.Aborted > 0 {
		parts[0] += fmt.Sprintf(" (%d aborted)", t.Aborted)
	}
	parts = append(parts, fmt.Sprintf("%d added", t.Adds), fmt.Sprintf("%d deleted", t.Deletes))
	if t.Prefixes > 0 {
		parts = append(parts, fmt.Sprintf("%d of prefixes", t.Prefixes))
	}
	if t.Headers > 0 {
		parts = append(parts, terminal.Count(t.Headers, "header"))
	}
	return strings.Join(parts, ", ")
}

// writeJSON writes a value as one line.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// counted counts the rows that add or delete something on their way.
type counted struct {
	patch.Change
	n *uint64
}

func (c counted) Add(q rdf.Quad) error {
	*c.n++
	return c.Change.Add(q)
}

func (c counted) Delete(q rdf.Quad) error {
	*c.n++
	return c.Change.Delete(q)
}
