package node

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/engine"
)

// slowLog is a log whose tail a test lets be read.
type slowLog struct {
	end   uint64 // of the log
	reads int
	let   chan struct{}
}

func (l *slowLog) read(ctx context.Context) (engine.Entry, error) {
	l.reads++
	e := engine.Entry{Seq: l.end} // as it is when the read begins: the oldest that an engine may give
	select {
	case <-l.let:
		return e, nil
	case <-ctx.Done():
		return engine.Entry{}, ctx.Err()
	}
}

// asking asks for the tail.
func (l *slowLog) asking(ctx context.Context, t *tails, n int) (got []uint64, errs []error, wait func()) {
	got, errs = make([]uint64, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			e, err := t.get(ctx, l.read)
			got[i], errs[i] = e.Seq, err
		})
	}
	synctest.Wait()
	return got, errs, all.Wait
}

// TestTailsAreShared: those who come while a tail is read share the next read, and none gets what was read of a log as it was before it came.
func TestTailsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared, l := newTails(), &slowLog{end: 1, let: make(chan struct{})}
		first, _, wait1 := l.asking(t.Context(), shared, 1)
		l.end = 2 // a record that those know of who ask from now on
		others, errs, wait2 := l.asking(t.Context(), shared, 50)
		close(l.let)
		wait1()
		wait2()
		if first[0] != 1 || l.reads != 2 {
			t.Errorf("%d reads for 51 who ask, of which 50 came during the first; that got %d", l.reads, first[0])
		}
		for i := range others {
			if others[i] != 2 || errs[i] != nil {
				t.Errorf("tail %d, %v: the log had a record 2 before it was asked for", others[i], errs[i])
			}
		}
	})
}

// TestTailIsReadForThoseWhoStay: who gives up while it reads for all leaves the others to read for themselves.
func TestTailIsReadForThoseWhoStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared, l := newTails(), &slowLog{end: 1, let: make(chan struct{})}
		impatient, giveUp := context.WithCancel(t.Context())
		shared.turn <- struct{}{} // so that all of them wait for one read
		_, gone, wait1 := l.asking(impatient, shared, 3)
		got, errs, wait2 := l.asking(t.Context(), shared, 3)
		<-shared.turn
		synctest.Wait()
		giveUp()
		synctest.Wait()
		close(l.let)
		wait1()
		wait2()
		for i := range got {
			if !errors.Is(gone[i], context.Canceled) {
				t.Errorf("who gave up got %v", gone[i])
			}
			if got[i] != 1 || errs[i] != nil {
				t.Errorf("who stayed got %d, %v", got[i], errs[i])
			}
		}
	})
}

// TestTailFailsForAll: an error of the engine is told to all who shared the read.
func TestTailFailsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared, reads := newTails(), 0
		shared.turn <- struct{}{}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				_, err := shared.get(t.Context(), func(context.Context) (engine.Entry, error) {
					reads++
					return engine.Entry{}, engine.ErrNoLeader
				})
				if !errors.Is(err, engine.ErrNoLeader) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		<-shared.turn
		all.Wait()
		if reads != 1 {
			t.Errorf("%d reads", reads)
		}
	})
}
