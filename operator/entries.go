package operator

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// What a [Durable] keeps of the operator is a part like that of a snapshot, but of version 3: it ends with the numbers of reasons, producers
// and open letters, which are entries of their own. So a commit writes those alone that have changed:
//
//	'P' name               -> seq, adds, deletes, position, seen, number of dead letters
//	'l' name position      -> seq of a dead letter of a producer
//	'o' position           -> 1, a dead letter that is open
//	'r' position           -> reason of a dead letter
//
// Names have their length before them, positions are eight bytes, the highest first: entries of one kind are in order of position.
// A part of version 1 or 2 is whole, as a snapshot has brought it, or an earlier program: the next commit writes all as entries.
const entriesVersion = 3

const (
	producerEntry = 'P'
	letterEntry   = 'l'
	openEntry     = 'o'
	reasonEntry   = 'r'
)

// Entry is a piece of the operator's state that a [Durable] keeps by its key. One without a value (nil) is taken out.
type Entry struct {
	// Key is what it is kept by, not empty, Value what is kept.
	Key, Value []byte
}

// Kept is what a [Durable] brings back of the last batch that it has kept; the zero value if there is none.
type Kept struct {
	// Position is that of the batch, Part what part returned then, or what the snapshot's extra had, which is of that position or of a later
	// one.
	Position uint64
	Part     []byte
	// Entries are those that were put, with that batch or before, and not taken out, in order of key. They are valid until the next. nil:
	// there are none.
	Entries iter.Seq2[Entry, error]
}

// changes are what is not kept yet.
type changes struct {
	// producers have changed or gone; each with the newest of its letters that is kept, which tells which those are.
	producers map[event.Producer]*letter
	// reasons are those that are kept.
	reasons []reason
	// open are letters that were opened or settled.
	open map[uint64]struct{}
}

// track has the producers note what changes from now on. Of a state that was brought back as a whole all is still to be kept.
func (p *producers) track(whole bool) {
	p.changes = &changes{producers: map[event.Producer]*letter{}, reasons: p.reasons, open: map[uint64]struct{}{}}
	if !whole {
		return
	}
	p.changes.reasons = nil
	for who := range p.byKey {
		p.changes.producers[who] = nil
	}
	for at := range p.open.After(0) {
		p.changes.open[at] = struct{}{}
	}
}

// changed notes that a producer is not what it was, whose newest letter was that.
func (p *producers) changed(who event.Producer, letters *letter) {
	if p.changes == nil {
		return
	}
	if _, noted := p.changes.producers[who]; !noted {
		p.changes.producers[who] = letters
	}
}

// opened notes that a letter was opened or settled.
func (p *producers) opened(position uint64) {
	if p.changes != nil {
		p.changes.open[position] = struct{}{}
	}
}

// part is the operator's own state, for a [Durable] Logic to keep: what has changed is put.
func (o *Operator) part(put func(Entry) error) ([]byte, error) {
	if err := o.producers.keepChanges(put); err != nil {
		return nil, err
	}
	p := o.present()
	b, err := p.head(entriesVersion)
	return appendNumbers(b, uint64(len(p.reasons)), uint64(p.count), uint64(p.open.Len())), err
}

// keepChanges puts what has changed since the last time. After an error the state is of no more use.
func (p *producers) keepChanges(put func(Entry) error) error {
	c := p.changes
	p.track(false)
	for who, kept := range c.producers {
		if err := p.keepProducer(who, kept, put); err != nil {
			return err
		}
	}
	for at := range c.open {
		e := Entry{Key: positionKey(openEntry, at)}
		if p.open.Has(at) {
			e.Value = []byte{1}
		}
		if err := put(e); err != nil {
			return err
		}
	}
	return p.keepReasons(c.reasons, put)
}

func (p *producers) keepProducer(who event.Producer, kept *letter, put func(Entry) error) error {
	e := Entry{Key: append([]byte{producerEntry}, who.String()...)}
	var now *letter
	if slot, known := p.byKey[who]; known {
		at := p.slots.at(slot)
		now = at.letters
		e.Value = appendNumbers(nil, at.Seq, at.Adds, at.Deletes, at.Position, uint64(at.Seen), uint64(now.number()))
	}
	return cmp.Or(put(e), keepLetters(who.String(), kept, now, put))
}

// keepLetters puts the letters of a producer that are new, and takes those out that have gone: all, where what is kept is not among
// them as it is, which is so when the oldest have gone.
func keepLetters(name string, kept, now *letter, put func(Entry) error) error {
	newer, l := 0, now
	for ; l != nil && l != kept; l = l.before {
		newer++
	}
	if l != kept { // the end was reached
		for l := kept; l != nil; l = l.before {
			if err := put(Entry{Key: letterKey(name, l.position)}); err != nil {
				return err
			}
		}
	}
	for l := now; newer > 0; l, newer = l.before, newer-1 {
		if err := put(Entry{Key: letterKey(name, l.position), Value: appendNumbers(nil, l.seq)}); err != nil {
			return err
		}
	}
	return nil
}

