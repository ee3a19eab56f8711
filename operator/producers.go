package operator

import (
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

const (
	// maxGap is the part of the keep time that the gap between two records counts for at most.
	maxGap = 24
	// maxLetters bounds the dead letters that are remembered of one producer, the newest. A sender has one batch under
	// way, of fewer events: only those are asked for again.
	maxLetters = 4096
	// maxReasons bounds the reasons of dead letters that are remembered in a shard, the newest, and maxReasonKept the
	// bytes of one.
	maxReasons    = 1024
	maxReasonKept = 512
	// forgotten is how many producers beyond twice its own a record makes forget whose time is over.
	forgotten = 256
)

// producer is how far one producer has come.
type producer struct {
	ProducerPosition
	Position uint64        // of the record that holds its last event
	Seen     time.Duration // the clock at that record
	letters  *letter       // its newest dead letter
}

// letter is a dead letter of a producer. It doesn't change.
type letter struct {
	seq, position uint64
	before        *letter
	count         int // of this one and those before it
}

// number is how many there are up to this one.
func (l *letter) number() int {
	if l == nil {
		return 0
	}
	return l.count
}

// letter returns the dead letter that holds the event, nil if it is none that is known.
func (p *producer) letter(seq uint64) *letter {
	for l := p.letters; l != nil && l.seq >= seq; l = l.before {
		if l.seq == seq {
			return l
		}
	}
	return nil
}

// addLetter remembers one more. Now and then it copies the newest, so that the others can go.
func (p *producer) addLetter(seq, position uint64) {
	if p.letters != nil && p.letters.count >= 2*maxLetters {
		newest := make([]*letter, 0, maxLetters)
		for l := p.letters; len(newest) < maxLetters; l = l.before {
			newest = append(newest, l)
		}
		p.letters = nil
		for _, l := range slices.Backward(newest) {
			p.addLetter(l.seq, l.position)
		}
	}
	l := &letter{seq: seq, position: position, before: p.letters, count: 1}
	if l.before != nil {
		l.count += l.before.count
	}
	p.letters = l
}

// reason says why the event at a position is a dead letter.
type reason struct {
	position uint64
	text     string
}

// producers is the dedupe state of a shard: a function of its log alone.
//
// Its clock sums the gaps between the times of records, none of which counts for more than a 24th of the keep time.
// So an owner whose clock jumps ahead forgets nobody, and one whose clock jumps back keeps nobody for good; a shard with
// few records keeps the few producers that it has for longer.
//
// No input takes time that grows with the number of producers, pin included: those whose time is over are unknown at
// once, and taken out a few with each record.
type producers struct {
	keep  time.Duration
	clock time.Duration
	last  time.Time // of the newest record
	byKey map[event.Producer]uint32
	slots table
	// passing lists those that are forgotten, the longest unseen first.
	passing queueOfSlots
	free    uint32 // the first slot to use again, whose link says which the next one is; 0: none
	top     uint32 // the highest slot used
	once    int
	// open are the dead letters that nobody has settled.
	open Letters
	// reasons are in order of position. Elements don't change, so that a pin is a slice of it.
	reasons []reason
	// changes are what a [Durable] Logic has not kept yet; nil: there is none.
	changes *changes
}

func newProducers(keep time.Duration) *producers {
	return &producers{keep: keep, byKey: map[event.Producer]uint32{}}
}

// apply takes in the positions of a committed record.
func (p *producers) apply(r *Record, position uint64) {
	p.clock += min(max(r.Time.Sub(p.last), 0), p.keep/maxGap)
	p.last = r.Time
	for _, at := range r.Positions {
		if letter := settles(at.Producer); letter > 0 {
			p.open = p.open.without(letter)
			p.opened(letter)
			continue
		}
		next := producer{ProducerPosition: at, Position: position, Seen: p.clock}
		if known, ok := p.find(at.Producer); ok {
			next.letters = known.letters
		}
		if r.Kind == DeadLetter {
			next.addLetter(at.Seq, position)
		}
		p.set(next)
	}
	if r.Kind == DeadLetter && len(r.Positions) > 0 {
		p.opened(position)
		p.opened(p.open.first()) // which goes if there are too many
		p.open = p.open.with(position)
		p.addReason(reason{position, clip(r.Reason, maxReasonKept)})
	}
	p.forget(forgotten + 2*len(r.Positions))
}

// find returns what is known of a producer.
func (p *producers) find(who event.Producer) (producer, bool) {
	slot, ok := p.byKey[who]
	if !ok {
		return producer{}, false
	}
	at := p.slots.at(slot)
	if who.Passing() && p.over(at) {
		return producer{}, false
	}
	return *at, true
}

func (p *producers) over(at *producer) bool { return p.clock-at.Seen > p.keep }

// set remembers a producer, as the last seen.
func (p *producers) set(at producer) {
	slot, known := p.byKey[at.Producer]
	if !known {
		at.Producer.Name = strings.Clone(at.Producer.Name) // it is a part of a record's, or of a batch
		slot = p.slot()
		p.byKey[at.Producer] = slot
		p.changed(at.Producer, nil)
		if at.Producer.Kind == event.Once {
			p.once++
		}
	} else {
		before := p.slots.at(slot)
		at.Producer = before.Producer
		p.changed(at.Producer, before.letters)
	}
	p.slots.set(slot, at)
	if at.Producer.Passing() {
		p.passing.moveToBack(slot)
	}
}

// slot returns a free one.
func (p *producers) slot() uint32 {
	slot := p.free
	if slot == 0 {
		p.top++
		return p.top
	}
	p.free = p.passing.at(slot).after
	*p.passing.at(slot) = link{}
	return slot
}

// Producer is how far a producer has come in the committed log; zero if nothing is known of it.
func (o *Operator) Producer(p event.Producer) ProducerPosition {
	at, _ := o.producers.find(p)
	return at.ProducerPosition
}

// forget takes out at most limit of those whose time is over.
func (p *producers) forget(limit int) {
	for slot := p.passing.front(); slot != 0 && limit > 0; slot = p.passing.front() {
		old := p.slots.at(slot)
		if !p.over(old) {
			return
		}
		limit--
		p.passing.remove(slot)
		p.changed(old.Producer, old.letters)
		delete(p.byKey, old.Producer)
		if old.Producer.Kind == event.Once {
			p.once--
		}
		p.slots.set(slot, producer{})
		p.passing.at(slot).after, p.free = p.free, slot
	}
}

func (p *producers) addReason(r reason) {
	if len(p.reasons) >= 2*maxReasons {
		p.reasons = slices.Clone(p.reasons[maxReasons:])
	}
	p.reasons = append(p.reasons, r)
}

// reason returns that of the dead letter at a position, as far as it is known.
func (p *producers) reason(position uint64) string {
	i, ok := slices.BinarySearchFunc(p.reasons, position, func(r reason, at uint64) int {
		if r.position < at {
			return -1
		}
		return int(min(r.position-at, 1))
	})
	if !ok {
		return ""
	}
	return p.reasons[i].text
}

// linkPage is the number of links in a page.
const linkPage = 1 << 10

// queueOfSlots is a list of slots, each at most once. Slot 0 is its two ends, and none of the elements.
type queueOfSlots struct{ pages []*[linkPage]link }

type link struct{ before, after uint32 }

func (q *queueOfSlots) at(slot uint32) *link {
	for int(slot/linkPage) >= len(q.pages) {
		q.pages = append(q.pages, new([linkPage]link))
	}
	return &q.pages[slot/linkPage][slot%linkPage]
}

// front returns the first, 0 if there is none.
func (q *queueOfSlots) front() uint32 { return q.at(0).after }

func (q *queueOfSlots) moveToBack(slot uint32) {
	q.remove(slot)
	back := q.at(0).before
	*q.at(slot) = link{before: back}
	q.at(back).after = slot
	q.at(0).before = slot
}

// remove takes a slot out if it is there.
func (q *queueOfSlots) remove(slot uint32) {
	l := *q.at(slot)
	if l.before == 0 && q.at(0).after != slot {
		return
	}
	q.at(l.before).after = l.after
	q.at(l.after).before = l.before
	*q.at(slot) = link{}
}
