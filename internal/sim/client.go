package sim

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
)

// kind says what identity a client gives its documents.
type kind int

const (
	// source: a producer with rising sequence numbers, that sends the next document when the last is accepted, and any
	// again at any time.
	source kind = iota
	// keyed: an idempotency key for each document.
	keyed
	// anonymous: none; the door makes one, and a document whose outcome is open is not sent again.
	anonymous
	// optimistic: keyed, and each document commits only if nobody else's has come before it (header "prev").
	optimistic
)

func (k kind) String() string {
	return [...]string{"source", "keyed", "anonymous", "optimistic"}[k]
}

// badType is a media type that the logic does not know: the event is a dead letter.
const badType = "text/poison"

// client sends documents, one after the other, each to any node, again until it is accepted.
type client struct {
	w      *world
	kind   kind
	name   string
	docs   int // made so far
	values map[string]int
	open   int // documents under way
	past   []*document
	// scripted: its documents come from a scenario.
	scripted bool
}

// document is what is sent as one.
type document struct {
	client   *client
	number   string
	events   []event.Addressed
	open     int // events without an answer
	answered []bool
	over     bool
}

func (d *document) String() string { return d.client.name + "/" + d.number }

// addClients makes a mix of clients, as the seed says.
func (w *world) addClients() {
	kinds := []kind{source, source, keyed, anonymous}
	if w.cfg.Key == dataset.Dataset {
		kinds = []kind{source, keyed, anonymous, optimistic, optimistic}
	}
	for i, k := range kinds {
		c := w.addClient(k, fmt.Sprintf("%s%d", k, i+1))
		w.after(w.between(0, 3*time.Second), c.next)
	}
}

func (w *world) addClient(k kind, name string) *client {
	c := &client{w: w, kind: k, name: name, values: map[string]int{}}
	w.clients = append(w.clients, c)
	return c
}

// done reports whether all documents of the client are accepted.
func (c *client) done() bool { return c.open == 0 && (c.scripted || c.docs == c.w.cfg.Documents) }

// next makes and sends the next document.
func (c *client) next() {
	if c.done() {
		return
	}
	c.docs++
	number := fmt.Sprint(c.docs)
	switch {
	case c.kind == source && c.w.chance(0.08):
		c.send(c.poison(number, c.w.rng.IntN(c.w.cfg.Shards)))
	case (c.kind == source || c.kind == keyed) && c.w.chance(0.3):
		c.send(c.update(number, c.updates()))
	default:
		c.send(c.document(number, c.body()))
	}
}

// document divides a text as a node's door does.
func (c *client) document(number string, text []byte) *document {
	d := &document{client: c, number: number}
	split, err := dataset.Splitter{Key: c.w.cfg.Key, Shards: c.w.cfg.Shards, PartSize: 400}.Patch(text)
	if err != nil {
		c.w.broken(ErrDropped, "%s: %v", d, err)
	}
	for _, part := range split.Parts {
		ev := event.Addressed{Shard: part.Shard, Event: event.Event{MediaType: dataset.MediaType, Payload: part.Payload, Checked: true}}
		if bytes.Contains(part.Payload, []byte(patch.Any.String())) {
			ev.MediaType = dataset.ReplaceMediaType
		}
		if split.HasPrev {
			ev.Prev, ev.First = split.Prev, split.Prev == ""
		}
		d.events = append(d.events, ev)
	}
	d.identify()
	return d
}

// identify gives the events their identities.
func (d *document) identify() {
	h := fnv.New64a()
	for i := range d.events {
		h.Write(d.events[i].Payload)
	}
	for i := range d.events {
		ev := &d.events[i]
		switch d.client.kind {
		case source:
			number, _ := strconv.Atoi(d.number)
			ev.Producer, ev.Seq = event.Producer{Name: d.client.name}, uint64(number*64+i+1)
		case keyed, optimistic:
			ev.Producer, ev.Seq = event.Producer{Kind: event.Once, Name: fmt.Sprintf("%s/%d", d, i)}, max(h.Sum64(), 1)
		}
	}
	d.client.open++
	d.open, d.answered = len(d.events), make([]bool, len(d.events))
}

// poison is a document that can't be evaluated.
func (c *client) poison(number string, shard int) *document {
	if c.w.cfg.Key == dataset.Dataset {
		shard = counterShard(c.w)
	}
	d := &document{client: c, number: number}
	d.events = []event.Addressed{{Shard: shard, Event: event.Event{MediaType: badType, Payload: []byte("\x00poison")}}}
	d.identify()
	return d
}

// body is an RDF Patch. Each subject of a client has one value, which each change replaces by the next.
func (c *client) body() []byte {
	var b bytes.Buffer
	switch c.kind {
	case anonymous:
		b.WriteString("TX .\n")
		for i := range 1 + c.w.rng.IntN(3) {
			fmt.Fprintf(&b, "A <urn:%s:%d> <urn:p> \"%d\" .\n", c.name, c.docs%5, 10*c.docs+i)
		}
		b.WriteString("TC .\n")
	case optimistic:
		head, value := c.w.check.counter()
		fmt.Fprintf(&b, "H prev %q .\n", head)
		fmt.Fprintf(&b, "TX .\n")
		if value > 0 {
			fmt.Fprintf(&b, "D <urn:counter> <urn:p> \"%d\" .\n", value)
		}
		fmt.Fprintf(&b, "A <urn:counter> <urn:p> \"%d\" .\nTC .\n", value+1)
	default:
		for range 1 + c.w.rng.IntN(3) {
			if c.w.chance(0.3) {
				c.replacement(&b)
			} else {
				c.transaction(&b)
			}
		}
	}
	return b.Bytes()
}

