package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/operator"
)

// TestReadersWakeWithTheLoop: who waits for a position has it when the loop shows it, and not at the next look; who waits for one that is
// not to be has nothing.
func TestReadersWakeWithTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &loop{}
		n, got, begin := &Node{loops: []*loop{l}}, make(chan *view, 1), time.Now()
		show := func(v view) {
			synctest.Wait()
			l.view.Store(&v)
			l.shown.tell()
		}
		l.view.Store(&view{state: operator.Following, position: 1})
		go func() { got <- n.viewAt(t.Context(), 0, 3, time.Hour) }()
		show(view{state: operator.Following, position: 2})
		show(view{state: operator.Following, position: 4})
		if v := <-got; v == nil || v.position != 4 || time.Since(begin) > 0 {
			t.Errorf("%+v after %v, want position 4 at once", v, time.Since(begin))
		}
		go func() { got <- n.viewAt(t.Context(), 0, 5, time.Hour) }()
		show(view{state: operator.Halted, position: 4})
		if v := <-got; v != nil || time.Since(begin) > 0 {
			t.Errorf("%+v after %v of a shard that has halted", v, time.Since(begin))
		}
		l.view.Store(&view{state: operator.Owning, position: 4})
		if v := n.viewAt(t.Context(), 0, 5, time.Second); v != nil || time.Since(begin) != time.Second {
			t.Errorf("%+v after %v, want none after a second", v, time.Since(begin))
		}
	})
}
