package dataset_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// replacing is an event with wildcards, each written as *.
func replacing(text string) *event.Event {
	text = "TX .\n" + strings.ReplaceAll(text, "*", patch.Any.String()) + "TC .\n"
	return &event.Event{MediaType: dataset.ReplaceMediaType, Payload: []byte(text), Checked: true}
}

// TestReplaceDelta: the owner makes the exact delta of what replaces, event by event, and an unchanged value is none.
func TestReplaceDelta(t *testing.T) {
	l := dataset.New()
	const before = "TX .\nA <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"2\" <urn:g> .\nA <urn:s> <urn:q> \"1\" .\nTC .\n"
	if _, _, _, err := l.Evaluate(eventOf(before), operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ rows, want string }{
		{"D <urn:s> <urn:p> * .\nA <urn:s> <urn:p> \"1\" .\n", ""},
		{"D <urn:s> <urn:p> * .\nA <urn:s> <urn:p> \"3\" .\n", "TX .\nD <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"3\" .\nTC .\n"},
		{"D <urn:s> <urn:p> * .\nA <urn:s> <urn:p> \"3\" .\n", ""},
		{"D <urn:s> <urn:p> * <urn:g> .\n", "TX .\nD <urn:s> <urn:p> \"2\" <urn:g> .\nTC .\n"},
		{"D <urn:s> * * .\nA <urn:s> <urn:p> \"3\" .\n", "TX .\nD <urn:s> <urn:q> \"1\" .\nTC .\n"},
		{"A <urn:s> <urn:q> \"9\" <urn:h> .\n", "TX .\nA <urn:s> <urn:q> \"9\" <urn:h> .\nTC .\n"},
		{"D <urn:s> * * * .\nA <urn:s> <urn:p> \"3\" .\n", "TX .\nD <urn:s> <urn:q> \"9\" <urn:h> .\nTC .\n"},
		{"A <urn:t> <urn:p> \"5\" <urn:h> .\nA <urn:s> <urn:p> \"6\" <urn:h> .\n", "TX .\nA <urn:t> <urn:p> \"5\" <urn:h> .\nA <urn:s> <urn:p> \"6\" <urn:h> .\nTC .\n"},
		{"D * * * <urn:h> .\nA <urn:s> <urn:p> \"6\" <urn:h> .\n", "TX .\nD <urn:t> <urn:p> \"5\" <urn:h> .\nTC .\n"},
		{"D * * * <urn:h> .\n", "TX .\nD <urn:s> <urn:p> \"6\" <urn:h> .\nTC .\n"},
		{"D * * * <urn:unknown> .\nD * * * .\nA <urn:s> <urn:p> \"3\" .\n", ""},
		{"D <urn:other> * * * .\nD <urn:other> * * .\nD <urn:s> <urn:other> * .\nD <urn:s> * * <urn:other> .\n", ""},
	} {
		body, _, _, err := l.Evaluate(replacing(test.rows), operator.Evaluation{}, nil)
		if err != nil || string(body) != test.want {
			t.Errorf("%s%v\n%s\nexpected\n%s", test.rows, err, body, test.want)
		}
	}
	if err := l.Commit(1); err != nil || content(l) != `<urn:s> <urn:p> "3" .` {
		t.Errorf("%v, %s", err, content(l))
	}
}

// TestReplaceByGraph: where the graph is the key, nobody can delete a subject in all graphs, and is told so.
func TestReplaceByGraph(t *testing.T) {
	doc := replacing("D <urn:s> * * * .\n").Payload
	for key, want := range map[dataset.Key]error{dataset.Subject: nil, dataset.Dataset: nil, dataset.Graph: patch.ErrWildcard} {
		split, err := dataset.Splitter{Key: key, Shards: 4}.Replacement(doc)
		if !errors.Is(err, want) || want == nil && len(split.Parts) != 1 {
			t.Errorf("%s: %v, %v", key, split, err)
		}
	}
	doc = replacing("D <urn:s> * * <urn:g> .\n").Payload
	if split, err := (dataset.Splitter{Key: dataset.Graph, Shards: 4}).Replacement(doc); err != nil || len(split.Parts) != 1 {
		t.Error(split, err)
	}
}

// TestPlainPatchHasNoWildcards: the IRI that stands for any term elsewhere is one like others in an RDF Patch.
func TestPlainPatchHasNoWildcards(t *testing.T) {
	l := dataset.New()
	ev := replacing("A <urn:s> <urn:p> * .\nD <urn:s> * * .\n")
	ev.MediaType = dataset.MediaType
	if _, adds, deletes, err := l.Evaluate(ev, operator.Evaluation{}, nil); adds != 1 || deletes != 0 || err != nil {
		t.Error(adds, deletes, err)
	}
}

