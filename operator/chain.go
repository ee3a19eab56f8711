package operator

import (
	"bytes"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
)

// Chain checks the records of one shard's log as they are read, in order, and joins the parts of large ones. The zero
// Chain with a Shard expects the log's first record; [Chain.Resume] makes one that begins anywhere. It is the one place
// that knows what a well-formed log is; owners, standbys, sinks and tests all read through it.
type Chain struct {
	// Shard is the shard that every record must name.
	Shard int
	// Seq is the position of the last record pushed, Head its id, Owner the writer of the newest claim.
	Seq   uint64
	Head  string
	Owner Writer
	// Whole is the position of the last record that was whole, or the last part of a chain: a reader that begins after
	// it misses nothing.
	Whole uint64
	// DeltaHead is the id of the last whole delta: what optimistic senders call the head of the dataset.
	DeltaHead string

	resumed bool // Head and Owner are not known before the next record
	parts   []*Record
}

// Resume returns a chain that begins after position seq of a log whose earlier records its reader trusts.
func Resume(shard int, seq uint64) *Chain {
	return &Chain{Shard: shard, Seq: seq, Whole: seq, resumed: seq > 0}
}

// Push takes the next entry of the log. It returns the record if it is whole, or complete with this part, and nil if
// more parts must follow. An error wraps [engine.ErrDamaged]; the chain is then unchanged, and of no more use.
func (c *Chain) Push(seq uint64, payload []byte) (*Record, error) {
	r, err := Decode(payload)
	if err != nil {
		return nil, c.at(seq, err)
	}
	return c.PushRecord(seq, r)
}

// PushRecord is Push for a record that is decoded already.
func (c *Chain) PushRecord(seq uint64, r *Record) (*Record, error) {
	if err := c.check(seq, r); err != nil {
		return nil, c.at(seq, err)
	}
	c.Seq, c.Head, c.resumed = seq, r.ID, false
	if r.Kind == Claim {
		c.Owner, c.parts = r.Writer, nil // a chain that was never closed has no effect
	}
	if r.Part > 0 {
		c.parts = append(c.parts, r)
		if r.More {
			return nil, nil
		}
		r = join(c.parts)
		c.parts = nil
	}
	c.Whole = seq
	if r.Kind == Delta {
		c.DeltaHead = r.ID
	}
	return r, nil
}

func (c *Chain) at(seq uint64, err error) error {
	return fmt.Errorf("shard %d, position %d: %w", c.Shard, seq, err)
}

func (c *Chain) check(seq uint64, r *Record) error {
	switch {
	case r.Shard != c.Shard:
		return fmt.Errorf("%w: record is of shard %d", engine.ErrDamaged, r.Shard)
	case seq <= c.Seq:
		return fmt.Errorf("%w: position %d came before", engine.ErrDamaged, c.Seq)
	case c.resumed:
		return c.checkPart(r)
	case r.Prev != c.Head:
		return fmt.Errorf("%w: prev is %q, but the record before is %q", engine.ErrDamaged, r.Prev, c.Head)
	case r.Kind == Claim && !r.Writer.Supersedes(c.Owner):
		return fmt.Errorf("%w: claim %+v after claim %+v", engine.ErrDamaged, r.Writer, c.Owner)
	case r.Kind != Claim && c.Owner != (Writer{}) && r.Writer != c.Owner:
		return fmt.Errorf("%w: record of %+v under claim %+v", engine.ErrDamaged, r.Writer, c.Owner)
	case r.Kind != Claim && c.Owner == (Writer{}) && r.Prev == "":
		return fmt.Errorf("%w: the log doesn't begin with a claim", engine.ErrDamaged)
	}
	return c.checkPart(r)
}

func (c *Chain) checkPart(r *Record) error {
	want := len(c.parts)
	switch {
	case r.Kind == Claim && r.Part == 0:
	case r.Part == 0 && want > 0:
		return fmt.Errorf("%w: a whole record after part %d of another", engine.ErrDamaged, want)
	case r.Part > 0 && r.Part != want+1:
		return fmt.Errorf("%w: part %d after part %d", engine.ErrDamaged, r.Part, want)
	}
	return nil
}

// join makes one record of the parts of a chain: the last, with the bodies of all.
func join(parts []*Record) *Record {
	whole := *parts[len(parts)-1]
	bodies := make([][]byte, len(parts))
	for i, p := range parts {
		bodies[i] = p.Body
	}
	whole.Prev, whole.Part = parts[0].Prev, 0
	whole.Body = bytes.Join(bodies, nil)
	return &whole
}
