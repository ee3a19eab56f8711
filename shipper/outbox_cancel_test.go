package shipper_test

import (
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

func TestOutboxCancel(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second, Backoff: time.Millisecond})
	d.submit(1, 0, 1, 2, 3, 4, 5)
	d.route("a", 1)
	d.out.Cancel(3)
	d.out.Cancel(99) // nobody's
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.out.Effects()
	d.out.Cancel(2) // under way: its outcome is open
	d.pass(time.Second)
	d.want("the batch stays as it was", []sent{{"a", 2, 1, []int{1, 2, 4, 5}}})
	if err := d.ack(2, event.Ack{Status: event.Busy}); err != nil {
		t.Fatal(err)
	}
	d.pass(time.Millisecond)
	d.want("and is sent again, as others wait", []sent{{"a", 2, 1, []int{1, 2, 4, 5}}})
	if err := d.ack(2, committed(4)...); err != nil {
		t.Fatal(err)
	}
	d.want("who cancelled is not answered", nil, 1, 4, 5)
	if d.out.Len() != 0 || d.out.Queued() != 0 {
		t.Errorf("Len %d, Queued %d", d.out.Len(), d.out.Queued())
	}
}

// TestOutboxGivesUpWhatNobodyWaitsFor: a batch that nobody waits for any more is not sent again and makes room, though
// its owner never answers.
func TestOutboxGivesUpWhatNobodyWaitsFor(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second, Backoff: time.Millisecond, MaxQueue: 100})
	d.route("a", 1)
	d.submit(1, 0)
	d.submit(40, 1, 2)
	d.submit(19, 3)
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.want("under way", []sent{{"a", 1, 1, []int{0}}, {"a", 2, 1, []int{1, 2, 3}}}, 0)
	d.out.Cancel(1)
	d.out.Cancel(3)
	d.pass(time.Second)
	d.want("somebody waits: the same batch", []sent{{"a", 2, 1, []int{1, 2, 3}}})
	d.out.Cancel(2)
	if d.out.Len() != 0 || d.out.Queued() != 0 {
		t.Errorf("Len %d, Queued %d", d.out.Len(), d.out.Queued())
	}
	d.pass(time.Hour)
	d.want("nobody waits", nil)
	d.submit(100, 4) // there is room for all
	d.want("the next has a later ID", []sent{{"a", 3, 1, []int{4}}})
	if err := d.ack(2, committed(3)...); err != nil {
		t.Error(err)
	}
	d.want("the answer to the dropped is late", nil)
	if err := d.ack(3, committed(1)...); err != nil {
		t.Error(err)
	}
	d.want("the answer to the next", nil, 4)
}

// TestOutboxGoesOnBehindWhatNobodyWaitsFor: what waits behind a dropped batch goes at the next tick.
func TestOutboxGoesOnBehindWhatNobodyWaitsFor(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Hour})
	d.route("a", 1)
	d.submit(1, 1)
	d.submit(1, 2)
	d.want("under way", []sent{{"a", 1, 1, []int{1}}})
	d.out.Cancel(1)
	d.want("not before the tick: more may be cancelled", nil)
	d.pass(time.Millisecond)
	d.want("the next", []sent{{"a", 2, 1, []int{2}}})
}

// TestOutboxCancelsWhatWasNeverSent: without an owner the first batch is filled, but nobody has it.
func TestOutboxCancelsWhatWasNeverSent(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{})
	event, other := ev(1), ev(2)
	event.Payload, other.Payload = make([]byte, 7), make([]byte, 5)
	if !d.out.Submit(d.now, 1, event, other) {
		t.Fatal("not taken")
	}
	d.out.Cancel(1)
	if d.out.Len() != 1 || d.out.Queued() != 5 {
		t.Errorf("Len %d, Queued %d after one of two was cancelled", d.out.Len(), d.out.Queued())
	}
	d.route("a", 1)
	d.want("only the other is sent", []sent{{"a", 1, 1, []int{2}}})
}

// TestOutboxForgetsTheGoneWhenItHalves: halves have new IDs, so nothing keeps what nobody waits for in them.
func TestOutboxForgetsTheGoneWhenItHalves(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{})
	d.submit(1, 0, 1, 2, 3, 4)
	d.route("a", 1)
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.out.Effects()
	for _, token := range []uint64{1, 2, 3} {
		d.out.Cancel(token)
	}
	d.out.Unsendable(d.now, 2, "too large")
	d.want("the first half is gone", []sent{{"a", 4, 1, []int{4}}})
	if d.out.Len() != 1 || d.out.Queued() != 1 {
		t.Errorf("Len %d, Queued %d", d.out.Len(), d.out.Queued())
	}
}
