package sparql

import (
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// change is what one request deletes and adds, as the templates of an update.
type change struct {
	deletes, adds template
}

func (c *change) size() int { return len(c.deletes.text) + len(c.adds.text) }

// template is quad data. Rows that follow each other in one graph share its name.
type template struct {
	text  []byte
	graph rdf.Term // of the block that is open; zero: none is
}

// maxOverhead bounds what a row takes besides its terms.
const maxOverhead = len("GRAPH  {\n") + len("    .\n") + len("}\n")

func (t *template) add(q rdf.Quad) {
	if q.G != t.graph {
		t.end()
		if !q.G.IsZero() {
			t.text = append(append(append(t.text, "GRAPH "...), q.G.String()...), " {\n"...)
		}
		t.graph = q.G
	}
	for _, term := range [...]rdf.Term{q.S, q.P, q.O} {
		t.text = append(append(t.text, term.String()...), ' ')
	}
	t.text = append(t.text, ".\n"...)
}

// end closes the block.
func (t *template) end() {
	if !t.graph.IsZero() {
		t.text = append(t.text, "}\n"...)
	}
	t.graph = rdf.Term{}
}

// changes takes the net effect of records, and cuts it into requests.
type changes struct {
	patch.Counter // of what has no place in an update: prefixes, headers
	blank         patch.BlankPolicy
	max           int
	list          []*change
}

// Add takes a row.
func (c *changes) Add(q rdf.Quad) error {
	return c.row(q, func(to *change) *template { return &to.adds })
}

// Delete takes a row.
func (c *changes) Delete(q rdf.Quad) error {
	return c.row(q, func(to *change) *template { return &to.deletes })
}

func (c *changes) row(q rdf.Quad, of func(*change) *template) error {
	q, err := c.blank.Name(q)
	if err != nil {
		return err
	}
	if q.P.String() == at {
		return fmt.Errorf("the row about %s has the predicate %s, which is kept for positions", q.S, q.P)
	}
	size := len(q.S.String()) + len(q.P.String()) + len(q.O.String()) + len(q.G.String()) + maxOverhead
	if len(c.list) == 0 || c.last().size() > 0 && c.last().size()+size > c.max {
		c.list = append(c.list, &change{})
	}
	of(c.last()).add(q)
	return nil
}

func (c *changes) last() *change { return c.list[len(c.list)-1] }

// changesOf returns the net effect of records, cut into requests of at most so many bytes, or of one row. effective says that each
// row is a real change of what the store has: then rows that undo each other are left out.
func changesOf(records []connector.Record, effective bool, blank patch.BlankPolicy, most int) ([]*change, error) {
	net := patch.Net{Effective: effective, MaxBytes: maxHeld}
	for i := range records {
		if err := patch.Parse(records[i].Body, &net, patch.Trusted()); err != nil {
			return nil, connector.GiveUpf("the record at position %d: %w", records[i].Position, err)
		}
	}
	c := changes{blank: blank, max: most}
	if err := net.Emit(&c); err != nil {
		return nil, connector.GiveUpf("the records at positions %d to %d: %w", records[0].Position,
			records[len(records)-1].Position, err)
	}
	if len(c.list) == 0 { // the position goes on all the same
		c.list = []*change{{}}
	}
	return c.list, nil
}

// maxHeld bounds the terms of the records of one request, or of one record, in bytes.
const maxHeld = 256 << 20

// updateText is the request that makes a change and takes the position on, if the store has the literals of before, and else
// does nothing. It is one operation, so that it is atomic wherever an operation is.
func updateText(p place, before []string, next position, c *change) []byte {
	c.deletes.end()
	c.adds.end()
	after := p.rows([]string{next.String()})
	return slices.Concat([]byte("DELETE {\n"+p.rows(before)), c.deletes.text, []byte("}\nINSERT {\n"+after), c.adds.text,
		[]byte("}\nWHERE {\n"+p.guard(before)+"}\n"))
}
