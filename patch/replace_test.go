package patch_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// quadSet is a dataset that is a map.
type quadSet map[rdf.Quad]bool

func (s quadSet) Add(q rdf.Quad) (bool, error) {
	was := s[q]
	s[q.Clone()] = true
	return !was, nil
}

func (s quadSet) Delete(q rdf.Quad) (bool, error) {
	was := s[q]
	delete(s, q)
	return was, nil
}

// Match yields in order, so that what is written is the same each time.
func (s quadSet) Match(sub, p, g rdf.Term, fn func(rdf.Quad)) error {
	for _, q := range slices.SortedFunc(maps.Keys(s), rdf.Quad.Compare) {
		if (sub == patch.Any || q.S == sub) && (p == patch.Any || q.P == p) && (g == patch.Any || q.G == g) {
			fn(q)
		}
	}
	return nil
}

// replaced is what a document with wildcards makes of a state.
func replaced(state quadSet, document string) (string, error) {
	var out strings.Builder
	w := patch.NewWriter(&out)
	err := patch.Parse([]byte(document), patch.Replace(state, patch.Effective(state, w)))
	err = cmp.Or(err, w.Flush())
	return out.String(), err
}

func TestReplace(t *testing.T) {
	const any = "<urn:quadrille:any>"
	for _, test := range []struct{ name, document, want string }{
		{"predicate", "TX .\nD <s> <p> " + any + " .\nA <s> <p> \"3\" .\nTC .\n",
			"TX .\nD <s> <p> \"1\" .\nD <s> <p> \"2\" .\nA <s> <p> \"3\" .\nTC .\n"},
		{"unchanged", "TX .\nD <s> <p> " + any + " .\nA <s> <p> \"1\" .\nA <s> <p> \"2\" .\nTC .\n", "TX .\nTC .\n"},
		{"one of two", "TX .\nA <s> <p> \"1\" .\nD <s> <p> " + any + " .\nTC .\n", "TX .\nD <s> <p> \"2\" .\nTC .\n"},
		{"subject", "TX .\nD <s> " + any + " " + any + " .\nA <s> <q> \"1\" .\nTC .\n",
			"TX .\nD <s> <p> \"1\" .\nD <s> <p> \"2\" .\nTC .\n"},
		{"graph", "TX .\nD <s> <p> " + any + " <g> .\nTC .\n", "TX .\nD <s> <p> \"1\" <g> .\nTC .\n"},
		{"all graphs", "TX .\nD <s> " + any + " " + any + " " + any + " .\nA <s> <q> \"1\" .\nA <s> <p> \"1\" <o> .\nTC .\n",
			"TX .\nD <s> <p> \"1\" .\nD <s> <p> \"2\" .\nD <s> <p> \"1\" <g> .\nA <s> <p> \"1\" <o> .\nTC .\n"},
		{"all of the default graph", "TX .\nD " + any + " " + any + " " + any + " .\nA <s> <p> \"2\" .\nA <n> <p> \"2\" .\nTC .\n",
			"TX .\nD <o> <p> \"1\" .\nD <s> <p> \"1\" .\nD <s> <q> \"1\" .\nA <n> <p> \"2\" .\nTC .\n"},
		{"all of a graph", "TX .\nD " + any + " " + any + " " + any + " <g> .\nTC .\n", "TX .\nD <s> <p> \"1\" <g> .\nTC .\n"},
		{"nothing there", "TX .\nD <t> <p> " + any + " .\nTC .\n", "TX .\nTC .\n"},
		{"last row counts", "TX .\nD <s> <p> \"1\" .\nA <s> <p> \"1\" .\nA <s> <n> \"1\" .\nD <s> <n> \"1\" .\nTC .\n", "TX .\nTC .\n"},
		{"each transaction by itself", "TX .\nD <s> <p> " + any + " .\nA <s> <p> \"3\" .\nTC .\nTX .\nD <s> <p> " + any +
			" .\nA <s> <p> \"4\" .\nTC .\n", "TX .\nD <s> <p> \"1\" .\nD <s> <p> \"2\" .\nA <s> <p> \"3\" .\nTC .\nTX .\n" +
			"D <s> <p> \"3\" .\nA <s> <p> \"4\" .\nTC .\n"},
		{"aborted", "TX .\nD <s> <p> " + any + " .\nA <s> <x> \"1\" .\nTA .\nTX .\nA <s> <y> \"1\" .\nTC .\n",
			"TX .\nTA .\nTX .\nA <s> <y> \"1\" .\nTC .\n"},
		{"outside", "A <s> <p> \"1\" .\nD <s> <p> \"1\" .\n", "D <s> <p> \"1\" .\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := quadSet{}
			const before = "A <s> <p> \"1\" .\nA <s> <p> \"2\" .\nA <s> <q> \"1\" .\nA <s> <p> \"1\" <g> .\nA <o> <p> \"1\" .\n"
			if err := patch.Parse([]byte(absolute(before)), patch.Effective(state, patch.Ignore{})); err != nil {
				t.Fatal(err)
			}
			got, err := replaced(state, absolute(test.document))
			if err != nil || got != absolute(test.want) {
				t.Errorf("%v\n%s\nexpected\n%s", err, got, absolute(test.want))
			}
		})
	}
}

