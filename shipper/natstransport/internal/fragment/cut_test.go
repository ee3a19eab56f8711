package fragment

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/shipper"
)

// TestCutWithoutRemainder: a frame of any length becomes parts of the given size, the last one of what is left, and is put
// together again; also where nothing is left for a smaller part.
func TestCutWithoutRemainder(t *testing.T) {
	const size = MinContent
	for _, length := range []int{1, size - 1, size, size + 1, 2*size - 1, 2 * size, 2*size + 1, 3 * size} {
		frame := content(1, length)
		list := cut(1, 1, 0, frame, size)
		for i, f := range list {
			if want := min(size, length-i*size); len(f.Content) != want {
				t.Errorf("%d bytes: part %d of %d holds %d, want %d", length, i, len(list), len(f.Content), want)
			}
			sent, err := Decode(f.Append(nil))
			if err != nil {
				t.Fatalf("%d bytes: %v", length, err)
			}
			list[i] = sent
		}
		if got := put(t, NewAssembler(0, time.Second), list...); len(got) != 1 || !bytes.Equal(got[0], frame) {
			t.Errorf("%d bytes: %d frames were put together", length, len(got))
		}
	}
}

// TestMoreThanReserved: a frame that brings more than it has said is dropped at once: there is room for no more.
func TestMoreThanReserved(t *testing.T) {
	const size = MinContent
	a := NewAssembler(0, time.Second)
	list := cut(1, 1, 0, content(1, 3*size), size)
	list[1].Content = content(2, 2*size)
	put(t, a, list[:2]...) // as much as was said
	if frame, err := a.Add(start, &list[2]); !errors.Is(err, ErrPart) || frame != nil || a.Len() != 0 {
		t.Errorf("the last part has more: %v, %d incomplete", err, a.Len())
	}
	list = cut(1, 2, 0, content(1, 3*size), size)
	list[0].Content = content(2, 3*size+1)
	if _, err := a.Add(start, &list[0]); !errors.Is(err, ErrPart) || a.Len() != 0 {
		t.Errorf("the first part has more than all: %v, %d incomplete", err, a.Len())
	}
}

// TestNumberWithoutEnd: what ends within a number is no part, however much of it is there.
func TestNumberWithoutEnd(t *testing.T) {
	f := Part{Count: 1, Total: 1 << 62}
	message := f.Append(nil)
	message = message[:len(message)-5] // without the checksum, and the end of the total
	if _, err := Decode(message); !errors.Is(err, ErrPart) {
		t.Errorf("%x: %v", message, err)
	}
}

// TestLargestFrame: one of the most bytes that a batch may have is taken.
func TestLargestFrame(t *testing.T) {
	f := Part{Count: 1, Total: shipper.MaxWireBytes, Content: []byte("x")}
	if got, err := Decode(f.Append(nil)); err != nil || got.Total != f.Total {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestHolds: the sender of a frame goes on while it is under way, and when it is complete; not when a part of it is lost.
func TestHolds(t *testing.T) {
	const size = MinContent
	a := NewAssembler(0, time.Second)
	list := cut(1, 1, 0, content(1, 4*size), size)
	for i := range list {
		put(t, a, list[i])
		if !a.Holds(&list[i]) {
			t.Errorf("part %d of %d was taken, and its sender is stopped", i, len(list))
		}
	}
	list = cut(1, 2, 0, content(1, 4*size), size)
	put(t, a, list[0])
	if _, err := a.Add(start, &list[2]); !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	for i := range 3 {
		if a.Holds(&list[i]) {
			t.Errorf("part %d of a frame that is lost: its sender goes on", i)
		}
	}
}
