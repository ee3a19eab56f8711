package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/store"
)

// updating is an event with a SPARQL Update, the number of its sender's.
func updating(number uint64, text string) *event.Event {
	return &event.Event{Producer: event.Producer{Name: "src"}, Seq: number, MediaType: dataset.UpdateMediaType, Payload: []byte(text)}
}

// increment adds 1 to what a subject counts.
const increment = "DELETE { <urn:s> <urn:n> ?n } INSERT { <urn:s> <urn:n> ?m } WHERE { <urn:s> <urn:n> ?n BIND(?n + 1 AS ?m) }"

// TestUpdateDelta: each update of a group sees what those before it did, the delta is exact, and one that can't be evaluated leaves
// nothing behind, whatever it had done by then.
func TestUpdateDelta(t *testing.T) {
	l := dataset.New()
	var body []byte
	for i, step := range []struct{ update, want, err string }{
		{"INSERT { <urn:s> <urn:n> 1 } WHERE {}", "TX .\nA <urn:s> <urn:n> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\nTC .\n", ""},
		{increment, "TX .\nD <urn:s> <urn:n> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n" +
			"A <urn:s> <urn:n> \"2\"^^<http://www.w3.org/2001/XMLSchema#integer> .\nTC .\n", ""},
		{"DELETE { <urn:s> <urn:n> ?n } INSERT { <urn:s> <urn:n> ?n } WHERE { <urn:s> <urn:n> ?n }", "", ""},
		{"DELETE WHERE { <urn:s> ?p ?o } ; LOAD <urn:x>", "", "LOAD can't be carried out"},
		{"DELETE WHERE { <urn:s> ?p ?o } ; ADD <urn:none> TO <urn:g>", "", "operation 2 (ADD): no such graph"},
		{"INSERT { <urn:s> <urn:n> ?x } WHERE { SERVICE <urn:x> { ?x ?y ?z } }", "", "SERVICE can't be evaluated"},
		{"DELETE WHERE { <urn:s> ?p }", "", "line 1, column 27"},
		{increment, "TX .\nD <urn:s> <urn:n> \"2\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n" +
			"A <urn:s> <urn:n> \"3\"^^<http://www.w3.org/2001/XMLSchema#integer> .\nTC .\n", ""},
	} {
		before := string(body)
		after, adds, deletes, err := l.Evaluate(updating(uint64(i+1), step.update), operator.Evaluation{}, body)
		if err == nil != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("%s: %v, expected %s", step.update, err, step.err)
		}
		if string(after) != before+step.want || int(adds) != strings.Count(step.want, "A <") || int(deletes) != strings.Count(step.want, "D <") {
			t.Errorf("%s: +%d -%d\n%s\nexpected\n%s", step.update, adds, deletes, after, step.want)
		}
		body = after
	}
	if err := l.Commit(1); err != nil || content(l) != `<urn:s> <urn:n> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .` {
		t.Errorf("%v, %s", err, content(l))
	}
	standby := dataset.New()
	if err := standby.Apply(1, body); err != nil || content(standby) != content(l) {
		t.Errorf("%v\n%s", err, content(standby))
	}
}

