package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// stream sends all changes, kills a node when half of them are accepted, and returns when all are.
func (d *demo) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer d.screen.Live(d.figures)()
	senders := min(demoSenders, d.model.Sensors())
	keys := "demo-" + rand.Text()
	d.meter.start(time.Now())
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			if err := d.send(ctx, i, senders, keys); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// send is one of the senders.
func (d *demo) send(ctx context.Context, i, senders int, keys string) error {
	session := client.NewSession(d.client, d.nodes.Doors(), i, demoPatience)
	session.Retried = func(string, error) { d.meter.retried() }
	requests := d.model.Sender(i, senders, demoBatch)
	var body []byte
	for number := 0; ; number++ {
		var rows int
		if body, rows = requests.Next(body[:0]); rows == 0 {
			return nil
		}
		_, err := session.Submit(ctx, client.TypePatch, fmt.Sprintf("%s-%d-%d", keys, i, number), body)
		if err != nil {
			return fmt.Errorf("sender %d, request %d: %w", i, number, err)
		}
		d.check.Accepted(body)
		if d.meter.accept(time.Now(), rows) {
			if err := d.kill(); err != nil {
				return err
			}
		}
	}
}

// kill kills the victim; one that was alone is started again.
func (d *demo) kill() error {
	name := d.nodes.Name(d.victim)
	if err := d.nodes.Kill(d.victim); err != nil {
		return err
	}
	d.meter.kill(time.Now())
	d.screen.Say("killed %s (SIGKILL) at %s changes", name, terminal.Grouped(d.Changes/2))
	if d.nodes.Size() > 1 {
		return nil
	}
	d.screen.Say("starting %s again", name)
	return d.nodes.Restart(d.victim)
}

// logged takes in a record of the logs.
func (d *demo) logged(change client.Change, _ engine.Cursor) error {
	d.check.Logged([]byte(change.Patch))
	return nil
}

// meter counts what is accepted, and the time in which nothing is. It may be used concurrently.
type meter struct {
	half int

	mu          sync.Mutex
	accepted    int
	retries     int
	begin, last time.Time
	killing     bool
	killed      time.Time
	pause       time.Duration
}

func newMeter(changes int) *meter { return &meter{half: changes / 2} }

func (m *meter) start(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begin, m.last = now, now
}

// accept counts accepted changes, and returns true once: when half of them are accepted.
func (m *meter) accept(now time.Time, rows int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted += rows
	if now.After(m.last) {
		if !m.killed.IsZero() {
			m.pause = max(m.pause, now.Sub(later(m.last, m.killed)))
		}
		m.last = now
	}
	kill := m.accepted >= m.half && !m.killing
	m.killing = m.killing || kill
	return kill
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (m *meter) kill(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.killed = now
}

func (m *meter) retried() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retries++
}

// reading is what a meter shows.
type reading struct {
	accepted, retries int
	took, pause       time.Duration
	killed            bool
}

func (m *meter) read() reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return reading{m.accepted, m.retries, m.last.Sub(m.begin), m.pause, !m.killed.IsZero()}
}

// rate is the number of accepted changes a second.
func (r reading) rate() float64 { return perSecond(r.accepted, r.took) }

func perSecond(n int, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}
