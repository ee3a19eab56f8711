package invert_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/invert"
	"github.com/quadrille-stream/quadrille/rdf"
)

const (
	spo  = "<x:s> <x:p> <x:o>"
	long = "http://www.w3.org/2001/XMLSchema#"
)

// invertText inverts a patch in text form.
func invertText(text string) (string, error) {
	var v invert.Inverter
	defer v.Close()
	if err := patch.Parse([]byte(text), &v); err != nil {
		return "", err
	}
	r, err := v.Reader()
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(r)
	return string(got), err
}

func TestInvert(t *testing.T) {
	const other = "H made-by \"me\" .\n"
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", ""},
		{"empty transaction", "TX . TC .", "TX .\nTC .\n"},
		{"reverse order", "TX . A <x:1> <x:p> 1 . D <x:2> <x:p> 'é' <x:g> . PA 'a' <x:> _:g . A <x:3> <x:p> _:o . TC .",
			"TX .\nD <x:3> <x:p> _:o .\nPD \"a\" _:g .\nA <x:2> <x:p> \"é\" <x:g> .\n" +
				"D <x:1> <x:p> \"1\"^^<" + long + "integer> .\nTC .\n"},
		{"headers", "H id <x:2> . H prev <x:1> . H made-by 'me' . TX . D " + spo + " . TC .",
			other + "TX .\nA " + spo + " .\nTC .\n"},
		{"aborted", "TX . A " + spo + " . TA .", ""},
		{"aborted, then committed", "TX . A <x:1> <x:p> 1 . TA . TX . A " + spo + " . TC .", "TX .\nD " + spo + " .\nTC .\n"},
		{"two transactions", "TX . A " + spo + " . TC . H made-by 'me' . TX . D " + spo + " <x:g> . TC .",
			other + "TX .\nA " + spo + " <x:g> .\nTC .\nTX .\nD " + spo + " .\nTC .\n"},
		{"a row outside", "A " + spo + " .", "D " + spo + " .\n"},
		{"a row behind", "TX . TC . D " + spo + " .", "A " + spo + " .\nTX .\nTC .\n"},
		{"a prefix outside", "PA 'a' <x:> .", "PD \"a\" .\n"},
	} {
		got, err := invertText(c.doc)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, %s", c.name, err, diff)
		}
	}
}

// TestInvertMany: of many transactions the inverse is that of each, the last one first.
func TestInvertMany(t *testing.T) {
	row := rapid.Custom(func(t *rapid.T) string {
		graph := rapid.SampledFrom([]string{"", "<g:1> ", "_:g "}).Draw(t, "graph")
		return fmt.Sprintf(" <s:%d> <p:1> %s %s.\n", rapid.IntRange(0, 5).Draw(t, "s"),
			rapid.SampledFrom([]string{`""`, `"a"`, `"a\n\"b\""`}).Draw(t, "o"), graph)
	})
	rapid.Check(t, func(t *rapid.T) {
		var text, want string
		for i := range rapid.IntRange(0, 4).Draw(t, "transactions") {
			note := fmt.Sprintf("H note \"%d\" .\n", i)
			one, undone := fmt.Sprintf("H id <urn:%d> .\n", i)+note+"TX .\n", "TC .\n"
			if rapid.Bool().Draw(t, "prefix") {
				one += "PA \"ex\" <http://example/> <g:1> .\n"
				undone = "PD \"ex\" <g:1> .\n" + undone
			}
			for _, r := range rapid.SliceOfN(row, 0, 8).Draw(t, "rows") {
				codes := rapid.SampledFrom([]string{"AD", "DA"}).Draw(t, "code and that of its inverse")
				one += codes[:1] + r
				undone = codes[1:] + r + undone
			}
			if rapid.Bool().Draw(t, "abort") {
				text += one + "TA .\n"
				continue
			}
			text += one + "TC .\n"
			want = note + "TX .\n" + undone + want
		}
		got, err := invertText(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v, %s", err, diff)
		}
	})
}

func TestInvertRefuses(t *testing.T) {
	_, err := invertText("TX .\nPD \"ex\" .\nTC .\n")
	var syntax *patch.SyntaxError
	if !errors.Is(err, invert.ErrNotInvertible) || errors.As(err, &syntax) {
		t.Errorf("PD: %v", err)
	}
	header := fmt.Sprintf("H note %q .\n", strings.Repeat("x", 1<<19))
	if _, err := invertText(strings.Repeat(header, 40)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("headers: %v", err)
	}
	if _, err := invertText(strings.Repeat(header+"TX .\nTC .\n", 40)); err != nil {
		t.Errorf("headers of many transactions: %v", err)
	}
}

// TestInvertOutOfOrder: rows in an order that no reader lets through are errors.
func TestInvertOutOfOrder(t *testing.T) {
	var v invert.Inverter
	if v.Commit() == nil || v.Abort() == nil {
		t.Error("an end without begin is taken")
	}
	if err := errors.Join(v.Begin(), v.Add(rdf.Quad{})); err != nil {
		t.Fatal(err)
	}
	if v.Begin() == nil {
		t.Error("a transaction in another is taken")
	}
	if _, err := v.Reader(); err == nil {
		t.Error("of a transaction that is open there is an inverse")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// TestInvertLong: a patch that doesn't fit into what is held comes back from a file, which is then gone.
func TestInvertLong(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	const rows = 60_000
	text, want := []byte("TX .\n"), []byte("TX .\n")
	for i := range rows {
		text = fmt.Appendf(text, "A <x:s> <x:p> \"%d\" .\n", i)
		want = fmt.Appendf(want, "D <x:s> <x:p> \"%d\" .\n", rows-1-i)
	}
	var v invert.Inverter
	if err := patch.Parse(append(text, "TC .\n"...), &v); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
	r, err := v.Reader()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != string(want)+"TC .\n" {
		t.Errorf("%d bytes of %d, or others, %v", len(got), len(want), err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("files %v, %v", files, err)
	}
}
