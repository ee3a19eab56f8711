package patch_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// set is the simplest [patch.Dataset].
type set map[rdf.Quad]bool

func (s set) Add(q rdf.Quad) (bool, error) {
	if s[q] {
		return false, nil
	}
	s[q.Clone()] = true
	return true, nil
}

func (s set) Delete(q rdf.Quad) (bool, error) {
	there := s[q]
	delete(s, q)
	return there, nil
}

// put is Add for one that can't fail.
func (s set) put(q rdf.Quad) bool {
	changed, _ := s.Add(q)
	return changed
}

// fewQuads makes quads of which random patches have enough in common.
var fewQuads = rapid.Custom(func(t *rapid.T) rdf.Quad {
	few := rapid.Map(rapid.SampledFrom([]string{"<x:1>", "<x:2>", "_:b"}), rdf.Trusted)
	q := rdf.Quad{S: few.Draw(t, "s"), P: rdf.Trusted("<x:p>"), O: few.Draw(t, "o")}
	if rapid.Bool().Draw(t, "in a graph") {
		q.G = few.Draw(t, "g")
	}
	return q
})

var sets = rapid.Map(rapid.SliceOf(fewQuads), func(quads []rdf.Quad) set {
	s := set{}
	for _, q := range quads {
		s.put(q)
	}
	return s
})

// transactions makes streams of transactions, some of which abort, and rows outside of one.
var transactions = rapid.Custom(func(t *rapid.T) (rows []row) {
	changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		return row{code: rapid.SampledFrom([]string{"A", "D"}).Draw(t, "code"), quad: fewQuads.Draw(t, "quad")}
	}), 0, 8)
	for range rapid.IntRange(0, 4).Draw(t, "transactions") {
		some := changes.Draw(t, "changes")
		if end := rapid.SampledFrom([]string{"", "TC", "TC", "TA"}).Draw(t, "end"); end != "" {
			some = append(append([]row{{code: "TX"}}, some...), row{code: end})
		}
		rows = append(rows, some...)
	}
	return rows
})

// applied applies rows to a copy of a dataset, in the plainest way there is.
func applied(s set, rows []row) set {
	now, before := maps.Clone(s), set(nil)
	for _, r := range rows {
		switch r.code {
		case "TX":
			before = maps.Clone(now)
		case "TA":
			now = before
		case "A":
			now.put(r.quad)
		case "D":
			delete(now, r.quad)
		}
	}
	return now
}

func mustDrive(t interface{ Fatal(...any) }, rows []row, c patch.Change) {
	if err := drive(rows, c); err != nil {
		t.Fatal(err)
	}
}

// committed are the transactions with none that aborts: Effective undoes nothing.
var committed = rapid.Map(transactions, func(rows []row) []row {
	for i := range rows {
		if rows[i].code == "TA" {
			rows[i].code = "TC"
		}
	}
	return rows
})

// Applying gives what the rows say, and the effective delta is of the rows that change something, in their order: each of
// its rows is a change, and it changes the dataset to the same.
func TestEffectiveProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, rows := sets.Draw(t, "dataset"), committed.Draw(t, "rows")
		want := applied(before, rows)
		dataset := maps.Clone(before)
		var delta recorder
		mustDrive(t, rows, patch.Effective(dataset, &delta))
		if !maps.Equal(dataset, want) || !maps.Equal(applied(before, delta.rows), want) {
			t.Fatalf("rows %v\ndelta %v\neffective %v\nwant %v", rows, delta.rows, dataset, want)
		}
		var same recorder
		mustDrive(t, delta.rows, patch.Effective(maps.Clone(before), &same))
		if !reflect.DeepEqual(same.rows, delta.rows) {
			t.Fatalf("delta %v\nof which are changes %v", delta.rows, same.rows)
		}
		if !subsequence(delta.rows, rows) {
			t.Fatalf("delta %v\nis no part of %v", delta.rows, rows)
		}
	})
}

func subsequence(some, all []row) bool {
	for _, r := range all {
		if len(some) > 0 && some[0] == r {
			some = some[1:]
		}
	}
	return len(some) == 0
}

