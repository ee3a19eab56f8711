package publish

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
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
