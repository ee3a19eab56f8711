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
//   - A node that hears no other member is alone: it may be the one that is cut off. It accuses after it has been in contact
//     with a majority of the engine's servers ([Detector.Contact]) for long enough to hear who lives. Once it hears
//     somebody again, everybody has the full time anew.
type Detector struct {
	cfg   DetectorConfig
	self  time.Time
	since map[bearer]time.Time // when each member was heard last, or seen first
	other time.Time            // when any other member was heard last, or all times began anew
	alone bool
	first time.Time // the first contact since the node is alone, and the last one
	last  time.Time
}

type bearer struct {
	node        string
	incarnation uint64
}

// NewDetector returns a detector that has heard nobody.
func NewDetector(cfg DetectorConfig) *Detector {
	return &Detector{cfg: cfg, since: map[bearer]time.Time{}}
}

// Heard takes in a beat that was heard at that time.
func (d *Detector) Heard(at time.Time, node string, incarnation uint64) {
	if node == d.cfg.Node {
		d.self = later(d.self, at)
		return
	}
	b := bearer{node, incarnation}
	if t, known := d.since[b]; known {
		d.since[b] = later(t, at)
		d.other = later(d.other, at)
	}
}

// Contact takes in that a request to the control log, which only a majority of its replicas can answer, was answered. It
// had begun at that time.
func (d *Detector) Contact(began time.Time) {
	if !d.alone || began.Before(d.other) {
		return
	}
	if d.first.IsZero() {
		d.first = began
	}
	d.last = later(d.last, began)
}

// Alone reports whether the node hears no other member, though there is one, as of the last Tick: it should try to be in
// contact. Without a recent contact it had better not beat: what it believes to own it can't serve.
func (d *Detector) Alone(now time.Time) (alone, contact bool) {
	return d.alone, d.alone && now.Sub(d.last) <= 2*d.cfg.FailAfter
}

// Tick returns the members of the state to be proposed as failed.
func (d *Detector) Tick(now time.Time, s *State) []Member {
	if _, member := s.Member(d.cfg.Node); !member || now.Sub(d.self) > d.cfg.FailAfter {
		d.anew(now)
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

// anew gives everybody the full time.
func (d *Detector) anew(now time.Time) {
	clear(d.since)
	d.alone, d.other, d.first, d.last = false, now, time.Time{}, time.Time{}
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
	switch alone := len(d.since) > 0 && now.Sub(d.other) > d.cfg.FailAfter*2/3; {
	case alone:
		d.alone = true
		return !d.first.IsZero() && now.Sub(d.first) >= d.cfg.FailAfter/3 && now.Sub(d.last) <= 2*d.cfg.FailAfter
	case d.alone:
		for b := range d.since {
			d.since[b] = now
		}
		d.alone, d.first, d.last = false, time.Time{}, time.Time{}
	}
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
