package operator

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// drawer is where entries are kept.
type drawer map[string]string

func (d drawer) put(e Entry) error {
	if d[string(e.Key)] = string(e.Value); e.Value == nil {
		delete(d, string(e.Key))
	}
	return nil
}

func (d drawer) all(yield func(Entry, error) bool) {
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if !yield(Entry{Key: []byte(key), Value: []byte(d[key])}, nil) {
			return
		}
	}
}

// opened is what an operator makes of what is kept.
func (d drawer) opened(part []byte, keep time.Duration) (*producers, error) {
	r := &Restored{chain: &Chain{Shard: 7}, producers: newProducers(keep)}
	whole, err := r.readKept(&Kept{Position: 1, Part: part, Entries: d.all})
	r.producers.track(whole)
	return r.producers, err
}

// text is all that is remembered, in one order.
func (p *producers) text() string {
	var lines []string
	for who, slot := range p.byKey {
		at := p.slots.at(slot)
		var line strings.Builder
		fmt.Fprint(&line, who, at.ProducerPosition, at.Position, at.Seen)
		for l := at.letters; l != nil; l = l.before {
			fmt.Fprint(&line, " ", l.seq, "@", l.position)
		}
		lines = append(lines, line.String())
	}
	slices.Sort(lines)
	return fmt.Sprint(p.clock, p.last.UTC(), p.once, p.reasons, slices.Collect(p.open.After(0)), "\n", strings.Join(lines, "\n"))
}

// TestEntries: after whatever records, kept now and then, be it from the start, from a whole part or from entries, what is brought back is
// what there was when it was kept last.
func TestEntries(t *testing.T) {
	names := []event.Producer{{Name: "p"}, {Name: "q/1"}, {Kind: event.Once, Name: "k"}, {Kind: event.Once, Name: "l\x00é"}}
	rapid.Check(t, func(t *rapid.T) {
		const keep = 24 * time.Hour
		o := &Operator{cfg: Config{Shard: 7, Keep: keep}, chain: &Chain{Shard: 7}, producers: newProducers(keep)}
		d, part := drawer{}, []byte(nil)
		if rapid.Bool().Draw(t, "whole before") {
			applyRandom(t, o.producers, names, 1, 20)
		}
		o.producers.track(true)
		now := uint64(100)
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			now = applyRandom(t, o.producers, names, now, rapid.IntRange(0, 12).Draw(t, "records"))
			want := o.producers.text()
			var err error
			if part, err = o.part(d.put); err != nil {
				t.Fatal(err)
			}
			got, err := d.opened(part, keep)
			if err != nil || got.text() != want {
				t.Fatalf("%v, brought back:\n%s\nexpected:\n%s", err, got.text(), want)
			}
			if rapid.Bool().Draw(t, "goes on from what is kept") {
				o.producers = got
			}
		}
	})
}

// applyRandom applies records from a position on.
func applyRandom(t *rapid.T, p *producers, names []event.Producer, position uint64, count int) uint64 {
	for range count {
		position++
		r := &Record{Kind: Delta, Time: p.last.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 100 * time.Hour}).Draw(t, "gap"))}
		who := rapid.SampledFrom(names).Draw(t, "who")
		r.Positions = []ProducerPosition{{Producer: who, Seq: position, Adds: position % 3}}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r.Kind, r.Reason = DeadLetter, fmt.Sprint("because ", position)
		case 1:
			for at := range p.open.After(0) {
				r.Positions = append(r.Positions, ProducerPosition{Producer: Settle(at, "dropped", "x").Producer, Seq: 1})
				break
			}
		}
		p.apply(r, position)
	}
	return position
}

// TestEntriesAreBounded: of producers with many letters the oldest go, in what is kept, too, and so do the oldest reasons.
func TestEntriesAreBounded(t *testing.T) {
	o := &Operator{cfg: Config{Shard: 7}, chain: &Chain{Shard: 7}, producers: newProducers(time.Hour)}
	o.producers.track(true)
	d, puts := drawer{}, 0
	counted := func(e Entry) error { puts++; return d.put(e) }
	who, most := event.Producer{Name: "p"}, 0
	for position := uint64(1); position <= 3*maxLetters; position++ {
		o.producers.apply(&Record{Kind: DeadLetter, Reason: "bad", Positions: []ProducerPosition{{Producer: who, Seq: position}}}, position)
		puts = 0
		part, err := o.part(counted)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, puts)
		if position%1500 > 0 {
			continue
		}
		if got, err := d.opened(part, time.Hour); err != nil || got.text() != o.producers.text() {
			t.Fatalf("position %d: %v", position, err)
		}
	}
	if most > 4*maxLetters {
		t.Errorf("%d entries at once", most)
	}
	if entries := len(d); entries > 2*maxLetters+2*maxReasons+3*maxLetters+1 {
		t.Errorf("%d entries are kept", entries)
	}
}

