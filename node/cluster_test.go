package node_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// cluster runs nodes in this process, over the memory engine and the in-process transport.
type cluster struct {
	t       *testing.T
	shards  int
	change  func(*graph.Config)
	store   *memory.Engine
	network *shipper.InProcess
	// failAfter is long, since on a busy machine anybody may be silent for a while; within a bubble it is a second.
	failAfter time.Duration
	nodes     map[string]*graph.Graph
	ended     map[string]chan error
	stop      map[string]context.CancelFunc

	mu    sync.Mutex
	live  []*graph.Graph
	seats map[string]*seat
	asked map[string]*seat
}

func newCluster(t *testing.T, shards int, change func(*graph.Config)) *cluster {
	c := &cluster{t: t, shards: shards, change: change, store: memory.New(shards), network: shipper.NewInProcess(1024),
		failAfter: patience, nodes: map[string]*graph.Graph{}, ended: map[string]chan error{}, stop: map[string]context.CancelFunc{},
		seats: map[string]*seat{}, asked: map[string]*seat{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.network.Run(ctx) }()
	t.Cleanup(func() {
		for _, stop := range c.stop {
			stop()
		}
		for _, ended := range c.ended {
			<-ended
		}
		cancel()
		<-done
	})
	return c
}

// seat is one node's end of the transport: of two processes with one name the later gets what arrives.
type seat struct {
	*shipper.InProcess
	c *cluster
}

func (s *seat) RegisterRoute(name string, receiver shipper.Receiver) error {
	if receiver == nil {
		return s.InProcess.RegisterRoute(name, nil)
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.InProcess.RemoveRoute(name)
	s.c.seats[name] = s
	return s.InProcess.RegisterRoute(name, reused{receiver})
}

// reused lends slices that are empty rather than nil, as a transport does that uses them again.
type reused struct{ shipper.Receiver }

func (r reused) Deliver(ctx context.Context, b event.Batch) error {
	if b.Acks == nil {
		b.Acks = []event.Ack{}
	}
	if b.Events == nil {
		b.Events = []event.Event{}
	}
	return r.Receiver.Deliver(ctx, b)
}

func (s *seat) RemoveRoute(name string) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.c.seats[name] == s {
		s.InProcess.RemoveRoute(name)
	}
}

// Answer is as RegisterRoute, for requests.
func (s *seat) Answer(name string, handler request.Handler, atOnce int) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.InProcess.Withdraw(name)
	s.c.asked[name] = s
	return s.InProcess.Answer(name, handler, atOnce)
}

func (s *seat) Withdraw(name string) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.c.asked[name] == s {
		s.InProcess.Withdraw(name)
	}
}

func (c *cluster) config(name string) graph.Config {
	place := &seat{c.network, c}
	cfg := graph.Config{Config: node.Config{Name: name, Shards: c.shards, Engine: c.store, Transport: place, Requests: place, Logger: discard,
		BeatEvery: 20 * time.Millisecond, FailAfter: c.failAfter}}
	if c.change != nil {
		c.change(&cfg)
	}
	return cfg
}

// calm is for clusters in which nobody fails: however busy the machine is, nobody is taken for dead, and answers are waited for.
func calm(cfg *graph.Config) { cfg.FailAfter, cfg.Wait = patience, 5*patience }

// start runs a node until it is killed or the test ends; a value in ended says how it ended.
func (c *cluster) start(name string) {
	c.t.Helper()
	n, err := graph.New(c.config(name))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	c.nodes[name], c.ended[name], c.stop[name] = n, ended, cancel
	c.mu.Lock()
	c.live = append(c.live, n)
	c.mu.Unlock()
	go func() {
		ended <- n.Run(ctx)
		close(ended)
	}()
}

// kill ends a node without a goodbye.
func (c *cluster) kill(name string) {
	c.mu.Lock()
	for i, n := range c.live {
		if n == c.nodes[name] {
			c.live = append(c.live[:i:i], c.live[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	c.stop[name]()
	<-c.ended[name]
}
