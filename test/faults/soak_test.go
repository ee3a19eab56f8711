//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
)

const (
	soakNodes   = 3
	soakSenders = 12
	soakBatch   = 200
	// soakRate is the number of changes for each second of a soak, unless QUADRILLE_SOAK_CHANGES says how many there are.
	soakRate = 5000
	// soakShare is the part of the time over which the changes are spread; the rest is for what faults held up.
	soakShare = 0.95
	// soakLast is the longest time that a fault lasts.
	soakLast = 12 * time.Second
)

// TestSoak lets nodes and links fail at random, for as long as QUADRILLE_SOAK says (30m), while changes stream in through
// all doors. QUADRILLE_SOAK_CHANGES is their number. At the end none is lost, none is doubled, and all is well.
func TestSoak(t *testing.T) {
	text := os.Getenv("QUADRILLE_SOAK")
	if text == "" {
		t.Skip("QUADRILLE_SOAK=30m runs it for so long")
	}
	lasts, err := time.ParseDuration(text)
	if err != nil || lasts <= 0 {
		t.Fatalf("QUADRILLE_SOAK=%s: expected a time, such as 30m: %v", text, err)
	}
	changes := int(lasts.Seconds() * soakRate)
	if text := os.Getenv("QUADRILLE_SOAK_CHANGES"); text != "" {
		if changes, err = strconv.Atoi(text); err != nil || changes < 1 {
			t.Fatalf("QUADRILLE_SOAK_CHANGES=%s: %v", text, err)
		}
	}
	random := rand.New(rand.NewPCG(seed(t, uint64(time.Now().UnixNano())), 11))
	s := &soak{rig: startFor(t, cluster.Config{Nodes: soakNodes, Shards: 8, Cuttable: true, StopWithin: recovery}, 2*lasts+10*time.Minute),
		random: random, model: factory.New(changes), check: factory.NewCheck(), end: time.Now().Add(lasts)}
	writing, stop := context.WithCancelCause(s.ctx)
	defer stop(nil)
	written := make(chan struct{})
	go func() {
		defer close(written)
		if err := s.write(writing, lasts); err != nil {
			stop(err)
		}
	}()
	defer func() { stop(errors.New("the test has ended")); <-written }()
	s.fail(writing, written)
	if err := context.Cause(writing); err != nil {
		t.Fatalf("%v\n%s", err, s.states())
	}
	s.balanced()
	s.judge(changes)
	s.verified(false)
}

// soak is one run.
type soak struct {
	*rig
	random *rand.Rand
	model  *factory.Model
	check  *factory.Check
	end    time.Time
}

// write sends all changes, spread over the time.
func (s *soak) write(ctx context.Context, lasts time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	senders := min(soakSenders, s.model.Sensors())
	requests := s.model.Changes()/senders/soakBatch + 1
	pace := time.Duration(float64(lasts) * soakShare / float64(requests))
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			if err := s.send(ctx, i, senders, pace); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// send is one of the senders. It keeps the pace: what a fault has held up it sends at once afterwards.
func (s *soak) send(ctx context.Context, i, senders int, pace time.Duration) error {
	session := client.NewSession(s.http, s.nodes.Doors(), i, 2*patience)
	sender, next := s.model.Sender(i, senders, soakBatch), time.Now()
	for n := 0; ; n++ {
		body, rows := sender.Next(nil)
		if rows == 0 {
			return nil
		}
		if _, err := session.Submit(ctx, client.TypePatch, fmt.Sprintf("soak-%d-%d", i, n), body); err != nil {
			return fmt.Errorf("sender %d, request %d: %w", i, n, err)
		}
		s.check.Accepted(body)
		next = next.Add(pace)
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fault is something that happens to a node, or to all.
type fault struct {
	name string
	run  func(s *soak, ctx context.Context, node int)
}

var soakFaults = []fault{
	{"kill", func(s *soak, ctx context.Context, i int) {
		s.must(s.nodes.Kill(i))
		s.lasts(ctx)
		s.must(s.nodes.Restart(i))
	}},
	{"kill all", func(s *soak, _ context.Context, _ int) {
		s.killAll()
		s.restartAll()
	}},
	{"kill two", func(s *soak, ctx context.Context, i int) {
		s.must(errors.Join(s.nodes.Kill(i), s.nodes.Kill((i+1)%soakNodes)))
		s.lasts(ctx)
		s.must(s.restartDead())
	}},
	{"stop", func(s *soak, ctx context.Context, i int) {
		s.must(s.nodes.Pause(i))
		s.lasts(ctx)
		s.must(s.nodes.Continue(i))
	}},
	{"cut one way", func(s *soak, ctx context.Context, i int) {
		s.nodes.Cut(i, (i+1)%soakNodes)
		if s.random.IntN(2) == 0 {
			s.nodes.Cut(i, (i+2)%soakNodes)
		}
		s.lasts(ctx)
		s.nodes.Heal()
	}},
	{"cut both ways", func(s *soak, ctx context.Context, i int) {
		for k := range soakNodes {
			if k != i {
				s.nodes.Cut(i, k)
				s.nodes.Cut(k, i)
			}
		}
		s.lasts(ctx)
		s.nodes.Heal()
	}},
	{"end and start", func(s *soak, _ context.Context, i int) { s.must(errors.Join(s.nodes.End(i), s.nodes.Restart(i))) }},
	{"roll", func(s *soak, _ context.Context, _ int) {
		for i := range soakNodes {
			s.must(errors.Join(s.nodes.End(i), s.nodes.Restart(i)))
			s.balanced()
		}
	}},
}

// lasts waits for as long as a fault lasts.
func (s *soak) lasts(ctx context.Context) {
	s.rest(ctx, time.Duration(s.random.Int64N(int64(soakLast))))
}

func (s *soak) rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// fail lets one fault after the other happen, all well in between, until the time is over and all is written.
func (s *soak) fail(ctx context.Context, written <-chan struct{}) {
	counts := map[string]int{}
	for time.Now().Before(s.end) && ctx.Err() == nil {
		f, i := soakFaults[s.random.IntN(len(soakFaults))], s.random.IntN(soakNodes)
		counts[f.name]++
		s.Logf("%s: %s of %s", time.Now().Format(time.TimeOnly), f.name, s.nodes.Name(i))
		f.run(s, ctx, i)
		s.balanced()
		s.rest(ctx, time.Duration(s.random.Int64N(int64(3*time.Second))))
	}
	s.Logf("faults: %v", counts)
	select {
	case <-written:
	case <-time.After(testBound()):
		s.Errorf("not all changes are accepted %v after the last fault", testBound())
	}
}

// judge compares the logs and the data with what was accepted.
func (s *soak) judge(changes int) {
	cursor := "start"
	s.asks("the logs", func() error {
		query := url.Values{"from": {cursor}, "live": {"false"}}
		return s.http.Changes(s.ctx, s.nodes.Doors()[0], query, client.Reader{Change: func(c client.Change, behind client.Cursor) error {
			s.check.Logged([]byte(c.Patch))
			cursor = behind.String()
			return nil
		}})
	})
	for i := range soakNodes {
		s.asks("data of "+s.nodes.Name(i), func() error {
			data, err := s.http.Data(s.ctx, s.nodes.Doors()[i])
			if err != nil {
				return err
			}
			return errors.Join(s.check.Data(data, s.model.Expected()), data.Close())
		})
		result := s.check.Result()
		s.Logf("%s: %+v", s.nodes.Name(i), result)
		if !result.Good() || result.Accepted != changes {
			s.Errorf("%s: %+v; want all %d changes, once", s.nodes.Name(i), result, changes)
		}
	}
}
