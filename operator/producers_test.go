package operator

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
)

// plain is the dedupe state in the simplest form there is.
type plain struct {
	keep, clock time.Duration
	last        time.Time
	seen        map[event.Producer]plainProducer
}

type plainProducer struct {
	ProducerPosition
	position uint64
	seen     time.Duration
	letters  string
}

func (p *plain) apply(r *Record, position uint64) {
	p.clock += min(max(r.Time.Sub(p.last), 0), p.keep/maxGap)
	p.last = r.Time
	maps.DeleteFunc(p.seen, func(who event.Producer, at plainProducer) bool {
		return who.Passing() && p.clock-at.seen > p.keep
	})
	for _, at := range r.Positions {
		next := plainProducer{at, position, p.clock, p.seen[at.Producer].letters}
		if r.Kind == DeadLetter {
			next.letters += fmt.Sprint(at.Seq, "@", position, " ")
		}
		p.seen[at.Producer] = next
	}
}

func (p *plain) clone() *plain {
	c := *p
	c.seen = maps.Clone(p.seen)
	return &c
}

// check fails unless the two know the same.
func (p *plain) check(t *rapid.T, got *producers, names []event.Producer) {
	if got.clock != p.clock || !got.last.Equal(p.last) {
		t.Fatalf("clock %v, last %v; want %v, %v", got.clock, got.last, p.clock, p.last)
	}
	for _, name := range names {
		at, ok := got.find(name)
		letters := ""
		for l := at.letters; l != nil; l = l.before {
			letters = fmt.Sprint(l.seq, "@", l.position, " ") + letters
		}
		want, wantOK := p.seen[name]
		if ok != wantOK || (plainProducer{at.ProducerPosition, at.Position, at.Seen, letters}) != want {
			t.Fatalf("%v: %+v %s, want %+v", name, at, letters, want)
		}
	}
	once := 0
	for name := range got.byKey {
		if name.Kind == event.Once {
			once++
		}
	}
	if got.once != once || len(got.byKey) < len(p.seen) {
		t.Fatalf("%d once-only producers, %d are there; %d of %d", got.once, once, len(got.byKey), len(p.seen))
	}
}

// reread is what a snapshot of the state brings back.
func reread(t *rapid.T, from *pinned, keep time.Duration) *producers {
	var part bytes.Buffer
	if err := from.write(&part); err != nil {
		t.Fatal(err)
	}
	r := &Restored{chain: &Chain{}, producers: newProducers(keep)}
	if err := r.read(&part); err != nil {
		t.Fatal(err)
	}
	return r.producers
}

// TestProducerTwice: a snapshot that has one producer in two places is damaged.
func TestProducerTwice(t *testing.T) {
	p := newProducers(time.Hour)
	at := producer{ProducerPosition: ProducerPosition{Producer: event.Producer{Kind: event.Source, Name: "a"}, Seq: 1}}
	for want, names := range map[bool][]string{true: {"a", "b"}, false: {"a", "a"}} {
		for i, name := range names {
			at.Producer.Name = name
			p.slots.set(uint32(i+1), at)
		}
		var part bytes.Buffer
		if err := (&pinned{slots: p.slots.pin(), count: 2}).write(&part); err != nil {
			t.Fatal(err)
		}
		r := &Restored{chain: &Chain{}, producers: newProducers(time.Hour)}
		if err := r.read(&part); (err == nil) != want {
			t.Errorf("%v: %v", names, err)
		}
	}
}

// TestLettersAreBounded: of a producer's dead letters the newest are kept, and no more than twice as many as asked for.
func TestLettersAreBounded(t *testing.T) {
	var p producer
	for n := 1; n <= 5*maxLetters; n++ {
		p.addLetter(uint64(n), uint64(n))
		if p.letters.count < min(n, maxLetters) || p.letters.count > 2*maxLetters {
			t.Fatalf("%d letters of %d are kept", p.letters.count, n)
		}
	}
	count := 0
	for l := p.letters; l != nil; l = l.before {
		if count++; l.seq != uint64(5*maxLetters+1-count) || p.letter(l.seq) != l {
			t.Fatalf("letter %d from the end is %d", count, l.seq)
		}
	}
	if count != p.letters.count {
		t.Errorf("%d letters are said to be %d", count, p.letters.count)
	}
}