// transaction replaces the values of some subjects; now and then it is large, says what is so already, or is aborted.
func (c *client) transaction(b *bytes.Buffer) {
	b.WriteString("TX .\n")
	if c.w.chance(0.1) {
		fmt.Fprintf(b, "A <urn:%s:0> <urn:aborted> \"\" .\nTA .\nTX .\n", c.name)
	}
	for range 1 + c.w.rng.IntN(4) {
		s := fmt.Sprintf("<urn:%s:%d>", c.name, c.w.rng.IntN(6))
		v := c.values[s]
		c.values[s]++
		fmt.Fprintf(b, "D %s <urn:p> \"%d\" .\nA %s <urn:p> \"%d\" .\n", s, v, s, v+1)
		if c.w.chance(0.2) {
			fmt.Fprintf(b, "A %s <urn:p> \"%d\" .\nD %s <urn:never> \"\" .\n", s, v+1, s)
		}
	}
	if c.w.chance(0.1) {
		code := [...]string{"A", "D"}[c.w.rng.IntN(2)]
		for i := range 30 + c.w.rng.IntN(60) {
			fmt.Fprintf(b, "%s <urn:%s:large> <urn:p> \"%d\" .\n", code, c.name, i)
		}
	}
	b.WriteString("TC .\n")
}

// replacement replaces the values of some subjects, or all that they have, whatever that is; now and then by what is so already.
func (c *client) replacement(b *bytes.Buffer) {
	b.WriteString("TX .\n")
	for _, i := range c.w.rng.Perm(6)[:1+c.w.rng.IntN(4)] {
		s := fmt.Sprintf("<urn:%s:%d>", c.name, i)
		if c.w.chance(0.8) {
			c.values[s]++
		}
		predicate := "<urn:p>"
		if c.w.chance(0.3) {
			predicate = patch.Any.String()
		}
		fmt.Fprintf(b, "D %s %s %s .\nA %s <urn:p> \"%d\" .\n", s, predicate, patch.Any, s, c.values[s])
	}
	b.WriteString("TC .\n")
}

// send tries a document at any node.
func (c *client) send(d *document) {
	p := c.w.some()
	if p == nil || p.entry == nil {
		c.w.after(c.w.between(50*time.Millisecond, time.Second), func() { c.retry(d) })
		return
	}
	c.sendTo(p, d, c.w.between(500*time.Millisecond, 5*time.Second))
}

// sendTo tries a document at one node: the whole of it, or what has no answer yet, for the whole may find no room at a
// door. A client that gets no answer at all tries elsewhere.
func (c *client) sendTo(p *proc, d *document, wait time.Duration) {
	var events []event.Addressed
	var indexes []int
	whole := c.w.rng.IntN(2) == 0
	for i, ev := range d.events {
		if whole || !d.answered[i] {
			events, indexes = append(events, ev), append(indexes, i)
		}
	}
	heard := false
	p.after(c.w.between(0, time.Millisecond), func() {
		p.send(events, wait, func(acks []event.Ack) {
			heard = true
			c.answered(d, indexes, acks)
		})
	})
	c.w.after(wait+2*time.Second, func() {
		if !heard {
			c.retry(d)
		}
	})
}

// answered takes in what became of a try with the events of these indexes.
func (c *client) answered(d *document, indexes []int, acks []event.Ack) {
	for j, a := range acks {
		i := indexes[j]
		switch a.Status {
		case event.Committed, event.Duplicate, event.Bad, event.Reused, event.Conflict:
			if !d.answered[i] {
				d.answered[i] = true
				d.open--
				c.w.note("%s %d: %s", d, i+1, ackText(a))
			}
		}
	}
	if d.open == 0 {
		c.finish(d)
		return
	}
	c.w.after(c.w.between(50*time.Millisecond, time.Second), func() { c.retry(d) })
}

func ackText(a event.Ack) string {
	switch a.Status {
	case event.Committed:
		return fmt.Sprintf("committed at %d, +%d -%d", a.Position, a.Adds, a.Deletes)
	case event.Duplicate:
		return "committed before"
	case event.Bad:
		return fmt.Sprintf("dead letter at %d", a.Position)
	case event.Conflict:
		return "prev is not the head"
	case event.Reused:
		return "the key was used before"
	}
	return "busy"
}

func (c *client) retry(d *document) {
	switch {
	case d.over:
	case c.kind == anonymous:
		c.finish(d)
	default:
		c.send(d)
	}
}

// finish ends a document; the next comes after a while, and perhaps an old one again, or its key with another body.
func (c *client) finish(d *document) {
	if d.over {
		return
	}
	d.over = true
	c.open--
	if c.scripted {
		return
	}
	c.past = append(c.past, d)
	c.w.after(c.w.between(0, 800*time.Millisecond), c.next)
	if c.kind != anonymous && c.w.chance(0.3) {
		old := c.past[c.w.rng.IntN(len(c.past))]
		c.w.after(c.w.between(0, 5*time.Second), func() { c.redeliver(old) })
	}
}

// redeliver sends an accepted document again, or, under its key, another.
func (c *client) redeliver(old *document) {
	p := c.w.some()
	if p == nil || p.entry == nil {
		return
	}
	events := append([]event.Addressed(nil), old.events...)
	if c.kind == keyed && c.w.chance(0.3) {
		events = events[:1]
		events[0].Seq++
		if other := "TX .\nA <urn:reused> <urn:p> \"\" .\nTC .\n"; !isUpdate(&events[0].Event) {
			events[0].Payload = append([]byte(other), events[0].Payload...)
		}
	}
	p.after(0, func() { p.send(events, time.Second, func([]event.Ack) {}) })
}
