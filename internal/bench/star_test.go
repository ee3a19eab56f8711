package bench

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
)

// TestStarData: the quads are all different and as many as is said, the same for the same seed, and have what is asked for as often as is
// expected.
func TestStarData(t *testing.T) {
	d := newStarData(starLeast, 1)
	all := d.appendPatch(nil, 0, d.measurements)
	lines := map[string]bool{}
	groups := map[string]bool{}
	for line := range strings.Lines(string(all)) {
		lines[line] = true
	}
	for i := range d.measurements {
		one := string(d.appendMeasurement(nil, i))
		if strings.Contains(one, "property/3>") {
			_, line, _ := strings.Cut(one, starLine+" ")
			groups[line[:strings.Index(line, " ")]] = true
		}
	}
	if len(lines) != d.quads()+2 || d.quads() != starLeast {
		t.Errorf("%d different lines, want %d quads and two", len(lines), d.quads())
	}
	if n := bytes.Count(all, []byte("state/failed>")); n != starRare {
		t.Errorf("%d have failed, want %d", n, starRare)
	}
	if n := bytes.Count(all, []byte("sample/0>")); n != d.many() {
		t.Errorf("%d are in the sample, want %d", n, d.many())
	}
	if len(groups) != starLines {
		t.Errorf("%d lines, want %d", len(groups), starLines)
	}
	if again := newStarData(starLeast, 1).appendPatch(nil, 0, d.measurements); !bytes.Equal(all, again) {
		t.Error("other quads of the same seed")
	}
	if other := newStarData(starLeast, 2).appendPatch(nil, 0, d.measurements); bytes.Equal(all, other) {
		t.Error("the same quads of another seed")
	}
}

// TestStarSum: answers with the same rows have one sum, in whatever order unless they have one, and no others.
func TestStarSum(t *testing.T) {
	s := &star{seed: maphash.MakeSeed()}
	for _, test := range []struct {
		one, other string
		ordered    bool
		same       bool
	}{
		{"?a\n1\n2\n", "?a\n2\n1\n", false, true},
		{"?a\n1\n2\n", "?a\n2\n1\n", true, false},
		{"?a\n1\n2\n", "?a\n1\n2\n", true, true},
		{"?a\n1\n2\n", "?a\n1\n1\n", false, false},
	} {
		q := starQuery{rows: 2, ordered: test.ordered}
		a, errA := s.sum([]byte(test.one), q)
		b, errB := s.sum([]byte(test.other), q)
		if errA != nil || errB != nil || (a == b) != test.same {
			t.Errorf("%q and %q, ordered %t: the same %t, %v, %v", test.one, test.other, test.ordered, a == b, errA, errB)
		}
	}
	if _, err := s.sum([]byte("?a\n1\n"), starQuery{rows: 2}); err == nil || !strings.Contains(fmt.Sprint(err), "expected 2 rows, got 1") {
		t.Errorf("a row is missing: %v", err)
	}
}
