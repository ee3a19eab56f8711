package dataset

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/scan"
	"github.com/quadrille-stream/quadrille/shard"
)

// Key says by what a change is routed: what has the same key is in one shard and keeps its order.
type Key string

// The keys.
const (
	// Subject routes by the subject: the default.
	Subject Key = "subject"
	// Graph routes by the graph's name; the default graph's is empty.
	Graph Key = "graph"
	// Dataset puts all in one shard, so that senders can use the "prev" header.
	Dataset Key = "dataset"
)

// Valid reports whether k is one of the keys.
func (k Key) Valid() bool { return k == Subject || k == Graph || k == Dataset }

// Of returns the routing key of a quad. It shares the quad's memory.
func (k Key) Of(q rdf.Quad) string {
	switch k {
	case Graph:
		return q.G.Key()
	case Dataset:
		return ""
	default:
		return q.S.Key()
	}
}

// Part is what falls in one shard: an RDF Patch of one or more whole transactions.
type Part struct {
	// Shard is the shard's number.
	Shard int
	// Payload is the text of the patch.
	Payload []byte
}

// Split is a document, divided by shard.
type Split struct {
	// Parts are in order: of the parts of one shard, the earlier was earlier in the document.
	Parts []Part
	// MediaType is that of the parts.
	MediaType string
	// Rows is the number of additions and deletions, as far as it is known: of what is evaluated on the state it isn't.
	Rows uint64
	// HasPrev says that the document has the header "prev", and Prev is its value. Wherever it stands, it guards the
	// whole document: each shard then has one part. An empty Prev says that nothing was ever committed.
	HasPrev bool
	Prev    string
	// Clears: there is a wildcard for all quads of a graph.
	Clears bool
}

// Need gives a shard that has no part one with an empty transaction, as what is asked whether its head is the right one.
func (s *Split) Need(shards []int) {
	for _, n := range shards {
		if !slices.ContainsFunc(s.Parts, func(p Part) bool { return p.Shard == n }) {
			s.Parts = append(s.Parts, Part{Shard: n, Payload: append(slices.Clone(beginRow), commitRow...)})
		}
	}
}

// Events are the events of the parts, without a producer.
func (s Split) Events() []event.Addressed {
	events := make([]event.Addressed, len(s.Parts))
	for i, part := range s.Parts {
		events[i].Shard = part.Shard
		events[i].MediaType, events[i].Payload = s.MediaType, part.Payload
		events[i].Checked = s.MediaType != UpdateMediaType // whose text is the sender's
		if s.HasPrev {                                     // there is one part
			events[i].Prev, events[i].First = s.Prev, s.Prev == ""
		}
	}
	return events
}

// Of are the events of the parts, all with the same identity: those of a document that was divided by [Splitter.Whole].
func (s Split) Of(from event.Producer, seq uint64) []event.Addressed {
	events := s.Events()
	for i := range events {
		events[i].Producer, events[i].Seq = from, seq
	}
	return events
}

// Splitter divides documents. Its zero value is not of use: Key and Shards must be set.
type Splitter struct {
	// Key says by what changes are routed, over so many Shards.
	Key    Key
	Shards int
	// PartSize is the size in bytes beyond which a part ends with its transaction. Default 128 KiB.
	PartSize int
	// MaxTransaction bounds what one transaction may put into one shard, in bytes. Default 64 MiB.
	MaxTransaction int
}

// Whole is a splitter that makes one part for each shard, however large: of a producer's events with the same sequence a second
// one in a shard would be taken for the first again.
func (s Splitter) Whole() Splitter {
	s.PartSize = math.MaxInt
	return s
}

// TransactionTooLargeError says that one transaction puts more into one shard than the bound allows.
type TransactionTooLargeError struct {
	// Shard is the shard's number, Limit the bound in bytes.
	Shard, Limit int
	// Guarded: it is the whole document, because of its header "prev".
	Guarded bool
}