// TestReplaceBounds: a wildcard takes a step for each quad that the subject has, whichever of them it matches.
func TestReplaceBounds(t *testing.T) {
	l := dataset.New()
	rows := "TX .\n"
	for i := range 10 {
		rows += fmt.Sprintf("A <urn:s> <urn:p> \"%d\" .\nA <urn:other> <urn:p> \"%d\" .\n", i, i)
	}
	if _, _, _, err := l.Evaluate(eventOf(rows+"A <urn:x> <urn:q> \"\" .\nTC .\n"), operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	ev := replacing("D <urn:s> <urn:q> * .\n")
	if _, _, _, err := l.Evaluate(ev, operator.Evaluation{MaxSteps: 9}, nil); err == nil || !strings.Contains(err.Error(), "more than 9 steps") {
		t.Error(err)
	}
	if body, _, _, err := l.Evaluate(ev, operator.Evaluation{MaxSteps: 10}, nil); err != nil || len(body) != 0 {
		t.Errorf("%v, %s", err, body)
	}
}

// TestClearByKey: all quads of a graph go wherever it has some by the key, and a wildcard that stands for more goes nowhere.
func TestClearByKey(t *testing.T) {
	doc := replacing("D * * * <urn:g> .\nA <urn:s> <urn:p> \"1\" <urn:g> .\n").Payload
	for key, want := range map[dataset.Key]int{dataset.Subject: 4, dataset.Dataset: 1, dataset.Graph: 1} {
		split, err := dataset.Splitter{Key: key, Shards: 4}.Replacement(doc)
		adds := 0
		for _, part := range split.Parts {
			if strings.Count(string(part.Payload), "D ") != 1 {
				t.Errorf("%s: %s", key, part.Payload)
			}
			adds += strings.Count(string(part.Payload), "A ")
		}
		if err != nil || len(split.Parts) != want || adds != 1 || !split.Clears || split.MediaType != dataset.ReplaceMediaType {
			t.Errorf("%s: %+v, %v", key, split, err)
		}
		for _, row := range []string{"D * <urn:p> * <urn:g> .\n", "D * * * * .\n", "D * * \"1\" .\n"} {
			if split, err := (dataset.Splitter{Key: key, Shards: 4}).Replacement(replacing(row).Payload); !errors.Is(err, patch.ErrWildcard) {
				t.Errorf("%s: %s: %v, %v", key, row, split, err)
			}
		}
	}
}

// TestClearBounds: what a graph's wildcard finds is bounded before it is written, what it passes over for lack of an index is counted, and
// an index is asked for.
func TestClearBounds(t *testing.T) {
	l := dataset.New()
	var rows strings.Builder
	const quads = 1024 // from which on an index is of use
	for i := range quads {
		fmt.Fprintf(&rows, "A <urn:s%d> <urn:p> \"%s\" <urn:g%d> .\n", i, strings.Repeat("x", 100), i%2)
	}
	if _, _, _, err := l.Evaluate(eventOf("TX .\n"+rows.String()+"TC .\n"), operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	if l.LacksIndex() {
		t.Error("an index is asked for by a patch")
	}
	ev := replacing("D * * * <urn:g0> .\n")
	if _, _, _, err := l.Evaluate(ev, operator.Evaluation{MaxBody: 100 * quads / 2}, nil); err == nil || !strings.Contains(err.Error(), "it replaces more than") {
		t.Error(err)
	}
	if !l.LacksIndex() {
		t.Error("no index is asked for")
	}
	const steps = quads/2 + quads/16
	if _, _, _, err := l.Evaluate(ev, operator.Evaluation{MaxSteps: steps - 1}, nil); err == nil || !strings.Contains(err.Error(), "steps") {
		t.Error(err)
	}
	if body, _, _, err := l.Evaluate(replacing("D * * * <urn:unknown> .\n"), operator.Evaluation{MaxSteps: 1}, nil); err != nil || len(body) != 0 {
		t.Errorf("a graph that there isn't takes no steps: %v, %s", err, body)
	}
	stays := replacing("D * * * <urn:g0> .\n" + strings.Join(slices.DeleteFunc(strings.SplitAfter(rows.String(), "\n"), func(row string) bool {
		return !strings.Contains(row, "<urn:g0>")
	}), ""))
	if body, _, _, err := l.Evaluate(stays, operator.Evaluation{MaxBody: 1 << 10}, nil); err != nil || len(body) != 0 {
		t.Errorf("what stays is no change, however much it is: %v, %.100s", err, body)
	}
	_, _, deletes, err := l.Evaluate(ev, operator.Evaluation{MaxSteps: 2 * steps, MaxBody: 1 << 20}, nil)
	if err != nil || deletes != quads/2 {
		t.Error(deletes, err)
	}
}

// TestFoundIsBounded: what wildcards find has the bytes of the largest delta and of the event, and no more.
func TestFoundIsBounded(t *testing.T) {
	l := dataset.New()
	row := "<urn:subject> <urn:p> \"" + strings.Repeat("x", 500) + "\" <urn:graph> .\n"
	if _, _, _, err := l.Evaluate(eventOf("TX .\nA "+row+"TC .\n"), operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	ev := replacing("D * * * <urn:graph> .\n")
	room := len(row) - len("    .\n") - len(ev.Payload) // of terms alone
	for less, want := range []string{"it changes more than", "it replaces more than"} {
		if _, _, _, err := l.Evaluate(ev, operator.Evaluation{MaxBody: room - less}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes less: %v, expected %s", less, err, want)
		}
	}
}

// TestReplaceReplays: whatever events come, what their owner writes is what others replay, and the state is what a model says.
func TestReplaceReplays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owner, standby := dataset.New(), dataset.New()
		values := map[string]bool{} // "s p o"
		for i := range uint64(rapid.IntRange(1, 12).Draw(t, "events")) {
			rows := ""
			for range rapid.IntRange(0, 3).Draw(t, "wildcards") {
				s, p := rapid.IntRange(0, 2).Draw(t, "s"), rapid.IntRange(0, 2).Draw(t, "p")
				match := fmt.Sprintf("<urn:s%d> <urn:p%d> ", s, p)
				if p == 2 {
					match = fmt.Sprintf("<urn:s%d> ", s)
				}
				for q := range values {
					if strings.HasPrefix(q, match) {
						delete(values, q)
					}
				}
				rows += strings.Replace("D "+match+"* .\n", "> * .", "> "+map[bool]string{true: "* ", false: ""}[p == 2]+"* .", 1)
			}
			for range rapid.IntRange(0, 4).Draw(t, "adds") {
				q := fmt.Sprintf("<urn:s%d> <urn:p%d> \"%d\"", rapid.IntRange(0, 2).Draw(t, "s"), rapid.IntRange(0, 1).Draw(t, "p"),
					rapid.IntRange(0, 3).Draw(t, "o"))
				values[q] = true
				rows += "A " + q + " .\n"
			}
			body, _, _, err := owner.Evaluate(replacing(rows), operator.Evaluation{}, nil)
			if err == nil {
				err = errors.Join(owner.Commit(i+1), standby.Apply(i+1, body))
			}
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, rows, body)
			}
			if content(owner) != content(standby) || owner.Len() != len(values) {
				t.Fatalf("%s\n\n%s\n\n%v", content(owner), content(standby), values)
			}
			for q := range values {
				if !strings.Contains(content(owner)+"\n", q+" .\n") {
					t.Fatalf("%s is missing in\n%s", q, content(owner))
				}
			}
		}
	})
}

