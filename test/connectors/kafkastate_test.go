package connectors

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestKafkaState runs the example with states: a pipeline that has changes already writes the state of each subject into a compacted
// topic, while it is ended and started again, and the broker is killed; and a copy reads that. In the end the newest record of each
// subject is what the pipeline has, what is gone has a tombstone, and the copy is the same.
func TestKafkaState(t *testing.T) {
	const keys, rounds = 20, 20
	k := startKafka(t, "changes")
	compact, often := "compact", "0.01"
	ctx, cancel := context.WithTimeout(t.Context(), 2*kafkaPatience) // four nodes and two brokers are started
	defer cancel()
	if _, err := k.admin.CreateTopic(ctx, 4, 1, map[string]*string{"cleanup.policy": &compact, "min.cleanable.dirty.ratio": &often},
		"states"); err != nil {
		t.Fatal(err)
	}
	text := k.example(t, "kafka-state/quadrille.yaml")
	before, _, _ := strings.Cut(text, "sinks:")
	n := runNode(t, before+text[strings.Index(text, "node:"):])
	graphs := []string{"", " <urn:g>"}
	var want []string
	for round := range rounds {
		want = want[:0]
		for key := range keys {
			var body strings.Builder
			for i, g := range graphs {
				if round > 0 {
					fmt.Fprintf(&body, "D <urn:k%d> <urn:p%d> \"%d\"%s .\n", key, i, round-1, g)
				}
				if row := fmt.Sprintf("<urn:k%d> <urn:p%d> \"%d\"%s .", key, i, round, g); key%2 == 0 || round < rounds-1 { // else gone
					want = append(want, row)
					body.WriteString("A " + row + "\n")
				}
			}
			k.send(ctx, t, strconv.Itoa(key), "TX .\n"+body.String()+"TC .\n")
		}
		switch round {
		case 3, 9:
			n.isSoon(ctx, sorted(slices.Clone(want)))
			n.end()
			n = runNode(t, text)
		case 12:
			k.Kill()
			k.Restart(t)
		}
	}
	sorted(want)
	n.isSoon(ctx, want)
	copied := runNode(t, k.example(t, "kafka-state/copy.yaml"))
	for { // the sink may be behind
		states, rows := k.states(t)
		if slices.Equal(rows, want) && len(states) == keys && states["urn:k1"] == "" {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the topic has\n%s\nwant\n%s\nand %d keys, not %d\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"), len(states), keys,
				n.logs)
		}
	}
	copied.isSoon(ctx, sorted(append(want, k.lastStates(ctx, t, 4)...)))
}

// states are the newest records of the topic, by key, and all their rows; a tombstone is "".
func (k *kafkaPeer) states(t *testing.T) (states map[string]string, rows []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafkaPatience)
	defer cancel()
	states = map[string]string{}
	for _, r := range k.committed(ctx, t, "states") {
		states[string(r.Key)] = string(r.Value)
	}
	for _, value := range states {
		if value != "" {
			rows = append(rows, strings.Split(strings.TrimSpace(value), "\n")...)
		}
	}
	return states, sorted(rows)
}

// lastStates puts a record behind the others of each partition, and returns the rows in them: who has these has read the others.
func (k *kafkaPeer) lastStates(ctx context.Context, t *testing.T, partitions int32) (rows []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Address(0)), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for p := range partitions {
		row := fmt.Sprintf("<urn:last%d> <urn:p> \"\" .", p)
		record := &kgo.Record{Topic: "states", Partition: p, Key: fmt.Appendf(nil, "urn:last%d", p), Value: []byte(row)}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// isSoon waits until the node has the quads.
func (n *runningNode) isSoon(ctx context.Context, want []string) {
	n.t.Helper()
	for {
		got := n.quads()
		if slices.Equal(got, want) {
			return
		}
		if ctx.Err() != nil {
			n.t.Fatalf("the node has\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), n.logs)
		}
	}
}
