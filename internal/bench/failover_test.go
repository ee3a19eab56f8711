package bench

import (
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/shard"
)

func TestPauses(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	p := pauses{last: make([]time.Time, 2)}
	p.start(at(0))
	p.accepted(0, at(1))
	p.accepted(1, at(4)) // 4 s
	p.accepted(0, at(4))
	if got := p.end(at(5)); got != (pause{4 * time.Second, 1, at(0)}) {
		t.Errorf("longest %v", got)
	}
	if p.allSince(at(4)) || !p.allSince(at(3)) {
		t.Error("both were accepted last at 4")
	}
	p.start(at(6))
	if got := p.end(at(7)); got.length != 3*time.Second {
		t.Errorf("a pause that began before the start and lasts on: %v", got)
	}
	p.accepted(1, at(8)) // 4 s, of which 2 after the start
	p.accepted(0, at(12))
	if got := p.end(at(12)); got != (pause{8 * time.Second, 0, at(4)}) {
		t.Errorf("longest %v", got)
	}
}

func TestQuantile(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for _, test := range []struct{ n, percent, want int }{
		{1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {3, 50, 2}, {30, 99, 30}, {100, 99, 99}, {200, 99, 198}, {200, 100, 200},
	} {
		if got := quantile(sorted[:test.n], test.percent); got != time.Duration(test.want) {
			t.Errorf("%d %% of %d values: %d, want %d", test.percent, test.n, got, test.want)
		}
	}
}

func TestSubjectsFallInTheirShards(t *testing.T) {
	for i := range 8 {
		subject := subjectOf(i, 8)
		iri := subject[1 : len(subject)-len("> <https://plant.example/count>")]
		if got := shard.Of(iri, 8); got != i {
			t.Errorf("%s falls in shard %d, want %d", iri, got, i)
		}
	}
}
