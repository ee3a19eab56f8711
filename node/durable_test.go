package node_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator"
)

// shelf is where a durable logic keeps its state, as a disk would.
type shelf struct {
	mu        sync.Mutex
	open      int
	opens     []uint64 // the position at each opening
	position  uint64
	part      []byte
	entries   map[string][]byte
	count     int
	forgotten int // how often
}

// tally counts the bytes that were committed, on a shelf.
type tally struct {
	operator.Logic
	shelf *shelf
	part  func(func(operator.Entry) error) ([]byte, error)
	body  int // of what is being evaluated
}

func (s *shelf) logic(int) operator.Logic {
	c := &tally{shelf: s}
	c.Logic = operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil },
		func(body []byte) error { c.body += len(body); return nil })
	return c
}

func (c *tally) Open(part func(func(operator.Entry) error) ([]byte, error)) (operator.Kept, error) {
	c.shelf.mu.Lock()
	defer c.shelf.mu.Unlock()
	c.part = part
	c.shelf.open++
	c.shelf.opens = append(c.shelf.opens, c.shelf.position)
	return operator.Kept{Position: c.shelf.position, Part: c.shelf.part, Entries: c.shelf.all}, nil
}

// all yields what the shelf has; it is used between Open and the next commit, by the shard's loop.
func (s *shelf) all(yield func(operator.Entry, error) bool) {
	for _, key := range slices.Sorted(maps.Keys(s.entries)) {
		if !yield(operator.Entry{Key: []byte(key), Value: s.entries[key]}, nil) {
			return
		}
	}
}

func (s *shelf) put(e operator.Entry) error {
	if s.entries == nil {
		s.entries = map[string][]byte{}
	}
	if s.entries[string(e.Key)] = e.Value; e.Value == nil {
		delete(s.entries, string(e.Key))
	}
	return nil
}

func (c *tally) Close() error {
	c.shelf.mu.Lock()
	defer c.shelf.mu.Unlock()
	c.shelf.open--
	return nil
}

func (c *tally) Forget() (func() error, error) {
	c.shelf.mu.Lock()
	defer c.shelf.mu.Unlock()
	if c.shelf.open > 0 || c.shelf.position == 0 {
		return nil, nil
	}
	c.shelf.position, c.shelf.part, c.shelf.entries, c.shelf.count = 0, nil, nil, 0
	return func() error {
		c.shelf.mu.Lock()
		defer c.shelf.mu.Unlock()
		c.shelf.forgotten++
		return nil
	}, nil
}

func (c *tally) Damaged() error            { return nil }
func (c *tally) SetAside() (string, error) { return "", errors.New("nothing is damaged") }

func (c *tally) keep(position uint64, err error) error {
	c.shelf.mu.Lock()
	defer c.shelf.mu.Unlock()
	if err == nil {
		c.shelf.count, c.body, c.shelf.position = c.shelf.count+c.body, 0, position
		c.shelf.part, err = c.part(c.shelf.put)
	}
	return err
}

func (c *tally) Commit(position uint64) error { return c.keep(position, c.Logic.Commit(position)) }
func (c *tally) Apply(position uint64, body []byte) error {
	return c.keep(position, c.Logic.Apply(position, body))
}

// TestDurableLogic: a node that is started again goes on from the state that its logic has kept, and has closed it at its end.
func TestDurableLogic(t *testing.T) {
	kept := &shelf{}
	c := newCluster(t, 1, func(cfg *graph.Config) { cfg.Logic = kept.logic })
	for run := range 3 {
		c.start("n1")
		c.ready("n1")
		for i := range 5 {
			if _, err := c.nodes["n1"].Send(t.Context(), "k", coordinator.Payload{Data: fmt.Appendf(nil, "%d%d ", run, i)}); err != nil {
				t.Fatal(err)
			}
		}
		c.kill("n1")
		kept.mu.Lock()
		if kept.open != 0 || kept.count != (run+1)*5*3 || len(kept.opens) != run+1 || run > 0 && kept.opens[run] == 0 {
			t.Errorf("run %d: %d are open, %d bytes, opened at %d", run, kept.open, kept.count, kept.opens)
		}
		kept.mu.Unlock()
	}
}

// TestDurableGone: what a node keeps of shards that have gone to others is removed, and of no others. They are restored when they come back.
func TestDurableGone(t *testing.T) {
	const shards = 8
	kept := map[string]*[shards]shelf{"n1": {}, "n2": {}, "n3": {}}
	c := newCluster(t, shards, func(cfg *graph.Config) {
		calm(cfg)
		mine := kept[cfg.Name]
		cfg.KeepGone = time.Millisecond
		cfg.Logic = func(shard int) operator.Logic { return mine[shard].logic(shard) }
	})
	c.start("n1")
	c.ready("n1")
	send := func(text string) {
		t.Helper()
		for i := range 8 * shards {
			if _, err := c.nodes["n1"].Send(t.Context(), fmt.Sprint("k", i), coordinator.Payload{Data: []byte(text)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	send("one")
	c.start("n2")
	c.start("n3")
	// settled: who has no part in a shard has nothing of it, though it had before, and who has one keeps it.
	settled := func() bool {
		send("more") // a state is kept with the next commit
		gone := 0
		for _, s := range c.nodes["n1"].Status().Shards {
			for name, mine := range kept {
				shelf := &mine[s.Shard]
				shelf.mu.Lock()
				is, open, forgotten := shelf.position > 0, shelf.open, shelf.forgotten
				shelf.mu.Unlock()
				has := s.Owner == name || s.Standby == name
				if is != has || open > 0 != has {
					return false
				}
				gone += forgotten
			}
		}
		return gone > 0
	}
	for deadline := time.Now().Add(patience); !settled(); {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", c.nodes["n1"].Status().Shards)
		}
	}
	if err := c.nodes["n3"].HandOver(t.Context()); err != nil { // its shards come back to the others
		t.Fatal(err)
	}
	send("last")
	if s := c.nodes["n1"].Status(); s.Stats.Halted > 0 {
		t.Errorf("%+v", s.Shards)
	}
}
