package patch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
)

// cutAll cuts a text that comes whole.
func cutAll(text string) (list []string) {
	for at := 0; ; {
		p, found, _ := patch.Cut([]byte(text[at:]), true)
		if !found {
			return list
		}
		list = append(list, text[at+p.Begin:at+p.End])
		at += p.End
	}
}

// TestCut: pieces are whole transactions and rows outside of them; what is no patch ends with its row or its transaction.
func TestCut(t *testing.T) {
	const row, next = "A <urn:a> <urn:p> <urn:o> .\n", "D <urn:b> <urn:p> <urn:o> .\n"
	const tx = "TX .\n" + row + next + "TC .\n"
	bare := strings.TrimSuffix(row, "\n")
	long := "A <urn:a> <urn:p> \"\"\"\nTC .\nA <urn:x> <urn:x> <urn:x> .\n\"\"\" .\n"
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"nothing":                     {"# nothing\n\n", nil},
		"headers alone":               {"H id <urn:1> .\n", nil},
		"rows":                        {row + "\n# x\n" + next, []string{row, next}},
		"transactions":                {"H id <urn:1> .\n" + tx + row + tx, []string{tx, row, tx}},
		"one line":                    {"TX . " + bare + " TC . " + row, []string{"TX . " + bare + " TC .", row}},
		"aborted":                     {"TX .\n" + row + "TA .\n" + next, []string{"TX .\n" + row + "TA .", next}},
		"a row of two lines":          {"A <urn:a>\n<urn:p> <urn:o> .\n" + next, []string{"A <urn:a>\n<urn:p> <urn:o> .", next}},
		"TC within a string":          {"TX .\n" + long + "TC .\n" + next, []string{"TX .\n" + long + "TC .\n", next}},
		"a bad row":                   {row + "A <urn:a> nothing <urn:o> .\n" + next, []string{row, "A <urn:a> nothing <urn:o> .\n", next}},
		"a row without dot":           {"A <urn:a> <urn:p> <urn:o>\n" + next, []string{"A <urn:a> <urn:p> <urn:o>\n", next}},
		"a bad row in a transaction":  {"TX .\n" + row + "X\n" + next + "TC .\n" + row, []string{"TX .\n" + row + "X\n" + next + "TC .\n", row}},
		"a transaction without end":   {"TX .\n" + row + tx + next, []string{"TX .\n" + row, tx, next}},
		"the last one without end":    {row + "TX .\n" + next, []string{row, "TX .\n" + next}},
		"TC without TX":               {"TC .\n" + row, []string{"TC .\n", row}},
		"a header in a transaction":   {"TX .\nH id <urn:1> .\nTC .\n" + row, []string{"TX .\nH id <urn:1> .\nTC .\n", row}},
		"an end that is the text's":   {bare, []string{bare}},
		"a transaction with prefixes": {"PA ex <urn:x> .\nTX .\nPD ex .\nTC .\n", []string{"PA ex <urn:x> .", "TX .\nPD ex .\nTC .\n"}},
	} {
		if got := cutAll(test.text); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q\nwant %q", name, got, test.want)
		}
		if err := cutAsItComes(test.text, test.want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cutAsItComes gives a text line after line: whatever is cut is what was wanted, in order.
func cutAsItComes(text string, want []string) error {
	at := 0
	for end := 1; end <= len(text); end++ {
		if text[end-1] != '\n' {
			continue
		}
		for {
			p, found, _ := patch.Cut([]byte(text[at:end]), false)
			if !found {
				break
			}
			if got := text[at+p.Begin : at+p.End]; len(want) == 0 || got != want[0] {
				return fmt.Errorf("with %d bytes: %q, want %q", end, got, want)
			}
			at, want = at+p.End, want[1:]
		}
	}
	if rest := cutAll(text[at:]); !slices.Equal(rest, want) {
		return fmt.Errorf("left is %q, want %q", rest, want)
	}
	return nil
}

// TestCutWaits: while more may come, what has no end yet is no piece.
func TestCutWaits(t *testing.T) {
	for text, within := range map[string]bool{
		"": false, "H id <urn:1> .\n": false, "A <urn:a> <urn:p>\n": false, "TX .\n": true,
		"TX .\nA <urn:a> <urn:p> <urn:o> .\n": true, "TX .\nwrong\n": true, "TX .\nA <urn:a> <urn:p> \"\"\"\nTC .\n": true,
	} {
		if _, found, open := patch.Cut([]byte(text), false); found || open != within {
			t.Errorf("%q: found %v, open %v", text, found, open)
		}
	}
}

// FuzzCut: the pieces of a text are the same whether it is there at once or comes line after line, they don't overlap, and one
// that is a patch is one by itself.
func FuzzCut(f *testing.F) {
	for _, text := range []string{
		"", "TX .\nA <urn:a> <urn:p> <urn:o> .\nTC .\n", "A <urn:a> <urn:p>\n<urn:o> . TX . TA .\n", "TX .\nTX .\nx\nTC .", "H id <urn:1> .\nD <urn:a>\n\n",
		"A <urn:a> <urn:p> \"\"\"\nTC .\n\"\"\" .\nA\n", "TX .\nH a <urn:b> .\nTA .\r\nPA x <urn:x> .\r\n", "TC .\nA _:a <urn:p> 'x' <urn:g> .\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := cutAll(text)
		if err := cutAsItComes(text, want); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
