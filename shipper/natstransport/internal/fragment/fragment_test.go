package fragment

import (
	"bytes"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/shipper"
)

// content returns n bytes that differ from place to place.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) ^ seed
	}
	return b
}

func cut(sender, number, shard uint64, frame []byte, size int) []Part {
	return slices.Collect(Cut(sender, number, shard, frame, size))
}

var start = time.Unix(1000, 0)

// put adds fragments and returns the frames that they complete.
func put(t testing.TB, a checked, list ...Part) (frames [][]byte) {
	t.Helper()
	for i := range list {
		frame, err := a.Add(start, &list[i])
		if err != nil {
			t.Fatal(err)
		}
		if frame != nil {
			frames = append(frames, frame)
		}
	}
	return frames
}

// The wire form is read by nodes of other versions: it changes only together with its version.
func TestFragmentWireForm(t *testing.T) {
	f := Part{Sender: 0x0102030405060708, Frame: 300, Shard: 5, Index: 1, Count: 2, Total: 259, Checksum: 0xdeadbeef, Content: []byte("xyz")}
	const want = "7101" + "0102030405060708" + "ac02" + "05" + "01" + "02" + "8302" + "deadbeef" + "78797a"
	message := f.Append(nil)
	if got := hex.EncodeToString(message); got != want {
		t.Errorf("wire form\n got %s\nwant %s", got, want)
	}
	again, err := Decode(message)
	if err != nil || !bytes.Equal(again.Content, f.Content) || again.Frame != 300 || again.Checksum != f.Checksum || again.Sender != f.Sender {
		t.Errorf("read %+v, %v", again, err)
	}
	for cut := range len(message) - 3 {
		if _, err := Decode(message[:cut]); !errors.Is(err, ErrPart) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
	message[1] = 2
	if _, err := Decode(message); !errors.Is(err, ErrPart) {
		t.Errorf("a later version: %v", err)
	}
}

func TestFragmentBounds(t *testing.T) {
	good := Part{Count: 1, Total: 300, Content: []byte("x")}
	for name, change := range map[string]func(*Part){
		"index":   func(f *Part) { f.Index = 1 },
		"no part": func(f *Part) { f.Count = 0 },
		"parts":   func(f *Part) { f.Count = 3 },
		"total":   func(f *Part) { f.Total = shipper.MaxWireBytes + 1 },
		"content": func(f *Part) { f.Content = nil },
	} {
		f := good
		change(&f)
		if _, err := Decode(f.Append(nil)); !errors.Is(err, ErrPart) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAssemblerInterleaved: frames of different shards and senders come mixed.
func TestAssemblerInterleaved(t *testing.T) {
	a := checked{NewAssembler(0, time.Second), t}
	frames := [][]byte{content(1, 1000), content(2, 1300), content(3, 700)}
	parts := [][]Part{cut(1, 1, 3, frames[0], 256), cut(1, 2, 4, frames[1], 256), cut(2, 1, 3, frames[2], 256)}
	var got [][]byte
	for i := range 6 {
		for _, list := range parts {
			if i < len(list) {
				got = append(got, put(t, a, list[i])...)
			}
		}
	}
	if len(got) != 3 || !bytes.Equal(got[0], frames[2]) || !bytes.Equal(got[1], frames[0]) || !bytes.Equal(got[2], frames[1]) {
		t.Errorf("%d frames", len(got))
	}
	if a.bytes != 0 || len(a.frames)+len(a.senders) != 0 || a.lost != 0 {
		t.Errorf("%d bytes, %d frames, %d senders are left", a.bytes, len(a.frames), len(a.senders))
	}
}

// TestAssemblerLoss: one lost fragment loses its frame, and no other; what comes twice or late has no effect.
func TestAssemblerLoss(t *testing.T) {
	a := checked{NewAssembler(0, time.Second), t}
	first, second := content(1, 1000), content(2, 1000)
	old, next := cut(1, 1, 3, first, 256), cut(1, 2, 3, second, 256)
	put(t, a, old[0])
	if _, err := a.Add(start, &old[2]); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a gap: %v", err)
	}
	if got := put(t, a, old[1], old[3]); got != nil || a.bytes != 0 {
		t.Errorf("the remains: %d frames, %d bytes", len(got), a.bytes)
	}
	put(t, a, old[0], old[1], old[1], old[0]) // sent again, doubled on the way
	got := put(t, a, next[0], old[2], next[1], old[0], next[2], next[3], next[3])
	if len(got) != 1 || !bytes.Equal(got[0], second) || a.lost != 1 || a.bytes != 0 {
		t.Errorf("a newer frame takes the place of the older: %d frames, %d lost, %d bytes", len(got), a.lost, a.bytes)
	}
}

func TestAssemblerDamage(t *testing.T) {
	frame := content(1, 1000)
	for name, change := range map[string]func(list []Part){
		"content":      func(l []Part) { l[1].Content = content(9, 256) },
		"short":        func(l []Part) { l[3].Content = l[3].Content[1:] },
		"long":         func(l []Part) { l[3].Content = content(1, 256) },
		"other total":  func(l []Part) { l[1].Total++ },
		"other count":  func(l []Part) { l[2].Count-- },
		"other sum":    func(l []Part) { l[2].Checksum++ },
		"swapped body": func(l []Part) { l[1].Content, l[2].Content = l[2].Content, l[1].Content },
	} {
		a := checked{NewAssembler(0, time.Second), t}
		list := cut(1, 1, 3, frame, 256)
		change(list)
		var failed error
		for i := range list {
			got, err := a.Add(start, &list[i])
			if got != nil {
				t.Errorf("%s: a damaged frame is whole", name)
			}
			failed = errors.Join(failed, err)
		}
		if !errors.Is(failed, ErrPart) || a.bytes != 0 || len(a.frames) != 0 {
			t.Errorf("%s: %v; %d bytes, %d frames", name, failed, a.bytes, len(a.frames))
		}
	}
}

// TestAssemblerBounds: what is begun has room to its end, for each sender and in all, and time.
func TestAssemblerBounds(t *testing.T) {
	const largest = shipper.MaxWireBytes
	begin := func(sender, shard uint64) *Part {
		return &Part{Sender: sender, Frame: 1, Shard: shard, Count: 2, Total: largest, Content: []byte("x")}
	}
	a := checked{NewAssembler(4*(largest+Overhead), time.Second), t}
	for shard := range uint64(2) {
		if _, err := a.Add(start, begin(1, shard)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Add(start, begin(1, 2)); !errors.Is(err, ErrFull) {
		t.Errorf("a third of one Sender: %v", err)
	}
	for shard := range uint64(2) {
		if _, err := a.Add(start, begin(2, shard)); err != nil {
			t.Error(err)
		}
	}
	if _, err := a.Add(start, begin(3, 0)); !errors.Is(err, ErrFull) {
		t.Errorf("a fifth in all: %v", err)
	}
	if a.Holds(begin(3, 0)) || !a.Holds(begin(2, 1)) {
		t.Error("holds: want the ones that were begun")
	}
	a.Expire(start.Add(time.Second - 1))
	if len(a.frames) != 4 {
		t.Errorf("%d frames before the time is over", len(a.frames))
	}
	a.Expire(start.Add(time.Second))
	if len(a.frames)+len(a.senders)+a.bytes != 0 || a.lost != 4 {
		t.Errorf("%d frames, %d bytes, %d lost when the time is over", len(a.frames), a.bytes, a.lost)
	}
	if _, err := NewAssembler(1, time.Second).Add(start, begin(1, 0)); err != nil {
		t.Errorf("the largest has room in any case: %v", err)
	}
}

// TestAssemblerNeverMixes: whatever is lost, doubled or reordered, a frame that comes out is one that went in.
func TestAssemblerNeverMixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := checked{NewAssembler(0, time.Second), t}
		var way []Part
		sent := map[string]bool{}
		for n := range rapid.IntRange(1, 5).Draw(t, "frames") {
			frame := content(byte(n), rapid.IntRange(1, 1500).Draw(t, "size"))
			sent[string(frame)] = true
			way = append(way, cut(rapid.Uint64Range(1, 2).Draw(t, "sender"), uint64(n+1), rapid.Uint64Range(0, 1).Draw(t, "shard"), frame, 256)...)
		}
		for len(way) > 0 {
			i := min(rapid.IntRange(0, 3).Draw(t, "which"), len(way)-1)
			f := way[i]
			switch rapid.IntRange(0, 9).Draw(t, "fate") {
			case 0: // lost
				way = append(way[:i:i], way[i+1:]...)
				continue
			case 1: // doubled
			default:
				way = append(way[:i:i], way[i+1:]...)
			}
			frame, err := a.Add(start, &f)
			if err != nil && !errors.Is(err, ErrIncomplete) {
				t.Fatal(err)
			}
			if frame != nil && !sent[string(frame)] {
				t.Fatalf("a frame of %d bytes that was not sent", len(frame))
			}
		}
		a.Expire(start.Add(time.Minute))
		if a.bytes != 0 || len(a.senders) != 0 {
			t.Fatalf("%d bytes of %d senders are left", a.bytes, len(a.senders))
		}
	})
}

// FuzzAssembler takes messages as they may come from anywhere, each after its length: no panic, no more than the bound is
// held, and what comes out has its checksum.
func FuzzAssembler(f *testing.F) {
	var seed []byte
	for _, part := range cut(1, 1, 3, content(1, 600), 256) {
		message := part.Append(nil)
		seed = append(append(seed, byte(len(message)>>8), byte(len(message))), message...)
	}
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		a := checked{NewAssembler(0, time.Second), t}
		for len(data) > 2 {
			n := min(int(data[0])<<8|int(data[1]), len(data)-2)
			message := data[2 : 2+n]
			data = data[2+n:]
			f, err := Decode(message)
			if err != nil {
				if !errors.Is(err, ErrPart) {
					t.Fatalf("an error of another kind: %v", err)
				}
				continue
			}
			if again, err := Decode(f.Append(nil)); err != nil || !bytes.Equal(again.Append(nil), f.Append(nil)) {
				t.Fatalf("written and read again: %v", err)
			}
			frame, err := a.Add(start, &f)
			if err == nil && frame != nil && (crc32.Checksum(frame, castagnoli) != f.Checksum || uint64(len(frame)) != f.Total) {
				t.Fatal("a frame that is not what its parts say")
			}
			if a.bytes > a.maxBytes {
				t.Fatalf("%d bytes are held, at most %d are allowed", a.bytes, a.maxBytes)
			}
		}
		a.Expire(start.Add(time.Minute))
		if a.bytes != 0 || len(a.frames)+len(a.senders) != 0 {
			t.Fatalf("%d bytes are left", a.bytes)
		}
	})
}
