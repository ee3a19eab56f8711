package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/statetable"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

const (
	life    = 500 * time.Millisecond
	silence = 2 * time.Second
	window  = 64 << 10
)

var (
	times = Times{Life: life, Silence: silence}
	start = time.Unix(1e9, 0)
)

// words are the frames to send, in the words of the tables.
func words(out []Frame) (words []string) {
	names := map[Kind]string{Credit: "credit", Cancel: "cancel", Part: "part", Alive: "alive", End: "end", Fail: "fail"}
	for _, f := range out {
		words = append(words, names[f.Kind])
	}
	return words
}

func cell(words []string) string {
	if len(words) == 0 {
		return "."
	}
	return strings.Join(words, " ")
}

// asking is an asker's end that its test brings into a state by hand.
type asking struct {
	*Asking
	t *testing.T
}

func (a *asking) where() string {
	switch {
	case a.over:
		return "over"
	case a.complete:
		return "ending"
	case len(a.waiting) > 0 || a.lent > 0:
		return "waiting"
	case a.heard:
		return "answering"
	}
	return "asked"
}

// gives returns what comes of an input.
func (a *asking) gives(input func(*asking)) string {
	before := a.where()
	input(a)
	if err := a.Check(); err != nil {
		a.t.Error(err)
	}
	var all []string
	after := a.where()
	if after != before {
		all = append(all, after)
	}
	all = append(all, words(a.Effects())...)
	if err, over := a.Outcome(); over && before != "over" {
		all = append(all, outcome(err)...)
	}
	return cell(all)
}

func outcome(err error) []string {
	switch {
	case err == nil:
		return []string{"whole"}
	case errors.Is(err, errCanceled):
		return nil
	}
	return []string{request.CodeOf(err).String()}
}

func newAsking() *Asking { return NewAsking(start, times, "b", 1, 7, window, []byte("?")) }

// of is a frame of the answerer that the tests know.
func of(f Frame) *Frame {
	f.Asker, f.Request, f.Answerer = 1, 7, 9
	return &f
}

// part is the frame of that number.
func part(number uint64, length int, more bool) *Frame {
	return of(Frame{Kind: Part, Number: number, Content: make([]byte, length), More: more})
}

// TestAskingStates goes through the table in the comment of Asking.
func TestAskingStates(t *testing.T) {
	state := func(name string, to func(*Asking)) statetable.State[*asking] {
		return statetable.State[*asking]{Name: name, Make: func(t *testing.T) *asking {
			a := &asking{newAsking(), t}
			to(a.Asking)
			if a.Effects(); a.where() != name {
				t.Fatalf("%s is made, want %s", a.where(), name)
			}
			return a
		}}
	}
	after := func(d time.Duration) func(*asking) {
		return func(a *asking) {
			for passed := time.Duration(0); passed < d; passed += life / 2 {
				a.Tick(a.watch.last.Add(life / 2))
				if passed+life/2 < d {
					a.Effects() // the signs of life before
				}
			}
		}
	}
	var inputs []statetable.Input[*asking]
	for _, in := range []struct {
		name string
		give func(*asking)
	}{
		{"Part", func(a *asking) { a.Receive(part(a.next, 10, false)) }},
		{"Part, goes on", func(a *asking) { a.Receive(part(a.next, 10, true)) }},
		{"Part again", func(a *asking) {
			if a.next > 0 {
				a.Receive(part(a.next-1, 10, false))
			}
		}},
		{"Part after a lost one", func(a *asking) { a.Receive(part(a.next+1, 10, false)) }},
		{"Part beyond the window", func(a *asking) { a.Receive(part(a.next, window, false)) }},
		{"Part of another answerer", func(a *asking) {
			f := part(a.next, 10, false)
			f.Answerer = 10
			a.Receive(f)
		}},
		{"Alive", func(a *asking) { a.Receive(of(Frame{Kind: Alive, Number: a.next})) }},
		{"Alive after a lost one", func(a *asking) { a.Receive(of(Frame{Kind: Alive, Number: a.next + 1})) }},
		{"End", func(a *asking) { a.Receive(of(Frame{Kind: End, Number: a.next, Bytes: a.received})) }},
		{"End after a lost one", func(a *asking) { a.Receive(of(Frame{Kind: End, Number: a.next + 1, Bytes: a.received})) }},
		{"End of another length", func(a *asking) { a.Receive(of(Frame{Kind: End, Number: a.next, Bytes: a.received + 1})) }},
		{"End within a part", func(a *asking) {
			a.within = true
			a.Receive(of(Frame{Kind: End, Number: a.next, Bytes: a.received}))
		}},
		{"Fail: failed", func(a *asking) { a.Receive(of(Frame{Kind: Fail, Number: a.next, Code: request.Failed})) }},
		{"Fail, after a lost one", func(a *asking) { a.Receive(of(Frame{Kind: Fail, Number: a.next + 1, Code: request.Failed})) }},
		{"Fail: busy", func(a *asking) { a.Receive(of(Frame{Kind: Fail, Code: request.Busy})) }},
		{"a frame of an asker", func(a *asking) { a.Receive(of(Frame{Kind: Credit, Bytes: 1})) }},
		{"NobodyThere", func(a *asking) { a.NobodyThere() }},
		{"Next, Taken", func(a *asking) {
			if _, ok := a.Next(); ok {
				a.Taken()
			}
		}},
		{"Next, Taken: much", func(a *asking) {
			if _, ok := a.Next(); ok {
				a.received, a.lent = a.received+window/4, a.lent+window/4
				a.Taken()
			}
		}},
		{"Cancel", func(a *asking) { a.Cancel() }},
		{"Break", func(a *asking) { a.Break(&request.Error{Code: request.Stopped}) }},
		{"Tick, early", after(life / 2)},
		{"Tick, after Life", after(life)},
		{"Tick, after Silence", after(silence)},
		{"Tick, late", func(a *asking) { a.Tick(start.Add(time.Hour)) }},
	} {
		inputs = append(inputs, statetable.Input[*asking]{Name: in.name, Give: func(a *asking) string { return a.gives(in.give) }})
	}
	statetable.Prove(t, "asking.go", "Asking", []statetable.State[*asking]{
		state("asked", func(*Asking) {}),
		state("answering", func(a *Asking) { a.Receive(of(Frame{Kind: Alive})) }),
		state("waiting", func(a *Asking) { a.Receive(part(0, 10, false)) }),
		state("ending", func(a *Asking) {
			a.Receive(part(0, 10, false))
			a.Receive(of(Frame{Kind: End, Number: 1, Bytes: a.received}))
		}),
		state("over", func(a *Asking) { a.Receive(of(Frame{Kind: End})) }),
	}, inputs)
}

