package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/rdfio"
)

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

// commitTwo starts a source that reads two messages at a time, commits the first two, and stops it.
func (f *folder) commitTwo() {
	f.Helper()
	if err := f.start(); err != nil {
		f.Fatal(err)
	}
	first, err := f.r.round(f.Context())
	if err != nil || len(first) != 2 {
		f.Fatalf("%q, %v", texts(first), err)
	}
	for _, m := range first {
		f.progress.Commit(m)
	}
	f.stop()
}

// TestCompressed: what is compressed is read when it is complete, once, and by another process on from where it was.
func TestCompressed(t *testing.T) {
	for _, name := range []string{"x.nt.gz", "x.nt.zst"} {
		f := newFolder(t, SourceConfig{MaxMessages: 2, Settle: time.Hour})
		f.pack(name, rows(0, 5))
		f.has()
		f.stop()
		f.cfg.Settle = -1
		f.commitTwo()
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
		f.commitTwo()
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
	f.write("y.ru", "DELETE WHERE { <urn:a> ?p ?o } ;\nINSERT DATA { <urn:a> <urn:p> 1 }\n")
	f.has("DELETE WHERE { <urn:a> ?p ?o } ;\nINSERT DATA { <urn:a> <urn:p> 1 }")
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
