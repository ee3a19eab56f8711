package disk_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// The blocks of a snapshot, see package store.
const (
	noBlock   = 0
	termBlock = 1
	quadBlock = 2
)

// snapshot is a file of that version whose checksum is right. Its content are numbers, and texts with their lengths.
func snapshot(t *testing.T, version string, content ...any) []byte {
	t.Helper()
	var b []byte
	for _, part := range content {
		switch part := part.(type) {
		case int:
			b = binary.AppendUvarint(b, uint64(part))
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		}
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	succeed(t, err)
	file := z.EncodeAll(b, []byte("quadrille snapshot "+version+"\n"))
	succeed(t, z.Close())
	sum := sha256.Sum256(file)
	return append(file, sum[:]...)
}

const one = `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`

// TestWrongContent: a file whose checksum is right may still be wrong.
func TestWrongContent(t *testing.T) {
	for name, content := range map[string][]any{
		"term twice":        {1, 0, 0, termBlock, 2, "_:a", "_:a", noBlock},
		"quad twice":        {1, 2, 0, termBlock, 1, "_:a", quadBlock, 2, 1, 1, 2, 0, 1, 1, 2, 0, noBlock},
		"gap as term":       {1, 1, 0, termBlock, 2, "_:a", "", quadBlock, 1, 1, 1, 4, 0, noBlock},
		"no subject":        {1, 1, 0, termBlock, 1, "_:a", quadBlock, 1, 0, 1, 2, 0, noBlock},
		"no object":         {1, 1, 0, termBlock, 1, "_:a", quadBlock, 1, 1, 1, 0, 0, noBlock},
		"number as subject": {1, 1, 0, termBlock, 2, "_:a", one, quadBlock, 1, 2, 1, 2, 0, noBlock},
	} {
		s, err := disk.ReadSnapshot(disk.Options{Dir: t.TempDir()}, bytes.NewReader(snapshot(t, "3", content...)), nil, nil)
		if err == nil {
			err = s.Close()
		}
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVersion2: a snapshot of version 2 has numbers as terms like any other; they become inline.
func TestVersion2(t *testing.T) {
	file := snapshot(t, "2", 5, 1, 0, termBlock, 3, "<http://example.org/s>", one, `"unused"`, quadBlock, 1, 1, 1, 2, 0, noBlock)
	s, err := disk.ReadSnapshot(disk.Options{Dir: t.TempDir()}, bytes.NewReader(file), nil, nil)
	succeed(t, err)
	if got := contents(t, s); len(got) != 1 || !got["<http://example.org/s> <http://example.org/s> "+one+" ."] || s.Position() != 5 {
		t.Errorf("%v at %d", got, s.Position())
	}
	for text, want := range map[string]bool{one: true, `"unused"`: false} {
		if id, there, err := lookup(s, text); err != nil || there != want || there && !id.IsInline() {
			t.Errorf("%s: %d, %v, %v", text, id, there, err)
		}
	}
	succeed(t, s.Close())
}
