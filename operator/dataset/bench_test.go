package dataset_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// requests are documents of a thousand rows each, as `quadrille bench ingest` sends them.
func requests(changes int) (list [][]byte, rows int) {
	sender := factory.New(changes).Sender(0, 1, 1000)
	for {
		body, n := sender.Next(nil)
		if n == 0 {
			return list, rows
		}
		list, rows = append(list, body), rows+n
	}
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

// BenchmarkSplit is what a door does with documents: it reads them and divides them by shard.
func BenchmarkSplit(b *testing.B) {
	docs, rows := requests(50_000)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			if _, err := (dataset.Splitter{Key: dataset.Subject, Shards: 8}).Patch(doc); err != nil {
				b.Fatal(err)
			}
		}
	}
	perRow(b, rows)
}

// BenchmarkEvaluate is what the owner of a shard does with what a door has read.
func BenchmarkEvaluate(b *testing.B) {
	docs, rows := requests(50_000)
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
	perRow(b, rows)
}