// TestUpdateIsRepeatable: the same event makes the same delta wherever it is tried, and another event, or another shard, makes others of
// what an update makes of its own: no two shards share a blank node.
func TestUpdateIsRepeatable(t *testing.T) {
	const text = "INSERT { <urn:s> <urn:p> [], ?now, ?rand, ?uuid } WHERE { BIND(NOW() AS ?now) BIND(RAND() AS ?rand) BIND(UUID() AS ?uuid) }"
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	evaluate := func(number uint64, within operator.Evaluation) string {
		body, adds, _, err := dataset.New().Evaluate(updating(number, text), within, nil)
		if err != nil || adds != 4 {
			t.Fatalf("+%d, %v", adds, err)
		}
		return string(body)
	}
	one := evaluate(1, operator.Evaluation{Time: at, Shard: 3})
	if again := evaluate(1, operator.Evaluation{Time: at, Shard: 3}); again != one {
		t.Errorf("%s\nthen\n%s", one, again)
	}
	if !strings.Contains(one, `"2026-05-04T03:02:01Z"`) {
		t.Error("it has another time:", one)
	}
	for _, other := range []string{evaluate(2, operator.Evaluation{Time: at, Shard: 3}), evaluate(1, operator.Evaluation{Time: at, Shard: 4})} {
		rows := map[string]bool{}
		for row := range strings.SplitSeq(one, "\n") {
			rows[row] = true
		}
		for row := range strings.SplitSeq(other, "\n") {
			if strings.HasPrefix(row, "A ") && rows[row] && !strings.Contains(row, "2026-05-04") {
				t.Errorf("both make %s", row)
			}
		}
	}
	ev := updating(1, text)
	ev.Producer = event.Producer{}
	if _, _, _, err := dataset.New().Evaluate(ev, operator.Evaluation{}, nil); err == nil {
		t.Error("an update that nobody can tell from the next one was evaluated")
	}
}

