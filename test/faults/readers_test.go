//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
)

const (
	// readers is the number of those who write and read at the same time, readerPause the time between two rounds of one of them.
	readers     = 6
	readerPause = 30 * time.Millisecond
	// askWithin bounds an answer: that of a node that is stopped does not come.
	askWithin = 5 * time.Second
)

// history is what clients have written, and what they were answered, while nodes fail.
type history struct {
	*rig
	stop chan struct{}
	all  sync.WaitGroup

	mu       sync.Mutex // guards what follows
	written  []*write
	answers  []answer
	refused  int // questions without an answer
	problems []error
}

// write is one that was acknowledged: a subject in the shard of its own.
type write struct {
	reader, number int
	result         client.Result
}

func (w *write) subject() string { return subjectOf(w.reader, w.number) }

func subjectOf(reader, number int) string {
	return fmt.Sprintf("<http://x.example/wrote/%d/%d>", reader, number)
}

// quadsOf are the quads of a write: its number, and what was written before, which is in another shard.
func quadsOf(reader, number int) []string {
	s := subjectOf(reader, number)
	return []string{fmt.Sprintf("%s <http://x.example/number> \"%d\"^^<http://www.w3.org/2001/XMLSchema#integer> .", s, number),
		fmt.Sprintf("%s <http://x.example/behind> %s .", s, subjectOf(reader, number-1))}
}

// answer is one that came whole.
type answer struct {
	question int
	rows     []string
	cut      engine.Cursor
	after    engine.Cursor // that the question had
	before   int           // how much had been acknowledged, to whomever, when it was asked; counts where it had no cursor
	door     string
}

// questions are what is asked: what each shard knows alone, what two shards know together, and what all have added up.
var questions = []string{
	`SELECT ?s { ?s <http://x.example/number> ?n }`,
	`SELECT ?s { ?s <http://x.example/behind> ?t . ?t <http://x.example/number> ?n }`,
	`SELECT (COUNT(*) AS ?c) (SUM(?n) AS ?sum) { ?s <http://x.example/number> ?n }`,
}

// reading has clients each write by one node and read by another. They go on while nodes fail until the function that it returns is
// called, which judges what they were answered.
func (r *rig) reading() (judge func()) {
	h := &history{rig: r, stop: make(chan struct{})}
	for i := range readers {
		h.all.Go(func() { h.client(i) })
	}
	return func() {
		r.Helper()
		close(h.stop)
		h.all.Wait()
		h.judge()
	}
}

// stopped waits for a round's pause.
func (h *history) stopped() bool {
	select {
	case <-h.stop:
		return true
	case <-time.After(readerPause):
		return h.ctx.Err() != nil
	}
}

// client writes, and reads what it has written by the next node, with a cursor and without.
func (h *history) client(i int) {
	doors, known := h.nodes.Doors(), engine.Cursor{}
	for n := 1; !h.stopped(); n++ {
		result, err := h.write(i, n)
		if err != nil {
			h.note(func() { h.problems = append(h.problems, err) })
			return
		}
		if result.Position > 0 {
			known[result.Shard] = engine.Mark{Position: max(known[result.Shard].Position, result.Position)}
		}
		door := doors[(i+n)%len(doors)]
		if a, ok := h.ask(door, n%len(questions), known); ok {
			maps.Copy(known, a.cut)
		}
		h.ask(doors[(i+n+1)%len(doors)], (n+1)%len(questions), nil)
	}
}

func (h *history) note(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn()
}

// write has an update accepted, by one node after the other.
func (h *history) write(i, n int) (client.Result, error) {
	text := "INSERT DATA { " + strings.Join(quadsOf(i, n), " ") + " }"
	doors, deadline := h.nodes.Doors(), time.Now().Add(patience)
	for try := 0; ; try++ {
		ctx, cancel := context.WithTimeout(h.ctx, askWithin)
		a, err := h.http.Update(ctx, doors[(i+n+try+1)%len(doors)], text, fmt.Sprintf("reader-%d-%d", i, n))
		cancel()
		switch {
		case err == nil && len(a.Results) == 1:
			h.note(func() { h.written = append(h.written, &write{i, n, a.Results[0]}) })
			return a.Results[0], nil
		case err == nil || !client.Temporary(err) || time.Now().After(deadline):
			return client.Result{}, fmt.Errorf("write %d of %d: %+v, %w", n, i, a, err)
		}
		h.stopped()
	}
}

// ask asks once, and notes the answer, if it comes.
func (h *history) ask(door string, question int, after engine.Cursor) (answer, bool) {
	a := answer{question: question, after: maps.Clone(after), door: door}
	h.note(func() { a.before = len(h.written) })
	ctx, cancel := context.WithTimeout(h.ctx, askWithin)
	defer cancel()
	got, err := h.http.Ask(ctx, door, client.Query{Text: questions[question], Accept: []string{"text/tab-separated-values"}, After: client.Cursor{Cursor: after}})
	var body []byte
	if err == nil {
		body, err = io.ReadAll(got.Body)
		err = errors.Join(err, got.Body.Close())
	}
	if err != nil {
		h.note(func() {
			if h.refused++; !client.Temporary(err) {
				h.problems = append(h.problems, fmt.Errorf("%s is asked: %w", door, err))
			}
		})
		return a, false
	}
	a.cut = got.Cursor.Cursor
	a.rows = strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")[1:]
	slices.Sort(a.rows)
	h.note(func() { h.answers = append(h.answers, a) })
	return a, true
}

// place is where a subject is in the logs.
type place struct {
	shard    int
	position uint64
}

// places reads where the logs have what was written.
func (h *history) places() map[string]place {
	h.Helper()
	var places map[string]place
	h.asks("the logs", func() (err error) { places, err = h.readPlaces(); return err })
	return places
}

