package coordinator

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/shard"
)

// Settings must agree on all nodes of a pipeline. They are committed with its first member.
type Settings struct {
	// Shards is the number of shards.
	Shards int `json:"shards"`
	// Hash names the hash of keys, [shard.HashName].
	Hash string `json:"hash"`
	// Key names how keys are made of changes.
	Key string `json:"key"`
	// Keep is how long idempotency keys are remembered: what is a duplicate depends on it. 0, in a record of an earlier
	// version, is [DefaultKeep].
	Keep time.Duration `json:"keep_ns,omitempty"`
	// Format is the version of what may be written for others: control records, shard records, batches. All members know it. It
	// rises when the last of them has been upgraded, and never falls: a node that doesn't know it can't become a member.
	Format int `json:"format"`
}

// DefaultKeep is how long idempotency keys are remembered unless something else is set.
const DefaultKeep = 24 * time.Hour

const (
	// FormatChecked is the format from which on a batch may say what of it was checked ([event.Event].Checked).
	FormatChecked = 2
	// FormatReplace is the one from which on events may be patches with wildcards ([patch.Replace]).
	FormatReplace = 3
	// FormatSwitches is the one from which on control records have switches, and shards settle dead letters ([event.Settled]).
	FormatSwitches = 4
	// FormatUpdate is the one from which on events may be SPARQL Updates.
	FormatUpdate = 5
	// FormatClear is the one from which on a wildcard of a patch may stand for all quads of a graph.
	FormatClear = 6

	// Format is the newest format of what is written for others that this program knows.
	Format = FormatClear
)

// Check returns an error that names the first setting that is not the committed one, with both values; [ErrSettings].
func (s Settings) Check(committed Settings) error {
	for _, f := range []struct {
		name      string
		here, log any
	}{
		{"format", s.Format, committed.Format},
		{"shards", s.Shards, committed.Shards},
		{"hash", s.Hash, committed.Hash},
		{"key", s.Key, committed.Key},
		{"time for which idempotency keys are kept", cmp.Or(s.Keep, DefaultKeep), cmp.Or(committed.Keep, DefaultKeep)},
	} {
		if f.name == "format" && s.Format > committed.Format {
			continue // it is written when all know it
		}
		if f.name == "format" && f.here != f.log {
			return fmt.Errorf("%w: it writes records of format %v, and this program knows %v: upgrade it", ErrSettings, f.log, f.here)
		}
		if f.here != f.log {
			return fmt.Errorf("%w: %s is %v here, and %v in the pipeline", ErrSettings, f.name, f.here, f.log)
		}
	}
	return nil
}

// Member is a node that takes part.
type Member struct {
	// Name is the node's name.
	Name string `json:"name"`
	// Incarnation is the epoch of the record with which the process entered that bears the name now.
	Incarnation uint64 `json:"incarnation"`
	// Process is a random name of that process, by which it knows its own entry even when it got no answer to it.
	Process string `json:"process,omitempty"`
	// Zone is where the node is, Weight its share of the shards.
	Zone   string `json:"zone,omitempty"`
	Weight int    `json:"weight"`
	// Format is the newest format of records that the process knows; 0, in a record of an earlier version, is 1.
	Format int `json:"format,omitempty"`
	// Draining: the others take its shards, one after the other; it is to leave when it has none.
	Draining bool `json:"draining,omitempty"`
}

// State is what the control log says: one record holds one whole state. It is immutable; Join, Enter, Leave and Fail
// return the next one and are pure, so that whoever proposes computes the same.
type State struct {
	// Epoch counts the records. 0: nothing is committed yet.
	Epoch    uint64
	Settings Settings
	// Members are in order of name.
	Members []Member
	// Absent are the names of those that were taken for dead and have neither come back nor left, in order; at most
	// [MaxAbsent]. People expect them.
	Absent []string
	// Switches say what is paused, in order of name; at most [MaxSwitches].
	Switches   []Switch
	Assignment shard.Assignment
	// Proposal is the id that the proposer gave to the record.
	Proposal string

	epochs   []uint64      // by shard: the epoch of the last change of its owner
	standbys []string      // by shard; nil: none
	marks    []engine.Mark // by shard; nil: none. Never changed once they are in a state
}

