package connectors

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkKafka measures changes that come from Kafka and go to Kafka exactly once, through one node, while the broker shares
// the machine; and, as the broker's own limit in the same run, a client that copies the same topic with the same transactions
// and does nothing else. The longest time in which nothing came is told, with what the node says. Run it with -benchtime 1x: an
// operation is a million changes.
func BenchmarkKafka(b *testing.B) {
	const messages, rows = 10_000, 100
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	for range b.N {
		b.StopTimer()
		k := startKafka(b, "changes", "deltas", "copy")
		k.fill(ctx, b, messages, rows)
		b.StartTimer()
		begin := time.Now()
		n := runNode(b, strings.Replace(k.example(b, "kafka/quadrille.yaml"), "record: subject", "record: delta", 1))
		changes, last, waited := 0, begin, time.Duration(0)
		k.read(ctx, b, "deltas", func(record *kgo.Record) bool {
			waited, last = max(waited, time.Since(last)), time.Now()
			changes += strings.Count(string(record.Value), "\nA ")
			return changes < messages*rows
		})
		ours := float64(messages*rows) / time.Since(begin).Seconds()
		b.StopTimer()
		begin = time.Now()
		k.copy(ctx, b, messages)
		limit := float64(messages*rows) / time.Since(begin).Seconds()
		b.ReportMetric(ours, "changes/s")
		b.ReportMetric(waited.Seconds(), "waited-s")
		if logs := n.logs.String(); logs != "" {
			b.Log(logs) // why it waited
		}
		b.ReportMetric(limit, "copied/s")
		b.ReportMetric(ours/limit, "ratio")
	}
}

// fill sends messages of so many additions each.
func (k *kafkaPeer) fill(ctx context.Context, b *testing.B, messages, rows int) {
	b.Helper()
	first := kgo.AbortingFirstErrPromise(k.Client)
	for m := range messages {
		var body strings.Builder
		body.WriteString("TX .\n")
		for r := range rows {
			fmt.Fprintf(&body, "A <http://example.org/sensor/%d> <http://example.org/value> \"%d.%d\" .\n", r, m, r)
		}
		body.WriteString("TC .\n")
		k.Produce(ctx, &kgo.Record{Topic: "changes", Key: fmt.Append(nil, m%64), Value: []byte(body.String())}, first.Promise())
	}
	if err := first.Err(); err != nil {
		b.Fatal(err)
	}
}

// copy copies so many messages in transactions of 1 MiB.
func (k *kafkaPeer) copy(ctx context.Context, b *testing.B, messages int) {
	b.Helper()
	to, err := kgo.NewClient(kgo.SeedBrokers(k.Address(0)), kgo.TransactionalID("copy"))
	if err != nil {
		b.Fatal(err)
	}
	defer to.Close()
	size, copied := 0, 0
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(to.BeginTransaction())
	k.read(ctx, b, "changes", func(record *kgo.Record) bool {
		to.Produce(ctx, &kgo.Record{Topic: "copy", Key: record.Key, Value: record.Value}, nil)
		size, copied = size+len(record.Value), copied+1
		if size < 1<<20 && copied < messages {
			return true
		}
		size = 0
		must(to.Flush(ctx))
		must(to.EndTransaction(ctx, kgo.TryCommit))
		must(to.BeginTransaction())
		return copied < messages
	})
}
