package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// demoResult is what --json prints. The first six are those that the table shows.
type demoResult struct {
	Accepted         int   `json:"accepted"`
	Lost             int   `json:"lost"`
	Duplicated       int   `json:"duplicated"`
	Moves            int   `json:"moves"`
	PauseMillis      int64 `json:"pause_ms"`
	ChangesPerSecond int   `json:"changes_per_second"`
	// Unasked changes are in the logs though they were not accepted; Inexact ones changed nothing.
	Unasked int `json:"unasked"`
	Inexact int `json:"inexact"`
	// Quads is the number of quads expected, MissingQuads and ExtraQuads how the data depart from them.
	Quads        int    `json:"quads"`
	MissingQuads int    `json:"missing_quads"`
	ExtraQuads   int    `json:"extra_quads"`
	Nodes        int    `json:"nodes"`
	Shards       int    `json:"shards"`
	Killed       string `json:"killed"`
	Retries      int    `json:"retries"`
	Good         bool   `json:"good"`
}

func (d *demo) result() demoResult {
	r, m := d.check.Result(), d.meter.read()
	return demoResult{
		Accepted: r.Accepted, Lost: r.Lost, Duplicated: r.Duplicated, Moves: d.moves,
		PauseMillis: m.pause.Milliseconds(), ChangesPerSecond: int(m.rate()),
		Unasked: r.Unasked, Inexact: r.Inexact, Quads: r.Quads, MissingQuads: r.Missing, ExtraQuads: r.Extra,
		Nodes: d.Nodes, Shards: d.Shards, Killed: d.nodes.Name(d.victim), Retries: m.retries, Good: d.good(),
	}
}

// good reports whether all was accepted and nothing is wrong with it.
func (d *demo) good() bool {
	r := d.check.Result()
	return r.Good() && r.Accepted == d.model.Changes()
}

// blame says what is wrong.
func (d *demo) blame() string {
	r := d.check.Result()
	var list []string
	for _, f := range []struct {
		n    int
		what string
	}{
		{d.model.Changes() - r.Accepted, "changes not accepted"},
		{r.Lost, "changes lost"}, {r.Duplicated, "changes duplicated"},
		{r.Unasked, "changes in the logs that were not accepted"}, {r.Inexact, "changes in the logs that changed nothing"},
		{r.Missing, "quads missing"}, {r.Extra, "quads that must not be there"},
	} {
		if f.n != 0 {
			list = append(list, grouped(f.n)+" "+f.what)
		}
	}
	return strings.Join(list, ", ")
}

// show prints the result.
func (d *demo) show() error {
	r := d.result()
	if d.JSON {
		return json.NewEncoder(d.io.out).Encode(r)
	}
	compared := "as expected"
	if r.MissingQuads+r.ExtraQuads > 0 {
		compared = fmt.Sprintf("%s missing, %s too many", grouped(r.MissingQuads), grouped(r.ExtraQuads))
	}
	return writeTable(d.io.out, [][2]string{
		{"accepted", grouped(r.Accepted)},
		{"lost", grouped(r.Lost)},
		{"duplicated", grouped(r.Duplicated)},
		{"moves", grouped(r.Moves)},
		{"pause", grouped(int(r.PauseMillis)) + " ms"},
		{"changes a second", grouped(r.ChangesPerSecond)},
		{"quads compared", grouped(r.Quads) + ", " + compared},
	})
}

// writeTable prints names and values in two columns.
func writeTable(w io.Writer, rows [][2]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
	}
	return t.Flush()
}

// grouped is the decimal number with a comma before every three digits.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// figures is the text of the live line; width bounds its bar.
func (d *demo) figures(width int) string {
	m := d.meter.read()
	done := float64(m.accepted) / float64(d.Changes)
	state := fmt.Sprintf("%d nodes", len(d.nodes.Alive()))
	if m.killed {
		state += ", " + d.nodes.Name(d.victim) + " was killed"
	}
	text := fmt.Sprintf(" %3.0f %%  %s of %s changes  %s/s  %s", math.Floor(100*done), grouped(m.accepted),
		grouped(d.Changes), grouped(int(m.rate())), state)
	return drawnBar(done, min(width-len(text)-1, 40)) + text
}

// drawnBar is a progress bar of so many characters, or nothing if there are too few.
func drawnBar(done float64, width int) string {
	if width < 5 {
		return ""
	}
	full := int(done * float64(width-2))
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-2-full) + "]"
}

const redrawEvery = 100 * time.Millisecond

// screen writes lines about what goes on and, on a terminal, one line that is drawn again and again below them. It may
// be used concurrently.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	drawn    bool
}

func newScreen(w io.Writer) *screen {
	_, ok := isTerminal(w)
	return &screen{w: w, terminal: ok}
}

// say writes a line.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// live draws what text returns, which is told the terminal's width, until the returned function is called. Without a
// terminal it does nothing.
func (s *screen) live(text func(width int) string) (stop func()) {
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

func (s *screen) draw(text func(int) string) {
	width, _ := isTerminal(s.w)
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
func (s *screen) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.drawn = false
	}
}