// Error tells shard and bound.
func (e *TransactionTooLargeError) Error() string {
	if e.Guarded {
		return fmt.Sprintf("a document with the header prev is one transaction, and this one has more than %d bytes for "+
			"shard %d; send it in parts, each with the head that came back for the one before", e.Limit, e.Shard)
	}
	return fmt.Sprintf("a transaction has more than %d bytes for shard %d; split it into smaller ones", e.Limit, e.Shard)
}

// Patch divides an RDF Patch. Aborted transactions are left out; rows outside a transaction are one transaction. Two
// different values of the header "prev" are a syntax error. A document that has it commits whole or not at all, so
// MaxTransaction bounds what all of its transactions put into a shard.
func (s Splitter) Patch(doc []byte) (Split, error) { return s.patch(doc, s.newDivision(len(doc))) }

func (s Splitter) patch(doc []byte, d *division) (Split, error) {
	// A row that isn't written as it is committed may be longer.
	if err := patch.Parse(doc, d, patch.OnePrev(), patch.MaxRow(len(doc)+1), patch.MaxTerm(MaxRow)); err != nil {
		return Split{}, err
	}
	if err := d.Commit(); err != nil {
		return Split{}, err
	}
	split := d.done()
	if split.HasPrev {
		return split, s.join(&split)
	}
	return split, nil
}

// Replacement divides an RDF Patch with wildcards, see [patch.Replace]. One that stands for every subject of a graph goes to all shards that can
// have quads of it. One that stands for every graph is [patch.ErrWildcard] where the graph is the key: no shard has them all.
func (s Splitter) Replacement(doc []byte) (Split, error) {
	d := s.newDivision(len(doc))
	d.replaces = true
	split, err := s.patch(doc, d)
	split.MediaType = ReplaceMediaType
	if err != nil || s.Key != Graph || !bytes.Contains(doc, []byte(patch.Any.String())) {
		return split, err
	}
	for _, part := range split.Parts {
		for row, err := range patch.Rows(part.Payload, patch.Trusted()) {
			if err == nil && row.Quad.G == patch.Any {
				err = fmt.Errorf("%w: no shard has all graphs of %s, since the graph is the key", patch.ErrWildcard, row.Quad.S)
			}
			if err != nil {
				return Split{}, err
			}
		}
	}
	return split, nil
}

// join makes one part of those that a shard got before the header "prev" came. A document without rows has an empty
// transaction, so that its prev is looked at all the same.
func (s Splitter) join(split *Split) error {
	if len(split.Parts) == 0 {
		empty := append(slices.Clone(beginRow), commitRow...)
		split.Parts = []Part{{Shard: shard.Of(Dataset.Of(rdf.Quad{}), s.Shards), Payload: empty}}
	}
	var joined []Part
	at := map[int]int{} // shard → index in joined
	for _, part := range split.Parts {
		i, ok := at[part.Shard]
		if !ok {
			at[part.Shard] = len(joined)
			joined = append(joined, part)
			continue
		}
		joined[i].Payload = append(joined[i].Payload, part.Payload...)
	}
	split.Parts = joined
	limit := s.maxTransaction()
	for _, part := range joined {
		if len(part.Payload) > limit {
			return &TransactionTooLargeError{Shard: part.Shard, Limit: limit, Guarded: true}
		}
	}
	return nil
}

// MaxRow is the number of bytes that a change may have, as the row of RDF Patch that is committed, from its code to its dot: terms
// as N-Triples has them, blank nodes with the labels that they have here. What strangers send is bounded more closely than files of
// one's own. Every format is measured so, before anything is committed: what one node gives out, any other takes.
const MaxRow = 1 << 20

// checkRow returns an error, an [rdf.ErrTermLimit], if the row that was appended is over [MaxRow].
func checkRow(row []byte) error {
	const shown = 60
	if n := len(row) - len("\n"); n > MaxRow {
		return fmt.Errorf("a change has %d bytes as a row of RDF Patch, of at most %d (%w): it begins %q", n, MaxRow, rdf.ErrTermLimit,
			row[:shown])
	}
	return nil
}

