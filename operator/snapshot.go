package operator

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// The operator's own part of a snapshot, version 1 or, where there are dead letters, 2, which has the letters at its end:
//
//	part     = version, shard, position, head, delta head, writer of the newest claim (epoch, node, incarnation),
//	           clock, time, number of reasons, reasons, number of producers, producers, letters
//	reason   = position, text
//	letters  = number of those that are open, and for each how far its position is behind that of the one before
//	producer = name, seq, adds, deletes, position, seen, number of letters, (seq, position of a letter, the oldest first)...
//
// Numbers are unsigned varints, texts are bytes with their length before them. Producers are in no order.
const (
	stateVersion   = 1
	lettersVersion = 2
)

// maxStateText bounds a text of the part, so that no length reserves memory for what isn't there.
const maxStateText = 1 << 20

// pinned is the operator's state at one position, which doesn't change.
type pinned struct {
	shard   int
	chain   Chain
	clock   time.Duration
	last    time.Time
	reasons []reason
	slots   table
	count   int
	open    Letters
}

// pin takes the state as it is now, in a time that doesn't grow with it.
func (o *Operator) pin() *pinned {
	p := o.present()
	p.slots = o.producers.slots.pin()
	return p
}

// present is the state until it changes.
func (o *Operator) present() *pinned {
	p := o.producers
	return &pinned{shard: o.cfg.Shard, chain: *o.chain, clock: p.clock, last: p.last,
		reasons: p.reasons[:len(p.reasons):len(p.reasons)], slots: p.slots, count: len(p.byKey), open: p.open}
}

// write streams the part. Any goroutine may call it.
func (p *pinned) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	version := uint64(stateVersion)
	if len(p.reasons) > 0 {
		version = lettersVersion
	}
	b, err := p.head(version)
	if err != nil {
		return err
	}
	b = appendNumbers(b, uint64(len(p.reasons)))
	for _, r := range p.reasons {
		b = appendBytes(appendNumbers(b, r.position), r.text)
	}
	_, _ = out.Write(appendNumbers(b, uint64(p.count))) // its errors stay in out
	err = p.slots.all(func(at *producer) error {
		b = at.appendTo(b[:0])
		_, err := out.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	if version == lettersVersion {
		p.writeLetters(out)
	}
	return out.Flush()
}

// head is what the part begins with, up to the time.
func (p *pinned) head(version uint64) ([]byte, error) {
	last, err := p.last.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("time of the newest record: %w", err)
	}
	b := appendNumbers(nil, version, uint64(p.shard), p.chain.Whole)
	b = appendBytes(appendBytes(b, p.chain.Head), p.chain.DeltaHead)
	b = appendBytes(appendNumbers(b, p.chain.Owner.Epoch), p.chain.Owner.Node)
	b = appendNumbers(b, p.chain.Owner.Incarnation, uint64(p.clock))
	return appendBytes(b, last), nil
}

// writeLetters writes those that are open; its errors stay in out.
func (p *pinned) writeLetters(out *bufio.Writer) {
	before, b := uint64(0), appendNumbers(nil, uint64(p.open.Len()))
	for at := range p.open.After(0) {
		_, _ = out.Write(b)
		b, before = appendNumbers(b[:0], at-before), at
	}
	_, _ = out.Write(b)
}

func (p *producer) appendTo(b []byte) []byte {
	b = appendBytes(b, p.Producer.String())
	b = appendNumbers(b, p.Seq, p.Adds, p.Deletes, p.Position, uint64(p.Seen))
	var letters []*letter
	for l := p.letters; l != nil && len(letters) < maxLetters; l = l.before {
		letters = append(letters, l)
	}
	b = appendNumbers(b, uint64(len(letters)))
	for _, l := range slices.Backward(letters) {
		b = appendNumbers(b, l.seq, l.position)
	}
	return b
}

func appendNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func appendBytes[T string | []byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// Restored is the state of a shard as a snapshot had it, whole and checked, for [Operator.Restored].
type Restored struct {
	logic     Logic
	chain     *Chain
	producers *producers
}

// Position returns the log position of the state.
func (r *Restored) Position() uint64 { return r.chain.Whole }

// ReadSnapshot reads what [TakeSnapshot] wrote into a Logic of its own, for the operator of the same Config. It may take
// as long as r does, and any goroutine may call it: nothing of it is shared until it is handed to [Operator.Restored]. A
// snapshot that can't be read whole, is of another shard, or of an older version is an error; then the one before it is
// of use, or the log.
func ReadSnapshot(cfg Config, r io.Reader) (*Restored, error) {
	cfg.setDefaults()
	logic := cfg.Logic()
	s, ok := logic.(Snapshotter)
	if !ok {
		return nil, errors.New("this kind of shard keeps no snapshots")
	}
	restored := &Restored{logic: logic, chain: &Chain{Shard: cfg.Shard}, producers: newProducers(cfg.Keep)}
	if err := s.Restore(r, restored.read); err != nil {
		return nil, err
	}
	if restored.chain.Seq == 0 {
		return nil, fmt.Errorf("%w: the snapshot has no state of the operator", engine.ErrDamaged)
	}
	return restored, nil
}

// read reads the operator's part of a snapshot.
func (r *Restored) read(from io.Reader) error {
	d := &stateReader{r: bufio.NewReaderSize(from, 64<<10)}
	version := d.number()
	if d.err == nil && version != stateVersion && version != lettersVersion {
		return fmt.Errorf("the version of the snapshot's state is %d, this program reads %d and %d", version, stateVersion, lettersVersion)
	}
	if err := r.readHead(d); err != nil {
		return err
	}
	p := r.producers
	for n := d.number(); n > 0 && d.err == nil; n-- {
		p.reasons = append(p.reasons, reason{d.number(), string(d.bytes())})
	}
	p.read(d)
	if version == lettersVersion {
		p.readLetters(d)
	} else {
		p.allOpen()
	}
	if d.err == nil {
		if _, err := d.r.ReadByte(); err != io.EOF {
			d.err = cmp.Or(err, errors.New("there is more behind its end"))
		}
	}
	if d.err != nil {
		return fmt.Errorf("%w: the snapshot's state: %w", engine.ErrDamaged, d.err)
	}
	return nil
}

// readHead reads what a part begins with behind its version. An error that is not d's is of another shard.
func (r *Restored) readHead(d *stateReader) error {
	if shard := d.number(); d.err == nil && shard != uint64(r.chain.Shard) {
		return fmt.Errorf("the snapshot is of shard %d, not of %d", shard, r.chain.Shard)
	}
	r.readChain(d)
	p := r.producers
	p.clock = time.Duration(d.number())
	if err := p.last.UnmarshalBinary(d.bytes()); err != nil && d.err == nil {
		d.err = err
	}
	return nil
}

func (r *Restored) readChain(d *stateReader) {
	c := r.chain
	c.Seq = d.number()
	c.Head = string(d.bytes())
	c.Whole, c.WholeID = c.Seq, c.Head
	c.DeltaHead = string(d.bytes())
	c.Owner.Epoch = d.number()
	c.Owner.Node = string(d.bytes())
	c.Owner.Incarnation = d.number()
}

// read brings the producers back. They are put in the order in which they are forgotten; of those seen at the same time
// none is forgotten before another.
func (p *producers) read(d *stateReader) {
	var passing []seenSlot
	for n := d.number(); n > 0 && d.err == nil; n-- {
		passing = p.readProducer(d.producer(), passing, d)
	}
	p.order(passing)
}

// readProducer brings a producer back. It is added to those that are forgotten some day, if it is one.
func (p *producers) readProducer(at producer, passing []seenSlot, d *stateReader) []seenSlot {
	if _, twice := p.byKey[at.Producer]; d.err != nil || twice || at.Producer.IsZero() {
		d.fail(fmt.Errorf("producer %q is there twice, or has no name", at.Producer))
		return passing
	}
	p.top++
	p.slots.set(p.top, at)
	p.byKey[at.Producer] = p.top
	if at.Producer.Kind == event.Once {
		p.once++
	}
	if at.Producer.Passing() {
		passing = append(passing, seenSlot{at.Seen, p.top})
	}
	return passing
}

// order lists those that are forgotten some day.
func (p *producers) order(passing []seenSlot) {
	slices.SortFunc(passing, func(a, b seenSlot) int { return cmp.Compare(a.seen, b.seen) })
	for _, s := range passing {
		p.passing.moveToBack(s.slot)
	}
}

// readLetters brings the letters back that are open.
func (p *producers) readLetters(d *stateReader) {
	at := uint64(0)
	for n := d.number(); n > 0 && d.err == nil; n-- {
		step := d.number()
		if at += step; step == 0 && d.err == nil {
			d.fail(errors.New("letters are not in order"))
			return
		}
		p.open.push(at)
	}
}

// allOpen takes all letters that are remembered for open: a snapshot of an earlier version doesn't say which are, and nobody could
// settle one.
func (p *producers) allOpen() {
	var list []uint64
	for _, r := range p.reasons {
		list = append(list, r.position)
	}
	_ = p.slots.all(func(at *producer) error { // which returns what this does
		for l := at.letters; l != nil; l = l.before {
			list = append(list, l.position)
		}
		return nil
	})
	slices.Sort(list)
	for _, at := range slices.Compact(list) {
		p.open.push(at)
	}
}

type seenSlot struct {
	seen time.Duration
	slot uint32
}

// stateReader reads the operator's part. Its first error stays; then all is zero.
type stateReader struct {
	r   *bufio.Reader
	buf []byte
	err error
}

func (d *stateReader) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *stateReader) number() uint64 {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		d.fail(unexpected(err))
		return 0
	}
	return n
}

// bytes returns a text, which is valid until the next call.
func (d *stateReader) bytes() []byte {
	n := d.number()
	if n > maxStateText {
		d.fail(fmt.Errorf("a text of %d bytes, at most %d", n, maxStateText))
	}
	if d.err != nil {
		return nil
	}
	d.buf = slices.Grow(d.buf[:0], int(n))[:n]
	if _, err := io.ReadFull(d.r, d.buf); err != nil {
		d.fail(unexpected(err))
		return nil
	}
	return d.buf
}

func (d *stateReader) producer() (p producer) {
	p.Producer = event.ParseProducer(string(d.bytes()))
	p.Seq, p.Adds, p.Deletes = d.number(), d.number(), d.number()
	p.Position, p.Seen = d.number(), time.Duration(d.number())
	for n := d.number(); n > 0 && d.err == nil; n-- {
		p.addLetter(d.number(), d.number())
	}
	return p
}

// unexpected is for what should not end here.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
