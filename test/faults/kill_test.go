//go:build unix

package faults

import "testing"

// TestAllKilled kills three nodes at once whose copies of a log have several sealed blocks. Nothing is damaged by hand:
// the engine itself must not destroy what it has fsynced.
func TestAllKilled(t *testing.T) {
	r := start(t, oneLog(3))
	r.fillLog()
	for range rounds(1, 3) {
		r.killAll()
		r.restartAll()
		r.balanced()
		r.whole()
		r.trickle(10)
	}
	r.good()
}

// TestOneKilledAfterAnother kills one node after another, each when all are ready, while many clients count by SPARQL Updates.
func TestOneKilledAfterAnother(t *testing.T) {
	r := start(t, oneLog(3))
	r.fillLog()
	for i := range r.nodes.Size() {
		counted := r.counting()
		r.must(r.nodes.Kill(i))
		r.trickle(3) // two of three go on
		counted()
		r.must(r.nodes.Restart(i))
		r.balanced()
		r.whole()
		if long() {
			r.fill(bulk)
		}
		r.trickle(3)
	}
	r.good()
}

// TestKilledThenIdle: a few small records, a kill, and then nothing for so long that the engine works on its blocks in
// the background, before more records come and another kill.
func TestKilledThenIdle(t *testing.T) {
	r := start(t, oneLog(3))
	r.trickle(20)
	r.killAll()
	r.restartAll()
	r.balanced()
	r.pass(idle)
	r.trickle(20)
	r.killAll()
	r.restartAll()
	r.balanced()
	r.good()
}

// TestSingleNodeKilled: one node, which nobody can help, is killed with several sealed blocks, again after it was idle.
func TestSingleNodeKilled(t *testing.T) {
	r := start(t, oneLog(1))
	r.fillLog()
	for range 2 {
		r.killAll()
		r.restartAll()
		r.balanced()
		r.whole()
		r.trickle(10)
	}
	r.pass(idle)
	r.trickle(10)
	r.killAll()
	r.restartAll()
	r.balanced()
	r.good()
}