// A patch and then its inverse leave the dataset as it was.
func TestApplyInvertProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, rows := sets.Draw(t, "dataset"), committed.Draw(t, "rows")
		dataset := maps.Clone(before)
		var delta recorder
		mustDrive(t, rows, patch.Effective(dataset, &delta))
		inverse, err := inverted(delta.rows)
		if err != nil {
			t.Fatal(err)
		}
		mustDrive(t, inverse, patch.Effective(dataset, patch.Ignore{}))
		if !maps.Equal(dataset, before) {
			t.Fatalf("before %v\nrows %v\ninverse %v\nafter %v", before, rows, inverse, dataset)
		}
	})
}

// broken is a [patch.Dataset] that fails.
type broken struct{ err error }

func (b broken) Add(rdf.Quad) (bool, error)    { return true, b.err }
func (b broken) Delete(rdf.Quad) (bool, error) { return true, b.err }

// What the dataset refuses is no part of the delta.
func TestEffectiveDatasetFails(t *testing.T) {
	full := errors.New("full")
	for _, code := range []string{"A", "D"} {
		var got recorder
		if err := drive([]row{{code: code, quad: quad}}, patch.Effective(broken{full}, &got)); err != full || len(got.rows) > 0 {
			t.Errorf("%s: %v, delta %v", code, err, got.rows)
		}
	}
}

// Headers, prefixes and ends of transactions go on as they come, and errors come back.
func TestEffectivePasses(t *testing.T) {
	rows := read(t, []byte("H id <x:1> . TX . PA 'a' <x:y> <x:g> . PD 'b' . A "+spo+" . TC . TX . D "+spo+" . TA . D "+spo+" <x:h> ."))
	var got recorder
	mustDrive(t, rows, patch.Effective(set{}, &got))
	if want := rows[:len(rows)-1]; !reflect.DeepEqual(got.rows, want) {
		t.Errorf("\n got %v\nwant %v", got.rows, want)
	}
	broken := errors.New("broken")
	for _, r := range rows[:len(rows)-1] {
		dataset := set{}
		a := patch.Effective(dataset, failing{broken})
		if r.code == "D" {
			dataset.put(r.quad)
		}
		if err := drive([]row{r}, a); err != broken {
			t.Errorf("%v: %v", r, err)
		}
	}
	for _, rows := range [][]row{{{code: "TC"}}, {{code: "TA"}}, {{code: "TX"}, {code: "TX"}}} {
		for name, c := range map[string]patch.Change{"net": &patch.Net{}, "update": patch.NewUpdateWriter(nil, patch.RefuseBlanks)} {
			if err := drive(rows, c); err == nil {
				t.Errorf("%s takes %v", name, rows)
			}
		}
	}
}

// The net effect changes every dataset to what the rows do, and has each quad once, deletions first.
func TestNetProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, rows := sets.Draw(t, "dataset"), transactions.Draw(t, "rows")
		var net patch.Net
		mustDrive(t, rows, &net)
		var got recorder
		if err := net.Emit(&got); err != nil {
			t.Fatal(err)
		}
		once(t, got.rows)
		if want := applied(before, rows); !maps.Equal(applied(before, got.rows), want) {
			t.Fatalf("before %v\nrows %v\nnet effect %v\nwant %v", before, rows, got.rows, want)
		}
		if net.Len() != 0 {
			t.Fatalf("%d rows are left", net.Len())
		}
	})
}

// once fails unless rows are nothing, or one transaction of deletions, then additions, of one quad each.
func once(t *rapid.T, rows []row) {
	if len(rows) == 0 {
		return
	}
	seen := set{}
	adds := false
	for i, r := range rows {
		switch {
		case i == 0 && r.code == "TX", i == len(rows)-1 && r.code == "TC":
		case i > 0 && r.code == "D" && !adds && seen.put(r.quad):
		case i > 0 && r.code == "A" && seen.put(r.quad):
			adds = true
		default:
			t.Fatalf("row %d of %v", i, rows)
		}
	}
}

// The net effect of real changes is the difference between before and after, no more and no less.
func TestNetEffectiveProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, rows := sets.Draw(t, "dataset"), committed.Draw(t, "rows")
		after := maps.Clone(before)
		net := patch.Net{Effective: true}
		mustDrive(t, rows, patch.Effective(after, &net))
		var changes int
		for q := range before {
			if !after[q] {
				changes++
			}
		}
		for q := range after {
			if !before[q] {
				changes++
			}
		}
		var got recorder
		n := net.Len()
		if err := net.Emit(&got); err != nil {
			t.Fatal(err)
		}
		once(t, got.rows)
		if n != changes || len(got.rows) > 0 && len(got.rows) != changes+2 || !maps.Equal(applied(before, got.rows),
			after) {
			t.Fatalf("before %v\nrows %v\nnet effect %v, %d rows\nafter %v, %d changes", before, rows, got.rows, n, after,
				changes)
		}
	})
}

