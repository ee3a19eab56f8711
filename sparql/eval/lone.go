package eval

import (
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// lone evaluates a pattern of one triple, without a plan. Its memory is used again.
type lone struct {
	node node
	sink sink
	out  output
	scan scan
	base []store.ID
	room []store.ID // of the rows
}

// run calls each for the solutions, which are rows of so many slots.
func (l *lone) run(x *exec, op *algebra.Pattern, width int, each func(row) error) error {
	x.width = width
	l.sink.each = each
	l.out = output{x: x, node: &l.node, next: &l.sink, b: block{width: width}}
	if n := firstRows * width; n <= len(l.room) {
		l.out.b.ids, l.out.cap = l.room[:n], firstRows
	}
	if err := l.scan.begin(x, op, &l.out); err != nil {
		return err
	}
	l.base = append(l.base[:0], make([]store.ID, width)...)
	if err := l.scan.join(l.base); err != nil {
		return err
	}
	return l.scan.flush()
}

// keptWidth is the number of slots for which the memory of rows is kept.
const keptWidth = 8

// release forgets what is not its own.
func (l *lone) release() {
	if l.out.cap == firstRows && l.out.b.width <= keptWidth && len(l.out.b.ids) > len(l.room) {
		l.room = l.out.b.ids
	}
	if len(l.scan.block) > firstRead {
		l.scan.block = nil
	}
	if cap(l.base) > keptWidth {
		l.base = nil
	}
	l.out, l.sink.each, l.scan.x, l.scan.row = output{}, nil, nil, nil
	l.scan.places = [4]place{}
}