// MaxAbsent bounds State.Absent: of more, those that were taken for dead first are kept.
const MaxAbsent = 256

// NewState returns the state before the first record.
func NewState(settings Settings) *State {
	return &State{Settings: settings, Assignment: shard.NewAssignment(make([]string, settings.Shards)),
		epochs: make([]uint64, settings.Shards)}
}

// Member returns the member of that name.
func (s *State) Member(name string) (Member, bool) {
	if i, ok := s.find(name); ok {
		return s.Members[i], true
	}
	return Member{}, false
}

func (s *State) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Members, name, func(m Member, name string) int { return cmp.Compare(m.Name, name) })
}

// ShardEpoch is the epoch at which the shard got its owner.
func (s *State) ShardEpoch(shard int) uint64 { return s.epochs[shard] }

// Standby is the node that follows the shard and takes it when its owner fails, "" if there is none.
func (s *State) Standby(shard int) string {
	if s.standbys == nil {
		return ""
	}
	return s.standbys[shard]
}

// Join returns the state with the new member, whose incarnation it sets; [ErrNodeExists].
func (s *State) Join(m Member) (*State, error) {
	if _, ok := s.find(m.Name); ok {
		return nil, fmt.Errorf("join %q: %w", m.Name, ErrNodeExists)
	}
	next := s.Enter(m)
	return s.with(next.Members), nil
}

// Enter returns the state in which the member is borne by a new process: its incarnation is the new epoch. It becomes a
// member if it is none. It takes nothing from the others, but all shards if nobody owns any: the rest are planned moves,
// see [State.Target].
func (s *State) Enter(m Member) *State {
	m.Incarnation = s.Epoch + 1
	members := slices.Clone(s.Members)
	if i, ok := s.find(m.Name); ok {
		members[i] = m
	} else {
		members = slices.Insert(members, i, m)
	}
	next := s.present(m.Name)
	if s.Assignment.Empty() {
		return next.with(members)
	}
	return next.assigned(members, s.Assignment)
}

// present returns the state in which nobody waits for the name.
func (s *State) present(name string) *State {
	i, absent := slices.BinarySearch(s.Absent, name)
	if !absent {
		return s
	}
	next := *s
	next.Absent = slices.Delete(slices.Clone(s.Absent), i, i+1)
	return &next
}

// Target returns the assignment that planned moves lead to: the planner's for the members that are not draining. A node
// that owns a shard there and not yet in the state follows it until it is near the tail of its log, and then takes it.
func (s *State) Target() shard.Assignment {
	stay := staying(s.Members)
	if len(stay) == 0 {
		return s.Assignment
	}
	return shard.Rebalance(s.Settings.Shards, s.Assignment, s.standbys, candidates(stay))
}

// staying are the members that are not draining.
func staying(members []Member) []Member {
	return slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return m.Draining })
}

// Take returns the state in which the node owns those of the shards that the target gives it; s itself if it owns them
// already, or the target has changed.
func (s *State) Take(node string, shards []int) *State {
	owners, target, taken := s.Assignment.Nodes(), s.Target(), false
	for _, i := range shards {
		if target.Node(i) == node && owners[i] != node {
			owners[i], taken = node, true
		}
	}
	if !taken {
		return s
	}
	return s.assigned(s.Members, shard.NewAssignment(owners))
}

