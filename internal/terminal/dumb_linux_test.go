package terminal

import (
	"os"
	"testing"
)

// TestDumb: on a terminal that can't draw a line again nothing is drawn.
func TestDumb(t *testing.T) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for kind, want := range map[string]bool{"xterm": true, "": true, "dumb": false} {
		t.Setenv("TERM", kind)
		if NewScreen(f).terminal != want || NewBar(f, "name", "rows") != nil != want {
			t.Errorf("TERM=%s: a line is drawn: %v, want %v", kind, !want, want)
		}
	}
}
