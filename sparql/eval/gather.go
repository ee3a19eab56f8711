package eval

import (
	"context"
	"sync"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// mostAsked is the number of shards that are asked at a time for one fragment.
const mostAsked = 16

// asked is a request to a shard.
type asked struct {
	shard   int
	request []byte
}

// gather asks shards at the same time, and calls each for the parts of their answers, one after the other, with the number of the
// request. It returns when nobody is asked any more: the error of each, at which it ends, or the first of the shards.
func (x *exec) gather(requests []asked, each func(i int, part []byte) error) error {
	if len(requests) == 1 {
		return x.asking.shards.Ask(x.ctx, requests[0].shard, requests[0].request, func(part []byte) error { return each(0, part) })
	}
	g := &gathering{shards: x.asking.shards, requests: requests, answers: make(chan answered)}
	ctx, cancel := context.WithCancel(x.ctx)
	defer g.end(cancel)
	for range min(mostAsked, len(requests)) {
		g.running.Add(1)
		go g.run(ctx)
	}
	go func() {
		g.running.Wait()
		close(g.answers)
	}()
	var first error
	for a := range g.answers {
		if first == nil {
			if first = a.err; first == nil {
				first = each(a.request, a.part)
			}
			if first != nil {
				cancel()
			}
		}
	}
	if first == nil {
		first = x.ctx.Err() // with which nobody may have been asked
	}
	return first
}

// gathering asks shards.
type gathering struct {
	shards   Shards
	requests []asked
	answers  chan answered
	running  sync.WaitGroup

	mu   sync.Mutex
	next int
}

// answered is a part of an answer, or an error.
type answered struct {
	request int
	part    []byte
	err     error
}

// end has all who ask stop, and waits for them: after a panic of who takes the answers, too.
func (g *gathering) end(cancel context.CancelFunc) {
	cancel()
	for range g.answers { // until it is closed
		continue
	}
}

// take returns the number of the next request, false behind the last one.
func (g *gathering) take() (int, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next++
	return g.next - 1, g.next <= len(g.requests)
}

// run asks for one request after the other.
func (g *gathering) run(ctx context.Context) {
	defer g.running.Done()
	for {
		i, ok := g.take()
		if !ok || ctx.Err() != nil {
			return
		}
		err := g.shards.Ask(ctx, g.requests[i].shard, g.requests[i].request, func(part []byte) error {
			select {
			case g.answers <- answered{request: i, part: part}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			g.answers <- answered{request: i, err: err}
			return
		}
	}
}

// targets are the shards that may have solutions of a fragment.
func (a *asking) targets(f *algebra.Fragment) (shards []int) {
	if f.Keys == nil {
		for shard := range a.shards.Number() {
			shards = append(shards, shard)
		}
		return shards
	}
	return a.shardsOf(f.Keys)
}

func (a *asking) shardsOf(keys []rdf.Term) (shards []int) {
	there := map[int]bool{}
	for _, key := range keys {
		if shard := a.shards.Of(key); !there[shard] {
			there[shard] = true
			shards = append(shards, shard)
		}
	}
	return shards
}
