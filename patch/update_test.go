package patch_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// updates writes a patch as SPARQL Update and returns the requests.
func updates(c func(patch.Change) error, blank patch.BlankPolicy, opts ...patch.UpdateOption) (requests []string,
	err error) {
	w := patch.NewUpdateWriter(func(request []byte) error { requests = append(requests, string(request)); return nil },
		blank, opts...)
	if err := c(w); err != nil {
		return requests, err
	}
	return requests, w.Flush()
}

func parsing(doc string) func(patch.Change) error {
	return func(c patch.Change) error { return patch.Parse([]byte(doc), c) }
}

func TestUpdate(t *testing.T) {
	one := func(operation string, rows ...string) string {
		return operation + " DATA {\n  " + strings.Join(rows, "\n  ") + "\n} ;\n"
	}
	const a, b, c = "<x:1> <x:p> \"a\\\"\\n\"@en .", "GRAPH <x:g> { <x:2> <x:p> <x:o> . }", "<x:3> <x:p> <x:o> ."
	const rowA, rowB, rowC = "<x:1> <x:p> 'a\"\\n'@en .", "<x:2> <x:p> <x:o> <x:g> .", c
	for _, u := range []struct{ name, doc, want string }{
		{"nothing", "", ""},
		{"empty transaction", "H id <x:1> . TX . PA 'a' <x:y> . PD 'a' . TC .", ""},
		{"deletions first", "TX . A " + rowA + " D " + rowB + " A " + rowC + " TC .", one("DELETE", b) + one("INSERT", a,
			c)},
		{"the last row counts", "TX . A " + rowA + " D " + rowA + " D " + rowB + " A " + rowB + " TC .",
			one("DELETE", a) + one("INSERT", b)},
		{"transactions keep their order", "TX . A " + rowA + " TC . TX . D " + rowA + " TC . TX . A " + rowA + " TC .",
			one("INSERT", a) + one("DELETE", a) + one("INSERT", a)},
		{"operations of one kind are one", "TX . D " + rowA + " A " + rowB + " TC . TX . A " + rowC + " TC .",
			one("DELETE", a) + one("INSERT", b, c)},
		{"aborted", "TX . A " + rowA + " TA . TX . A " + rowB + " TC .", one("INSERT", b)},
		{"rows outside", "A " + rowA + " D " + rowB + " TX . A " + rowB + " D " + rowC + " TC . A " + rowC,
			one("DELETE", b) + one("INSERT", a) + one("DELETE", c) + one("INSERT", b, c)},
	} {
		got, err := updates(parsing(u.doc), patch.RefuseBlanks)
		if err != nil || strings.Join(got, "") != u.want || len(got) > 1 {
			t.Errorf("%s: %v\n got %q\nwant %q", u.name, err, got, u.want)
		}
	}
}

func TestUpdateBlanks(t *testing.T) {
	for _, row := range []string{"_:b <x:p> <x:o>", "<x:s> <x:p> _:b", spo + " _:b",
		"<x:s> <x:p> <<( _:b <x:p> <x:o> )>>",
		"<x:s> <x:p> <<( <x:s> <x:p> <<( <x:s> <x:p> _:b )>> )>>"} {
		for _, code := range []string{"A ", "D "} {
			requests, err := updates(parsing(code+row+" ."), patch.RefuseBlanks)
			if !errors.Is(err, patch.ErrBlankNode) || len(requests) > 0 {
				t.Errorf("%s: %v, %q", row, err, requests)
			}
			requests, err = updates(parsing(code+row+" ."), patch.Skolemise("urn:x:"))
			if err != nil || len(requests) != 1 || strings.Contains(requests[0], "_:") || !strings.Contains(requests[0],
				"<urn:x:b>") {
				t.Errorf("%s: %v, %q", row, err, requests)
			}
		}
	}
	if _, err := updates(parsing("A _:b <x:p> 1 ."), patch.Skolemise("no IRI")); !errors.Is(err, rdf.ErrInvalid) {
		t.Errorf("prefix that is no IRI: %v", err)
	}
}

