package filestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

const name = "quadrille_p_0"

// patience bounds each wait of a test; it is far longer than any takes.
const patience = time.Minute

// syncInterval is the time in which the server rewrites what it has removed messages from, at most. When it opens a stream it starts
// the timer, and then notes it without a lock: the time must not be over in between, however busy the machine is.
const syncInterval = 2 * time.Second

// writer fills a stream of a real server, as Quadrille does.
type writer struct {
	t    testing.TB
	ns   *server.Server
	nc   *nats.Conn
	js   natsjs.JetStream
	dir  string
	tail map[string]uint64
	live map[uint64]string // data by sequence
}

func newWriter(t testing.TB, compression natsjs.StoreCompression) *writer {
	t.Helper()
	w := &writer{t: t, dir: t.TempDir(), tail: map[string]uint64{}, live: map[uint64]string{}}
	w.start()
	ctx := w.ctx()
	_, err := w.js.CreateStream(ctx, natsjs.StreamConfig{Name: name, Subjects: []string{"q.>"}, Storage: natsjs.FileStorage,
		AllowRollup: true, AllowDirect: true, Compression: compression, Duplicates: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *writer) start() {
	w.t.Helper()
	ns, err := server.NewServer(&server.Options{ServerName: "s", DontListen: true, NoSigs: true, NoLog: true, JetStream: true,
		StoreDir: w.dir, SyncInterval: syncInterval})
	if err != nil {
		w.t.Fatal(err)
	}
	ns.Start()
	w.t.Cleanup(w.stop)
	if !ns.ReadyForConnections(patience) {
		w.t.Fatal("the server doesn't start")
	}
	if w.nc, err = nats.Connect("", nats.InProcessServer(ns)); err != nil {
		w.t.Fatal(err)
	}
	if w.js, err = natsjs.New(w.nc); err != nil {
		w.t.Fatal(err)
	}
	w.ns = ns
}

func (w *writer) stop() {
	if w.ns == nil {
		return
	}
	w.nc.Close()
	w.ns.Shutdown()
	w.ns.WaitForShutdown()
	w.ns = nil
}

func (w *writer) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *writer) publish(subject, data, header, value string) uint64 {
	w.t.Helper()
	ack, err := w.js.PublishMsg(w.ctx(), &nats.Msg{Subject: subject, Data: []byte(data), Header: nats.Header{header: {value}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.live[ack.Sequence] = data
	return ack.Sequence
}

func (w *writer) append(subject string, size int) {
	data := strings.Repeat(strconv.Itoa(1e8+rand.IntN(9e8)), size/9+1)[:size]
	w.tail[subject] = w.publish(subject, data, headerExpected, fmt.Sprint(w.tail[subject]))
}

// barrier replaces the barrier before it.
func (w *writer) barrier() {
	delete(w.live, w.tail["q.barrier"])
	w.tail["q.barrier"] = w.publish("q.barrier", "", headerRollup, "sub")
}

func (w *writer) purge(subject string) {
	w.t.Helper()
	s, err := w.js.Stream(w.ctx(), name)
	if err == nil {
		err = s.Purge(w.ctx(), natsjs.WithPurgeSubject(subject))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	delete(w.tail, subject)
}

// fill writes rounds of messages to three logs, barriers, and blobs of which each but the last is purged.
func (w *writer) fill(rounds int) {
	for i := range rounds {
		for _, log := range []string{"q.log.0", "q.log.1", "q.log.22"} {
			w.append(log, 1+rand.IntN(60_000))
		}
		w.barrier()
		blob := fmt.Sprint("q.blob.", i/10)
		if before := fmt.Sprint("q.blob.", i/10-1); w.tail[before] > 0 && i%10 == 5 {
			for seq, data := range w.live {
				if strings.HasPrefix(data, before+" ") {
					delete(w.live, seq)
				}
			}
			w.purge(before)
		}
		w.tail[blob] = w.publish(blob, blob+" "+strings.Repeat("b", 20_000), headerExpected, fmt.Sprint(w.tail[blob]))
	}
}

func (w *writer) stream() string {
	return filepath.Join(w.dir, "jetstream", "$G", "streams", name)
}

// killed returns a copy of the stream's folder made while the server runs: what a kill leaves, since the server writes
// each message before it confirms it.
func (w *writer) killed() string {
	w.t.Helper()
	return copyOf(w.t, w.stream())
}

func check(t testing.TB, dir string) *Report {
	t.Helper()
	r, err := Open(dir).Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func clean(t testing.TB, dir string) {
	t.Helper()
	r := check(t, dir)
	for _, d := range r.Damages {
		t.Errorf("undamaged, yet: %v", d)
	}
	if r.Torn != nil || r.Cut != nil || len(r.Late) > 0 {
		t.Errorf("undamaged, yet torn %v, cut %v, late %v", r.Torn, r.Cut, r.Late)
	}
}

// reads compares what is read with what was accepted and not deleted.
func (w *writer) reads(dir string) {
	w.t.Helper()
	left := len(w.live)
	var last uint64
	err := Open(dir).Read(context.Background(), func(m *Message) error {
		want, ok := w.live[m.Seq]
		switch {
		case m.Seq <= last:
			return fmt.Errorf("%d comes after %d", m.Seq, last)
		case m.Subject == "q.barrier": // a replaced one may be read
			left++
			if !ok {
				return nil
			}
			left--
		case !ok || want != string(m.Data):
			return fmt.Errorf("%d, %s: wrong or deleted", m.Seq, m.Subject)
		}
		last = m.Seq
		left--
		return nil
	})
	if err != nil || left < 0 {
		w.t.Errorf("%d messages are missing, error: %v", left, err)
	}
}

// TestRealStreams: nothing is wrong with what a real server writes, and all of it is read.
func TestRealStreams(t *testing.T) {
	for _, compression := range []natsjs.StoreCompression{natsjs.NoCompression, natsjs.S2Compression} {
		t.Run(compression.String(), func(t *testing.T) {
			w := newWriter(t, compression)
			w.fill(320)
			if r := check(t, w.stream()); r.Blocks < 4 || r.Bytes < 30_000_000 {
				t.Errorf("%d blocks, %d bytes: too few to test with", r.Blocks, r.Bytes)
			}
			killed := w.killed()
			clean(t, killed)
			w.reads(killed)
			w.stop()
			clean(t, w.stream())
			w.reads(w.stream())
			w.start()
			w.fill(20)
			w.stop()
			clean(t, w.stream())
			w.reads(w.stream())
			m, err := Open(w.stream()).Meta()
			if err != nil || m.Name != name || m.Replicas != 1 {
				t.Errorf("Meta: %+v, %v", m, err)
			}
		})
	}
}

// TestEachBit: a bit that is altered anywhere is found, and told with its file; but for the newest block's last record,
// which looks like a torn end, after a kill.
func TestEachBit(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	w.fill(320)
	killed := w.killed()
	list, err := Open(killed).blocks()
	if err != nil || len(list) < 4 {
		t.Fatal(list, err)
	}
	for range 60 {
		b := list[rand.IntN(len(list))]
		content, err := os.ReadFile(b.path)
		if err != nil {
			t.Fatal(err)
		}
		bit := rand.IntN(8 * len(content))
		flip(t, b.path, int64(bit/8), 1<<(bit%8))
		r := check(t, killed)
		found := len(r.Damages) > 0 && r.Damages[0].File == b.path && r.Damages[0].Offset <= int64(bit/8) &&
			r.Cut != nil && (r.Cut.Block < b.number || r.Cut.Block == b.number && r.Cut.Offset <= int64(bit/8))
		torn := r.Torn != nil && r.Torn.File == b.path && b == list[len(list)-1]
		if !found && !torn {
			t.Errorf("bit %d of %s: %v, cut %+v, torn %v", bit, b.path, r.Damages, r.Cut, r.Torn)
		}
		flip(t, b.path, int64(bit/8), 1<<(bit%8))
	}
	clean(t, killed)
}

func flip(t testing.TB, path string, off int64, mask byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], off)
	b[0] ^= mask
	_, werr := f.WriteAt(b[:], off)
	if err := errors.Join(err, werr, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestEachBitOfARecord: each bit of a message's record, the lengths that its checksum doesn't cover included.
func TestEachBitOfARecord(t *testing.T) {
	w := newWriter(t, natsjs.NoCompression)
	for range 3 {
		w.append("q.log.0", 50)
	}
	path := filepath.Join(w.killed(), Messages, "1.blk")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second := len(content) / 3
	for bit := 8 * second; bit < 8*2*second; bit++ {
		flip(t, path, int64(bit/8), 1<<(bit%8))
		r := check(t, filepath.Dir(filepath.Dir(path)))
		if len(r.Damages) == 0 || r.Damages[0].Offset != int64(second) || r.Cut == nil || r.Cut.Offset != int64(second) {
			t.Fatalf("bit %d of the record: %v, %+v", bit-8*second, r.Damages, r.Cut)
		}
		flip(t, path, int64(bit/8), 1<<(bit%8))
	}
}
