package dataset_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/shard"
)

// row is a change, with the number of its transaction.
type row struct {
	tx   int
	code string
	quad rdf.Quad
}

// recorder keeps the changes that take effect.
type recorder struct {
	tx, aborted int
	open, rows  []row
}

func (r *recorder) Header(string, rdf.Term) error            { return nil }
func (r *recorder) Begin() error                             { return r.Commit() }
func (r *recorder) Commit() error                            { r.rows = append(r.rows, r.open...); return r.end() }
func (r *recorder) Abort() error                             { r.aborted++; return r.end() }
func (r *recorder) AddPrefix(rdf.Term, string, string) error { return nil }
func (r *recorder) DeletePrefix(rdf.Term, string) error      { return nil }
func (r *recorder) Add(q rdf.Quad) error                     { return r.add("A", q) }
func (r *recorder) Delete(q rdf.Quad) error                  { return r.add("D", q) }
func (r *recorder) end() error                               { r.open = nil; r.tx++; return nil }
func (r *recorder) add(code string, q rdf.Quad) error {
	r.open = append(r.open, row{r.tx, code, q.Clone()})
	return nil
}

func read(t testing.TB, doc string) []row {
	t.Helper()
	r := &recorder{}
	if err := patch.Parse([]byte(doc), r); err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	r.Commit()
	return r.rows
}

// drawDocument makes an RDF Patch of some transactions, some of them aborted, with rows outside of any.
func drawDocument(t *rapid.T) string {
	var b strings.Builder
	rows := func() {
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			fmt.Fprintf(&b, "%s <urn:s%d> <urn:p> \"%d\" %s.\n", rapid.SampledFrom([]string{"A", "D"}).Draw(t, "code"),
				rapid.IntRange(0, 9).Draw(t, "s"), rapid.IntRange(0, 3).Draw(t, "o"),
				rapid.SampledFrom([]string{"", "<urn:g1> ", "<urn:g2> ", "_:g "}).Draw(t, "g"))
		}
	}
	for range rapid.IntRange(0, 6).Draw(t, "transactions") {
		if rapid.Bool().Draw(t, "implicit") {
			rows()
		}
		b.WriteString("TX .\n")
		rows()
		b.WriteString(rapid.SampledFrom([]string{"TC .\n", "TC .\n", "TA .\n"}).Draw(t, "end"))
	}
	return b.String()
}

func drawSplitter(t *rapid.T) dataset.Splitter {
	keys := []dataset.Key{dataset.Subject, dataset.Graph, dataset.Dataset}
	return dataset.Splitter{Key: rapid.SampledFrom(keys).Draw(t, "key"), Shards: rapid.IntRange(1, 5).Draw(t, "shards"),
		PartSize: rapid.SampledFrom([]int{0, 1, 60, 200}).Draw(t, "part size")}
}

// TestPatchParts: the parts hold what the document holds but its aborted transactions: each row once, where its key
// belongs, in order, and each transaction whole in one part.
func TestPatchParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc, s := drawDocument(t), drawSplitter(t)
		split, err := s.Patch([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		r := &recorder{}
		if err := patch.Parse([]byte(doc), r); err != nil {
			t.Fatal(err)
		}
		r.Commit()
		want, perTx := make([][]row, s.Shards), make([]map[int]int, s.Shards)
		for _, row := range r.rows {
			i := shard.Of(s.Key.Of(row.quad), s.Shards)
			want[i] = append(want[i], row)
			if perTx[i] == nil {
				perTx[i] = map[int]int{}
			}
			perTx[i][row.tx]++
		}
		if split.Rows != uint64(len(r.rows)) {
			t.Fatalf("%d rows, want %d", split.Rows, len(r.rows))
		}
		checkParts(t, s, split, want, perTx)
	})
}

