package coordinator

import (
	"cmp"
	"errors"
)

// Process is one process that bears a node's name, and what it may do to the state. Its methods are pure, and may be called
// concurrently.
type Process struct {
	// Name is the node's name.
	Name string
	// ID is a random name of the process, by which it knows its own entry even when it got no answer to it.
	ID string
	// Zone is where the node is, Weight its share of the shards. Default weight 1.
	Zone   string
	Weight int
}

// Enter returns the state in which this process bears its node's name.
func (p Process) Enter(s *State) *State {
	return s.Enter(Member{Name: p.Name, Process: p.ID, Zone: p.Zone, Weight: cmp.Or(p.Weight, 1), Format: Format})
}

// Entered returns the incarnation with which this process bears the node's name in a state: that of its newest entry,
// whether entering has returned that or an unknown outcome. 0: the node is no member; or, with other set, another process
// bears its name.
func (p Process) Entered(s *State) (incarnation uint64, other bool) {
	m, ok := s.Member(p.Name)
	switch {
	case !ok:
		return 0, false
	case m.Process != p.ID:
		return 0, true
	}
	return m.Incarnation, false
}

// Fail returns the state without a node that is taken for dead; s itself if another process has entered under its name,
// and if this process is no member, or another one bears its name: who was taken for dead may have been deaf, and accuses
// nobody.
func (p Process) Fail(s *State, node string, incarnation uint64) (*State, error) {
	if m, ok := s.Member(p.Name); !ok || m.Process != "" && m.Process != p.ID {
		return s, nil
	}
	next, err := s.Fail(node, incarnation)
	return unlessGone(s, next, err)
}

// Withdraw returns the state without a node that leaves and is not expected back; s itself if another process has entered
// under its name.
func (p Process) Withdraw(s *State, node string, incarnation uint64) (*State, error) {
	next, err := s.Withdraw(node, incarnation)
	return unlessGone(s, next, err)
}

// unlessGone is the next state, or the one before if the node that it is about isn't there any more.
func unlessGone(before, next *State, err error) (*State, error) {
	if errors.Is(err, ErrUnknownNode) {
		return before, nil
	}
	return next, err
}
