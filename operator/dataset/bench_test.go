package dataset_test

import (
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

const benchRows = 50_000

// requests are documents of a thousand rows each, that replace the value and the time of sensors; about 180 bytes a row.
func requests(rows int) (list [][]byte) {
	const each = 1000
	for first := 0; first < rows; first += each {
		doc := []byte("TX .\n")
		for i := first / 4; i < (first+each)/4; i++ {
			for k, code := range []string{"D", "A"} {
				row := fmt.Sprintf("%s <http://plant.example/observation/%d>", code, i%2003)
				at, line := i/2003+k, i%17
				doc = fmt.Appendf(doc, "%s <http://www.w3.org/ns/sosa/hasSimpleResult> \"%d.%06d\"^^"+
					"<http://www.w3.org/2001/XMLSchema#decimal> <http://plant.example/line/%d> .\n", row, i%90, at, line)
				doc = fmt.Appendf(doc, "%s <http://www.w3.org/ns/sosa/resultTime> \"2026-01-01T%02d:%02d:00Z\"^^"+
					"<http://www.w3.org/2001/XMLSchema#dateTime> <http://plant.example/line/%d> .\n", row, at/60, at%60, line)
			}
		}
		list = append(list, append(doc, "TC .\n"...))
	}
	return list
}

func perRow(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

// BenchmarkSplit is what a door does with documents: it reads them and divides them by shard.
func BenchmarkSplit(b *testing.B) {
	docs := requests(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			if _, err := (dataset.Splitter{Key: dataset.Subject, Shards: 8}).Patch(doc); err != nil {
				b.Fatal(err)
			}
		}
	}
	perRow(b)
}

// BenchmarkEvaluate is what the owner of a shard does with what a door has read.
func BenchmarkEvaluate(b *testing.B) {
	docs := requests(benchRows)
	for b.Loop() {
		l := dataset.New()
		for i, doc := range docs {
			ev := eventOf(string(doc))
			ev.Checked = true
			if _, _, _, err := l.Evaluate(ev, operator.Evaluation{}, nil); err != nil {
				b.Fatal(err)
			}
			if err := l.Commit(uint64(i + 1)); err != nil {
				b.Fatal(err)
			}
		}
	}
	perRow(b)
}

// countText is an update that counts, of one of 64 subjects.
func countText(i int) []byte { return countOf(i % 64) }

// countOf is an update that counts, of a subject.
func countOf(i int) []byte {
	return fmt.Appendf(nil, "PREFIX b: <urn:bench:> DELETE { b:s%[1]d b:n ?n } INSERT { b:s%[1]d b:n ?m } WHERE { OPTIONAL { b:s%[1]d b:n ?n } "+
		"BIND(COALESCE(?n, 0) + 1 AS ?m) }", i)
}

// BenchmarkSplitUpdate reads an update at the door, and finds out whose it is.
func BenchmarkSplitUpdate(b *testing.B) {
	s := dataset.Splitter{Key: dataset.Subject, Shards: 8}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Update(countText(i), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvaluateUpdate evaluates updates at the owner, 64 in a group: of few texts, and of so many that none is kept ready.
func BenchmarkEvaluateUpdate(b *testing.B) {
	for _, subjects := range []int{64, 6_400} {
		b.Run(fmt.Sprintf("of %d texts", subjects), func(b *testing.B) { evaluateUpdates(b, subjects) })
	}
}

func evaluateUpdates(b *testing.B, subjects int) {
	b.ReportAllocs()
	l := dataset.New()
	var body []byte
	for i := 0; b.Loop(); i++ {
		ev := updating(uint64(i+1), string(countOf(i%subjects)))
		var err error
		if body, _, _, err = l.Evaluate(ev, operator.Evaluation{MaxSteps: 10_000_000, MaxBody: 128 << 20}, body); err != nil {
			b.Fatal(err)
		}
		if i%64 == 63 {
			body = body[:0]
			if err := l.Commit(uint64(i)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
