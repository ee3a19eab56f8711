package exchange

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// TestOverAnUnreliableWay runs both ends over a way that loses, doubles, delays and reorders frames, in steps of virtual time. It
// expects that what the asker has is the beginning of the answer, that only the whole answer passes for whole, that a way without
// faults carries it, and that both ends come to an end soon after the other has.
func TestOverAnUnreliableWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		actions := map[string]func(*rapid.T){
			"time passes": func(*rapid.T) { w.pass(life / 2) },
			"send":        w.send,
			"take":        func(*rapid.T) { w.take() },
			"arrives":     func(*rapid.T) { w.arrive(0) },
			"":            func(t *rapid.T) { w.check() },
		}
		if w.faults = rapid.Bool().Draw(t, "faults"); w.faults {
			actions["loses"] = w.lose
			actions["doubles"] = w.double
			actions["reorders"] = w.reorder
			actions["hears of nobody"] = func(*rapid.T) { w.asking.NobodyThere() }
			actions["a stop of both"] = func(*rapid.T) { w.now = w.now.Add(time.Hour) }
		}
		t.Repeat(actions)
		w.heal()
	})
}

// world is both ends and the way between them.
type world struct {
	t         *rapid.T
	now       time.Time
	asking    *Asking
	answering *Answering // nil: the Ask has not come
	way       []Frame    // both ways
	faults    bool

	answer [][]byte // the parts that make it
	fails  bool     // it breaks off after them
	sent   int      // frames' worth of parts handed over
	rest   []byte   // of the part that is being sent
	got    [][]byte
	ended  bool // the handler has returned
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: start, asking: newAsking()}
	lengths := rapid.SliceOfN(rapid.IntRange(0, window), 0, 12).Draw(t, "lengths")
	for i, n := range lengths {
		w.answer = append(w.answer, bytes.Repeat([]byte{byte('a' + i)}, n))
	}
	w.fails = rapid.IntRange(0, 4).Draw(t, "fails") == 0
	return w
}

func (w *world) flush() {
	for _, f := range w.asking.Effects() {
		if f.Asker != 1 || f.Request != 7 || f.Answerer != 0 && f.Answerer != 9 || f.Answerer == 0 && w.asking.next > 0 {
			w.t.Fatalf("a frame of %+v", f)
		}
		w.way = append(w.way, f)
	}
	if w.answering != nil {
		for _, f := range w.answering.Effects() {
			if f.Asker != 1 || f.Request != 7 || f.Answerer != 9 {
				w.t.Fatalf("a frame of %+v", f)
			}
			f.Content = bytes.Clone(f.Content)
			w.way = append(w.way, f)
		}
	}
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.asking.Tick(w.now)
	if w.answering != nil {
		w.answering.Tick(w.now)
	}
	w.flush()
}

// send does what the handler's driver does: the next frame, or the end.
func (w *world) send(*rapid.T) {
	a := w.answering
	if a == nil || w.ended {
		return
	}
	if w.sent == len(w.answer) {
		w.ended = true
		if w.fails {
			a.Fail(&request.Error{Code: request.Failed, Text: "breaks off"})
		} else {
			a.End()
		}
		w.flush()
		return
	}
	if w.rest == nil {
		w.rest = w.answer[w.sent]
	}
	n := min(len(w.rest), a.Largest())
	if a.Part(w.rest[:n], n < len(w.rest)) {
		if w.rest = w.rest[n:]; len(w.rest) == 0 {
			w.rest = nil
			w.sent++
		}
	}
	w.flush()
}

func (w *world) take() {
	if part, ok := w.asking.Next(); ok {
		w.got = append(w.got, bytes.Clone(part))
		w.asking.Taken()
	}
	w.flush()
}

// arrive has a frame that is on its way arrive.
func (w *world) arrive(i int) {
	if i >= len(w.way) {
		return
	}
	f := w.way[i]
	w.way = slices.Delete(w.way, i, i+1)
	w.deliver(&f)
	w.flush()
}

func (w *world) deliver(f *Frame) {
	decoded, err := Decode(f.Append(nil))
	if err != nil {
		w.t.Fatal(err)
	}
	switch {
	case f.Kind >= Part:
		w.asking.Receive(&decoded)
	case w.answering != nil:
		w.answering.Receive(&decoded)
	case f.Kind == Ask:
		if w.answering, err = NewAnswering(w.now, times, 9, &decoded); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) lose(t *rapid.T) {
	if len(w.way) > 0 {
		i := rapid.IntRange(0, len(w.way)-1).Draw(t, "lost")
		w.way = slices.Delete(w.way, i, i+1)
	}
}

func (w *world) double(t *rapid.T) {
	if len(w.way) > 0 {
		w.way = append(w.way, w.way[rapid.IntRange(0, len(w.way)-1).Draw(t, "doubled")])
	}
}

func (w *world) reorder(t *rapid.T) {
	if len(w.way) > 0 {
		w.arrive(rapid.IntRange(0, len(w.way)-1).Draw(t, "early"))
	}
}

func (w *world) check() {
	if err := w.asking.Check(); err != nil {
		w.t.Fatal(err)
	}
	if w.answering != nil {
		if err := w.answering.Check(); err != nil {
			w.t.Fatal(err)
		}
	}
	for i, part := range w.got {
		if i >= len(w.answer) || !bytes.Equal(part, w.answer[i]) {
			w.t.Fatalf("part %d of %d bytes is not that of the answer", i, len(part))
		}
	}
	err, over := w.asking.Outcome()
	switch {
	case over && err == nil && (len(w.got) != len(w.answer) || w.fails):
		w.t.Fatalf("%d parts of %d pass for whole", len(w.got), len(w.answer))
	case over && !w.faults && w.now.Sub(start) < silence && (err != nil) != w.fails:
		w.t.Fatalf("without a fault: %v", err)
	}
}

// heal has everything arrive from now on, and both ends come to an end.
func (w *world) heal() {
	calm := !w.faults && w.now.Sub(start) < silence
	for range 200 {
		if _, over := w.asking.Outcome(); over && (w.answering == nil || w.answering.over) {
			break
		}
		for range 20 {
			w.arrive(0)
			w.send(nil)
			w.take()
			w.check()
		}
		w.pass(life / 2)
		w.check()
	}
	err, over := w.asking.Outcome()
	if !over {
		w.t.Fatal("the asker waits for ever")
	}
	if calm && (err != nil) != w.fails {
		w.t.Fatalf("without a fault: %v", err)
	}
	if w.answering != nil && !w.answering.over {
		w.t.Fatal("the answerer waits for ever")
	}
}
