package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// folder is a folder whose files are read.
type folder struct {
	*testing.T
	dir      string
	cfg      SourceConfig
	identify func(string, os.FileInfo) (identity, error)
	progress conntest.Progress
	r        *reader
}

// newFolder makes one that is read with the configuration, but without waiting.
func newFolder(t *testing.T, cfg SourceConfig) *folder {
	t.Helper()
	f := &folder{T: t, dir: t.TempDir(), cfg: cfg}
	f.cfg.Logger = slog.New(slog.DiscardHandler)
	if f.cfg.Settle == 0 {
		f.cfg.Settle = -1
	}
	if len(cfg.Paths) == 0 {
		f.cfg.Paths = []string{f.dir}
	} else {
		f.cfg.Paths = []string{filepath.Join(f.dir, cfg.Paths[0])}
	}
	t.Cleanup(f.stop)
	return f
}

// start opens a reader, as a process does that has just started.
func (f *folder) start() error {
	f.Helper()
	s, err := NewSource(f.cfg)
	if err != nil {
		f.Fatal(err)
	}
	if f.identify != nil {
		s.identify = f.identify
	}
	r, err := s.Open(f.Context(), &f.progress)
	if err == nil {
		f.r = r.(*reader) //nolint:forcetypeassert // it is this package's
	}
	return err
}

func (f *folder) stop() {
	if f.r == nil {
		return
	}
	if err := f.r.Close(); err != nil {
		f.Error(err)
	}
	f.r = nil
}

// read returns all that there is, without waiting; commit says whether it is committed then.
func (f *folder) read(commit bool) ([]connector.Message, error) {
	f.Helper()
	if f.r == nil {
		if err := f.start(); err != nil {
			return nil, err
		}
	}
	var all []connector.Message
	for {
		messages, err := f.r.round(f.Context())
		for _, m := range messages {
			if commit {
				f.progress.Commit(m)
			}
		}
		if all = append(all, messages...); len(messages) == 0 {
			return all, err
		}
	}
}

// has reads and commits, and compares the bodies; of dead letters it compares the reasons, after "!".
func (f *folder) has(want ...string) {
	f.Helper()
	messages, err := f.read(true)
	if err != nil {
		f.Fatal(err)
	}
	if got := texts(messages); !slices.EqualFunc(got, want, sameText) {
		f.Fatalf("%q\nwant %q", got, want)
	}
}

func texts(messages []connector.Message) (list []string) {
	for _, m := range messages {
		if m.Reason != "" {
			list = append(list, "!"+m.Reason)
		} else {
			list = append(list, string(m.Body))
		}
	}
	return list
}