// Requests are within their bound. A transaction is divided only if it does not fit into one.
func TestUpdateRequests(t *testing.T) {
	doc := func(rows int) string {
		var b strings.Builder
		b.WriteString("TX .\n")
		for i := range rows {
			fmt.Fprintf(&b, "%s <x:%d> <x:p> \"%d\" .\n", []string{"A", "D"}[i%2], i, i)
		}
		return b.String() + "TC .\n"
	}
	for _, c := range []struct {
		max  int
		docs []string
		want int
	}{
		{2000, []string{doc(10), doc(12)}, 1}, {400, []string{doc(10), doc(12)}, 2}, {400, []string{doc(4), doc(4),
			doc(100)}, 7},
	} {
		requests, err := updates(parsing(strings.Join(c.docs, "")), patch.RefuseBlanks, patch.MaxRequest(c.max))
		if err != nil || len(requests) != c.want {
			t.Errorf("%d bytes: %v, %d requests, expected %d: %q", c.max, err, len(requests), c.want, requests)
		}
		for _, request := range requests {
			if len(request) > c.max {
				t.Errorf("request of %d bytes, at most %d are allowed", len(request), c.max)
			}
		}
	}
	// The second transaction would begin in the first request, but as a whole it fits into the second one only.
	both, err := updates(parsing(doc(10)+doc(12)), patch.RefuseBlanks, patch.MaxRequest(400))
	second, err2 := updates(parsing(doc(12)), patch.RefuseBlanks)
	if err := errors.Join(err, err2); err != nil || len(both) != 2 || both[1] != second[0] {
		t.Errorf("%v: %q, expected the second one to be %q", err, both, second)
	}
	const row = "INSERT DATA {\n  " + spo + " .\n} ;\n"
	if got, err := updates(parsing("A "+spo+" ."), patch.RefuseBlanks, patch.MaxRequest(len(row))); err != nil ||
		got[0] != row {
		t.Errorf("row that fits: %v, %q", err, got)
	}
	if _, err := updates(parsing("A "+spo+" ."), patch.RefuseBlanks, patch.MaxRequest(len(row)-1)); !errors.Is(err,
		rdf.ErrLimit) {
		t.Errorf("row that does not fit: %v", err)
	}
	if _, err := updates(parsing(doc(20)), patch.RefuseBlanks, patch.MaxTransaction(100)); !errors.Is(err,
		patch.ErrTransactionSize) {
		t.Errorf("transaction over the bound: %v", err)
	}
	outside := strings.NewReplacer("TX .\n", "", "TC .\n", "").Replace(doc(20))
	if requests, err := updates(parsing(outside), patch.RefuseBlanks, patch.MaxTransaction(100)); err != nil ||
		len(requests) != 1 {
		t.Errorf("rows outside a transaction: %v, %q", err, requests)
	}
}

// An error stays, and comes back as it is.
func TestUpdateForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, doc := range []string{"A " + spo + " .", "TX . A " + spo + " . TC .",
		strings.Repeat("A "+spo+" . D "+spo+" <x:g> . TX . TC . ", 9)} {
		w := patch.NewUpdateWriter(func([]byte) error { return broken }, patch.RefuseBlanks, patch.MaxRequest(100))
		if err := errors.Join(patch.Parse([]byte(doc), w), w.Flush()); !errors.Is(err, broken) {
			t.Errorf("%q: %v", doc, err)
		}
		for _, c := range eachRow {
			if err := drive([]row{c.row}, w); err != broken {
				t.Errorf("%s after an error: %v", c.row.code, err)
			}
		}
	}
}

// The requests, run one after the other, change a dataset to what the rows do, however small they are.
func TestUpdateProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, rows := sets.Draw(t, "dataset"), transactions.Draw(t, "rows")
		max := rapid.IntRange(80, 300).Draw(t, "bytes of a request")
		keep := func(b rdf.Term) (rdf.Term, error) { return b, nil }
		requests, err := updates(rowSource(rows).Run, keep, patch.MaxRequest(max))
		if err != nil {
			t.Fatal(err)
		}
		got := maps.Clone(before)
		for _, request := range requests {
			if len(request) > max {
				t.Fatalf("%d bytes of %d: %q", len(request), max, request)
			}
			run(t, request, got)
		}
		if want := applied(before, rows); !maps.Equal(got, want) {
			t.Fatalf("before %v\nrows %v\nrequests %q\n got %v\nwant %v", before, rows, requests, got, want)
		}
	})
}

// run runs the operations of a request on a dataset.
func run(t *rapid.T, request string, s set) {
	for operation := range strings.SplitSeq(strings.TrimSuffix(request, "} ;\n"), "} ;\n") {
		kind, data, ok := strings.Cut(operation, " DATA {\n")
		if !ok || kind != "INSERT" && kind != "DELETE" {
			t.Fatalf("operation %q of %q", operation, request)
		}
		for line := range strings.Lines(data) {
			if rest, ok := strings.CutPrefix(line, "  GRAPH "); ok {
				graph, triple, _ := strings.Cut(rest, " { ")
				line = strings.TrimSuffix(triple, ". }\n") + graph + " .\n"
			}
			err := nquads.Parse([]byte(line), func(q rdf.Quad) error {
				if kind == "INSERT" {
					s.Add(q)
				} else {
					s.Delete(q)
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%q: %v", request, err)
			}
		}
	}
}