func (s Splitter) maxTransaction() int { return cmp.Or(s.MaxTransaction, 64<<20) }

// Quads divides an N-Quads or N-Triples document, whose statements are additions, in one transaction. Blank nodes are
// the document's own: their labels are made from scope, the identity of the event, so that a retry makes the same.
func (s Splitter) Quads(doc []byte, scope string, opts ...nquads.Option) (Split, error) {
	return s.Statements(len(doc), scope, func(prefix string, add func(rdf.Quad) error) error {
		return nquads.Parse(doc, add, append(opts, nquads.BlankPrefix(prefix), nquads.MaxLine(len(doc)+1), nquads.MaxTerm(MaxRow))...)
	})
}

// Statements does what Quads does with a document of about so many bytes in any format. read reads it, checks its terms, puts
// the prefix before the label of each blank node, and calls add for each statement.
func (s Splitter) Statements(size int, scope string, read func(prefix string, add func(rdf.Quad) error) error) (Split, error) {
	d := s.newDivision(size)
	if err := read(blankPrefix(scope), d.Add); err != nil {
		return Split{}, err
	}
	if err := d.Commit(); err != nil {
		return Split{}, err
	}
	return d.done(), nil
}

// blankPrefix is what the labels of a document's blank nodes begin with.
func blankPrefix(scope string) string {
	hash := sha256.Sum256([]byte(scope))
	return "q" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash[:10]))
}

// Change divides quads to delete and then quads to add, in one transaction that is never cut: each shard has one part. Either
// may be nil. Blank nodes keep their labels. A quad that is none is [rdf.ErrInvalid]: its terms are looked at, whoever made them.
func (s Splitter) Change(deletes, adds iter.Seq[rdf.Quad]) (Split, error) {
	d := s.newDivision(0)
	c := checker{s: scan.New(scan.NQuads, 0, 0)}
	for _, rows := range []struct {
		name string
		of   iter.Seq[rdf.Quad]
		take func(rdf.Quad) error
	}{{"deletion", deletes, d.Delete}, {"addition", adds, d.Add}} {
		if rows.of == nil {
			continue
		}
		number := 0
		for q := range rows.of {
			number++
			if err := c.check(q); err != nil {
				return Split{}, fmt.Errorf("%s %d: %w", rows.name, number, err)
			}
			if err := rows.take(q); err != nil {
				return Split{}, err
			}
		}
	}
	err := d.Commit()
	return d.done(), err
}

// checker looks at the terms of quads that nobody has read from text.
type checker struct {
	s   *scan.Scanner
	buf []byte
}

// check reads the quad as N-Quads has it: it is one if that gives it again.
func (c *checker) check(q rdf.Quad) error {
	if err := q.Check(); err != nil {
		return err
	}
	c.buf = nquads.AppendQuad(c.buf[:0], q)
	c.s.Reset(c.buf)
	var again rdf.Quad
	if err := c.s.Quad(&again); err != nil {
		return fmt.Errorf("%w: %q: %w", rdf.ErrInvalid, c.buf, err)
	}
	if again != q || c.s.EndOfLine() != nil || c.s.Offset() != len(c.buf) {
		return fmt.Errorf("%w: %q: expected terms in canonical form, found %q", rdf.ErrInvalid, c.buf, nquads.AppendQuad(nil, again))
	}
	return nil
}

// division collects rows per shard; it is driven by a patch reader.
type division struct {
	patch.Ignore
	s       Splitter
	open    []open // per shard
	touched []int  // shards with rows of the transaction under way
	rowsTx  uint64
	split   Split
	room    int // for what a shard's next part is taken to have

	replaces bool // rows may have wildcards
}

// open is the part of one shard that is not full.
type open struct {
	buf   []byte
	begun int // len(buf) before the transaction under way; -1: it has no rows here
}

