package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/engine"
)

// TestExtents: what the brokers have of each partition that is read is told, from the first message that they still have.
func TestExtents(t *testing.T) {
	_, b := fake(t)
	topic := b.topic(t, 2)
	b.send(t, topic, 0, "a", "b", "c")
	b.send(t, topic, 1, "d")
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 1})
	if _, err := b.admin.DeleteRecords(conntest.Within(t), offsets); err != nil {
		t.Fatal(err)
	}
	r := read(t, b.config(topic), &conntest.Progress{})
	defer r.End()
	r.Next(3)
	extents, err := r.Reader.(connector.Lagger).Extents(conntest.Within(t))
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

// TestSeek: the position is that which was sought, and who had the shard before is fenced.
func TestSeek(t *testing.T) {
	_, b := fake(t)
	s, ok := b.target(t, 1).Sink(t).(connector.Seeker)
	if !ok {
		t.Fatal("it can't seek")
	}
	records := conntest.Records(0, 6, 100, engine.Mark{})
	w, err := s.Open(conntest.Within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(conntest.Within(t), records[:4]); err != nil {
		t.Fatal(err)
	}
	for _, to := range []engine.Mark{records[1].Mark, {}, records[5].Mark} {
		if err := s.Seek(conntest.Within(t), 0, to); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(conntest.Within(t), records[4:]); err == nil {
			t.Error("who had the shard before still writes")
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if w, err = s.Open(conntest.Within(t), 0); err != nil || w.At() != to {
			t.Fatalf("%v, want %v; %v", w.At(), to, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
