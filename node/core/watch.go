package core

import (
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
)

// Times of failure detection, which a node's configuration can change.
const (
	// BeatEvery is the time between heartbeats.
	BeatEvery = 150 * time.Millisecond
	// FailAfter is the time without one after which a member is proposed as failed.
	FailAfter = 750 * time.Millisecond
	// CallTimeout bounds one call of the control log.
	CallTimeout = 3 * time.Second
)

// maxCalls bounds the calls that are under way, one a beat.
const maxCalls = 20

// Watch hears the other members, and says whom to accuse. It is used by one goroutine. A look is due with each beat.
//
// This is what a look of a asks for, beside b and c, in each state: all are heard, b is accused, nobody is heard and calls are
// under way, or as many as there may be. What is silent for long is so for [FailAfter]; see [coordinator.Detector] for who may
// accuse. An accusation that is under way is not made again, and is to be given up until it has ended. "." is nothing.
//
//	input                           well      accused           called  20 called
//	Look: all are heard             .         withdraw b        .       .
//	Look: b is silent               .         .                 .       .
//	Look: b is silent for long      accuse b  .                 .       .
//	Look: b is another process      .         withdraw b        .       .
//	Look: b is no member            .         withdraw b        .       .
//	Look: all are silent for long   call      withdraw b, call  call    .
//	Look: it hears not even itself  call      withdraw b, call  call    .
//	Accused, then b is silent       .         accuse b          .       .
//	Called, then b is silent        .         .                 .       .
type Watch struct {
	node     string
	detector *coordinator.Detector
	accused  map[string]uint64 // incarnations of those against whom a proposal is under way
	calls    int               // that are under way
}

// NewWatch returns one that has heard nobody.
func NewWatch(node string, failAfter time.Duration) *Watch {
	detector := coordinator.NewDetector(coordinator.DetectorConfig{Node: node, FailAfter: failAfter})
	return &Watch{node: node, detector: detector, accused: map[string]uint64{}}
}

// Heard takes in a beat; see [coordinator.Detector.Heard].
func (w *Watch) Heard(at time.Time, node string, incarnation uint64, cut bool) {
	w.detector.Heard(at, node, incarnation, cut)
}

// Called takes in that a call has ended, at that time, and whether it was answered.
func (w *Watch) Called(at time.Time, answered bool) {
	w.calls--
	if answered {
		w.detector.Contact(at)
	}
}

// Accused takes in that the proposal against a member has ended, however.
func (w *Watch) Accused(name string) { delete(w.accused, name) }

// Cut reports whether the node is cut off, which its beats say; see [coordinator.Detector.Cut].
func (w *Watch) Cut(now time.Time) bool { return w.detector.Cut(now) }

// Orders are what a look asks for.
type Orders struct {
	// Call asks for the tail of the control log, which takes a majority, within [CallTimeout]; then call [Watch.Called]. It
	// may be slow, and still is an answer if another comes soon, so several calls are under way.
	Call bool
	// Withdraw names members whose accusation is to be given up; call [Watch.Accused] when it has ended.
	Withdraw []string
	// Accuse are members to propose as failed, within [ProposalTimeout]; then call [Watch.Accused].
	Accuse []coordinator.Member
}

// Look says what to do as of the newest state.
func (w *Watch) Look(now time.Time, s *coordinator.State) (o Orders) {
	failed := w.detector.Tick(now, s)
	if w.detector.Deaf(now) && w.calls < maxCalls {
		w.calls++
		o.Call = true
	}
	for name, incarnation := range w.accused {
		if !slices.ContainsFunc(failed, func(m coordinator.Member) bool { return m.Name == name && m.Incarnation == incarnation }) {
			o.Withdraw = append(o.Withdraw, name)
		}
	}
	slices.Sort(o.Withdraw)
	for _, m := range failed {
		if _, underWay := w.accused[m.Name]; !underWay {
			w.accused[m.Name] = m.Incarnation
			o.Accuse = append(o.Accuse, m)
		}
	}
	return o
}
