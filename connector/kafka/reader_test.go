package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestReadOnce: records that come again, since the group has given a partition anew before it was known how far it was read, are left out.
func TestReadOnce(t *testing.T) {
	s, err := NewSource(SourceConfig{Connection: Connection{Brokers: []string{"127.0.0.1:9092"}}, Topics: []string{"t"}, Group: "g"})
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(s, nil)
	r.assign("t/0/id", "t", 0, [16]byte{1}, 2)
	var got []uint64
	for _, offsets := range [][]int64{{2, 3}, {2, 3, 5}, {3, 6}} {
		p := kgo.FetchPartition{}
		for _, offset := range offsets {
			p.Records = append(p.Records, &kgo.Record{Offset: offset})
		}
		for _, m := range r.appendRecords(nil, kgo.FetchTopic{Topic: "t", TopicID: [16]byte{1}}, p) {
			got = append(got, m.Offset)
		}
	}
	if want := []uint64{2, 3, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("%d were read, want %d", got, want)
	}
}
