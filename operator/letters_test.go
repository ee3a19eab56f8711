package operator

import (
	"bufio"
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
)

// TestLetters: the open letters are those of a set, and one that was taken before doesn't change.
func TestLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Letters
		var want []uint64
		next := uint64(0)
		for range rapid.IntRange(0, 3000).Draw(t, "steps") {
			before, had := l, len(want)
			switch roll := rapid.IntRange(0, 3).Draw(t, "what"); {
			case roll > 0 || len(want) == 0:
				next += uint64(rapid.IntRange(1, 3).Draw(t, "gap"))
				l, want = l.with(next), append(want, next)
			default:
				i := rapid.IntRange(0, len(want)-1).Draw(t, "which")
				l, want = l.without(want[i]).without(want[i]), slices.Delete(slices.Clone(want), i, i+1)
			}
			if before.Len() != had || l.Len() != len(want) {
				t.Fatalf("%d letters, want %d; before %d, want %d", l.Len(), len(want), before.Len(), had)
			}
		}
		if got := slices.Collect(l.After(0)); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		after := rapid.Uint64Range(0, next+1).Draw(t, "after")
		i, has := slices.BinarySearch(want, after)
		if has {
			i++
		}
		if got := slices.Collect(l.After(after)); !slices.Equal(got, want[i:]) || l.Has(after) != has {
			t.Fatalf("after %d: %v, want %v", after, got, want[i:])
		}
	})
}

// TestLettersInSnapshot: a snapshot has the letters that are open; one of an earlier version has all that it remembers.
func TestLettersInSnapshot(t *testing.T) {
	p := newProducers(time.Hour)
	letter := func(position uint64) {
		at := ProducerPosition{Producer: event.Producer{Name: "s"}, Seq: position}
		p.apply(&Record{Kind: DeadLetter, Time: time.Unix(int64(position), 0), Reason: "r", Positions: []ProducerPosition{at}}, position)
	}
	for position := range uint64(3000) {
		letter(position*2 + 1)
	}
	ev := Settle(41, "dropped", "ops")
	p.apply(&Record{Kind: Delta, Positions: []ProducerPosition{{Producer: ev.Producer, Seq: ev.Seq}}}, 7000)
	if p.open.Len() != 2999 || p.open.Has(41) || len(p.byKey) != 1 {
		t.Fatalf("%d are open, %d producers", p.open.Len(), len(p.byKey))
	}
	o := &Operator{cfg: Config{Shard: 3}, chain: &Chain{Shard: 3, Whole: 7000, Head: "h"}, producers: p}
	for _, version := range []uint64{stateVersion, lettersVersion} {
		pinned := o.pin()
		var b bytes.Buffer
		if version == stateVersion {
			pinned.reasons = nil // as if there were none, so that it is written as before
			if err := pinned.write(&b); err != nil {
				t.Fatal(err)
			}
		} else if err := pinned.write(&b); err != nil {
			t.Fatal(err)
		}
		r := &Restored{chain: &Chain{Shard: 3}, producers: newProducers(time.Hour)}
		if err := r.read(bytes.NewReader(b.Bytes())); err != nil {
			t.Fatal(err)
		}
		got := slices.Collect(r.producers.open.After(0))
		switch {
		case version == lettersVersion && !slices.Equal(got, slices.Collect(p.open.After(0))):
			t.Errorf("%d are open, want %d", len(got), p.open.Len())
		case version == stateVersion && (len(got) != 3000 || got[20] != 41):
			t.Errorf("of an earlier version: %d are open", len(got))
		}
		if version == lettersVersion {
			for n := 0; n < b.Len(); n += 101 {
				if err := (&Restored{chain: &Chain{Shard: 3}, producers: newProducers(time.Hour)}).read(bytes.NewReader(b.Bytes()[:n])); err == nil {
					t.Fatalf("%d of %d bytes are a state", n, b.Len())
				}
			}
		}
	}
}

// TestMostLetters: of too many letters the oldest are held to be settled.
func TestMostLetters(t *testing.T) {
	var l Letters
	for at := range uint64(maxOpen) {
		l.push(at + 1)
	}
	if l = l.with(maxOpen + 1); l.Len() != maxOpen || l.Has(1) || !l.Has(2) || !l.Has(maxOpen+1) {
		t.Errorf("%d letters", l.Len())
	}
}

// TestDecodeLetter: what is written is read.
func TestDecodeLetter(t *testing.T) {
	ev := event.Event{Producer: event.Producer{Kind: event.Stream, Name: "s\"\n/1"}, Seq: 19, Key: "k", MediaType: "a/b; c=\"d\"", Payload: []byte("\x00 .\n\xff")}
	got, err := DecodeLetter(encodeLetter(&ev))
	if err != nil || got.Producer != ev.Producer || got.Seq != 19 || got.Key != "k" || got.MediaType != ev.MediaType || !bytes.Equal(got.Payload, ev.Payload) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"H seq \"x\" .\n", "H payload \"?\" .\n", "nonsense\n"} {
		if _, err := DecodeLetter([]byte(bad)); err == nil {
			t.Errorf("%q is a letter", bad)
		}
	}
}

// TestLettersAfterIsEnded: who has seen enough isn't given more.
func TestLettersAfterIsEnded(t *testing.T) {
	var l Letters
	for at := range uint64(3 * letterChunk) {
		l = l.with(at + 1)
	}
	if len(l.chunks) != 3 {
		t.Errorf("%d chunks", len(l.chunks))
	}
	n := 0
	for range l.After(5) {
		if n++; n == letterChunk+7 {
			break
		}
	}
	if n != letterChunk+7 {
		t.Errorf("%d letters", n)
	}
}

// TestLettersOfForgotten: a snapshot of an earlier version has letters whose producers are forgotten by their reasons; one whose letters
// are not in order is damaged.
func TestLettersOfForgotten(t *testing.T) {
	p := newProducers(time.Hour)
	p.addReason(reason{9, "r"})
	p.addReason(reason{4, "r"})
	if p.allOpen(); !slices.Equal(slices.Collect(p.open.After(0)), []uint64{4, 9}) {
		t.Errorf("%v", slices.Collect(p.open.After(0)))
	}
	for _, bad := range [][]uint64{{2, 5, 0}, {1, 0}, {1}} {
		d := &stateReader{r: bufio.NewReader(bytes.NewReader(appendNumbers(nil, bad...)))}
		if newProducers(time.Hour).readLetters(d); d.err == nil {
			t.Errorf("%v are letters", bad)
		}
	}
}
