package shipper_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

func genText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"", "p", "once/x", "text/plain"}), rapid.String())
}

func genShard() *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, math.MaxInt32))
}

func genUint() *rapid.Generator[uint64] {
	return rapid.OneOf(rapid.Uint64Range(0, 3), rapid.SampledFrom([]uint64{math.MaxUint64, 1 << 63}), rapid.Uint64())
}

func genEvent() *rapid.Generator[event.Event] {
	return rapid.Custom(func(t *rapid.T) event.Event {
		return event.Event{
			Epoch:     genUint().Draw(t, "epoch"),
			Key:       genText().Draw(t, "key"),
			Producer:  event.ParseProducer(genText().Draw(t, "producer")),
			Seq:       genUint().Draw(t, "seq"),
			MediaType: genText().Draw(t, "media type"),
			Payload:   rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
			Prev:      genText().Draw(t, "prev"),
			First:     rapid.Bool().Draw(t, "first"),
			Checked:   rapid.Bool().Draw(t, "checked"),
		}
	})
}

func genAck() *rapid.Generator[event.Ack] {
	return rapid.Custom(func(t *rapid.T) event.Ack {
		return event.Ack{
			Status:   event.Status(rapid.Uint8().Draw(t, "status")),
			Epoch:    genUint().Draw(t, "epoch"),
			Position: genUint().Draw(t, "position"),
			Adds:     genUint().Draw(t, "adds"),
			Deletes:  genUint().Draw(t, "deletes"),
			Head:     genText().Draw(t, "head"),
			Reason:   genText().Draw(t, "reason"),
		}
	})
}

func genBatch() *rapid.Generator[event.Batch] {
	return rapid.Custom(func(t *rapid.T) event.Batch {
		return event.Batch{
			From:   genText().Draw(t, "from"),
			Shard:  genShard().Draw(t, "shard"),
			ID:     genUint().Draw(t, "id"),
			Events: rapid.SliceOfN(genEvent(), 0, 20).Draw(t, "events"),
			Acks:   rapid.SliceOfN(genAck(), 0, 20).Draw(t, "acks"),
		}
	})
}

var same = cmpopts.EquateEmpty()

func encode(t testing.TB, b event.Batch) []byte {
	t.Helper()
	frame, err := shipper.AppendBatch(nil, &b)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestCodecRoundTrip(t *testing.T) {
	var out event.Batch // reused, as receivers do
	rapid.Check(t, func(t *rapid.T) {
		in := genBatch().Draw(t, "batch")
		prefix := []byte("before")
		frame, err := shipper.AppendBatch(prefix, &in)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(frame, prefix) {
			t.Fatal("what was in dst is gone")
		}
		frame = frame[len(prefix):]
		if bound := shipper.BatchWireBound(&in); len(frame) > bound {
			t.Fatalf("%d bytes, BatchWireBound says at most %d", len(frame), bound)
		}
		if err := shipper.DecodeBatch(frame, &out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out, same); diff != "" {
			t.Fatalf("(-in +out):\n%s", diff)
		}
	})
}

// No part of a frame is a frame, and no frame has bytes left over.
func TestCodecRefusesEveryOtherLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := genBatch().Draw(t, "batch")
		frame, err := shipper.AppendBatch(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		var out event.Batch
		cut := rapid.IntRange(0, len(frame)-1).Draw(t, "cut")
		if err := shipper.DecodeBatch(frame[:cut:cut], &out); !errors.Is(err, shipper.ErrFrame) {
			t.Fatalf("cut to %d of %d bytes: %v, want ErrFrame", cut, len(frame), err)
		}
		if err := shipper.DecodeBatch(append(frame, 0), &out); !errors.Is(err, shipper.ErrFrame) {
			t.Fatalf("with a byte left over: %v, want ErrFrame", err)
		}
	})
}

// The wire form is read by nodes of other versions: it changes only together with its version.
func TestCodecWireForm(t *testing.T) {
	b := event.Batch{From: "n1", Shard: 5, ID: 300, Events: []event.Event{
		{Epoch: 2, Key: "k", Producer: event.Producer{Name: "p"}, Seq: 10, MediaType: "m", Payload: []byte("xy"), Prev: "h"},
		{Epoch: 2, Key: "k", Producer: event.Producer{Name: "p"}, Seq: 9, MediaType: "m"},
	}, Acks: []event.Ack{
		{Status: event.Committed, Position: 8, Adds: 1, Head: "h"},
		{Status: event.Bad, Epoch: 1, Position: 8, Adds: 1, Head: "h", Reason: "r"},
	}}
	const want = "5101" + "026e31" + "05" + "ac02" + "02" + "02" +
		"3e" + "02" + "016b" + "0170" + "016d" + "0168" + "14" + "027879" +
		"20" + "00" + "01" + "00" +
		"0e" + "01" + "10" + "0100" + "0168" +
		"11" + "05" + "01" + "0172"
	if got := hex.EncodeToString(encode(t, b)); got != want {
		t.Errorf("wire form\n got %s\nwant %s", got, want)
	}
}

