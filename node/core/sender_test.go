package core_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

// driven is a sender of n1 with the simplest driver: it keeps what is asked for.
type driven struct {
	*testing.T
	*core.Sender[string]
	now time.Time
}

func newDriven(t *testing.T, queue int) *driven {
	return &driven{T: t, now: began, Sender: core.NewSender[string](event.Producer{Kind: event.Door, Name: "n1/1"},
		shipper.OutboxConfig{Node: "n1", Shard: 3, FirstID: core.FirstBatch(1), MaxQueue: queue})}
}

// The inputs of the sender: after each, its state must be well.

func (d *driven) Assign(now time.Time, r core.Role) {
	d.Helper()
	defer d.check()
	d.Sender.Assign(now, r)
}

func (d *driven) Identify(events []event.Event) {
	d.Helper()
	defer d.check()
	d.Sender.Identify(events)
}

func (d *driven) Submit(now time.Time, events []event.Event, who []string) bool {
	d.Helper()
	defer d.check()
	return d.Sender.Submit(now, events, who)
}

func (d *driven) Forget(gone func(string) bool) []string {
	d.Helper()
	defer d.check()
	return d.Sender.Forget(gone)
}

func (d *driven) Acked(now time.Time, b event.Batch) error {
	d.Helper()
	defer d.check()
	return d.Sender.Acked(now, b)
}

func (d *driven) Refused(now time.Time, b event.Batch, why error) {
	d.Helper()
	defer d.check()
	d.Sender.Refused(now, b, why)
}

func (d *driven) Sent(now time.Time, b event.Batch, err error) bool {
	d.Helper()
	defer d.check()
	return d.Sender.Sent(now, b, err)
}

func (d *driven) Tick(now time.Time) {
	d.Helper()
	defer d.check()
	d.Sender.Tick(now)
}

func (d *driven) Answered() ([]core.Answer[string], []shipper.Outgoing) {
	d.Helper()
	defer d.check()
	return d.Sender.Answered()
}

// check holds after every input.
func (d *driven) check() {
	d.Helper()
	if err := d.Sender.Check(); err != nil {
		d.Fatal(err)
	}
}

func (d *driven) owner(name string, control, incarnation uint64) {
	d.Assign(d.now, core.Role{Owner: name, Assignment: operator.Assignment{Control: control, Epoch: control, Incarnation: incarnation}})
}

// want does what is asked for, and compares it with the text.
func (d *driven) want(want ...string) []shipper.Outgoing {
	d.Helper()
	var got []string
	answers, sends := d.Answered()
	for _, a := range answers {
		got = append(got, fmt.Sprint(a.To, " ", a.Ack.Status))
	}
	for _, s := range sends {
		text := fmt.Sprint("to ", s.Node, " ", s.Batch.ID-core.FirstBatch(0), ":")
		for _, ev := range s.Batch.Events {
			text += fmt.Sprint(" ", ev.Producer, "=", ev.Seq)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		d.Fatalf("%q, want %q", got, want)
	}
	return sends
}

func (d *driven) send(who ...string) bool {
	var events []event.Event
	for range who {
		events = append(events, event.Event{Payload: make([]byte, 10)})
	}
	d.Identify(events)
	return d.Submit(d.now, events, who)
}

// TestSender goes through the table of the package's documentation.
func TestSender(t *testing.T) {
	d := newDriven(t, 35)
	id := core.FirstBatch(1) - core.FirstBatch(0)
	if d.Busy() {
		t.Error("there is nothing to wait for")
	}
	if !d.send("a", "b", "c") || d.send("d") {
		t.Fatal("three have room, and not a fourth")
	}
	d.want()
	if forgotten := d.Forget(func(who string) bool { return who != "b" }); !slices.Equal(forgotten, []string{"a", "c"}) || d.Waiting() != 1 {
		t.Errorf("%v are forgotten, %d wait", forgotten, d.Waiting())
	}
	if !d.send("e") || !d.Busy() {
		t.Fatal("there is room again, and something to wait for")
	}
	d.owner("n2", 5, 1)
	batch := d.want(fmt.Sprint("to n2 ", id, ": door/n1/1=2"))[0].Batch
	if d.Sent(d.now, batch, shipper.ErrSend) {
		t.Error("what could not be handed over is answered, though it is sent again")
	}
	d.want()
	if !d.Sent(d.now, batch, fmt.Errorf("%w: 20 bytes", shipper.ErrTooLarge)) {
		t.Error("what can't be sent is sent again")
	}
	// The sequence of the one that was not taken is not used again.
	last := d.want(fmt.Sprint("b ", event.TooLarge), fmt.Sprint("to n2 ", id+1, ": door/n1/1=5"))[0].Batch
	acks := event.Batch{From: "n2", Shard: 3, ID: last.ID, Acks: []event.Ack{{Status: event.Committed}}}
	if err := d.Acked(d.now, acks); err != nil {
		t.Error(err)
	}
	d.want(fmt.Sprint("e ", event.Committed))
	if d.Waiting() != 0 || d.Busy() {
		t.Error("somebody waits still")
	}
	d.send("f")
	d.want(fmt.Sprint("to n2 ", id+2, ": door/n1/1=6"))
	d.owner("n3", 6, 4)
	d.want(fmt.Sprint("to n2 ", core.FirstBatch(4)-core.FirstBatch(0), ": door/n1/1=6"),
		fmt.Sprint("to n3 ", core.FirstBatch(4)-core.FirstBatch(0), ": door/n1/1=6"))
	id = core.FirstBatch(4) - core.FirstBatch(0)
	d.owner("n1", 7, 4)
	own := d.want(fmt.Sprint("to n1 ", id, ": door/n1/1=6"))[0].Batch
	d.Refused(d.now, own, errors.New("it is behind"))
	d.Refused(d.now, batch, errors.New("of an earlier batch"))
	if node, ack := d.Outbox.Refusal(); node != "n1" || ack.Status != event.Busy || ack.Reason != "it is behind" {
		t.Errorf("%s answers %+v", node, ack)
	}
	d.want()
	d.now = d.now.Add(time.Second / 2)
	d.Tick(d.now)
	d.want(fmt.Sprint("to n1 ", id, ": door/n1/1=6"))
	named := []event.Event{{Producer: event.Producer{Name: "src"}, Seq: 9}, {}}
	if d.Identify(named); named[0].Seq != 9 || named[0].Producer.Name != "src" || named[1].Seq != 7 {
		t.Errorf("%+v", named)
	}
	d.now = d.now.Add(time.Minute)
	d.Tick(d.now)
	d.want(fmt.Sprint("to n1 ", id, ": door/n1/1=6"))
}

// TestForgetInOrder: those that are forgotten come in the order of their events.
func TestForgetInOrder(t *testing.T) {
	d := newDriven(t, 0)
	want := strings.Split("abcdefghijklmnop", "")
	if !d.send(want[:9]...) || !d.send(want[9:]...) {
		t.Fatal("there is no room")
	}
	if got := d.Forget(func(string) bool { return true }); !slices.Equal(got, want) {
		t.Errorf("%v are forgotten", got)
	}
}
