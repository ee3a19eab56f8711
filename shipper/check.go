package shipper

import (
	"fmt"
	"iter"
	"slices"

	"github.com/quadrille-stream/quadrille/event"
)

// Answered returns the tokens of the answers that [Outbox.Effects] will hand over.
func (o *Outbox) Answered() (tokens []uint64) {
	for _, d := range o.dones {
		tokens = append(tokens, d.Token)
	}
	return tokens
}

// Open are the events that have no answer yet and for whose answers somebody waits, each after its token, in the order in
// which they are sent.
func (o *Outbox) Open() iter.Seq2[uint64, event.Event] {
	return func(yield func(uint64, event.Event) bool) {
		for _, list := range [...][]pending{o.batch, o.waiting} {
			for i := range list {
				if p := &list[i]; !p.gone && !yield(p.token, p.event) {
					return
				}
			}
		}
	}
}

// Check returns what is wrong with the outbox's state: nil, unless the program has a bug. It is for tests and the simulation,
// which call it after each input, before the effects are taken. Its cost grows with the events that wait.
func (o *Outbox) Check() error {
	gone, all, under := 0, 0, 0
	for i := range o.batch {
		under += len(o.batch[i].event.Payload)
		if o.batch[i].gone {
			gone++
		}
	}
	for i := range o.waiting {
		all += len(o.waiting[i].event.Payload)
		if o.waiting[i].gone {
			return broken("nobody waits for event %d, and it waits to be sent", o.waiting[i].token)
		}
	}
	switch {
	case o.bytes != all+under:
		return broken("%d bytes are under way and %d wait, counted as %d", under, all, o.bytes)
	case gone > 0 && (!o.tried || gone == len(o.batch)):
		return broken("nobody waits for %d of the %d events under way, sent: %v", gone, len(o.batch), o.tried)
	case len(o.batch) > o.cfg.MaxEvents || len(o.batch) > 1 && under > o.cfg.MaxBatch:
		return broken("%d events of %d bytes are under way as one batch", len(o.batch), under)
	case len(o.batch) > 0 && o.id < o.cfg.FirstID:
		return broken("batch %d is under way, and the first is %d", o.id, o.cfg.FirstID)
	case len(o.batch) == 0 && len(o.refusal.Acks) > 0:
		return broken("%s has refused a batch, and none is under way", o.refusal.From)
	}
	tokens := o.Answered()
	for token := range o.Open() {
		tokens = append(tokens, token)
	}
	slices.Sort(tokens)
	for i, token := range tokens {
		if i > 0 && token == tokens[i-1] {
			return broken("event %d is there twice: it waits, is under way, or has its answer", token)
		}
	}
	return o.checkSends()
}

// checkSends checks the batches that are to be sent: IDs never fall, and the same ID is the same batch.
func (o *Outbox) checkSends() error {
	var last uint64
	for _, s := range o.sends {
		same := s.Batch.ID != o.id || len(o.batch) == 0 ||
			slices.EqualFunc(s.Batch.Events, o.batch, func(ev event.Event, p pending) bool {
				return ev.Producer == p.event.Producer && ev.Seq == p.event.Seq && ev.Epoch <= o.epoch
			})
		switch b := s.Batch; {
		case b.ID < last || b.ID > o.id:
			return broken("batch %d is sent after %d, and the newest is %d", b.ID, last, o.id)
		case s.Node == "" || b.From != o.cfg.Node || b.Shard != o.cfg.Shard || len(b.Events) == 0:
			return broken("batch %d of %d events is sent to %q, from %q, shard %d", b.ID, len(b.Events), s.Node, b.From, b.Shard)
		case !same:
			return broken("batch %d is sent with %d events, and other %d are under way", b.ID, len(b.Events), len(o.batch))
		}
		last = s.Batch.ID
	}
	return nil
}

func broken(format string, args ...any) error { return fmt.Errorf("outbox: "+format, args...) }
