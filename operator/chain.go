package operator

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
)

// Chain checks the records of one shard's log as they are read, in order, and joins the parts of large ones. The zero
// Chain with a Shard expects the log's first record; [Chain.Resume] makes one that begins anywhere. It is the one place
// that knows what a well-formed log is; owners, standbys, sinks and tests all read through it.
//
// This is what comes of each record in each state: before the first one, after a whole one, with a chain of parts that is open,
// before the first one after [Resume], with a chain open whose first parts were not pushed. A cell has the next state, "." where
// that is the same, and "+" where a whole record is returned; "damaged" and "inside" are errors, and "-" can't be.
//
//	input                   new      whole    open     resumed   headless
//	a later claim           whole +  . +      whole +  whole +   whole +
//	the newest claim        whole +  damaged  damaged  whole +   damaged
//	a whole record          damaged  . +      damaged  whole +   damaged
//	its first part          damaged  open     damaged  open      damaged
//	its next part           damaged  damaged  .        headless  .
//	its last part           damaged  damaged  whole +  inside    inside
//	a part after a gap      damaged  damaged  damaged  headless  damaged
//	of another writer       damaged  damaged  damaged  whole +   damaged
//	of another prev         damaged  damaged  damaged  whole +   damaged
//	of an earlier position  damaged  damaged  damaged  damaged   damaged
//	of another shard        damaged  damaged  damaged  damaged   damaged
type Chain struct {
	// Shard is the shard that every record must name.
	Shard int
	// Seq is the position of the last record pushed, Head its id, Owner the writer of the newest claim.
	Seq   uint64
	Head  string
	Owner Writer
	// Whole is the position of the last record that was whole, or the last part of a chain: a reader that begins after
	// it misses nothing. WholeID is its id.
	Whole   uint64
	WholeID string
	// DeltaHead is the id of the last whole delta: what optimistic senders call the head of the dataset.
	DeltaHead string

	resumed  bool // Head and Owner are not known before the next record
	parts    []*Record
	part     int  // number of the last part of the chain of parts that is open; 0: none is
	headless bool // the first parts of that chain were not pushed
}

// ErrInside is what [Chain.Push] returns for the last part of a transaction whose first part stands before the position
// at which the chain was resumed. The log is well; the position is not one at which a reader can begin.
var ErrInside = errors.New("the position is inside a transaction of several parts")

// Resume returns a chain that begins after position seq of a log whose earlier records its reader trusts. When seq turns
// out to be inside a transaction of several parts, Push says so with [ErrInside] when that closes; one that its owner
// never closed is left out, as by every reader.
func Resume(shard int, seq uint64) *Chain {
	return &Chain{Shard: shard, Seq: seq, Whole: seq, resumed: seq > 0}
}

// ResumeAt returns a chain that begins after the record at position seq, with its id as the head: what comes next must
// fit it. Whole is seq even when that is inside a transaction of several parts; then Push says so, as after [Resume].
func ResumeAt(shard int, seq uint64, payload []byte) (*Chain, error) {
	c := Resume(shard, seq)
	r, err := Decode(payload)
	if err == nil && r.Shard != shard {
		err = fmt.Errorf("%w: record is of shard %d", engine.ErrDamaged, r.Shard)
	}
	if err != nil {
		return nil, c.at(seq, err)
	}
	c.Head, c.Owner, c.resumed = r.ID, r.Writer, false
	c.WholeID = r.ID
	if r.Kind == Delta {
		c.DeltaHead = r.ID
	}
	if r.More {
		c.part, c.headless, c.DeltaHead = r.Part, true, ""
	}
	return c, nil
}

// Inside reports whether the chain was resumed inside a transaction of several parts that is still open.
func (c *Chain) Inside() bool { return c.headless }

// Push takes the next entry of the log. It returns the record if it is whole, or complete with this part, and nil if
// more parts must follow. An error wraps [engine.ErrDamaged] or [ErrInside]; the chain is then unchanged, and of no more use.
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
	headless := c.headless || c.resumed && r.Part > 1
	if headless && r.Part > 0 && !r.More {
		return nil, c.at(seq, ErrInside)
	}
	if r.Kind == Claim || c.resumed { // every record is written under the newest claim, so its writer is the owner
		c.Owner = r.Writer
	}
	c.Seq, c.Head, c.resumed = seq, r.ID, false
	if r.Kind == Claim {
		c.parts, c.part, headless = nil, 0, false // a chain that was never closed has no effect
	}
	c.headless = headless
	if r.Part > 0 {
		if c.part = r.Part; !headless {
			c.parts = append(c.parts, r)
		}
		if r.More {
			return nil, nil
		}
		r = join(c.parts)
		c.parts, c.part = nil, 0
	}
	c.Whole, c.WholeID = seq, r.ID
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
	want := c.part
	switch {
	case r.Kind == Claim && r.Part == 0:
	case c.resumed && r.Part > 1: // the parts before it stand before the position
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
