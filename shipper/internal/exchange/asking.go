package exchange

import (
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Asking is the asker's end of one request. It is used by one goroutine at a time; after each input the driver sends what Effects
// returns, in any order.
//
// This is what comes of each input in each state: nothing was heard yet; the answer has begun and nothing of it waits; a part
// waits to be taken, or is being taken; the answer's end has come, and a part waits; all is over. A cell has the next state;
// "credit" and "cancel", the frames to send; and what Outcome tells when it is over. "." is nothing.
//
//	input                       asked                  answering           waiting             ending       over
//	Part                        waiting                waiting             .                   .            .
//	Part, goes on               answering              .                   .                   .            .
//	Part again                  .                      .                   .                   .            .
//	Part after a lost one       over cancel lost       over cancel lost    over cancel lost    .            .
//	Part beyond the window      over cancel lost       over cancel lost    over cancel lost    .            .
//	Part of another answerer    -                      .                   .                   .            .
//	Alive                       answering              .                   .                   .            .
//	Alive after a lost one      over cancel lost       over cancel lost    over cancel lost    .            .
//	End                         over whole             over whole          ending              .            .
//	End after a lost one        over cancel lost       over cancel lost    over cancel lost    .            .
//	End of another length       over cancel lost       over cancel lost    over cancel lost    .            .
//	End within a part           over cancel lost       over cancel lost    over cancel lost    .            .
//	Fail: failed                over failed            over failed         ending              .            .
//	Fail, after a lost one      over cancel lost       over cancel lost    over cancel lost    .            .
//	Fail: busy                  over busy              over busy           over busy           .            .
//	a frame of an asker         .                      .                   .                   .            .
//	NobodyThere                 over no route          over lost           over lost           .            .
//	Next, Taken                 .                      .                   answering           over whole   .
//	Next, Taken: much           .                      .                   answering credit    over whole   .
//	Cancel                      over cancel            over cancel         over cancel         over         .
//	Break                       over stopped           over stopped        over stopped        .            .
//	Tick, early                 .                      .                   .                   .            .
//	Tick, after Life            credit                 credit              credit              .            .
//	Tick, after Silence         over cancel lost       over cancel lost    over cancel lost    .            .
//	Tick, late                  credit                 credit              credit              .            .
//
// "Part of another answerer" is one of a second process that bears the node's name: whose frame comes first answers.
type Asking struct {
	id       Frame // what each frame begins with
	node     string
	window   uint64
	watch    watch
	heard    bool
	answerer uint64
	next     uint64 // number of the frame that comes next

	// received, taken and told count weights: what has come, what of it is not held any more, and what the answerer was told of that.
	received, taken, told uint64
	begun                 []byte // of a part that goes on
	begunWeight           uint64 // what it holds of the window
	within                bool   // a part goes on
	waiting               []piece
	lent                  uint64 // weight of the part that is being taken

	complete, over bool // nothing more comes; nothing waits either
	err            error
	out            []Frame
}

// piece is a part that waits, and the weight that it holds in the window.
type piece struct {
	part   []byte
	weight uint64
}

// NewAsking begins a request to node: its first effect is the Ask. The window is between [MinWindow] and [MaxWindow].
func NewAsking(now time.Time, times Times, node string, asker, number uint64, window int, content []byte) *Asking {
	a := &Asking{id: Frame{Asker: asker, Request: number}, node: node, window: uint64(window), watch: newWatch(now, times)}
	a.send(Frame{Kind: Ask, Bytes: a.window, Content: content})
	return a
}

func (a *Asking) send(f Frame) {
	f.Asker, f.Request, f.Answerer = a.id.Asker, a.id.Request, a.answerer
	a.out = append(a.out, f)
	a.watch.spoke()
}

// Effects returns the frames to send since the last call.
func (a *Asking) Effects() []Frame {
	out := a.out
	a.out = nil
	return out
}

// Outcome tells when it is over, and what became of the request: nil if the answer was whole. It is over for good.
func (a *Asking) Outcome() (err error, over bool) { return a.err, a.over }

// Receive takes in a frame, whose content it keeps.
func (a *Asking) Receive(f *Frame) {
	if a.complete || f.Kind < Part || a.heard && f.Answerer != a.answerer {
		return
	}
	a.heard, a.answerer = true, f.Answerer
	a.watch.heard()
	switch {
	case f.Kind == Fail && f.Code != request.Failed:
		a.end(&request.Error{Code: f.Code, Node: a.node, Text: string(f.Content)})
	case f.Number > a.next:
		a.lose("frame %d came, and frame %d did not", f.Number, a.next)
	case f.Kind == Part && f.Number == a.next:
		a.part(f)
	case f.Kind == End && (f.Number < a.next || f.Bytes != a.received || a.within):
		a.lose("it ends at frame %d with %d bytes, and %d frames came with %d", f.Number, f.Bytes, a.next, a.received)
	case f.Kind == End:
		a.finish(nil)
	case f.Kind == Fail:
		a.finish(&request.Error{Code: request.Failed, Node: a.node, Kind: f.Word, Text: string(f.Content)})
	}
}

// part takes in the next frame of the answer.
func (a *Asking) part(f *Frame) {
	w := weight(len(f.Content))
	switch {
	case a.received-a.taken+w > a.window:
		a.lose("it sends more than the %d bytes that may be on their way", a.window)
		return
	case len(a.begun)+len(f.Content) > request.MaxPart:
		a.lose("it sends a part of more than %d bytes", request.MaxPart)
		return
	}
	a.next++
	a.received += w
	a.within = f.More
	switch {
	case f.More:
		a.begun, a.begunWeight = append(a.begun, f.Content...), a.begunWeight+w
		a.freeBegun()
	case len(a.begun) > 0:
		a.waiting = append(a.waiting, piece{append(a.begun, f.Content...), a.begunWeight + w})
		a.begun, a.begunWeight = nil, 0
	default:
		a.waiting = append(a.waiting, piece{f.Content, a.begunWeight + w})
		a.begunWeight = 0
	}
}

// freeBegun has the part that goes on hold nothing of the window while nothing else waits: it may be longer than that. MaxPart
// bounds it.
func (a *Asking) freeBegun() {
	if w := a.begunWeight; w > 0 && len(a.waiting) == 0 && a.lent == 0 {
		a.begunWeight = 0
		a.took(w)
	}
}

// took notes that so much of the window is free again. The answerer hears of a quarter at a time.
func (a *Asking) took(w uint64) {
	a.taken += w
	if !a.complete && a.taken-a.told >= a.window/4 {
		a.credit()
	}
}

func (a *Asking) credit() {
	a.told = a.taken
	a.send(Frame{Kind: Credit, Bytes: a.taken})
}

// Next returns the next part that waits, if there is one, and none is being taken. [Asking.Taken] must follow.
func (a *Asking) Next() (part []byte, ok bool) {
	if len(a.waiting) == 0 || a.lent > 0 || a.over {
		return nil, false
	}
	p := a.waiting[0]
	a.waiting[0] = piece{}
	a.waiting = a.waiting[1:]
	a.lent = p.weight
	return p.part, true
}

// Taken says that the part of the last Next was taken.
func (a *Asking) Taken() {
	w := a.lent
	a.lent = 0
	a.took(w)
	a.freeBegun()
	if a.complete && len(a.waiting) == 0 {
		a.over = true
	}
}

// NobodyThere says that there is nobody who could have heard the last frame.
func (a *Asking) NobodyThere() {
	switch {
	case a.complete:
	case !a.heard:
		a.end(&request.Error{Code: request.NoRoute, Node: a.node, Text: "nobody is there"})
	default:
		a.end(&request.Error{Code: request.Lost, Node: a.node, Text: "the node has ended"})
	}
}

// Cancel says that nobody waits for the answer any more.
func (a *Asking) Cancel() {
	if !a.complete {
		a.send(Frame{Kind: Cancel})
	}
	if !a.over {
		a.end(errCanceled)
	}
}

var errCanceled = errors.New("canceled")

// Break ends it: the way is gone.
func (a *Asking) Break(err *request.Error) {
	if !a.complete {
		a.end(err)
	}
}

// Tick tells the time.
func (a *Asking) Tick(now time.Time) {
	dead, due := a.watch.look(now)
	switch {
	case a.complete:
	case dead:
		a.lose("nothing was heard of the node for %v", a.watch.times.Silence)
	case due:
		a.credit()
	}
}

func (a *Asking) lose(text string, args ...any) {
	a.send(Frame{Kind: Cancel})
	a.end(&request.Error{Code: request.Lost, Node: a.node, Text: fmt.Sprintf(text, args...)})
}

// finish notes that nothing more comes; what waits is taken first.
func (a *Asking) finish(err error) {
	a.complete, a.err = true, err
	a.over = len(a.waiting) == 0 && a.lent == 0
}

// end ends it at once.
func (a *Asking) end(err error) {
	a.complete, a.over, a.err = true, true, err
	a.waiting, a.begun, a.begunWeight = nil, nil, 0
}

// Check returns what of the state can't be.
func (a *Asking) Check() error {
	held := a.lent + a.begunWeight
	for _, p := range a.waiting {
		held += p.weight
	}
	switch {
	case a.told > a.taken || a.taken > a.received:
		return fmt.Errorf("told %d of %d taken of %d received", a.told, a.taken, a.received)
	case a.received-a.taken > a.window:
		return fmt.Errorf("%d bytes are held, at most %d may be", a.received-a.taken, a.window)
	case !a.over && held != a.received-a.taken:
		return fmt.Errorf("%d bytes wait, %d were received and not taken", held, a.received-a.taken)
	case len(a.begun) > request.MaxPart || len(a.begun) > 0 && !a.within && !a.over:
		return fmt.Errorf("%d bytes of a part that does not go on", len(a.begun))
	case !a.heard && (a.next > 0 || a.received > 0):
		return fmt.Errorf("%d frames of an answer that was not heard", a.next)
	case a.over && (!a.complete || len(a.waiting)+len(a.begun) > 0), a.complete && !a.over && held == 0:
		return fmt.Errorf("over: %v, complete: %v, %d bytes wait", a.over, a.complete, held)
	}
	return nil
}