// TestProducers compares the state with the simplest one, and with what snapshots hold that are written later.
func TestProducers(t *testing.T) {
	var names []event.Producer
	for i := range 90 {
		kind := []event.Kind{event.Once, event.Door, event.Source, event.Stream}[i%4]
		names = append(names, event.Producer{Kind: kind, Name: fmt.Sprint("\xff/", i/4)})
	}
	rapid.Check(t, func(t *rapid.T) {
		const keep = 24 * time.Hour
		o := &Operator{chain: &Chain{}, producers: newProducers(keep)}
		want := &plain{keep: keep, seen: map[event.Producer]plainProducer{}}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var pins []*pinned
		var pinnedAt []*plain
		for position := range uint64(rapid.IntRange(1, 60).Draw(t, "records")) {
			now = now.Add(time.Duration(rapid.IntRange(-60, 90).Draw(t, "minutes")) * time.Minute)
			r := &Record{Kind: Delta, Time: now}
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				r.Kind, r.Reason = DeadLetter, "why"
			}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 40, rapid.ID).Draw(t, "names") {
				r.Positions = append(r.Positions, ProducerPosition{Producer: name, Seq: position + 1, Adds: position})
			}
			o.producers.apply(r, position+1)
			want.apply(r, position+1)
			want.check(t, o.producers, names)
			switch rapid.IntRange(0, 9).Draw(t, "snapshot") {
			case 0:
				pins, pinnedAt = append(pins, o.pin()), append(pinnedAt, want.clone())
			case 1: // go on from one
				o.producers = reread(t, o.pin(), keep)
			}
		}
		for i, pin := range pins {
			pinnedAt[i].check(t, reread(t, pin, keep), names)
		}
	})
}

// TestForgettingIsBounded: however many are to be forgotten at once, a record takes out a few; none of the others is known.
func TestForgettingIsBounded(t *testing.T) {
	p := newProducers(time.Hour)
	now := time.Unix(1e9, 0)
	r := &Record{Kind: Delta, Time: now}
	const n = 10_000
	for i := range n {
		r.Positions = append(r.Positions, ProducerPosition{Producer: event.Producer{Kind: event.Once, Name: fmt.Sprint(i)}, Seq: 1})
	}
	p.apply(r, 1)
	records := 0
	for ; p.once > 0; records++ {
		before := p.once
		now = now.Add(time.Hour)
		p.apply(&Record{Kind: Delta, Time: now}, uint64(2+records))
		if before-p.once > forgotten {
			t.Fatalf("%d were taken out at once", before-p.once)
		}
		if _, ok := p.find(r.Positions[n-1].Producer); ok != (p.clock <= time.Hour+p.keep/maxGap) {
			t.Fatalf("at %v the last one is known: %v", p.clock, ok)
		}
	}
	if records < n/forgotten || len(p.byKey) != 0 || p.passing.front() != 0 {
		t.Errorf("%d records, %d left", records, len(p.byKey))
	}
	p.apply(r, 99_999)
	if p.once != n || p.top != n {
		t.Errorf("%d are there, in %d slots", p.once, p.top)
	}
}

// million is a state with that many idempotency keys.
func million(n int) *Operator {
	o := &Operator{chain: &Chain{}, producers: newProducers(24 * time.Hour)}
	r := &Record{Kind: Delta, Time: time.Unix(1e9, 0)}
	for i := range n {
		r.Positions = append(r.Positions[:0], ProducerPosition{Seq: uint64(i)<<40 + 1, Adds: 1,
			Producer: event.Producer{Kind: event.Once, Name: fmt.Sprintf("%08d-3f1a-4c2b-9d10-%012d/0", i*7919%n, i)}})
		r.Time = r.Time.Add(time.Millisecond)
		o.producers.apply(r, uint64(i+1))
	}
	return o
}

// TestPinIsShort: what a snapshot does on the loop doesn't grow with the number of keys.
func TestPinIsShort(t *testing.T) {
	small, large := million(100), million(100_000)
	for name, o := range map[string]*Operator{"100": small, "100,000": large} {
		if n := testing.AllocsPerRun(10, func() { o.pin() }); n > 1 {
			t.Errorf("%s keys: %v allocations", name, n)
		}
	}
}

// BenchmarkPin is all that a snapshot of a million keys does on the loop, with the first change of a key after it, which
// copies the nodes above it.
func BenchmarkPin(b *testing.B) {
	o := million(1_000_000)
	names := slices.Collect(maps.Keys(o.producers.byKey))
	for i := 0; b.Loop(); i++ {
		o.pin()
		at, _ := o.producers.find(names[i%len(names)])
		o.producers.set(at)
	}
}

// BenchmarkSet is one key of a million, without a snapshot.
func BenchmarkSet(b *testing.B) {
	o := million(1_000_000)
	names := slices.Collect(maps.Keys(o.producers.byKey))
	for i := 0; b.Loop(); i++ {
		at, _ := o.producers.find(names[i%len(names)])
		o.producers.set(at)
	}
}

// BenchmarkWriteState writes a million keys, in the job.
func BenchmarkWriteState(b *testing.B) {
	pin := million(1_000_000).pin()
	var size counter
	for b.Loop() {
		size = 0
		if err := pin.write(&size); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

var _ io.Writer = (*counter)(nil)

// BenchmarkReadState reads a million keys, in the job.
func BenchmarkReadState(b *testing.B) {
	var file bytes.Buffer
	if err := million(1_000_000).pin().write(&file); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r := &Restored{chain: &Chain{}, producers: newProducers(24 * time.Hour)}
		if err := r.read(bytes.NewReader(file.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
