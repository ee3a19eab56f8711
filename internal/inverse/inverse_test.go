package inverse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// TestSpoolBackward: the lines come back, the last one first, whatever their lengths, the size of reads, and what was
// cut off in between.
func TestSpoolBackward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := newSpool()
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		var lines []string
		length := rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(0, 5*backwardBlock/2))
		for i := range rapid.IntRange(0, 30).Draw(t, "lines") {
			if i%7 == 6 && rapid.Bool().Draw(t, "cut") {
				lines = lines[:len(lines)/2]
				if err := s.truncate(int64(len(strings.Join(lines, "")))); err != nil {
					t.Fatal(err)
				}
			}
			line := strings.Repeat(string(rune('a'+i%26)), length.Draw(t, "length")) + "\n"
			lines = append(lines, line)
			if err := s.write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := s.backward()
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "halves") {
			r = iotest.HalfReader(r)
		}
		got, err := io.ReadAll(r)
		var want strings.Builder
		for i := len(lines) - 1; i >= 0; i-- {
			want.WriteString(lines[i])
		}
		if err != nil || string(got) != want.String() {
			t.Fatalf("%d bytes, %v, want %d", len(got), err, want.Len())
		}
	})
}

// invertText inverts a patch as the command does.
func invertText(text string) (string, error) {
	v, err := New()
	if err != nil {
		return "", err
	}
	defer v.Close()
	if err := patch.Parse([]byte(text), v); err != nil {
		return "", err
	}
	r, err := v.Patch()
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(r)
	return string(got), err
}

// TestInverterIsThatOfThePackage: of one transaction the inverse is that of [patch.Invert]; of many it is those of
// each, the last one first.
func TestInverterIsThatOfThePackage(t *testing.T) {
	row := rapid.Custom(func(t *rapid.T) string {
		code := rapid.SampledFrom([]string{"A", "D"}).Draw(t, "code")
		graph := rapid.SampledFrom([]string{"", "<g:1> ", "_:g "}).Draw(t, "graph")
		return fmt.Sprintf("%s <s:%d> <p:1> %q %s.\n", code, rapid.IntRange(0, 5).Draw(t, "s"),
			rapid.SampledFrom([]string{"", "a", "a\n\"b\""}).Draw(t, "o"), graph)
	})
	rapid.Check(t, func(t *rapid.T) {
		var text, want string
		for i := range rapid.IntRange(0, 4).Draw(t, "transactions") {
			one := fmt.Sprintf("H id <urn:%d> .\nH note \"%d\" .\nTX .\n", i, i)
			if rapid.Bool().Draw(t, "prefix") {
				one += "PA \"ex\" <http://example/> <g:1> .\n"
			}
			for _, r := range rapid.SliceOfN(row, 0, 8).Draw(t, "rows") {
				one += r
			}
			if rapid.Bool().Draw(t, "abort") {
				text += one + "TA .\n"
				continue
			}
			one += "TC .\n"
			text += one
			var b bytes.Buffer
			w := patch.NewWriter(&b)
			if err := errors.Join(patch.Parse([]byte(one), patch.Invert(w, 0)), w.Flush()); err != nil {
				t.Fatal(err)
			}
			want = b.String() + want
		}
		got, err := invertText(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestInverterRefuses(t *testing.T) {
	if _, err := invertText("TX .\nPD \"ex\" .\nTC .\n"); !errors.Is(err, patch.ErrNotInvertible) {
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
