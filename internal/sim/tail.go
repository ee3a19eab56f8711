package sim

import (
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// tail follows the log of one shard, at one process after another, each time from the position where it stands. It must
// see every delta, in order, once.
type tail struct {
	w        *world
	shard    int
	position uint64
	next     int             // index of the next of the shard's points
	chain    *operator.Chain // of the reading under way
	reader   *reader
}

func (w *world) addTails() {
	for s := range w.cfg.Shards {
		k := &tail{w: w, shard: s, next: 1}
		w.tails = append(w.tails, k)
		w.after(w.between(0, time.Second), k.open)
	}
}

// open begins to read, at any process; from time to time, and when the process ends, at another.
func (k *tail) open() {
	k.reader.stop()
	if p := k.w.some(); p != nil {
		chain := operator.Resume(k.shard, k.position)
		k.chain = chain
		k.reader = k.w.engine.shards[k.shard].follow(p, k.position+1, func(entries []engine.Entry) {
			for _, e := range entries {
				k.take(chain, e)
			}
		}, func(error) {})
	}
	k.w.after(k.w.between(500*time.Millisecond, 5*time.Second), k.open)
}

// take checks what a reader sees against the records of the log.
func (k *tail) take(chain *operator.Chain, e engine.Entry) {
	if chain != k.chain {
		return // of a reading that has ended
	}
	s := k.w.check.shards[k.shard]
	if s.lost != nil {
		return
	}
	r, err := chain.Push(e.Seq, e.Payload)
	if err != nil {
		k.w.broken(ErrOwner, "a reader of shard %d reads: %v", k.shard, err)
		return
	}
	if r == nil {
		return
	}
	if k.next == len(s.points) || s.points[k.next].position != e.Seq || s.points[k.next].kind != r.Kind {
		k.w.broken(ErrDurable, "a reader of shard %d sees a %s at %d, which is not the next of the log", k.shard, r.Kind, e.Seq)
		return
	}
	k.position = e.Seq
	k.next++
}

// restless says what the reader has not seen yet, or nil.
func (k *tail) restless() error {
	s := k.w.check.shards[k.shard]
	if n := len(s.points); k.next < n && s.lost == nil {
		return fmt.Errorf("the reader of shard %d has seen %d of %d records", k.shard, k.next, n)
	}
	return nil
}
