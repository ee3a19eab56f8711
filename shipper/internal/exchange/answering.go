package exchange

import (
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Answering is the answerer's end of one request. It is used by one goroutine at a time; after each input the driver sends what
// Effects returns, in that order.
//
// This is what comes of each input in each state: there is room for a frame; the asker has taken too little; all is over. A
// cell has the next state; the frame to send; "no", if the part was not taken; "gone", if Gone tells why. "." is nothing.
//
//	input                 open          full       over
//	Part                  part          no         no
//	Part, the last room   full part     no         no
//	End                   over end      over end   .
//	Fail                  over fail     over fail  .
//	Credit                .             open       .
//	Credit, an older one  .             .          .
//	Credit beyond         over gone     over gone  .
//	Credit for another    .             .          .
//	Cancel                over gone     over gone  .
//	Tick, early           .             .          .
//	Tick, after Life      alive         alive      .
//	Tick, after Silence   over gone     over gone  .
//	Tick, late            alive         alive      .
type Answering struct {
	id     Frame // what each frame begins with
	window uint64
	watch  watch
	next   uint64 // number of the next frame

	// sent and taken count weights: what was sent, and what of it the asker has taken.
	sent, taken uint64

	over bool
	gone string // why the asker waits no more
	out  []Frame
}

// NewAnswering begins to answer an Ask.
func NewAnswering(now time.Time, times Times, answerer uint64, ask *Frame) (*Answering, error) {
	if ask.Kind != Ask || ask.Bytes < MinWindow || ask.Bytes > MaxWindow {
		return nil, fmt.Errorf("%w: a request with a window of %d bytes, expected %d to %d", ErrFrame, ask.Bytes, MinWindow, MaxWindow)
	}
	return &Answering{id: Frame{Asker: ask.Asker, Request: ask.Request, Answerer: answerer}, window: ask.Bytes,
		watch: newWatch(now, times)}, nil
}

func (a *Answering) send(f Frame) {
	f.Asker, f.Request, f.Answerer = a.id.Asker, a.id.Request, a.id.Answerer
	a.out = append(a.out, f)
	a.watch.spoke()
}

// Effects returns the frames to send since the last call.
func (a *Answering) Effects() []Frame {
	out := a.out
	a.out = nil
	return out
}

// Gone tells why the asker does not wait any more; "" if it does, or has had its answer.
func (a *Answering) Gone() string { return a.gone }

// Largest is the most content that one frame has, so that two fit in the window.
func (a *Answering) Largest() int { return int(a.window/2) - frameWeight }

// Part sends a frame of the answer, if there is room for it. The content is lent until the effects have been sent.
func (a *Answering) Part(content []byte, more bool) bool {
	w := weight(len(content))
	if a.over || a.sent-a.taken+w > a.window {
		return false
	}
	a.send(Frame{Kind: Part, Number: a.next, More: more, Content: content})
	a.next++
	a.sent += w
	return true
}

// End says that the answer is whole.
func (a *Answering) End() {
	if !a.over {
		a.over = true
		a.send(Frame{Kind: End, Number: a.next, Bytes: a.sent})
	}
}

// Fail says that the answer breaks off.
func (a *Answering) Fail(err *request.Error) {
	if !a.over {
		a.over = true
		a.send(Frame{Kind: Fail, Number: a.next, Code: err.Code, Word: err.Kind, Content: []byte(err.Text)})
	}
}

// Receive takes in a frame of the asker.
func (a *Answering) Receive(f *Frame) {
	if a.over || f.Answerer != 0 && f.Answerer != a.id.Answerer {
		return
	}
	a.watch.heard()
	switch {
	case f.Kind == Cancel:
		a.leave("the asker has canceled it")
	case f.Kind == Credit && f.Bytes > a.sent:
		a.leave(fmt.Sprintf("the asker has taken %d bytes, and %d were sent", f.Bytes, a.sent))
	case f.Kind == Credit:
		a.taken = max(a.taken, f.Bytes)
	}
}

// Tick tells the time.
func (a *Answering) Tick(now time.Time) {
	dead, due := a.watch.look(now)
	switch {
	case a.over:
	case dead:
		a.leave(fmt.Sprintf("nothing was heard of the asker for %v", a.watch.times.Silence))
	case due:
		a.send(Frame{Kind: Alive, Number: a.next})
	}
}

func (a *Answering) leave(why string) { a.over, a.gone = true, why }

// Check returns what of the state can't be.
func (a *Answering) Check() error {
	switch {
	case a.taken > a.sent || a.sent-a.taken > a.window:
		return fmt.Errorf("%d bytes taken of %d sent, at most %d may be on their way", a.taken, a.sent, a.window)
	case a.sent < a.next*frameWeight:
		return fmt.Errorf("%d frames of %d bytes", a.next, a.sent)
	case a.gone != "" && !a.over:
		return fmt.Errorf("not over, and the asker is gone: %s", a.gone)
	}
	return nil
}