// keepReasons puts the reasons that are new, and takes the oldest out that have gone.
func (p *producers) keepReasons(kept []reason, put func(Entry) error) error {
	for _, r := range kept {
		if len(p.reasons) > 0 && r.position >= p.reasons[0].position {
			break
		}
		if err := put(Entry{Key: positionKey(reasonEntry, r.position)}); err != nil {
			return err
		}
	}
	for _, r := range slices.Backward(p.reasons) {
		if len(kept) > 0 && r.position <= kept[len(kept)-1].position {
			break
		}
		if err := put(Entry{positionKey(reasonEntry, r.position), appendBytes(nil, r.text)}); err != nil {
			return err
		}
	}
	return nil
}

func positionKey(kind byte, position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, position)
}

func letterKey(name string, position uint64) []byte {
	return binary.BigEndian.AppendUint64(appendBytes([]byte{letterEntry}, name), position)
}

// readKept reads what a [Durable] has kept, and reports whether it was as a whole.
func (r *Restored) readKept(k *Kept) (whole bool, err error) {
	d := &stateReader{r: bufio.NewReader(bytes.NewReader(k.Part))}
	version := d.number()
	if d.err == nil && version > entriesVersion {
		return false, fmt.Errorf("it is of version %d, this program reads 1 to %d; a later one has kept it. It is made again of the log if it is "+
			"removed while the node is down", version, entriesVersion)
	}
	if d.err != nil || version < entriesVersion {
		return true, r.read(bytes.NewReader(k.Part))
	}
	if err := r.readHead(d); err != nil {
		return false, err
	}
	reasons, count, open := d.number(), d.number(), d.number()
	d.end()
	if k.Entries != nil {
		if err := r.producers.readEntries(k.Entries, d); err != nil {
			return false, err
		}
	}
	if p := r.producers; d.err == nil && (reasons != uint64(len(p.reasons)) || count != uint64(len(p.byKey)) || open != uint64(p.open.Len())) {
		d.fail(fmt.Errorf("of %d reasons, %d producers and %d open letters %d, %d and %d are there", reasons, count, open,
			len(p.reasons), len(p.byKey), p.open.Len()))
	}
	if d.err != nil {
		return false, fmt.Errorf("%w: the operator's state: %w", engine.ErrDamaged, d.err)
	}
	return false, nil
}

// readEntries brings producers, letters and reasons back. An error of the reading itself stays what it is.
func (p *producers) readEntries(entries iter.Seq2[Entry, error], d *stateReader) error {
	var passing []seenSlot
	letters := map[uint32]uint64{} // how many there must be, of those that have any
	for e, err := range entries {
		if err != nil || d.err != nil {
			return err
		}
		d.r.Reset(bytes.NewReader(e.Value))
		switch key := e.Key[1:]; e.Key[0] {
		case producerEntry:
			at := producer{ProducerPosition: ProducerPosition{Producer: event.ParseProducer(string(key))}}
			at.Seq, at.Adds, at.Deletes, at.Position, at.Seen = d.number(), d.number(), d.number(), d.number(), time.Duration(d.number())
			passing = p.readProducer(at, passing, d)
			if n := d.number(); n > 0 {
				letters[p.top] = n
			}
		case letterEntry:
			p.readLetter(key, letters, d)
		case openEntry:
			d.number()
			p.open.push(positionOf(key, d))
		case reasonEntry:
			p.reasons = append(p.reasons, reason{positionOf(key, d), string(d.bytes())})
		default:
			d.fail(fmt.Errorf("an entry %.40q of no kind that is known", e.Key))
		}
		d.end()
	}
	if len(letters) > 0 {
		d.fail(fmt.Errorf("letters of %d producers are not all there", len(letters)))
	}
	p.order(passing)
	return nil
}

// readLetter brings a dead letter of a producer back, whose entry has come before. It counts those down that are to come.
func (p *producers) readLetter(key []byte, letters map[uint32]uint64, d *stateReader) {
	size, n := binary.Uvarint(key)
	if n <= 0 || uint64(len(key)) != uint64(n)+size+8 {
		d.fail(fmt.Errorf("a letter with the key %.40q", key))
		return
	}
	who := event.ParseProducer(string(key[n : n+int(size)]))
	slot, known := p.byKey[who]
	if !known {
		d.fail(fmt.Errorf("a letter of %s, which is not there", who))
		return
	}
	at := *p.slots.at(slot)
	at.addLetter(d.number(), positionOf(key[len(key)-8:], d))
	p.slots.set(slot, at)
	if letters[slot]--; letters[slot] == 0 {
		delete(letters, slot)
	}
}

func positionOf(key []byte, d *stateReader) uint64 {
	if len(key) != 8 {
		d.fail(fmt.Errorf("a position %.40q", key))
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// end fails unless all was read.
func (d *stateReader) end() {
	if d.err == nil {
		if _, err := d.r.ReadByte(); err == nil {
			d.fail(errors.New("there is more behind its end"))
		}
	}
}