// answering is an answerer's end that its test brings into a state by hand.
type answering struct {
	*Answering
	t *testing.T
}

func (a *answering) where() string {
	switch {
	case a.over:
		return "over"
	case a.sent-a.taken+weight(a.Largest()) > a.window:
		return "full"
	}
	return "open"
}

func (a *answering) gives(input func(*answering) bool) string {
	before, gone := a.where(), a.Gone()
	took := input(a)
	if err := a.Check(); err != nil {
		a.t.Error(err)
	}
	var all []string
	if after := a.where(); after != before {
		all = append(all, after)
	}
	all = append(all, words(a.Effects())...)
	if !took {
		all = append(all, "no")
	}
	if a.Gone() != gone {
		all = append(all, "gone")
	}
	return cell(all)
}

func newAnswering(t testing.TB) *Answering {
	t.Helper()
	a, err := NewAnswering(start, times, 9, &Frame{Kind: Ask, Asker: 1, Request: 7, Bytes: window})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAnsweringStates goes through the table in the comment of Answering.
func TestAnsweringStates(t *testing.T) {
	state := func(name string, to func(*Answering)) statetable.State[*answering] {
		return statetable.State[*answering]{Name: name, Make: func(t *testing.T) *answering {
			a := &answering{newAnswering(t), t}
			to(a.Answering)
			if a.Effects(); a.where() != name {
				t.Fatalf("%s is made, want %s", a.where(), name)
			}
			return a
		}}
	}
	fill := func(a *Answering) { a.Part(make([]byte, a.Largest()), false) }
	after := func(d time.Duration) func(*answering) {
		return func(a *answering) {
			for passed := time.Duration(0); passed < d; passed += life / 2 {
				a.Tick(a.watch.last.Add(life / 2))
				if passed+life/2 < d {
					a.Effects()
				}
			}
		}
	}
	credit := func(bytes func(*answering) uint64) func(*answering) {
		return func(a *answering) {
			a.Receive(&Frame{Kind: Credit, Asker: 1, Request: 7, Answerer: 9, Bytes: bytes(a)})
		}
	}
	var inputs []statetable.Input[*answering]
	add := func(name string, give func(*answering) bool) {
		inputs = append(inputs, statetable.Input[*answering]{Name: name, Give: func(a *answering) string { return a.gives(give) }})
	}
	always := func(name string, give func(*answering)) {
		add(name, func(a *answering) bool { give(a); return true })
	}
	add("Part", func(a *answering) bool {
		if a.where() == "full" {
			return a.Part(make([]byte, a.Largest()), false)
		}
		return a.Part([]byte("part"), false)
	})
	add("Part, the last room", func(a *answering) bool { return a.Part(make([]byte, a.Largest()), true) })
	always("End", func(a *answering) { a.End() })
	always("Fail", func(a *answering) { a.Fail(&request.Error{Code: request.Failed}) })
	always("Credit", credit(func(a *answering) uint64 { return a.sent }))
	always("Credit, an older one", credit(func(*answering) uint64 { return 0 }))
	always("Credit beyond", credit(func(a *answering) uint64 { return a.sent + 1 }))
	always("Credit for another", func(a *answering) {
		a.Receive(&Frame{Kind: Credit, Asker: 1, Request: 7, Answerer: 8, Bytes: a.sent + 1})
	})
	always("Cancel", func(a *answering) { a.Receive(&Frame{Kind: Cancel, Asker: 1, Request: 7}) })
	always("Tick, early", after(life/2))
	always("Tick, after Life", after(life))
	always("Tick, after Silence", after(silence))
	always("Tick, late", func(a *answering) { a.Tick(start.Add(time.Hour)) })
	statetable.Prove(t, "answering.go", "Answering", []statetable.State[*answering]{
		state("open", func(a *Answering) { a.Part(nil, false) }),
		state("full", func(a *Answering) { fill(a); fill(a) }),
		state("over", func(a *Answering) { a.End() }),
	}, inputs)
}

// TestCheckFinds: each of the invariants is found broken.
func TestCheckFinds(t *testing.T) {
	for name, change := range map[string]func(*Asking){
		"told":     func(a *Asking) { a.told = a.taken + 1 },
		"taken":    func(a *Asking) { a.taken = a.received + 1 },
		"window":   func(a *Asking) { a.window = 10 },
		"held":     func(a *Asking) { a.lent++ },
		"begun":    func(a *Asking) { a.begun = []byte("x") },
		"part":     func(a *Asking) { a.begun = make([]byte, request.MaxPart+1) },
		"unheard":  func(a *Asking) { a.heard = false },
		"over":     func(a *Asking) { a.over = true },
		"waits":    func(a *Asking) { a.over, a.complete = true, true },
		"goes on":  func(a *Asking) { a.over, a.complete, a.waiting, a.begun = true, true, nil, []byte("x") },
		"complete": func(a *Asking) { a.complete, a.waiting, a.received = true, nil, a.taken },
	} {
		a := newAsking()
		a.Receive(part(0, 10, false))
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		if change(a); a.Check() == nil {
			t.Errorf("%s of an asker is not found", name)
		}
	}
	for name, change := range map[string]func(*Answering){
		"taken":  func(a *Answering) { a.taken = a.sent + 1 },
		"window": func(a *Answering) { a.window = 10 },
		"frames": func(a *Answering) { a.next = 1000 },
		"gone":   func(a *Answering) { a.gone = "so" },
	} {
		a := newAnswering(t)
		a.Part([]byte("part"), false)
		if change(a); a.Check() == nil {
			t.Errorf("%s of an answerer is not found", name)
		}
	}
}

// TestWindows: a request with a window that is out of bounds is none.
func TestWindows(t *testing.T) {
	for _, f := range []Frame{{Kind: Ask}, {Kind: Ask, Bytes: MinWindow - 1}, {Kind: Ask, Bytes: MaxWindow + 1}, {Kind: Credit, Bytes: MinWindow}} {
		if _, err := NewAnswering(start, times, 9, &f); !errors.Is(err, ErrFrame) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, window := range []uint64{MinWindow, MaxWindow} {
		if _, err := NewAnswering(start, times, 9, &Frame{Kind: Ask, Bytes: window}); err != nil {
			t.Error(err)
		}
	}
}

// TestWindowIsFilled: two of the largest frames fit exactly, and the answerer hears of a quarter that was taken at a time.
func TestWindowIsFilled(t *testing.T) {
	a, answerer := newAsking(), newAnswering(t)
	for range 2 {
		if !answerer.Part(make([]byte, answerer.Largest()), false) {
			t.Fatal("a frame does not fit")
		}
	}
	if answerer.sent != window {
		t.Errorf("two of the largest frames are %d bytes of a window of %d", answerer.sent, window)
	}
	for _, f := range answerer.Effects() {
		a.Receive(&f)
	}
	if err, over := a.Outcome(); over || a.Check() != nil {
		t.Errorf("a full window: %v, %v", err, a.Check())
	}
	if _, ok := a.Next(); !ok {
		t.Error("no part waits")
	}
	if _, ok := a.Next(); ok {
		t.Error("a part is given while one is being taken")
	}
	a = newAsking()
	a.Effects()
	const length, frames = window/64 - frameWeight, 256
	credits := 0
	for i := range uint64(frames) {
		a.Receive(part(i, length, false))
		a.Next()
		a.Taken()
		credits += len(a.Effects())
	}
	if credits != frames/16 {
		t.Errorf("%d credits for %d frames of a 64th of the window", credits, frames)
	}
}

// TestLongPartBehindAnother: the frames of a part that goes on make room as soon as what waited before it was taken.
func TestLongPartBehindAnother(t *testing.T) {
	a := newAsking()
	a.Receive(part(0, 0, false))
	a.Receive(part(1, window/2-frameWeight, true))
	a.Effects()
	a.Next()
	if a.Taken(); len(a.Effects()) != 1 {
		t.Error("the answerer hears nothing of the room")
	}
	if err := a.Check(); err != nil || a.taken != a.received {
		t.Errorf("%d of %d bytes are held; %v", a.received-a.taken, a.received, err)
	}
}

// TestSignsOfLifeAreEnough: while nothing but those goes to and fro, both ends wait.
func TestSignsOfLifeAreEnough(t *testing.T) {
	asker, answerer := newAsking(), newAnswering(t)
	asker.Effects()
	frames := 0
	for now := start; now.Before(start.Add(10 * silence)); now = now.Add(life / 2) {
		asker.Tick(now)
		answerer.Tick(now)
		for _, f := range asker.Effects() {
			frames++
			answerer.Receive(&f)
		}
		for _, f := range answerer.Effects() {
			frames++
			asker.Receive(&f)
		}
	}
	if want := 2 * int(10*silence/life); frames > want || frames < want-4 {
		t.Errorf("%d signs of life, want about %d", frames, want)
	}
	if err, over := asker.Outcome(); over || answerer.Gone() != "" {
		t.Errorf("the asker: %v, the answerer: %q", err, answerer.Gone())
	}
}

// TestWindowHoldsWholeParts: parts of several frames hold their whole length of the window while they wait; one alone may be longer
// than that.
func TestWindowHoldsWholeParts(t *testing.T) {
	a := newAsking()
	frame := window/4 - frameWeight
	for i := range uint64(4) { // two parts of two frames each
		a.Receive(part(i, frame, i%2 == 0))
	}
	if held := a.received - a.taken; held != window-window/4 { // the first frame came when nothing waited
		t.Errorf("%d bytes of the window are held by two parts of %d bytes", held, 2*frame)
	}
	a.Receive(part(4, frame, true))
	a.Receive(part(5, frame, true))
	if err, over := a.Outcome(); !over || request.CodeOf(err) != request.Lost {
		t.Errorf("more than the window: %v, %v", err, over)
	}
	a = newAsking()
	for i := range uint64(8) {
		a.Receive(part(i, frame, i < 7))
	}
	if got, ok := a.Next(); !ok || len(got) != 8*frame {
		t.Errorf("a part of twice the window: %d bytes, %v", len(got), ok)
	}
}

// TestEndOfLess: one that says fewer frames than came is no end.
func TestEndOfLess(t *testing.T) {
	a := newAsking()
	a.Receive(part(0, 10, false))
	a.Receive(of(Frame{Kind: End, Number: 0, Bytes: a.received}))
	if err, over := a.Outcome(); !over || request.CodeOf(err) != request.Lost {
		t.Errorf("%v, %v", err, over)
	}
}

// TestPartIsPutTogether: what goes on in other frames is one part, of bounded length.
func TestPartIsPutTogether(t *testing.T) {
	for _, frames := range [][]string{{"abc", "def", "ghi"}, {"a", "b"}, {"", "a"}, {"a", ""}} {
		a := newAsking()
		for i, content := range frames {
			a.Receive(of(Frame{Kind: Part, Number: uint64(i), Content: []byte(content), More: i+1 < len(frames)}))
		}
		if got, ok := a.Next(); !ok || string(got) != strings.Join(frames, "") {
			t.Errorf("%q of %q, %v", got, frames, ok)
		}
	}
	a := newAsking()
	for i := range uint64(request.MaxPart/10_000 + 1) {
		a.Receive(part(i, 10_000, true))
	}
	if err, over := a.Outcome(); !over || request.CodeOf(err) != request.Lost {
		t.Errorf("a part without an end: %v, %v", err, over)
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	a = newAsking()
	for i := range uint64(8) { // the longest
		a.Receive(part(i, request.MaxPart/8, i < 7))
	}
	if got, ok := a.Next(); !ok || len(got) != request.MaxPart {
		t.Errorf("the longest part: %d bytes, %v", len(got), ok)
	}
	a = newAsking()
	for i, more := range []bool{false, true, false, true} { // while one waits, one goes on with nothing
		a.Receive(part(uint64(i), 0, more))
		if err := a.Check(); err != nil {
			t.Error(err)
		}
	}
}
