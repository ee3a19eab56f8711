package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/highwayhash"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// TestMarksOfLog: what is known to be in a log must be there, and a snapshot must not be ahead of it.
func TestMarksOfLog(t *testing.T) {
	log := func(position uint64, id string) knownMark {
		return knownMark{log: jetstream.LogName{Pipeline: "p", Shard: 3}, Mark: engine.Mark{Position: position, ID: id}}
	}
	for name, c := range map[string]struct {
		mark knownMark
		good bool
	}{
		"its end": {log(41, "a"), true}, "its end, by position": {log(41, ""), true},
		"another record": {log(41, "b"), false}, "behind its end": {log(42, "c"), false}, "behind its end, by position": {log(42, ""), false},
		"a log that isn't there": {knownMark{log: jetstream.LogName{Pipeline: "p", Shard: 4}, Mark: engine.Mark{Position: 1}}, false},
	} {
		f := newFolderCheck(jetstream.RunningFolder(t.TempDir()))
		at := jetstream.LogName{Pipeline: "p", Shard: 3}
		f.logs[at] = &Log{name: at, Last: 41, lastID: "a"}
		f.marks = []knownMark{c.mark}
		v := &Folders{}
		if err := v.compare(t.Context(), []*folderCheck{f}); err != nil {
			t.Fatal(err)
		}
		if (len(f.out.Damages) == 0) != c.good || len(v.Behind) > 0 {
			t.Errorf("%s: %v, %v", name, f.out.Damages, v.Behind)
		}
	}
	for name, want := range map[string]uint64{
		"shard/00003/00000000000000000041": 41, "shard/00003": 0, "shard/x/1": 0, "of/something/else": 0,
	} {
		if shard, position, ok := snapshotOf(name); position != want || ok != (want > 0) || ok && shard != 3 {
			t.Errorf("%s: %d, %d, %v", name, shard, position, ok)
		}
	}
}

// TestMarkOfAnotherCopy: a copy that ends before what is known of its log is damaged only if no other copy can go further.
func TestMarkOfAnotherCopy(t *testing.T) {
	at := jetstream.LogName{Pipeline: "p", Shard: 0}
	for here, good := range map[int]bool{1: true, 2: true, 3: false} {
		var folders []*folderCheck
		for range here {
			dir := t.TempDir()
			replicated(t, dir, "quadrille_p_0", 3)
			f := newFolderCheck(jetstream.RunningFolder(dir))
			f.logs[at] = &Log{name: at, Last: 41, lastID: "a"}
			folders = append(folders, f)
		}
		folders[0].marks = []knownMark{{log: at, Mark: engine.Mark{Position: 42, ID: "b"}}}
		v := &Folders{}
		if err := v.checkMarks(t.Context(), folders, map[jetstream.LogName]*folderCheck{at: folders[0]}); err != nil {
			t.Fatal(err)
		}
		if damages := len(folders[0].out.Damages); damages == 0 != good || len(v.Behind) == 1 != good {
			t.Errorf("%d copies of 3: %v, %v", here, folders[0].out.Damages, v.Behind)
		}
	}
}

// replicated writes the configuration of a stream.
func replicated(t *testing.T, dir, name string, replicas int) {
	t.Helper()
	stream := filepath.Join(dir, "jetstream", "$G", "streams", name)
	meta := fmt.Appendf(nil, `{"name":%q,"num_replicas":%d}`, name, replicas)
	key := sha256.Sum256([]byte(name))
	sum, err := highwayhash.New64(key[:])
	if err != nil {
		t.Fatal(err)
	}
	sum.Write(meta)
	err = errors.Join(os.MkdirAll(stream, 0o750), os.WriteFile(filepath.Join(stream, filestore.MetaFile), meta, 0o600),
		os.WriteFile(filepath.Join(stream, filestore.MetaSum), []byte(hex.EncodeToString(sum.Sum(nil))), 0o600))
	if err != nil {
		t.Fatal(err)
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
	l := &Log{name: jetstream.LogName{Pipeline: "p", Control: true}}
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
