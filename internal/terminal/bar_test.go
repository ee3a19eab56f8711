package terminal

import (
	"testing"
	"time"
)

func TestBarLine(t *testing.T) {
	b := Bar{name: "a.nq", unit: "change", total: 400}
	want := "a.nq [======                  ]  25 % 500 changes, 250/s"
	if got := b.line(100, 500, 2*time.Second); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	want = "a.nq [========================] 100 %"
	if got := b.line(400, 0, 2*time.Second); got != want {
		t.Errorf("nothing counted: got  %q\nwant %q", got, want)
	}
	b.total = 0
	if got := b.line(100, 500, 2*time.Second); got != "a.nq 500 changes, 250/s" {
		t.Errorf("got %q", got)
	}
	var none *Bar
	none.SetTotal(1)
	none.Show(1, 1)
	none.End()
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 nodes", 1: "1 node", 2: "2 nodes"} {
		if got := Count(n, "node"); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n, want := range map[int]string{0: "0 changes lost", 1: "1 change lost", 1234: "1,234 changes lost"} {
		if got := GroupedCount(n, "change lost"); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
