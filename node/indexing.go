package node

import (
	"context"
	"sync"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// makers bounds how many indexes are made at a time: each takes a processor, and memory besides what it leaves.
const makers = 2

// indexing are the indexes of shards' states that are being made because somebody looks for entries. One that was begun is made to
// its end, whoever waits for it: else those with little time would begin it again and again.
type indexing struct {
	places chan struct{} // holds a value for each that is being made

	mu    sync.Mutex // guards what follows
	under map[int]*making
	ended bool
	all   sync.WaitGroup
}

// making is the index of one shard's state, until done is closed.
type making struct{ done chan struct{} }

func newIndexing() *indexing {
	return &indexing{places: make(chan struct{}, makers), under: map[int]*making{}}
}

// begin has the index of a shard made, unless that is under way, until life ends. It returns nil when the node has ended.
func (x *indexing) begin(life context.Context, s int, index func(context.Context) error) *making {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended || life.Err() != nil {
		return nil
	}
	if m := x.under[s]; m != nil {
		return m
	}
	m := &making{done: make(chan struct{})}
	x.under[s] = m
	x.all.Go(func() {
		defer x.finish(s, m)
		select {
		case x.places <- struct{}{}:
			defer func() { <-x.places }()
			_ = index(life) // its only error is that of life
		case <-life.Done():
		}
	})
	return m
}

func (x *indexing) finish(s int, m *making) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.under, s)
	close(m.done)
}

// end waits for those that are under way, after their life has ended, and lets no other begin.
func (x *indexing) end() {
	x.mu.Lock()
	x.ended = true
	x.mu.Unlock()
	x.all.Wait()
}

// IndexedViewAt is ViewAt for who looks for entries by what is known of them: the state gets an index when this is asked for the
// first time, and keeps it. That is made while the shard goes on. With wait it is waited for, until ctx ends; without, the view is of what there is.
// A node that is about to stop makes none: the error is [event.ErrStopped] then.
func (n *Node) IndexedViewAt(ctx context.Context, s int, position uint64, wait bool) (operator.View, engine.Mark, error) {
	for {
		viewer, err := n.viewerAt(ctx, s, position)
		if err != nil {
			return nil, engine.Mark{}, err
		}
		index := viewer.Indexing()
		if index == nil {
			return n.ViewAt(ctx, s, position)
		}
		m := n.indexing.begin(n.life, s, index)
		switch {
		case m == nil:
			return nil, engine.Mark{}, event.ErrStopped
		case !wait:
			return n.ViewAt(ctx, s, position)
		}
		select {
		case <-m.done:
		case <-ctx.Done():
			return nil, engine.Mark{}, ctx.Err()
		}
	}
}

// viewerAt returns the logic of whose state ViewAt would give a view now.
func (n *Node) viewerAt(ctx context.Context, s int, position uint64) (viewer operator.Viewer, err error) {
	known, viewer, err := n.shown(ctx, s, position)
	if known != nil || err != nil {
		return viewer, err
	}
	err = n.withCopy(ctx, s, position, func(op *operator.Operator) (err error) {
		viewer, err = viewerOf(op.Logic())
		return err
	})
	return viewer, err
}

// makeIndex has the index of the shard's state made, for the events to come.
func (l *loop) makeIndex() {
	viewer, err := viewerOf(l.op.Logic())
	if err != nil {
		return
	}
	if index := viewer.Indexing(); index != nil {
		l.n.indexing.begin(l.n.life, l.shard, index)
	}
}