// filled is a logic with so many subjects.
func filled(t testing.TB, l *dataset.Logic, subjects int) *dataset.Logic {
	body := []byte("TX .\n")
	for i := range subjects {
		body = fmt.Appendf(body, "A <urn:s%d> <urn:p> \"%d\" .\nA <urn:s%d> <urn:q> <urn:s%d> .\n", i, i%7, i, i/2)
	}
	if err := l.Apply(1, append(body, "TC .\n"...)); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestUpdateBounds: work, what is held and what is written are bounded, and so are looks at every quad for lack of an index.
func TestUpdateBounds(t *testing.T) {
	for name, c := range map[string]struct {
		update string
		within operator.Evaluation
		want   string
	}{
		"work":   {"DELETE { ?s <urn:p> ?o } WHERE { ?s <urn:p> ?o . ?a ?b ?c . ?d ?e ?f }", operator.Evaluation{MaxSteps: 100_000}, "more than 100000 steps"},
		"rows":   {"DELETE WHERE { ?s ?p ?o }", operator.Evaluation{MaxBody: 1000}, "more than 1000 bytes"},
		"looks":  {"DELETE { ?a <urn:q> ?b } WHERE { VALUES ?b { <urn:s1> <urn:s2> <urn:s3> } ?a <urn:q> ?b }", operator.Evaluation{MaxSteps: 400}, "more than 400 steps"},
		"memory": {"INSERT { <urn:s> <urn:p> ?t } WHERE { ?a <urn:p> ?x BIND(CONCAT(STR(?a), \"" + strings.Repeat("x", 100_000) + "\") AS ?t) }", operator.Evaluation{}, "bytes at a time"},
	} {
		t.Run(name, func(t *testing.T) {
			l := filled(t, dataset.New(), 2000)
			before := content(l)
			body, _, _, err := l.Evaluate(updating(1, c.update), c.within, []byte("before"))
			if err == nil || !strings.Contains(err.Error(), c.want) || string(body) != "before" {
				t.Fatalf("%d bytes, %v", len(body), err)
			}
			if err := l.Commit(2); err != nil || content(l) != before {
				t.Errorf("%v: something is left", err)
			}
		})
	}
}

// TestUpdateAsksForAnIndex: who asks by the subject needs none; the first that doesn't has it made, once, and events come to the same.
func TestUpdateAsksForAnIndex(t *testing.T) {
	const scan = "DELETE { ?s <urn:p> ?o } INSERT { ?s <urn:p> \"new\" } WHERE { ?s <urn:q> <urn:s7> ; <urn:p> ?o }"
	bare := filled(t, dataset.New(), 2000)
	evaluate := func(l *dataset.Logic, text string) string {
		body, _, _, err := l.Evaluate(updating(1, text), operator.Evaluation{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.Rollback()
		return string(body)
	}
	evaluate(bare, "DELETE { <urn:s5> <urn:p> ?o } INSERT { <urn:s5> <urn:p> ?q } WHERE { <urn:s5> <urn:p> ?o ; <urn:q> ?q . OPTIONAL { ?q <urn:p> ?x } }")
	if bare.LacksIndex() {
		t.Error("subjects are known, and it asks for an index")
	}
	without := evaluate(bare, scan)
	if !bare.LacksIndex() || bare.LacksIndex() {
		t.Error("it is to ask once for each time")
	}
	if err := bare.Indexing()(t.Context()); err != nil || bare.Indexing() != nil {
		t.Fatal(err)
	}
	if with := evaluate(bare, scan); with != without || strings.Count(with, "\n") != 6 {
		t.Errorf("%s\nwith an index\n%s", without, with)
	}
	small := filled(t, dataset.New(), 100)
	if evaluate(small, scan); small.LacksIndex() {
		t.Error("a small state asks for an index")
	}
}

// TestUpdateReplays: whatever updates come, a state with an index and one whose index comes meanwhile write what an indexed one does, and
// others replay it.
func TestUpdateReplays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, other, standby := dataset.New(), dataset.Indexed(), dataset.New()
		for i := range uint64(rapid.IntRange(1, 10).Draw(t, "updates")) {
			s, v := rapid.IntRange(0, 2).Draw(t, "s"), rapid.IntRange(0, 3).Draw(t, "v")
			text := fmt.Sprintf(rapid.SampledFrom([]string{
				"INSERT { <urn:s%[1]d> <urn:p> %[2]d, [] } WHERE {}",
				"DELETE { <urn:s%[1]d> <urn:p> ?o } INSERT { <urn:s%[1]d> <urn:p> ?n } WHERE { <urn:s%[1]d> <urn:p> ?o FILTER(isNumeric(?o)) BIND(?o + %[2]d AS ?n) }",
				"DELETE { ?s <urn:p> %[2]d } INSERT { ?s <urn:q> <urn:s%[1]d> } WHERE { ?s <urn:p> %[2]d }",
				"DELETE WHERE { ?s ?p <urn:s%[1]d> }",
				"INSERT { GRAPH <urn:g%[2]d> { <urn:s%[1]d> <urn:r> ?n } } WHERE { { SELECT (COUNT(*) AS ?n) { <urn:s%[1]d> ?p ?o } } }",
				"CLEAR GRAPH <urn:g%[2]d>",
			}).Draw(t, "text"), s, v)
			var bodies [2][]byte
			for k, l := range []*dataset.Logic{one, other} {
				body, _, _, err := l.Evaluate(updating(i+1, text), operator.Evaluation{}, nil)
				if err == nil {
					err = l.Commit(i + 1)
				}
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				bodies[k] = body
			}
			if err := standby.Apply(i+1, bodies[0]); err != nil {
				t.Fatalf("%s\n%s%v", text, bodies[0], err)
			}
			if content(one) != content(other) || content(one) != content(standby) {
				t.Fatalf("%s\n%s\nbut\n%s\nbut\n%s", text, content(one), content(other), content(standby))
			}
			if i == 4 {
				if err := one.Indexing()(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// unreadable is a store whose transactions fail from some reading on.
type unreadable struct {
	store.Store
	good *int
}

type unreadableTx struct {
	brokenTx
}

func (u unreadable) Begin() store.Tx { return unreadableTx{brokenTx{u.Store.Begin(), u.good}} }

func (u unreadableTx) Lookup(t rdf.Term) (store.ID, bool, error) {
	if err := u.call(); err != nil {
		return 0, false, err
	}
	return u.Tx.Lookup(t)
}

func (u unreadableTx) Term(id store.ID) (rdf.Term, error) {
	if err := u.call(); err != nil {
		return rdf.Term{}, err
	}
	return u.Tx.Term(id)
}

func (u unreadableTx) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	if err := u.call(); err != nil {
		return err
	}
	return u.Tx.Blocks(p, block, each)
}

func (u unreadableTx) Count(p store.Pattern) (int, error) {
	if err := u.call(); err != nil {
		return 0, err
	}
	return u.Tx.Count(p)
}

func (u unreadableTx) Statistics(predicate store.ID) (store.Statistics, error) {
	if err := u.call(); err != nil {
		return store.Statistics{}, err
	}
	return u.Tx.Statistics(predicate)
}

// TestUpdateStoreFails: whichever call of the store fails, the state has failed, and no event is bad; and where it is full, it is that.
func TestUpdateStoreFails(t *testing.T) {
	const text = "DELETE { <urn:s1> <urn:p> ?o } INSERT { <urn:s1> <urn:p> ?n ; <urn:r> ?v } WHERE { <urn:s1> <urn:p> ?o ; <urn:q> ?q . ?q <urn:p> ?v BIND(CONCAT(?o, ?v) AS ?n) }"
	failures := 0
	for good := 0; ; good++ {
		left := 1 << 30
		l := filled(t, dataset.On(func(s store.Store) store.Store { return unreadable{s, &left} }), 10)
		left = good
		_, _, _, err := l.Evaluate(updating(1, text), operator.Evaluation{}, nil)
		if err == nil {
			break
		}
		if failures++; !errors.Is(err, operator.ErrState) || !errors.Is(err, errDisk) || errors.Is(err, operator.ErrFull) {
			t.Fatalf("after %d calls: %v", good, err)
		}
	}
	if failures < 10 {
		t.Errorf("%d calls only", failures)
	}
	l := dataset.Within(3)
	if _, _, _, err := l.Evaluate(updating(1, "INSERT { <urn:s> <urn:p> 1, 2, 3, 4, 5, 6, 7, 8, 9 } WHERE {}"), operator.Evaluation{}, nil); !errors.Is(err, operator.ErrFull) {
		t.Errorf("a full store: %v", err)
	}
}

// TestSplitUpdate: an update goes to the shard of its key, to all, or is divided as a patch; what no shard can do alone is refused, with
// the place.
func TestSplitUpdate(t *testing.T) {
	const every = -1
	for _, c := range []struct {
		key  dataset.Key
		text string
		to   int
		err  string
	}{
		{dataset.Subject, "DELETE WHERE { <urn:s> ?p ?o }", 2, ""},
		{dataset.Subject, "DELETE WHERE { ?s <urn:p> ?o }", every, ""},
		{dataset.Graph, "DELETE WHERE { GRAPH <urn:g> { ?s ?p ?o } }", 2, ""},
		{dataset.Graph, "DELETE WHERE { ?s ?p ?o }", 1, ""},
		{dataset.Dataset, "MOVE <urn:a> TO <urn:b>", 1, ""},
		{dataset.Subject, "CREATE GRAPH <urn:g>", 0, ""},
		{dataset.Subject, "DELETE { ?s <urn:p> ?o }\nWHERE { ?s <urn:p> ?o .\n ?o <urn:q> ?x }", 0, "line 3, column 2: not local to one shard: it has subject ?o where others have ?s"},
		{dataset.Dataset, "INSERT { <urn:s> <urn:p> ?o } WHERE {\n SERVICE <urn:x> { ?s ?p ?o } }", 0, "line 2, column 2: not local to one shard: SERVICE"},
		{dataset.Dataset, "INSERT { <urn:s> <urn:p> 1 } WHERE { FILTER NOT EXISTS { SERVICE <urn:x> { ?s ?p ?o } } }", 0, "SERVICE"},
		{dataset.Graph, "LOAD SILENT <urn:x> INTO GRAPH <urn:g>", 0, "LOAD reads a document"},
		{dataset.Subject, "LOAD <urn:x>", 0, "LOAD reads a document"},
		{dataset.Subject, "CLEAR ALL ; LOAD <urn:x>", 0, "LOAD reads a document"},
		{dataset.Subject, "INSERT { ?s <urn:p> 1 } WHERE { SERVICE <urn:x> { ?s ?p ?o } }", 0, "SERVICE asks somebody else"},
		{dataset.Subject, "DELETE WHERE { <urn:s> }", 0, "line 1, column 24"},
	} {
		s := dataset.Splitter{Key: c.key, Shards: 4}
		text := []byte(c.text)
		split, err := s.Update(text, nil)
		if err == nil != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, expected %s", c.text, err, c.err)
			continue
		}
		clear(text) // nobody keeps it
		var shards []int
		for i, part := range split.Parts {
			shards = append(shards, part.Shard)
			if ev := split.Of(event.Producer{Name: "x"}, 1)[i]; string(part.Payload) != c.text || ev.MediaType != dataset.UpdateMediaType || ev.Checked {
				t.Errorf("%s: %+v", c.text, ev)
			}
		}
		if want := map[int]string{every: "[0 1 2 3]"}[c.to]; c.to > 0 && len(shards) != 1 || want != "" && fmt.Sprint(shards) != want || c.to == 0 && len(shards) > 0 {
			t.Errorf("%s by %s goes to %v", c.text, c.key, shards)
		}
	}
}

// TestSplitDataUpdate: data is divided as a patch is, with the blank nodes of the document, and in the order of the operations.
func TestSplitDataUpdate(t *testing.T) {
	s := dataset.Splitter{Key: dataset.Subject, Shards: 4}
	const text = "DELETE DATA { <urn:a> <urn:p> 1 } ; INSERT DATA { <urn:a> <urn:p> _:x . GRAPH <urn:g> { <urn:b> <urn:p> _:x, <<( <urn:a> <urn:p> _:x )>> } } ; DELETE DATA { <urn:b> <urn:q> 2 }"
	split, err := s.Update([]byte(text), func() string { return "scope" })
	if err != nil || split.MediaType != dataset.MediaType || split.Rows != 5 {
		t.Fatal(split, err)
	}
	patched, err := s.Patch(bytes.ReplaceAll([]byte("TX .\nD <urn:a> <urn:p> 1 .\nA <urn:a> <urn:p> _:LABEL .\nA <urn:b> <urn:p> _:LABEL <urn:g> .\n"+
		"A <urn:b> <urn:p> <<( <urn:a> <urn:p> _:LABEL )>> <urn:g> .\nD <urn:b> <urn:q> 2 .\nTC .\n"), []byte("LABEL"), []byte(labelOf(t, s, "scope", "x"))))
	if err != nil || !reflect.DeepEqual(split.Parts, patched.Parts) {
		t.Errorf("%v\n%v\nexpected\n%v", err, split.Parts, patched.Parts)
	}
	large := dataset.Splitter{Key: dataset.Subject, Shards: 4, MaxTransaction: 50}
	for _, text := range []string{text, "DELETE WHERE { <urn:s> <urn:a-long-name> <urn:another-long-name> }"} {
		if _, err := large.Update([]byte(text), func() string { return "scope" }); !errors.As(err, new(*dataset.TransactionTooLargeError)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// labelOf is the label that a blank node of a document gets.
func labelOf(t *testing.T, s dataset.Splitter, scope, label string) string {
	split, err := s.Quads([]byte("_:"+label+" <urn:p> <urn:o> ."), scope)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(split.Parts[0].Payload), "_:")
	found, _, _ := strings.Cut(rest, " ")
	return found
}

// TestSplitOperations: operations that are for different shards go to theirs, in their order, and nothing else does.
func TestSplitOperations(t *testing.T) {
	s := dataset.Splitter{Key: dataset.Subject, Shards: 4}
	operations := []string{
		"DELETE WHERE { <urn:s> ?p ?o }", "INSERT DATA { <urn:t> <urn:p> 1 }", "DELETE WHERE { ?s <urn:gone> ?o }",
		"INSERT { <urn:s> <urn:p> [] } WHERE { <urn:s> <urn:q> 1 }", "DELETE WHERE { <urn:t> ?p ?o }",
	}
	split, err := s.Update([]byte(strings.Join(operations, " ;\n")), nil)
	if err != nil || split.MediaType != dataset.UpdateMediaType || len(split.Parts) != 4 {
		t.Fatal(split, err)
	}
	shardOf := func(subject string) int {
		one, err := s.Patch([]byte("A " + subject + " <urn:p> 1 ."))
		if err != nil {
			t.Fatal(err)
		}
		return one.Parts[0].Shard
	}
	for number, part := range split.Parts {
		var own []string
		for _, op := range operations {
			if !strings.Contains(op, "<urn:s>") && !strings.Contains(op, "<urn:t>") || strings.Contains(op, "<urn:s>") && shardOf("<urn:s>") == number ||
				strings.Contains(op, "<urn:t>") && shardOf("<urn:t>") == number {
				own = append(own, op)
			}
		}
		want, err := sparql.ParseUpdate(strings.Join(own, ";"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := sparql.ParseUpdate(string(part.Payload))
		if err != nil || part.Shard != number || len(got.Operations) != len(want.Operations) || got.String() != want.String() {
			t.Errorf("shard %d: %v\n%s\nexpected\n%s", number, err, part.Payload, want)
		}
	}
	for text, why := range map[string]string{
		"DELETE WHERE { <urn:s> ?p ?o } ;\nDELETE WHERE { <urn:s> ?p ?o . <urn:t> ?p ?o }":            "line 2, column 32: not local",
		"DELETE WHERE { <urn:s> ?p ?o } ;\nINSERT DATA { <urn:s> <urn:p> _:b . <urn:t> <urn:p> _:b }": "data of several keys",
	} {
		if _, err := s.Update([]byte(text), nil); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestUpdatesThatComeAgain: however many texts come, in whatever order, each is evaluated as what it says.
func TestUpdatesThatComeAgain(t *testing.T) {
	l := dataset.New()
	for round := range 3 {
		for i := range 100 {
			text := fmt.Sprintf("DELETE { <urn:%[1]d> <urn:n> ?n } INSERT { <urn:%[1]d> <urn:n> ?m } WHERE { OPTIONAL { <urn:%[1]d> <urn:n> ?n } BIND(COALESCE(?n, %[1]d) + 1 AS ?m) }", i)
			body, _, _, err := l.Evaluate(updating(uint64(100*round+i+1), text), operator.Evaluation{MaxSteps: 1000}, nil)
			if want := fmt.Sprintf("A <urn:%d> <urn:n> \"%d\"", i, i+round+1); err != nil || !strings.Contains(string(body), want) {
				t.Fatalf("%v, %s, expected %s", err, body, want)
			}
		}
	}
}

// TestUpdateMakesWhatCanBeRead: whatever terms an update makes, or can't make, who reads its delta from the log can apply it.
func TestUpdateMakesWhatCanBeRead(t *testing.T) {
	nested := func(depth int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "INSERT { <urn:s> <urn:p> ?t%d . <urn:s> <urn:p> <<( <urn:s> <urn:p> ?t%d )>> } WHERE { BIND(<urn:o> AS ?t0) ", depth, depth)
		for i := range depth {
			fmt.Fprintf(&b, "BIND(TRIPLE(<urn:a>, <urn:b>, ?t%d) AS ?t%d) ", i, i+1)
		}
		return b.String() + "}"
	}
	for text, adds := range map[string]uint64{
		nested(999): 2, nested(1000): 1, nested(1001): 0, nested(1500): 0,
		`INSERT { <urn:s> <urn:p> ?a, ?b, ?c, ?d, ?e, ?f } WHERE { BIND(STRLANG("a", "en us") AS ?a) BIND(IRI("urn:a> <urn:b") AS ?b)
			BIND(STRDT("a", IRI("urn:\u0001")) AS ?c) BIND(BNODE("a b\n") AS ?d) BIND(CONCAT("\u0000\u0085\u2028\\\"", "\r\n\U0010FFFF") AS ?e)
			BIND(IRI("urn:\uFFFE\u00A0") AS ?f) }`: 3,
	} {
		l := dataset.New()
		body, n, _, err := l.Evaluate(updating(1, text), operator.Evaluation{}, nil)
		if err != nil || n != adds {
			t.Errorf("%.60s: +%d, want %d, %v", text, n, adds, err)
		}
		if err := dataset.New().Apply(1, body); err != nil {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}
