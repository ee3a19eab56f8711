// Package difference finds what two sets of quads don't have in common, each of which is only read as a stream, in bounded memory.
package difference

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Stream hands over the quads of a set, in any order, and one more than once if it likes. They are valid until fn returns. It can be
// read again.
type Stream func(ctx context.Context, fn func(rdf.Quad) error) error

// DefaultHeld bounds the quads that are held unless told otherwise.
const DefaultHeld = 200_000

// ranges is the number of ranges of hashes that are compared at first.
const ranges = 1 << 16

// Of calls onlyLeft and onlyRight with what the other set doesn't have. It reads both once, and compares ranges of hashes by count
// and sum; where these differ it reads both again, for as many ranges at a time as have at most held quads on the left, or one (0:
// [DefaultHeld]). So what is equal costs one reading, and what is only on the right no memory. A quad that a stream hands over
// twice may be told twice. What is told is valid until the call returns.
func Of(ctx context.Context, left, right Stream, held int, onlyLeft, onlyRight func(rdf.Quad) error) error {
	if held <= 0 {
		held = DefaultHeld
	}
	var tables [2]table
	for i, side := range [...]Stream{left, right} {
		tables[i] = make(table, ranges)
		if err := side(ctx, tables[i].add); err != nil {
			return fmt.Errorf("%s: %w", sides[i], err)
		}
	}
	for from := 0; from < ranges; {
		chosen, to := choose(tables, from, held)
		from = to
		if len(chosen) == 0 {
			continue
		}
		if err := within(ctx, chosen, left, right, onlyLeft, onlyRight); err != nil {
			return err
		}
	}
	return nil
}

// sides name the streams in errors.
var sides = [...]string{"read the one side", "read the other side"}

// table has a sum for each range.
type table []sum

// sum is that of hashes, modulo 2^64 and 2^64, and how many there are.
type sum struct{ count, high, low uint64 }

func (t table) add(q rdf.Quad) error {
	h := hash(q)
	s := &t[rangeOf(h)]
	s.count++
	s.high += binary.BigEndian.Uint64(h[8:])
	s.low += binary.BigEndian.Uint64(h[16:])
	return nil
}

// hash is that of the quad's line.
func hash(q rdf.Quad) [sha256.Size]byte {
	line := make([]byte, 0, 256)
	for _, t := range [...]rdf.Term{q.S, q.P, q.O, q.G} {
		line = append(append(line, t.String()...), ' ')
	}
	return sha256.Sum256(line)
}

func rangeOf(h [sha256.Size]byte) int { return int(binary.BigEndian.Uint16(h[:])) }

// choose returns ranges from one on that differ, with at most so many quads on the left, and where to go on.
func choose(tables [2]table, from, held int) (chosen map[int]bool, next int) {
	chosen = map[int]bool{}
	for total := 0; from < ranges; from++ {
		if tables[0][from] == tables[1][from] {
			continue
		}
		if total += int(tables[0][from].count); total > held && len(chosen) > 0 {
			break
		}
		chosen[from] = true
	}
	return chosen, from
}

// within compares some ranges quad by quad.
func within(ctx context.Context, chosen map[int]bool, left, right Stream, onlyLeft, onlyRight func(rdf.Quad) error) error {
	both := map[rdf.Quad]bool{} // those of the left: whether the right has them
	err := left(ctx, func(q rdf.Quad) error {
		if chosen[rangeOf(hash(q))] {
			both[rdf.Quad{S: q.S.Clone(), P: q.P.Clone(), O: q.O.Clone(), G: q.G.Clone()}] = false
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", sides[0], err)
	}
	err = right(ctx, func(q rdf.Quad) error {
		if !chosen[rangeOf(hash(q))] {
			return nil
		}
		if _, has := both[q]; has {
			both[q] = true
			return nil
		}
		return onlyRight(q)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", sides[1], err)
	}
	for q, has := range both {
		if !has {
			if err := onlyLeft(q); err != nil {
				return err
			}
		}
	}
	return nil
}
