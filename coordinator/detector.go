package coordinator

import "time"

// DetectorConfig configures a [Detector].
type DetectorConfig struct {
	// Node is the name of the node that the detector runs on.
	Node string
	// FailAfter is how long a member may be silent. Members should beat five times in it.
	FailAfter time.Duration
}

// Detector notices members that nobody hears any more. It only proposes; safety rests on fencing. It is pure: used by
// one goroutine, with times that it is given.
//
// That a member is silent is held against the member only where it can't be the node's own fault:
//
//   - Only a member accuses, and nobody while the node can't hear itself. After such a silence - of the network, or of this
//     very process when it was paused - everybody has the full time anew: the beats of the silent time may be lost for all.
//   - A node that hears no other member is alone: it may be the one that is cut off. It accuses while a majority of the
//     engine's servers keeps answering it ([Detector.Contact]), once that has been so for long enough to hear who lives. When
//     it hears somebody again, everybody has half of the time anew.
//
// A node that hears nobody, and is not answered, can't serve what it owns, and says so in its beats ([Detector.Cut]). Those
// of others that say so are no sign that they can serve, but one that something is heard.
//
// This is what a Tick tells after each input, in each state of a detector of n1, beside n2 and n3: it is no member, it hears all,
// n2 is silent for FailAfter, nobody else is heard and the control log has answered once, or has not, and it doesn't hear even
// itself. A cell has the next state, and whom it accuses, with "-" before the name; "." is nothing. The time passes between
// inputs, and makes silent of well, cut of alone, deaf of each but outside.
//
//	input                           outside  well     silent   alone    cut            deaf
//	nothing                         well     .        -n2      .        .              .
//	Heard: itself                   well     .        -n2      .        .              well
//	Heard: n2                       well     .        well     well     well           .
//	Heard: n2, which is cut off     well     .        -n2      well     well           .
//	Heard: n2, another incarnation  well     .        -n2      .        .              .
//	Contact                         well     .        -n2      .        alone          .
//	Contact, for half of FailAfter  well     .        -n2      -n2 -n3  alone -n2 -n3  well
//	it is no member                 .        outside  outside  outside  outside        .
type Detector struct {
	cfg   DetectorConfig
	self  time.Time
	since map[bearer]time.Time // when each member was heard last, or seen first
	other time.Time            // when any other member was heard last, or all times began anew

	alone       bool
	first, last time.Time // the answers of a majority, between which there was no gap
}

type bearer struct {
	node        string
	incarnation uint64
}

// NewDetector returns a detector that has heard nobody.
func NewDetector(cfg DetectorConfig) *Detector {
	return &Detector{cfg: cfg, since: map[bearer]time.Time{}}
}

// Heard takes in a beat that was heard at that time. Cut is what the beat says: its node hears nobody.
func (d *Detector) Heard(at time.Time, node string, incarnation uint64, cut bool) {
	if node == d.cfg.Node {
		d.self = later(d.self, at)
		return
	}
	b := bearer{node, incarnation}
	t, known := d.since[b]
	if !known {
		return
	}
	d.other = later(d.other, at)
	if !cut {
		d.since[b] = later(t, at)
	}
}

// Contact takes in that a request to the control log, which only a majority of its replicas can answer, was answered at that
// time.
func (d *Detector) Contact(answered time.Time) {
	if answered.Sub(d.last) > d.gap() {
		d.first = answered
	}
	d.last = later(d.last, answered)
}

// gap is the longest time between two answers for which the node is in contact.
func (d *Detector) gap() time.Duration { return d.cfg.FailAfter / 2 }

// Deaf reports whether the node hears no other member, though there is one, or not even itself, as of the last Tick: it
// should try to be in contact, several times in half of FailAfter.
func (d *Detector) Deaf(now time.Time) bool {
	return d.alone || !d.self.IsZero() && now.Sub(d.self) > d.cfg.FailAfter
}

// Cut reports whether the node is deaf and not in contact, which its beats should say.
func (d *Detector) Cut(now time.Time) bool { return d.Deaf(now) && now.Sub(d.last) > d.gap() }

// Tick returns the members of the state to be proposed as failed.
func (d *Detector) Tick(now time.Time, s *State) []Member {
	if d.self.IsZero() {
		d.self = now // who has just begun has the time, too
	}
	if _, member := s.Member(d.cfg.Node); !member || now.Sub(d.self) > d.cfg.FailAfter {
		clear(d.since)
		d.alone, d.other = false, now
		return nil
	}
	d.know(now, s)
	if !d.trusted(now) {
		return nil
	}
	var failed []Member
	for _, m := range s.Members {
		if t, other := d.since[bearer{m.Name, m.Incarnation}]; other && now.Sub(t) > d.cfg.FailAfter {
			failed = append(failed, m)
		}
	}
	return failed
}

// know remembers the other members of the state, and forgets all else.
func (d *Detector) know(now time.Time, s *State) {
	known := make(map[bearer]time.Time, len(s.Members))
	for _, m := range s.Members {
		if m.Name == d.cfg.Node {
			continue
		}
		b := bearer{m.Name, m.Incarnation}
		t, ok := d.since[b]
		if !ok {
			t = now
			d.other = now
		}
		known[b] = t
	}
	d.since = known
}

// trusted reports whether what the node doesn't hear isn't there.
func (d *Detector) trusted(now time.Time) bool {
	if len(d.since) > 0 && now.Sub(d.other) > d.cfg.FailAfter*2/3 {
		d.alone = true
		return now.Sub(d.last) <= d.gap() && d.last.Sub(d.first) >= d.cfg.FailAfter/3
	}
	if !d.alone {
		return true
	}
	for b, t := range d.since {
		d.since[b] = later(t, now.Add(-d.cfg.FailAfter/2))
	}
	d.alone = false
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
