package dataset_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// TestBoundsOfDeletions: a deletion counts as a step, and what it writes as bytes, where it is the last row, too.
func TestBoundsOfDeletions(t *testing.T) {
	const rows = "TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n"
	for _, c := range []struct {
		text   string
		within operator.Evaluation
		want   string
	}{
		{"A <urn:s> <urn:p> \"2\" .\nD <urn:s> <urn:p> \"1\" .\n", operator.Evaluation{MaxSteps: 1}, "more than 1 steps"},
		{"D <urn:s> <urn:p> \"1\" .\nnonsense", operator.Evaluation{MaxBody: 10}, "more than 10 bytes"},
		{"D <urn:s> <urn:p> \"1\" .\n", operator.Evaluation{MaxBody: 1}, "more than 1 bytes"},
	} {
		l := dataset.New()
		if err := l.Apply(1, []byte(rows)); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := l.Evaluate(eventOf("TX .\n"+c.text), c.within, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

// TestStoreFailsLast: the failure of the last call of an event is one, too, be it an addition or a deletion.
func TestStoreFailsLast(t *testing.T) {
	for _, row := range []string{"A", "D"} {
		good := 0
		l := dataset.On(func(s store.Store) store.Store { return broken{s, &good} })
		text := fmt.Sprintf("TX .\n%s <urn:s> <urn:p> \"1\" .\nTC .\n", row)
		if _, _, _, err := l.Evaluate(eventOf(text), operator.Evaluation{}, nil); !errors.Is(err, operator.ErrState) {
			t.Errorf("%s: %v", row, err)
		}
	}
}

// TestForeignMediaType: what the logic can't read changes nothing and counts for nothing.
func TestForeignMediaType(t *testing.T) {
	body, adds, deletes, err := dataset.New().Evaluate(&event.Event{MediaType: "text/plain"}, operator.Evaluation{}, []byte("before"))
	if err == nil || adds != 0 || deletes != 0 || string(body) != "before" {
		t.Errorf("%q, +%d -%d, %v", body, adds, deletes, err)
	}
}

// TestLabelsStay: the labels that a document gets are the same in every version, so that a retry after an upgrade makes the same.
func TestLabelsStay(t *testing.T) {
	split, err := dataset.Splitter{Key: dataset.Dataset, Shards: 1}.Quads([]byte("_:a <urn:p> _:b .\n"), "door/1")
	if err != nil || len(split.Parts) != 1 {
		t.Fatalf("%+v, %v", split, err)
	}
	const want = "TX .\nA _:q24x4xnxyccj72n6ja <urn:p> _:q24x4xnxyccj72n6jb .\nTC .\n"
	if got := string(split.Parts[0].Payload); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOpenTransaction: a document that ends within a transaction is none.
func TestOpenTransaction(t *testing.T) {
	for _, doc := range []string{"TX .\nA <urn:s> <urn:p> \"1\" .\n", "TX .\n", "TX .\nA <urn:s> <urn:p> \"1\" .\nTX .\n"} {
		if split, err := (dataset.Splitter{Key: dataset.Subject, Shards: 1}).Patch([]byte(doc)); err == nil {
			t.Errorf("%q is divided: %+v", doc, split)
		}
	}
}

// TestRowsAreBounded: a change may have so many bytes as it is committed, whichever way it comes, be it an addition or a deletion, and
// however its text is written.
func TestRowsAreBounded(t *testing.T) {
	s := dataset.Splitter{Key: dataset.Dataset, Shards: 1}
	for more := range 2 {
		const around = len(`A <urn:s> <urn:p> "" .`)
		literal := `"` + strings.Repeat("x", dataset.MaxRow-around+more) + `"`
		q := rdf.Quad{S: rdf.Trusted("<urn:s>"), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted(literal)}
		row := `<urn:s> <urn:p> ` + literal + ` .`
		splits := map[string]func() (dataset.Split, error){
			"addition": func() (dataset.Split, error) { return s.Patch([]byte("A " + row)) },
			"deletion": func() (dataset.Split, error) { return s.Patch([]byte("D  " + row)) },
			"escapes": func() (dataset.Split, error) {
				return s.Patch([]byte("A " + strings.Replace(row, "x", `\U00000078`, 1000)))
			},
			"N-Quads":            func() (dataset.Split, error) { return s.Quads([]byte(row+"\n"+row), "") },
			"N-Quads, escapes":   func() (dataset.Split, error) { return s.Quads([]byte(strings.Replace(row, "x", `\u0078`, 1000)), "") },
			"quads":              func() (dataset.Split, error) { return s.Change(slices.Values([]rdf.Quad{q}), nil) },
			"quads, an addition": func() (dataset.Split, error) { return s.Change(nil, slices.Values([]rdf.Quad{q})) },
			"statements": func() (dataset.Split, error) {
				return s.Statements(0, "", func(_ string, add func(rdf.Quad) error) error { return add(q) })
			},
		}
		for name, split := range splits {
			if got, err := split(); errors.Is(err, rdf.ErrTermLimit) != (more > 0) || (err == nil) != (len(got.Parts) > 0) {
				t.Errorf("%s, %d bytes more: %d parts, %.200v", name, more, len(got.Parts), err)
			}
		}
		l := dataset.New()
		if more > 0 {
			if err := l.Apply(1, []byte("TX .\nA "+row+"\nTC .\n")); err != nil { // of a log that an earlier version has written
				t.Fatal(err)
			}
		}
		for _, event := range []string{"A " + strings.Replace(row, "urn:s", "urn:r", 1), "D " + row} {
			body, _, _, err := l.Evaluate(eventOf("TX .\n"+event+"\nTC .\n"), operator.Evaluation{}, nil)
			if errors.Is(err, rdf.ErrTermLimit) != (more > 0) || more > 0 && len(body) > 0 {
				t.Errorf("%.20s, %d bytes more: %d bytes, %.200v", event, more, len(body), err)
			}
		}
	}
}
