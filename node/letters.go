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

// LetterHead reads the record of a dead letter, the last one of several: it lacks the payload of one that has several. Errors:
// [ErrNoLetter], and those of the engine.
func (n *Node) LetterHead(ctx context.Context, s int, position uint64) (Letter, error) {
	r, err := n.letterAt(ctx, s, position)
	if err != nil {
		return Letter{}, err
	}
	l := letterOf(s, position, r)
	if l.Parts > 1 {
		at := r.Positions[0]
		l.Producer, l.Seq = at.Producer, at.Seq
		return l, nil
	}
	l.Letter, err = operator.DecodeLetter(r.Body)
	return l, err
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
	none := fmt.Errorf("%w at %d:%d", ErrNoLetter, s, position)
	if s < 0 || s >= len(n.loops) || position == 0 {
		return nil, none
	}
	err = n.readSpan(ctx, s, position, position, func(found *operator.Record) { r = found })
	switch {
	case err != nil:
		return nil, err
	case r == nil || r.Kind != operator.DeadLetter || r.More || len(r.Positions) == 0:
		return nil, none
	}
	return r, nil
}

// joined is the body of a letter of several parts, the last of which is at the position: at least as many records are before it.
func (n *Node) joined(ctx context.Context, s int, position uint64, parts int) ([]byte, error) {
	for back := uint64(parts); ; back *= 2 {
		from := position - min(back, position)
		var body []byte
		next := 1
		err := n.readSpan(ctx, s, from, position, func(r *operator.Record) {
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
