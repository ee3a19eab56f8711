package sim

import (
	"errors"
	"testing"
)

// TestConnectorsThatAreWrong shows that the simulation finds what sources, sinks and their peers must not do.
func TestConnectorsThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		bug  Bug
		want error
	}{
		"a target that is not fenced":                 {UnfencedTarget, ErrTarget},
		"acked before it is committed":                {AckBeforeCommit, ErrAcked},
		"noted before it is committed":                {NoteBeforeCommit, ErrAcked},
		"read on where the peer says":                 {PeersOffset, ErrLost},
		"another identity when it comes again":        {FreshIdentity, ErrTwice},
		"no dead letters":                             {SkipLetter, ErrAcked},
		"written on behind what was handed over once": {ReadOnAfterError, ErrTarget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found(t, c.bug, c.want)
		})
	}
}

// found fails unless what is wrong is found so within a few schedules; some of them may find something else first.
func found(t *testing.T, bug Bug, want error) {
	t.Helper()
	const within = 60
	for seed := uint64(1); seed <= within; seed++ {
		cfg := random(seed)
		cfg.Bug = bug
		if _, err := Run(cfg); errors.Is(err, want) {
			t.Logf("seed %d: %.300v", seed, err)
			return
		}
	}
	t.Errorf("not found within %d schedules", within)
}
