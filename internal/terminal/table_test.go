package terminal

import (
	"fmt"
	"strings"
	"testing"
)

func table(t *testing.T, width int, rows ...[]string) string {
	t.Helper()
	var b strings.Builder
	w := NewTable(&b, width, rows[0])
	for _, row := range rows[1:] {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	rows := [][]string{{"?a", "?b"}, {"short", "a rather long text"}, {"日本", ""}, {"x\x1b[31m", "e\u0301 \u202e"}}
	for width, want := range map[int]string{
		0: "?a           ?b\n" +
			"short        a rather long text\n" +
			"日本\n" +
			"x\\u001B[31m  e\u0301 \\u202E\n",
		20: "?a        ?b\n" +
			"short     a rathe…\n" +
			"日本\n" +
			"x\\u001B…  e\u0301 \\u202E\n",
		5: "?a      ?b\n" + // no column is cut to nothing
			"short   a rat…\n" +
			"日本\n" +
			"x\\u00…  e\u0301 \\u2…\n",
	} {
		if got := table(t, width, rows...); got != want {
			t.Errorf("in %d columns:\n%s, expected\n%s", width, got, want)
		}
	}
	if got := table(t, 5, []string{}, []string{}); got != "\n\n" {
		t.Errorf("no columns: %q", got)
	}
	if got := table(t, 0, []string{"?x"}, []string{"日本語"}); got != "?x\n日本語\n" {
		t.Errorf("%q", got)
	}
}

// TestTableStreams: the first rows decide the widths, so that the others need not be held.
func TestTableStreams(t *testing.T) {
	rows := [][]string{{"?n", "?m"}}
	for i := range 1500 {
		rows = append(rows, []string{fmt.Sprint(i), "x"})
	}
	rows = append(rows, []string{"123456", "y"})
	lines := strings.Split(table(t, 0, rows...), "\n")
	if len(lines) != 1503 || lines[1] != "0    x" || lines[1500] != "14…  x" || lines[1501] != "12…  y" {
		t.Errorf("%d lines, %q, %q", len(lines), lines[1500], lines[1501])
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"e\u0301e\u0301e", 2, "e\u0301…"}, {"", 0, ""}} {
		if got, width := cut(test.text, test.most); got != test.want || width != textWidth(got) || width > test.most {
			t.Errorf("%q in %d: %q, %d", test.text, test.most, got, width)
		}
	}
}
