package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// ErrNoLetter: there is no dead letter at a place of a log.
var ErrNoLetter = errors.New("there is no dead letter")

// Letters returns the dead letters of a shard that are open, at the end of its log as it is at the call or later. The node looks at its
// own copy of the shard where that is as far, else it makes one. Errors are those of the engine.
func (n *Node) Letters(ctx context.Context, s int) (open operator.Letters, err error) {
	end, err := n.End(ctx, s)
	if err != nil {
		return open, err
	}
	if v := n.viewAt(ctx, s, end, localWait); v != nil {
		return v.letters, nil
	}
	err = n.withCopy(ctx, s, end, func(op *operator.Operator) error {
		open = op.Letters()
		return nil
	})
	return open, err
}

// letterSpan is how far apart letters may be, in positions, that are read together with what stands between.
const letterSpan = 64

// LetterHeads calls fn with the records of dead letters of a shard, whose positions grow: of each the last one of several, which lacks
// the payload of one that has several. Letters that are near each other are read together. Errors: [ErrNoLetter], those of the engine,
// and fn's.
func (n *Node) LetterHeads(ctx context.Context, s int, positions []uint64, fn func(Letter) error) error {
	for len(positions) > 0 {
		together := 1
		for together < len(positions) && positions[together]-positions[together-1] <= letterSpan {
			together++
		}
		if err := n.letterHeads(ctx, s, positions[:together], fn); err != nil {
			return err
		}
		positions = positions[together:]
	}
	return nil
}

// letterHeads reads a span once.
func (n *Node) letterHeads(ctx context.Context, s int, positions []uint64, fn func(Letter) error) error {
	next := 0
	last := positions[len(positions)-1]
	var failed error
	err := n.readLetters(ctx, s, positions[0], last, len(positions), func(position uint64, r *operator.Record) {
		if failed != nil || position != positions[next] {
			return
		}
		var l Letter
		if l, failed = headOf(s, position, r); failed == nil {
			failed = fn(l)
		}
		next++
	})
	switch {
	case failed != nil:
		return failed
	case err == nil && next < len(positions):
		return noLetter(s, positions[next])
	}
	return err
}

// headOf is what the last record of a dead letter says.
func headOf(s int, position uint64, r *operator.Record) (l Letter, err error) {
	if !endsLetter(r) {
		return l, noLetter(s, position)
	}
	l = letterOf(s, position, r)
	if l.Parts > 1 {
		at := r.Positions[0]
		l.Producer, l.Seq = at.Producer, at.Seq
		return l, nil
	}
	l.Letter, err = operator.DecodeLetter(r.Body)
	return l, err
}

func noLetter(s int, position uint64) error {
	return fmt.Errorf("%w at %d:%d", ErrNoLetter, s, position)
}

// endsLetter reports whether a record is a dead letter, or the last one of it.
func endsLetter(r *operator.Record) bool {
	return r != nil && r.Kind == operator.DeadLetter && !r.More && len(r.Positions) > 0
}

// Letter reads a dead letter, whole. Errors: [ErrNoLetter], and those of the engine.
func (n *Node) Letter(ctx context.Context, s int, position uint64) (Letter, error) {
	r, err := n.letterAt(ctx, s, position)
	if err != nil {
		return Letter{}, err
	}
	l := letterOf(s, position, r)
	body := r.Body
	if l.Parts > 1 {
		if body, err = n.joined(ctx, s, position, r.Part); err != nil {
			return l, err
		}
	}
	l.Letter, err = operator.DecodeLetter(body)
	return l, err
}

func letterOf(s int, position uint64, r *operator.Record) Letter {
	return Letter{Shard: s, Position: position, Time: r.Time, Reason: r.Reason, Parts: max(r.Part, 1)}
}

// letterAt reads the record at a position, which is to be a dead letter's last.
func (n *Node) letterAt(ctx context.Context, s int, position uint64) (r *operator.Record, err error) {
	err = n.readLetters(ctx, s, position, position, 1, func(_ uint64, found *operator.Record) { r = found })
	switch {
	case err != nil:
		return nil, err
	case !endsLetter(r):
		return nil, noLetter(s, position)
	}
	return r, nil
}

// readLetters hands over the records from one position up to another, of which so many are wanted.
func (n *Node) readLetters(ctx context.Context, s int, from, to uint64, wanted int, fn func(uint64, *operator.Record)) error {
	if s < 0 || s >= len(n.loops) || from == 0 {
		return noLetter(s, from)
	}
	return n.readSpan(engine.WithFew(ctx, wanted), s, from, to, fn)
}

// joined is the body of a letter of several parts, the last of which is at the position: at least as many records are before it.
func (n *Node) joined(ctx context.Context, s int, position uint64, parts int) ([]byte, error) {
	for back := uint64(parts); ; back *= 2 {
		from := position - min(back, position)
		var body []byte
		next := 1
		err := n.readSpan(ctx, s, from, position, func(_ uint64, r *operator.Record) {
			if r.Part == 1 {
				body, next = nil, 1
			}
			if r.Part == next {
				body, next = append(body, r.Body...), next+1
			}
		})
		switch {
		case err != nil:
			return nil, err
		case next == parts+1:
			return body, nil
		case from == 0:
			return nil, fmt.Errorf("shard %d, position %d: %w: the first parts are missing", s, position, engine.ErrDamaged)
		}
	}
}