// Drain returns the state in which the member is draining; s itself if it is so already; [ErrUnknownNode] if it is not
// that incarnation: a process that has entered since is not the one that leaves.
func (s *State) Drain(name string, incarnation uint64) (*State, error) {
	i, ok := s.find(name)
	switch {
	case !ok || s.Members[i].Incarnation != incarnation:
		return nil, fmt.Errorf("drain %q, incarnation %d: %w", name, incarnation, ErrUnknownNode)
	case s.Members[i].Draining:
		return s, nil
	}
	members := slices.Clone(s.Members)
	members[i].Draining = true
	return s.assigned(members, s.Assignment), nil
}

// Leave returns the state without the member; [ErrUnknownNode].
func (s *State) Leave(name string) (*State, error) {
	i, ok := s.find(name)
	if !ok {
		return nil, fmt.Errorf("leave %q: %w", name, ErrUnknownNode)
	}
	return s.with(slices.Delete(slices.Clone(s.Members), i, i+1)), nil
}

// Fail returns the state without the member, which is absent from then on, if it is still that incarnation;
// [ErrUnknownNode] if it is not: a process that has entered since is not the one that failed.
func (s *State) Fail(name string, incarnation uint64) (*State, error) {
	next, err := s.Withdraw(name, incarnation)
	if err != nil {
		return nil, err
	}
	if i, absent := slices.BinarySearch(next.Absent, name); !absent && len(next.Absent) < MaxAbsent {
		next.Absent = slices.Insert(slices.Clone(next.Absent), i, name)
	}
	return next, nil
}

// Withdraw returns the state without the member, which leaves and is not expected back, if it is still that incarnation;
// else [ErrUnknownNode]. What it owned goes to the standbys; that the shards are balanced is left to planned moves.
func (s *State) Withdraw(name string, incarnation uint64) (*State, error) {
	i, ok := s.find(name)
	if !ok || s.Members[i].Incarnation != incarnation {
		return nil, fmt.Errorf("member %q, incarnation %d: %w", name, incarnation, ErrUnknownNode)
	}
	members := slices.Delete(slices.Clone(s.Members), i, i+1)
	takers := staying(members)
	if len(takers) == 0 {
		takers = members
	}
	return s.assigned(members, shard.Failover(s.Settings.Shards, s.Assignment, name, s.standbys, candidates(takers))), nil
}

// install returns the state with an assignment that was committed elsewhere: its owners are the members.
func (s *State) install(a shard.Assignment) *State {
	var members []Member
	for _, name := range a.Owners() {
		m, ok := s.Member(name)
		if !ok {
			m = Member{Name: name, Incarnation: s.Epoch + 1, Weight: 1}
		}
		members = append(members, m)
	}
	return s.assigned(members, a)
}

// with returns the state with other members, and the assignment that the planner makes of it.
func (s *State) with(members []Member) *State {
	return s.assigned(members, shard.Rebalance(s.Settings.Shards, s.Assignment, s.standbys, candidates(members)))
}

func (s *State) assigned(members []Member, a shard.Assignment) *State {
	next := *s
	next.Epoch++
	next.Members, next.Assignment = members, a
	next.Settings.Format = max(s.Settings.Format, knownFormat(members))
	next.epochs = slices.Clone(s.epochs)
	previous := slices.Clone(s.standbys)
	for _, m := range shard.Diff(s.Assignment, a).Moves {
		next.epochs[m.Shard] = next.Epoch
		if previous != nil && previous[m.Shard] == m.To {
			previous[m.Shard] = m.From // it has the state already
		}
	}
	next.standbys = shard.Standbys(a, previous, candidates(members))
	return &next
}

// knownFormat is the newest format that all members know; 0 if there are none.
func knownFormat(members []Member) (format int) {
	for i, m := range members {
		if knows := max(m.Format, 1); i == 0 || knows < format {
			format = knows
		}
	}
	return format
}

func candidates(members []Member) []shard.Node {
	nodes := make([]shard.Node, 0, len(members))
	for _, m := range members {
		nodes = append(nodes, shard.Node{Name: m.Name, Zone: m.Zone, Weight: m.Weight})
	}
	return nodes
}
