package api

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestPacedReader: whoever sends enough gets more time, again and again, in however small pieces.
func TestPacedReader(t *testing.T) {
	for _, test := range []struct{ size, want int }{{0, 0}, {leastProgress - 1, 0}, {leastProgress, 1}, {3*leastProgress - 1, 2}} {
		text := strings.Repeat("x", test.size)
		told := 0
		p := &pacedReader{r: iotest.OneByteReader(strings.NewReader(text)), progressed: func() { told++ }}
		if got, err := io.ReadAll(p); err != nil || string(got) != text || told != test.want {
			t.Errorf("%d bytes: %d, %v; told %d times, want %d", test.size, len(got), err, told, test.want)
		}
	}
}
