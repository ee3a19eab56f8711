package verify

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// controlLog is the stream of a control log with a few records, in files that nobody uses.
func controlLog(t *testing.T) *filestore.Stream {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	server, err := jetstream.StartServer(t.Context(), jetstream.ServerConfig{Name: "n1", Dir: dir, NoListen: true}, nil)
	must(err)
	defer server.Shutdown()
	nc, err := server.Connect()
	must(err)
	defer nc.Close()
	e, err := jetstream.Open(t.Context(), nc, jetstream.Config{Pipeline: "p", Shards: 1})
	must(err)
	for epoch, tail := uint64(1), uint64(0); epoch <= 4; epoch++ {
		from, to := coordinator.NewState(coordinator.Settings{Shards: 2}), coordinator.NewState(coordinator.Settings{Shards: 2})
		from.Epoch, to.Epoch = epoch-1, epoch
		payload, err := coordinator.AppendRecord(nil, "p", from, to)
		must(err)
		tail, err = e.Control().Append(t.Context(), tail, payload)
		must(err)
	}
	list, err := jetstream.RunningFolder(dir).Streams()
	must(err)
	for _, s := range list {
		if s.Name() == "quadrille_p_control" {
			return s
		}
	}
	t.Fatal("the control log has no stream")
	return nil
}

// flipBit changes one bit of the first block, at so much of it.
func flipBit(t *testing.T, s *filestore.Stream, at float64) {
	path := s.BlockPath(1)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	content[int(at*float64(len(content)))] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Error(err)
	}
}

// TestSettle: of a stream that is written to what is damaged at one look and not at the next is not told of; what stays is,
// once it was seen again; and if nothing ever stays, what was seen last is.
func TestSettle(t *testing.T) {
	s := controlLog(t)
	settle := func(t *testing.T, running bool, between func()) (damages []filestore.Damage, took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			begin, ended := time.Now(), make(chan struct{})
			go func() {
				defer close(ended)
				if between != nil {
					between()
				}
			}()
			c := newFolderCheck(jetstream.RunningFolder(s.Dir()))
			c.running = running
			l, err := c.settle(t.Context(), s)
			if err != nil {
				t.Error(err)
				return
			}
			damages, took = l.damages, time.Since(begin)
			<-ended
		})
		return damages, took
	}
	if found, took := settle(t, true, nil); len(found) > 0 || took > 0 {
		t.Errorf("whole: %v after %v", found, took)
	}
	flipBit(t, s, 0.3)
	if found, took := settle(t, false, nil); len(found) == 0 || took > 0 {
		t.Errorf("damaged, and nobody writes: %v after %v", found, took)
	}
	if found, took := settle(t, true, nil); len(found) == 0 || took != 3*lookPause {
		t.Errorf("damaged: %v after %v", found, took)
	}
	if found, took := settle(t, true, func() { time.Sleep(lookPause / 2); flipBit(t, s, 0.3) }); len(found) > 0 || took != lookPause {
		t.Errorf("damaged at the first look: %v after %v", found, took)
	}
	places := []float64{0.1, 0.35, 0.6}
	flipBit(t, s, places[0])
	found, _ := settle(t, true, func() { // at each look another place
		for n := range maxLooks - 1 {
			time.Sleep(lookPause / 2)
			flipBit(t, s, places[n%len(places)])
			flipBit(t, s, places[(n+1)%len(places)])
			time.Sleep(time.Duration(n+1)*lookPause - lookPause/2)
		}
	})
	if len(found) == 0 {
		t.Errorf("a stream that is damaged at each look is not told of")
	}
}
