package enginetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quadrille-stream/quadrille/engine"
)

func put(ctx context.Context, t testing.TB, b engine.Blobs, name string, data []byte) {
	t.Helper()
	if err := b.Put(ctx, name, bytes.NewReader(data)); err != nil {
		t.Fatalf("Put %q: %v", name, err)
	}
}

func checkBlob(ctx context.Context, t testing.TB, b engine.Blobs, name string, want []byte) {
	t.Helper()
	r, err := b.Get(ctx, name)
	if err != nil {
		t.Fatalf("Get %q: %v", name, err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("blob %q: %d bytes, %v; want %d, the same: %t", name, len(got), err, len(want), bytes.Equal(got, want))
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func checkNoBlob(ctx context.Context, t testing.TB, b engine.Blobs, name string) {
	t.Helper()
	_, err := b.Get(ctx, name)
	checkIs(t, "Get of "+name, err, engine.ErrNotFound)
}

func (s suite) blobs(t *testing.T) {
	ctx := limited(t)
	list := s.open(t, 2, 1)
	a, b := list[0].Blobs(), list[1].Blobs()
	checkNoBlob(ctx, t, a, "x")
	for name, data := range map[string]string{
		"snapshot/0/17": "some data",
		"empty":         "",
		"ünïcode name ": "\x00\xff",
		"*.>":           "wild",
	} {
		put(ctx, t, a, name, []byte(data))
		checkBlob(ctx, t, a, name, []byte(data))
		checkBlob(ctx, t, b, name, []byte(data))
		for range 2 {
			if err := b.Delete(ctx, name); err != nil {
				t.Errorf("Delete %q: %v", name, err)
			}
			checkNoBlob(ctx, t, a, name)
		}
		put(ctx, t, b, name, []byte("again"))
		checkBlob(ctx, t, a, name, []byte("again"))
	}
	put(ctx, t, a, "byte by byte", []byte("data"))
	err := a.Put(ctx, "byte by byte", iotest.OneByteReader(strings.NewReader("slow data")))
	if err != nil {
		t.Errorf("Put from a slow reader: %v", err)
	}
	checkBlob(ctx, t, b, "byte by byte", []byte("slow data"))
}

func (s suite) blobReplaced(t *testing.T) {
	ctx, e := s.one(t)
	for i := range 5 {
		data := noise(i*300_000, byte(i))
		put(ctx, t, e.Blobs(), "one", data)
		checkBlob(ctx, t, e.Blobs(), "one", data)
	}
	list, err := e.Blobs().List(ctx, "")
	if err != nil || len(list) != 1 || list[0].Size != 1_200_000 {
		t.Errorf("List: %v, %v", list, err)
	}
}

// blobFails: a blob that could not be put in full is not there, and what it was to replace is.
func (s suite) blobFails(t *testing.T) {
	ctx, e := s.one(t)
	b := e.Blobs()
	broken := func() io.Reader {
		return io.MultiReader(bytes.NewReader(noise(700_000, 1)), iotest.ErrReader(errBroken))
	}
	checkIs(t, "Put", b.Put(ctx, "new", broken()), errBroken)
	checkNoBlob(ctx, t, b, "new")
	put(ctx, t, b, "old", []byte("as it was"))
	checkIs(t, "Put", b.Put(ctx, "old", broken()), errBroken)
	checkBlob(ctx, t, b, "old", []byte("as it was"))

	ending, cancel := context.WithCancel(ctx)
	err := b.Put(ending, "old", io.MultiReader(bytes.NewReader(noise(700_000, 1)), onRead(cancel)))
	checkIs(t, "Put whose context ends", err, context.Canceled)
	checkBlob(ctx, t, b, "old", []byte("as it was"))
	checkIs(t, "Put", b.Put(ending, "new", strings.NewReader("x")), context.Canceled)
	checkNoBlob(ctx, t, b, "new")
	list, err := b.List(ctx, "")
	if err != nil || len(list) != 1 {
		t.Errorf("List: %v, %v", list, err)
	}
}

// onRead is an empty reader that does something.
type onRead func()

func (f onRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

func (s suite) blobLarge(t *testing.T) {
	ctx := limited(t)
	list := s.open(t, 2, 1)
	data := noise(20<<20, 7)
	put(ctx, t, list[0].Blobs(), "large", data)
	checkBlob(ctx, t, list[1].Blobs(), "large", data)
	r, err := list[1].Blobs().Get(ctx, "large")
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	some := make([]byte, 1<<20)
	if _, err := io.ReadFull(r, some); err != nil || !bytes.Equal(some, data[:len(some)]) {
		t.Errorf("the first bytes: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func (s suite) blobList(t *testing.T) {
	ctx, e := s.one(t)
	b := e.Blobs()
	if list, err := b.List(ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("List of an empty store: %v, %v", list, err)
	}
	began := time.Now()
	for i, name := range []string{"b/2", "b/10", "a", "b/1", "c", "b"} {
		put(ctx, t, b, name, make([]byte, i))
	}
	if err := b.Delete(ctx, "c"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	all := []engine.BlobInfo{{Name: "a", Size: 2}, {Name: "b", Size: 5}, {Name: "b/1", Size: 3}, {Name: "b/10", Size: 1}, {Name: "b/2"}}
	for prefix, want := range map[string][]engine.BlobInfo{
		"": all, "a": all[:1], "b": all[1:], "b/": all[2:], "b/1": all[2:4], "c": nil, "b/2/": nil,
	} {
		got, err := b.List(ctx, prefix)
		if err != nil {
			t.Fatalf("List %q: %v", prefix, err)
		}
		diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.BlobInfo{}, "Time"), cmpopts.EquateEmpty())
		if diff != "" {
			t.Errorf("List %q (-want +got):\n%s", prefix, diff)
		}
		for _, info := range got {
			if off := info.Time.Sub(began); off < -time.Minute || off > timeout {
				t.Errorf("time of %q is %v, it was put at %v", info.Name, info.Time, began)
			}
		}
	}
}

// blobsConcurrent: of many who put the same name one is there in the end, in full.
func (s suite) blobsConcurrent(t *testing.T) {
	ctx := limited(t)
	engines := s.open(t, 2, 1)
	var wg sync.WaitGroup
	for i := range 6 {
		b := engines[i%len(engines)].Blobs()
		wg.Go(func() {
			if err := b.Put(ctx, "same", bytes.NewReader(noise(600_000, byte(i)))); err != nil {
				t.Errorf("Put: %v", err)
			}
			name := fmt.Sprint("own ", i)
			if err := b.Put(ctx, name, strings.NewReader(name)); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
	r, err := engines[0].Blobs().Get(ctx, "same")
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	found := false
	for i := range 6 {
		found = found || bytes.Equal(got, noise(600_000, byte(i)))
	}
	if err != nil || !found {
		t.Errorf("%d bytes that nobody put, %v", len(got), err)
	}
	for i := range 6 {
		name := fmt.Sprint("own ", i)
		checkBlob(ctx, t, engines[1].Blobs(), name, []byte(name))
	}
}
