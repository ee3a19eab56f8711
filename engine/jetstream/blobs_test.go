package jetstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/quadrille-stream/quadrille/engine"
)

func readBlob(ctx context.Context, e engine.Engine, name string) (string, error) {
	r, err := e.Blobs().Get(ctx, name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

func checkBlob(ctx context.Context, t *testing.T, e engine.Engine, name, want string) {
	t.Helper()
	got, err := readBlob(ctx, e, name)
	if err != nil || got != want {
		t.Errorf("blob %q: %d bytes, %v; want %d", name, len(got), err, len(want))
	}
}

// bucketOf is the object store of a pipeline as the tools of NATS see it.
func bucketOf(ctx context.Context, t *testing.T, nc *nats.Conn, cfg Config) (natsjs.ObjectStore, natsjs.Stream) {
	t.Helper()
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	store, err := js.ObjectStore(ctx, bucketName(cfg))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, "OBJ_"+bucketName(cfg))
	if err != nil {
		t.Fatal(err)
	}
	return store, stream
}

// TestStandardLayout: the object store of the NATS client reads what Put has written, and what it deletes is deleted.
func TestStandardLayout(t *testing.T) {
	ctx := limited(t)
	cfg := fresh(1, 1)
	nc := connectFreely(t, one(t))
	e, err := Open(ctx, nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("0123456789", 100_000)
	if err := e.Blobs().Put(ctx, "shard/0 ü", strings.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	store, _ := bucketOf(ctx, t, nc, cfg)
	got, err := store.GetBytes(ctx, "shard/0 ü")
	if err != nil || string(got) != want {
		t.Errorf("GetBytes: %d bytes, %v", len(got), err)
	}
	list, err := store.List(ctx)
	if err != nil || len(list) != 1 || list[0].Name != "shard/0 ü" || list[0].Size != uint64(len(want)) {
		t.Errorf("List: %v, %v", list, err)
	}
	if err := store.Delete(ctx, "shard/0 ü"); err != nil {
		t.Fatal(err)
	}
	if _, err := readBlob(ctx, e, "shard/0 ü"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Get of what the client deleted: %v, want ErrNotFound", err)
	}
	infos, err := e.Blobs().List(ctx, "")
	if err != nil || len(infos) != 0 {
		t.Errorf("List after the client deleted: %v, %v", infos, err)
	}
	if err := e.Blobs().Put(ctx, "shard/0 ü", strings.NewReader("again")); err != nil {
		t.Fatal(err)
	}
	checkBlob(ctx, t, e, "shard/0 ü", "again")
}

// TestBlobDamage: the reader reports a chunk that is missing, and bytes that are not those that were put.
func TestBlobDamage(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	cfg := fresh(1, 1)
	nc := connectFreely(t, one(t))
	e, err := Open(ctx, nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := e.Blobs().(*blobs)
	_, stream := bucketOf(ctx, t, nc, cfg)
	for name, damage := range map[string]func(d *description, chunks []uint64) error{
		"first chunk":  func(_ *description, chunks []uint64) error { return stream.DeleteMsg(ctx, chunks[0]) },
		"middle chunk": func(_ *description, chunks []uint64) error { return stream.DeleteMsg(ctx, chunks[1]) },
		"last chunk":   func(_ *description, chunks []uint64) error { return stream.DeleteMsg(ctx, chunks[2]) },
		"all chunks":   func(d *description, _ []uint64) error { return b.stream.purge(ctx, b.chunks(d.ID).subject, 0) },
		"digest":       func(d *description, _ []uint64) error { d.Digest = digestType + "bm8="; return redescribe(ctx, b, d) },
		"size":         func(d *description, _ []uint64) error { d.Size++; return redescribe(ctx, b, d) },
		"no JSON":      func(d *description, _ []uint64) error { return rawDescription(ctx, b, d.Name, []byte("{")) },
	} {
		if err := b.Put(ctx, name, bytes.NewReader(make([]byte, 3*chunkBytes))); err != nil {
			t.Fatal(err)
		}
		d, _, err := b.described(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		var chunks []uint64
		for _, e := range readAll(ctx, t, b.chunks(d.ID)) {
			chunks = append(chunks, e.Seq)
		}
		if err := damage(d, chunks); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := readBlob(ctx, e, name)
		if err == nil || errors.Is(err, engine.ErrNotFound) || ctx.Err() != nil {
			t.Errorf("%s: %d bytes, %v; want an error that tells of damage", name, len(data), err)
		}
	}
}

func redescribe(ctx context.Context, b *blobs, d *description) error {
	payload, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return rawDescription(ctx, b, d.Name, payload)
}

func rawDescription(ctx context.Context, b *blobs, name string, payload []byte) error {
	_, at, err := b.described(ctx, name)
	if err == nil {
		_, err = b.descriptions(name).append(ctx, at, payload, nats.Header{headerRollup: {"sub"}})
	}
	return err
}

// TestListMany lists more blobs than the server tells of at once.
func TestListMany(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	b := open(t, three(t)[2], fresh(1, 1)).Blobs().(*blobs)
	const n = 1100
	var all sync.WaitGroup
	for w := range 10 {
		all.Go(func() {
			for i := w; i < n; i += 10 {
				payload, err := json.Marshal(&description{Name: fmt.Sprintf("blob %04d", i), Size: int64(i)})
				if err == nil {
					_, err = b.descriptions(fmt.Sprintf("blob %04d", i)).ensure(ctx, 0, payload)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	list, err := b.List(ctx, "blob ")
	if err != nil || len(list) != n {
		t.Fatalf("List: %d blobs, %v; want %d", len(list), err, n)
	}
	for i, info := range list {
		if info.Size != int64(i) {
			t.Fatalf("blob %d is %+v", i, info)
		}
	}
	if list, err = b.List(ctx, "blob 10"); err != nil || len(list) != 100 {
		t.Errorf("List: %d blobs, %v; want 100", len(list), err)
	}
}

// messages is how many messages the bucket holds, barriers left out.
func messages(ctx context.Context, t *testing.T, b *blobs) int {
	t.Helper()
	all, err := b.stream.subjects(ctx, ">")
	if err != nil {
		t.Fatal(err)
	}
	delete(all.subjects, b.chunks("barrier").subject)
	n := 0
	for _, k := range all.subjects {
		n += int(k)
	}
	return n
}

// TestNothingLeftOver: what is replaced, deleted or was not put in full leaves no message, and what a process that died
// has left is swept when it is old.
func TestNothingLeftOver(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	b := open(t, three(t)[1], fresh(1, 3)).Blobs().(*blobs)
	data := make([]byte, 2*chunkBytes)
	check := func(what string, want int) {
		t.Helper()
		if n := messages(ctx, t, b); n != want {
			t.Errorf("%s: the bucket holds %d messages, want %d", what, n, want)
		}
	}
	for range 3 {
		if err := b.Put(ctx, "kept", bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	check("one blob, put three times", 3)
	if err := b.Put(ctx, "broken", io.MultiReader(bytes.NewReader(data), brokenReader{})); err == nil {
		t.Error("Put from a broken reader: no error")
	}
	check("a put that failed", 3)
	if err := b.Put(ctx, "gone", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	check("a blob that was deleted", 3)
	if _, err := b.upload(ctx, b.chunks(nuid.Next()), new(description), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := b.sweep(ctx, leftover); err != nil {
		t.Fatal(err)
	}
	check("a put under way", 5)
	if err := b.sweep(ctx, -time.Hour); err != nil {
		t.Fatal(err)
	}
	check("leftover chunks", 3)
	checkBlob(ctx, t, &pipeline{blobs: b}, "kept", string(data))
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }
