package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/factory"
)

// repeating is a peer of which the nodes may read again what they have read.
type repeating struct{ again bool }

func (repeating) source() string                          { return "" }
func (repeating) send(context.Context, int, []byte) error { return nil }
func (p repeating) once() bool                            { return !p.again }
func (repeating) close() error                            { return nil }

// checked is a run of two steps of one sensor that is over; the logs have what is given.
func checked(t *testing.T, p peer, logged func(setup, update []byte) [][]byte) *run {
	t.Helper()
	d := &run{model: factory.New(9), check: factory.NewCheck(), client: client.New(""), peer: p}
	t.Cleanup(d.client.Close)
	requests := d.model.Sender(0, 1, batch)
	setup, _ := requests.Next(nil)
	update, _ := requests.Next(nil)
	d.check.Accepted(setup)
	d.check.Accepted(update)
	for _, body := range logged(setup, update) {
		d.check.Logged(body)
	}
	return d
}

// TestOldValueThatComesAgain: it is in the data until the newer one comes again, too. Only where a change may come again the data
// are read until they are right.
func TestOldValueThatComesAgain(t *testing.T) {
	once := func(setup, update []byte) [][]byte { return [][]byte{setup, update} }
	for _, test := range []struct {
		name  string
		peer  peer
		reads int32
		extra int
	}{
		{"at least once", repeating{again: true}, 3, 0},
		{"once", repeating{}, 1, 1},
		{"doors", nil, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := checked(t, test.peer, once)
			var reads atomic.Int32
			door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				lines := slices.Collect(d.model.Expected())
				if reads.Add(1) < 3 {
					lines = append(lines, "<s:1> <p:1> <o:old> .")
				}
				_, _ = io.WriteString(w, strings.Join(lines, "\n"))
			}))
			defer door.Close()
			if err := d.compare(t.Context(), door.URL); err != nil {
				t.Fatal(err)
			}
			if r := d.check.Result(); reads.Load() != test.reads || r.Extra != test.extra || r.Missing != 0 || d.good() != (test.extra == 0) {
				t.Errorf("%d reads, %+v, blame: %s", reads.Load(), r, d.blame())
			}
		})
	}
}

// TestDoubledChanges are told, and held against the run only where each must come once; what is wrong with the order always is.
func TestDoubledChanges(t *testing.T) {
	doubled := func(setup, update []byte) [][]byte {
		old, _, _ := strings.Cut(string(update[bytes.Index(update, []byte("D ")):]), "\n")
		return [][]byte{setup, update, []byte("A" + old[1:]), []byte(old)} // the old value comes again, and then what takes it out
	}
	inexact := func(setup, update []byte) [][]byte { return [][]byte{setup, update, update} }
	for _, test := range []struct {
		name   string
		peer   peer
		logged func(setup, update []byte) [][]byte
		good   bool
		blame  string
	}{
		{"at least once", repeating{again: true}, doubled, true, ""},
		{"once", repeating{}, doubled, false, "2 changes duplicated"},
		{"doors", nil, doubled, false, "2 changes duplicated"},
		{"a log that does not fit", repeating{again: true}, inexact, false, "4 changes in the logs without an effect"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := checked(t, test.peer, test.logged)
			if d.good() != test.good || d.blame() != test.blame || d.check.Result().Duplicated == 0 {
				t.Errorf("good: %v, blame %q, %+v", d.good(), d.blame(), d.check.Result())
			}
		})
	}
}