// unread is a store that can't be read from some call on.
type unread struct {
	store.Store
	good *int
}

type unreadTx struct {
	store.Tx
	good *int
}

func (u unread) Begin() store.Tx { return unreadTx{u.Store.Begin(), u.good} }

func (u unreadTx) Lookup(t rdf.Term) (store.ID, bool, error) {
	if *u.good--; *u.good < 0 {
		return 0, false, errDisk
	}
	return u.Tx.Lookup(t)
}

func (u unreadTx) Term(id store.ID) (rdf.Term, error) {
	if *u.good--; *u.good < 0 {
		return rdf.Term{}, errDisk
	}
	return u.Tx.Term(id)
}

func (u unreadTx) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	if *u.good--; *u.good < 0 {
		return func(yield func(store.Quad, error) bool) { yield(store.Quad{}, errDisk) }
	}
	return u.Tx.Match(p)
}

// TestReplaceUnread: whichever call of reading fails, it is the state that has failed, not the event.
func TestReplaceUnread(t *testing.T) {
	for _, rows := range []string{"D <urn:s> <urn:p> * .\n", "D <urn:s> * * .\n", "D <urn:s> * * * .\n", "D * * * .\n"} {
		good := 0
		l := dataset.On(func(s store.Store) store.Store { return unread{s, &good} })
		if _, _, _, err := l.Evaluate(eventOf("TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n"), operator.Evaluation{}, nil); err != nil {
			t.Fatal(err)
		}
		ev := replacing(rows)
		const calls = 5 // a match, three lookups or terms of subject, predicate and graph, the object
		for good = range calls {
			n := good
			if _, _, _, err := l.Evaluate(ev, operator.Evaluation{}, nil); !errors.Is(err, operator.ErrState) || !errors.Is(err, errDisk) {
				t.Errorf("%s after %d calls: %v", rows, n, err)
			}
		}
		good = calls
		if _, _, deletes, err := l.Evaluate(ev, operator.Evaluation{}, nil); deletes != 1 || err != nil {
			t.Error(rows, deletes, err)
		}
	}
}
