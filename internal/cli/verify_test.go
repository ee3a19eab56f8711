package cli

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// TestSnapshotAhead: a snapshot of a position that the log doesn't reach is told of.
func TestSnapshotAhead(t *testing.T) {
	c := &folderCheck{logs: map[jetstream.LogName]*verifiedLog{{Pipeline: "p", Shard: 3}: {Last: 41}}}
	for name, good := range map[string]bool{
		"shard/00003/00000000000000000041": true, "shard/00003/00000000000000000042": false,
		"shard/00004/00000000000000000001": false, "of something else": true,
	} {
		b := jetstream.StoredBlob{BlobInfo: engine.BlobInfo{Name: name}, Pipeline: "p"}
		if err := c.ahead(b); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestControlRecords: the epochs of the control log rise by one; what is no record is told of.
func TestControlRecords(t *testing.T) {
	record := func(epoch uint64) []byte {
		from := coordinator.NewState(coordinator.Settings{Shards: 2})
		to := coordinator.NewState(coordinator.Settings{Shards: 2})
		from.Epoch, to.Epoch = epoch-1, epoch
		payload, err := coordinator.AppendRecord(nil, "p", from, to)
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	l := &verifiedLog{name: jetstream.LogName{Pipeline: "p", Control: true}}
	for i, c := range []struct {
		payload []byte
		want    string
	}{
		{record(1), ""}, {record(2), ""}, {record(4), "epoch 4 after epoch 2"}, {record(5), ""}, {record(5), "epoch 5 after epoch 5"},
		{[]byte("nonsense"), "damaged"},
	} {
		err := l.check(&filestore.Message{Seq: uint64(i + 1), Data: c.payload})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("record %d: %v, want %q", i, err, c.want)
		}
	}
}
