package operator

import (
	"container/list"
	"encoding/json"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/shipper"
)

// DoorPrefix begins the names of producers that a node's door makes for one process. Like those of
// [shipper.OncePrefix] they are forgotten when nothing was heard of them for the keep time; all others are kept.
const DoorPrefix = "door/"

// producer is how far one producer has come.
type producer struct {
	ProducerPosition
	Position uint64        // of the record that holds its last event
	Seen     time.Duration // the clock at that record
	Bad      bool          `json:",omitempty"` // that record is a dead letter
	element  *list.Element
}

// maxGap is the part of the keep time that the gap between two records counts for at most.
const maxGap = 24

// producers is the dedupe state of a shard: a function of its log alone.
//
// Its clock sums the gaps between the times of records, none of which counts for more than a 24th of the keep time.
// So an owner whose clock jumps ahead forgets nobody, and one whose clock jumps back keeps nobody for good; a shard with
// few records keeps the few producers that it has for longer.
type producers struct {
	keep  time.Duration
	clock time.Duration
	last  time.Time // of the newest record
	byKey map[string]*producer
	// passing lists those that are forgotten, the longest unseen first.
	passing *list.List
	once    int
}

func newProducers(keep time.Duration) *producers {
	return &producers{keep: keep, byKey: map[string]*producer{}, passing: list.New()}
}

// apply takes in the positions of a committed record.
func (p *producers) apply(r *Record, position uint64) {
	p.clock += min(max(r.Time.Sub(p.last), 0), p.keep/maxGap)
	p.last = r.Time
	for _, at := range r.Positions {
		p.set(producer{ProducerPosition: at, Position: position, Seen: p.clock, Bad: r.Kind == DeadLetter})
	}
	for e := p.passing.Front(); e != nil; e = p.passing.Front() {
		old := e.Value.(*producer)
		if p.clock-old.Seen <= p.keep {
			return
		}
		p.remove(old)
	}
}

func (p *producers) set(at producer) {
	known := p.byKey[at.Producer]
	if known == nil {
		known = &producer{}
		p.byKey[at.Producer] = known
		if isOnce(at.Producer) {
			p.once++
		}
		if isOnce(at.Producer) || strings.HasPrefix(at.Producer, DoorPrefix) {
			known.element = p.passing.PushBack(known)
		}
	} else if known.element != nil {
		p.passing.MoveToBack(known.element)
	}
	at.element = known.element
	*known = at
}

func (p *producers) remove(old *producer) {
	p.passing.Remove(old.element)
	delete(p.byKey, old.Producer)
	if isOnce(old.Producer) {
		p.once--
	}
}

func isOnce(producer string) bool { return strings.HasPrefix(producer, shipper.OncePrefix) }

// encode returns the state, for a snapshot; the passing ones in their order.
func (p *producers) encode() []producer {
	all := make([]producer, 0, len(p.byKey))
	for _, at := range p.byKey {
		if at.element == nil {
			all = append(all, *at)
		}
	}
	for e := p.passing.Front(); e != nil; e = e.Next() {
		all = append(all, *e.Value.(*producer))
	}
	return all
}

// snapshotState is the operator's own part of a snapshot.
type snapshotState struct {
	Shard     int
	Position  uint64
	Head      string
	DeltaHead string
	Owner     Writer
	Clock     time.Duration // of the producers
	Time      time.Time     // of the newest record
	Producers []producer
}

func decodeState(extra []byte) (s snapshotState, err error) {
	err = json.Unmarshal(extra, &s)
	return s, err
}
