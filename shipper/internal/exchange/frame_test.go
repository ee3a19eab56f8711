package exchange

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// examples are frames of all kinds.
func examples() []Frame {
	const most = 1<<64 - 1
	return []Frame{
		{Kind: Ask, Asker: 1 << 63, Request: 5, Bytes: MaxWindow, Content: []byte("a request")},
		{Kind: Credit, Asker: 1, Answerer: 2, Request: 1<<64 - 1, Bytes: 1<<64 - 1},
		{Kind: Cancel, Asker: 1, Answerer: 2, Request: 3},
		{Kind: Part, More: true, Asker: 1, Answerer: 2, Request: 3, Number: 4, Content: bytes.Repeat([]byte{0, 255}, 1000)},
		{Kind: Alive, Asker: 1, Answerer: 2, Request: 3, Number: 4},
		{Kind: End, Asker: 1, Answerer: 2, Request: 3, Number: 4, Bytes: 5},
		{Kind: Fail, Asker: 1, Answerer: 2, Request: most, Number: most, Bytes: most, Code: request.Failed, Word: strings.Repeat("w", request.MaxKind),
			Content: []byte("text")},
	}
}

func TestFrames(t *testing.T) {
	for _, f := range examples() {
		message := f.Append([]byte("before"))[len("before"):]
		if n := len(message) - len(f.Content); n > Header || f.Kind == Fail && n != Header {
			t.Errorf("%d bytes beside the content, at most %d are said", n, Header)
		}
		got, err := Decode(message)
		if len(got.Content) == 0 {
			got.Content = nil
		}
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v\nbecomes %+v, %v", f, got, err)
		}
		for i := range message { // each byte counts
			for _, bit := range []byte{1, 0x10} {
				changed := bytes.Clone(message)
				changed[i] ^= bit
				if _, err := Decode(changed); !errors.Is(err, ErrFrame) {
					t.Errorf("kind %d: byte %d was changed: %v", f.Kind, i, err)
				}
			}
			if _, err := Decode(message[:i]); !errors.Is(err, ErrFrame) {
				t.Errorf("kind %d: the first %d bytes: %v", f.Kind, i, err)
			}
		}
	}
	for _, f := range examples() { // what has its checksum is looked at further
		message := f.Append(nil)
		for i := range len(message) - len(f.Content) {
			if _, err := Decode(resum(message[:i])); !errors.Is(err, ErrFrame) {
				t.Errorf("kind %d: the first %d bytes: %v", f.Kind, i, err)
			}
		}
		for place, values := range map[int][]byte{0: {'b'}, 1: {0, 2}, 2: {0, byte(kinds), 255}, 3: {2}} {
			for _, v := range values {
				message[place] = v
				if _, err := Decode(resum(message)); !errors.Is(err, ErrFrame) {
					t.Errorf("kind %d: %d at %d: %v", f.Kind, v, place, err)
				}
			}
			message = f.Append(nil)
		}
	}
	long := Frame{Kind: Fail, Word: strings.Repeat("w", request.MaxKind+1)}
	if _, err := Decode(long.Append(nil)); !errors.Is(err, ErrFrame) {
		t.Errorf("a word that is too long: %v", err)
	}
	for kind, most := range map[Kind]int{Ask: request.MaxRequest, Part: request.MaxPart, Fail: request.MaxText, Credit: 0} {
		for n, want := range map[int]bool{most: true, most + 1: false} {
			f := Frame{Kind: kind, Content: make([]byte, n)}
			if _, err := Decode(f.Append(nil)); (err == nil) != want {
				t.Errorf("kind %d with %d bytes: %v", kind, n, err)
			}
		}
	}
}

// resum gives a frame that was changed the checksum that it has now, so that the fuzzer gets behind it.
func resum(message []byte) []byte {
	if len(message) < 8 {
		return message
	}
	message = bytes.Clone(message)
	s := sum(message)
	message[4], message[5], message[6], message[7] = byte(s>>24), byte(s>>16), byte(s>>8), byte(s)
	return message
}

// FuzzFrame: whatever comes is refused, or is what its frame says; and both ends take it without harm.
func FuzzFrame(f *testing.F) {
	for _, example := range examples() {
		f.Add(example.Append(nil))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		frame, err := Decode(resum(message))
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Error(err)
			}
			return
		}
		again, err := Decode(frame.Append(nil))
		if err != nil || !reflect.DeepEqual(again, frame) {
			t.Fatalf("%+v\nis written as %+v, %v", frame, again, err)
		}
		asker, answerer := newAsking(), newAnswering(t)
		answerer.Part([]byte("part"), false)
		for range 3 {
			asker.Receive(&frame)
			answerer.Receive(&frame)
			if err := errors.Join(asker.Check(), answerer.Check()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
