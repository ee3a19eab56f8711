package jetstream

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestCompress: what is appended is read, however it is stored; what doesn't get smaller is stored as it is.
func TestCompress(t *testing.T) {
	ctx := limited(t)
	noise := make([]byte, 100_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	payloads := [][]byte{nil, []byte("short"), bytes.Repeat([]byte("A <urn:s> <urn:p> \"1\" .\n"), 10_000), noise}
	cfg := fresh(1, 1)
	cfg.Compress = true
	l := open(t, one(t), cfg).Shard(0)
	stored := newStream(connect(t, one(t)), cfg, "0").log("0")
	var entries []engine.Entry
	var tail uint64
	for i, payload := range payloads {
		tail = added(ctx, t, l, tail, payload)
		entries = append(entries, engine.Entry{Seq: tail, Payload: payload})
		m, err := stored.tail(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if small := m.Header.Get(headerEncoding) != "" && len(m.Data) < len(payload)/10; small != (i == 2) {
			t.Errorf("payload %d of %d bytes is stored in %d, encoded %q", i, len(payload), len(m.Data), m.Header.Get(headerEncoding))
		}
	}
	same(t, "read", entries, readAll(ctx, t, l))
	follow(ctx, l).end(t, entries)
	plain := cfg
	plain.Compress = false
	same(t, "read by who doesn't compress", entries, readAll(ctx, t, open(t, one(t), plain).Shard(0)))
}

func TestPayloadErrors(t *testing.T) {
	buf := new([]byte)
	good, _ := compress(buf, bytes.Repeat([]byte("x"), 2000))
	for name, test := range map[string]struct {
		encoding, want string
		data           []byte
		damaged        bool
	}{
		"cut":     {encodingS2, "compressed payload", good[:len(good)-1], true},
		"huge":    {encodingS2, "at most", []byte{0xff, 0xff, 0xff, 0xff, 0x07}, true},
		"unknown": {"zip", `encoding of a payload: "zip"`, good, false},
	} {
		_, err := payloadOf(nats.Header{headerEncoding: {test.encoding}}, test.data)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, engine.ErrDamaged) != test.damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}
