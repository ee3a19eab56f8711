package file

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// TestRotated: a file that is renamed is read to its end, then the one that has taken its name.
func TestRotated(t *testing.T) {
	f := newFolder(t, SourceConfig{Paths: []string{"log.nt"}, Settle: time.Hour})
	f.write("log.nt", rows(0, 2))
	f.has(row(0), row(1))
	f.add("log.nt", rows(2, 3))
	f.rename("log.nt", "log.nt.1") // where no pattern finds it
	f.write("log.nt", rows(10, 11))
	f.has(row(2), row(10))
	f.add("log.nt.1", rows(3, 4)) // who writes it has not heard yet
	f.add("log.nt", rows(11, 12))
	f.has(row(3), row(11))
	f.remove("log.nt.1")
	f.has()
}

// TestRotatedMeanwhile: a source that did not run finds the file under its new name, and goes on where it was.
func TestRotatedMeanwhile(t *testing.T) {
	f := newFolder(t, SourceConfig{Paths: []string{"log*.nt"}, ByTime: true})
	f.write("log.nt", rows(0, 2))
	f.has(row(0), row(1))
	f.stop()
	f.add("log.nt", rows(2, 3))
	f.rename("log.nt", "log.2.nt")
	f.write("log.1.nt", rows(3, 4))
	f.write("log.nt", rows(4, 5))
	for i, name := range []string{"log.2.nt", "log.1.nt", "log.nt"} {
		at := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(f.path(name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	f.has(row(2), row(3), row(4))
}

// TestCutOff: that a file was cut off or written anew is told, whether the source ran or not.
func TestCutOff(t *testing.T) {
	long := rows(0, 100)
	for name, change := range map[string]func(*folder){
		"shorter":         func(f *folder) { f.write("log.nt", rows(200, 201)) },
		"empty":           func(f *folder) { f.write("log.nt", "") },
		"longer":          func(f *folder) { f.write("log.nt", rows(200, 500)) },
		"as long":         func(f *folder) { f.write("log.nt", strings.ReplaceAll(long, "urn:p", "urn:q")) },
		"the same begins": func(f *folder) { f.write("log.nt", row(0)+"\n"+rows(300, 500)) },
	} {
		for _, runs := range []bool{true, false} {
			f := newFolder(t, SourceConfig{})
			f.write("log.nt", long)
			if messages, err := f.read(true); err != nil || len(messages) != 100 {
				t.Fatalf("%d messages, %v", len(messages), err)
			}
			if !runs {
				f.stop()
			}
			change(f)
			at := time.Now().Add(time.Minute) // a clock has ticked
			if err := os.Chtimes(f.path("log.nt"), at, at); err != nil {
				t.Fatal(err)
			}
			for range 2 { // again after a restart
				if messages, err := f.read(true); !errors.Is(err, connector.ErrGiveUp) || len(messages) > 0 || !strings.Contains(err.Error(), "on-gap: skip") {
					t.Fatalf("%s, runs %v: %d messages, %v", name, runs, len(messages), err)
				}
				f.stop()
			}
			f.cfg.SkipGaps = true
			messages, err := f.read(true)
			if err != nil || len(messages) == 0 || !strings.Contains(messages[0].Reason, "cut off or written anew after") ||
				!strings.HasSuffix(messages[0].Stream, "~1") {
				t.Fatalf("%s, runs %v: %q, %v", name, runs, texts(messages), err)
			}
			text, _ := os.ReadFile(f.path("log.nt"))
			want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			if got := texts(messages[1:]); len(text) > 0 && !slices.Equal(got, want) || len(text) == 0 && len(got) > 0 {
				t.Errorf("%s, runs %v: %q\nwant %q", name, runs, got, want)
			}
			f.stop()
			f.add("log.nt", row(7)+"\n")
			f.has(row(7))
		}
	}
}

// TestManyGenerations: however often a file was cut off, the newest of its streams is found.
func TestManyGenerations(t *testing.T) {
	f := newFolder(t, SourceConfig{SkipGaps: true})
	for n := range 20 {
		f.write("log.nt", rows(n, n+1))
		want := []string{"!cut off", row(n)}
		if n == 0 {
			want = want[1:]
		}
		at := time.Now().Add(time.Duration(n) * time.Minute)
		if err := os.Chtimes(f.path("log.nt"), at, at); err != nil {
			t.Fatal(err)
		}
		f.has(want...)
		f.stop()
		f.has()
		f.stop()
	}
}

// TestAnewBeforeAMessage: a file that was written anew before anything of it was handed over is read once, after a restart too.
func TestAnewBeforeAMessage(t *testing.T) {
	for what, c := range map[string]struct {
		cfg         SourceConfig
		name, begin string
		anew        string
		want        []string
	}{
		"half a line":   {SourceConfig{}, "a.nt", "<urn:half> <urn:p>", row(1) + "\n", []string{row(1)}},
		"CSV header":    {SourceConfig{Mapped: true, SkipGaps: true}, "a.csv", "a,b\n", "c,d\n1,2\n", []string{"!cut off", "c,d\n1,2"}},
		"only comments": {SourceConfig{SkipGaps: true}, "a.nt", "# a\n# b\n", row(1) + "\n", []string{"!cut off", row(1)}},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFolder(t, c.cfg)
			f.write(c.name, c.begin)
			f.has()
			f.write(c.name, c.anew)
			at := time.Now().Add(time.Minute) // a clock has ticked
			if err := os.Chtimes(f.path(c.name), at, at); err != nil {
				t.Fatal(err)
			}
			f.has(c.want...)
			f.stop()
			f.has() // nothing twice
		})
	}
}

// TestAnewAgainAndAgain: a number of a stream is used before the next one is, so that the newest is found.
func TestAnewAgainAndAgain(t *testing.T) {
	f := newFolder(t, SourceConfig{SkipGaps: true})
	at := time.Now()
	write := func(text string) {
		f.write("a.nt", text)
		at = at.Add(time.Minute) // a clock has ticked
		if err := os.Chtimes(f.path("a.nt"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(row(0) + "\n")
	f.has(row(0))
	write("<urn:")
	f.has("!cut off")
	for n := range 5 {
		write(fmt.Sprint("<", n))
		f.has()
	}
	write(row(1) + "\n")
	f.has(row(1))
	f.stop()
	f.has()
}

// noBirth is the identity of a file system that doesn't say when a file was made, and gives each file the inode that it is told.
func noBirth(inode *uint64) func(string, os.FileInfo) (identity, error) {
	return func(string, os.FileInfo) (identity, error) { return identity{inode: *inode}, nil }
}

// replace deletes a file and makes another one, at a later time by the clock of the file system, which may tick a hundred times a second:
// until then nobody can tell them apart.
func (f *folder) replace(old, name, text string) {
	f.Helper()
	id := func(name string) identity {
		info, err := os.Stat(f.path(name))
		if err != nil {
			f.Fatal(err)
		}
		id, err := identify(f.path(name), info)
		if err != nil {
			f.Fatal(err)
		}
		return id
	}
	before := id(old)
	f.remove(old)
	for f.write(name, text); before.birth != 0 && id(name) == before; f.write(name, text) {
		f.remove(name)
	}
}

// TestInodeUsedAgain: a file with the inode of one that was deleted is another one, even if it has the same content.
func TestInodeUsedAgain(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("1.nt", rows(0, 2))
	f.has(row(0), row(1))
	for n := range 5 {
		f.stop()
		f.replace(fmt.Sprintf("%d.nt", n+1), fmt.Sprintf("%d.nt", n+2), rows(0, 2))
		f.has(row(0), row(1))
	}
	inode := uint64(7)
	g := newFolder(t, SourceConfig{})
	g.identify = noBirth(&inode)
	g.write("1.nt", rows(0, 2))
	g.has(row(0), row(1))
	g.stop()
	g.remove("1.nt")
	g.write("2.nt", rows(5, 6)) // it is shorter, and begins otherwise
	g.has(row(5))
	g.stop()
	g.remove("2.nt")
	g.write("3.nt", row(5)+"\n"+rows(8, 9)) // it goes on where another one was: without a time nobody can tell
	g.has(row(8))
}

// TestInodeUsedAgainWhileRunning: once a look has missed the file, its inode may be another one's.
func TestInodeUsedAgainWhileRunning(t *testing.T) {
	inode := uint64(7)
	f := newFolder(t, SourceConfig{MaxOpen: 1})
	f.identify = noBirth(&inode)
	f.write("1.nt", rows(0, 2))
	f.has(row(0), row(1))
	f.remove("1.nt")
	f.has()
	f.write("2.nt", rows(5, 6))
	f.has(row(5))
}

// TestNoTimeNoLine: where no time says which file it is, and its first line has no end, it has to wait.
func TestNoTimeNoLine(t *testing.T) {
	inode := uint64(7)
	f := newFolder(t, SourceConfig{})
	f.identify = noBirth(&inode)
	f.write("1.nt", row(0))
	f.has()
	f.add("1.nt", "\n")
	f.has(row(0))
	f.stop()
	f.add("1.nt", rows(1, 2))
	f.has(row(1))
}

// TestSameContent: two files are two, whatever stands in them.
func TestSameContent(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("1.nt", rows(0, 1))
	f.write("2.nt", rows(0, 1))
	f.has(row(0), row(0))
	f.stop()
	f.add("2.nt", rows(2, 3))
	f.add("1.nt", rows(1, 2))
	f.has(row(1), row(2))
}
