package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

// EndsByTails answers as the method Ends of an engine must by the tails of its logs: for engines of tests whose logs are not those of the one
// that they are made of.
func EndsByTails(ctx context.Context, e interface{ Shard(s int) engine.ShardLog }, shards []int) ([]uint64, []error) {
	ends, errs := make([]uint64, len(shards)), make([]error, len(shards))
	var all sync.WaitGroup
	for i, s := range shards {
		all.Go(func() {
			tail, err := e.Shard(s).Tail(ctx)
			ends[i], errs[i] = tail.Seq, err
		})
	}
	all.Wait()
	return ends, errs
}

// endsShards is how many logs those tests have.
const endsShards = 40

// ends: whoever appends, everybody sees at once where the logs end, those that are empty among them.
func (s suite) ends(t *testing.T) {
	ctx, engines := limited(t), s.open(t, 3, endsShards)
	want := map[int]uint64{}
	for shard := range endsShards {
		want[shard] = 0
	}
	check := func() {
		t.Helper()
		for _, e := range engines {
			checkEnds(ctx, t, e, want)
			checkEnds(ctx, t, e, map[int]uint64{7: want[7]})
		}
	}
	check()
	for i := range 30 {
		shard, e := i*i%endsShards, engines[i%len(engines)]
		want[shard] = add(ctx, t, e.Shard(shard), want[shard], noise(10_000, byte(i)))
		checkEnds(ctx, t, engines[(i+1)%len(engines)], map[int]uint64{shard: want[shard], 39: want[39]})
	}
	check()
	if err := engines[0].Shard(9).Trim(ctx, want[9]); err != nil {
		t.Fatal(err)
	}
	check()
	if ends, errs := engines[0].Ends(ctx, nil); len(ends) != 0 || len(errs) != 0 {
		t.Errorf("of no shards: %v, %v", ends, errs)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, errs := engines[0].Ends(ended, []int{0, 1})
	checkIs(t, "Ends", errs[0], context.Canceled)
	checkIs(t, "Ends", errs[1], context.Canceled)
}

// endsGrow: an end that anybody was told of, by an append that was confirmed, a reader or another end, is never followed by an earlier one.
func (s suite) endsGrow(t *testing.T) {
	ctx, engines := limited(t), s.open(t, 3, 2)
	const records = 60
	var told sharedEnd
	ask := func(e engine.Engine) error {
		least := told.get()
		ends, errs := e.Ends(ctx, []int{0, 1})
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if ends[0] < least {
			return fmt.Errorf("the end is %d, and somebody had been told of %d before it was asked for", ends[0], least)
		}
		told.raise(ends[0])
		return nil
	}
	done, problems := make(chan struct{}), make(chan error, 3*len(engines))
	var all sync.WaitGroup
	for _, e := range engines {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := ask(e); err != nil {
					problems <- err
					return
				}
			}
		})
		all.Go(func() {
			seen := 0
			err := e.Shard(0).Follow(ctx, 0, func(at engine.Entry) error {
				told.raise(at.Seq)
				if seen++; seen == records {
					return errEnough
				}
				return ask(e)
			})
			if !errors.Is(err, errEnough) {
				problems <- err
			}
		})
	}
	var tail uint64
	for i := range records {
		tail = add(ctx, t, engines[i%len(engines)].Shard(0), tail, fmt.Append(nil, i))
		told.raise(tail)
	}
	close(done)
	all.Wait()
	close(problems)
	for err := range problems {
		t.Error(err)
	}
}

// sharedEnd is the highest end that anybody was told of.
type sharedEnd struct {
	mu  sync.Mutex
	end uint64
}

func (e *sharedEnd) get() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.end
}

func (e *sharedEnd) raise(to uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.end = max(e.end, to)
}
