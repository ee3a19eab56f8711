package invert

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// TestSpoolBackward: the lines come back, the last one first, whatever their lengths, the size of reads, and what was
// cut off in between, in memory or in a file.
func TestSpoolBackward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spool
		defer s.close()
		var lines []string
		length := rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(0, 5*backwardBlock/2), rapid.IntRange(0, spoolMemory/4))
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

// TestSpoolFile: what is short needs no file; that of what is long is gone after close, and an error says what was tried.
func TestSpoolFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	files := func() int {
		found, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	var s spool
	line := []byte(strings.Repeat("x", spoolMemory/2-1) + "\n")
	if err := s.write(line); err != nil || files() != 0 {
		t.Errorf("%v, %d files for little", err, files())
	}
	if err := s.write(line); err != nil || files() != 1 {
		t.Errorf("%v, %d files for much", err, files())
	}
	if err := s.close(); err != nil || files() != 0 {
		t.Errorf("%v, %d files are left", err, files())
	}
	gone := filepath.Join(dir, "gone")
	t.Setenv("TMPDIR", gone)
	t.Setenv("TMP", gone)
	if err := s.write(append(line, line...)); err == nil || !strings.Contains(err.Error(), "temporary file") {
		t.Errorf("no folder for the file: %v", err)
	}
}
