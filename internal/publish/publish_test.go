package publish

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// door remembers the keys that it has accepted, as a node does, and loses some answers.
type door struct {
	keys []string
	lose int // how many of the next answers get lost
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	before := slices.Contains(d.keys, key)
	d.keys = append(d.keys, key)
	if d.lose > 0 {
		d.lose--
		panic(http.ErrAbortHandler)
	}
	answer := `{"results":[{"shard":0,"adds":1,"duplicate":false}],"adds":1}`
	if before {
		answer = strings.Replace(answer, "false", "true", 1)
	}
	_, _ = io.WriteString(w, answer)
}

// TestRuns: only what a run of the same name has sent before is skipped, and said to be; what this side sends again because an
// answer got lost is not.
func TestRuns(t *testing.T) {
	d := &door{}
	server := httptest.NewServer(d)
	defer server.Close()
	c := client.New("")
	defer c.Close()
	for _, test := range []struct {
		run           string
		lose          int
		adds, skipped uint64
	}{
		{"", 0, 1, 0}, {"", 0, 1, 0}, {"r", 0, 1, 0}, {"r", 0, 0, 1}, {"", 0, 1, 0}, {"other", 1, 1, 0}, {"other", 0, 0, 1}, {"", 2, 1, 0},
	} {
		d.lose = test.lose
		file := File{Path: "a.rdfp", Name: "a.rdfp", Format: rdfio.Patch, Reader: strings.NewReader("A <urn:s> <urn:p> <urn:o> .\n")}
		total, err := Send(t.Context(), client.NewSession(c, []string{server.URL}, 0, time.Minute), file,
			Config{RequestSize: 1000, MaxTransaction: 1000, Run: test.run}, func(int64, uint64) {})
		if want := (Total{Requests: 1, Skipped: test.skipped, Changes: 1, Adds: test.adds}); err != nil || total != want {
			t.Errorf("%+v: %+v, %v", test, total, err)
		}
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
			case <-time.After(30 * time.Second):
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