func checkParts(t *rapid.T, s dataset.Splitter, split dataset.Split, want [][]row, perTx []map[int]int) {
	got := make([][]row, s.Shards)
	for _, part := range split.Parts {
		r := &recorder{}
		if err := patch.Parse(part.Payload, r, patch.RequireTransactions()); err != nil || len(part.Payload) == 0 {
			t.Fatalf("part for shard %d: %v\n%s", part.Shard, err, part.Payload)
		}
		got[part.Shard] = append(got[part.Shard], r.rows...)
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("shard %d has %d rows, want %d", i, len(got[i]), len(want[i]))
		}
		for j, row := range want[i] {
			if got[i][j].code != row.code || got[i][j].quad != row.quad {
				t.Fatalf("shard %d, row %d: %+v, want %+v", i, j, got[i][j], row)
			}
		}
	}
	whole := 0
	for _, counts := range perTx {
		whole += len(counts)
	}
	begins := 0
	for _, part := range split.Parts {
		begins += strings.Count(string(part.Payload), "TX .\n")
	}
	if begins != whole {
		t.Fatalf("%d transactions in the parts, want %d", begins, whole)
	}
}

// TestPartSize: a part ends with the transaction that fills it.
func TestPartSize(t *testing.T) {
	var doc strings.Builder
	for i := range 10 {
		fmt.Fprintf(&doc, "TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", i)
	}
	s := dataset.Splitter{Key: dataset.Subject, Shards: 3, PartSize: 60}
	split, err := s.Patch([]byte(doc.String()))
	if err != nil || len(split.Parts) != 5 || split.Rows != 10 {
		t.Errorf("%d parts, %d rows, %v", len(split.Parts), split.Rows, err)
	}
	split, err = s.Patch([]byte("H prev <urn:h> .\n" + doc.String()))
	if err != nil || len(split.Parts) != 1 || split.Prev != "urn:h" {
		t.Errorf("what is checked as a whole commits as a whole: %d parts, prev %q, %v", len(split.Parts), split.Prev, err)
	}
}

// TestDefaultPartSize: small transactions share a part, of 128 KiB unless told otherwise.
func TestDefaultPartSize(t *testing.T) {
	doc := func(size int) []byte {
		var b []byte
		for len(b) < size {
			b = append(b, "TX .\nA <urn:s> <urn:p> \"012345678901234567890123456789\" .\nTC .\n"...)
		}
		return b
	}
	for size, want := range map[int]int{1000: 1, 127 << 10: 1, 130 << 10: 2} {
		split, err := dataset.Splitter{Key: dataset.Subject, Shards: 1}.Patch(doc(size))
		if err != nil || len(split.Parts) != want {
			t.Errorf("%d bytes: %d parts, %v; want %d", size, len(split.Parts), err, want)
		}
	}
}

// TestPrev guards the whole document, wherever it stands, and is one only.
func TestPrev(t *testing.T) {
	var doc strings.Builder
	for i := range 10 {
		fmt.Fprintf(&doc, "TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", i)
	}
	s := dataset.Splitter{Key: dataset.Dataset, Shards: 3, PartSize: 60, MaxTransaction: 1000}
	rows, last := doc.String(), "TX .\nA <urn:s> <urn:p> \"last\" .\nTC .\n"
	for name, test := range map[string]struct{ text, prev string }{
		"between":        {rows + "H prev <urn:h> .\n" + last, "urn:h"},
		"at the end":     {rows + last + "H prev <urn:h> .\n", "urn:h"},
		"twice the same": {"H prev <urn:h> .\n" + rows + "H PREVIOUS \"urn:h\" .\n" + last, "urn:h"},
		"empty":          {rows + "H prev \"\" .\n" + last, ""},
	} {
		split, err := s.Patch([]byte(test.text))
		if err != nil || len(split.Parts) != 1 || !split.HasPrev || split.Prev != test.prev || split.Rows != 11 ||
			string(split.Parts[0].Payload) != rows+last {
			t.Errorf("%s: %+v, %v", name, split, err)
		}
	}
	if split, err := s.Patch([]byte("H prev <urn:h> .\nTX .\nA <urn:s> <urn:p> \"1\" .\nTA .\n")); err != nil ||
		len(split.Parts) != 1 || string(split.Parts[0].Payload) != "TX .\nTC .\n" || split.Rows != 0 {
		t.Errorf("without rows: %+v, %v", split, err)
	}
	if split, err := s.Patch([]byte(rows)); err != nil || split.HasPrev || len(split.Parts) < 2 {
		t.Errorf("without: %+v, %v", split, err)
	}
	for _, second := range []string{"<urn:other>", `""`} {
		var syntax *rdf.SyntaxError
		_, err := s.Patch([]byte("H prev <urn:h> .\n" + rows + "H prev " + second + " .\n" + last))
		if !errors.As(err, &syntax) || syntax.Line != 32 || !strings.Contains(syntax.Msg, "expected one prev") {
			t.Errorf("two of them: %v", err)
		}
	}
	s.MaxTransaction = 200
	var large *dataset.TransactionTooLargeError
	if _, err := s.Patch([]byte(rows + "H prev <urn:h> .\n")); !errors.As(err, &large) || !large.Guarded ||
		!strings.Contains(err.Error(), "more than 200 bytes") {
		t.Errorf("a document that is too large to commit as one: %v", err)
	}
}

func TestLimits(t *testing.T) {
	s := dataset.Splitter{Key: dataset.Subject, Shards: 1, MaxTransaction: 100}
	_, err := s.Patch([]byte("TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\nTX .\nA <urn:s> <urn:p> \"2\" .\nTC .\n" +
		"TX .\nA <urn:s> <urn:p> \"3\" .\nTC .\nTX .\nA <urn:s> <urn:p> \"4\" .\nTC .\n"))
	if err != nil {
		t.Errorf("small transactions: %v", err)
	}
	_, err = s.Patch([]byte("A <urn:s> <urn:p> \"" + strings.Repeat("x", 80) + "\" .\n"))
	var large *dataset.TransactionTooLargeError
	if !errors.As(err, &large) || *large != (dataset.TransactionTooLargeError{Shard: 0, Limit: 100}) ||
		err.Error() != "a transaction has more than 100 bytes for shard 0; split it into smaller ones" {
		t.Errorf("%v", err)
	}
	guarded := []byte("H prev <urn:h> .\nTX .\nA <urn:s> <urn:p> \"1\" .\nTC .\nTX .\nA <urn:s> <urn:p> \"2\" .\nTC .\n")
	whole, err := dataset.Splitter{Key: dataset.Subject, Shards: 1}.Patch(guarded)
	if err != nil || len(whole.Parts) != 1 {
		t.Fatalf("%+v, %v", whole, err)
	}
	for more, tooLarge := range []bool{1: false, 0: true} {
		limit := len(whole.Parts[0].Payload) - 1 + more
		_, err := dataset.Splitter{Key: dataset.Subject, Shards: 1, MaxTransaction: limit}.Patch(guarded)
		if errors.As(err, &large) != tooLarge || tooLarge && *large != (dataset.TransactionTooLargeError{Limit: limit, Guarded: true}) {
			t.Errorf("guarded, %d bytes of %d: %v", limit+1-more, limit, err)
		}
	}
	one := []byte("TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n")
	for limit, tooLarge := range map[int]bool{len(one) - len("TC .\n"): false, len(one) - len("TC .\n") - 1: true} {
		_, err := dataset.Splitter{Key: dataset.Subject, Shards: 1, MaxTransaction: limit}.Patch(one)
		if errors.As(err, &large) != tooLarge {
			t.Errorf("at most %d bytes: %v", limit, err)
		}
	}
	var syntax *nquads.SyntaxError
	if _, err = s.Patch([]byte("TX .\nA <urn:s> .\n")); !errors.As(err, &syntax) || syntax.Line != 2 {
		t.Errorf("%v", err)
	}
}