func (h *history) readPlaces() (map[string]place, error) {
	places := map[string]place{}
	query := url.Values{"from": {"start"}, "live": {"false"}, "predicate": {"http://x.example/number"}}
	err := h.http.Changes(h.ctx, h.nodes.Doors()[0], query, client.Reader{Change: func(c client.Change, _ client.Cursor) error {
		for line := range strings.Lines(c.Patch) {
			if quad, adds := strings.CutPrefix(line, "A "); adds {
				subject, _, _ := strings.Cut(quad, " ")
				if before, twice := places[subject]; twice {
					return fmt.Errorf("%s is added at %v and at %d of shard %d", subject, before, c.Position, c.Shard)
				}
				places[subject] = place{c.Shard, c.Position}
			}
		}
		return nil
	}})
	return places, err
}

// judge compares all answers with what the logs have at the positions that the answers name.
func (h *history) judge() {
	h.Helper()
	places := h.places()
	for _, w := range h.written {
		at, there := places[w.subject()]
		if !there || at.shard != w.result.Shard || w.result.Position > 0 && at.position != w.result.Position {
			h.problems = append(h.problems, fmt.Errorf("%s was acknowledged as %+v, and is at %v of the logs", w.subject(), w.result, at))
		}
		h.accept(quadsOf(w.reader, w.number))
	}
	withCursor := 0
	for _, a := range h.answers {
		if len(a.after) > 0 {
			withCursor++
		}
		if err := h.judgeAnswer(&a, places); err != nil {
			h.problems = append(h.problems, fmt.Errorf("%s answers %q after %v of cut %v: %w", a.door, questions[a.question], a.after, a.cut, err))
		}
	}
	h.Logf("%d writes, %d answers, %d of them with a cursor, %d questions without an answer", len(h.written), len(h.answers), withCursor, h.refused)
	if len(h.problems) > 0 {
		h.Fatalf("%d problems: %v\n%s", len(h.problems), errors.Join(h.problems[:min(len(h.problems), 5)]...), h.states())
	}
	if withCursor == 0 || withCursor == len(h.answers) {
		h.Errorf("%d answers, %d with a cursor: too few to judge", len(h.answers), withCursor)
	}
}

// judgeAnswer compares one. With a cursor, it is not older than that: it has what the client has written, and has seen. Without, it has
// what anybody was told is written.
func (h *history) judgeAnswer(a *answer, places map[string]place) error {
	for s, m := range a.after {
		if a.cut[s].Position < m.Position {
			return fmt.Errorf("shard %d is older than it was to be", s)
		}
	}
	if len(a.after) == 0 {
		for _, w := range h.written[:a.before] {
			if at := places[w.subject()]; a.cut[at.shard].Position < at.position {
				return fmt.Errorf("%s, at %v, had been acknowledged before", w.subject(), at)
			}
		}
	}
	if want := rowsAt(a.question, a.cut, places); !slices.Equal(a.rows, want) {
		return fmt.Errorf("%d rows %.300q, and the logs have %d there, %.300q", len(a.rows), a.rows, len(want), want)
	}
	return nil
}

// rowsAt are the rows of a question's answer by the logs as far as a cut.
func rowsAt(question int, cut engine.Cursor, places map[string]place) (rows []string) {
	there := func(subject string) bool {
		at, known := places[subject]
		return known && at.position <= cut[at.shard].Position
	}
	count, sum := 0, 0
	for subject := range places {
		var reader, number int
		if _, err := fmt.Sscanf(subject, "<http://x.example/wrote/%d/%d>", &reader, &number); err != nil || !there(subject) {
			continue
		}
		if count, sum = count+1, sum+number; question == 0 || question == 1 && there(subjectOf(reader, number-1)) {
			rows = append(rows, subject)
		}
	}
	if question == 2 {
		const integer = "\"%d\"^^<http://www.w3.org/2001/XMLSchema#integer>"
		return []string{fmt.Sprintf(integer+"\t"+integer, count, sum)}
	}
	slices.Sort(rows)
	return rows
}

// TestRowsAt: the checker itself tells an answer that lacks something.
func TestRowsAt(t *testing.T) {
	places := map[string]place{subjectOf(1, 1): {0, 5}, subjectOf(1, 2): {1, 3}, subjectOf(1, 3): {0, 9}}
	cut := engine.Cursor{0: {Position: 5}, 1: {Position: 3}}
	for question, want := range [][]string{{subjectOf(1, 1), subjectOf(1, 2)}, {subjectOf(1, 2)},
		{`"2"^^<http://www.w3.org/2001/XMLSchema#integer>` + "\t" + `"3"^^<http://www.w3.org/2001/XMLSchema#integer>`}} {
		if rows := rowsAt(question, cut, places); !slices.Equal(rows, want) {
			t.Errorf("%q, want %q", rows, want)
		}
	}
	h := &history{written: []*write{{1, 1, client.Result{}}, {1, 3, client.Result{}}}}
	for name, a := range map[string]answer{
		"lacks":      {rows: []string{subjectOf(1, 1)}, cut: cut},
		"older":      {rows: []string{subjectOf(1, 1), subjectOf(1, 2)}, cut: cut, after: engine.Cursor{1: {Position: 4}}},
		"older than": {rows: []string{subjectOf(1, 1), subjectOf(1, 2)}, cut: cut, before: 2},
	} {
		if h.judgeAnswer(&a, places) == nil {
			t.Errorf("%s: passes", name)
		}
	}
	if err := h.judgeAnswer(&answer{rows: []string{subjectOf(1, 1), subjectOf(1, 2)}, cut: cut, before: 1}, places); err != nil {
		t.Error(err)
	}
}