// TestEntriesArePut: what a commit writes doesn't grow with the producers, the first one apart, of what was brought back as a whole.
func TestEntriesArePut(t *testing.T) {
	const many = 5000
	o := &Operator{cfg: Config{Shard: 7}, chain: &Chain{Shard: 7}, producers: newProducers(time.Hour)}
	for i := range uint64(many) {
		who := event.Producer{Name: fmt.Sprint("sensor ", i)}
		o.producers.apply(&Record{Kind: Delta, Positions: []ProducerPosition{{Producer: who, Seq: 1}}}, i+1)
	}
	var whole bytes.Buffer
	if err := o.pin().write(&whole); err != nil {
		t.Fatal(err)
	}
	r := &Restored{chain: &Chain{Shard: 7}, producers: newProducers(time.Hour)}
	isWhole, err := r.readKept(&Kept{Part: whole.Bytes()})
	if err != nil || !isWhole {
		t.Fatal(isWhole, err)
	}
	o.producers = r.producers
	o.producers.track(isWhole)
	for i, want := range []int{many, 1, 1} {
		r := &Record{Kind: Delta, Positions: []ProducerPosition{{Producer: event.Producer{Name: "sensor 7"}, Seq: uint64(i) + 2}}}
		o.producers.apply(r, uint64(many+i+1))
		puts, size := 0, 0
		part, err := o.part(func(e Entry) error { puts++; size += len(e.Key) + len(e.Value); return nil })
		if err != nil || puts != want || len(part)+size > 100+50*want {
			t.Errorf("commit %d: %d entries of %d bytes beside %d, %v", i, puts, size, len(part), err)
		}
	}
}

// TestEntriesDamaged: entries that are not those of the part, or none, are damage; what the reading says of itself stays what it is.
func TestEntriesDamaged(t *testing.T) {
	o := &Operator{cfg: Config{Shard: 7}, chain: &Chain{Shard: 7}, producers: newProducers(time.Hour)}
	o.producers.track(true)
	for i := range uint64(3) {
		who := event.Producer{Name: fmt.Sprint("p", i)}
		o.producers.apply(&Record{Kind: DeadLetter, Reason: "bad", Positions: []ProducerPosition{{Producer: who, Seq: 1}}}, i+1)
	}
	d := drawer{}
	part, err := o.part(d.put)
	if err != nil {
		t.Fatal(err)
	}
	if len(d) != 12 {
		t.Fatalf("%d entries", len(d))
	}
	for key, value := range d {
		for name, change := range map[string]func(drawer){
			"gone":   func(d drawer) { delete(d, key) },
			"longer": func(d drawer) { d[key] += "x" },
			"empty":  func(d drawer) { d[key] = "" },
			"kind":   func(d drawer) { delete(d, key); d["?"+key[1:]] = value },
			"key":    func(d drawer) { delete(d, key); d[key[:1]] = value },
		} {
			other := maps.Clone(d)
			change(other)
			if _, err := other.opened(part, time.Hour); !errors.Is(err, engine.ErrDamaged) {
				t.Errorf("%q %s: %v", key, name, err)
			}
		}
	}
	broken := errors.New("no disk")
	r := &Restored{chain: &Chain{Shard: 7}, producers: newProducers(time.Hour)}
	_, err = r.readKept(&Kept{Part: part, Entries: func(yield func(Entry, error) bool) { yield(Entry{}, broken) }})
	if !errors.Is(err, broken) || errors.Is(err, engine.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if err := r.read(bytes.NewReader(part)); err == nil || !strings.Contains(err.Error(), "version of the snapshot's state is 3") {
		t.Errorf("read as a snapshot: %v", err)
	}
}
