package shipper_test

import (
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// checked is an outbox whose state must be well after each input: the one that the tests of outboxes use.
type checked struct {
	*shipper.Outbox
	t failing
}

// failing is a test, or one of package rapid.
type failing interface {
	Helper()
	Fatal(args ...any)
}

func (c checked) check() {
	c.t.Helper()
	if err := c.Outbox.Check(); err != nil {
		c.t.Fatal(err)
	}
}

func (c checked) Submit(now time.Time, token uint64, events ...event.Event) bool {
	defer c.check()
	return c.Outbox.Submit(now, token, events...)
}

func (c checked) Cancel(tokens ...uint64) {
	defer c.check()
	c.Outbox.Cancel(tokens...)
}

func (c checked) Route(now time.Time, owner string, epoch uint64) {
	defer c.check()
	c.Outbox.Route(now, owner, epoch)
}

func (c checked) Renumber(now time.Time, first uint64) {
	defer c.check()
	c.Outbox.Renumber(now, first)
}

func (c checked) Tick(now time.Time) {
	defer c.check()
	c.Outbox.Tick(now)
}

func (c checked) Acked(now time.Time, b event.Batch) error {
	defer c.check()
	return c.Outbox.Acked(now, b)
}

func (c checked) Unsendable(now time.Time, id uint64, reason string) {
	defer c.check()
	c.Outbox.Unsendable(now, id, reason)
}
