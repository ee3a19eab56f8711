package mutants

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// List is testdata/survivors.txt: the mutants that no test notices, each with the reason why it is left so.
type List struct {
	// Header holds the lines that begin with #, which say what was tried.
	Header []string
	// Reasons has the names of the mutants as keys. A reason begins with "equivalent: " where the mutant does the same as the
	// code, or with "not noticed: ". It is empty where nobody has judged the mutant yet.
	Reasons map[string]string
}

// ReadList reads a list: one mutant a line, a tab, the reason.
func ReadList(r io.Reader) (List, error) {
	l := List{Reasons: map[string]string{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			l.Header = append(l.Header, line)
			continue
		}
		name, reason, ok := strings.Cut(line, "\t")
		if _, twice := l.Reasons[name]; !ok || twice {
			return List{}, fmt.Errorf("line %d: want a mutant that is not listed above, a tab and a reason, not %q", n, line)
		}
		l.Reasons[name] = reason
	}
	return l, lines.Err()
}

// Write writes the list, sorted.
func (l List) Write(w io.Writer) error {
	for _, line := range l.Header {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Reasons)) {
		if _, err := fmt.Fprintf(w, "%s\t%s\n", name, l.Reasons[name]); err != nil {
			return err
		}
	}
	return nil
}

// Of returns the names of the listed mutants of a package, sorted.
func (l List) Of(pkg string) []string {
	var names []string
	for name := range l.Reasons {
		if strings.HasPrefix(name, pkg+" ") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
