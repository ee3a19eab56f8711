// Package terminal is what the commands show while they work: lines with one below them that is drawn again and again,
// the progress bar of a file, tables, and numbers for people.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// WriteTable prints names and values in two columns.
func WriteTable(w io.Writer, rows [][2]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
	}
	return t.Flush()
}

// Count is a number of things, as in "1 node" and "2 nodes".
func Count[N int | int64 | uint64](n N, noun string) string {
	return fmt.Sprintf("%d %s", n, plural(n, noun))
}

// GroupedCount is [Count] with the number as [Grouped] has it: "1 quad", "12,345 quads".
func GroupedCount(n int, noun string) string { return Grouped(n) + " " + plural(n, noun) }

// plural is the noun of so many things. Its first word counts them: "change lost" becomes "changes lost".
func plural[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return noun
	}
	counted, rest, more := strings.Cut(noun, " ")
	if more {
		rest = " " + rest
	}
	return counted + "s" + rest
}

// Grouped is the decimal number with a comma before every three digits.
func Grouped(n int) string {
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

// Gauge is a progress bar of so many characters, or nothing if there are too few.
func Gauge(done float64, width int) string {
	if width < 5 {
		return ""
	}
	full := int(done * float64(width-2))
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-2-full) + "]"
}

// unsaid is the width of a terminal that doesn't tell it, in columns.
const unsaid = 80

// Width returns how wide a terminal is, in columns: 80 for one that says nothing or 0. ok is false if w is none.
func Width(w io.Writer) (width int, ok bool) {
	fd, ok := terminalOf(w)
	if !ok {
		return 0, false
	}
	width, _, err := term.GetSize(fd)
	if width <= 0 {
		width = unsaid
	}
	return width, err == nil
}

// Is reports whether w is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalOf is the descriptor of w, if it is a terminal on which a line can be drawn again.
func terminalOf(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}