// TestQuads: blank nodes get labels from the document's scope: the same again for a retry, others for another document.
func TestQuads(t *testing.T) {
	s := dataset.Splitter{Key: dataset.Subject, Shards: 4}
	doc := []byte("_:a <urn:p> _:b .\n_:b <urn:p> <urn:o> <urn:g> .\n<urn:s> <urn:p> _:a .\n")
	text := func(scope string) string {
		split, err := s.Quads(doc, scope)
		if err != nil || split.Rows != 3 {
			t.Fatal(split.Rows, err)
		}
		var all []string
		for _, part := range split.Parts {
			for _, r := range read(t, string(part.Payload)) {
				all = append(all, r.code+" "+r.quad.String())
			}
		}
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	if again := text("k1"); text("k1") != again || again == text("k2") {
		t.Errorf("scope k1:\n%s\nscope k2:\n%s", text("k1"), text("k2"))
	}
	labels := map[string]bool{}
	for word := range strings.FieldsSeq(text("k1")) {
		if strings.HasPrefix(word, "_:") {
			labels[word] = true
		}
	}
	if len(labels) != 2 {
		t.Errorf("labels %v", slices.Sorted(maps.Keys(labels)))
	}
	if _, err := s.Quads([]byte("<urn:s> <urn:p> <urn:o> <urn:g> .\n"), "k", nquads.Triples()); err == nil {
		t.Error("a quad in N-Triples was taken")
	}
}

// TestChange: quads in one transaction, one part for each shard however large.
func TestChange(t *testing.T) {
	var quads []rdf.Quad
	want := map[int]int{}
	for i := range 200 {
		q := rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<urn:s%d>", i)), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted(`"o"`)}
		quads = append(quads, q)
		want[shard.Of(fmt.Sprintf("urn:s%d", i), 3)]++
	}
	split, err := dataset.Splitter{Key: dataset.Subject, Shards: 3, PartSize: 50}.Change(nil, slices.Values(quads))
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]int{}
	for _, part := range split.Parts {
		got[part.Shard] += len(read(t, string(part.Payload)))
	}
	if diff := cmp.Diff(want, got); diff != "" || len(split.Parts) != 3 || split.Rows != 200 {
		t.Errorf("%d parts, %d rows, %s", len(split.Parts), split.Rows, diff)
	}
	if _, err := (dataset.Splitter{Key: dataset.Subject, Shards: 3, MaxTransaction: 500}).Change(slices.Values(quads), nil); err == nil {
		t.Error("the bound was not kept")
	}
}

// TestChangeOrder: what is deleted comes before what is added, in the one transaction.
func TestChangeOrder(t *testing.T) {
	q := rdf.Quad{S: rdf.Trusted("<urn:s>"), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted(`"1"`)}
	other := q
	other.O = rdf.Trusted(`"2"`)
	split, err := dataset.Splitter{Key: dataset.Subject, Shards: 3}.Change(slices.Values([]rdf.Quad{q}), slices.Values([]rdf.Quad{other}))
	const want = "TX .\nD <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"2\" .\nTC .\n"
	if err != nil || len(split.Parts) != 1 || string(split.Parts[0].Payload) != want || split.Rows != 2 {
		t.Errorf("%+v, %v", split.Parts, err)
	}
	if split, err = (dataset.Splitter{Key: dataset.Subject, Shards: 3}).Change(nil, nil); err != nil || len(split.Parts) != 0 {
		t.Errorf("nothing: %+v, %v", split.Parts, err)
	}
}

func TestKeys(t *testing.T) {
	q := rdf.Quad{S: rdf.Trusted("<urn:s>"), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted("<urn:o>")}
	q.G = rdf.Trusted("<urn:g>")
	if dataset.Subject.Of(q) != "urn:s" || dataset.Graph.Of(q) != "urn:g" || dataset.Dataset.Of(q) != "" {
		t.Errorf("%q, %q, %q", dataset.Subject.Of(q), dataset.Graph.Of(q), dataset.Dataset.Of(q))
	}
	q.G = rdf.Term{}
	if dataset.Graph.Of(q) != "" || dataset.Key("object").Valid() || !dataset.Graph.Valid() {
		t.Error("the default graph has a key, or there is a key too many")
	}
}
