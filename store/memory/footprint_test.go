package memory_test

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// mostPerQuad bounds the live heap of a store, in bytes a quad.
const mostPerQuad = 150

// footprintQuads is an environment variable with the number of quads that the store has; otherwise a million.
const footprintQuads = "QUADRILLE_FOOTPRINT_QUADS"

func footprintSize(t *testing.T) int {
	text := os.Getenv(footprintQuads)
	if text == "" {
		return million
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: expected a number of quads", footprintQuads, text)
	}
	return n
}

func TestMemoryPerQuad(t *testing.T) {
	quads := footprintSize(t)
	filled := func() *memory.Store {
		m := memory.New()
		fill(m, quads)
		return m
	}
	var m *memory.Store
	check := func(name string, fill func() *memory.Store) {
		if got := bytesPerQuad(t, quads, fill); got > mostPerQuad {
			t.Errorf("%s: %.1f bytes a quad, more than %d", name, got, mostPerQuad)
		} else {
			t.Logf("%s: %.1f bytes a quad", name, got)
		}
	}
	check("filled", func() *memory.Store {
		m = filled()
		return m
	})
	var file bytes.Buffer
	v := m.View()
	if err := store.WriteSnapshot(&file, v, nil); err != nil {
		t.Fatal(err)
	}
	v.Close()
	m = nil
	check("restored", func() *memory.Store {
		restored, err := memory.ReadSnapshot(&file, nil)
		if err != nil {
			t.Fatal(err)
		}
		return restored
	})
	check("indexed at the end", func() *memory.Store {
		return indexed(t, filled())
	})
	check("indexed from the start", func() *memory.Store {
		m := indexed(t, memory.New())
		fill(m, quads)
		return m
	})
}
