package core

import (
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
)

// Times of membership.
const (
	// ReenterAfter is the time before a node that was taken for dead enters again; it doubles up to ReenterMax, so that a node
	// that comes and goes moves few shards.
	ReenterAfter = time.Second
	// ReenterMax is the longest of them. A node that was a member for twice as long begins anew.
	ReenterMax = 30 * time.Second
	// ProposalTimeout bounds one proposal: a control log without a leader takes up to 9 s to elect one.
	ProposalTimeout = 30 * time.Second
)

// Entry keeps a process a member after it has entered for the first time. It is used by one goroutine.
//
// This is what comes of each look at the newest record, by who bears the node's name in it, in each state: it is a member, it waits
// until it may enter again, that time is over. A look is due when a record is installed, when the time is over that the last look
// named, and when an attempt to enter has ended. A cell has the next state, what is to be done, the time until the next look, and
// "doubled", where the wait is; it is 1 s at first, 30 s at most, and 1 s again after a calm minute. "." is nothing.
//
//	input                      member   wait            due
//	Look: this process         .        member doubled  member doubled
//	Look: another process      stop     stop            stop
//	Look: nobody, it has left  .        .               .
//	Look: nobody               wait 1s  1s              enter
//	Look: nobody, after 2 s    wait 1s  due enter       enter
//	Tried                      doubled  member doubled  member doubled
type Entry struct {
	self  coordinator.Process
	wait  time.Duration
	tried time.Time // when it was entered last, or tried to
	until time.Time // when it tries next; zero: it is a member
}

// NewEntry returns that of a process that has entered at that time.
func NewEntry(self coordinator.Process, entered time.Time) *Entry {
	return &Entry{self: self, wait: ReenterAfter, tried: entered}
}

// Standing is where a process stands, and what it is to do.
type Standing struct {
	// Incarnation is that with which it is a member; 0: it is none.
	Incarnation uint64
	// Superseded: another process bears the node's name, in that incarnation. Stop.
	Superseded uint64
	// Outside: the others took it for dead.
	Outside bool
	// Enter: propose that it enters, then call [Entry.Tried].
	Enter bool
	// Wait is the time until the next look, unless the state changes before; 0: until then.
	Wait time.Duration
}

// Look says what to do about the newest state. A node that has left stays out.
func (e *Entry) Look(now time.Time, s *coordinator.State, left bool) Standing {
	incarnation, other := e.self.Entered(s)
	switch {
	case other:
		m, _ := s.Member(e.self.Name)
		return Standing{Superseded: m.Incarnation}
	case incarnation > 0:
		if !e.until.IsZero() { // an attempt came through whose outcome was not known
			e.Tried(now)
		}
		return Standing{Incarnation: incarnation}
	case left:
		return Standing{}
	case e.until.IsZero():
		if now.Sub(e.tried) > 2*ReenterMax {
			e.wait = ReenterAfter
		}
		e.until = now.Add(e.wait)
	}
	if rest := e.until.Sub(now); rest > 0 {
		return Standing{Outside: true, Wait: rest}
	}
	return Standing{Outside: true, Enter: true}
}

// Tried notes that an attempt to enter has ended, however.
func (e *Entry) Tried(now time.Time) {
	e.wait, e.tried, e.until = min(2*e.wait, ReenterMax), now, time.Time{}
}
