package graph

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// The changes of an update that is tried are made where the shards are read: in a view here, or in that of a session elsewhere. The rows of
// one operation come in pieces, of which the last one has them made; the answer is those that were changes.

const (
	// maxTried bounds the bytes of rows that an update that is tried may come to, and that a session takes.
	maxTried = maxTransaction
	// changePiece is the number of bytes of rows in a request, or in a part of its answer.
	changePiece = request.MaxPart
)

// The byte before the rows of a piece.
const (
	moreComes byte = iota
	lastPiece
)

// change makes changes of a shard that only what reads it by p sees, and returns the rows that were changes. Nothing may read the shard
// meanwhile.
func (p *pinned) change(ctx context.Context, s int, rows []byte) (effective []byte, err error) {
	at := p.places[s]
	switch {
	case at.view != nil:
		view, effective, err := changed(at.view, rows, patch.Trusted())
		if err == nil {
			p.places[s] = place{view: view}
		}
		return effective, err
	case at.session == nil:
		return nil, fmt.Errorf("shard %d: the update doesn't reach it", s)
	}
	head := binary.AppendUvarint(append([]byte{askChange}, at.session.id...), uint64(s))
	for {
		piece, kind := rows, lastPiece
		if len(rows) > changePiece {
			piece, kind = rows[:changePiece], moreComes
		}
		rows = rows[len(piece):]
		content := append(append(head[:len(head):len(head)], kind), piece...)
		err := p.g.Ask(ctx, at.session.node, content, func(part []byte) error {
			effective = append(effective, part...)
			return nil
		})
		if err != nil || kind == lastPiece {
			return effective, p.failed(ctx, err)
		}
	}
}

// answerChange makes changes of a session's shard.
func (g *Graph) answerChange(content []byte, send func([]byte) error) error {
	id, s, rest, err := g.askedOf(content)
	if err != nil || len(rest) == 0 {
		return errOtherVersion
	}
	h := g.sessions.named(id)
	if h == nil {
		return errEnded
	}
	effective, err := h.change(s, rest[1:], rest[0] == lastPiece)
	for len(effective) > 0 && err == nil {
		part := effective[:min(len(effective), changePiece)]
		effective = effective[len(part):]
		err = send(part)
	}
	return err
}

// change takes rows, and makes the changes when the last have come.
func (h *held) change(s int, rows []byte, last bool) (effective []byte, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	view := h.views[s]
	if view == nil {
		return nil, errEnded
	}
	if h.taken+len(rows) > maxTried {
		return nil, &eval.BudgetError{Bound: "Memory", Limit: maxTried}
	}
	if err := h.pool.Take(int64(len(rows))); err != nil {
		return nil, err
	}
	h.taken += len(rows)
	if h.coming == nil {
		h.coming = map[int][]byte{}
	}
	h.coming[s] = append(h.coming[s], rows...)
	if !last {
		return nil, nil
	}
	rows = h.coming[s]
	delete(h.coming, s)
	next, effective, err := changed(view, rows)
	if err == nil {
		h.views[s] = next
	}
	return effective, err
}