func TestCodecSharesPayloadsAndCopiesTexts(t *testing.T) {
	frame := encode(t, event.Batch{From: "n1", Events: []event.Event{{Key: "key", Payload: []byte("payload")}}})
	var out event.Batch
	if err := shipper.DecodeBatch(frame, &out); err != nil {
		t.Fatal(err)
	}
	clear(frame)
	if out.From != "n1" || out.Events[0].Key != "key" {
		t.Errorf("texts changed with the frame: %+v", out)
	}
	if !bytes.Equal(out.Events[0].Payload, make([]byte, 7)) {
		t.Error("the payload was copied")
	}
	if c := cap(out.Events[0].Payload); c != 7 {
		t.Errorf("the payload has a capacity of %d: appending to it would overwrite the frame", c)
	}
}

func TestCodecRefuses(t *testing.T) {
	long := strings.Repeat("x", event.MaxText+1)
	for _, test := range []struct {
		name string
		b    event.Batch
		want error
	}{
		{"long key", event.Batch{Events: []event.Event{{Key: long}}}, shipper.ErrTooLarge},
		{"long reason", event.Batch{Acks: []event.Ack{{Reason: long}}}, shipper.ErrTooLarge},
		{"many events", event.Batch{Events: make([]event.Event, shipper.MaxWireItems+1)}, shipper.ErrTooLarge},
		{"many bytes", event.Batch{Events: slices.Repeat([]event.Event{{Payload: make([]byte, 1<<20)}}, 65)}, shipper.ErrTooLarge},
		{"negative shard", event.Batch{Shard: -1}, shipper.ErrInvalidShard},
		{"large payload", event.Batch{Events: []event.Event{{Payload: make([]byte, shipper.MaxPayload+1)}}}, shipper.ErrTooLarge},
	} {
		dst := []byte("kept")
		got, err := shipper.AppendBatch(dst, &test.b)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if string(got) != "kept" {
			t.Errorf("%s: dst is %d bytes after an error", test.name, len(got))
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	number := func(prefix string, vs ...uint64) []byte {
		b := []byte(prefix)
		for _, v := range vs {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	for _, test := range []struct {
		name, want string
		frame      []byte
	}{
		{"nothing", "does not begin", nil},
		{"another format", "does not begin", []byte("{}")},
		{"a later version", "version 2", []byte("Q\x02\x00\x00\x00\x00\x00")},
		{"a shard beyond 31 bits", "out of bounds", number("Q\x01\x00", 1<<31, 0, 0, 0)},
		{"a long name", "out of bounds", number("Q\x01", event.MaxText+1)},
		{"a varint of 11 bytes", "out of bounds", []byte("Q\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00")},
		{"more events than bytes", "4 events", append(number("Q\x01\x00", 0, 0, 4, 0), make([]byte, 11)...)},
		{"more acks than bytes", "4 acks", append(number("Q\x01\x00", 0, 0, 0, 4), make([]byte, 7)...)},
		{"too many events", "65537 events", append(number("Q\x01\x00", 0, 0, shipper.MaxWireItems+1, 0), make([]byte, 1<<20)...)},
		{"counts that overflow", "events", number("Q\x01\x00", 0, 0, math.MaxUint64/3+1, 0)},
		{"an event with a shard of its own", "unknown flags", append(number("Q\x01\x00", 0, 0, 1, 0), 0x01, 6, 0, 0)},
		{"unknown ack flags", "unknown flags", append(number("Q\x01\x00", 0, 0, 0, 1), 0x20, 1)},
		{"a payload beyond the end", "cut short", append(number("Q\x01\x00", 0, 0, 1, 0), 0, 0, 9)},
	} {
		var b event.Batch
		err := shipper.DecodeBatch(test.frame, &b)
		if !errors.Is(err, shipper.ErrFrame) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want ErrFrame with %q", test.name, err, test.want)
		}
	}
}

// TestLargestFrame: as many bytes as there may be are looked at, and not one more.
func TestLargestFrame(t *testing.T) {
	frame := make([]byte, shipper.MaxWireBytes+1)
	for _, size := range []int{shipper.MaxWireBytes, shipper.MaxWireBytes + 1} {
		var b event.Batch
		err := shipper.DecodeBatch(frame[:size], &b)
		if err == nil || strings.Contains(err.Error(), "larger than") != (size > shipper.MaxWireBytes) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add(encode(f, event.Batch{}))
	f.Add(encode(f, benchBatch(3)))
	f.Add(encode(f, event.Batch{From: "n", Acks: []event.Ack{{Status: event.Bad, Epoch: 1, Position: 2, Reason: "r", Head: "h", Adds: 1}}}))
	f.Fuzz(func(t *testing.T, frame []byte) {
		whole := bytes.Clone(frame)
		var b, again event.Batch
		if err := shipper.DecodeBatch(frame, &b); err != nil {
			if !errors.Is(err, shipper.ErrFrame) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if !bytes.Equal(frame, whole) {
			t.Fatal("decoding changed the frame")
		}
		// What was read can be written, no longer than it came, and reads the same.
		written := encode(t, b)
		if len(written) > len(frame) {
			t.Fatalf("%d bytes read, %d written", len(frame), len(written))
		}
		if err := shipper.DecodeBatch(written, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, again, same); diff != "" {
			t.Fatalf("(-read +written and read):\n%s", diff)
		}
	})
}