// failsAfter takes so many rows, then fails.
type failsAfter struct {
	recorder
	rows int
	err  error
}

func (f *failsAfter) next() error {
	if f.rows--; f.rows < 0 {
		return f.err
	}
	return nil
}
func (f *failsAfter) Begin() error          { return f.next() }
func (f *failsAfter) Commit() error         { return f.next() }
func (f *failsAfter) Add(rdf.Quad) error    { return f.next() }
func (f *failsAfter) Delete(rdf.Quad) error { return f.next() }

func TestNet(t *testing.T) {
	for _, c := range []struct {
		name, doc, want string
		effective       bool
	}{
		{"nothing", "", "", false},
		{"headers alone", "H id <x:1> .", "", false},
		{"empty transaction", "TX . TC .", "TX .\nTC .\n", false},
		{"aborted", "H id <x:1> . TX . A " + spo + " . PA 'a' <x:1> . TA .", "", false},
		{"last row", "TX . A " + spo + " . D " + spo + " . TC .", "TX .\nD " + spo + " .\nTC .\n", false},
		{"cancelled", "TX . A " + spo + " . D " + spo + " . TC .", "TX .\nTC .\n", true},
		{"and again", "TX . A " + spo + " . D " + spo + " . TC . TX . A " + spo + " . TC .", "TX .\nA " + spo +
			" .\nTC .\n", true},
		{"headers of the log",
			"H id <x:1> . H PREV <x:0> . H by 'a' . TX . TC . H id <x:2> . H previous <x:1> . H by 'b' . TX . TC . " +
				"H id <x:3> . H prev <x:2> . TX . TA .", "H id <x:2> .\nH prev <x:0> .\nH by \"b\" .\nTX .\nTC .\n", false},
		{"first patch without prev", "H id <x:1> . TX . TC . H prev <x:1> . H id <x:2> . TX . TC .",
			"H id <x:2> .\nTX .\nTC .\n", false},
		{"rows outside", "H id <x:1> . A " + spo + " . D " + spo + " <x:g> .", "H id <x:1> .\nTX .\nD " + spo +
			" <x:g> .\nA " +
			spo + " .\nTC .\n", false},
		{"prefixes", "TX . PA 'a' <x:1> . PA 'a' <x:2> <x:g> . PA 'b' <x:1> . PD 'c' . TC . PA 'a' <x:3> . PD 'b' . PA 'c' <x:4> .",
			"TX .\nPD \"b\" .\nPA \"a\" <x:3> .\nPA \"a\" <x:2> <x:g> .\nPA \"c\" <x:4> .\nTC .\n", true},
		{"a prefix is no quad", "TX . PA 'x' <x:1> <x:s> . D <x:s> <x:p> <x:o> . TC .",
			"TX .\nPA \"x\" <x:1> <x:s> .\nD " + spo + " .\nTC .\n", true},
	} {
		net := patch.Net{Effective: c.effective}
		var got, want recorder
		if err := errors.Join(patch.Parse([]byte(c.doc), &net), net.Emit(&got), net.Emit(&got)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := patch.Parse([]byte(c.want), &want); err != nil || !slices.Equal(got.rows, want.rows) {
			t.Errorf("%s:\n got %v\nwant %v, %v", c.name, got.rows, want.rows, err)
		}
	}
}

// After an error of the Change that it is handed to, the net effect is there still.
func TestNetForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	var net patch.Net
	if err := patch.Parse([]byte("H x 1 . TX . D "+spo+" . A "+spo+" <x:g> . TC ."), &net); err != nil {
		t.Fatal(err)
	}
	if err := net.Emit(failing{broken}); err != broken {
		t.Errorf("header: %v", err)
	}
	for after := range 4 {
		if err := net.Emit(&failsAfter{rows: after, err: broken}); err != broken || net.Len() != 2 {
			t.Errorf("row %d: %v, %d rows are left", after, err, net.Len())
		}
	}
	var n patch.Counter
	if err := net.Emit(&n); err != nil || n != (patch.Counter{Headers: 1, Begins: 1, Commits: 1, Adds: 1, Deletes: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
}

// The bound is on what counts: a stream of changes that cancel each other never comes to it, and what is kept stays
// right when the rest is given up.
func TestNetBound(t *testing.T) {
	net := patch.Net{Effective: true, MaxBytes: 10_000}
	change := func(code string, i int) row {
		return row{code: code, quad: rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<x:%d>", i)), P: node, O: node}}
	}
	var want []row
	for i := range 20_000 {
		mustDrive(t, []row{change("A", i)}, &net)
		if i%500 == 0 {
			want = append(want, change("A", i))
			continue
		}
		mustDrive(t, []row{change("D", i)}, &net)
	}
	var got recorder
	if err := net.Emit(&got); err != nil || !reflect.DeepEqual(got.rows[1:len(got.rows)-1], want) {
		t.Errorf("%v\n got %v\nwant %v", err, got.rows, want)
	}
	full := func(inside bool) (err error) {
		net := patch.Net{Effective: true, MaxBytes: 10_000}
		if inside {
			mustDrive(t, []row{{code: "TX"}}, &net)
		}
		for i := 0; err == nil && i < 2_000; i++ {
			err = drive([]row{change("A", i)}, &net)
		}
		return err
	}
	for _, inside := range []bool{false, true} {
		if err := full(inside); !errors.Is(err, patch.ErrTransactionSize) || !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("%v", err)
		}
	}
}

// A prefix that gets one IRI after the other takes no more room than the last one.
func TestNetBoundOfPrefixes(t *testing.T) {
	net := patch.Net{MaxBytes: 1000}
	for i := range 1000 {
		mustDrive(t, []row{{code: "PA", name: "a", prefixTarget: fmt.Sprintf("x:%d", i)}}, &net)
		mustDrive(t, []row{{code: "PA", name: "b", prefixTarget: fmt.Sprintf("x:%d", i)}}, &net)
	}
	var got recorder
	want := []row{{code: "TX"}, {code: "PA", name: "a", prefixTarget: "x:999"}, {code: "PA", name: "b", prefixTarget: "x:999"},
		{code: "TC"}}
	if err := net.Emit(&got); err != nil || !reflect.DeepEqual(got.rows, want) {
		t.Errorf("%v\n got %v\nwant %v", err, got.rows, want)
	}
}

// rowSource is a [patch.Source] of rows.
type rowSource []row

func (s rowSource) Run(c patch.Change) error { return drive(s, c) }

func composed(t interface{ Fatal(...any) }, patches ...patch.Source) []row {
	var got recorder
	if err := patch.Compose(&got, &patch.Net{}, patches...); err != nil {
		t.Fatal(err)
	}
	return got.rows
}

// A composition does what its patches do one after the other, whichever of them are composed first.
func TestComposeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := sets.Draw(t, "dataset")
		p, q, r := transactions.Draw(t, "p"), transactions.Draw(t, "q"), transactions.Draw(t, "r")
		want := applied(applied(applied(before, p), q), r)
		all := composed(t, rowSource(p), rowSource(q), rowSource(r))
		left := composed(t, rowSource(composed(t, rowSource(p), rowSource(q))), rowSource(r))
		right := composed(t, rowSource(p), rowSource(composed(t, rowSource(q), rowSource(r))))
		for _, rows := range [][]row{all, left, right} {
			if !maps.Equal(applied(before, rows), want) {
				t.Fatalf("before %v\np %v\nq %v\nr %v\ncomposed %v\nwant %v", before, p, q, r, rows, want)
			}
		}
	})
}

