package publish

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// door remembers in each shard the keys that it has accepted and for what, as a node does, and loses some answers. What follows a
// lost answer comes over another connection, so that its goroutine has seen nothing of the one before but under the lock.
type door struct {
	mu      sync.Mutex
	dataset bool                         // there is one shard; else each subject is one
	shards  map[string]map[string]string // key to body
	applied []string                     // rows that add
	lose    int                          // how many of the next answers to additions get lost
}

var rowPattern = regexp.MustCompile(`(?m)^[AD] (\S+) .*$`)

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	body, key := string(text), r.Header.Get("Idempotency-Key")
	adds := strings.Count(body, "A <x:1>")
	duplicate, reused := d.take(key, body)
	switch {
	case d.lose > 0 && adds > 0:
		d.lose--
		panic(http.ErrAbortHandler)
	case reused:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"status":422,"code":"key_reused","detail":"used before"}`)
	default:
		_, _ = fmt.Fprintf(w, `{"results":[{"shard":0,"adds":%d,"duplicate":%t}],"adds":%[1]d}`, adds, duplicate)
	}
}

// take applies what is new.
func (d *door) take(key, body string) (duplicate, reused bool) {
	rows := rowPattern.FindAllStringSubmatch(body, -1)
	isNew := map[string]bool{}
	shardOf := func(row []string) string {
		if d.dataset {
			return ""
		}
		return row[1]
	}
	for _, row := range rows {
		shard := shardOf(row)
		if d.shards[shard] == nil {
			d.shards[shard] = map[string]string{}
		}
		before, known := d.shards[shard][key]
		reused = reused || known && before != body
		isNew[shard] = isNew[shard] || !known
		d.shards[shard][key] = body
	}
	duplicate = true
	for _, row := range rows {
		if !isNew[shardOf(row)] {
			continue
		}
		duplicate = false
		if strings.HasPrefix(row[0], "A ") {
			d.applied = append(d.applied, row[0])
		}
	}
	return duplicate, reused
}

func newDoor(t *testing.T) (d *door, session *client.Session) {
	d = &door{shards: map[string]map[string]string{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	c := client.New("")
	t.Cleanup(c.Close)
	return d, client.NewSession(c, []string{server.URL}, 0, time.Minute)
}

// TestRuns: only what a run of the same name has sent before is skipped, and said to be; what this side sends again because an
// answer got lost is not.
func TestRuns(t *testing.T) {
	d, session := newDoor(t)
	for _, test := range []struct {
		run           string
		lose          int
		adds, skipped uint64
	}{
		{"", 0, 1, 0}, {"", 0, 1, 0}, {"r", 0, 1, 0}, {"r", 0, 0, 1}, {"", 0, 1, 0}, {"other", 1, 1, 0}, {"other", 0, 0, 1}, {"", 2, 1, 0},
	} {
		d.lose = test.lose
		file := File{Path: "a.rdfp", Name: "a.rdfp", Format: rdfio.Patch, Reader: strings.NewReader("A <x:1> <x:p> <x:o> .\n")}
		total, err := Send(t.Context(), session, file,
			Config{RequestSize: 1000, MaxTransaction: 1000, Run: test.run}, func(int64, uint64) {})
		if want := (Total{Requests: 1, Skipped: test.skipped, Changes: 1, Adds: test.adds}); err != nil || total != want {
			t.Errorf("%+v: %+v, %v", test, total, err)
		}
	}
}

// call is one call of publish: its files, and the size of its requests, 100 bytes unless it says otherwise.
type call struct {
	files      []File
	size       int
	ignorePrev bool
}

func (c call) send(t *testing.T, session *client.Session) (total Total, err error) {
	for i, file := range c.files {
		file.Number = i
		cfg := Config{RequestSize: cmp.Or(c.size, 100), MaxTransaction: 1000, Run: "r", IgnorePrev: c.ignorePrev}
		sent, err := Send(t.Context(), session, file, cfg, func(int64, uint64) {})
		total.Requests, total.Skipped = total.Requests+sent.Requests, total.Skipped+sent.Skipped
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// text is a file of that name, and what is in it.
func text(name, content string) File {
	format, _ := rdfio.ByName(name)
	return File{Path: name, Name: name, Format: format, Reader: strings.NewReader(content)}
}

// compressed is a file whose content the ending of its name says how to compress.
func compressed(t *testing.T, name, content string) File {
	var b strings.Builder
	w, err := rdfio.Compress(name, &b)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return text(name, b.String())
}

// binary is a file of a patch in its other form.
func binary(t *testing.T, name, content string) File {
	var b strings.Builder
	w := patch.NewBinaryWriter(&b)
	if err := errors.Join(patch.Parse([]byte(content), w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return text(name, b.String())
}

// TestRepeatedRun: when a run is repeated, nothing is sent again: it is skipped, or the call ends with an error and nothing of
// the document is sent. What is new after it is.
func TestRepeatedRun(t *testing.T) {
	const on, off, other = "A <x:1> <x:is> \"on\" .\n", "D <x:1> <x:is> \"on\" .\n", "A <x:2> <x:is> \"on\" .\n"
	const begin, commit, prev = "TX .\n", "TC .\n", "H prev <u:0> .\n"
	const statements = "_:a <x:knows> _:b .\n_:b <x:is> \"on\" .\n"
	long := strings.Repeat(on+other, 3)
	tests := map[string]struct {
		first, again call
		skipped      uint64
		applied      int  // additions, by both
		refused      bool // the second
	}{
		"the same":         {call{files: []File{text("a.rdfp", on+off+on)}}, call{files: []File{text("b.rdfp", on+off+on)}}, 1, 2, false},
		"on, off, on":      {call{files: []File{text("a.rdfp", on), text("a.rdfp", off), text("a.rdfp", on)}}, call{}, 0, 2, false},
		"compressed":       {call{files: []File{text("a.rdfp", long)}}, call{files: []File{compressed(t, "a.rdfp.gz", long)}}, 2, 6, false},
		"binary":           {call{files: []File{text("a.rdfp", long)}}, call{files: []File{binary(t, "a.trp", long)}}, 2, 6, false},
		"standard input":   {call{files: []File{text("a.rdfp", long)}}, call{files: []File{{Path: "-", Name: "<stdin>", Format: rdfio.Patch, Hangs: true, Reader: strings.NewReader(long)}}}, 2, 6, false},
		"another size":     {call{files: []File{text("a.rdfp", long)}}, call{files: []File{text("a.rdfp", long)}, size: 50}, 0, 6, true},
		"others":           {call{files: []File{text("a.rdfp", on), text("a.rdfp", other)}}, call{files: []File{text("a.rdfp", other)}}, 0, 2, true},
		"another order":    {call{files: []File{text("a.rdfp", on), text("b.rdfp", other)}}, call{files: []File{text("b.rdfp", other), text("a.rdfp", on)}}, 0, 2, true},
		"one more":         {call{files: []File{text("a.rdfp", on)}}, call{files: []File{text("a.rdfp", on), text("b.rdfp", on)}}, 1, 2, false},
		"one before":       {call{files: []File{text("a.rdfp", on)}}, call{files: []File{text("b.rdfp", other), text("a.rdfp", on)}}, 0, 1, true},
		"goes on":          {call{files: []File{text("a.rdfp", long)}, size: 10}, call{files: []File{text("a.rdfp", long+on)}, size: 10}, 6, 7, false},
		"goes on within":   {call{files: []File{text("a.rdfp", on)}}, call{files: []File{text("a.rdfp", on+other)}}, 0, 1, true},
		"shorter":          {call{files: []File{text("a.rdfp", on+other)}}, call{files: []File{text("a.rdfp", on)}}, 0, 2, true},
		"another first":    {call{files: []File{text("a.rdfp", on)}}, call{files: []File{text("a.rdfp", other+on)}}, 0, 1, true},
		"blank nodes":      {call{files: []File{text("a.nt", statements)}}, call{files: []File{compressed(t, "a.nq.zst", statements)}}, 1, 2, false},
		"blank, goes on":   {call{files: []File{text("a.nt", statements)}, size: 10}, call{files: []File{text("a.nt", statements+"_:b <x:is> \"off\" .\n")}, size: 10}, 2, 3, false},
		"guarded":          {call{files: []File{text("a.rdfp", prev+begin+on+commit)}}, call{files: []File{text("a.rdfp", prev+begin+on+commit)}}, 1, 1, false},
		"guarded, not now": {call{files: []File{text("a.rdfp", prev+begin+on+commit)}}, call{files: []File{text("a.rdfp", prev+begin+on+commit)}, ignorePrev: true}, 0, 1, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d, session := newDoor(t)
			d.dataset = strings.HasPrefix(name, "guarded") // else no header "prev" is taken
			if _, err := test.first.send(t, session); err != nil {
				t.Fatal(err)
			}
			total, err := test.again.send(t, session)
			if refused := errors.Is(err, event.ErrReused) && strings.Contains(err.Error(), `run "r" has sent something else`); refused != test.refused || err != nil && !refused {
				t.Errorf("%v", err)
			}
			if total.Skipped != test.skipped || len(d.applied) != test.applied {
				t.Errorf("%d skipped, expected %d; %d applied, expected %d: %q", total.Skipped, test.skipped, len(d.applied), test.applied, d.applied)
			}
		})
	}
}

// TestBlankNodesOfRun: two files have blank nodes of their own, also where their labels are the same.
func TestBlankNodesOfRun(t *testing.T) {
	d, session := newDoor(t)
	files := []File{text("a.nt", "_:a <x:p> \"A\" .\n"), text("a.nt", "_:a <x:p> \"A\" .\n")}
	if _, err := (call{files: files}).send(t, session); err != nil || len(d.applied) != 2 || d.applied[0] == d.applied[1] {
		t.Errorf("%q, %v", d.applied, err)
	}
}

// TestSlowProducer: what has come through a pipe is sent while the producer pauses, in whole transactions and without waiting for
// the end; a run of a name waits, as its documents must be the same each time.
func TestSlowProducer(t *testing.T) {
	for _, format := range []rdfio.Format{rdfio.Patch, rdfio.NQuads} {
		bodies := make(chan string, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies <- string(body)
			_, _ = io.WriteString(w, `{"results":[{"shard":0,"adds":1}],"adds":1}`)
		}))
		c := client.New("")
		pieces, want := []string{"A <x:1> <x:p> <x:o> .\nTX .\nA <x:2> <x:p> <x:o> .\n", "A <x:3> <x:p> <x:o> .\nTC .\n", "A <x:4> <x:p> <x:o> .\n"},
			[]string{"A <x:1> <x:p> <x:o> .\n", "TX .\nA <x:2> <x:p> <x:o> .\nA <x:3> <x:p> <x:o> .\nTC .\n", "A <x:4> <x:p> <x:o> .\n"}
		if format == rdfio.NQuads {
			pieces = []string{"<x:1> <x:p> _:b .\n", "<x:2> <x:p> _:b .\n"}
			want = []string{"A <x:1> <x:p> _:BLANK .\n", "A <x:2> <x:p> _:BLANK .\n"}
		}
		in, out := io.Pipe()
		sent := make(chan error, 1)
		go func() {
			file := File{Path: "-", Name: "<stdin>", Format: format, Reader: in, Hangs: true}
			_, err := Send(t.Context(), client.NewSession(c, []string{server.URL}, 0, time.Minute), file,
				Config{RequestSize: 1000, MaxTransaction: 1000}, func(int64, uint64) {})
			sent <- err
		}()
		var label string
		for i, piece := range pieces {
			_, _ = io.WriteString(out, piece)
			var got string
			select {
			case got = <-bodies: // before the next piece is written
			case <-time.After(time.Minute):
				t.Fatalf("%s: nothing is sent after piece %d", format, i)
			}
			if found := regexp.MustCompile(`_:\S+`).FindString(got); label == "" {
				label = found
			}
			if label != "" {
				got = strings.ReplaceAll(got, label, "_:BLANK")
			}
			if got != want[i] {
				t.Errorf("%s: after piece %d %q, want %q", format, i, got, want[i])
			}
		}
		_ = out.Close()
		if err := <-sent; err != nil || len(bodies) > 0 {
			t.Errorf("%v, %d more", err, len(bodies))
		}
		c.Close()
		server.Close()
	}
}

// TestNamedRunIsDividedBySize: however its input comes, the documents of a run with a name are the same.
func TestNamedRunIsDividedBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		documents := 0
		p := publication{cfg: Config{Run: "r", RequestSize: 1000, MaxTransaction: 1000},
			file: File{Path: "-", Name: "<stdin>", Format: rdfio.Patch, Hangs: true}}
		in, out := io.Pipe()
		p.file.Reader = in
		go func() {
			_, _ = io.WriteString(out, "A <x:1> <x:p> <x:o> .\n")
			time.Sleep(time.Hour) // of the bubble
			_, _ = io.WriteString(out, "A <x:2> <x:p> <x:o> .\n")
			_ = out.Close()
		}()
		err := p.divide(newDivider(1000, 1000, func(document) ([]byte, error) { documents++; return nil, nil }))
		if err != nil || documents != 1 {
			t.Errorf("%d documents, %v", documents, err)
		}
	})
}
