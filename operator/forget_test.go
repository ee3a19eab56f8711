package operator

import (
	"fmt"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// TestNewestReasonsAreKept: however many letters there were, the reasons of the newest 1024 are known, and at most twice as many.
func TestNewestReasonsAreKept(t *testing.T) {
	p := newProducers(time.Hour)
	for at := uint64(1); at <= 3*maxReasons; at++ {
		p.addReason(reason{at, fmt.Sprint("reason ", at)})
		for _, back := range []uint64{0, maxReasons - 1} {
			if at > back && p.reason(at-back) == "" {
				t.Fatalf("after %d letters the reason of %d is lost", at, at-back)
			}
		}
		if len(p.reasons) > 2*maxReasons {
			t.Fatalf("%d reasons are kept", len(p.reasons))
		}
	}
}

// TestMoreAreForgottenThanCome: a record makes more go than it brings, so that those whose time is over are all gone at last.
func TestMoreAreForgottenThanCome(t *testing.T) {
	const each = 3 * forgotten
	p := newProducers(time.Hour)
	now, n := time.Unix(1000, 0), 0
	record := func() {
		r := &Record{Kind: Delta, Time: now}
		for range each {
			n++
			r.Positions = append(r.Positions, ProducerPosition{Producer: event.Producer{Kind: event.Once, Name: fmt.Sprint(n)}, Seq: 1})
		}
		p.apply(r, uint64(n))
	}
	for range 6 {
		record()
	}
	for range maxGap + 1 { // until the time of all is over
		now = now.Add(time.Hour)
		p.apply(&Record{Kind: Claim, Time: now}, 1)
	}
	before := len(p.byKey)
	record()
	if got := len(p.byKey); got > before-each-forgotten {
		t.Errorf("%d producers are known, %d were before a record of %d", got, before, each)
	}
}