func TestCompose(t *testing.T) {
	one := patch.NewReader(strings.NewReader("H id <x:1> . TX . A " + spo +
		" . TC . H id <x:8> . H prev <x:1> . TX . TA ."))
	two := patch.NewBinaryReader(strings.NewReader(string(toBinary(t, read(t,
		[]byte("H prev <x:1> . H id <x:2> . TX . D "+spo+
			" . A "+spo+" <x:g> . TC ."))))))
	want := read(t, []byte("H id <x:2> . TX . D "+spo+" . A "+spo+" <x:g> . TC ."))
	if got := composed(t, one, two); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
	var n patch.Counter
	err := patch.Compose(&n, &patch.Net{}, rowSource(read(t, []byte("H id <x:1> . TX . TC ."))),
		rowSource(read(t, []byte("H id <x:3> . H prev <x:2> . TX . TC ."))))
	if !errors.Is(err, patch.ErrNotNext) || n != (patch.Counter{}) {
		t.Errorf("prev of another patch: %v, %+v", err, n)
	}
	var syntax *patch.SyntaxError
	err = patch.Compose(&n, &patch.Net{}, rowSource(nil), patch.NewReader(strings.NewReader("TX")))
	if !errors.As(err, &syntax) || !strings.Contains(err.Error(), "patch 2") || n != (patch.Counter{}) {
		t.Errorf("bad patch: %v, %+v", err, n)
	}
	if err = patch.Compose(&n, &patch.Net{MaxBytes: 5}, rowSource(read(t, []byte("A "+spo+" .")))); !errors.Is(err, patch.ErrTransactionSize) {
		t.Errorf("bound: %v", err)
	}
}

