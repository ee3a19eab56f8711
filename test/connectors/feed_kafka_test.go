package connectors

import (
	"context"
	"fmt"
	"testing"
)

// kafkaFeed sends RDF Patch with deletes through the partitions of a topic.
type kafkaFeed struct{ *kafkaPeer }

const kafkaKeys = 20

func (f kafkaFeed) sources() (sources, mappings string) {
	return fmt.Sprintf("  - {name: changes, type: kafka, brokers: '%s', tls: false, topics: changes}\n", f.Address(0)), ""
}

func (f kafkaFeed) send(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	before := f.quads(round - 1)
	for key, row := range f.quads(round) {
		body := "A " + row + "\n"
		if round > 0 {
			body = "D " + before[key] + "\n" + body
		}
		f.kafkaPeer.send(ctx, t, fmt.Sprint(key), body)
	}
}

func (f kafkaFeed) quads(round int) []string {
	return keyed("kafka:", kafkaKeys, fmt.Sprintf(`"%d"`, round))
}

func (f kafkaFeed) kill(t *testing.T) {
	t.Helper()
	f.Kill()
	f.Restart(t)
}