// absolute makes IRIs of names of one letter.
func absolute(text string) string {
	for _, name := range "spqgotnxy" {
		text = strings.ReplaceAll(text, fmt.Sprintf("<%c>", name), fmt.Sprintf("<urn:%c>", name))
	}
	return text
}

func TestWildcardOutOfPlace(t *testing.T) {
	for _, row := range []string{
		"TX .\nA <s> <p> * .\nTC .\n", "TX .\nA <s> * <o> .\nTC .\n", "TX .\nA * <p> <o> .\nTC .\n", "TX .\nA <s> <p> <o> * .\nTC .\n",
		"TX .\nD * <p> * .\nTC .\n", "TX .\nD <s> * <o> .\nTC .\n", "TX .\nD <s> <p> * * .\nTC .\n", "D <s> <p> * .\n",
		"TX .\nD <s> <p> <o> * .\nTC .\n", "TX .\nD * * * * .\nTC .\n", "D <s> * * * .\n", "D * * * .\n", "TX .\nD * <p> * <g> .\nTC .\n", "TX .\nD * * <o> <g> .\nTC .\n", "TX .\nA <s> * * * .\nTC .\n",
	} {
		document := strings.ReplaceAll(absolute(row), "*", "<urn:quadrille:any>")
		if out, err := replaced(quadSet{}, document); !errors.Is(err, patch.ErrWildcard) {
			t.Errorf("%s: %v, %s", row, err, out)
		}
	}
}

// unreadable is a state that can't be read.
type unreadable struct{ quadSet }

var errUnread = errors.New("can't be read")

func (unreadable) Match(rdf.Term, rdf.Term, rdf.Term, func(rdf.Quad)) error { return errUnread }

func TestReplaceFails(t *testing.T) {
	row := absolute("TX .\nD <s> <p> <urn:quadrille:any> .\nTC .\n")
	if err := patch.Parse([]byte(row), patch.Replace(unreadable{}, patch.Ignore{})); !errors.Is(err, errUnread) {
		t.Error(err)
	}
}

// TestReplaceIsExact: whatever the state and the rows, the result is what was there without what the wildcards match and the rows
// delete, and with what they add; and the delta has no quad twice, so that none goes out and comes in.
func TestReplaceIsExact(t *testing.T) {
	terms := func(names string) *rapid.Generator[rdf.Term] {
		return rapid.Custom(func(t *rapid.T) rdf.Term {
			return rdf.Trusted("<urn:" + string(names[rapid.IntRange(0, len(names)-1).Draw(t, "n")]) + ">")
		})
	}
	quad := rapid.Custom(func(t *rapid.T) rdf.Quad {
		q := rdf.Quad{S: terms("st").Draw(t, "s"), P: terms("pq").Draw(t, "p"), O: terms("123").Draw(t, "o")}
		if rapid.Bool().Draw(t, "named") {
			q.G = rdf.Trusted("<urn:g>")
		}
		return q
	})
	rapid.Check(t, func(t *rapid.T) {
		state := quadSet{}
		for _, q := range rapid.SliceOfN(quad, 0, 20).Draw(t, "before") {
			state[q] = true
		}
		want := maps.Clone(state)
		var document []byte
		document = patch.AppendBegin(document)
		for _, q := range rapid.SliceOfN(quad, 0, 4).Draw(t, "wildcards") {
			q.O = patch.Any
			if rapid.Bool().Draw(t, "whole") {
				q.P = patch.Any
				switch rapid.IntRange(0, 2).Draw(t, "all graphs, or subjects") {
				case 0:
					q.G = patch.Any
				case 1:
					q.S = patch.Any
				}
			}
			document = patch.AppendDelete(document, q)
			_ = want.Match(q.S, q.P, q.G, func(q rdf.Quad) { delete(want, q) })
		}
		for _, q := range rapid.SliceOfN(quad, 0, 8).Draw(t, "rows") {
			if rapid.Bool().Draw(t, "add") {
				document, want[q] = patch.AppendAdd(document, q), true
			} else {
				document = patch.AppendDelete(document, q)
				delete(want, q)
			}
		}
		document = patch.AppendCommit(document)
		delta, err := replaced(state, string(document))
		if err != nil || !maps.Equal(state, want) {
			t.Fatalf("%v, %v, expected %v", err, state, want)
		}
		seen := map[rdf.Quad]bool{}
		for row, err := range patch.Rows([]byte(delta)) {
			if err != nil || seen[row.Quad] {
				t.Fatalf("%v, twice in\n%s", err, delta)
			}
			seen[row.Quad] = true
		}
		again, err := replaced(state, string(document))
		if err != nil || again != "TX .\nTC .\n" {
			t.Fatalf("a second time: %v\n%s", err, again)
		}
	})
}
