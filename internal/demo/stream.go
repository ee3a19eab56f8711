package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// stream sends all changes, kills a node when half of them are accepted, and returns when all are.
func (d *run) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer d.cfg.Screen.Live(d.figures)()
	senders := min(maxSenders, d.model.Sensors())
	d.meter.Start(time.Now())
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			if err := d.send(ctx, i, senders); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// send is one of the senders.
func (d *run) send(ctx context.Context, i, senders int) error {
	submit := d.submitter(i)
	requests := d.model.Sender(i, senders, batch)
	var body []byte
	for number := 0; ; number++ {
		var rows int
		if body, rows = requests.Next(body[:0]); rows == 0 {
			return nil
		}
		if err := submit(ctx, number, body); err != nil {
			return fmt.Errorf("sender %d, request %d: %w", i, number, err)
		}
		d.check.Accepted(body)
		if d.meter.Accept(time.Now(), rows) {
			if err := d.kill(); err != nil {
				return err
			}
		}
	}
}

// submitter returns what hands over the requests of a sender.
func (d *run) submitter(i int) func(ctx context.Context, number int, body []byte) error {
	if d.peer != nil {
		return func(ctx context.Context, _ int, body []byte) error { return d.peer.send(ctx, i, body) }
	}
	session := client.NewSession(d.client, d.nodes.Doors(), i, patience)
	session.Retried = func(string, error) { d.meter.Retried() }
	return func(ctx context.Context, number int, body []byte) error {
		_, err := session.Submit(ctx, client.TypePatch, fmt.Sprintf("%s-%d-%d", d.name, i, number), body)
		return err
	}
}

// kill kills the victim; one that was alone is started again.
func (d *run) kill() error {
	name := d.nodes.Name(d.victim)
	if err := d.nodes.Kill(d.victim); err != nil {
		return err
	}
	d.meter.Kill(time.Now())
	d.cfg.Screen.Say("killed %s (SIGKILL) at %s", name, terminal.GroupedCount(d.cfg.Changes/2, "change"))
	if d.nodes.Size() > 1 {
		return nil
	}
	d.cfg.Screen.Say("starting %s again", name)
	return d.nodes.Restart(d.victim)
}

// errComplete: all that was accepted is in the logs.
var errComplete = errors.New("the logs are complete")

// logged takes in a record of the logs, until they are complete.
func (d *run) logged(change client.Change, _ client.Cursor) error {
	d.check.Logged([]byte(change.Patch))
	if d.peer != nil && d.check.Open() == 0 {
		return errComplete
	}
	return nil
}

// figures is the text of the live line; width bounds its bar.
func (d *run) figures(width int) string {
	m := d.meter.Read()
	done := float64(m.Accepted) / float64(d.cfg.Changes)
	state := terminal.Count(len(d.nodes.Alive()), "node")
	if m.Killed {
		state += ", " + d.nodes.Name(d.victim) + " was killed"
	}
	text := fmt.Sprintf(" %3.0f %%  %s of %s  %s/s  %s", math.Floor(100*done), terminal.Grouped(m.Accepted),
		terminal.GroupedCount(d.cfg.Changes, "change"), terminal.Grouped(int(m.Rate())), state)
	return terminal.Gauge(done, min(width-len(text)-1, 40)) + text
}
