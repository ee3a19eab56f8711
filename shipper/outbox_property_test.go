package shipper_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// TestOutboxOverAnUnreliableWay runs an outbox against owners that change, behind a way that loses, delays, doubles and
// reorders batches and acks. It expects that no event is answered twice, or otherwise than it was decided; that the
// events that nobody has given up are in the log once, in the order in which they were submitted; and that all are
// answered once the faults end.
func TestOutboxOverAnUnreliableWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"submit":          w.submit,
			"cancel":          w.cancel,
			"time passes":     w.pass,
			"can't be sent":   w.cantBeSent,
			"batch arrives":   func(t *rapid.T) { w.batchArrives(t, take(t, &w.batches)) },
			"ack arrives":     func(t *rapid.T) { w.ackArrives(t, take(t, &w.acks)) },
			"batch is lost":   func(t *rapid.T) { lose(t, &w.batches) },
			"ack is lost":     func(t *rapid.T) { lose(t, &w.acks) },
			"owner changes":   w.ownerChanges,
			"owner is busy":   func(*rapid.T) { w.busy = !w.busy },
			"routing arrives": w.routingArrives,
			"":                w.check,
		})
		w.heal(t)
	})
}

var worldNodes = []string{"a", "b", "c"}

// world is an outbox, the owners it sends to, and the way between them.
type world struct {
	out   checked
	now   time.Time
	token uint64
	// open are the events that wait for an answer, in order; gone those that nobody waits for any more.
	open []uint64
	gone map[uint64]bool
	seqs map[event.Producer]uint64 // last sequence of each producer
	// answered counts the answers by token.
	answered map[uint64]int
	// tooLarge are the events that the outbox may answer TooLarge.
	tooLarge map[uint64]bool

	batches []shipper.Outgoing
	acks    []event.Batch
	routes  []route // assignments that the outbox has not been told of

	// owner is whose appends count, by the assignment of epoch; busy: it turns everything away.
	owner string
	epoch uint64
	busy  bool
	last  map[string]event.Batch // each node's last answer
	log   shardLog
}

type route struct {
	owner string
	epoch uint64
}

func newWorld(t *rapid.T) *world {
	return &world{
		out: checked{shipper.NewOutbox(shipper.OutboxConfig{
			Node: "me", FirstID: 1, Resend: 100 * time.Millisecond, Backoff: 10 * time.Millisecond,
			MaxEvents: rapid.IntRange(1, 4).Draw(t, "most events"), MaxBatch: 8, MaxQueue: 40,
		}), t},
		now: time.Unix(1000, 0), gone: map[uint64]bool{}, seqs: map[event.Producer]uint64{}, answered: map[uint64]int{}, tooLarge: map[uint64]bool{},
		last: map[string]event.Batch{}, log: shardLog{highest: map[event.Producer]uint64{}, places: map[uint64]int{}},
	}
}

// shardLog is what the owners share: the log of the shard, and the state that is a function of it.
type shardLog struct {
	tokens  []uint64 // of the events in the log, in order
	highest map[event.Producer]uint64
	places  map[uint64]int // by token: how often it is in the log
}

// take decides an event as an owner does. The payload's last byte says whether it can be evaluated.
func (l *shardLog) take(ev *event.Event) event.Ack {
	if ev.Seq <= l.highest[ev.Producer] {
		return event.Ack{Status: event.Duplicate}
	}
	l.highest[ev.Producer] = ev.Seq
	token := tokenOf(ev)
	l.places[token]++
	if bad(token) {
		return event.Ack{Status: event.Bad, Position: token}
	}
	l.tokens = append(l.tokens, token)
	return event.Ack{Status: event.Committed, Position: token}
}

func bad(token uint64) bool { return token%7 == 0 }

func tokenOf(ev *event.Event) (token uint64) {
	if _, err := fmt.Sscan(ev.Key, &token); err != nil {
		panic(err)
	}
	return token
}

func (w *world) submit(t *rapid.T) {
	producer := rapid.SampledFrom([]event.Producer{{Name: "p"}, {Name: "q"}}).Draw(t, "producer")
	w.token++
	ev := event.Event{Key: fmt.Sprint(w.token), Producer: producer, Seq: w.seqs[producer] + 1,
		Payload: make([]byte, rapid.IntRange(1, 9).Draw(t, "size"))}
	full := w.out.Queued() > 0 && w.out.Queued()+len(ev.Payload) > 40
	if taken := w.out.Submit(w.now, w.token, ev); taken == full {
		t.Fatalf("taken: %v, with %d bytes queued", taken, w.out.Queued())
	} else if taken {
		w.seqs[producer]++
		w.open = append(w.open, w.token)
	}
	w.collect(t)
}

func (w *world) cancel(t *rapid.T) {
	if len(w.open) == 0 {
		t.Skip("nobody waits")
	}
	token := rapid.SampledFrom(w.open).Draw(t, "token")
	w.out.Cancel(token)
	w.open = slices.DeleteFunc(w.open, func(o uint64) bool { return o == token })
	w.gone[token] = true
	if len(w.open) == 0 && (w.out.Len() != 0 || w.out.Queued() != 0) {
		t.Fatalf("nobody waits, and Len is %d, Queued %d", w.out.Len(), w.out.Queued())
	}
	w.collect(t)
}

// cantBeSent says so of the batch that was sent last, as a transport does that has not sent it.
func (w *world) cantBeSent(t *rapid.T) {
	if len(w.batches) == 0 {
		t.Skip("nothing is on its way")
	}
	last := w.batches[len(w.batches)-1]
	w.batches = w.batches[:len(w.batches)-1]
	if len(last.Batch.Events) == 1 {
		w.tooLarge[tokenOf(&last.Batch.Events[0])] = true
	}
	w.out.Unsendable(w.now, last.Batch.ID, "too large")
	w.collect(t)
}

func (w *world) pass(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 150).Draw(t, "ms")) * time.Millisecond)
	w.out.Tick(w.now)
	w.collect(t)
}

// take removes any one of what is on its way, unless it is doubled.
func take[T any](t *rapid.T, way *[]T) T {
	if len(*way) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(*way)-1).Draw(t, "which")
	what := (*way)[i]
	if !rapid.Bool().Draw(t, "doubled") {
		*way = slices.Delete(*way, i, i+1)
	}
	return what
}

func lose[T any](t *rapid.T, way *[]T) {
	if len(*way) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(*way)-1).Draw(t, "which")
	*way = slices.Delete(*way, i, i+1)
}

// batchArrives is a node's answer, as package operator gives it.
func (w *world) batchArrives(_ *rapid.T, o shipper.Outgoing) {
	b, last := o.Batch, w.last[o.Node]
	switch {
	case o.Node != w.owner:
		w.reply(o.Node, b.ID, event.Ack{Status: event.NotOwner, Epoch: w.epoch})
	case last.ID == b.ID:
		w.acks = append(w.acks, last)
	case last.ID > b.ID:
	case w.busy:
		w.reply(o.Node, b.ID, event.Ack{Status: event.Busy})
	default:
		acks := make([]event.Ack, len(b.Events))
		for i := range b.Events {
			acks[i] = w.log.take(&b.Events[i])
		}
		w.reply(o.Node, b.ID, acks...)
		w.last[o.Node] = w.acks[len(w.acks)-1]
	}
}

func (w *world) reply(node string, id uint64, acks ...event.Ack) {
	w.acks = append(w.acks, event.Batch{From: node, ID: id, Acks: acks})
}

func (w *world) ackArrives(t *rapid.T, b event.Batch) {
	if err := w.out.Acked(w.now, b); err != nil {
		t.Fatal(err)
	}
	w.collect(t)
}

// ownerChanges also is how a node starts again: it forgets its last answer.
func (w *world) ownerChanges(t *rapid.T) {
	w.epoch++
	w.owner = rapid.SampledFrom(append(worldNodes, "")).Draw(t, "owner")
	delete(w.last, w.owner)
	w.routes = append(w.routes, route{w.owner, w.epoch})
}

func (w *world) routingArrives(t *rapid.T) {
	r := take(t, &w.routes)
	w.out.Route(w.now, r.owner, r.epoch)
	w.collect(t)
}

// collect does what the outbox asks for.
func (w *world) collect(t *rapid.T) {
	sends, dones := w.out.Effects()
	for _, s := range sends {
		if s.Node == "" || len(s.Batch.Events) == 0 {
			t.Fatalf("sent to %q: %+v", s.Node, s.Batch)
		}
		w.batches = append(w.batches, s)
	}
	for _, d := range dones {
		w.done(t, d)
	}
}

func (w *world) done(t *rapid.T, d shipper.Done) {
	if len(w.open) == 0 || w.open[0] != d.Token {
		t.Fatalf("answer %+v to event %d, which is not the next of %v", d.Ack, d.Token, w.open)
	}
	w.open = w.open[1:]
	w.answered[d.Token]++
	if d.Ack.Status == event.TooLarge && w.tooLarge[d.Token] {
		w.gone[d.Token] = true // if it was sent before, its outcome is open
		return
	}
	want := []event.Status{event.Committed, event.Duplicate}
	if bad(d.Token) {
		want[0] = event.Bad
	}
	if !slices.Contains(want, d.Ack.Status) || d.Ack.Status != event.Duplicate && d.Ack.Position != d.Token {
		t.Fatalf("answer %+v to event %d", d.Ack, d.Token)
	}
	if w.log.places[d.Token] != 1 {
		t.Fatalf("event %d was answered with %v, and is in the log %d times", d.Token, d.Ack.Status, w.log.places[d.Token])
	}
}

// check holds after every step.
func (w *world) check(t *rapid.T) {
	for token, n := range w.log.places {
		if n > 1 {
			t.Fatalf("event %d is in the log %d times", token, n)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(w.log.tokens), func(token uint64) bool { return w.gone[token] })
	if !slices.IsSorted(kept) {
		t.Fatalf("order of the log: %v; given up: %v", w.log.tokens, w.gone)
	}
	if w.out.Len() < len(w.open) || w.out.Queued() < len(w.open) || (w.out.Len() == 0) != (w.out.Queued() == 0) {
		t.Fatalf("Len %d, Queued %d while %v wait", w.out.Len(), w.out.Queued(), w.open)
	}
}

// heal ends the faults: what is on its way may arrive or be lost, and from then on one owner answers.
func (w *world) heal(t *rapid.T) {
	w.busy, w.epoch, w.owner = false, w.epoch+1, "a"
	delete(w.last, "a")
	w.out.Route(w.now, w.owner, w.epoch)
	w.collect(t)
	for range 200 {
		if w.out.Len() == 0 {
			break
		}
		for len(w.batches)+len(w.acks) > 0 {
			w.arriveInOrder(t)
		}
		w.now = w.now.Add(100 * time.Millisecond)
		w.out.Tick(w.now)
		w.collect(t)
	}
	w.check(t)
	if len(w.open) > 0 || w.out.Len() > 0 || w.out.Queued() != 0 {
		t.Fatalf("without faults %v have no answer; Len %d, Queued %d", w.open, w.out.Len(), w.out.Queued())
	}
	for token := uint64(1); token <= w.token; token++ {
		if w.answered[token] > 1 || w.answered[token] == 1 && !w.gone[token] && w.log.places[token] != 1 {
			t.Fatalf("event %d: %d answers, %d times in the log", token, w.answered[token], w.log.places[token])
		}
	}
}

func (w *world) arriveInOrder(t *rapid.T) {
	if len(w.batches) > 0 {
		o := w.batches[0]
		w.batches = w.batches[1:]
		w.batchArrives(t, o)
	} else {
		b := w.acks[0]
		w.acks = w.acks[1:]
		w.ackArrives(t, b)
	}
}
