package graph

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// QueryLimits bound what queries take. The zero QueryLimits has the defaults.
type QueryLimits struct {
	// Concurrent is how many queries run at a time. Default 16.
	Concurrent int
	// Waiting is how many more wait for one to end, and Wait how long each does. Defaults 256 and 5 s.
	Waiting int
	Wait    time.Duration
	// Time bounds how long an answer takes, its writing among it. Default 1 min.
	Time time.Duration
	// Steps bounds the rows that a query makes and the quads that it looks at: in one shard, or in all that are read as one store. Default
	// [eval.DefaultSteps].
	Steps int64
	// Memory bounds the bytes that a query holds at a time, about. Default 128 MiB.
	Memory int64
	// Together bounds the bytes that all queries hold at a time, about: those asked here, with their texts, and what this node answers for
	// those of others. Beyond it one is refused as busy. Default 1 GiB, or Memory where that is more, and not less than that.
	Together int64
}

func (l *QueryLimits) setDefaults() error {
	l.Concurrent = cmp.Or(l.Concurrent, 16)
	l.Waiting = cmp.Or(l.Waiting, 256)
	l.Wait = cmp.Or(l.Wait, 5*time.Second)
	l.Time = cmp.Or(l.Time, time.Minute)
	l.Steps = cmp.Or(l.Steps, eval.DefaultSteps)
	l.Memory = cmp.Or(l.Memory, 128<<20)
	l.Together = cmp.Or(l.Together, max(l.Memory, 1<<30))
	if l.Concurrent < 0 || l.Waiting < 0 || l.Wait < 0 || l.Time < 0 || l.Steps < 0 || l.Memory < 0 {
		return fmt.Errorf("limits of queries: none may be less than 0: %+v", *l)
	}
	if l.Together < l.Memory {
		return fmt.Errorf("limits of queries: %d bytes for all together, expected %d, which one may hold, or more", l.Together, l.Memory)
	}
	return nil
}

// queries are those that have come and not ended.
type queries struct {
	QueryLimits
	memory  *eval.Pool
	come    chan struct{} // holds a value for each
	running chan struct{} // holds a value for each that runs
}

func newQueries(l QueryLimits) *queries {
	return &queries{QueryLimits: l, memory: eval.NewPool(l.Together), come: make(chan struct{}, l.Concurrent+l.Waiting), running: make(chan struct{}, l.Concurrent)}
}

// admit lets a query come, which leaves when it has ended. Before it runs it waits for ends of logs, which many share, and for a place.
func (q *queries) admit() (leave func(), err error) {
	select {
	case q.come <- struct{}{}:
		return func() { <-q.come }, nil
	default:
		return nil, fmt.Errorf("%w: %d queries run, and %d wait, which is the limit; try again", event.ErrBusy, q.Concurrent, q.Waiting)
	}
}

// run takes a place for a query, which the caller gives back by end.
func (q *queries) run(ctx context.Context) (end func(), err error) {
	end = func() { <-q.running }
	select {
	case q.running <- struct{}{}:
		return end, nil
	default:
	}
	patience := time.NewTimer(q.Wait)
	defer patience.Stop()
	select {
	case q.running <- struct{}{}:
		return end, nil
	case <-patience.C:
		return nil, fmt.Errorf("%w: %d queries run, which is the limit, and none has ended within %v; try again", event.ErrBusy, q.Concurrent, q.Wait)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
