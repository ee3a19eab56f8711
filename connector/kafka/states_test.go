package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// history is the log of a shard, and the views of it after each record; views[0] is before the first.
type history struct {
	store   *memory.Store
	records []connector.Record
	views   []store.View
}

func newHistory() *history {
	h := &history{store: memory.New()}
	h.views = []store.View{h.store.View()}
	return h
}

// mark is that of the record with a number; 0: of none.
func mark(position uint64) engine.Mark {
	if position == 0 {
		return engine.Mark{}
	}
	return engine.Mark{Position: position, ID: fmt.Sprintf("ni:%d", position)}
}

// add puts quads in that are not there, and takes the others out.
func (h *history) add(t *rapid.T, quads []rdf.Quad) {
	tx := h.store.Begin()
	body := patch.AppendBegin(nil)
	for _, q := range quads {
		added, err := tx.Add(q)
		if err != nil {
			t.Fatal(err)
		}
		if added {
			body = patch.AppendAdd(body, q)
			continue
		}
		if _, err := tx.Delete(q); err != nil {
			t.Fatal(err)
		}
		body = patch.AppendDelete(body, q)
	}
	position := uint64(len(h.records) + 1)
	if err := tx.Commit(position, nil); err != nil {
		t.Fatal(err)
	}
	h.records = append(h.records, connector.Record{Mark: mark(position), Body: patch.AppendCommit(body)})
	h.views = append(h.views, h.store.View())
}

// states are those that the shard has now, by key.
func (h *history) states(t *rapid.T) map[string]string {
	lines := map[string][]rdf.Quad{}
	for q, err := range store.Quads(h.views[len(h.views)-1], store.Pattern{}) {
		if err != nil {
			t.Fatal(err)
		}
		lines[q.S.Key()] = append(lines[q.S.Key()], q)
	}
	all := map[string]string{}
	for key, list := range lines {
		slices.SortFunc(list, rdf.Quad.Compare)
		for _, q := range list {
			all[key] += string(nquads.AppendQuad(nil, q))
		}
	}
	return all
}

var errKilled = errors.New("killed")

// compacted is a topic with the newest record of each key, and the positions beside it.
type compacted struct {
	values    map[string]string // "": a tombstone
	positions map[string]uint64 // of the states, by key
	text      string            // what the positions say
	wrong     error
}

// take takes a transaction in.
func (c *compacted) take(of engine.Mark, list []state, p *progress) {
	for _, s := range list {
		if c.positions[s.key] > of.Position {
			c.wrong = fmt.Errorf("%s goes back from %d to %d", s.key, c.positions[s.key], of.Position)
		}
		c.values[s.key], c.positions[s.key] = string(s.value), of.Position
	}
	c.text = p.text("topic")
}

// commitStep is what becomes of a transaction.
type commitStep int

const (
	taken commitStep = iota
	lost             // the writer is killed before it
	heard            // it is taken, and the writer killed before it hears that
)

// opened goes on from what the positions say.
func (c *compacted) opened(t *rapid.T, bound int, next func() commitStep) *states {
	s := &states{format: rdfio.NQuads, bound: bound}
	if c.text != "" {
		var topic string
		var err error
		if s.progress, topic, err = parseProgress(c.text); err != nil || topic != "topic" {
			t.Fatal(c.text, err)
		}
	}
	s.commit = func(of engine.Mark, list []state, p *progress) error {
		size := 0
		for _, one := range list[:max(len(list)-1, 0)] {
			size += len(one.key) + len(one.value)
		}
		if size >= bound {
			t.Fatalf("a transaction of more than %d bytes", bound)
		}
		step := next()
		if step != lost {
			c.take(of, list, p)
		}
		if step != taken {
			return errKilled
		}
		return nil
	}
	return s
}

// TestStatesConverge: whatever views are read, however often the writer is killed in whichever transaction, and wherever it is told
// to go on, the newest record of each subject is in the end what the shard has of it, and a tombstone if that is nothing; and no
// subject goes back in time.
func TestStatesConverge(t *testing.T) {
	quads := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) rdf.Quad {
		subjects := []string{"<urn:a>", "<urn:b>", "_:c", "<urn:d>", "<urn:e>", "_:f", "<urn:g>"}
		q := rdf.Quad{S: rdf.Trusted(rapid.SampledFrom(subjects).Draw(t, "s")), P: rdf.Trusted("<urn:p>"),
			O: rdf.Trusted(rapid.SampledFrom([]string{`"1"`, `"2"`, "_:c"}).Draw(t, "o"))}
		if rapid.Bool().Draw(t, "named") {
			q.G = rdf.Trusted("<urn:g>")
		}
		return q
	}), 1, 6, rapid.ID[rdf.Quad])
	rapid.Check(t, func(t *rapid.T) {
		h, topic := newHistory(), &compacted{values: map[string]string{}, positions: map[string]uint64{}}
		bound := rapid.IntRange(1, 100).Draw(t, "bound")
		for range rapid.IntRange(0, 5).Draw(t, "before") {
			h.add(t, quads.Draw(t, "delta"))
		}
		steps := rapid.SampledFrom([]commitStep{taken, taken, taken, lost, heard})
		killed := func() commitStep { return steps.Draw(t, "commit") }
		for range rapid.IntRange(0, 12).Draw(t, "actions") {
			switch rapid.IntRange(0, 3).Draw(t, "action") {
			case 0:
				h.add(t, quads.Draw(t, "delta"))
			case 1, 2:
				h.run(t, topic.opened(t, bound, killed), rapid.IntRange(0, 4).Draw(t, "batches"))
			case 3:
				to := mark(uint64(rapid.IntRange(0, int(topic.opened(t, bound, nil).at.Position)).Draw(t, "to")))
				topic.seek(t, to)
			}
		}
		h.run(t, topic.opened(t, bound, func() commitStep { return taken }), len(h.records)+1)
		want := h.states(t)
		for key, value := range topic.values {
			if value != want[key] {
				t.Fatalf("%s is\n%s, expected\n%s", key, value, want[key])
			}
		}
		for key := range want {
			if _, there := topic.values[key]; !there {
				t.Fatalf("%s isn't there", key)
			}
		}
		if topic.wrong != nil {
			t.Fatal(topic.wrong)
		}
	})
}