func TestLog(t *testing.T) {
	known := func(id rdf.Term) bool { return id == rdf.Trusted("<x:known>") }
	const head = "<x:0>"
	for _, c := range []struct {
		name, head, doc string
		want            error
		after           string // the head
	}{
		{"nothing", head, "", nil, head},
		{"next", head, "H id <x:1> . H prev <x:0> . TX . A " + spo + " . PA 'a' <x:y> . PD 'a' . D " + spo + " . TC .",
			nil, "<x:1>"},
		{"next ones", head, "H id <x:1> . H prev <x:0> . TX . TC . H previous <x:1> . H ID <x:2> . TX . TC .", nil,
			"<x:2>"},
		{"first", "", "H id <x:1> . TX . TC .", nil, "<x:1>"},
		{"aborted", head, "H id <x:1> . H prev <x:0> . TX . TA . H id <x:1> . H prev <x:0> . TX . TC .", nil, "<x:1>"},
		{"no id", head, "H prev <x:0> . TX . TC .", patch.ErrNoID, head},
		{"no id of its own", head, "H id <x:1> . H prev <x:0> . TX . TC . TX . TC .", patch.ErrNoID, "<x:1>"},
		{"no prev", head, "H id <x:1> . TX . TC .", patch.ErrNotNext, head},
		{"another prev", head, "H id <x:1> . H prev <x:9> . TX . TC .", patch.ErrNotNext, head},
		{"a prev in an empty log", "", "H id <x:1> . H prev <x:0> . TX . TC .", patch.ErrNotNext, ""},
		{"the same prev twice", head, "H id <x:1> . H prev <x:0> . TX . TC . H id <x:2> . H prev <x:0> . TX . TC .",
			patch.ErrNotNext,
			"<x:1>"},
		{"known id", head, "H id <x:known> . H prev <x:0> . TX . TC .", patch.ErrNotNext, head},
		{"id seen before", head, "H id <x:1> . H prev <x:0> . TX . TC . H id <x:2> . H prev <x:1> . TX . TC . " +
			"H id <x:1> . H prev <x:2> . TX . TC .", patch.ErrNotNext, "<x:2>"},
		{"addition outside", head, "A " + spo + " .", patch.ErrNoID, head},
		{"deletion outside", head, "D " + spo + " .", patch.ErrNoID, head},
		{"prefix outside", head, "PA 'a' <x:y> .", patch.ErrNoID, head},
		{"prefix deletion outside", head, "PD 'a' .", patch.ErrNoID, head},
	} {
		log := patch.NewLog(known, rdf.Trusted(c.head))
		var n patch.Counter
		err := patch.Parse([]byte(c.doc), patch.Tee(log, &n))
		if !errors.Is(err, c.want) || log.Head() != rdf.Trusted(c.after) {
			t.Errorf("%s: %v, head %s", c.name, err, log.Head())
		}
		if c.want != nil && n.Begins != n.Commits+n.Aborts {
			t.Errorf("%s: a transaction that does not fit was handed on: %+v", c.name, n)
		}
	}
	// The head is no new id, though nobody said that it is known.
	for _, rows := range [][]row{
		{{code: "H", name: "id", value: node}, {code: "H", name: "prev", value: node}, {code: "TX"}},
		{{code: "TC"}}, {{code: "TA"}},
	} {
		if err := drive(rows, patch.NewLog(nil, node)); err == nil {
			t.Errorf("%v was taken", rows)
		}
	}
	twice := patch.NewLog(nil)
	if err := drive([]row{{code: "H", name: "id", value: node}, {code: "TX"}, {code: "TX"}}, twice); err == nil {
		t.Error("TX inside a transaction was taken")
	}
}
