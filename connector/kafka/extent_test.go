package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
)

// TestExtents: what the brokers have of each partition that is read is told, from the first message that they still have.
func TestExtents(t *testing.T) {
	_, b := fake(t)
	topic := b.topic(t, 2)
	b.send(t, topic, 0, "a", "b", "c")
	b.send(t, topic, 1, "d")
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 1})
	if _, err := b.admin.DeleteRecords(within(t), offsets); err != nil {
		t.Fatal(err)
	}
	r := read(t, b.config(topic), &conntest.Progress{})
	defer r.close()
	r.next(3)
	extents, err := r.Reader.(connector.Lagger).Extents(within(t))
	if err != nil || len(extents) != 2 {
		t.Fatalf("%+v, %v", extents, err)
	}
	found := map[connector.Extent]bool{}
	for _, e := range extents {
		found[connector.Extent{First: e.First, End: e.End}] = e.Stream != ""
	}
	if !found[connector.Extent{First: 1, End: 3}] || !found[connector.Extent{First: 0, End: 1}] {
		t.Errorf("%+v", extents)
	}
}