// seek is what a writer does that is told to.
func (c *compacted) seek(t *rapid.T, to engine.Mark) {
	before := c.opened(t, 1, nil).progress
	if next := before.sought(to); next.states {
		c.text = next.text("topic")
	} else {
		c.text = ""
	}
}

// run writes the initial state, if that isn't whole, and some batches, until it is killed or there is nothing more.
func (h *history) run(t *rapid.T, s *states, batches int) {
	view := func(from uint64) (store.View, engine.Mark) {
		at := rapid.IntRange(int(from), len(h.records)).Draw(t, "view")
		return h.views[at], mark(uint64(at))
	}
	var err error
	if !s.states || s.begins {
		v, of := view(s.seen)
		err = s.initial(v, of)
	}
	for ; batches > 0 && err == nil && s.at.Position < uint64(len(h.records)); batches-- {
		rest := h.records[s.at.Position:]
		rest = rest[:rapid.IntRange(1, len(rest)).Draw(t, "batch")]
		v, of := view(max(s.seen, rest[len(rest)-1].Position))
		err = s.changed(v, of, rest)
	}
	if err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
}

// TestProgressText: what stands in the positions is read as it was written, and nothing else.
func TestProgressText(t *testing.T) {
	for text, want := range map[string]progress{
		"5 ni:5 T":               {at: mark(5)},
		"0  T state 0":           {states: true},
		"5 ni:5 T state 7":       {at: mark(5), states: true, seen: 7},
		"5 ni:5 T state 7 0":     {at: mark(5), states: true, seen: 7, begins: true},
		"5 ni:5 T state 7 ff01a": {at: mark(5), states: true, seen: 7, begins: true, next: 0xff01a},
	} {
		got, topic, err := parseProgress(text)
		if err != nil || got != want || topic != "T" || got.text("T") != text {
			t.Errorf("%q: %+v, %q, %v, %q", text, got, topic, err, got.text("T"))
		}
	}
	for _, text := range []string{"", "5", "5 ni:5", "x ni:5 T", "5 ni:5 T state", "5 ni:5 T other 7", "5 ni:5 T state x",
		"5 ni:5 T state 7 g", "5 ni:5 T state 7 1 2"} {
		if p, _, err := parseProgress(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

// TestStateForms: a state has the graphs of its quads; what a format has no place for is said.
func TestStateForms(t *testing.T) {
	h := newHistory()
	const plain = `<urn:s> <urn:p> "1" <urn:g> .` + "\n" + `<urn:s> <urn:p> "1" .` + "\n"
	put := func(text string) {
		tx := h.store.Begin()
		err := nquads.Parse([]byte(text), func(q rdf.Quad) error {
			_, err := tx.Add(q)
			return err
		})
		if err = errors.Join(err, tx.Commit(h.store.Position()+1, nil)); err != nil {
			t.Fatal(err)
		}
	}
	of := func(format rdfio.Format) (string, error) {
		v := h.store.View()
		id, _, err := v.Lookup(rdf.Trusted("<urn:s>"))
		if err != nil {
			t.Fatal(err)
		}
		value, err := stateOf(v, id, format)
		return string(value), err
	}
	put(plain)
	for _, format := range stateFormats {
		text, err := of(format)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		err = rdfio.Source{}.Statements(strings.NewReader(text), format, func(q rdf.Quad) error {
			lines = append(lines, string(nquads.AppendQuad(nil, q)))
			return nil
		})
		slices.Sort(lines)
		if err != nil || strings.Join(lines, "") != `<urn:s> <urn:p> "1" .`+"\n"+`<urn:s> <urn:p> "1" <urn:g> .`+"\n" {
			t.Errorf("%s: %v, %q", format, err, lines)
		}
	}
	put("<urn:s> <urn:p> <<( <urn:s> <urn:p> \"1\" )>> .\n")
	if text, err := of(rdfio.NQuads); err != nil || !strings.Contains(text, "<<(") {
		t.Error(err, text)
	}
	if _, err := of(rdfio.JSONLD); !errors.Is(err, connector.ErrGiveUp) {
		t.Error(err)
	}
}
