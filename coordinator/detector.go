package coordinator

import "time"

// DetectorConfig configures a [Detector].
type DetectorConfig struct {
	// Node is the name of the node that the detector runs on.
	Node string
	// FailAfter is how long a member may be silent.
	FailAfter time.Duration
}

// Detector notices members that nobody hears any more. It only proposes; safety rests on fencing. It is pure: used by
// one goroutine, with times that it is given.
//
// It accuses nobody while it can't hear its own node, and after such a silence - of the network, or of this very
// process when it was paused - gives everybody the full time anew: the beats of the silent time may be lost for all.
type Detector struct {
	cfg   DetectorConfig
	self  time.Time
	since map[bearer]time.Time // when each member was heard last, or seen first
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
	}
}

// Tick returns the members of the state to be proposed as failed.
func (d *Detector) Tick(now time.Time, s *State) []Member {
	if now.Sub(d.self) > d.cfg.FailAfter {
		clear(d.since)
		return nil
	}
	known := make(map[bearer]time.Time, len(s.Members))
	var failed []Member
	for _, m := range s.Members {
		if m.Name == d.cfg.Node {
			continue
		}
		b := bearer{m.Name, m.Incarnation}
		t, ok := d.since[b]
		if !ok {
			t = now
		}
		known[b] = t
		if now.Sub(t) > d.cfg.FailAfter {
			failed = append(failed, m)
		}
	}
	d.since = known
	return failed
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
