package rounds

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// slow is something that grows, and whose reading a test lets end.
type slow struct {
	size   int
	wanted [][]int // of each reading
	let    chan struct{}
}

func newSlow() (*slow, *Rounds[int, int]) {
	s := &slow{size: 1, let: make(chan struct{})}
	return s, New(s.read)
}

func (s *slow) read(ctx context.Context, wanted []int) (int, error) {
	slices.Sort(wanted)
	s.wanted = append(s.wanted, wanted)
	size := s.size // as it is when the reading begins: the oldest that may be given
	select {
	case <-s.let:
		return size, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// asking has n ask, of whom each wants his number.
func asking(ctx context.Context, r *Rounds[int, int], n int) (got []int, errs []error, wait func()) {
	got, errs = make([]int, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { got[i], errs[i] = r.Get(ctx, i, 7) })
	}
	synctest.Wait()
	return got, errs, all.Wait
}

// TestReadingsAreShared: those who come while one reads share the next reading, which is for all that they want, and none gets what was
// read before it came.
func TestReadingsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newSlow()
		first, _, wait1 := asking(t.Context(), r, 1)
		s.size = 2 // which those know who ask from now on
		others, errs, wait2 := asking(t.Context(), r, 50)
		close(s.let)
		wait1()
		wait2()
		if first[0] != 1 || len(s.wanted) != 2 || !slices.Equal(s.wanted[0], []int{0, 7}) || len(s.wanted[1]) != 50 || s.wanted[1][49] != 49 {
			t.Errorf("51 ask, of whom 50 come during the first reading: %v is read for them; the first got %d", s.wanted, first[0])
		}
		for i := range others {
			if others[i] != 2 || errs[i] != nil {
				t.Errorf("%d, %v: it was 2 before it was asked for", others[i], errs[i])
			}
		}
	})
}

// TestWhoStaysReads: who gives up while he reads for all leaves the others to read for themselves.
func TestWhoStaysReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newSlow()
		impatient, giveUp := context.WithCancel(t.Context())
		r.turn <- struct{}{} // so that all of them wait for one reading
		_, gone, wait1 := asking(impatient, r, 3)
		got, errs, wait2 := asking(t.Context(), r, 3)
		<-r.turn
		synctest.Wait()
		giveUp()
		synctest.Wait()
		close(s.let)
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

// TestFailsForAll: an error is told to all who shared the reading, and the next one is another.
func TestFailsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why, readings := errors.New("why"), 0
		r := New(func(context.Context, []int) (int, error) {
			readings++
			return 0, why
		})
		r.turn <- struct{}{}
		_, errs, wait := asking(t.Context(), r, 10)
		<-r.turn
		wait()
		for _, err := range errs {
			if !errors.Is(err, why) {
				t.Error(err)
			}
		}
		if _, err := r.Get(t.Context(), 1); !errors.Is(err, why) || readings != 2 {
			t.Errorf("%d readings, then %v", readings, err)
		}
	})
}

// TestPanicIsOnesOwn: a reading that panics has no result for the others, who read for themselves.
func TestPanicIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readings := 0
		r := New(func(context.Context, []int) (int, error) {
			if readings++; readings == 1 {
				panic("why")
			}
			return readings, nil
		})
		r.turn <- struct{}{} // so that all of them wait for one reading
		results := make(chan int, 4)
		for range cap(results) {
			go func() {
				defer func() { _ = recover() }()
				result := -1
				defer func() { results <- result }()
				result, _ = r.Get(t.Context(), 1)
			}()
		}
		synctest.Wait()
		<-r.turn
		var got []int
		for range cap(results) {
			got = append(got, <-results)
		}
		if slices.Sort(got); got[0] != -1 || got[1] < 2 {
			t.Errorf("results %v: want one of a panic, and none of its reading", got)
		}
	})
}
