package eval

import (
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// row is a solution: the id of each slot, store.Any where it is not bound.
type row = []store.ID

// The rows of a block: few at first, so that whoever needs only some gets them soon, and fewer where rows are long.
const (
	firstRows = 16
	mostRows  = 1024
	mostIDs   = 1 << 14
)

// idsOfWork is how many ids of a row that are copied or compared count as a step of work.
const idsOfWork = 32

// block is rows behind each other. Who is pushed one may not keep it, and changes only slots that are his own.
type block struct {
	ids   []store.ID
	width int
	n     int
}

func (b *block) row(i int) row { return b.ids[i*b.width : (i+1)*b.width] }

// stage takes the rows of one operator. flush is called behind the last of them: the stage hands on all that it holds, flushes the
// next one, and is as it was at first.
type stage interface {
	push(b *block) error
	flush() error
}

// output gathers the rows that a stage makes.
type output struct {
	x    *exec
	node *node
	next stage
	b    block
	cap  int
}

// output returns the output of a stage.
func (x *exec) output(n *node, next stage) *output {
	o := &output{x: x, node: n, next: next, b: block{width: x.width}}
	x.stages = append(x.stages, o)
	return o
}

// add makes a row like another one.
func (o *output) add(from row) (row, error) {
	if o.b.n == o.cap {
		if err := o.drain(); err != nil {
			return nil, err
		}
		if err := o.grow(); err != nil {
			return nil, err
		}
	}
	o.b.n++
	r := o.b.row(o.b.n - 1)
	copy(r, from)
	return r, nil
}

// grow makes room for more rows than before.
func (o *output) grow() error {
	most := max(1, min(mostRows, mostIDs/max(1, o.b.width)))
	rows := min(most, max(firstRows, o.cap*8))
	if rows == o.cap {
		return nil
	}
	if err := o.x.hold(int64(rows-o.cap) * int64(o.b.width) * 8); err != nil {
		return err
	}
	o.cap = rows
	o.b.ids = make([]store.ID, rows*o.b.width)
	return nil
}

// drop takes the last row back.
func (o *output) drop() { o.b.n-- }

// drain hands on the rows that are held.
func (o *output) drain() error {
	n := o.b.n
	if n == 0 {
		return nil
	}
	o.node.rows += int64(n)
	err := o.x.step(n)
	if err == nil {
		err = o.x.work(n * o.b.width / idsOfWork)
	}
	if err != nil {
		return err
	}
	err = o.next.push(&o.b)
	o.b.n = 0
	return err
}

func (o *output) flush() error {
	if err := o.drain(); err != nil {
		return err
	}
	return o.next.flush()
}

// reset forgets the rows.
func (o *output) reset() { o.b.n = 0 }

// bind puts an id into a slot, or compares it with what is there.
func bind(r row, slot algebra.Slot, id store.ID) bool {
	if r[slot] == store.Any {
		r[slot] = id
		return true
	}
	return r[slot] == id
}

// merge puts the columns of another row into r; false if they don't agree.
func merge(r row, columns []algebra.Slot, from row) bool {
	for i, slot := range columns {
		if from[i] != store.Any && !bind(r, slot, from[i]) {
			return false
		}
	}
	return true
}

// sink is the end of a pipeline.
type sink struct{ each func(row) error }

func (s *sink) push(b *block) error {
	for i := range b.n {
		if err := s.each(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) flush() error { return nil }
