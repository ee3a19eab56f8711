package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"
)

const barWidth = 24

// BarEvery is how often a [Bar] is drawn at most.
const BarEvery = 100 * time.Millisecond

// Bar is a progress bar; nil shows nothing. It is used by one goroutine.
type Bar struct {
	w     io.Writer
	name  string
	unit  string // of what is counted, one
	total int64  // bytes, or what else there is to do; 0: unknown
	begin time.Time
	shown time.Time
}

// NewBar returns a bar if w is a terminal. The unit is what one of the things is called that are counted.
func NewBar(w io.Writer, name, unit string) *Bar {
	if _, ok := terminalOf(w); !ok {
		return nil
	}
	return &Bar{w: w, name: name, unit: unit, begin: time.Now()}
}

// SetTotal says how many bytes there are to come, or how much else there is to do; 0: that is unknown.
func (b *Bar) SetTotal(n int64) {
	if b != nil {
		b.total = n
	}
}

// Show shows how far it is, at most ten times a second, and not at all what takes less time than that.
func (b *Bar) Show(done int64, count uint64) {
	if b == nil || time.Since(b.shown) < BarEvery || time.Since(b.begin) < BarEvery {
		return
	}
	b.shown = time.Now()
	fmt.Fprintf(b.w, "\r\x1b[K%s", b.line(done, count, time.Since(b.begin)))
}

func (b *Bar) line(done int64, count uint64, took time.Duration) string {
	text := "" // as long as nothing was counted
	if count > 0 {
		text = fmt.Sprintf(" %s, %.0f/s", Count(count, b.unit), float64(count)/max(took.Seconds(), 1e-3))
	}
	if b.total <= 0 {
		return b.name + text
	}
	part := min(float64(done)/float64(b.total), 1)
	full := int(part * barWidth)
	return fmt.Sprintf("%s [%s%s] %3.0f %%%s", b.name, strings.Repeat("=", full), strings.Repeat(" ", barWidth-full),
		100*part, text)
}

// End takes the bar away.
func (b *Bar) End() {
	if b != nil && !b.shown.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