// newDivision begins the division of a document of about so many bytes.
func (s Splitter) newDivision(size int) *division {
	if s.PartSize == 0 {
		s.PartSize = 128 << 10
	}
	s.MaxTransaction = s.maxTransaction()
	d := &division{s: s, split: Split{MediaType: MediaType}, open: make([]open, s.Shards), room: leastRoom}
	d.room += min(size, s.PartSize, size/max(s.Shards, 1)*3/2) // subjects are spread evenly, but for chance
	for i := range d.open {
		d.open[i].begun = -1
	}
	return d
}

func (d *division) Header(name string, value rdf.Term) error {
	if name == "prev" {
		d.split.HasPrev, d.split.Prev = true, strings.Clone(value.Value())
		d.s.PartSize = math.MaxInt // spares most of the joining
	}
	return nil
}

// Begin ends the transaction that rows outside of TX … TC make, if there are any.
func (d *division) Begin() error { return d.Commit() }

// Commit ends the transaction under way. At the end of a document, too, that can but be one of rows outside of TX … TC: a reader
// takes no document that ends within another.
func (d *division) Commit() error {
	for _, shard := range d.touched {
		o := &d.open[shard]
		o.buf = append(o.buf, commitRow...)
		o.begun = -1
		if len(o.buf) >= d.s.PartSize {
			d.split.Parts = append(d.split.Parts, Part{Shard: shard, Payload: o.buf})
			o.buf = nil
		}
	}
	d.split.Rows += d.rowsTx
	d.touched, d.rowsTx = d.touched[:0], 0
	return nil
}

func (d *division) Abort() error {
	for _, shard := range d.touched {
		o := &d.open[shard]
		o.buf, o.begun = o.buf[:o.begun], -1
	}
	d.touched, d.rowsTx = d.touched[:0], 0
	return nil
}

func (d *division) Add(q rdf.Quad) error {
	shard := d.of(q)
	o := d.at(shard)
	before := len(o.buf)
	o.buf = patch.AppendAdd(o.buf, q)
	return d.bound(o, before, shard)
}

func (d *division) Delete(q rdf.Quad) error {
	if d.replaces && q.S == patch.Any {
		return d.clear(q)
	}
	return d.delete(q, d.of(q))
}

// clear deletes all quads of a graph.
func (d *division) clear(q rdf.Quad) error {
	if patch.MisplacedAny(q) {
		return patch.ErrWildcard
	}
	d.split.Clears = true
	if d.s.Key != Subject {
		return d.delete(q, d.of(q))
	}
	for shard := range d.s.Shards {
		if err := d.delete(q, shard); err != nil {
			return err
		}
	}
	return nil
}

func (d *division) delete(q rdf.Quad, shard int) error {
	o := d.at(shard)
	before := len(o.buf)
	o.buf = patch.AppendDelete(o.buf, q)
	return d.bound(o, before, shard)
}

// leastRoom is for what a part has besides the rows.
const leastRoom = 256

// of is the quad's shard.
func (d *division) of(q rdf.Quad) int { return shard.Of(d.s.Key.Of(q), d.s.Shards) }

// at returns the open part for a shard, with the transaction begun, for another row.
func (d *division) at(s int) *open {
	o := &d.open[s]
	if o.begun < 0 {
		if o.begun = len(o.buf); o.buf == nil {
			o.buf = make([]byte, 0, d.room)
		}
		o.buf = append(o.buf, beginRow...)
		d.touched = append(d.touched, s)
	}
	d.rowsTx++
	return o
}

// bound looks at the row that begins there, and at the transaction that it is in.
func (d *division) bound(o *open, row, shard int) error {
	if err := checkRow(o.buf[row:]); err != nil {
		return err
	}
	if len(o.buf)-o.begun > d.s.MaxTransaction {
		return &TransactionTooLargeError{Shard: shard, Limit: d.s.MaxTransaction}
	}
	return nil
}

func (d *division) done() Split {
	for shard := range d.open {
		if buf := d.open[shard].buf; len(buf) > 0 {
			d.split.Parts = append(d.split.Parts, Part{Shard: shard, Payload: buf})
		}
	}
	return d.split
}
