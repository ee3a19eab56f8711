package terminal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

const (
	// sampled is how many rows a table waits for before it says how wide its columns are.
	sampled = 1000
	// columnGap stands between columns, leastColumn is what no column is cut below.
	columnGap, leastColumn = 2, 6
)

// Table writes rows in columns, as they come: the first 1,000 say how wide the columns are, and of later ones what doesn't fit is
// cut. On a terminal no line is longer than that is wide, unless there are very many columns. Characters that would move the
// terminal's cursor, or paint, are written as escapes. It is used by one goroutine.
type Table struct {
	w      *bufio.Writer
	width  int        // of the terminal; 0: no bound
	kept   [][]string // until the widths are known
	widths []int      // nil: not known yet
}

// NewTable returns a table for a terminal that is so wide (0: no bound), whose columns have these heads.
func NewTable(w io.Writer, width int, heads []string) *Table {
	return &Table{w: bufio.NewWriter(w), width: width, kept: [][]string{visible(heads)}}
}

// Row takes a row, which has a cell for each head.
func (t *Table) Row(cells []string) error {
	if t.widths != nil {
		return t.write(visible(cells))
	}
	if t.kept = append(t.kept, visible(cells)); len(t.kept) <= sampled {
		return nil
	}
	return t.begin()
}

// Flush writes what is left.
func (t *Table) Flush() error {
	if t.widths == nil {
		if err := t.begin(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

// begin decides the widths and writes the rows that were kept.
func (t *Table) begin() error {
	t.widths = make([]int, len(t.kept[0]))
	for _, row := range t.kept {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], textWidth(cell))
		}
	}
	t.fit()
	for _, row := range t.kept {
		if err := t.write(row); err != nil {
			return err
		}
	}
	t.kept = nil
	return nil
}

// fit cuts the widest columns, all to the same width, until a line fits.
func (t *Table) fit() {
	if t.width <= 0 || len(t.widths) == 0 {
		return
	}
	room := t.width - 1 - columnGap*(len(t.widths)-1)
	most := slices.Max(t.widths)
	for ; most > leastColumn && total(t.widths, most) > room; most-- {
	}
	for i := range t.widths {
		t.widths[i] = min(t.widths[i], most)
	}
}

func total(widths []int, most int) (sum int) {
	for _, w := range widths {
		sum += min(w, most)
	}
	return sum
}

func (t *Table) write(row []string) error {
	line := ""
	for i, cell := range row {
		text, width := cut(cell, t.widths[i])
		line += text + strings.Repeat(" ", t.widths[i]-width+columnGap)
	}
	_, err := t.w.WriteString(strings.TrimRight(line, " ") + "\n")
	return err
}

// cut returns the text, or its beginning with a mark, in at most so many columns of the terminal, and how many those are.
func cut(text string, most int) (string, int) {
	width, at := 0, 0 // at: where the mark would still fit
	atWidth := 0
	for i, r := range text {
		if width <= most-1 {
			at, atWidth = i, width
		}
		if width += runeWidth(r); width > most {
			return text[:at] + "…", atWidth + 1
		}
	}
	return text, width
}

func textWidth(text string) (width int) {
	for _, r := range text {
		width += runeWidth(r)
	}
	return width
}

// wide are the characters that take two columns, near enough: of East Asia, and pictures.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{{0x1100, 0x115f, 1}, {0x2e80, 0x303e, 1}, {0x3041, 0xa4cf, 1}, {0xac00, 0xd7a3, 1}, {0xf900, 0xfaff, 1},
		{0xfe30, 0xfe6f, 1}, {0xff00, 0xff60, 1}, {0xffe0, 0xffe6, 1}},
	R32: []unicode.Range32{{0x1f300, 0x1f64f, 1}, {0x1f900, 0x1f9ff, 1}, {0x20000, 0x3fffd, 1}},
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// visible returns the cells with escapes for what is no character to be seen.
func visible(cells []string) []string {
	out := make([]string, len(cells))
	for i, cell := range cells {
		if out[i] = cell; strings.ContainsFunc(cell, hidden) {
			var b strings.Builder
			for _, r := range cell {
				if hidden(r) {
					fmt.Fprintf(&b, `\u%04X`, r)
				} else {
					b.WriteRune(r)
				}
			}
			out[i] = b.String()
		}
	}
	return out
}

func hidden(r rune) bool {
	return r != 0x200c && r != 0x200d && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
