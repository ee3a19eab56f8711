package eval

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// TestOnDisk evaluates random queries on a store on a disk: it gives what the store in memory gives.
func TestOnDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := maker{blanks: new(int), number: func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }}
		quads := m.quads(12)
		q := &sparql.Query{Where: m.group(3), Project: all()}
		s, err := disk.Open(disk.Options{Dir: "db", FS: vfs.NewMem(), Cache: 1 << 20, Buffer: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fill(t, s, quads)
		inMemory, onDisk := filled(t, quads).View(), s.View()
		defer inMemory.Close()
		defer onDisk.Close()
		o := Options{order: rand.New(rand.NewPCG(uint64(m.number(1<<16)), 0)).IntN}
		for _, o := range []Options{{}, o} {
			want, got := solutions(t, inMemory, q, Options{}), solutions(t, onDisk, q, o)
			if !slices.Equal(got, want) {
				t.Fatalf("%s\nover\n%s\non a disk %q\nin memory %q", q, lines(quads), got, want)
			}
		}
	})
}
