package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const redrawEvery = 100 * time.Millisecond

// Screen writes lines about what goes on and, on a terminal, one line that is drawn again and again below them. It may
// be used concurrently.
type Screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	drawn    bool
}

// NewScreen returns a screen on w. It starts nothing.
func NewScreen(w io.Writer) *Screen {
	_, ok := Width(w)
	return &Screen{w: w, terminal: ok}
}

// Say writes a line.
func (s *Screen) Say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// Live draws what text returns, which is told the terminal's width, until the returned function is called. Without a
// terminal it does nothing.
func (s *Screen) Live(text func(width int) string) (stop func()) {
	if !s.terminal {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(redrawEvery)
		defer tick.Stop()
		for {
			s.draw(text)
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		s.mu.Lock()
		defer s.mu.Unlock()
		s.clear()
	}
}

func (s *Screen) draw(text func(int) string) {
	width, _ := Width(s.w)
	line := text(width)
	if len(line) >= width && width > 0 {
		line = line[:width-1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.w, "\r"+line+"\x1b[K")
	s.drawn = true
}

// clear takes the live line away.
func (s *Screen) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.drawn = false
	}
}
