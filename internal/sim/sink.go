package sim

import (
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// sink follows the log of one shard, at one process after another, each time from the position where it stands. It must
// see every delta, in order, once.
type sink struct {
	w        *world
	shard    int
	position uint64
	next     int             // index of the next of the shard's points
	chain    *operator.Chain // of the reading under way
	reader   *reader
}

func (w *world) addSinks() {
	for s := range w.cfg.Shards {
		k := &sink{w: w, shard: s, next: 1}
		w.sinks = append(w.sinks, k)
		w.after(w.between(0, time.Second), k.open)
	}
}

// open begins to read, at any process; from time to time, and when the process ends, at another.
func (k *sink) open() {
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

// take checks what a sink sees against the records of the log.
func (k *sink) take(chain *operator.Chain, e engine.Entry) {
	if chain != k.chain {
		return // of a reading that has ended
	}
	s := k.w.check.shards[k.shard]
	if s.lost != nil {
		return
	}
	r, err := chain.Push(e.Seq, e.Payload)
	if err != nil {
		k.w.broken(ErrOwner, "a sink of shard %d reads: %v", k.shard, err)
		return
	}
	if r == nil {
		return
	}
	if k.next == len(s.points) || s.points[k.next].position != e.Seq || s.points[k.next].kind != r.Kind {
		k.w.broken(ErrDurable, "a sink of shard %d sees a %s at %d, which is not the next of the log", k.shard, r.Kind, e.Seq)
		return
	}
	k.position = e.Seq
	k.next++
}

// restless says what the sink has not seen yet, or nil.
func (k *sink) restless() error {
	s := k.w.check.shards[k.shard]
	if n := len(s.points); k.next < n && s.lost == nil {
		return fmt.Errorf("the sink of shard %d has seen %d of %d records", k.shard, k.next, n)
	}
	return nil
}
