package store

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// values returns what a table finds by a hash.
func (t *table) values(hash uint32) (list []uint32) {
	p := t.probe(hash)
	for v := p.next(); v != 0; v = p.next() {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}

// checkTable fails unless the table has these values, by their hashes, and its directory is in order.
func checkTable(t *rapid.T, index *table, want map[uint32][]uint32) {
	n, used := 0, 0
	for hash, values := range want {
		n += len(values)
		slices.Sort(values)
		if got := index.values(hash); !slices.Equal(got, values) {
			t.Fatalf("hash %#x: %d, expected %d", hash, got, values)
		}
	}
	seen := map[*segment]int{}
	for i, seg := range index.dir {
		if seen[seg] == 0 {
			used += int(seg.used)
		}
		seen[seg]++
		for _, slot := range seg.slots {
			if slot != 0 && index.segment(uint32(slot>>32)) != seg {
				t.Fatalf("slot %#x is in the wrong segment, that of %d", slot, i)
			}
		}
	}
	for seg, times := range seen {
		if times != 1<<(index.depth-seg.depth) {
			t.Fatalf("a segment of depth %d stands in the directory of depth %d %d times", seg.depth, index.depth, times)
		}
	}
	if used != n {
		t.Fatalf("%d slots are used for %d values", used, n)
	}
}

func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index, want, last := newTable(), map[uint32][]uint32{}, uint32(0)
		// Few low bits make deep segments; few high bits, among ones, long runs that go around the end.
		low, high := rapid.IntRange(6, 16).Draw(t, "low bits"), rapid.IntRange(1, 16).Draw(t, "high bits")
		state := rapid.Uint64().Draw(t, "seed")
		random := func() uint32 {
			state = mix(state+0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
			return uint32(state)&(1<<low-1) | ^(uint32(state>>32)&(1<<high-1))<<16
		}
		insert := func() {
			hash := random()
			if len(want[hash]) > 20 {
				return // the hashes would not spread
			}
			last++
			index.insert(hash, last)
			want[hash] = append(want[hash], last)
		}
		remove := func(hash uint32) {
			values := want[hash]
			index.remove(hash, values[0])
			if want[hash] = values[1:]; len(values) == 1 {
				delete(want, hash)
			}
		}
		some := func(n int, do func(hash uint32)) {
			for hash := range want {
				if n--; n < 0 {
					return
				}
				do(hash)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { checkTable(t, &index, want) },
			"insert": func(t *rapid.T) {
				for range rapid.IntRange(1, 800).Draw(t, "n") {
					insert()
				}
			},
			"remove": func(t *rapid.T) { some(rapid.IntRange(1, 800).Draw(t, "n"), remove) },
			"replace": func(t *rapid.T) {
				some(50, func(hash uint32) {
					last++
					index.replace(hash, want[hash][0], last)
					want[hash][0] = last
				})
			},
		})
	})
}
