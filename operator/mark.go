package operator

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// maxDoubts is the number of readings that must find the log cut before it is held to be: what one replica says is not
// believed at once, and the next reading may ask another.
const maxDoubts = 3

// advice ends each error about a log that is not the one that was written.
const advice = "what was accepted is missing: stop the engine, put its data back from a replica or a backup that has it, " +
	"and start again"

// watch is what an operator knows of its log from elsewhere than the log.
type watch struct {
	mark engine.Mark // the highest known
	// due is the mark as it was when the reading under way began: that must come as far.
	due engine.Mark
	// anchor is the record with which the reading under way must begin: the last one known. Zero: it has come.
	anchor engine.Mark
	doubts int // readings in a row that found the log cut
}

// Marked tells how far the log goes for certain. The operator keeps the highest mark. A log that ends before it, passes it
// by or has another record there is damaged.
func (o *Operator) Marked(now time.Time, m engine.Mark) {
	o.now = now
	if err := CheckMark(m, m.Position-1, o.chain.Seq, o.chain.Head); m.Position == o.chain.Seq && m.Position > 0 &&
		o.state != Halted && err != nil {
		o.halt(o.chain.at(m.Position, err))
		return
	}
	o.remember(m)
}

func (o *Operator) remember(m engine.Mark) {
	if m.Position > o.mark.Position || m.Position == o.mark.Position && o.mark.ID == "" {
		o.mark = m
	}
}

// Committed names the last record that the operator knows to be in the log, be it a part of a chain. It is zero while
// that is not certain: a snapshot's position counts when the log has shown the record.
func (o *Operator) Committed() engine.Mark {
	if o.anchor.Position > 0 {
		return engine.Mark{}
	}
	return engine.Mark{Position: o.chain.Seq, ID: o.chain.Head}
}

// CheckMark returns an error that wraps [engine.ErrDamaged] if a log whose next record after the position before is id, at
// seq, is not the log that the mark is of: it has another record there, or none.
func CheckMark(m engine.Mark, before, seq uint64, id string) error {
	switch {
	case m.Position <= before || m.Position > seq:
		return nil
	case m.Position < seq:
		return fmt.Errorf("%w: record %s is known to be at position %d, and there is none now, but one at %d; %s",
			engine.ErrDamaged, m.ID, m.Position, seq, advice)
	case m.ID != "" && m.ID != id:
		return fmt.Errorf("%w: record %s is known to be at position %d, and %s is there now; %s", engine.ErrDamaged, m.ID,
			m.Position, id, advice)
	}
	return nil
}

// CheckTail returns an error that wraps [engine.ErrDamaged] if a log that ends at the position tail (0: it is empty) ends
// before the mark.
func CheckTail(m engine.Mark, tail uint64) error {
	if tail >= m.Position {
		return nil
	}
	return fmt.Errorf("%w: record %s is known to be at position %d, and the log ends at %d; %s", engine.ErrDamaged, m.ID,
		m.Position, tail, advice)
}

// begin returns the position with which a reading begins: that of the last record known, which must still be there.
func (o *Operator) begin() uint64 {
	o.due, o.anchor = o.mark, engine.Mark{}
	if o.chain.Seq == 0 {
		return 1
	}
	o.anchor = engine.Mark{Position: o.chain.Seq, ID: o.chain.Head}
	return o.chain.Seq
}

// anchored checks that the reading begins with the last record known.
func (o *Operator) anchored(e engine.Entry) error {
	at := o.anchor.Position
	if at == 0 || e.Seq < at {
		return nil
	}
	r, err := Decode(e.Payload)
	for _, m := range [...]engine.Mark{o.anchor, o.mark} {
		if err == nil {
			err = CheckMark(m, at-1, e.Seq, r.ID)
		}
	}
	if err != nil {
		return o.chain.at(e.Seq, err)
	}
	o.anchor = engine.Mark{}
	return nil
}

// reached checks, at the end of a reading, that it came as far as the log is known to go.
func (o *Operator) reached() error {
	err := CheckTail(o.due, o.chain.Seq)
	if o.anchor.Position > 0 {
		err = fmt.Errorf("%w: record %s is known to be at position %d, and the log ends before it; %s", engine.ErrDamaged,
			o.anchor.ID, o.anchor.Position, advice)
	}
	if err != nil {
		return fmt.Errorf("shard %d: %w", o.cfg.Shard, err)
	}
	return nil
}

// doubt takes in that a reading found the log cut: it is read again, after a pause, and at last believed.
func (o *Operator) doubt(err error) {
	if o.doubts++; o.doubts >= maxDoubts {
		o.halt(fmt.Errorf("%w (read %d times)", err, o.doubts))
		return
	}
	o.gen++ // what is still under way of this reading has no effect
	o.emit(StopReading{})
	o.retryAt = o.now.Add(o.cfg.Backoff)
}

// push gives the next record to the chain, if the mark allows it.
func (o *Operator) push(seq uint64, r *Record) (*Record, error) {
	if err := CheckMark(o.mark, o.chain.Seq, seq, r.ID); err != nil {
		return nil, o.chain.at(seq, err)
	}
	whole, err := o.chain.PushRecord(seq, r)
	if err == nil {
		o.doubts = 0
	}
	return whole, err
}

// Hash returns the SHA-256 in a record's id; ok is false if it is none.
func Hash(id string) (hash [32]byte, ok bool) {
	text, ok := strings.CutPrefix(id, idScheme)
	if !ok || len(text) != hashLen {
		return hash, false
	}
	_, err := base64.RawURLEncoding.Decode(hash[:], []byte(text))
	return hash, err == nil
}

// ID returns the id of the record with that hash.
func ID(hash [32]byte) string { return idScheme + base64.RawURLEncoding.EncodeToString(hash[:]) }
