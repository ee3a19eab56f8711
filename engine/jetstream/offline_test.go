package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// TestFolder: a folder in use is refused, and so is one without data; a copy without the lock's file is not.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenFolder(dir); err == nil {
		t.Error("a folder without data was opened")
	}
	s := start(t, alone(dir))
	if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a folder in use: %v", err)
	}
	s.Shutdown()
	f, err := OpenFolder(dir)
	check(t, err)
	if s, err := StartServer(limited(t), alone(dir), nil); err == nil {
		s.Shutdown()
		t.Error("a server started on a folder that is held")
	}
	check(t, f.Close())
	check(t, os.Remove(filepath.Join(dir, lockFile)))
	f, err = OpenFolder(dir)
	check(t, err)
	check(t, f.Close())
}

// TestReadBlobs: the blobs that are there are found, as they were put, those that were replaced or deleted are not; one
// whose chunks aren't all there is damaged.
func TestReadBlobs(t *testing.T) {
	ctx := limited(t)
	dir, cfg := t.TempDir(), fresh(1, 1)
	s := start(t, alone(dir))
	blobs := open(t, s, cfg).Blobs()
	for _, name := range []string{"a", "b", "a", "gone"} {
		check(t, blobs.Put(ctx, name, strings.NewReader(strings.Repeat(name, 700_000))))
	}
	check(t, blobs.Put(ctx, "empty", strings.NewReader("")))
	check(t, blobs.Delete(ctx, "gone"))
	s.Shutdown()
	stream := filestore.Open(filepath.Join(dir, "jetstream", "$G", "streams", "OBJ_"+bucketName(cfg)))
	list, err := ReadBlobs(context.Background(), stream)
	check(t, err)
	if len(list) != 3 || list[0].Name != "a" || list[1].Name != "b" || list[2].Name != "empty" || list[0].Size != 700_000 ||
		list[0].Pipeline != cfg.Pipeline {
		t.Errorf("%+v", list)
	}
	for _, b := range list {
		if b.Err != nil {
			t.Errorf("%s: %v", b.Name, b.Err)
		}
	}
	var at int64 // of the last chunk of b
	check(t, stream.Read(ctx, func(m *filestore.Message) error {
		if strings.Contains(m.Subject, ".C.") && strings.HasPrefix(string(m.Data), "b") {
			at = m.Offset
		}
		return nil
	}))
	path := stream.BlockPath(1)
	content, err := os.ReadFile(path)
	check(t, err)
	content[at+1000] ^= 1
	check(t, os.WriteFile(path, content, 0o600))
	list, err = ReadBlobs(context.Background(), filestore.Open(stream.Dir()))
	check(t, err)
	for _, b := range list {
		if (b.Name == "b") != errors.Is(b.Err, engine.ErrDamaged) {
			t.Errorf("one bit of b altered: %s: %v", b.Name, b.Err)
		}
	}
}

// TestLogOf: the subjects of the logs, and others.
func TestLogOf(t *testing.T) {
	for subject, want := range map[string]string{
		"quadrille.p.control.log.0": "p control", "quadrille.p.1.log.17": "p shard 17",
		"quadrille.p.0.barrier": "", "$O.quadrille_p.C.x": "", "quadrille.p.0.feed.1": "",
	} {
		name, ok := LogOf(subject)
		if ok != (want != "") || ok && name.String() != want {
			t.Errorf("%s: %v, %t, want %q", subject, name, ok, want)
		}
	}
}

// TestProposed: what was appended to a log with several replicas is in the Raft logs of most of them, with its position at
// most, in the form in which the server keeps it.
func TestProposed(t *testing.T) {
	ctx := limited(t)
	dir := t.TempDir()
	servers, err := startCluster(dir, "proposed", true)
	t.Cleanup(func() { stopAll(servers) })
	check(t, err)
	cfg := fresh(2, 3)
	log := open(t, servers[0], cfg).Shard(1)
	want := map[string]uint64{}
	tail := uint64(0)
	for n := range 12 {
		payload := fmt.Sprint("record ", n, strings.Repeat(" compressible", n*n*50))
		tail = added(ctx, t, log, tail, []byte(payload))
		want[payload] = tail
	}
	name, holders := LogName{Pipeline: cfg.Pipeline, Shard: 1}, map[string]int{}
	for _, s := range servers {
		check(t, RunningFolder(filepath.Join(dir, s.Name())).Proposed(ctx, func(of LogName, upTo uint64, payload []byte) error {
			seq, known := want[string(payload)]
			if of != name || !known || upTo < seq {
				t.Errorf("%s: proposed for %v up to %d: %.20q, at %d", s.Name(), of, upTo, payload, seq)
			}
			holders[string(payload)]++
			return nil
		}))
	}
	for payload, at := range want {
		if holders[payload] < 2 {
			t.Errorf("the record at %d is in %d Raft logs", at, holders[payload])
		}
	}
	stop, stopped := errors.New("stop"), 0
	for _, s := range servers {
		err := RunningFolder(filepath.Join(dir, s.Name())).Proposed(ctx, func(LogName, uint64, []byte) error { return stop })
		if errors.Is(err, stop) {
			stopped++
		} else if err != nil {
			t.Error(err)
		}
	}
	if stopped < 2 { // the third may lag behind
		t.Errorf("the end that was asked for is that of %d", stopped)
	}
}

// TestSetAside: what was set aside is listed in a folder of whatever name.
func TestSetAside(t *testing.T) {
	f := &Folder{Dir: filepath.Join(t.TempDir(), "a[b")}
	if list := f.SetAside(); list != nil {
		t.Errorf("without damage: %v", list)
	}
	aside := filepath.Join(f.Dir, damagedDir, "stream-1")
	if err := os.MkdirAll(aside, 0o700); err != nil {
		t.Fatal(err)
	}
	if list := f.SetAside(); !slices.Equal(list, []string{aside}) {
		t.Errorf("%v, want %s", list, aside)
	}
}
