package shipper_test

import (
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/shipper"
)

// TestOutboxRenumber: a process that enters again must not come behind one that bore its name in the meantime.
func TestOutboxRenumber(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{FirstID: 11, MaxEvents: 2})
	d.route("a", 1)
	d.out.Renumber(d.now, 11) // as at the start: no change
	d.submit(1, 1, 2, 3)
	d.want("first", []sent{{"a", 11, 1, []int{1}}})
	d.out.Renumber(d.now, 100)
	d.want("under way", []sent{{"a", 100, 1, []int{1}}})
	d.out.Renumber(d.now, 50)
	d.want("backwards", nil)
	if err := d.ack(11, committed(1)...); err != nil {
		t.Error(err)
	}
	d.want("the answer to the old number", nil)
	if err := d.ack(100, committed(1)...); err != nil {
		t.Error(err)
	}
	d.want("next", []sent{{"a", 101, 1, []int{2, 3}}}, 1)
	if err := d.ack(101, committed(2)...); err != nil {
		t.Error(err)
	}
	d.want("empty", nil, 2, 3)
	d.out.Renumber(d.now, 200)
	d.submit(1, 4)
	d.want("renumbered while empty", []sent{{"a", 200, 1, []int{4}}})
}

// TestOutboxClockSetBack: what is to be sent again does not wait until the clock is where it was.
func TestOutboxClockSetBack(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{})
	d.route("a", 1)
	d.submit(1, 1)
	d.want("first", []sent{{"a", 1, 1, []int{1}}})
	d.pass(-time.Hour)
	d.want("an hour before", []sent{{"a", 1, 1, []int{1}}})
	d.pass(999 * time.Millisecond)
	d.want("too early", nil)
	d.pass(time.Millisecond)
	d.want("in time", []sent{{"a", 1, 1, []int{1}}})
}
