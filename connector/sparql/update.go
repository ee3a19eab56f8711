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

// again is the empty template, with the memory of this one.
func (t *template) again() template { return template{text: t.text[:0]} }

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
	if c.last().size() > 0 && c.last().size()+size > c.max {
		c.list = append(c.list, &change{})
	}
	of(c.last()).add(q)
	return nil
}

func (c *changes) last() *change { return c.list[len(c.list)-1] }

// maker makes changes of records. What it makes is valid until it makes the next, since it keeps the memory, unless that is a lot.
// It is used by one goroutine at a time.
type maker struct {
	blank patch.BlankPolicy
	max   int // bytes of a request's rows, unless there is one
	*memory
}

type memory struct {
	net    patch.Net
	bodies []byte
	first  change // the one that most lists consist of
}

// changes returns the net effect of records, cut into requests. effective says that each row is a real change of what the store
// has: then rows that undo each other are left out.
func (m *maker) changes(records []connector.Record, effective bool) ([]*change, error) {
	if m.memory == nil {
		m.memory = &memory{}
	}
	m.net.Effective, m.net.MaxBytes = effective, maxHeld
	m.first = change{deletes: m.first.deletes.again(), adds: m.first.adds.again()}
	c := changes{blank: m.blank, max: m.max, list: []*change{&m.first}} // the position goes on where nothing else does, too
	err := m.read(records)
	if err == nil {
		err = m.net.Emit(&c)
	}
	if err != nil {
		err = connector.GiveUpf("the records at positions %d to %d: %w", records[0].Position,
			records[len(records)-1].Position, err)
	}
	if err != nil || size(records) > m.max {
		m.memory = nil
	}
	return c.list, err
}

// read takes the records in, with one reader: to make one takes longer than to read a record of a few rows.
func (m *maker) read(records []connector.Record) error {
	bodies := records[0].Body
	if len(records) > 1 {
		m.bodies = m.bodies[:0]
		for i := range records {
			m.bodies = append(m.bodies, records[i].Body...)
		}
		bodies = m.bodies
	}
	err := patch.Parse(bodies, &m.net, patch.Trusted())
	if err == nil {
		return nil
	}
	for i := range records {
		if err := patch.Parse(records[i].Body, &patch.Counter{}, patch.Trusted()); err != nil {
			return fmt.Errorf("that at %d: %w", records[i].Position, err)
		}
	}
	return err
}

// size is the number of bytes of the records' bodies.
func size(records []connector.Record) (bytes int) {
	for i := range records {
		bytes += len(records[i].Body)
	}
	return bytes
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
