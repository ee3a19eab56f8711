package terminal

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Colours paint text, or leave it as it is where there are none.
type Colours struct{ on bool }

// ColoursOf returns those of w: there are some if it is a terminal that can draw, and NO_COLOR (no-color.org) is not set.
func ColoursOf(w io.Writer) Colours {
	_, ok := terminalOf(w)
	return Colours{on: ok && os.Getenv("NO_COLOR") == ""}
}

const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

func (c Colours) paint(colour, text string) string {
	if !c.on || text == "" {
		return text
	}
	return colour + text + plain
}

// Bad paints what is not as it should be.
func (c Colours) Bad(text string) string { return c.paint(red, text) }

// Good paints what is.
func (c Colours) Good(text string) string { return c.paint(green, text) }

// Words paints words that stand in columns of a table, behind two spaces and before two or the line's end. It comes after the
// table is drawn: colours have no width.
func (c Colours) Words(table string, good, bad []string) string {
	if !c.on {
		return table
	}
	pattern := regexp.MustCompile(`(?m)  (` + strings.Join(slices.Concat(bad, good), "|") + `)(?:  |$)`)
	var b strings.Builder
	at := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(table, -1) {
		word := table[m[2]:m[3]]
		b.WriteString(table[at:m[2]])
		if at = m[3]; slices.Contains(good, word) {
			b.WriteString(c.Good(word))
		} else {
			b.WriteString(c.Bad(word))
		}
	}
	return b.String() + table[at:]
}

// Rows returns a writer to w that paints the rows of an RDF Patch in text form, additions and deletions, if w has colours; else w.
func Rows(w io.Writer) io.Writer {
	c := ColoursOf(w)
	if !c.on {
		return w
	}
	return &rows{w: w, colours: c}
}

// rows paints whole lines; what has no end yet waits for it. A patch ends with the end of a line.
type rows struct {
	w       io.Writer
	colours Colours
	open    []byte
}

// Write implements [io.Writer].
func (r *rows) Write(b []byte) (int, error) {
	var out []byte
	r.open = append(r.open, b...)
	for {
		line, rest, found := bytes.Cut(r.open, []byte("\n"))
		if !found {
			break
		}
		text := string(line)
		switch {
		case strings.HasPrefix(text, "A "):
			text = r.colours.Good(text)
		case strings.HasPrefix(text, "D "):
			text = r.colours.Bad(text)
		}
		out, r.open = append(append(out, text...), '\n'), rest
	}
	r.open = append([]byte(nil), r.open...)
	if _, err := r.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