// sameText reports that a text is the one that is wanted or, of a reason, has it in it.
func sameText(got, want string) bool {
	if why, is := strings.CutPrefix(want, "!"); is {
		return strings.HasPrefix(got, "!") && strings.Contains(got, why)
	}
	return got == want
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

// add appends to a file.
func (f *folder) add(name, text string) {
	f.Helper()
	file, err := os.OpenFile(f.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		f.Fatal(err)
	}
}

func (f *folder) rename(from, to string) {
	f.Helper()
	if err := os.Rename(f.path(from), f.path(to)); err != nil {
		f.Fatal(err)
	}
}

func (f *folder) remove(name string) {
	f.Helper()
	if err := os.Remove(f.path(name)); err != nil {
		f.Fatal(err)
	}
}

// row is a statement of N-Triples.
func row(n int) string { return fmt.Sprintf("<urn:s%d> <urn:p> <urn:o> .", n) }

// rows are some of them, each with its line end.
func rows(from, to int) (text string) {
	for n := from; n < to; n++ {
		text += row(n) + "\n"
	}
	return text
}

// peer is a folder for the suite.
type peer struct {
	dir string
	n   int
	cut func(n int) (text, body string)
}

func (p *peer) Source(t *testing.T) connector.Source {
	t.Helper()
	s, err := NewSource(SourceConfig{Paths: []string{p.dir}, Poll: 2 * time.Millisecond, MaxMessages: 3, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *peer) Send(t *testing.T, n int) (bodies []string) {
	t.Helper()
	f := folder{T: t, dir: p.dir}
	for range n {
		text, body := p.cut(p.n)
		name := "in.nt"
		if strings.HasPrefix(body, "TX") {
			name = "in.rdfp"
		}
		f.add(name, text)
		p.n, bodies = p.n+1, append(bodies, body)
	}
	return bodies
}

func TestSource(t *testing.T) {
	for name, cut := range map[string]func(int) (string, string){
		"lines": func(n int) (string, string) { return "# comment\n" + row(n) + "\n", row(n) },
		"transactions": func(n int) (string, string) {
			body := "TX .\nA " + row(n) + "\nD " + row(n+1) + "\nTC ."
			return fmt.Sprintf("H id <urn:id%d> .\nH prev <urn:id%d> .\n%s\n", n, n-1, body), body
		},
	} {
		t.Run(name, func(t *testing.T) {
			conntest.TestSource(t, func(t *testing.T) conntest.Peer { return &peer{dir: t.TempDir(), cut: cut} })
		})
	}
}

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

// TestInodeUsedAgain: a file with the inode of one that was deleted is another one, even if it has the same content.
func TestInodeUsedAgain(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("1.nt", rows(0, 2))
	f.has(row(0), row(1))
	for n := range 5 {
		f.stop()
		f.remove(fmt.Sprintf("%d.nt", n+1))
		f.write(fmt.Sprintf("%d.nt", n+2), rows(0, 2))
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

// mixed is a patch with whatever a patch may have.
const mixed = "# log\nH id <urn:1> .\nTX .\nA <urn:a> <urn:p> \"\"\"x\nTC .\n\"\"\" .\nTC .\nA <urn:b> <urn:p> <urn:o> .\nwrong\n" +
	"TX .\nA <urn:c> <urn:p> wrong .\nA <urn:d> <urn:p> <urn:o> .\nTC .\n\nTX .\nA <urn:e> <urn:p> <urn:o> .\nTX .\nTC .\n" +
	"PA ex <urn:x> .\nA <urn:f>\n<urn:p> <urn:o> .\nTX .\nTA .\n"

// TestCutsDependOnContent: messages and their identities are the same, whether a file is there at once, comes byte after byte, or
// is read on by another process after each byte.
func TestCutsDependOnContent(t *testing.T) {
	csv := "id,text\n1,\"a\nb\"\n2,\"say \"\"x\n\"\"\"\n\n3,a\"b\n"
	for name, text := range map[string]string{"x.rdfp": mixed, "x.nt": "# c\n\n" + rows(0, 3) + "x\n" + rows(3, 4), "x.csv": csv} {
		var want []string
		for _, how := range []string{"at once", "byte after byte", "restarted"} {
			f := newFolder(t, SourceConfig{Mapped: name == "x.csv", MaxMessages: 2})
			var got []string
			take := func() {
				messages, err := f.read(true)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range messages {
					got = append(got, fmt.Sprintf("%d %s %q %s", m.Offset, m.MediaType, m.Body, lineOf(m)))
				}
			}
			if how == "at once" {
				f.write(name, text)
				take()
				if want = got; len(want) < 3 {
					t.Errorf("%s: %q", name, want)
				}
				continue
			}
			for i := range text {
				f.add(name, text[i:i+1])
				take()
				if how == "restarted" {
					f.stop()
				}
			}
			if name != "x.csv" { // lines of what isn't mapped are those since the start
				got = withoutLines(got)
			}
			if !slices.Equal(got, want) && !slices.Equal(got, withoutLines(want)) {
				t.Errorf("%s, %s:\n%s\nwant\n%s", name, how, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

func withoutLines(list []string) (short []string) {
	for _, text := range list {
		short = append(short, text[:strings.LastIndex(text, " ")])
	}
	return short
}

func lineOf(m connector.Message) string {
	for name, value := range m.Vars {
		if name == "line" {
			return value
		}
	}
	return "none"
}

// TestMapped: each row of CSV comes with the first one, and each message with where it stood.
func TestMapped(t *testing.T) {
	f := newFolder(t, SourceConfig{Mapped: true})
	f.write("a.csv", "id,text\n1,\"a\nb\"\n")
	f.write("b.jsonl", "{\"n\":1}\n\n{\"n\":2}\n")
	f.write("c.json", "{\n}\n")
	f.has("id,text\n1,\"a\nb\"", `{"n":1}`, `{"n":2}`, "{\n}")
	f.stop()
	f.add("a.csv", "2,c\n")
	messages, err := f.read(true)
	if err != nil || len(messages) != 1 || string(messages[0].Body) != "id,text\n2,c" || messages[0].MediaType != typeCSV {
		t.Fatalf("%+v, %v", messages, err)
	}
	vars := map[string]string{}
	for name, value := range messages[0].Vars {
		vars[name] = value
	}
	if len(vars) != 3 || vars["path"] != f.path("a.csv") || vars["name"] != "a.csv" || vars["line"] != "4" {
		t.Errorf("%v", vars)
	}
	f.cfg.NoHeader = true
	f.stop()
	f.write("d.csv", "1,2\n3,4\n")
	f.has("1,2", "3,4")
}

// pack writes a file that is compressed as its name says.
func (f *folder) pack(name, text string) {
	f.Helper()
	file, err := os.Create(f.path(name))
	if err != nil {
		f.Fatal(err)
	}
	w, err := rdfio.Compress(name, file)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, w.Close(), file.Close()); err != nil {
		f.Fatal(err)
	}
}

// TestCompressed: what is compressed is read when it is complete, once, and by another process on from where it was.
func TestCompressed(t *testing.T) {
	for _, name := range []string{"x.nt.gz", "x.nt.zst"} {
		f := newFolder(t, SourceConfig{MaxMessages: 2, Settle: time.Hour})
		f.pack(name, rows(0, 5))
		f.has()
		f.stop()
		f.cfg.Settle = -1
		if err := f.start(); err != nil {
			t.Fatal(err)
		}
		first, err := f.r.round(t.Context())
		if err != nil || len(first) != 2 {
			t.Fatalf("%q, %v", texts(first), err)
		}
		for _, m := range first {
			f.progress.Commit(m)
		}
		f.stop()
		f.has(row(2), row(3), row(4))
		f.has()
		f.stop()
		f.has()
		f.pack(name, rows(7, 8)) // another document
		at := time.Now().Add(time.Minute)
		if err := os.Chtimes(f.path(name), at, at); err != nil {
			t.Fatal(err)
		}
		f.has(row(7))
		f.stop()
		f.has()
	}
}

// TestCompressedAnew: a compressed file of which a part was read, and that is another one now, is told.
func TestCompressedAnew(t *testing.T) {
	for name, text := range map[string]string{"others": rows(10, 15), "fewer": rows(0, 1), "none": ""} {
		f := newFolder(t, SourceConfig{MaxMessages: 2})
		f.pack("x.nt.gz", rows(0, 5))
		if err := f.start(); err != nil {
			t.Fatal(err)
		}
		first, err := f.r.round(t.Context())
		if err != nil || len(first) != 2 {
			t.Fatalf("%q, %v", texts(first), err)
		}
		for _, m := range first {
			f.progress.Commit(m)
		}
		f.stop()
		f.pack("x.nt.gz", text)
		if messages, err := f.read(true); !errors.Is(err, connector.ErrGiveUp) {
			t.Errorf("%s: %q, %v", name, texts(messages), err)
		}
		f.stop()
		f.cfg.SkipGaps = true
		want := append([]string{"!cut off or written anew"}, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
		if text == "" {
			want = want[:1]
		}
		f.has(want...)
		f.stop()
		f.has()
	}
}

// TestNotComplete: a compressed file that is cut off waits for its rest, and one that is damaged becomes a dead letter.
func TestNotComplete(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.pack("x.nt.gz", rows(0, 5))
	whole, err := os.ReadFile(f.path("x.nt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	f.write("x.nt.gz", string(whole[:len(whole)-9]))
	got, err := f.read(true)
	if err != nil {
		t.Fatal(err)
	}
	f.add("x.nt.gz", string(whole[len(whole)-9:]))
	rest, err := f.read(true)
	if all := append(texts(got), texts(rest)...); err != nil || !slices.Equal(all, strings.Split(strings.TrimSpace(rows(0, 5)), "\n")) {
		t.Errorf("%q, %v", all, err)
	}
	whole[len(whole)-5] ^= 1 // of the sum
	f.write("y.nt.gz", string(whole))
	f.has(row(0), row(1), row(2), row(3), row(4), "!y.nt.gz: ")
	f.has()
	f.stop()
	f.has()
}

// TestWhole: a document is a message when nothing has changed for a while, and another one when it was changed.
func TestWhole(t *testing.T) {
	f := newFolder(t, SourceConfig{Settle: time.Hour})
	f.write("x.ttl", "<urn:a> <urn:p> 1 .")
	f.has()
	f.stop()
	f.cfg.Settle = -1
	f.has("<urn:a> <urn:p> 1 .")
	f.has()
	f.stop()
	f.has()
	f.write("x.ttl", "<urn:a> <urn:p> 22 .")
	f.has("<urn:a> <urn:p> 22 .")
	f.stop()
	f.write("x.ttl", "<urn:a> <urn:p> 333 .")
	f.has("<urn:a> <urn:p> 333 .")
	f.write("empty.ttl", " \n")
	f.has()
}

// TestNotFollowed: a file that is not followed has a last line also without a line end.
func TestNotFollowed(t *testing.T) {
	f := newFolder(t, SourceConfig{Whole: true})
	f.write("x.nt", rows(0, 2)+row(2))
	f.has(row(0), row(1), row(2))
	f.stop()
	f.has()
}

// TestLastLine: a line without its end waits, and is told when the file is gone.
func TestLastLine(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("x.nt", row(0)+"\n<urn:s1>")
	f.has(row(0))
	f.add("x.nt", " <urn:p> <urn:o> .")
	f.has()
	f.add("x.nt", "\nhalf")
	f.has(row(1))
	f.remove("x.nt")
	f.has("!is gone, and what stood last in it has no end")
	f.has()
}

// TestRowBehindTransaction: a row doesn't wait because a transaction was before it.
func TestRowBehindTransaction(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	const tx = "TX .\nD <urn:a> <urn:p> <urn:o> .\nTC ."
	f.write("x.rdfp", tx+"\nA <urn:a> <urn:p> <urn:o> .\n")
	f.has(tx, "A <urn:a> <urn:p> <urn:o> .")
}

// TestTooLarge: a message that is too large is a dead letter, whether it comes at once or in pieces, and what follows goes on.
func TestTooLarge(t *testing.T) {
	long := strings.Repeat("x", 3*chunk)
	tx := "TX .\nA <urn:s> <urn:p> \"" + long + "\" .\nTC .\n"
	for name, text := range map[string]string{
		"x.nt":       row(0) + "\n<urn:s> <urn:p> \"" + long + "\" .\n" + row(1) + "\n",
		"x.rdfp":     "A " + row(0) + "\n" + tx + "A " + row(1) + "\n",
		"row.rdfp":   "A " + row(0) + "\nA <urn:s> <urn:p> \"" + long + "\" .\nA " + row(1) + "\n",
		"whole.ttl":  long,
		"small.rdfp": "A " + row(0) + "\nTX .\n" + strings.Repeat("A "+row(9)+"\n", 50) + "TC .\nA " + row(1) + "\n",
	} {
		limit, prefix := 2*chunk, ""
		if strings.HasSuffix(name, ".rdfp") {
			prefix = "A "
		}
		if name == "small.rdfp" {
			limit = 1000
		}
		want := []string{prefix + row(0), fmt.Sprintf("!more than %d bytes", limit), prefix + row(1)}
		if name == "whole.ttl" {
			want = want[1:2]
		}
		var offsets []uint64
		for _, pieces := range []bool{false, true} {
			f := newFolder(t, SourceConfig{MaxMessage: limit})
			var got []connector.Message
			step := len(text)
			if pieces && name != "whole.ttl" {
				step = len(text)/7 + 1
			}
			for at := 0; at < len(text); at += step {
				f.add(name, text[at:min(at+step, len(text))])
				messages, err := f.read(true)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, messages...)
			}
			if !slices.EqualFunc(texts(got), want, sameText) {
				t.Fatalf("%s, pieces %v: %.300q", name, pieces, texts(got))
			}
			var at []uint64
			for _, m := range got {
				if at = append(at, m.Offset); len(m.Body) > maxGiven {
					t.Errorf("%s: %d bytes are kept", name, len(m.Body))
				}
			}
			if offsets != nil && !slices.Equal(offsets, at) {
				t.Errorf("%s: offsets %v, in pieces %v", name, offsets, at)
			}
			offsets = at
		}
	}
}

// TestBlankNodes: those of a file are the same in each of its messages, and none of another file's.
func TestBlankNodes(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("1.nt", "_:a <urn:p> \"1\" .\n_:a <urn:p> \"2\" .\n")
	f.write("2.nq", "_:a <urn:p> \"3\" <urn:g> .\nno _:statement\n")
	messages, err := f.read(true)
	if err != nil || len(messages) != 4 {
		t.Fatalf("%q, %v", texts(messages), err)
	}
	var labels []string
	for _, m := range messages[:3] {
		labels = append(labels, strings.Fields(string(m.Body))[1])
		if m.MediaType != "application/rdf-patch" || !strings.HasSuffix(labels[0], "a") {
			t.Errorf("%s: %q", m.MediaType, m.Body)
		}
	}
	if labels[0] != labels[1] || labels[0] == labels[2] {
		t.Errorf("%q", labels)
	}
	if string(messages[3].Body) != "no _:statement" || messages[3].MediaType != "application/n-quads" {
		t.Errorf("what is no statement is %q", messages[3].Body)
	}
}

// TestWhichFiles: folders, patterns, order, and what is left out.
func TestWhichFiles(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	if err := os.Mkdir(f.path("sub.nt"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write("b.nt", rows(2, 3))
	f.write("a.nt", rows(1, 2))
	f.write(".hidden.nt", rows(9, 10))
	f.write("README", "read me")
	f.pack("c.nt.gz", rows(3, 4))
	if err := os.Symlink(f.path("a.nt"), f.path("z.nt")); err != nil {
		t.Fatal(err)
	}
	f.has("!README: what format is it?", row(1), row(2), row(3))
	f.has()
	f.stop()
	f.has()
	for pattern, want := range map[string][]string{
		"*.nt": {row(1), row(2)}, "*.gz": {row(3)}, "*": {"!what format", row(1), row(2)}, ".h*": {row(9)}, "none*": nil,
	} {
		g := newFolder(t, SourceConfig{Paths: []string{"x"}})
		g.cfg.Paths = []string{f.path(pattern)}
		g.has(want...)
	}
}

// TestBounds: too many files, a folder that isn't there, and files that are not held open.
func TestBounds(t *testing.T) {
	f := newFolder(t, SourceConfig{MaxFiles: 3, MaxOpen: 1})
	for n := range 3 {
		f.write(fmt.Sprintf("%d.nt", n), rows(n, n+1))
	}
	f.has(row(0), row(1), row(2))
	for n := range 3 {
		f.add(fmt.Sprintf("%d.nt", n), rows(n+10, n+11))
	}
	f.has(row(10), row(11), row(12))
	f.has()
	open := 0
	for _, in := range f.r.order {
		if in.file != nil {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d files are open", open)
	}
	f.write("3.nt", "")
	if _, err := f.read(true); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "max-files is 3") {
		t.Errorf("%v", err)
	}
	g := newFolder(t, SourceConfig{Paths: []string{"none/*.nt"}})
	if err := g.start(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

// TestSourceConfig: what can't be is refused.
func TestSourceConfig(t *testing.T) {
	for want, cfg := range map[string]SourceConfig{
		"needs paths":             {},
		"expected a folder":       {Paths: []string{"a["}},
		"in one folder":           {Paths: []string{"a/*/b.nt"}},
		"expected the media type": {Paths: []string{"a"}, MediaType: "text/plain"},
		"a mapping takes":         {Paths: []string{"a"}, MediaType: "text/turtle", Mapped: true},
		"1 or more":               {Paths: []string{"a"}, MaxOpen: -1},
	} {
		if _, err := NewSource(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", cfg, err, want)
		}
	}
}

// interrupted is a progress that is asked while the context ends.
type interrupted struct {
	*conntest.Progress
	left int // answers until then
	end  context.CancelFunc
}

func (p *interrupted) Next(ctx context.Context, stream string) (uint64, bool, error) {
	if p.left--; p.left == -1 {
		p.end()
		return 0, false, ctx.Err()
	}
	return p.Progress.Next(ctx, stream)
}

// TestInterruptedLook: files that were found while the context ended are found again.
func TestInterruptedLook(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.write("1.nt", rows(0, 1))
	f.write("2.nt", rows(1, 2))
	ctx, cancel := context.WithCancel(t.Context())
	f.r.progress = &interrupted{Progress: &f.progress, left: 1, end: cancel}
	if messages, err := f.r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", texts(messages), err)
	}
	f.has(row(0), row(1))
}

// TestCantBeOpened: a file that can't be opened is an error, and not one that was moved.
func TestCantBeOpened(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("1.nt", rows(0, 1))
	f.write("1.nt.gz", "x")
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	for _, in := range f.r.order {
		in.path += "/below" // a file
		if _, err := in.read(&batch{cfg: &f.r.s.cfg}); err == nil || errors.Is(err, errAway) || !strings.Contains(err.Error(), "below") {
			t.Errorf("%v", err)
		}
	}
}

// TestEndsWithContext: a reading ends when its context does, and nothing is lost.
func TestEndsWithContext(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.write("x.nt", rows(0, 1))
	if messages, err := f.r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", texts(messages), err)
	}
	f.has(row(0))
}

// TestMissingIsTold: a path that isn't there is told, since it may be misspelt; a pattern, or what is there, is not.
func TestMissingIsTold(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	s, err := NewSource(SourceConfig{Paths: []string{filepath.Join(dir, "later.rdfp"), filepath.Join(dir, "*.rdfp"), dir},
		Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if text := said.String(); strings.Count(text, "nothing is there yet") != 1 || !strings.Contains(text, "later.rdfp") {
		t.Error(text)
	}
}
